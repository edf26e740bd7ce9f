"""Bit fields: only a point's own bits change, and no command is repeated."""

from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.bits import command_mask, field_mask, merge_bits, others_changed
from coolantd.protocol.codec import decode, encode
from coolantd.protocol.profile import Access, Coding, RegisterPoint, Table, WordOrder


def bits(name, bit, count=1, **changes):
    facts = {"table": Table.HOLDING, "address": 4, "unit": "count", "minimum": 0.0, "maximum": 65535.0}
    return RegisterPoint(name=name, coding=Coding.BITS, bit=bit, bit_count=count, **(facts | changes))


@given(
    current=st.integers(0, 0xFFFF),
    bit=st.integers(0, 12),
    value=st.integers(0, 7),
    order=st.sampled_from([WordOrder.ABCD, WordOrder.BADC]),
)
def test_a_merge_writes_the_value_zeroes_the_commands_and_keeps_the_rest(current, bit, value, order):
    point = bits("mode_count", bit, 3, word_order=order)
    command = bits("reset_count", 15, access=Access.COMMAND, word_order=order)
    mask = command_mask([point, command], point)
    (word,) = encode(point, value)
    merged = merge_bits(current, point, word, mask)
    assert decode(point, (merged,)) == value
    rest = ~field_mask(point) & ~mask & 0xFFFF
    assert merged & rest == current & rest
    assert merged & mask == 0
    assert not others_changed(merged, merged ^ field_mask(point) ^ mask, point, mask)
    assert others_changed(merged, merged ^ (rest & -rest), point, mask) == bool(rest)


def test_only_commands_of_the_same_register_count_and_never_the_point_itself():
    point = bits("go_count", 0, access=Access.COMMAND)
    others = [
        bits("reset_count", 3, access=Access.COMMAND),
        bits("elsewhere_count", 4, access=Access.COMMAND, address=5),
        bits("coil_count", 5, access=Access.COMMAND, table=Table.INPUT),
        bits("plain_count", 6),
    ]
    assert command_mask([point, *others], point) == 0b1000

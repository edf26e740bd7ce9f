"""Laws of codec, spans and reply checks, over generated points, frames and conversations."""

import math
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.errors import Fault
from coolantd.point import Quality
from coolantd.protocol.codec import DecodeFault, decode, decode_sample, encode
from coolantd.protocol.conversation import Conversation
from coolantd.protocol.profile import Coding, ModbusLimits, PollClass, RegisterPoint, Table, WordOrder
from coolantd.protocol.replies import (
    ReadRequest,
    ReplyFault,
    Request,
    WriteRequest,
    check_read,
    check_write,
    request_adu,
)
from coolantd.protocol.spans import plan_spans, slice_words

EXACT = frozenset({Coding.U16, Coding.I16, Coding.U32, Coding.I32})
"""Integers that a float holds exactly, whatever is done to them here."""
FLOATS = {Coding.F32: (">f", 32), Coding.F64: (">d", 64)}
WIDE = frozenset({Coding.U64, Coding.I64, *FLOATS})
NAMED = (0, 1, 7, 300, 65_535)

words16 = st.integers(0, 0xFFFF)
transactions = st.integers(1, 0xFFFF)
units = st.integers(0, 255)


@st.composite
def coded_points(draw: st.DrawFn) -> RegisterPoint:
    bit = draw(st.integers(0, 15))
    coding = draw(st.sampled_from(Coding))
    return RegisterPoint(
        name="x",
        table=Table.HOLDING,
        address=0,
        coding=coding,
        unit="degC",
        minimum=-math.inf,
        maximum=math.inf,
        word_order=draw(st.sampled_from(WordOrder)),
        scale=1.0 if coding is Coding.ENUM else draw(st.sampled_from([1.0, 0.1, 0.01, 0.5, -0.1, 10.0, 1 / 7])),
        offset=0.0 if coding is Coding.ENUM else draw(st.sampled_from([0.0, -40.0, -300.0, 0.1])),
        bit=bit,
        bit_count=draw(st.integers(1, 16 - bit)),
        imperial_unit=draw(st.sampled_from([None, "degF"])),
        fraction_bits=draw(st.sampled_from([0, 0, 3, 12])) if coding in EXACT else 0,
        value_names=tuple((code, f"code {code}") for code in NAMED) if coding is Coding.ENUM else (),
    )


@st.composite
def canonical_words(draw: st.DrawFn, point: RegisterPoint) -> tuple[int, ...]:
    """Draw words that carry nothing beside the point's own value."""
    if point.coding is Coding.BOOL:
        return (draw(st.integers(0, 1)),)
    if point.coding is Coding.BITS:
        return in_order((draw(st.integers(0, (1 << point.bit_count) - 1)) << point.bit,), point.word_order)
    if point.coding is Coding.ENUM:
        return in_order((draw(st.sampled_from(NAMED)),), point.word_order)
    if point.coding in FLOATS:
        layout, width = FLOATS[point.coding]
        number = draw(st.sampled_from([1, -1])) * draw(st.floats(2.0**-10, 2.0**100, width=width))
        return in_order(struct.unpack(f">{width // 16}H", struct.pack(layout, number)), point.word_order)
    return draw(st.tuples(*[words16] * point.coding.register_count))


def in_order(words: tuple[int, ...], order: WordOrder) -> tuple[int, ...]:
    """Bring words from rank order to wire order, or back."""
    if order in (WordOrder.BADC, WordOrder.DCBA):
        words = struct.unpack(f"<{len(words)}H", struct.pack(f">{len(words)}H", *words))
    return words[::-1] if order in (WordOrder.CDAB, WordOrder.DCBA) else words


@given(st.data())
def test_encode_inverts_decode(data: st.DataObject) -> None:
    """Integers exactly; floats, and integers of 64 bits, to the resolution of what carries the value."""
    point = data.draw(coded_points())
    words = data.draw(canonical_words(point))
    value = decode(point, words)
    if point.coding not in WIDE:
        assert encode(point, value) == words
        return
    resolution = 2.0**-22 * (abs(value) + abs(point.offset))
    try:
        back = decode(point, encode(point, value))
    except ValueError:
        assert point.coding in (Coding.U64, Coding.I64)  # the last codes of 64 bits round up to one too many
        assert abs((value - point.offset) / point.scale) >= 2.0**63
        return
    assert abs(back - value) <= resolution


@given(coded_points(), st.floats(allow_nan=True, allow_infinity=True))
def test_encode_gives_registers_near_the_value_or_one_clear_sentence(point: RegisterPoint, value: float) -> None:
    try:
        words = encode(point, value)
    except ValueError as refusal:
        sentence = str(refusal)
        assert "cannot be sent" in sentence
        return
    assert len(words) == point.coding.register_count
    assert all(0 <= word <= 0xFFFF for word in words)
    step = abs(point.scale) if point.coding not in (Coding.F32, Coding.F64) else 0.0
    try:
        back = decode(point, words)
    except DecodeFault:
        assert point.coding in (Coding.ENUM, Coding.F64)  # a code without a name, or one that overflows in scaling
        return
    assert abs(back - value) <= step / 2 + 2.0**-22 * (abs(value) + abs(point.offset)) + 1e-37


@given(st.data(), st.booleans())
def test_fm16_any_registers_make_a_good_finite_sample_in_range_or_a_bad_one_without_value(
    data: st.DataObject, imperial: bool
) -> None:
    point = data.draw(coded_points())
    low, high = sorted(data.draw(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))))
    fields = {name: getattr(point, name) for name in RegisterPoint.__slots__}
    ranged = RegisterPoint(**(fields | {"minimum": low, "maximum": high}))
    words = data.draw(st.tuples(*[words16] * point.coding.register_count))
    sample = decode_sample(ranged, words, 3.0, imperial=imperial)
    assert sample.time_s == 3.0
    if sample.quality is Quality.GOOD:
        assert low - 1e-2 <= sample.value <= high + 1e-2
    else:
        assert sample.quality is Quality.BAD
        assert math.isnan(sample.value)


@st.composite
def point_sets(draw: st.DrawFn) -> list[RegisterPoint]:
    points = []
    for number, address in enumerate(draw(st.lists(st.integers(0, 300), max_size=40))):
        table = draw(st.sampled_from(Table))
        is_bit = table in (Table.COIL, Table.DISCRETE)
        coding = Coding.BOOL if is_bit else draw(st.sampled_from([Coding.U16, Coding.F32, Coding.BITS]))
        points.append(
            RegisterPoint(
                name=f"p{number}",
                table=table,
                address=address,
                coding=coding,
                unit="",
                minimum=0.0,
                maximum=1.0,
                poll=draw(st.sampled_from(PollClass)),
            )
        )
    return points


limits_of = st.builds(
    ModbusLimits, span_max_registers=st.integers(2, 200), gap_max_registers=st.sampled_from([0, 1, 4, 50])
)


@given(point_sets(), limits_of, st.randoms(use_true_random=False))
def test_spans_carry_every_point_once_within_the_limits_in_any_order(
    points: list[RegisterPoint], limits: ModbusLimits, shuffler: object
) -> None:
    spans = plan_spans(points, limits)
    assert sorted(p.name for span in spans for p in span.points) == sorted(p.name for p in points)
    for span in spans:
        is_bits = span.table in (Table.COIL, Table.DISCRETE)
        assert 1 <= span.count <= (2000 if is_bits else min(limits.span_max_registers, 125))
        assert {p.table for p in span.points} == {span.table}
        assert len({p.poll for p in span.points}) == 1
        used = sorted({a for p in span.points for a in range(p.address, p.address + p.coding.register_count)})
        assert (used[0], used[-1]) == (span.address, span.address + span.count - 1)
        assert all(after - before - 1 <= limits.gap_max_registers for before, after in pairwise(used))
        words = tuple(range(span.address, span.address + span.count))
        assert all(
            slice_words(span, p, words) == tuple(range(p.address, p.address + p.coding.register_count))
            for p in span.points
        )
    shuffled = list(points)
    shuffler.shuffle(shuffled)
    assert plan_spans(shuffled, limits) == spans


@st.composite
def reads(draw: st.DrawFn) -> ReadRequest:
    table = draw(st.sampled_from(Table))
    longest = 2000 if table in (Table.COIL, Table.DISCRETE) else 125
    count = draw(st.integers(1, longest))
    return ReadRequest(draw(transactions), draw(units), table, draw(st.integers(0, 65_536 - count)), count)


@st.composite
def writes(draw: st.DrawFn) -> WriteRequest:
    table = draw(st.sampled_from([Table.COIL, Table.HOLDING]))
    word = st.integers(0, 1) if table is Table.COIL else words16
    words = tuple(draw(st.lists(word, min_size=1, max_size=40)))
    return WriteRequest(draw(transactions), draw(units), table, draw(st.integers(0, 65_000)), words)


def answer_to(request: Request, draw: st.DrawFn) -> tuple[bytes, tuple[int, ...]]:
    """Return a right reply frame, built here without the module under test, and the words it carries."""
    if isinstance(request, WriteRequest):
        return answer_header(request, 4) + request_adu(request)[8:12], ()
    if request.is_bits:
        words = tuple(draw(st.lists(st.integers(0, 1), min_size=request.count, max_size=request.count)))
        size = (request.count + 7) // 8
        text = "".join(map(str, reversed(words)))
        payload = int(text, 2).to_bytes(size, "little")
    else:
        words = tuple(draw(st.lists(words16, min_size=request.count, max_size=request.count)))
        payload = b"".join(word.to_bytes(2, "big") for word in words)
    return answer_header(request, 1 + len(payload)) + bytes([len(payload)]) + payload, words


def answer_header(request: Request, data_bytes: int) -> bytes:
    return struct.pack(">HHHBB", request.transaction, 0, data_bytes + 2, request.unit, request.function)


def check(request: Request, adu: bytes) -> tuple[int, ...]:
    if isinstance(request, ReadRequest):
        return check_read(request, adu)
    check_write(request, adu)
    return ()


@given(st.data())
def test_any_one_changed_byte_is_refused_or_is_data_and_changes_only_its_own_words(data: st.DataObject) -> None:
    """Of a read's reply only bytes from offset 9 on are data; of a write's none is.

    A change before that is always a fault. A changed data byte is a fault (a padding bit) or changes exactly the
    register, or coils, that the byte carries.
    """
    request = data.draw(st.one_of(reads(), writes()))
    adu, words = answer_to(request, data.draw)
    assert check(request, adu) == words
    offset = data.draw(st.integers(0, len(adu) - 1))
    changed = bytearray(adu)
    changed[offset] ^= data.draw(st.integers(1, 255))
    try:
        got = check(request, bytes(changed))
    except ReplyFault:
        return
    assert isinstance(request, ReadRequest)
    assert offset >= 9
    place = offset - 9
    own = range(8 * place, 8 * place + 8) if request.is_bits else range(place // 2, place // 2 + 1)
    assert got != words
    assert {index for index, pair in enumerate(zip(got, words, strict=True)) if pair[0] != pair[1]} <= set(own)


@given(st.data())
def test_any_prefix_or_extension_of_a_right_reply_is_refused(data: st.DataObject) -> None:
    request = data.draw(st.one_of(reads(), writes()))
    adu, _ = answer_to(request, data.draw)
    keep = data.draw(st.integers(0, len(adu) - 1))
    with pytest.raises(ReplyFault):
        check(request, adu[:keep])
    with pytest.raises(ReplyFault):
        check(request, adu + data.draw(st.binary(min_size=1, max_size=300)))


def coded_again(request: Request, words: tuple[int, ...]) -> bytes:
    """Return the one frame that answers a request with these words, built here without the module under test."""
    if isinstance(request, WriteRequest):
        return answer_header(request, 4) + request_adu(request)[8:12]
    if request.is_bits:
        packed = sum(bit << index for index, bit in enumerate(words))
        payload = packed.to_bytes((request.count + 7) // 8, "little")
    else:
        payload = struct.pack(f">{len(words)}H", *words)
    return answer_header(request, 1 + len(payload)) + bytes([len(payload)]) + payload


@given(st.data())
def test_fm38_whatever_is_accepted_codes_back_to_the_very_same_bytes(data: st.DataObject) -> None:
    """A right reply with up to four bytes changed, inserted or removed: no byte of an accepted frame is unread."""
    request = data.draw(st.one_of(reads(), writes()))
    adu = bytearray(answer_to(request, data.draw)[0])
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(adu)))
        adu[start : start + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        words = check(request, bytes(adu))
    except ReplyFault:
        return
    assert coded_again(request, words) == adu


@given(st.data())
def test_fm39_a_conversation_never_gives_one_requests_words_to_another(data: st.DataObject) -> None:
    """Replies come in time, late, twice or never, cut into pieces: each request gets its own word or none."""
    conversation = Conversation()
    late: list[bytes] = []
    for transaction in range(1, data.draw(st.integers(1, 12)) + 1):
        request = ReadRequest(transaction, 1, Table.HOLDING, 0, 1)
        own = answer_header(request, 3) + bytes([2]) + transaction.to_bytes(2, "big")
        conversation.begin(request)
        stream = b"".join(late.pop() for _ in range(data.draw(st.integers(0, len(late)))))
        is_answered = data.draw(st.booleans())
        if is_answered:
            stream += own * data.draw(st.integers(1, 2))
        got = []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            reply = conversation.receive(stream[:size])
            got += [reply.words] if reply is not None else []
            stream = stream[size:]
        assert got == ([(transaction,)] if is_answered else [])
        if not is_answered:
            given_up = conversation.abandon()
            assert given_up is not None
            assert given_up.fault is Fault.TIMEOUT
            late.append(own)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_fm38_noise_never_becomes_a_reply(pieces: list[bytes]) -> None:
    """A frame must carry our transaction, unit, function, counts and length all at once."""
    conversation = Conversation()
    conversation.begin(ReadRequest(0xA5C3, 17, Table.HOLDING, 0, 4))
    for piece in pieces:
        try:
            assert conversation.receive(piece) is None
        except ReplyFault:
            return

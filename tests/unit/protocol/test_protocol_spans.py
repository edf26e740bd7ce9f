"""Examples of planned reads; the laws they obey are in tests/property."""

import pytest

from coolantd.protocol.profile import Coding, ModbusLimits, PollClass, RegisterPoint, Table
from coolantd.protocol.spans import plan_spans, slice_words


def point(address: int, coding: Coding = Coding.U16, **changes: object) -> RegisterPoint:
    fields: dict[str, object] = {
        "name": f"p{address}_{coding}",
        "table": Table.HOLDING,
        "address": address,
        "coding": coding,
        "unit": "",
        "minimum": 0.0,
        "maximum": 1.0,
    }
    return RegisterPoint(**(fields | changes))


def shape(points: list[RegisterPoint], **limits: int) -> list[tuple[int, int]]:
    return [(span.address, span.count) for span in plan_spans(points, ModbusLimits(**limits))]


def test_neighbours_share_a_read_and_a_gap_splits_it() -> None:
    points = [point(0), point(1, Coding.F32), point(3), point(5)]
    assert shape(points) == [(0, 4), (5, 1)]
    assert shape(points, gap_max_registers=1) == [(0, 6)]


def test_status_block_of_31_floats_is_one_read() -> None:
    assert shape([point(5000 + 2 * index, Coding.F32) for index in range(31)]) == [(5000, 62)]


def test_span_limit_never_splits_a_point() -> None:
    assert shape([point(0), point(1, Coding.F32), point(3, Coding.F32)], span_max_registers=2) == [
        (0, 1),
        (1, 2),
        (3, 2),
    ]


def test_protocol_limit_holds_over_a_generous_profile() -> None:
    assert shape([point(address) for address in range(126)], span_max_registers=1000) == [(0, 125), (125, 1)]


def test_coils_have_the_protocols_limit_not_the_registers() -> None:
    coils = [point(address, Coding.BOOL, table=Table.COIL) for address in range(2001)]
    assert shape(coils, span_max_registers=16) == [(0, 2000), (2000, 1)]


def test_bits_of_one_register_are_read_once() -> None:
    points = [point(1700, Coding.BITS, name=f"alarm{bit}", bit=bit) for bit in range(16)]
    (span,) = plan_spans(points, ModbusLimits())
    assert (span.address, span.count) == (1700, 1)
    assert len(span.points) == 16


def test_overlapping_points_of_different_width() -> None:
    assert shape([point(10, Coding.F32), point(10), point(11)]) == [(10, 2)]


def test_tables_and_poll_classes_do_not_mix() -> None:
    points = [point(0), point(1, poll=PollClass.FAST), point(2, table=Table.INPUT), point(1, name="second")]
    assert sorted(shape(points)) == [(0, 2), (1, 1), (2, 1)]


def test_no_points_no_reads() -> None:
    assert shape([]) == []


def test_point_wider_than_any_read_is_refused() -> None:
    with pytest.raises(ValueError, match="a read at most 1"):
        shape([point(0, Coding.F32)], span_max_registers=1)


def test_slice_refuses_words_that_are_not_the_spans() -> None:
    (span,) = plan_spans([point(7), point(8)], ModbusLimits())
    assert slice_words(span, point(8), (10, 11)) == (11,)
    with pytest.raises(ValueError, match="has 2 words, got 3"):
        slice_words(span, point(8), (10, 11, 12))
    for stranger in (point(6), point(9), point(8, Coding.F32), point(8, table=Table.INPUT)):
        with pytest.raises(ValueError, match="not in the read"):
            slice_words(span, stranger, (10, 11))

"""Examples of the quarantine; its law over any illegal registers is in tests/property. FM-15: one illegal register."""

import math

import pytest
from refusing_unit import RefusingUnit, point, poll, retry

from coolantd.protocol.bisect import SPLITS_PER_PASS_MAX
from coolantd.protocol.profile import Coding, ModbusLimits, Table
from coolantd.protocol.quarantine import RETRY_FIRST_S, RETRY_MAX_S, SpanSet

HOLDING = Table.HOLDING
SIXTY = [point(address) for address in range(60)]
LEVELS = math.ceil(math.log2(60))


def names(points) -> list[str]:
    return [point.name for point in points]


def shape(spans: SpanSet) -> list[tuple[int, int]]:
    return sorted((span.address, span.count) for span in spans.spans)


def known_unit(points, illegal=(), **unit) -> tuple[SpanSet, RefusingUnit]:
    """Return a unit of which another read, its identity, has been answered."""
    spans = SpanSet(points, ModbusLimits())
    spans.heard()
    return spans, RefusingUnit(illegal={(HOLDING, address) for address in illegal}, **unit)


def test_a_willing_unit_is_read_as_planned_and_keeps_its_spans() -> None:
    spans, unit = known_unit(SIXTY)
    before = spans.spans, spans.generation
    assert poll(spans, unit, 0.0) == 0
    assert (spans.spans, spans.generation) == before
    assert (spans.condemned, spans.retry_in_s(0.0), spans.release_due(0.0)) == ((), None, ())


@pytest.mark.parametrize("illegal", range(60))
@pytest.mark.parametrize("depth_first", [False, True])
def test_fm15_one_illegal_register_of_sixty_is_found_in_one_pass_and_all_others_are_read_in_it(
    illegal: int, depth_first: bool
) -> None:
    spans, unit = known_unit(SIXTY, [illegal])
    extra = poll(spans, unit, 0.0, depth_first=depth_first)
    assert extra <= 2 * LEVELS
    assert unit.answered == {p.name: 1 for p in SIXTY if p.address != illegal}
    if not depth_first or illegal:  # at the far left nothing was answered before it: it is asked once more
        assert names(spans.condemned) == [f"p{illegal}_u16"]
        assert shape(spans) == [run for run in [(0, illegal), (illegal + 1, 59 - illegal)] if run[1]]
    assert poll(spans, unit, 1.0) == 0
    assert names(spans.condemned) == [f"p{illegal}_u16"]
    unit.reads = 0
    assert poll(spans, unit, 2.0) == 0
    assert unit.reads == len(spans.spans) <= 2


def test_an_exception_that_was_over_at_once_costs_two_reads_and_is_forgotten_after_a_minute() -> None:
    spans, unit = known_unit(SIXTY)
    (span,) = spans.spans
    for half in spans.refused(span, 0.0):
        spans.answered(half, 0.0)
    assert (shape(spans), spans.condemned) == ([(0, 30), (30, 30)], ())
    retry(spans, unit, 60.0)
    assert shape(spans) == [(0, 60)]


def test_several_illegal_registers_are_found_too() -> None:
    spans, unit = known_unit(SIXTY, [3, 4, 41])
    poll(spans, unit, 0.0)
    assert names(spans.condemned) == ["p3_u16", "p4_u16", "p41_u16"]
    assert shape(spans) == [(0, 3), (5, 36), (42, 18)]


def test_a_point_is_never_split_and_the_bits_of_one_register_go_together() -> None:
    points = [point(0), point(1, Coding.F32), *(point(3, Coding.BITS, name=f"bit{b}", bit=b) for b in range(16))]
    spans, unit = known_unit([*points, point(4)], [2, 3])
    poll(spans, unit, 0.0)
    assert sorted(names(spans.condemned)) == sorted(["p1_f32", *(f"bit{b}" for b in range(16))])
    assert shape(spans) == [(0, 1), (4, 1)]


def test_a_pass_costs_a_bounded_number_of_extra_reads_and_the_next_goes_on() -> None:
    points = [point(address) for address in range(120)] + [point(500)]
    spans, unit = known_unit(points, range(0, 120, 2))
    costs = [poll(spans, unit, float(now)) for now in range(20)]
    assert max(costs) <= SPLITS_PER_PASS_MAX
    assert costs[0] == SPLITS_PER_PASS_MAX
    assert costs[-1] == 0
    assert names(spans.condemned) == [f"p{a}_u16" for a in range(0, 120, 2)]
    assert set(unit.answered) == {f"p{a}_u16" for a in range(1, 120, 2)} | {"p500_u16"}


def test_a_unit_that_is_starting_condemns_nothing_and_costs_little() -> None:
    points = [*SIXTY, point(100, Coding.F32)]
    spans = SpanSet(points, ModbusLimits())
    unit = RefusingUnit(starting=True)
    before = spans.spans
    for now in range(10):
        assert poll(spans, unit, float(now)) == 2
    assert (spans.spans, spans.condemned, spans.retry_in_s(10.0)) == (before, (), None)
    unit.starting = False
    assert poll(spans, unit, 11.0) == 0
    assert set(unit.answered) == set(names(points))


def test_a_unit_that_starts_anew_without_having_been_away_is_whole_again_with_its_first_answer() -> None:
    """A PLC restarted behind a connection that stays: refused everything for 3 s, and lost nothing for it."""
    spans = SpanSet(
        [point(address) for start in range(0, 500, 100) for address in range(start, start + 20)], ModbusLimits()
    )
    unit = RefusingUnit()
    planned = spans.spans
    poll(spans, unit, 0.0)
    unit.starting = True
    for now_s in (0.5, 1.0, 1.5, 2.0, 2.5):
        poll(spans, unit, now_s)
        assert spans.condemned == ()
    unit.starting = False
    for now_s in (3.0, 3.5):
        poll(spans, unit, now_s)
    assert spans.spans == planned
    assert spans.retry_in_s(3.5) is None


def test_blocks_that_are_gone_for_good_are_condemned_although_they_were_there_before() -> None:
    spans = SpanSet(
        [point(address) for start in range(0, 500, 100) for address in range(start, start + 4)], ModbusLimits()
    )
    unit = RefusingUnit()
    poll(spans, unit, 0.0)
    unit.illegal = {(Table.HOLDING, address) for address in range(200, 500)}
    for turn in range(1, 8):
        poll(spans, unit, 0.5 * turn)
    assert {one.address for one in spans.condemned} == {start + k for start in (200, 300, 400) for k in range(4)}


def test_a_unit_that_only_ever_said_its_name_condemns_nothing_until_it_refused_a_point_three_times() -> None:
    spans, unit = known_unit([point(0), point(1)], [0, 1])
    for now in range(2):
        poll(spans, unit, float(now))
        assert spans.condemned == ()
    poll(spans, unit, 2.0)
    assert names(spans.condemned) == ["p0_u16", "p1_u16"]
    assert spans.spans == ()


def test_a_lonely_point_that_is_refused_now_and_then_is_not_condemned() -> None:
    spans = SpanSet([point(0)], ModbusLimits())
    (span,) = spans.spans
    spans.heard()
    for now in range(5):
        spans.refused(span, float(now))
        spans.answered(span, now + 0.5)
    assert (spans.spans, spans.condemned) == ((span,), ())


def test_the_only_read_of_a_unit_is_searched_as_soon_as_one_point_alone_is_answered() -> None:
    spans = SpanSet(SIXTY, ModbusLimits())
    unit = RefusingUnit(illegal={(HOLDING, 44)})
    assert poll(spans, unit, 0.0) <= 2 * LEVELS + 2
    assert names(spans.condemned) == ["p44_u16"]
    assert set(unit.answered) == {p.name for p in SIXTY} - {"p44_u16"}


def test_the_one_good_register_of_a_unit_is_found_in_time() -> None:
    spans = SpanSet(SIXTY, ModbusLimits())
    unit = RefusingUnit(illegal={(HOLDING, address) for address in range(60) if address != 59})
    for now in range(70):
        poll(spans, unit, float(now))
    assert shape(spans) == [(59, 1)]
    assert len(spans.condemned) == 59


def test_a_condemned_register_is_retried_after_growing_pauses_and_returns_when_answered() -> None:
    spans, unit = known_unit(SIXTY, [7])
    poll(spans, unit, 0.0)
    now_s, pauses = 0.0, []
    for _ in range(9):
        pauses.append(spans.retry_in_s(now_s))
        assert retry(spans, unit, now_s + pauses[-1] - 0.5) == 0
        now_s += pauses[-1]
        assert retry(spans, unit, now_s) == 1
    assert pauses == [min(RETRY_FIRST_S * 2**n, RETRY_MAX_S) for n in range(9)]
    unit.illegal.clear()
    assert retry(spans, unit, now_s + RETRY_MAX_S) == 1
    assert spans.condemned == ()
    assert shape(spans) == [(0, 60)]
    assert spans.retry_in_s(now_s) is None


def test_a_retry_without_answer_is_tried_again_after_the_same_pause() -> None:
    spans, unit = known_unit(SIXTY, [7])
    poll(spans, unit, 0.0)
    assert len(spans.release_due(60.0)) == 1
    assert spans.retry_in_s(60.0) == 60.0


def test_many_condemned_registers_are_not_retried_in_one_burst() -> None:
    spans, unit = known_unit([point(a) for a in range(20)], range(10))
    poll(spans, unit, 0.0)
    assert len(spans.condemned) == 10
    assert [retry(spans, unit, 60.0 + tick / 4) for tick in range(41)] == [1, 0, 0, 0] * 10 + [0]


def test_reset_tries_everything_whole_again() -> None:
    spans, unit = known_unit(SIXTY, [7])
    poll(spans, unit, 0.0)
    spans.reset()
    assert (shape(spans), spans.condemned, spans.retry_in_s(1.0)) == ([(0, 60)], (), None)


def test_an_illegal_register_in_a_gap_parts_the_reads_and_condemns_no_point() -> None:
    points = [point(0), point(2), point(3)]
    spans = SpanSet(points, ModbusLimits(gap_max_registers=1))
    unit = RefusingUnit(illegal={(HOLDING, 1)})
    spans.heard()
    assert shape(spans) == [(0, 4)]
    poll(spans, unit, 0.0)
    assert (shape(spans), spans.condemned) == ([(0, 1), (2, 2)], ())
    assert set(unit.answered) == set(names(points))
    assert spans.retry_in_s(0.0) == 60.0
    assert retry(spans, unit, 60.0) == 0
    assert shape(spans) == [(0, 4)]  # once in a while it is tried whole
    poll(spans, unit, 60.0)
    assert (shape(spans), spans.retry_in_s(60.0)) == ([(0, 1), (2, 2)], 120.0)
    unit.illegal.clear()
    retry(spans, unit, 180.0)
    poll(spans, unit, 180.0)
    retry(spans, unit, 600.0)
    assert (shape(spans), spans.retry_in_s(600.0)) == ([(0, 4)], None)


def test_a_condemned_register_is_not_bridged() -> None:
    spans = SpanSet([point(0), point(1), point(2)], ModbusLimits(gap_max_registers=5))
    spans.heard()
    poll(spans, RefusingUnit(illegal={(HOLDING, 1)}), 0.0)
    assert shape(spans) == [(0, 1), (2, 1)]


def test_a_unit_that_takes_less_at_once_than_its_profile_says_is_read_in_parts() -> None:
    spans, unit = known_unit(SIXTY, longest=20)
    for now in range(3):
        poll(spans, unit, float(now))
    assert spans.condemned == ()
    assert shape(spans) == [(0, 15), (15, 15), (30, 15), (45, 15)]


def test_reads_that_are_no_longer_among_the_spans_change_nothing() -> None:
    spans, unit = known_unit(SIXTY, [7])
    (old,) = spans.spans
    poll(spans, unit, 0.0)
    before = spans.spans
    assert spans.refused(old, 1.0) == ()
    spans.answered(old, 1.0)
    assert spans.spans == before

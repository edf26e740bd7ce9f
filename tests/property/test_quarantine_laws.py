"""Laws of the quarantine over any layout of points and any illegal registers. FM-15."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from refusing_unit import RefusingUnit, point, poll, retry

from coolantd.protocol.bisect import SPLITS_PER_PASS_MAX
from coolantd.protocol.profile import Coding, ModbusLimits, PollClass, RegisterPoint, Table
from coolantd.protocol.quarantine import SpanSet
from coolantd.protocol.spans import plan_spans

LAST_ADDRESS = 40
REGISTER_CODINGS = [Coding.U16, Coding.U16, Coding.F32, Coding.F64, Coding.BITS]


@st.composite
def layouts(draw: st.DrawFn) -> list[RegisterPoint]:
    """Draw points that may lie apart, side by side or over each other, in two tables and two poll classes."""
    places = draw(st.lists(st.tuples(st.integers(0, LAST_ADDRESS), st.integers(0, 9)), min_size=1, max_size=40))
    return [
        point(
            address,
            Coding.BOOL if kind == 9 else REGISTER_CODINGS[kind % 5],
            name=f"p{number}",
            table=Table.COIL if kind == 9 else Table.HOLDING,
            poll=PollClass.FAST if kind < 7 else PollClass.SLOW,
        )
        for number, (address, kind) in enumerate(places)
    ]


limits_of = st.builds(ModbusLimits, span_max_registers=st.integers(4, 60), gap_max_registers=st.sampled_from([0, 1, 9]))
illegal_sets = st.sets(st.tuples(st.sampled_from([Table.HOLDING, Table.COIL]), st.integers(0, LAST_ADDRESS + 3)))


def settle(spans: SpanSet, unit: RefusingUnit, points: list[RegisterPoint]) -> float:
    """Poll as often as the law allows for, each pass within its bound; return the time after it."""
    passes = 4 + math.ceil(2 * len(points) / SPLITS_PER_PASS_MAX) + len(points)
    for now in range(passes):
        planned = len(spans.spans)
        assert poll(spans, unit, float(now)) <= planned * (SPLITS_PER_PASS_MAX + 2)
        carried = Counter(p.name for span in spans.spans for p in span.points)
        carried.update(p.name for p in spans.condemned)
        assert carried == Counter(p.name for p in points)  # nothing is ever lost or read twice
    return float(passes)


@given(layouts(), limits_of, illegal_sets, st.booleans())
def test_fm15_exactly_the_points_on_illegal_registers_are_condemned_and_all_others_read(
    points: list[RegisterPoint], limits: ModbusLimits, illegal: set[tuple[Table, int]], heard: bool
) -> None:
    spans = SpanSet(points, limits)
    unit = RefusingUnit(illegal=illegal)
    if heard:
        spans.heard()
    settle(spans, unit, points)
    refused = {p.name for p in points if unit.refuses(p)}
    if heard or len(refused) < len(points):
        assert {p.name for p in spans.condemned} == refused
    else:
        assert spans.condemned == ()
        assert spans.spans == plan_spans(points, limits)
    assert set(unit.answered) == {p.name for p in points} - refused


@given(layouts(), limits_of, illegal_sets)
def test_once_settled_a_pass_costs_nothing_extra_and_a_mended_device_is_read_as_planned_again(
    points: list[RegisterPoint], limits: ModbusLimits, illegal: set[tuple[Table, int]]
) -> None:
    spans = SpanSet(points, limits)
    unit = RefusingUnit(illegal=set(illegal))
    spans.heard()
    now_s = settle(spans, unit, points)
    settled = spans.spans
    assert poll(spans, unit, now_s) == 0
    assert spans.spans == settled
    unit.illegal.clear()
    for _ in range(4 * len(points) + 4):
        wait_s = spans.retry_in_s(now_s)
        if wait_s is None:
            break
        now_s += wait_s
        retry(spans, unit, now_s)
        poll(spans, unit, now_s)
    assert spans.retry_in_s(now_s) is None
    assert (spans.spans, spans.condemned) == (plan_spans(points, limits), ())


@given(layouts(), limits_of, illegal_sets, st.integers(1, 5))
def test_a_unit_that_refuses_everything_while_it_starts_is_the_same_afterwards(
    points: list[RegisterPoint], limits: ModbusLimits, illegal: set[tuple[Table, int]], passes: int
) -> None:
    spans = SpanSet(points, limits)
    unit = RefusingUnit(illegal=illegal, starting=True)
    planned = spans.spans
    for now in range(passes):
        assert poll(spans, unit, float(now)) <= 2 * len(planned)
        assert (spans.spans, spans.condemned) == (planned, ())


@given(st.integers(1, 60), st.integers(1, 5))
def test_a_unit_of_one_read_that_starts_anew_is_read_as_planned_with_its_second_pass(count: int, passes: int) -> None:
    spans = SpanSet([point(address) for address in range(count)], ModbusLimits())
    planned = spans.spans
    assert len(planned) == 1
    unit = RefusingUnit()
    poll(spans, unit, 0.0)
    unit.starting = True
    for now in range(1, passes + 1):
        poll(spans, unit, float(now))
        assert spans.condemned == ()
    unit.starting = False
    poll(spans, unit, 10.0)
    assert (spans.spans, spans.condemned) == (planned, ())
    assert poll(spans, unit, 11.0) == 0
    assert spans.retry_in_s(12.0) is None


@given(layouts(), limits_of, illegal_sets)
def test_fm15_a_unit_that_refuses_more_than_before_is_searched_unless_it_refuses_everything(
    points: list[RegisterPoint], limits: ModbusLimits, illegal: set[tuple[Table, int]]
) -> None:
    spans = SpanSet(points, limits)
    unit = RefusingUnit()
    poll(spans, unit, 0.0)
    unit.illegal = illegal
    settle(spans, unit, points)
    refused = {p.name for p in points if unit.refuses(p)}
    condemned = {p.name for p in spans.condemned}
    assert condemned == (refused if len(refused) < len(points) else condemned & refused)
    assert {p.name for span in spans.spans for p in span.points} >= {p.name for p in points} - refused

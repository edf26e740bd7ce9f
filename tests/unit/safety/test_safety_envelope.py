"""The last gate: dense tables at every limit, default deny, and the last pump."""

import itertools
import math

import numpy as np
import pytest
from gate_rig import BRANCH, BYPASS, DT_S, INF, NAN, OTHER_PUMP, PUMP, VALVE, row, run

from coolantd.safety.envelope import TOLERANCE_PCT, judge, permits_word
from coolantd.safety.envelope_layout import LIMIT_COLUMNS, Refusal

TINY = 1e-7
"""Within the dust that is allowed."""
EXCESS = 1e-3


def verdict(limit, demand, last, dt_s=DT_S, start=0.0):
    return Refusal(judge(np.array(limit), demand, last, dt_s, start))


@pytest.mark.parametrize(
    ("demand", "last", "expected"),
    [
        (0.0, 0.0, Refusal.NONE),
        (-TINY, 0.0, Refusal.NONE),
        (-EXCESS, 0.0, Refusal.OUT_OF_RANGE),
        (100.0, 100.0, Refusal.NONE),
        (100.0 + TINY, 100.0, Refusal.NONE),
        (100.0 + EXCESS, 100.0, Refusal.OUT_OF_RANGE),
        (1e300, 100.0, Refusal.OUT_OF_RANGE),
        (-1e300, 0.0, Refusal.OUT_OF_RANGE),
    ],
)
def test_i1_the_range_of_a_valve(demand, last, expected):
    assert verdict(VALVE, demand, last) is expected


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        (25.0, Refusal.NONE),
        (25.0 - TINY, Refusal.NONE),
        (25.0 - EXCESS, Refusal.OUT_OF_RANGE),
        (24.0, Refusal.OUT_OF_RANGE),
        (TINY, Refusal.OUT_OF_RANGE),
        (-0.001, Refusal.OUT_OF_RANGE),
    ],
)
def test_i1_a_pump_has_nothing_between_off_and_its_minimum(demand, expected):
    assert verdict(PUMP, demand, 25.0) is expected


@pytest.mark.parametrize("last", [0.0, 50.0, 98.0])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (2.0, Refusal.NONE),
        (2.0 + TINY, Refusal.NONE),
        (2.0 + EXCESS, Refusal.SLEW),
        (1.999, Refusal.NONE),
        (0.0, Refusal.NONE),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fm_11_the_slew_of_a_valve(last, change, sign, expected):
    if 0.0 <= last + sign * change <= 100.0:
        assert verdict(VALVE, last + sign * change, last) is expected


@pytest.mark.parametrize("dt_s", [0.001, 0.5, 2.0])
def test_slew_grows_with_time(dt_s):
    assert verdict(VALVE, 50.0 + 4.0 * dt_s, 50.0, dt_s) is Refusal.NONE
    assert verdict(VALVE, 50.0 + 4.0 * dt_s + EXCESS, 50.0, dt_s) is Refusal.SLEW


def test_the_dust_allowed_is_exactly_the_tolerance():
    assert verdict(PUMP, 25.0 - TOLERANCE_PCT, 25.0) is Refusal.NONE
    assert verdict(VALVE, 100.0 + TOLERANCE_PCT, 100.0) is Refusal.NONE
    assert verdict(VALVE, 2.0 + TOLERANCE_PCT, 0.0) is Refusal.NONE


@pytest.mark.parametrize("last", [NAN, INF, -INF])
def test_i8_nothing_is_written_before_the_actuator_was_adopted(last):
    assert verdict(VALVE, 50.0, last) is Refusal.NOT_ADOPTED


@pytest.mark.parametrize("demand", [NAN, INF, -INF])
def test_fm_16_a_demand_that_is_no_number_is_refused(demand):
    assert verdict(PUMP, demand, 50.0) is Refusal.NOT_FINITE


@pytest.mark.parametrize("column", [0, 1, 3])
@pytest.mark.parametrize("limit", [VALVE, PUMP])
def test_default_deny_a_missing_limit_lets_nothing_pass(limit, column):
    assert verdict([NAN if k == column else v for k, v in enumerate(limit)], 51.0, 50.0) is not Refusal.NONE


@pytest.mark.parametrize("dt_s", [NAN, -1.0])
def test_default_deny_without_a_time_nothing_moves(dt_s):
    assert verdict(VALVE, 51.0, 50.0, dt_s) is Refusal.SLEW


@pytest.mark.parametrize(
    ("demand", "last", "expected"),
    [
        (25.0, 0.0, Refusal.NONE),
        (25.1, 0.0, Refusal.SLEW),
        (27.0, 0.0, Refusal.SLEW),
        (25.0, 24.0, Refusal.NONE),
        (25.0, 100.0, Refusal.SLEW),
    ],
)
def test_a_stopped_pump_starts_straight_at_its_minimum_and_nowhere_else(demand, last, expected):
    assert verdict(PUMP, demand, last) is expected


def test_a_valve_never_gets_the_licence_of_a_starting_pump():
    assert verdict(row(25.0), 25.0, 0.0) is Refusal.SLEW


@pytest.mark.parametrize(
    ("demand", "last", "start", "expected"),
    [
        (72.0, 0.0, 72.0, Refusal.NONE),
        (40.0, 0.0, 72.0, Refusal.NONE),
        (72.1, 0.0, 72.0, Refusal.SLEW),
        (72.0, 24.0, 72.0, Refusal.NONE),
        (72.0, 25.0, 72.0, Refusal.SLEW),
        (72.0, 0.0, NAN, Refusal.SLEW),
        (25.0, 0.0, NAN, Refusal.NONE),
        (101.0, 0.0, 101.0, Refusal.OUT_OF_RANGE),
    ],
)
def test_fm_01_a_stopped_pump_may_start_at_the_speed_of_the_fastest_of_its_group(demand, last, start, expected):
    assert verdict(PUMP, demand, last, start=start) is expected


def test_fm_01_the_fastest_of_a_group_is_what_it_was_last_allowed_whatever_is_demanded_of_it_now():
    assert run([PUMP, PUMP, VALVE], [70.0, 70.0, 98.0], [72.0, 0.0, 98.0])[0] == [70.0, 70.0, 98.0]
    assert run([PUMP, PUMP, PUMP], [72.0, 72.0, 30.0], [NAN, 0.0, 30.0])[1][1] is Refusal.SLEW
    assert run([OTHER_PUMP, PUMP, PUMP], [72.0, 72.0, 30.0], [72.0, 0.0, 30.0])[1][1] is Refusal.SLEW
    assert run([VALVE, row(25.0, zero=1.0)], [50.0, 50.0], [50.0, 0.0])[1][1] is Refusal.SLEW


def test_a_pump_stays_off_and_stops_from_its_minimum_or_within_slew():
    assert verdict(PUMP, 0.0, 0.0) is Refusal.NONE
    assert verdict(PUMP, 0.0, 25.0) is Refusal.NONE
    assert verdict(PUMP, 0.0, 25.0 + EXCESS) is Refusal.SLEW
    assert verdict(PUMP, 0.0, 26.0, dt_s=10.0) is Refusal.NONE
    assert verdict(row(25.0), 0.0, 0.0) is Refusal.OUT_OF_RANGE


def test_every_demand_is_judged_by_its_own_limits():
    allowed, refusals = run([VALVE, PUMP, VALVE], [50.0, 30.0, 200.0], [50.0, 29.0, 100.0])
    assert allowed[:2] == [50.0, 30.0]
    assert math.isnan(allowed[2])
    assert refusals == [Refusal.NONE, Refusal.NONE, Refusal.OUT_OF_RANGE]


def test_no_demand_is_no_refusal():
    allowed, refusals = run([VALVE, PUMP], [NAN, NAN], [50.0, 50.0])
    assert np.isnan(allowed).all()
    assert refusals == [Refusal.NONE, Refusal.NONE]


def test_a_refused_pump_stays_refused_while_its_last_value_runs():
    allowed, refusals = run([PUMP], [10.0], [30.0])
    assert math.isnan(allowed[0])
    assert refusals == [Refusal.OUT_OF_RANGE]


def test_fm_16_a_demand_without_end_is_refused_by_the_gate_too():
    for demand in (INF, -INF):
        assert run([VALVE], [demand], [50.0])[1] == [Refusal.NOT_FINITE]


def test_i1_i3_exhaustively_over_a_grid():
    """Whatever passes is in range, in slew and adopted; adopted pumps never all end at rest."""
    grid = [NAN, INF, -1.0, 0.0, 10.0, 24.9, 25.0, 26.9, 27.1, 75.0, 99.0, 101.0]
    for demand_a, demand_b, last_a, last_b in itertools.product(grid, grid, [NAN, 0.0, 25.0, 100.0], [0.0, 26.0]):
        allowed, refusals = run([PUMP, PUMP], [demand_a, demand_b], [last_a, last_b])
        for value, demand, last, refusal in zip(allowed, (demand_a, demand_b), (last_a, last_b), refusals, strict=True):
            if math.isnan(value):
                assert refusal is not Refusal.NONE or math.isnan(demand)
            else:
                assert refusal is Refusal.LAST_PUMP or (refusal is Refusal.NONE and value == demand)
                assert value == 0.0 or 25.0 <= value <= 100.0
                stops, fastest = value == 0.0 and last == 25.0, max(25.0, np.nanmax([last_a, last_b]))
                assert abs(value - last) <= 2.0 + 1e-6 or (last < 25.0 and value <= fastest) or stops
        force = [a if math.isfinite(a) else b for a, b in zip(allowed, (last_a, last_b), strict=True)]
        if not (math.isnan(demand_a) or math.isnan(demand_b)):
            assert any(value >= 25.0 for value in force)


@pytest.mark.parametrize(("word", "permitted"), [(0, True), (1, True), (2, False), (-1, False), (30001, False)])
def test_control_words_are_denied_unless_named(word, permitted):
    assert permits_word(word, (1, 0)) is permitted
    assert permits_word(word, range(30001)) is (0 <= word <= 30000)
    assert not permits_word(word, ())


def test_limits_have_the_columns_the_table_is_made_of():
    assert {len(each) for each in (VALVE, PUMP, BRANCH, BYPASS)} == {LIMIT_COLUMNS}


def test_refusals_have_labels_for_metrics():
    assert Refusal.NONE.label == ""
    assert [refusal.label for refusal in Refusal][1:] == [
        "not_adopted", "not_finite", "out_of_range", "slew", "last_pump", "not_verified", "not_writable", "not_obeying",
        "not_owned", "no_claim", "travel", "dead_head",
    ]  # fmt: skip


def test_the_dust_allowed_is_no_more_than_the_tolerance():
    beyond = 1.5 * TOLERANCE_PCT
    assert TOLERANCE_PCT == 1e-6
    assert verdict(VALVE, 100.0 + beyond, 100.0) is Refusal.OUT_OF_RANGE
    assert verdict(VALVE, -beyond, 0.0) is Refusal.OUT_OF_RANGE
    assert verdict(VALVE, 2.0 + beyond, 0.0) is Refusal.SLEW


@pytest.mark.parametrize("group", [0.0, -1.0])
def test_fm_01_a_pump_alone_starts_at_its_minimum_however_small(group):
    slow = row(0.5, zero=1.0, failsafe=75.0, group=group)
    assert run([slow], [0.9], [0.0], dt_s=0.1)[1] == [Refusal.LAST_PUMP if group == 0.0 else Refusal.SLEW]
    assert run([slow, slow], [0.9, 0.5], [0.0, 0.5], dt_s=0.05)[1][0] is Refusal.SLEW


def test_fm_01_a_fast_pump_of_another_group_helps_nobody_start_wherever_it_stands():
    assert run([PUMP, PUMP, OTHER_PUMP], [72.0, 30.0, 72.0], [0.0, 30.0, 72.0])[1][0] is Refusal.SLEW

"""What wear allows a valve to travel (FM-49, I5)."""

import numpy as np
import pytest
from gate_rig import DT_S, NAN, STEP_PCT, VALVE, row, run

from coolantd.safety.claims import Claim
from coolantd.safety.envelope_layout import T_LEFT, T_TOTAL, Refusal
from coolantd.safety.modes import Mode
from coolantd.safety.travel import GO, blank_travel, refill, wear_verdict

A_DAY = 40.0
FULL = 10.0
"""A quarter of a day's strokes."""
WEARING = row(travel=A_DAY)
DAY_S = 86_400.0


def worn(left, total=0.0):
    return np.array([[left, total]])


def one(travel, demand, last=50.0, **options):
    allowed, refusals = run([WEARING], [demand], [last], travel=travel, **options)
    return allowed[0], refusals[0]


def test_it_begins_with_a_quarter_of_a_day_and_counts_what_it_travels():
    travel = blank_travel(1)
    assert one(travel, 51.0) == (51.0, Refusal.NONE)
    assert travel[0].tolist() == pytest.approx([FULL - 0.01, 0.01])
    assert one(travel, 49.0) == (49.0, Refusal.NONE)
    assert travel[0, T_TOTAL] == pytest.approx(0.02)


def test_a_stroke_is_the_whole_of_its_range():
    travel = blank_travel(1)
    run([row(20.0, 60.0, travel=A_DAY)], [31.0], [30.0], travel=travel)
    assert travel[0, T_TOTAL] == pytest.approx(1.0 / 40.0)


@pytest.mark.parametrize(("a_day", "full"), [(40.0, 10.0), (4.0, 1.0), (2.0, 1.0)])
def test_one_whole_stroke_is_always_possible_at_once(a_day, full):
    travel = blank_travel(1)
    run([row(travel=a_day)], [50.0], [50.0], travel=travel)
    assert travel[0, T_LEFT] == full


def test_what_time_gives_back_is_a_day_over_a_day_and_no_more_than_full():
    travel = worn(1.0)
    one(travel, 50.0, dt_s=864.0)
    assert travel[0, T_LEFT] == pytest.approx(1.0 + A_DAY / 100.0)
    one(travel, 50.0, dt_s=DAY_S)
    assert travel[0, T_LEFT] == FULL


@pytest.mark.parametrize("dt_s", [NAN, 0.0, -1e9])
def test_a_time_that_is_none_gives_nothing_back(dt_s):
    travel = worn(1.0)
    one(travel, 50.0, dt_s=dt_s)
    assert travel[0, T_LEFT] == 1.0


@pytest.mark.parametrize("claim", [Claim.LOOP, Claim.OUTSIDE])
def test_i5_fm_49_with_nothing_left_a_loop_holds_and_the_command_stands(claim):
    travel = worn(0.0)
    assert one(travel, 52.0, claims=claim) == (50.0, Refusal.TRAVEL)
    assert travel[0, T_TOTAL] == 0.0


@pytest.mark.parametrize("claim", [Claim.OPERATOR, Claim.INTERLOCK, Claim.TRIP])
def test_fm_49_safety_and_operators_move_it_all_the_same_and_are_counted(claim):
    travel = worn(0.0)
    assert one(travel, 52.0, claims=claim, dt_s=DT_S) == (52.0, Refusal.NONE)
    assert travel[0, T_LEFT] == pytest.approx(-0.02, abs=1e-3)
    assert travel[0, T_TOTAL] == pytest.approx(0.02)


def test_what_is_owed_is_at_most_a_whole_bucket():
    travel = worn(-FULL + 0.001)
    one(travel, 52.0, claims=Claim.TRIP)
    assert travel[0, T_LEFT] == -FULL


def test_what_is_just_enough_passes():
    assert one(worn(0.02), 52.0) == (52.0, Refusal.NONE)
    assert one(worn(0.019), 52.0) == (50.0, Refusal.TRAVEL)


@pytest.mark.parametrize(("left", "least"), [(FULL, 0.0), (FULL / 2.0, STEP_PCT / 2.0), (1.0, 0.9 * STEP_PCT)])
def test_the_emptier_the_bucket_the_larger_the_least_move_that_is_worth_it(left, least):
    assert one(worn(left), 50.0 + least * 1.01 + 1e-6) == (50.0 + least * 1.01 + 1e-6, Refusal.NONE)
    if least:
        assert one(worn(left), 50.0 + least * 0.99) == (50.0, Refusal.NONE)


def test_a_move_of_a_whole_cycles_slew_is_worth_it_as_long_as_anything_is_left():
    assert one(worn(0.5), 50.0 + STEP_PCT) == (50.0 + STEP_PCT, Refusal.NONE)
    assert one(worn(0.5), 50.0 - STEP_PCT) == (50.0 - STEP_PCT, Refusal.NONE)


def test_standing_still_costs_nothing_and_is_never_refused():
    travel = worn(-1.0)
    assert one(travel, 50.0) == (50.0, Refusal.NONE)
    assert travel[0, T_TOTAL] == 0.0


def test_what_is_refused_for_another_reason_is_not_counted():
    travel = worn(5.0)
    assert one(travel, 99.0)[1] is Refusal.SLEW
    assert one(travel, 51.0, modes=Mode.DISABLED)[1] is Refusal.NO_CLAIM
    assert travel[0, T_TOTAL] == 0.0


def test_without_a_limit_travel_is_counted_and_never_held():
    travel = worn(NAN)
    for _ in range(3):
        assert run([VALVE], [52.0], [50.0], travel=travel) == ([52.0], [Refusal.NONE])
    assert travel[0, T_TOTAL] == pytest.approx(0.06)
    assert np.isnan(travel[0, T_LEFT])


@pytest.mark.parametrize("seed", range(3))
def test_i5_no_day_exceeds_the_budget_by_more_than_what_may_be_spent_at_once(seed):
    """Three days of a loop that hunts as fast as it may."""
    random, travel, position, moved = np.random.default_rng(seed), blank_travel(1), 50.0, []
    dt_s = 20.0
    for _ in range(round(3 * DAY_S / dt_s)):
        target = float(np.clip(position + random.uniform(-80.0, 80.0), 0.0, 100.0))
        allowed, _ = one(travel, target, position, dt_s=dt_s)
        moved.append(abs(allowed - position) / 100.0)
        position = allowed
    day = round(DAY_S / dt_s)
    sums = np.convolve(moved, np.ones(day), mode="valid")
    assert sums.max() <= A_DAY + FULL + 1e-6
    assert sums.min() >= 0.9 * A_DAY


def test_the_last_of_it_is_enough_for_a_move_that_needs_just_that():
    assert wear_verdict(np.array(WEARING), np.array([0.02, 0.0]), int(Claim.LOOP), STEP_PCT, DT_S) == GO
    assert wear_verdict(np.array(WEARING), np.array([FULL / 2.0, 0.0]), int(Claim.LOOP), STEP_PCT / 2.0, DT_S) == GO


def test_a_short_cycle_gives_back_its_share_too():
    travel = np.array([1.0, 0.0])
    refill(np.array(WEARING), travel, DT_S)
    assert travel[0] == pytest.approx(1.0 + A_DAY * DT_S / DAY_S, rel=1e-12)

"""Commands that must never be in force together: every pump off (FM-12), pumps against shut valves (FM-08)."""

import numpy as np
import pytest
from gate_rig import BRANCH, BYPASS, DT_S, INF, NAN, OTHER_PUMP, PUMP, STEP_PCT, VALVE, row, run

from coolantd.safety.claims import Claim
from coolantd.safety.envelope_layout import Refusal
from coolantd.safety.envelope_pairs import kept_speed
from coolantd.safety.modes import Mode
from coolantd.safety.openings import LEAST_OPENING_PCT
from coolantd.safety.permits import EVERY_PERMIT, Permit

NONE, LAST_PUMP, DEAD_HEAD = Refusal.NONE, Refusal.LAST_PUMP, Refusal.DEAD_HEAD
LEAST = LEAST_OPENING_PCT
UNKNOWN_FEED = row(paths=3.0)
"""A branch of a manifold of which no CDU is known."""


def test_fm_12_i3_of_stopped_pumps_one_is_started_at_its_minimum():
    assert run([PUMP, PUMP], [0.0, 0.0], [0.0, 0.0]) == ([25.0, 0.0], [LAST_PUMP, NONE])


@pytest.mark.parametrize(
    ("last", "kept"), [(0.0, 25.0), (24.9, 25.0), (25.0, 27.0), (40.0, 42.0), (74.0, 75.0), (75.0, 75.0), (90.0, 90.0)]
)
def test_fm_12_i1_a_kept_pump_is_led_to_its_failsafe_speed_within_slew_and_never_slowed(last, kept):
    assert kept_speed(np.array(PUMP), last, DT_S) == kept


def test_fm_12_the_fastest_is_kept_and_the_others_may_stop():
    allowed, refusals = run([PUMP, PUMP, PUMP], [0.0, 0.0, 0.0], [0.0, 25.0, 0.0])
    assert (allowed, refusals) == ([0.0, 27.0, 0.0], [NONE, LAST_PUMP, NONE])
    allowed, refusals = run([PUMP, PUMP], [0.0, 0.0], [25.0, 0.0])
    assert (allowed, refusals) == ([27.0, 0.0], [LAST_PUMP, NONE])


def test_fm_12_of_equals_the_first_is_kept():
    assert run([PUMP, PUMP], [0.0, 0.0], [25.0, 25.0]) == ([27.0, 0.0], [LAST_PUMP, NONE])


@pytest.mark.parametrize("failsafe", [NAN, 20.0, 25.0])
def test_fm_12_without_a_failsafe_speed_above_it_the_pump_keeps_its_own(failsafe):
    limit = row(25.0, zero=1.0, failsafe=failsafe, group=0.0)
    assert run([limit], [0.0], [25.0]) == ([25.0], [LAST_PUMP])


@pytest.mark.parametrize("dt_s", [NAN, -1.0, 0.0, INF])
def test_default_deny_a_time_that_is_none_moves_no_kept_pump(dt_s):
    assert run([PUMP], [0.0], [25.0], dt_s=dt_s) == ([25.0], [LAST_PUMP])


def test_a_kept_pump_never_exceeds_its_greatest_speed():
    limit = row(25.0, 60.0, zero=1.0, failsafe=NAN, group=0.0)
    assert run([limit], [0.0], [60.5], dt_s=100.0)[0] == [60.0]


def test_fm_12_a_pump_may_stop_while_another_of_its_group_runs():
    assert run([PUMP, PUMP], [0.0, 30.0], [0.0, 30.0]) == ([0.0, 30.0], [NONE, NONE])


def test_fm_12_a_pump_of_another_group_does_not_count():
    assert run([PUMP, OTHER_PUMP], [0.0, 30.0], [0.0, 30.0]) == ([25.0, 30.0], [LAST_PUMP, NONE])
    assert run([OTHER_PUMP, PUMP], [30.0, 0.0], [30.0, 0.0]) == ([30.0, 25.0], [NONE, LAST_PUMP])


def test_fm_12_two_groups_keep_one_each():
    assert run([PUMP, OTHER_PUMP], [0.0, 0.0], [0.0, 0.0]) == ([25.0, 25.0], [LAST_PUMP, LAST_PUMP])


def test_fm_12_a_pump_without_a_new_command_counts_with_its_last():
    allowed, refusals = run([PUMP, PUMP], [0.0, NAN], [0.0, 40.0])
    assert (allowed[0], refusals[0]) == (0.0, NONE)


def test_fm_12_a_pump_counts_as_running_however_slow_its_minimum():
    slow = row(0.5, zero=1.0, failsafe=75.0, group=0.0)
    assert run([slow, slow], [0.0, 0.5], [0.0, 0.5]) == ([0.0, 0.5], [NONE, NONE])


def test_fm_12_a_pump_nobody_knows_anything_about_does_not_count_as_running():
    allowed, refusals = run([PUMP, PUMP], [0.0, NAN], [0.0, NAN])
    assert (allowed[0], refusals[0]) == (25.0, LAST_PUMP)


def test_the_last_pump_rule_never_writes_to_a_pump_that_was_not_adopted_or_of_which_nothing_is_asked():
    allowed, refusals = run([PUMP, PUMP], [0.0, NAN], [NAN, 0.0])
    assert np.isnan(allowed).all()
    assert refusals == [Refusal.NOT_ADOPTED, NONE]


@pytest.mark.parametrize("permit", list(Permit))
def test_i8_a_pump_that_may_not_be_written_is_not_kept_either(permit):
    permits = [EVERY_PERMIT & ~int(permit), EVERY_PERMIT]
    allowed, refusals = run([PUMP, PUMP], [0.0, 0.0], [0.0, 0.0], permits=permits)
    assert np.isnan(allowed[0])
    assert (allowed[1], refusals[1]) == (25.0, LAST_PUMP)
    assert np.isnan(run([PUMP], [0.0], [0.0], permits=permits[0])[0]).all()


def test_nothing_is_substituted_where_nothing_is_demanded():
    assert np.isnan(run([PUMP, PUMP], [NAN, NAN], [0.0, 0.0])[0]).all()
    assert np.isnan(run([PUMP], [0.0], [0.0], modes=Mode.DISABLED)[0]).all()


def test_fm_12_a_refused_pump_that_stood_still_is_started():
    assert run([PUMP], [10.0], [0.0]) == ([25.0], [LAST_PUMP])


def test_valves_are_no_pumps():
    assert run([VALVE], [0.0], [0.0]) == ([0.0], [NONE])


@pytest.mark.parametrize("claim", [Claim.LOOP, Claim.OUTSIDE, Claim.OPERATOR, Claim.INTERLOCK, Claim.TRIP])
def test_i3_fm_05_fm_09_only_a_trip_stops_the_last_pump(claim):
    allowed, refusals = run([PUMP, PUMP], [0.0, 0.0], [25.0, 25.0], claims=claim)
    if claim is Claim.TRIP:
        assert (allowed, refusals) == ([0.0, 0.0], [NONE, NONE])
    else:
        assert (allowed, refusals) == ([27.0, 0.0], [LAST_PUMP, NONE])


def test_i3_a_trip_elsewhere_stops_nothing_here():
    claims = [Claim.LOOP, Claim.TRIP]
    assert run([PUMP, OTHER_PUMP], [0.0, 0.0], [0.0, 0.0], claims=claims) == ([25.0, 0.0], [LAST_PUMP, NONE])


# Ways of the pumps


def ways(branches, bypass=None, pump=50.0, last=None, **options):
    """Judge branches (and a bypass) on a running pump; each a demand, or (demand, last)."""
    pairs = [each if isinstance(each, tuple) else (each, each) for each in branches]
    limits = [PUMP, *[BRANCH] * len(pairs)]
    if bypass is not None:
        pairs.append(bypass if isinstance(bypass, tuple) else (bypass, bypass))
        limits.append(BYPASS)
    demands, lasts = [pump, *[p[0] for p in pairs]], [pump if last is None else last, *[p[1] for p in pairs]]
    allowed, refusals = run(limits, demands, lasts, **options)
    return allowed[1:], refusals[1:]


def test_fm_08_i3_the_last_way_of_a_running_pump_is_held():
    assert ways([(LEAST - 1.0, LEAST)]) == ([LEAST], [DEAD_HEAD])
    assert ways([(LEAST - 1.0, LEAST + 1.0)]) == ([LEAST + 1.0], [DEAD_HEAD])


def test_fm_08_what_is_exactly_enough_passes():
    assert ways([(LEAST, LEAST + 1.0)]) == ([LEAST], [NONE])


def test_fm_08_all_ways_count_together_and_only_as_many_are_held_as_must_be():
    assert ways([(11.0, 13.0), (13.0, 13.0)]) == ([13.0, 13.0], [DEAD_HEAD, NONE])
    assert ways([(11.0, 13.0), (12.0, 13.0)]) == ([13.0, 12.0], [DEAD_HEAD, NONE])
    assert ways([(0.0, 2.0), (100.0, 100.0)]) == ([0.0, 100.0], [NONE, NONE])


def test_fm_08_a_bypass_is_a_way_too_and_is_held_as_they_are():
    assert ways([(0.0, 1.0)], bypass=30.0) == ([0.0, 30.0], [NONE, NONE])
    assert ways([0.0], bypass=(24.0, 26.0)) == ([0.0, 26.0], [NONE, DEAD_HEAD])


def test_fm_08_opening_is_never_held():
    assert ways([(2.0, 0.0)]) == ([2.0], [NONE])
    assert ways([5.0]) == ([5.0], [NONE])


def test_fm_08_a_way_of_which_nothing_is_known_counts_as_shut():
    allowed, refusals = ways([(24.0, 25.0), (NAN, NAN)])
    assert (allowed[0], refusals[0]) == (25.0, DEAD_HEAD)


def test_fm_08_a_way_without_a_new_command_counts_with_its_last():
    allowed, refusals = ways([(24.0, 25.0), (NAN, 40.0)])
    assert (allowed[0], refusals[0]) == (24.0, NONE)


def test_ways_may_be_shut_while_no_pump_runs():
    options = {"claims": [Claim.TRIP, Claim.TRIP], "pump": 0.0, "last": 0.0}
    assert ways([(0.0, 1.0)], **options) == ([0.0], [NONE])


def test_fm_08_a_pump_of_which_nothing_is_known_may_be_running():
    allowed, refusals = run([PUMP, BRANCH], [NAN, 0.0], [NAN, 1.0])
    assert (allowed[1], refusals[1]) == (1.0, DEAD_HEAD)


def test_fm_08_pumps_of_another_cdu_do_not_count_but_of_an_unknown_one_every_pump_does():
    stopped = {"claims": [Claim.TRIP, Claim.LOOP, Claim.LOOP]}
    assert run([PUMP, OTHER_PUMP, BRANCH], [0.0, 50.0, 0.0], [0.0, 50.0, 1.0], **stopped)[1][2] is NONE
    assert run([PUMP, OTHER_PUMP, UNKNOWN_FEED], [0.0, 50.0, 0.0], [0.0, 50.0, 1.0], **stopped)[1][2] is DEAD_HEAD


def test_fm_08_without_any_pump_of_ours_somebody_elses_may_be_running():
    assert run([BRANCH], [0.0], [1.0])[1] == [DEAD_HEAD]
    assert run([UNKNOWN_FEED], [0.0], [1.0])[1] == [DEAD_HEAD]


def test_ways_of_another_manifold_do_not_count():
    other = row(paths=1.0, fed_by=0.0)
    assert run([PUMP, BRANCH, other], [50.0, 0.0, 100.0], [50.0, 1.0, 100.0])[1] == [NONE, DEAD_HEAD, NONE]


def test_a_facility_valve_is_no_way():
    assert run([PUMP, VALVE], [50.0, 0.0], [50.0, 1.0])[1] == [NONE, NONE]


def test_fm_07_fm_08_beside_shut_branches_the_bypass_is_opened_within_slew():
    assert ways([0.0, 0.0], bypass=0.0) == ([0.0, 0.0, STEP_PCT], [NONE, NONE, DEAD_HEAD])
    assert ways([0.0, 0.0], bypass=(8.0, 10.0)) == ([0.0, 0.0, 10.0 + STEP_PCT], [NONE, NONE, DEAD_HEAD])
    assert ways([20.0], bypass=(4.0, 4.0)) == ([20.0, 6.0], [NONE, DEAD_HEAD])


def test_fm_08_a_bypass_that_opens_as_fast_as_it_may_is_not_interfered_with():
    assert ways([0.0], bypass=(STEP_PCT, 0.0)) == ([0.0, STEP_PCT], [NONE, NONE])
    assert ways([0.0], bypass=(1.0, 0.0)) == ([0.0, STEP_PCT], [NONE, DEAD_HEAD])


def test_fm_08_beside_open_branches_the_bypass_does_as_it_is_told():
    assert ways([LEAST], bypass=(0.0, 1.0)) == ([LEAST, 0.0], [NONE, NONE])


def test_fm_08_the_bypass_opens_no_further_than_it_goes():
    limit = row(0.0, 3.0, paths=0.0, fed_by=0.0, bypass=1.0)
    assert run([PUMP, BRANCH, limit], [50.0, 0.0, 2.0], [50.0, 0.0, 2.0])[0][2] == 3.0


@pytest.mark.parametrize("permit", list(Permit))
def test_i8_a_bypass_that_may_not_be_written_is_left_alone(permit):
    permits = [EVERY_PERMIT, EVERY_PERMIT, EVERY_PERMIT & ~int(permit)]
    assert np.isnan(ways([0.0], bypass=0.0, permits=permits)[0][1])


def test_fm_08_a_bypass_that_was_not_adopted_is_left_alone():
    allowed, refusals = ways([0.0], bypass=(5.0, NAN))
    assert np.isnan(allowed[1])
    assert refusals[1] is Refusal.NOT_ADOPTED


def test_fm_08_a_bypass_refused_for_its_value_is_opened_all_the_same():
    assert ways([0.0], bypass=(101.0, 10.0)) == ([0.0, 12.0], [NONE, DEAD_HEAD])


@pytest.mark.parametrize("claim", [Claim.INTERLOCK, Claim.TRIP])
def test_fm_04_not_even_a_trip_shuts_the_last_way_of_a_running_pump(claim):
    claims = [Claim.LOOP, claim]
    assert ways([(24.0, 25.0)], claims=claims) == ([25.0], [DEAD_HEAD])


def test_fm_04_the_last_branch_closes_as_its_bypass_opens():
    """Both at the same slew: bypass before branch (FM-11), and at no time less than enough is open."""
    branch, bypass = LEAST, 0.0
    for _ in range(40):
        (branch, bypass), _ = ways(
            [(max(branch - STEP_PCT, 0.0), branch)], bypass=(min(bypass + STEP_PCT, 50.0), bypass)
        )
        assert branch + bypass >= LEAST
    assert (branch, bypass) == (0.0, 50.0)


def test_dt_is_what_the_rig_says():
    assert STEP_PCT == 4.0 * DT_S


def test_a_kept_pump_moves_however_short_the_cycle():
    assert kept_speed(np.array(PUMP), 25.0, 0.1) == pytest.approx(25.4)


def test_fm_08_a_pump_is_running_however_slow_it_may_be():
    slow = row(0.5, zero=1.0, failsafe=75.0, group=0.0)
    assert run([slow, BRANCH], [0.5, 24.0], [0.5, 25.0])[1] == [NONE, DEAD_HEAD]


def test_fm_08_a_way_that_is_hardly_open_counts_with_what_it_is():
    assert ways([(24.5, 25.0), 0.5]) == ([24.5, 0.5], [NONE, NONE])

"""Several sensors, one value: who is believed, for how long, and that no change of it steps the loop. FM-15."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_rig import APART, APART_S, PERIOD_S, RATE_PER_S, VoteRig

from coolantd.control.sensor_layout import HIGHEST
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, carry_sensors, initial_sensors
from coolantd.point import Quality, Reason


@pytest.mark.parametrize(
    ("values", "voted"),
    [
        ((34.0,), 34.0),
        ((34.0, 34.4), 34.2),
        ((34.0, 34.4, 34.1), 34.1),
        ((34.0, 34.4, 34.1, 34.3), 34.2),
        ((34.0, 34.0, 34.0), 34.0),
        ((34.4, 33.9, 34.1, 34.2, 34.0), 34.1),
    ],
)
def test_the_mean_of_two_and_the_median_of_more(values, voted):
    rig = VoteRig(*values)
    assert rig.voted == pytest.approx(voted)
    assert (rig.voted_quality, rig.voted_reason) == (Quality.GOOD, Reason.NONE)


def test_fm_15_who_contradicts_the_majority_for_its_time_is_excluded_and_the_value_does_not_step():
    rig = VoteRig(34.0, 34.2, 34.4)
    rig.put(2, 35.3)
    rig.run(APART_S - PERIOD_S)
    assert rig.excluded() == []
    assert rig.voted == 34.2
    rig.run()
    assert rig.excluded() == [2]
    assert rig.voted == pytest.approx(34.2, abs=RATE_PER_S * PERIOD_S + 1e-9)
    rig.run(60.0)
    assert rig.voted == pytest.approx(34.1)
    assert rig.voted_quality is Quality.GOOD


def test_less_than_the_limit_or_for_less_than_the_time_excludes_nobody():
    rig = VoteRig(34.0, 34.2, 34.4)
    rig.put(2, 34.2 + APART)
    rig.run(300.0)
    rig.put(2, 36.0)
    rig.run(APART_S - PERIOD_S)
    rig.put(2, 34.5)
    rig.run()
    rig.put(2, 36.0)
    rig.run(APART_S - PERIOD_S)
    assert rig.excluded() == []


def test_an_excluded_one_comes_back_after_agreeing_for_as_long_and_not_at_the_limit():
    rig = VoteRig(34.0, 34.2, 36.0)
    rig.run(APART_S)
    assert rig.excluded() == [2]
    rig.put(2, 34.1 + 0.95 * APART)
    rig.run(300.0)
    assert rig.excluded() == [2]
    rig.put(2, 34.3)
    rig.run(APART_S - PERIOD_S)
    assert rig.excluded() == [2]
    rig.run()
    assert rig.excluded() == []


def test_fm_16_a_bad_one_is_left_out_at_once_without_a_step():
    rig = VoteRig(34.0, 34.6)
    rig.spoil(0)
    assert rig.run() == pytest.approx(34.3, abs=RATE_PER_S * PERIOD_S + 1e-9)
    assert rig.voted_quality is Quality.GOOD
    assert rig.run(60.0) == pytest.approx(34.6)
    rig.put(0, 34.0)
    assert rig.run() == pytest.approx(34.6, abs=RATE_PER_S * PERIOD_S + 1e-9)
    assert rig.run(60.0) == pytest.approx(34.3)


def test_of_two_apart_the_one_that_did_not_jump_is_believed_first_and_then_the_safe_one_as_uncertain():
    for safe, safe_value in ((1, 54.0), (-1, 34.0)):
        rig = VoteRig(34.0, 34.2, safe=safe)
        rig.put(1, 54.0)
        rig.run(APART_S - PERIOD_S)
        assert rig.voted == pytest.approx(34.0, abs=0.11)
        assert rig.voted_quality is Quality.GOOD
        rig.run()
        assert rig.disagree
        assert (rig.voted_quality, rig.voted_reason) == (Quality.UNCERTAIN, Reason.SENSOR_FAILURE)
        before = rig.voted
        rig.run()
        assert abs(rig.voted - before) <= RATE_PER_S * PERIOD_S + 1e-9
        rig.run(1300.0)
        assert rig.voted == pytest.approx(safe_value)
        rig.put(1, 34.3)
        rig.run(APART_S + 1300.0)
        assert not rig.disagree
        assert rig.voted == pytest.approx(34.15)
        assert rig.voted_quality is Quality.GOOD


def test_three_without_a_majority_keep_the_middle_one_and_are_uncertain():
    rig = VoteRig(30.0, 32.0, 34.0)
    rig.run(APART_S)
    assert rig.excluded() == []
    assert rig.disagree
    assert rig.voted == 32.0
    assert rig.voted_quality is Quality.UNCERTAIN


def test_all_bad_is_bad_and_a_refused_reading_counts_before_a_silence():
    rig = VoteRig(34.0, 34.2)
    rig.spoil(0, reason=Reason.NO_COMMUNICATION)
    rig.spoil(1, reason=Reason.OUT_OF_RANGE)
    rig.run()
    assert np.isnan(rig.voted)
    assert (rig.voted_quality, rig.voted_reason) == (Quality.BAD, Reason.OUT_OF_RANGE)
    rig.spoil(1, reason=Reason.STALE)
    rig.run()
    assert rig.voted_reason is Reason.STALE
    rig.put(0, 36.0)
    assert rig.run() == 36.0  # what was long ago is no reason to ramp


@pytest.mark.parametrize("seed", range(5))
def test_fm_15_a_noisy_sensor_never_carries_the_value_away_from_what_the_sensors_show(seed):
    """Its readings part and agree again and again: each time the voters change, and with them what is taken out."""
    noise, rig = np.random.default_rng(seed), VoteRig(34.0, 34.0)
    for _ in range(7200):
        rig.put(0, 34.0 + 3.0 * noise.standard_normal())
        rig.run()
        low, high = sorted(rig.value[:2])
        assert low - APART <= rig.voted <= high + APART
    rig.put(0, 34.0)
    rig.run(10.0)
    assert rig.voted == pytest.approx(34.0, abs=APART)


def test_fm_16_when_the_believed_one_of_two_that_contradict_each_other_goes_bad_the_other_counts_at_once():
    rig = VoteRig(34.0, 34.0)
    rig.put(1, 44.0)
    rig.run(5.0)
    assert rig.voted == pytest.approx(34.0, abs=0.1)
    rig.spoil(0)
    assert rig.run() == pytest.approx(44.0 - APART)


def test_one_that_was_voted_out_does_not_control_alone():
    rig = VoteRig(34.0, 34.1, 37.0)
    rig.run(APART_S)
    rig.spoil(0)
    rig.spoil(1)
    rig.run()
    assert (rig.voted_quality, rig.voted_reason) == (Quality.BAD, Reason.OUT_OF_RANGE)


def test_old_ones_count_only_where_no_good_one_is_left_and_the_oldest_used_gives_the_age():
    rig = VoteRig(34.0, 34.4)
    rig.age_s[:2] = 0.2, 1.2
    rig.run()
    assert rig.age_s[2] == 1.2
    rig.spoil(1, Quality.UNCERTAIN, Reason.STALE)
    rig.run(60.0)
    assert (rig.voted, rig.voted_quality) == (pytest.approx(34.0), Quality.GOOD)
    assert rig.age_s[2] == 0.2
    rig.spoil(0, Quality.UNCERTAIN, Reason.STALE)
    rig.run(60.0)
    assert rig.voted == pytest.approx(34.2)
    assert (rig.voted_quality, rig.voted_reason) == (Quality.UNCERTAIN, Reason.STALE)


def test_fm_03_of_dew_points_the_highest_counts_at_once_and_whatever_the_others_say():
    rig = VoteRig(13.0, 13.5, 13.2, rule=HIGHEST)
    assert rig.voted == 13.5
    rig.put(0, 19.0)
    assert rig.run() == 19.0
    rig.run(300.0)
    assert rig.excluded() == []
    assert (rig.voted, rig.voted_quality) == (19.0, Quality.GOOD)
    assert rig.disagree
    rig.spoil(0, Quality.UNCERTAIN, Reason.STALE)
    assert rig.run() == 19.0  # old, and still a bound
    rig.spoil(0)
    assert rig.run() == 13.5


@pytest.mark.parametrize("count", [2, 3])
def test_fm_15_a_drift_of_a_tenth_of_a_kelvin_a_minute_is_told_within_five_minutes(count):
    rig = VoteRig(*[34.0 + 0.2 * k for k in range(count)])
    random = np.random.default_rng(7)
    noise = 0.02 * random.standard_normal((4000, count))
    for k in range(3000):
        rig.value[:count] = 34.0 + 0.2 * np.arange(count) + noise[k]
        rig.run()
    assert rig.drifting() == []
    told_s = None
    for k in range(3000, 3700):
        drift_s = (k - 2999) * PERIOD_S
        rig.value[:count] = 34.0 + 0.2 * np.arange(count) + noise[k]
        rig.value[0] += 0.1 / 60.0 * drift_s
        rig.run()
        told_s = drift_s if told_s is None and 0 in rig.drifting() else told_s
    assert told_s is not None
    assert told_s <= 300.0
    assert count == 2 or rig.drifting() == [0]


def test_two_sensors_apart_by_their_tolerance_drift_nowhere():
    rig = VoteRig(33.8, 34.2)
    for _ in range(2000):
        rig.run()
    assert rig.drifting() == []
    assert rig.voted == pytest.approx(34.0)


def vote_of(tag, members):
    return VoteParameters(
        tag=tag, members=members, cdu=0, point=9, member_points=tuple(range(len(members))), rule=0, safe=1,
        apart=1.0, apart_s=30.0, rate_per_s=RATE_PER_S, drift=0.4,
    )  # fmt: skip


def test_a_reload_keeps_the_memory_of_a_vote_and_another_list_goes_on_from_its_value():
    rig = VoteRig(34.0, 34.1, 37.0)
    rig.run(APART_S)
    same = carry_sensors(rig.plan, rig.state, rig.plan)
    assert np.array_equal(same.vs, rig.state.vs, equal_nan=True)
    fewer = SensorPlan((vote_of("cdu1.voted", ("cdu1.t2", "cdu1.t1")),))
    carried = carry_sensors(rig.plan, rig.state, fewer)
    rig.plan, rig.state = fewer, carried
    rig.value, rig.quality = np.array([37.0, 34.1, *[np.nan] * 8]), np.full(10, 2)
    rig.reason, rig.age_s, rig.count = np.zeros(10, dtype=np.int64), np.zeros(10), 9
    before = float(carried.vs[0, 0])
    assert rig.run() == pytest.approx(before, abs=RATE_PER_S * PERIOD_S + 1e-9)
    assert carry_sensors(rig.plan, rig.state, SensorPlan((vote_of("cdu2.voted", ("cdu1.t1",)),))).vs[0, 1] == 0.0


def test_more_members_than_the_arrays_hold_are_refused():
    with pytest.raises(ValueError, match="too many"):
        SensorPlan((vote_of("cdu1.voted", tuple(f"cdu1.t{k}" for k in range(7))),))


reading = st.one_of(st.floats(-1e6, 1e6), st.floats(33.0, 36.0))
cycle = st.lists(st.tuples(reading, st.sampled_from(list(Quality))), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cycle, st.integers(1, 70)), min_size=1, max_size=8), st.sampled_from([0, HIGHEST]))
def test_a_vote_never_leaves_its_members_nor_invents_a_value(story, rule):
    rig = VoteRig(34.0, 34.1, 34.2, 34.3, rule=rule)
    for told, times in story:
        for k, (value, quality) in enumerate(told):
            rig.put(k, value)
            rig.spoil(k, quality) if quality is not Quality.GOOD else None
        for _ in range(times):
            rig.run()
            usable = rig.value[:4][rig.quality[:4] != Quality.BAD]
            assert (rig.voted_quality is Quality.BAD) == bool(np.isnan(rig.voted))
            if usable.size == 0:
                assert np.isnan(rig.voted)
            elif np.isfinite(rig.voted):
                owed = APART + 1e-6
                assert usable.min() - owed <= rig.voted <= usable.max() + owed
            assert np.isfinite(rig.state.vs[0, 1:5]).all()


def test_nothing_is_remembered_before_the_first_cycle():
    state = initial_sensors(SensorPlan())
    assert state.vs.shape[0] == state.ss.shape[0] == 0

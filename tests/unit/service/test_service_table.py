"""The point table: newest sample wins, age turns into quality, silence keeps its reason, differences."""

import numpy as np
import pytest

from coolantd.config.build import PointSpec
from coolantd.point import Quality, Reason, Sample, bad, good
from coolantd.protocol.profile import DifferencePoint
from coolantd.service.table import PointTable

DIFFERENCE = DifferencePoint(name="dp", minuend="a", subtrahend="b", unit="kPa", minimum=-10.0, maximum=100.0)
A, B, DP, OTHER = range(4)


def spec(point, *, device="cdu1", period_s=0.5, difference=None):
    return PointSpec(device=device, point=point, unit="kPa", period_s=period_s, difference=difference)


def table_of(*, b_period_s=0.5):
    slower_s = max(0.5, b_period_s)
    return PointTable(
        [
            spec("a"),
            spec("b", period_s=b_period_s),
            spec("dp", period_s=slower_s, difference=DIFFERENCE),
            spec("x", device="cdu2", period_s=5.0),
        ]
    )


def row(table, now_s, which):
    snapshot = table.snapshot(now_s)
    return (
        float(snapshot.value[which]),
        Quality(int(snapshot.quality[which])),
        Reason(int(snapshot.reason[which])),
        float(snapshot.age_s[which]),
    )


def test_before_the_first_sample_a_point_is_bad_and_waiting():
    value, quality, reason, age_s = row(table_of(), 100.0, A)
    assert np.isnan(value)
    assert (quality, reason, age_s) == (Quality.BAD, Reason.WAITING_FOR_INITIAL_DATA, np.inf)


@pytest.mark.parametrize(
    ("periods", "quality", "reason"),
    [
        (0.0, Quality.GOOD, Reason.NONE),
        (2.0, Quality.GOOD, Reason.NONE),
        (2.0 + 2**-20, Quality.UNCERTAIN, Reason.STALE),
        (3.0, Quality.UNCERTAIN, Reason.STALE),
        (3.0 + 2**-20, Quality.BAD, Reason.STALE),
        (1e6, Quality.BAD, Reason.STALE),
    ],
)
@pytest.mark.parametrize("which", [A, OTHER])
def test_fm_18_stale_after_two_periods_and_bad_after_three_exactly(periods, quality, reason, which):
    table = table_of()
    table.put(which, good(12.0, 64.0))
    period_s = 0.5 if which == A else 5.0
    value, found, why, age_s = row(table, 64.0 + periods * period_s, which)
    assert (found, why, age_s) == (quality, reason, periods * period_s)
    assert np.isnan(value) == (quality is Quality.BAD)


def test_a_snapshot_ages_nothing_for_good():
    table = table_of()
    table.put(A, good(12.0, 10.0))
    table.snapshot(1000.0)
    assert row(table, 10.0, A)[:2] == (12.0, Quality.GOOD)


def test_what_silenced_a_point_is_told_once_it_is_bad_and_forgotten_at_the_next_sample():
    table = table_of()
    table.put(A, good(12.0, 10.0))
    table.silent([A], Reason.NOT_CONNECTED)
    assert row(table, 10.5, A)[:3] == (12.0, Quality.GOOD, Reason.NONE)
    assert row(table, 11.2, A)[1:3] == (Quality.UNCERTAIN, Reason.STALE)
    assert row(table, 12.0, A)[1:3] == (Quality.BAD, Reason.NOT_CONNECTED)
    table.put(A, good(13.0, 12.0))
    assert row(table, 14.0, A)[1:3] == (Quality.BAD, Reason.STALE)


def test_a_refused_reading_is_bad_at_once_and_keeps_its_reason_however_old():
    table = table_of()
    table.put(A, good(12.0, 10.0))
    table.put(A, bad(Reason.OUT_OF_RANGE, 10.5))
    for now_s in (10.5, 20.0):
        value, quality, reason, _ = row(table, now_s, A)
        assert np.isnan(value)
        assert (quality, reason) == (Quality.BAD, Reason.OUT_OF_RANGE)


def test_fm_39_an_older_sample_is_ignored_and_one_of_the_same_time_is_not():
    table = table_of()
    table.put(A, good(12.0, 10.0))
    table.put(A, good(99.0, 9.9))
    assert table.sample(A) == good(12.0, 10.0)
    table.put(A, good(13.0, 10.0))
    assert table.sample(A) == good(13.0, 10.0)


def test_an_uncertain_sample_stays_uncertain_and_says_why():
    table = table_of()
    table.put(A, Sample(12.0, Quality.UNCERTAIN, Reason.SUBSTITUTED, 10.0))
    assert row(table, 10.0, A)[1:3] == (Quality.UNCERTAIN, Reason.SUBSTITUTED)
    assert row(table, 11.2, A)[1:3] == (Quality.UNCERTAIN, Reason.SUBSTITUTED)


def test_an_age_is_never_negative():
    table = table_of()
    table.put(A, good(12.0, 10.0))
    assert row(table, 9.0, A)[3] == 0.0


def test_a_difference_takes_the_value_and_the_oldest_time_of_its_two():
    table = table_of()
    table.put(A, good(150.0, 10.0))
    table.put(B, good(60.0, 9.8))
    assert row(table, 10.0, DP) == (90.0, Quality.GOOD, Reason.NONE, pytest.approx(0.2))


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_a_difference_takes_the_worst_quality_of_its_two(order):
    first, second = order
    table = table_of()
    table.put(first, good(50.0, 10.0))
    table.put(second, Sample(40.0, Quality.UNCERTAIN, Reason.SUBSTITUTED, 10.0))
    assert row(table, 10.0, DP)[1:3] == (Quality.UNCERTAIN, Reason.SUBSTITUTED)
    table.put(second, bad(Reason.SENSOR_FAILURE, 10.1))
    value, quality, reason, _ = row(table, 10.1, DP)
    assert np.isnan(value)
    assert (quality, reason) == (Quality.BAD, Reason.SENSOR_FAILURE)


@pytest.mark.parametrize(("a", "bad_it_is"), [(160.0, False), (160.001, True), (50.0, False), (49.999, True)])
def test_a_difference_outside_its_range_is_bad(a, bad_it_is):
    table = table_of()
    table.put(A, good(a, 10.0))
    table.put(B, good(60.0, 10.0))
    value, quality, reason, _ = row(table, 10.0, DP)
    assert (quality is Quality.BAD) == bad_it_is
    assert (reason is Reason.OUT_OF_RANGE) == bad_it_is
    assert np.isnan(value) == bad_it_is


@pytest.mark.parametrize("fresh", [A, B])
def test_fm_18_a_difference_is_as_dead_as_its_dead_part_and_says_why(fresh):
    stale = B if fresh == A else A
    table = table_of()
    table.put(stale, good(60.0, 10.0))
    table.silent([stale], Reason.NOT_CONNECTED)
    table.put(fresh, good(70.0, 12.0))
    assert row(table, 12.0, DP)[1:3] == (Quality.BAD, Reason.NOT_CONNECTED)


def test_fm_18_a_part_read_often_is_not_excused_by_one_read_seldom():
    table = table_of(b_period_s=5.0)
    table.put(A, good(150.0, 10.0))
    table.put(B, good(60.0, 10.0))
    assert row(table, 11.2, DP)[1] is Quality.UNCERTAIN
    assert row(table, 12.0, DP)[1] is Quality.BAD


def test_a_difference_before_any_sample_is_waiting():
    assert row(table_of(), 10.0, DP)[1:3] == (Quality.BAD, Reason.WAITING_FOR_INITIAL_DATA)


def test_samples_of_points_that_stay_are_carried_into_a_new_table():
    old = table_of()
    old.put(A, good(12.0, 10.0))
    old.silent([A], Reason.NO_COMMUNICATION)
    new = PointTable([spec("x", device="cdu2", period_s=5.0), spec("new"), spec("a")])
    new.carry(old)
    assert new.sample(2) == good(12.0, 10.0)
    assert row(new, 20.0, 2)[2] is Reason.NO_COMMUNICATION
    assert row(new, 20.0, 1)[2] is Reason.WAITING_FOR_INITIAL_DATA


def test_fm_20_samples_of_a_device_that_moved_are_another_machines():
    old, new = table_of(), table_of()
    old.put(A, good(12.0, 10.0))
    old.put(OTHER, good(7.0, 10.0))
    new.carry(old, without={"cdu1"})
    assert row(new, 10.0, A)[2] is Reason.WAITING_FOR_INITIAL_DATA
    assert new.sample(OTHER) == good(7.0, 10.0)


def test_labels_are_in_the_order_of_the_rows():
    labels = table_of().labels
    assert labels.devices == ("cdu1", "cdu1", "cdu1", "cdu2")
    assert labels.points == ("a", "b", "dp", "x")


def test_a_reply_put_at_once_is_each_of_its_samples_and_never_displaces_a_newer_one():
    at_once, one_by_one = table_of(), table_of()
    for table in (at_once, one_by_one):
        table.silent([A], Reason.NOT_CONNECTED)
        table.put(B, good(7.0, 11.0))
    samples = {A: bad(Reason.OUT_OF_RANGE, 10.0), B: good(2.0, 10.0), OTHER: good(3.0, 10.0)}
    for which, sample in samples.items():
        one_by_one.put(which, sample)
    rows, columns = np.array(list(samples)), list(samples.values())
    at_once.put_many(
        rows,
        np.array([s.value for s in columns]),
        np.array([int(s.quality) for s in columns]),
        np.array([int(s.reason) for s in columns]),
        10.0,
    )
    assert at_once.sample(B) == good(7.0, 11.0)
    for now_s in (10.5, 12.0, 20.0):
        for which in (A, B, DP, OTHER):
            assert repr(row(at_once, now_s, which)) == repr(row(one_by_one, now_s, which))


def test_a_register_left_to_another_writer_is_marked_while_it_has_a_value():
    table = PointTable([PointSpec(device="d", point="a_pct", unit="%", period_s=1.0)])
    table.put(0, good(50.0, 100.0))
    table.overridden(0, value=True)
    for now_s, quality in ((100.5, Quality.GOOD), (102.5, Quality.UNCERTAIN)):
        snapshot = table.snapshot(now_s)
        assert (snapshot.quality[0], snapshot.reason[0]) == (quality, Reason.LOCAL_OVERRIDE)
    assert table.snapshot(110.0).reason[0] == Reason.STALE
    table.overridden(0, value=False)
    assert table.snapshot(100.5).reason[0] == Reason.NONE

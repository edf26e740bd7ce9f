"""What people are shown of the points is what control made of them, and nobody else's word."""

import numpy as np

from coolantd.control.golden_sensors import MORE, more_sensors
from coolantd.point import Quality, Reason, Snapshot
from coolantd.service.judged import as_judged

SUPPLY, PRESSURE, DEW, FIRST = 0, 1, 6, 9
VOTED = FIRST + 4
PLAN = more_sensors(FIRST, SUPPLY, PRESSURE, DEW)
PERIOD_S = 0.5


def snapshot(value=50.0, quality=Quality.GOOD):
    n = FIRST + MORE
    return Snapshot(
        np.full(n, value), np.full(n, int(quality), dtype=np.int64), np.zeros(n, dtype=np.int64), np.ones(n)
    )


def test_a_voted_point_is_what_the_step_made_of_it_and_ages():
    seen = snapshot(34.0)
    shown = as_judged(snapshot(np.nan, Quality.BAD), PLAN, seen, 0.25, PERIOD_S)
    assert (shown.value[VOTED], shown.quality[VOTED], shown.age_s[VOTED]) == (34.0, Quality.GOOD, 1.25)
    assert shown.quality[SUPPLY] == Quality.BAD


def test_what_nobody_votes_any_more_is_bad():
    shown = as_judged(snapshot(), PLAN, snapshot(34.0), 3.1 * PERIOD_S, PERIOD_S)
    assert np.isnan(shown.value[VOTED])
    assert (shown.quality[VOTED], shown.reason[VOTED]) == (Quality.BAD, Reason.STALE)


def test_fm_13_a_sensor_that_stands_still_is_shown_as_control_sees_it():
    seen = snapshot(34.0)
    seen.quality[SUPPLY], seen.reason[SUPPLY] = int(Quality.UNCERTAIN), int(Reason.STUCK)
    seen.quality[FIRST], seen.reason[FIRST] = int(Quality.BAD), int(Reason.STUCK)
    table = snapshot()
    shown = as_judged(table, PLAN, seen, 0.0, PERIOD_S)
    assert (shown.value[SUPPLY], shown.quality[SUPPLY], shown.reason[SUPPLY]) == (50.0, Quality.UNCERTAIN, Reason.STUCK)
    assert np.isnan(shown.value[FIRST])
    assert (shown.quality[FIRST], shown.reason[FIRST]) == (Quality.BAD, Reason.STUCK)
    assert table.quality[SUPPLY] == Quality.GOOD

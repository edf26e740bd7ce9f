"""What people are shown of the points is what control made of them, and nobody else's word."""

import numpy as np
import pytest
from fake_clock import FakeClock

from coolantd.config.build import PointSpec
from coolantd.control.conditions import Condition
from coolantd.control.golden import voting_plan
from coolantd.control.golden_sensors import MORE, more_sensors
from coolantd.control.step import initial_state
from coolantd.point import Quality, Reason, Snapshot, good
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.service.cycle import Cycle
from coolantd.service.judged import as_judged
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable


class Recorder:
    """A journal that forgets."""

    def record(self, event, **fields):
        pass


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


class Mute:
    """A writer that writes nothing."""

    def permits(self, silent):
        return EVERY_PERMIT

    def carry_out(self, plan, decision, snapshot, now_s):
        pass


def cycle_of(silent):
    """A cycle of the voting golden plan; its second and third supply sensors are another device's."""
    plan, clock = voting_plan(), FakeClock()
    specs = [
        PointSpec(device="other" if row in (FIRST, FIRST + 1) else "d", point=str(row), unit="", period_s=1e6)
        for row in range(FIRST + MORE)
    ]
    table = PointTable(specs)
    for row, value in enumerate([34.0, 90.0, 50.0, 70.0, 50.0, 70.0, 17.0, 400.0, 1.0, 34.1, 34.2, 90.0, 17.0]):
        table.put(row, good(value, clock.now_s()))
    cycle = Cycle(
        clock=clock, metrics=Metrics(), journal=Recorder(), plan=plan, state=initial_state(plan), table=table,
        writer=Mute(), silent_devices=lambda: silent,
    )  # fmt: skip
    return cycle, clock


def test_a_paused_device_takes_its_sensors_out_of_the_vote_and_nothing_steps():
    silent = set()
    cycle, clock = cycle_of(silent)
    assert cycle.judged(clock.now_s()).quality[VOTED] == Quality.BAD  # before the first cycle nobody has voted
    cycle.once(clock.now_s())
    assert cycle.judged(clock.now_s()).value[VOTED] == pytest.approx(34.1)
    silent.add("other")
    for _ in range(30):
        clock.jump(0.5)
        before = cycle.judged(clock.now_s()).value[VOTED]
        cycle.once(clock.now_s())
        shown = cycle.judged(clock.now_s())
        assert shown.value[VOTED] == pytest.approx(before, abs=0.011)
        assert shown.quality[VOTED] == Quality.GOOD
    assert shown.value[VOTED] == pytest.approx(34.0)
    assert cycle.decision.conditions[0, Condition.SENSOR_EXCLUDED] == 1


def test_after_a_reload_with_other_points_nothing_old_is_shown():
    cycle, clock = cycle_of(set())
    cycle.once(clock.now_s())
    cycle.swap(cycle.plan, cycle.state, cycle.table, Mute())
    assert cycle.judged(clock.now_s()).quality[VOTED] == Quality.GOOD
    fewer = PointTable(cycle.table.specs[1:])
    cycle.swap(cycle.plan, cycle.state, fewer, Mute())
    assert cycle.seen is None
    assert (cycle.judged(clock.now_s()).quality == Quality.BAD).all()

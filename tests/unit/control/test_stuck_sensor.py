"""A reading that rests is well; one that rests although it should move is doubted, then refused. FM-13."""

import numpy as np
import pytest
from control_rig import NAMES, site

from coolantd.control.layout import C_MODEL_UA_KW_K, D_MODEL_READY, D_MODEL_SUPPLY_C
from coolantd.control.sensor_layout import (
    MOVED_BY_HEAT,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    MOVED_BY_VALVE,
    SS_VERDICT,
)
from coolantd.control.sensor_plan import SensorPlan, WatchParameters, carry_sensors, initial_sensors
from coolantd.control.step import initial_state
from coolantd.control.stuck_sensor import watch_sensor
from coolantd.point import Quality, Reason

PERIOD_S = 0.5
STILL_S = 30.0
ROW = {name: k for k, name in enumerate(NAMES)}
ORDINARY = {"supply": 34.0, "pressure": 90.0, "valve": 50.0, "pump1": 60.0, "pump2": 60.0, "heat": 300.0, "dew": 13.0}


class Watched:
    """One watched sensor in a plant whose readings are told by hand."""

    def __init__(self, name, kind, *, doubt=1.0, refuse=2.0, model=False):
        plan = site()
        self.x, self.y, self.c, self.d = plan.x[0], plan.y, plan.c[0].copy(), initial_state(plan).d[0]
        if model:
            self.c[C_MODEL_UA_KW_K], self.d[D_MODEL_READY], self.d[D_MODEL_SUPPLY_C] = 300.0, 1.0, 34.0
        watch = WatchParameters(
            tag=f"cdu1.{name}", cdu=0, point=ROW[name], kind=kind, beside=ROW["supply"], still_s=STILL_S,
            doubt=doubt, refuse=refuse, heat_kw=1000.0,
        )  # fmt: skip
        self.plan = SensorPlan((), (watch,))
        self.state = initial_sensors(self.plan)
        self.told = {name: ORDINARY.get(name, 0.0) for name in NAMES}
        self.quality = dict.fromkeys(NAMES, Quality.GOOD)
        self.point = ROW[name]
        self.run(60.0)

    def run(self, duration_s=PERIOD_S):
        for _ in range(round(duration_s / PERIOD_S)):
            self.value = np.array([self.told[name] for name in NAMES])
            self.qualities = np.array([int(self.quality[name]) for name in NAMES])
            self.reasons = np.zeros(len(NAMES), dtype=np.int64)
            fixed, memory = (self.plan.sx[0], self.plan.sp[0]), self.state.ss[0]
            plant = (self.x, self.y, self.c, self.d)
            watch_sensor(*fixed, memory, *plant, self.value, self.qualities, self.reasons, PERIOD_S)
        return Quality(int(self.qualities[self.point]))


def test_at_rest_a_reading_may_rest_for_hours():
    for kind in (MOVED_BY_VALVE, MOVED_BY_HEAT, MOVED_BY_SUPPLY, MOVED_BY_PUMPS):
        assert Watched("supply", kind).run(7200.0) is Quality.GOOD


@pytest.mark.parametrize(
    ("kind", "moved", "model"),
    [
        (MOVED_BY_VALVE, {"valve": 65.0}, False),
        (MOVED_BY_HEAT, {"heat": 315.0}, False),
        (MOVED_BY_SUPPLY, {"supply": 35.5}, False),
        (MOVED_BY_PUMPS, {"pump2": 61.5}, False),
        (MOVED_BY_VALVE, {}, True),
    ],
)
def test_fm_13_what_moves_it_has_moved_and_it_has_not_answered_is_doubted(kind, moved, model):
    rig = Watched("dew" if kind == MOVED_BY_SUPPLY else "pressure", kind, model=model)
    rig.told |= moved
    if model:
        rig.d[D_MODEL_SUPPLY_C] = 35.5
    assert rig.run(STILL_S) is Quality.GOOD
    assert rig.run(15.0) is Quality.UNCERTAIN
    assert rig.reasons[rig.point] == Reason.STUCK
    assert np.isfinite(rig.value[rig.point])
    assert rig.run(600.0) is Quality.UNCERTAIN


def test_fm_13_twice_as_far_refuses_it_and_one_change_clears_it():
    rig = Watched("pressure", MOVED_BY_HEAT)
    rig.told["heat"] = 330.0
    rig.run(120.0)
    assert rig.qualities[rig.point] == Quality.BAD
    assert rig.reasons[rig.point] == Reason.STUCK
    assert np.isnan(rig.value[rig.point])
    rig.told["pressure"] = 90.001
    assert rig.run() is Quality.GOOD
    assert rig.run(600.0) is Quality.GOOD


def test_less_than_enough_or_an_answer_in_time_doubts_nothing():
    rig = Watched("pressure", MOVED_BY_HEAT)
    rig.told["heat"] = 309.0
    assert rig.run(600.0) is Quality.GOOD
    rig.told["heat"] = 340.0
    rig.run(STILL_S - 5.0)
    rig.told["pressure"] = 90.1
    assert rig.run(600.0) is Quality.GOOD


def test_a_move_slower_than_any_loop_says_nothing():
    rig = Watched("pressure", MOVED_BY_HEAT)
    for _ in range(7200):  # 0.2 % an hour, 0.1 % within the time that counts
        rig.told["heat"] += 0.001
        assert rig.run() is Quality.GOOD


def test_what_is_not_known_says_nothing_and_a_stale_reading_is_left_to_its_age():
    rig = Watched("pressure", MOVED_BY_HEAT)
    rig.quality["heat"] = Quality.BAD
    rig.told["heat"] = 900.0
    assert rig.run(120.0) is Quality.GOOD
    rig.quality["heat"] = Quality.GOOD
    assert rig.run(120.0) is Quality.GOOD
    rig.quality["pressure"] = Quality.UNCERTAIN
    rig.told["heat"] = 300.0
    assert rig.run(120.0) is Quality.UNCERTAIN
    assert rig.reasons[rig.point] == Reason.NONE


def test_without_heat_a_valve_moves_nothing():
    rig = Watched("supply", MOVED_BY_VALVE)
    rig.told |= {"heat": 50.0, "valve": 100.0}
    assert rig.run(300.0) is Quality.GOOD


def test_a_reload_goes_on_watching_the_same_sensor():
    rig = Watched("pressure", MOVED_BY_HEAT)
    rig.told["heat"] = 330.0
    rig.run(120.0)
    carried = carry_sensors(rig.plan, rig.state, rig.plan)
    assert carried.ss[0, SS_VERDICT] == rig.state.ss[0, SS_VERDICT] == 2.0
    other = SensorPlan((), (WatchParameters(tag="x.y", cdu=0, point=0, kind=0, beside=-1, still_s=30.0, doubt=1.0,
                                            refuse=2.0, heat_kw=1.0),))  # fmt: skip
    assert np.isnan(carry_sensors(rig.plan, rig.state, other).ss[0, 0])

"""Interlocks in closed loop: a single fault leads to the safe command within a poll and a cycle, and back (I6)."""

import sys
from pathlib import Path

import numpy as np
import pytest
from interlock_rig import PERIOD_S, Protected, protected_plan

from coolantd.control.latches import acknowledge
from coolantd.plant.loop import ADVANCE
from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Mode
from coolantd.safety.requests import Request

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_plant import NOMINAL, PERTURBED

CORNER = PERTURBED[13]
SLEW = np.array([100.0 / 30.0, 5.0, 5.0]) * PERIOD_S
NORMAL_S = 300.0
"""After a fault has cleared the loop is where it was within five minutes (I6)."""


@pytest.fixture(scope="module")
def advance():
    return ADVANCE.compiled(cache=False)


@pytest.fixture(params=[NOMINAL, CORNER], ids=lambda plant: plant.name)
def plant(request):
    return request.param


def is_normal(loop):
    readings = loop.rig.measure()
    held = abs(readings["supply"] - 34.0) < 1.0 and abs(readings["pressure"] - 90.0) < 9.0
    return loop.mode is Mode.AUTOMATIC and not loop.hazards and held


def assert_normal_again(loop, patience_s=NORMAL_S):
    """Run until all is as before, and see that no command jumped on the way (I1, I6)."""
    begun_s = loop.now_s
    while not is_normal(loop):
        loop.cycle()
        assert loop.now_s - begun_s <= patience_s, (loop.mode, loop.hazards, loop.rig.measure())
    loop.run(60.0)
    assert is_normal(loop)
    assert (np.abs(loop.steps) <= SLEW + 1e-6).all()


def test_fm_02_lost_facility_water_is_met_before_the_limit_and_everything_comes_back(advance, stages, plant):
    loop = Protected(plant, advance, stages, 1.0)
    healthy_pa = loop.rig.plant.inputs.fws_differential_pressure_pa
    loop.rig.plant.inputs.fws_differential_pressure_pa = 0.0
    assert loop.until(Hazard.OVER_TEMP_SOON, 120.0) < 60.0
    assert loop.rig.measure()["supply"] < 44.0
    first = loop.steps[-1]
    assert first[1] == first[2] == pytest.approx(SLEW[1])  # the pumps, in the very cycle that found it
    assert loop.until(Hazard.OVER_TEMP_SUPPLY, 120.0) < 60.0
    assert loop.decision.requests[0, Request.REDUCE_LOAD] == 1
    assert loop.decision.requests[0, Request.POWER_OFF] == 0
    loop.run(10.0)
    assert loop.commands[-1] == [100.0, 100.0, 100.0]
    loop.rig.load(0.3)
    loop.rig.plant.inputs.fws_differential_pressure_pa = healthy_pa
    assert_normal_again(loop)


def test_fm_03_a_dew_point_that_jumps_up_closes_the_valve_while_the_pumps_go_on(advance, stages):
    loop = Protected(NOMINAL, advance, stages, 0.6)
    loop.rig.dew_point_c = 35.0
    assert loop.until(Hazard.CONDENSATION, 10.0) <= 2.5
    speed_pct = loop.commands[-1][1]
    loop.run(10.0)
    assert loop.commands[-1][0] == pytest.approx(loop.commands[0][0] - 3.3333 * 10.0, abs=6.0)
    assert loop.commands[-1][1] > speed_pct - 5.0
    loop.run(200.0)
    assert Hazard.CONDENSATION not in loop.hazards
    assert loop.rig.plant.tcs_supply_temp_c > 36.5
    loop.rig.dew_point_c = 13.0
    assert_normal_again(loop, 600.0)  # the setpoint comes back at 2 K/min


def test_fm_03_above_its_limit_heat_outranks_condensation(advance, stages):
    loop = Protected(NOMINAL, advance, stages, 1.0)
    loop.rig.dew_point_c = 60.0  # a sensor gone mad
    assert loop.until(Hazard.CONDENSATION, 10.0) <= 2.5
    assert loop.until(Hazard.OVER_TEMP_SOON, 300.0) < 300.0
    hottest_c = 0.0
    for _ in range(400):
        loop.cycle()
        hottest_c = max(hottest_c, loop.rig.plant.tcs_supply_temp_c)
    assert hottest_c < 45.0
    assert Hazard.CONDENSATION in loop.hazards


def test_fm_08_shut_branches_slow_the_pumps_down_and_open_ones_bring_them_back(advance, stages, plant):
    loop = Protected(plant, advance, stages, 0.6)
    loop.rig.plant.inputs.branch_valve_ratio[:] = 0.0
    assert loop.until(Hazard.DEAD_HEAD, 60.0) < 30.0
    loop.run(20.0)
    assert max(loop.commands[-1][1:]) == 25.0
    assert Hazard.NO_FLOW not in loop.ever  # nobody's power is cut for a valve
    loop.rig.plant.inputs.branch_valve_ratio[:] = 1.0
    assert_normal_again(loop)


def test_fm_01_both_pumps_lost_is_no_flow_in_two_polls_and_power_off_is_asked_for_after_five_seconds(
    advance, stages, plant
):
    loop = Protected(plant, advance, stages, 0.6)
    loop.rig.plant.inputs.pump_available[:] = 0.0
    assert loop.until(Hazard.FLOW_LOST, 20.0) < 8.0
    assert loop.until(Hazard.NO_FLOW, 20.0) < 10.0
    assert loop.decision.requests[0, Request.REDUCE_LOAD] == 1
    begun_s = loop.now_s
    while loop.decision.requests[0, Request.POWER_OFF] == 0:
        loop.cycle()
    assert loop.now_s - begun_s == pytest.approx(5.0, abs=PERIOD_S)
    assert min(loop.commands[-1][1:]) >= 25.0
    loop.rig.plant.inputs.pump_available[:] = 1.0
    loop.rig.load(0.3)
    assert_normal_again(loop)


def test_fm_01_a_dead_flow_meter_alone_never_asks_for_power_off(advance, stages):
    loop = Protected(NOMINAL, advance, stages, 0.6)
    loop.shown["flow"] = 0.0
    loop.run(60.0)
    assert Hazard.FLOW_LOST in loop.hazards
    assert {Hazard.NO_FLOW, Hazard.DEAD_HEAD} & loop.ever == set()
    assert loop.decision.requests[0, Request.POWER_OFF] == 0
    assert min(loop.commands[-1][1:]) >= 75.0
    del loop.shown["flow"]
    assert_normal_again(loop)


def test_fm_05_a_lost_level_stops_the_pumps_latched_and_an_acknowledgement_brings_them_back(advance, stages):
    loop = Protected(NOMINAL, advance, stages, 0.3)
    loop.level = 2.0
    assert loop.until(Hazard.LEVEL_LOST, 20.0) <= 3.5
    assert loop.mode is Mode.TRIPPED
    assert loop.decision.requests[0, Request.POWER_OFF] == 1
    loop.run(30.0)
    assert loop.commands[-1][1:] == [0.0, 0.0]
    loop.rig.load(0.0)  # the power is off, as was asked for
    loop.level = 80.0
    loop.run(120.0)
    assert loop.mode is Mode.TRIPPED
    assert loop.commands[-1][1:] == [0.0, 0.0]
    loop.state = acknowledge(loop.state, 0, Hazard.LEVEL_LOST)
    loop.rig.load(0.3)
    loop.commands.clear()
    loop.run(60.0)
    assert loop.mode is Mode.AUTOMATIC
    assert min(loop.commands[-1][1:]) >= 25.0


@pytest.mark.parametrize("load", [0.1, 0.6, 1.0])
def test_ordinary_load_steps_are_no_hazard(advance, stages, plant, load):
    loop = Protected(plant, advance, stages, 1.1 - load)
    loop.rig.load(load)
    loop.run(240.0)
    assert loop.ever == set()


def test_ordinary_load_steps_are_no_hazard_with_fixed_gains_either(advance, stages):
    plan = protected_plan(model=None)
    loop = Protected(NOMINAL, advance, stages, 0.3, plan=plan)
    loop.rig.load(0.8)
    loop.run(240.0)
    loop.rig.load(0.3)
    loop.run(240.0)
    assert loop.ever <= {Hazard.SUPPLY_TEMP_HIGH}

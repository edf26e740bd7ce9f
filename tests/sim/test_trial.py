"""A trial in closed loop: what it moves, what ends it, and how far the supply goes whatever the plant is."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_rig import DOUBLET, PERIOD_S, TrialRig

from coolantd.control.layout import C_WANTS_MANUAL, PRESSURE, S_OUTPUT, SUPPLY_TEMP
from coolantd.control.trial_limits import AMPLITUDE_MAX_PCT
from coolantd.control.trial_order import Abort, Method, Phase, TrialLimits, TrialOrder
from coolantd.plant.loop import ADVANCE
from coolantd.safety.modes import Mode

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, POINT
from scenario_plant import Perturbation

EXAMPLES = 300 if os.environ.get("COOLANTD_FULL") == "1" else 12
PHYSICS_K = 0.5
"""What a plant may add beyond the limit after the trial has ended: the slope of the very last look ahead."""
STEP = TrialOrder(cdu=0, loop=SUPPLY_TEMP, method=Method.PATTERN, amplitude_pct=3.0, segments=DOUBLET)


@pytest.fixture(scope="module")
def kernels(stages):
    return stages


@pytest.fixture(scope="module")
def advance():
    return ADVANCE.compiled(cache=False)


@pytest.mark.parametrize("model", [DATA_SHEET, None], ids=["model", "fixed gains"])
def test_a_doublet_moves_the_valve_both_ways_and_leaves_the_loop_where_it_was(kernels, advance, model):
    rig = TrialRig(kernels, advance, model=model)
    before_pct = rig.run(PERIOD_S)[1][-1]
    assert rig.order(STEP) == ""
    supply_c, valve_pct, _, _ = rig.run(171.0)
    assert rig.trial.phase is Phase.DONE
    assert valve_pct.max() == pytest.approx(before_pct + 3.0, abs=0.01)
    assert valve_pct.min() == pytest.approx(before_pct - 3.0, abs=0.01)
    assert np.abs(np.diff(valve_pct)).max() <= 100.0 / 30.0 * PERIOD_S + 1e-9
    assert 0.5 < np.abs(supply_c - 34.0).max() < 2.0
    supply_c, valve_pct, _, _ = rig.run(300.0)
    assert np.abs(valve_pct - before_pct).max() < 6.0
    assert np.abs(supply_c[-120:] - 34.0).max() < 0.2


def test_a_pressure_trial_moves_the_pumps_while_the_supply_loop_goes_on(kernels, advance):
    rig = TrialRig(kernels, advance)
    before_pct = rig.run(PERIOD_S)[2][-1]
    pattern = ((5.0, 0.0), (10.0, 1.0), (10.0, -1.0), (5.0, 0.0))
    assert rig.order(replace(STEP, loop=PRESSURE, segments=pattern)) == ""
    supply_c, _, pump_pct, _ = rig.run(31.0)
    assert rig.trial.phase is Phase.DONE
    assert (pump_pct.min(), pump_pct.max()) == pytest.approx((before_pct - 3.0, before_pct + 3.0), abs=0.01)
    assert np.abs(supply_c - 34.0).max() < 0.7


def test_a_relay_finds_a_limit_cycle_and_ends(kernels, advance):
    rig = TrialRig(kernels, advance, plant=Perturbation(noise_ratio=1.0))
    assert rig.order(replace(STEP, method=Method.RELAY, segments=(), cycles=3)) == ""
    supply_c, valve_pct, _, _ = rig.run(400.0)
    assert rig.trial.phase is Phase.DONE
    assert rig.trial.switches == 7
    assert np.abs(supply_c - 34.0).max() < 1.0
    assert np.abs(supply_c[-60:] - 34.0).max() < 0.3
    assert np.ptp(valve_pct) < 10.0


def test_a_sensible_load_change_ends_it_where_power_is_measured(kernels, advance):
    rig = TrialRig(kernels, advance, model=replace(DATA_SHEET, power=(POINT["power"],)))
    assert rig.order(STEP) == ""
    rig.run(30.0)
    rig.rig.load(0.65)
    rig.run(1.0)
    assert rig.trial.abort is Abort.LOAD


def test_nobody_asking_ends_it(kernels, advance):
    rig = TrialRig(kernels, advance)
    assert rig.order(STEP) == ""
    rig.watched = False
    rig.run(11.0)
    assert (rig.trial.phase, rig.trial.abort) == (Phase.ABORTED, Abort.LEASE)


def test_an_order_to_stop_ends_it(kernels, advance):
    rig = TrialRig(kernels, advance)
    rig.order(STEP)
    rig.run(40.0)
    rig.stop()
    supply_c, _, _, _ = rig.run(200.0)
    assert rig.trial.abort is Abort.ORDERED
    assert np.abs(supply_c[-60:] - 34.0).max() < 0.2


@pytest.mark.parametrize("point", ["supply", "pressure", "valve", "pump2"])
def test_a_bad_reading_ends_it_at_once(kernels, advance, point):
    rig = TrialRig(kernels, advance)
    rig.order(STEP)
    rig.run(30.0)
    rig.control.lost = {point}
    rig.run(PERIOD_S)
    assert rig.trial.abort is Abort.READING
    rig.control.lost = set()
    supply_c, _, _, _ = rig.run(200.0)
    assert rig.control.decision.modes[0] == Mode.AUTOMATIC
    assert np.abs(supply_c[-60:] - 34.0).max() < 0.2


def test_another_writer_ends_it(kernels, advance):
    rig = TrialRig(kernels, advance)
    rig.order(STEP)
    rig.run(30.0)
    rig.control.others_valve_pct = 60.0
    rig.run(PERIOD_S)
    assert rig.trial.abort is Abort.OTHER_WRITER


def test_the_dew_point_ends_it(kernels, advance):
    rig = TrialRig(kernels, advance)
    rig.order(STEP)
    rig.run(25.0)
    rig.rig.dew_point_c = 31.9
    rig.run(60.0)
    assert rig.trial.abort is Abort.DEW_POINT


def test_it_is_refused_where_the_output_has_no_room(kernels, advance):
    rig = TrialRig(kernels, advance)
    assert "allowed: above 0, at most 5" in rig.order(replace(STEP, amplitude_pct=60.0))
    rig.control.state.s[0, SUPPLY_TEMP, S_OUTPUT] = 98.0
    assert "would leave 0 to 100 %" in rig.order(STEP)


def test_in_manual_only_a_nudge_is_allowed_and_it_takes_the_outputs_back(kernels, advance):
    rig = TrialRig(kernels, advance)
    rig.control.plan = replace(rig.control.plan, c=rig.control.plan.c.copy())
    rig.control.plan.c[0, C_WANTS_MANUAL] = 1.0
    before_pct = rig.run(5.0)[1][-1]
    assert "allowed: automatic" in rig.order(STEP)
    assert rig.order(replace(STEP, method=Method.NUDGE)) == ""
    assert rig.run(40.0)[1][-1] == pytest.approx(before_pct + 3.0, abs=0.01)
    rig.stop()
    assert rig.run(10.0)[1][-1] == pytest.approx(before_pct, abs=0.1)
    assert (rig.trial.phase, rig.trial.abort) == (Phase.ABORTED, Abort.ORDERED)
    assert rig.control.decision.modes[0] == Mode.MANUAL


def test_one_pump_alone_is_nudged_and_comes_back(kernels, advance):
    rig = TrialRig(kernels, advance)
    order = replace(STEP, loop=PRESSURE, method=Method.NUDGE, actuator=1, segments=((5.0, 0.0), (8.0, 1.0), (5.0, 0.0)))
    assert rig.order(order) == ""
    rig.run(12.0)
    commands = rig.control.decision.commands
    assert commands[1] - commands[2] == pytest.approx(3.0, abs=0.01)
    rig.run(10.0)
    assert rig.trial.phase is Phase.DONE
    commands = rig.control.decision.commands
    assert commands[1] == pytest.approx(commands[2], abs=0.05)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    load=st.floats(0.1, 1.0),
    amplitude_pct=st.floats(-AMPLITUDE_MAX_PCT, AMPLITUDE_MAX_PCT),
    limit_k=st.floats(0.5, 3.0),
    ua_ratio=st.floats(0.7, 1.3),
    kv_ratio=st.floats(0.8, 1.25),
    sensor_lag_s=st.floats(0.5, 5.0),
    relay=st.booleans(),
)
def test_whatever_the_plant_the_supply_stays_within_the_limit_and_what_physics_adds(  # noqa: PLR0917 - drawn by name
    kernels, advance, load, amplitude_pct, limit_k, ua_ratio, kv_ratio, sensor_lag_s, relay
):
    plant = Perturbation(ua_ratio=ua_ratio, kv_ratio=kv_ratio, sensor_lag_s=sensor_lag_s, noise_ratio=1.0)
    rig = TrialRig(kernels, advance, load=load, plant=plant)
    order = replace(STEP, amplitude_pct=amplitude_pct, limits=TrialLimits(supply_k=limit_k))
    if relay:
        order = replace(order, method=Method.RELAY, segments=())
    rig.order(order)
    supply_c, _, _, _ = rig.run(400.0)
    assert np.abs(supply_c - 34.0).max() <= limit_k + PHYSICS_K

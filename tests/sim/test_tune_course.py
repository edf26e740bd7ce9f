"""The whole course of ``coolantd tune`` on plants that its configuration does not know, and on wrong wires."""

import math
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from trial_rig import PERIOD_S, TrialRig
from tune_rig import SimSession

from coolantd.cli.tune_result import result_json, sentences
from coolantd.cli.tune_work import Wish, carry_out
from coolantd.control.layout import C_WANTS_MANUAL
from coolantd.plant.loop import ADVANCE

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET
from scenario_plant import Perturbation, Rig

FULL = os.environ.get("COOLANTD_FULL") == "1"
LIMITS = {"supply_limit_k": 2.0, "pressure_limit_ratio": 0.25}
WISH = Wish(loops=("pressure", "supply_temp"), amplitude_pct=3.0, hold_s=None, relay=True, nudges=True, limits=LIMITS)
PLANTS = [
    Perturbation(name="nominal", noise_ratio=1.0),
    Perturbation(name="small", ua_ratio=0.8, kv_ratio=0.9, sensor_lag_s=3.0, noise_ratio=1.0),
    Perturbation(name="large", ua_ratio=1.2, kv_ratio=1.1, sensor_lag_s=1.0, noise_ratio=1.0),
]
MODEL = asdict(DATA_SHEET)
WITHIN = 0.30


@pytest.fixture(scope="module")
def kernels(stages):
    return stages


@pytest.fixture(scope="module")
def advance():
    return ADVANCE.compiled(cache=False)


def true_gains(plant, load, advance):
    """SIMC's gains from the plant itself, by its answer to 0.3 % of valve; no code of tuning/."""
    rig = Rig(replace(plant, noise_ratio=0.0), 30.0, advance)
    rig.load(load)
    low, high = 0.0, 1.0
    for _ in range(24):  # the valve that holds 34 degC at rest
        rig.plant.inputs.fws_valve_ratio = 0.5 * (low + high)
        rig.plant.settle()
        low, high = (0.5 * (low + high), high) if rig.plant.tcs_supply_temp_c > 34.0 else (low, 0.5 * (low + high))
    rig._temps_c = rig._true_temps_c()
    before_c, dt_s = rig._temps_c[0], 0.1
    shown_k = [0.0]
    rig.plant.inputs.fws_valve_ratio += 0.003
    for _ in range(1800):  # as the cycle does: the bench's sensors lag by whole cycles
        rig.advance(PERIOD_S)
        shown_k.append((rig._temps_c[0] - before_c) / 0.3)
    time_s = dt_s * np.arange(1, 9001)
    answer = np.interp(time_s, PERIOD_S * np.arange(1801), shown_k)
    omega = np.logspace(-3.0, 0.5, 600)
    gain = answer[-1]
    turn = np.exp(-1j * np.outer(omega, time_s))
    seen = (gain + 1j * omega * dt_s * (turn @ (answer - gain))) * np.exp(-0.25j * omega) / gain
    phase = np.unwrap(np.angle(seen))
    at = int(np.flatnonzero(phase <= math.radians(-135.0))[0])
    tau_s = math.sqrt(1.0 / abs(seen[at]) ** 2 - 1.0) / omega[at]
    delay_s = (-phase[at] - math.atan(tau_s * omega[at])) / omega[at]
    return tau_s / (abs(gain) * 2.0 * delay_s), min(tau_s, 8.0 * delay_s)


@pytest.mark.parametrize("load", (0.3, 0.6, 0.9) if FULL else (0.3, 0.9))
@pytest.mark.parametrize("plant", PLANTS if FULL else PLANTS[1:2], ids=lambda plant: plant.name)
def test_gains_are_those_of_the_true_plant(kernels, advance, plant, load):
    session = SimSession(TrialRig(kernels, advance, load=load, plant=plant), MODEL)
    outcome = carry_out(session, WISH, [])
    assert outcome.ok, sentences(outcome)
    found = next(each for each in outcome.results if each.loop == "supply_temp")
    gain, integral_time_s = true_gains(plant, load, advance)
    worst_k = np.abs(np.array(session.supply_c) - 34.0).max()
    assert all(each.relay is None for each in outcome.results if each.loop == "pressure")
    print(
        f"\n{plant.name}, {load:.0%}: gain {found.gains.gain:.2f} ({gain:.2f}), integral time "
        f"{found.gains.integral_time_s:.1f} s ({integral_time_s:.1f}), supply {worst_k:.2f} K off, relay "
        f"{found.relay.predicted_ratio:.2f} {found.relay.predicted_deg:+.0f} deg"
    )
    assert found.gains.gain == pytest.approx(gain, rel=WITHIN)
    assert found.gains.integral_time_s == pytest.approx(integral_time_s, rel=WITHIN)
    assert worst_k <= LIMITS["supply_limit_k"]


def test_two_loads_make_one_recommendation_and_a_model_that_expects_what_is_measured(kernels, advance):
    plant = PLANTS[1]
    step = replace_wish(relay=False, nudges=False, loops=("supply_temp",))
    first = carry_out(SimSession(TrialRig(kernels, advance, load=0.3, plant=plant), MODEL), step, [])
    both = carry_out(
        SimSession(TrialRig(kernels, advance, load=0.9, plant=plant), MODEL), step, [result_json(first, "cdu")]
    )
    (recommendation,) = both.recommendations
    assert recommendation.loads == 2
    assert max(each.ms for each in recommendation.margins) <= 1.72
    assert both.model.points == 8
    assert both.model.bias_after_k < 0.3 * both.model.bias_before_k


def replace_wish(**changes):
    return replace(WISH, **changes)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("valve reversed", "valve_reversed"),
        ("valve dead", "valve_dead"),
        ("pumps swapped", "pumps_swapped"),
        ("temperatures swapped", "temperatures_swapped"),
        ("flow ten times", "flow_scale"),
    ],
)
def test_a_wrong_wire_is_found_in_manual_with_its_sentence(kernels, advance, wrong, key):
    rig = TrialRig(kernels, advance, load=0.5)
    rig.control.plan = replace(rig.control.plan, c=rig.control.plan.c.copy())
    rig.control.plan.c[0, C_WANTS_MANUAL] = 1.0
    rig.run(20.0)
    miswire(rig, wrong)
    rig.run(20.0)
    session = SimSession(rig, MODEL)
    outcome = carry_out(session, replace_wish(loops=("supply_temp",)), [])
    print(f"\n{wrong}: {[each.sentence for each in outcome.findings]}")
    assert {each.key for each in outcome.findings} == {key}, outcome.aborted
    assert not outcome.tests
    assert "automatic is not recommended" in sentences(outcome)[0]


def miswire(rig, wrong):
    plant, measure, command = rig.rig, rig.rig.measure, rig.rig.command
    begun_pct = plant.plant.fws_valve_ratio * 100.0
    told = {"valve": begun_pct}

    def commanded(valve_pct, pump_pct):
        told["valve"] = valve_pct
        if wrong == "valve reversed":
            valve_pct = 2.0 * begun_pct - valve_pct
        command(begun_pct if wrong == "valve dead" else valve_pct, pump_pct)
        pumps = [rig.control.registers["pump1_rb"], rig.control.registers["pump2_rb"]]
        plant.plant.inputs.pump_speed_ratio[:] = np.array(pumps[::-1] if wrong == "pumps swapped" else pumps) / 100.0

    def measured():
        seen = measure()
        if wrong == "valve reversed":
            seen["valve"] = 2.0 * begun_pct - seen["valve"]
        if wrong == "valve dead":
            seen["valve"] = told["valve"]
        if wrong == "temperatures swapped":
            seen["supply"], seen["return"] = seen["return"], seen["supply"]
        if wrong == "flow ten times":
            seen["flow"] *= 10.0
        return seen

    plant.measure, plant.command = measured, commanded

"""Sensors that drift, stand still, fall out or lie, and a line that stalls, in closed loop: rows 12, 13 and 19.

FM-13 (stuck), FM-15 (drift), FM-03 (condensation). The bars are those of ``bench/scenario_sensor_cases.py``.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from coolantd.control.conditions import Condition
from coolantd.plant.loop import ADVANCE

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_plant import NOMINAL, PERTURBED
from scenario_rows import rows
from scenario_sensor_cases import Bench, Case, cases, load_ramp, meets, moved
from scenario_sensors import untouched

CASES = {case.key: case for case in cases()}
PLANTS = PERTURBED if os.environ.get("COOLANTD_FULL") else tuple(p for p in PERTURBED if p.name == "worst corner")
SENSORS = [Condition[name] for name in ("SENSOR_EXCLUDED", "SENSORS_DISAGREE", "SENSOR_DRIFTS", "SENSOR_STUCK")]


@pytest.fixture(scope="module")
def bench(stages):
    return Bench(stages, ADVANCE.compiled(cache=False))


@pytest.mark.parametrize("key", CASES)
def test_fm_13_fm_15_every_case_meets_its_bar_on_the_nominal_plant(bench, key):
    figures = bench.measure(CASES[key])
    assert meets(CASES[key], figures), figures


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
@pytest.mark.parametrize("key", ["dew", "dew_stuck"])
def test_fm_03_the_margin_over_a_rising_dew_point_holds_on_every_plant(bench, key, plant):
    figures = bench.measure(CASES[key], plant)
    assert meets(CASES[key], figures), figures


def quiet(key, load, disturb):
    return Case(
        key=key, number="12", title=key, load=load, disturb=disturb, fault=lambda: untouched, figures=moved, must={}
    )


ORDINARY = {row.key: row for row in rows()}
QUIET = [
    quiet("rest", 0.6, lambda _rig, _time_s: None),
    quiet("up", 0.1, ORDINARY["up"].disturb),
    quiet("down", 1.0, ORDINARY["down"].disturb),
    quiet("ramp", 0.1, ORDINARY["ramp"].disturb),
    quiet("slow ramp", 0.1, load_ramp(0.1, 1.0, 300.0)),
    quiet("facility", 0.75, ORDINARY["facility_ramp"].disturb),
    quiet("trip", 1.0, ORDINARY["trip"].disturb),
]


@pytest.mark.parametrize("plant", [NOMINAL, *PLANTS], ids=lambda plant: plant.name)
@pytest.mark.parametrize("case", QUIET, ids=lambda case: case.key)
def test_fm_13_sensors_of_a_tenth_of_a_kelvin_that_are_well_are_left_alone(bench, case, plant):
    seen = bench.seen(case, plant, resolution=0.1)
    assert not seen.conditions[:, [int(each) for each in SENSORS]].any()
    assert seen.left_automatic_s == 0.0


def test_a_stalled_line_ends_without_a_step_of_the_valve(bench):
    seen = bench.seen(CASES["stall"])
    assert seen.left_automatic_s > 0.0
    assert np.abs(np.diff(seen.valve_pct)).max() <= 100.0 / 30.0 * 0.5 + 1e-6

"""How long the plant forgives: the published times of lost pumps and lost facility water (15 % tolerance)."""

import dataclasses

import numpy as np
import pytest
from plant_loops import BaselineLoops, hold

from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant


def hottest_case_c(plant: Plant) -> float:
    return plant.rack_case_temp_c.max()


def supply_temp_c(plant: Plant) -> float:
    return plant.tcs_supply_temp_c


def seconds_until(plant: Plant, reading, limit: float) -> float:
    for tenth in range(1, 900):
        plant.advance(0.1)
        if reading(plant) >= limit:
            return tenth / 10.0
    raise AssertionError(f"{limit} not reached in 90 s")


@pytest.fixture
def full_load(compiled_advance):
    def make(plate_ml: float = 100.0) -> Plant:
        params = dataclasses.replace(reference_plant(), plate_coolant_m3=72 * plate_ml * 1e-6)
        plant = Plant(params, kernel=compiled_advance)
        hold(plant, 1.0)
        return plant

    return make


@pytest.mark.parametrize(
    ("plate_ml", "case_c", "published_s"),
    [(30, 75, 6.4), (30, 85, 10.9), (30, 95, 15.2), (100, 75, 10.5), (100, 85, 18.6), (100, 95, 26.2)],
)
def test_case_temperature_after_all_pumps_are_lost(full_load, plate_ml, case_c, published_s):
    plant = full_load(plate_ml)
    plant.inputs.pump_available[:] = 0.0
    got_s = seconds_until(plant, hottest_case_c, case_c)
    assert got_s == pytest.approx(published_s, rel=0.15)


@pytest.mark.parametrize(("supply_c", "published_s"), [(45, 4.3), (50, 15.0), (60, 30.5)])
def test_supply_temperature_after_facility_water_is_lost(full_load, supply_c, published_s):
    plant = full_load()
    plant.inputs.fws_differential_pressure_pa = 0.0
    assert seconds_until(plant, supply_temp_c, supply_c) == pytest.approx(published_s, rel=0.15)


def test_case_reaches_85_degc_half_a_minute_after_facility_water_is_lost(full_load):
    plant = full_load()
    plant.inputs.fws_differential_pressure_pa = 0.0
    assert seconds_until(plant, hottest_case_c, 85.0) == pytest.approx(30.0, rel=0.15)


def test_whole_loop_heats_at_the_published_rate_without_heat_rejection(full_load):
    plant = full_load()
    plant.inputs.fws_differential_pressure_pa = 0.0
    plant.advance(40.0)
    before_c = plant.tcs_return_temp_c
    plant.advance(60.0)
    assert 0.62 <= (plant.tcs_return_temp_c - before_c) / 60.0 <= 0.78


def test_losing_one_of_two_running_pumps(full_load):
    """Scenario 5: flow dips to about 74 %, the other pump alone restores 90 kPa at full speed."""
    plant = full_load()
    before, loops = plant.tcs_flow_m3_s, BaselineLoops(plant)
    loops.run(5.0)
    plant.inputs.pump_available[1] = 0.0
    rows = loops.run(120.0)
    assert 0.70 <= rows[:, 2].min() / before <= 0.85
    assert rows[:, 1].max() - rows[0, 1] < 1.5
    assert plant.pump_speed_ratio[0] == pytest.approx(1.0, abs=0.01)
    assert plant.pump_speed_ratio[1] == 0.0
    assert plant.rack_differential_pressure_pa == pytest.approx(90e3, rel=0.01)


def test_facility_valve_takes_its_stroke(compiled_advance):
    for stroke_s in (15.0, 30.0, 120.0):
        plant = Plant(reference_plant(valve_stroke_s=stroke_s), kernel=compiled_advance)
        plant.inputs.fws_valve_ratio = 0.0
        plant.settle()
        plant.inputs.fws_valve_ratio = 1.0
        plant.advance(0.5 * stroke_s)
        assert plant.fws_valve_ratio == pytest.approx(0.5, abs=1e-6)
        plant.advance(0.5 * stroke_s + 10.0)
        assert plant.fws_valve_ratio == pytest.approx(1.0, abs=1e-3)


def test_pumps_and_branch_valves_take_their_travel(compiled_advance):
    plant = Plant(reference_plant(), kernel=compiled_advance)
    plant.inputs.pump_speed_ratio[:] = 0.0
    plant.inputs.branch_valve_ratio[:] = 0.0
    plant.settle()
    plant.inputs.pump_speed_ratio[:] = 1.0
    plant.inputs.branch_valve_ratio[:] = 1.0
    plant.advance(5.0)
    assert plant.pump_speed_ratio == pytest.approx(np.full(2, 0.5), abs=1e-6)
    assert plant.branch_valve_ratio == pytest.approx(np.full(8, 0.2), abs=1e-9)
    plant.advance(20.0)
    assert plant.branch_valve_ratio == pytest.approx(np.ones(8))

"""The plant where it is not at its best: no flow, shut branches, one pump, long steps, bad inputs."""

import dataclasses
import math

import numpy as np
import pytest

from coolantd.plant.coolant import WATER
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant


@pytest.fixture
def plant(compiled_advance):
    return Plant(reference_plant(), kernel=compiled_advance)


def everything(plant: Plant) -> np.ndarray:
    return np.concatenate([plant._state, plant._supply_ring, plant._return_ring])


def unaccounted_ratio(plant: Plant, run) -> float:
    """Run, and return the heat that neither left nor stayed, over the heat that came in or moved."""
    plant.reset_energy()
    before_j = plant.stored_energy_j()
    run()
    gained_j = plant.stored_energy_j() - before_j
    moved_j = max(abs(plant.heat_in_j), abs(plant.heat_out_j), abs(gained_j))
    return abs(plant.heat_in_j - plant.heat_out_j - gained_j) / moved_j


def test_all_pumps_off_leaves_no_flow_and_no_power(plant):
    plant.inputs.pump_speed_ratio[:] = 0.0
    plant.inputs.rack_heat_w[:] = 0.0
    plant.advance(60.0)
    assert plant.tcs_flow_m3_s == 0.0
    assert plant.pump_power_w == 0.0
    assert plant.rack_differential_pressure_pa == 0.0
    assert plant.heat_exchanged_w == 0.0
    np.testing.assert_array_equal(plant.rack_flow_m3_s, np.zeros(8))
    assert np.isfinite(everything(plant)).all()


def test_stagnant_plates_heat_up_and_everything_stays_finite(plant):
    plant.inputs.pump_available[:] = 0.0
    plant.advance(3600.0)
    assert np.isfinite(everything(plant)).all()
    assert plant.rack_case_temp_c.min() > 200.0


def test_shut_branches_hold_the_pumps_at_their_shut_off_head(plant):
    plant.inputs.branch_valve_ratio[:] = 0.0
    plant.inputs.rack_heat_w[:] = 0.0
    highest_pa = 0.0
    for _ in range(400):
        plant.advance(0.1)
        highest_pa = max(highest_pa, plant.rack_differential_pressure_pa)
    assert plant.tcs_flow_m3_s == 0.0
    assert plant.pump_power_w == 0.0
    assert plant.rack_differential_pressure_pa == pytest.approx(480e3 * 0.7228**2, rel=1e-4)
    assert highest_pa <= 480e3 * (1 + 1e-9)
    plant.inputs.branch_valve_ratio[:] = 1.0
    plant.advance(60.0)
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(1215, abs=1.0)


def test_a_standing_pump_lets_nothing_through(plant):
    """Its check valve holds: one pump carries the loop, with the published flow."""
    plant.inputs.pump_speed_ratio[:] = (0.0, 1.0)
    plant.settle()
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(1213.5, abs=0.1)
    assert plant.pump_power_w == pytest.approx(plant.tcs_flow_m3_s * 480e3 / 0.6, rel=1e-9)


def test_power_follows_the_cube_of_speed(plant):
    powers_w = []
    for speed in (0.4, 0.8):
        plant.inputs.pump_speed_ratio[:] = speed
        plant.settle()
        powers_w.append(plant.pump_power_w)
    # Not exactly 8: the branches' exponent is 1.85, not 2.
    assert powers_w[1] / powers_w[0] == pytest.approx(8.0, rel=0.06)


@pytest.mark.parametrize("tripped", [0, 1])
def test_a_tripped_pump_coasts_down_and_comes_back(plant, tripped):
    plant.inputs.pump_available[tripped] = 0.0
    plant.advance(1.0)
    assert plant.pump_speed_ratio[tripped] == pytest.approx(0.7228 * math.exp(-1.0), rel=1e-6)
    plant.advance(30.0)
    assert plant.pump_speed_ratio[tripped] == 0.0
    assert plant.pump_speed_ratio[1 - tripped] == pytest.approx(0.7228)
    plant.inputs.pump_available[tripped] = 1.0
    plant.advance(30.0)
    assert plant.pump_speed_ratio == pytest.approx(np.full(2, 0.7228), rel=1e-6)
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(1215, abs=1.0)


def test_branch_valve_shares_flow_without_touching_the_others_much(plant):
    plant.inputs.branch_valve_ratio[0] = 0.5
    plant.settle()
    flows = plant.rack_flow_m3_s
    assert flows[0] == pytest.approx(0.5 * flows[1], rel=1e-9)
    assert plant.rack_return_temp_c[0] > plant.rack_return_temp_c[1] + 5.0


def test_faults_move_the_plant_the_right_way(plant):
    """Fouling warms the supply, a dirty filter costs flow, a blockage starves its own rack."""
    clean_c, clean_flow, clean_rack = plant.tcs_supply_temp_c, plant.tcs_flow_m3_s, plant.rack_flow_m3_s[3]
    plant.inputs.fouling_k_w = 1e-6
    plant.settle()
    assert plant.tcs_supply_temp_c > clean_c + 0.5
    plant.inputs.loop_resistance_ratio = 2.0
    plant.settle()
    assert plant.tcs_flow_m3_s < 0.9 * clean_flow
    plant.inputs.loop_resistance_ratio = 1.0
    plant.inputs.branch_resistance_ratio[3] = 3.0
    plant.settle()
    assert plant.rack_flow_m3_s[3] == pytest.approx(clean_rack * 3 ** (-1 / 1.85), rel=0.05)


def test_warm_facility_water_heats_the_loop(plant):
    plant.inputs.rack_heat_w[:] = 0.0
    plant.inputs.fws_supply_temp_c = 45.0
    plant.settle()
    plant.inputs.fws_supply_temp_c = 50.0
    plant.advance(5.0)
    assert plant.heat_exchanged_w < 0.0


@pytest.mark.parametrize("fluid", [None, WATER])
@pytest.mark.parametrize("dt_s", [0.01, 0.1, 1.0])
def test_energy_balances_over_a_load_step(compiled_advance, dt_s, fluid):
    params = reference_plant()
    plant = Plant(params if fluid is None else dataclasses.replace(params, coolant=fluid), kernel=compiled_advance)
    plant.inputs.rack_heat_w[:] = 12e3
    plant.settle()
    plant.inputs.rack_heat_w[:] = 120e3
    assert unaccounted_ratio(plant, lambda: plant.advance(60.0, dt_s)) < 1e-4


def test_energy_balances_over_a_pump_trip_and_restart(plant):
    def trip():
        plant.inputs.pump_available[:] = 0.0
        plant.advance(8.0)
        plant.inputs.pump_available[:] = 1.0
        plant.advance(60.0)

    assert unaccounted_ratio(plant, trip) < 1e-3


@pytest.mark.parametrize("dt_s", [0.01, 0.1, 0.5, 1.0, 2.0, 5.0])
def test_any_step_reaches_the_same_steady_state(plant, dt_s):
    plant.inputs.rack_heat_w[:] = 60e3
    plant.inputs.fws_valve_ratio = 0.6
    plant.settle()
    want_c = plant.tcs_supply_temp_c, plant.tcs_return_temp_c, plant.rack_case_temp_c[0]
    plant.inputs.rack_heat_w[:] = 120e3
    plant.advance(50.0, dt_s)
    plant.inputs.rack_heat_w[:] = 60e3
    plant.advance(900.0, dt_s)
    got_c = plant.tcs_supply_temp_c, plant.tcs_return_temp_c, plant.rack_case_temp_c[0]
    assert got_c == pytest.approx(want_c, abs=1e-3)


def test_a_duration_that_is_no_multiple_of_the_step_is_covered_exactly(plant):
    other = Plant(plant.params, kernel=plant.kernel)
    for each in (plant, other):
        each.inputs.rack_heat_w[:] = 30e3
    plant.advance(1.05, 0.1)
    other.advance(1.05, 0.01)
    assert plant.time_s == other.time_s == 1.05
    assert plant.heat_in_j == pytest.approx(8 * 30e3 * 1.05)
    plant.advance(0.0)
    assert plant.time_s == 1.05


@pytest.mark.parametrize(
    ("duration_s", "dt_s"), [(-1.0, 0.1), (math.nan, 0.1), (math.inf, 0.1), (1.0, 0.0), (1.0, 5.1), (1.0, math.nan)]
)
def test_durations_and_steps_out_of_range_are_refused(plant, duration_s, dt_s):
    with pytest.raises(ValueError, match=r"^plant: (duration_s|dt_s) is .*, allowed: "):
        plant.advance(duration_s, dt_s)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fws_supply_temp_c", math.nan),
        ("fws_valve_ratio", math.inf),
        ("rack_heat_w", np.full(8, math.nan)),
        ("pump_speed_ratio", np.array([0.5, math.nan])),
        ("fouling_k_w", -1e-6),
        ("loop_resistance_ratio", 0.0),
        ("branch_resistance_ratio", np.array([1.0, 1, 1, 1, 1, 1, 1, -1])),
    ],
)
def test_bad_inputs_are_refused_by_name(plant, name, value):
    before = everything(plant).copy()
    setattr(plant.inputs, name, value)
    word = "resistance ratios" if name.endswith("resistance_ratio") else name
    with pytest.raises(ValueError, match=f"^plant inputs: {word} .*, allowed: "):
        plant.advance(1.0)
    np.testing.assert_array_equal(everything(plant), before)


@pytest.mark.parametrize(
    "change",
    [
        {"rack_count": 0},
        {"rack_count": 300},
        {"pump_lag_s": 0.0},
        {"tank_m3": math.nan},
        {"valve_rangeability_ratio": 1.0},
        {"plate_coolant_m3": -1.0},
    ],
)
def test_impossible_parameters_are_refused_by_name(change):
    with pytest.raises(ValueError, match=f"^plant: {next(iter(change))} is .*, allowed: "):
        dataclasses.replace(reference_plant(), **change)


@pytest.mark.parametrize("size", [(0, 120e3), (8, -1.0), (8, math.nan)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(ValueError, match="allowed"):
        reference_plant(rack_count=size[0], rack_heat_rated_w=size[1])


def test_readings_are_copies(plant):
    plant.rack_case_temp_c[:] = 0.0
    plant.pump_speed_ratio[:] = 0.0
    assert plant.rack_case_temp_c.min() > 60.0
    assert plant.pump_speed_ratio.min() > 0.7

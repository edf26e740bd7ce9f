"""Leak, fill, thermal expansion and air: against the vessel's arithmetic, the published leak, and an idle twin."""

import dataclasses

import numpy as np
import pytest

from coolantd.plant import layout, vessel
from coolantd.plant.coolant import PG25, density_kg_m3
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant

LEAK_M3_S = 0.5e-3 / 60.0


@pytest.fixture
def plant(compiled_advance):
    return Plant(reference_plant(), kernel=compiled_advance)


def test_starts_half_full_at_its_rated_static_pressure(plant):
    assert plant.expansion_m3 == pytest.approx(0.024)
    assert plant.expansion_level_ratio == pytest.approx(0.5)
    assert plant.static_pressure_pa == pytest.approx(60e3)
    plant.advance(600.0)
    assert plant.expansion_m3 == pytest.approx(0.024, abs=1e-7)


def test_a_leak_of_half_a_litre_a_minute_empties_the_published_vessel_in_48_minutes(plant):
    plant.inputs.leak_m3_s = LEAK_M3_S
    plant.advance(47 * 60.0)
    assert plant.expansion_m3 == pytest.approx(0.5e-3, abs=1e-5)
    plant.advance(120.0)
    assert plant.expansion_m3 == 0.0
    assert plant.static_pressure_pa == pytest.approx((60e3 + 101_325.0) / 2.0 - 101_325.0)


def test_two_minutes_of_that_leak_show_in_level_and_pressure(plant):
    plant.inputs.leak_m3_s = LEAK_M3_S
    plant.advance(120.0)
    assert plant.expansion_m3 == pytest.approx(0.023, abs=1e-6)
    assert plant.static_pressure_pa == pytest.approx((60e3 + 101_325.0) * 24.0 / 25.0 - 101_325.0, abs=1.0)


def test_filling_makes_good_what_leaked_and_overflows_when_full(plant):
    plant.inputs.leak_m3_s = LEAK_M3_S
    plant.advance(600.0)
    plant.inputs.leak_m3_s, plant.inputs.fill_m3_s = 0.0, LEAK_M3_S
    plant.advance(600.0)
    assert plant.expansion_m3 == pytest.approx(0.024, abs=1e-7)
    plant.advance(3600.0)
    assert plant.expansion_level_ratio == 1.0
    assert np.isfinite(plant.static_pressure_pa)
    plant.inputs.fill_m3_s, plant.inputs.leak_m3_s = 0.0, LEAK_M3_S
    plant.advance(60.0)
    assert plant.expansion_m3 == pytest.approx(0.048 - 0.5e-3, abs=1e-6)


def test_warm_coolant_pushes_into_the_vessel_and_comes_back(plant):
    """Every litre of coolant expands by the fluid's own density; the running sum equals the pipes' contents."""
    p, cold = plant.params, None
    for load in (0.1, 1.0, 0.1):
        plant.inputs.rack_heat_w[:] = load * 120e3
        plant.inputs.fws_valve_ratio = 0.777 if load == 1.0 else 0.373
        plant.advance(3600.0)
        pipes = p.supply_pipe_m3 * (plant._supply_ring.mean() - 40) + p.return_pipe_m3 * (
            plant._return_ring.mean() - 40
        )
        rest = p.tank_m3 * (plant.tcs_return_temp_c - 40) + p.plate_coolant_m3 * (plant.rack_return_temp_c - 40).sum()
        assert vessel.warmth_m3_k(plant._params, plant._state) == pytest.approx(pipes + rest, abs=1e-4)
        if load == 1.0:
            grown_m3 = plant.expansion_m3 - cold
            assert 0.8e-3 < grown_m3 < 1.6e-3
        else:
            assert cold is None or plant.expansion_m3 == pytest.approx(cold, abs=1e-6)
            cold = plant.expansion_m3


def test_expansion_coefficient_is_the_fluids_own():
    rows = PG25.coefficients()
    slope = (density_kg_m3(rows, 45.0) - density_kg_m3(rows, 35.0)) / 10.0
    params = reference_plant().packed()
    assert params[layout.P_EXPANSION_PER_K] == pytest.approx(-slope / density_kg_m3(rows, 40.0), rel=1e-3)


def test_a_leak_changes_nothing_but_the_vessel(plant, compiled_advance):
    twin = Plant(plant.params, kernel=compiled_advance)
    plant.inputs.leak_m3_s = LEAK_M3_S
    for each in (plant, twin):
        each.inputs.rack_heat_w[:] = 60e3
        each.advance(300.0)
    assert plant.tcs_supply_temp_c == twin.tcs_supply_temp_c
    assert plant.heat_out_j == twin.heat_out_j
    assert plant.expansion_m3 < twin.expansion_m3


def test_air_takes_head_and_power(plant):
    before_w = plant.pump_power_w
    flow = plant.tcs_flow_m3_s
    plant.inputs.head_ratio = 0.8
    plant.advance(30.0)
    assert plant.tcs_flow_m3_s == pytest.approx(flow * 0.8**0.5, rel=0.02)
    assert plant.pump_power_w < before_w
    settled = plant.tcs_flow_m3_s
    plant.settle()
    assert plant.tcs_flow_m3_s == pytest.approx(settled, rel=1e-6)


def test_air_makes_the_racks_pressure_ripple_and_leaves_its_mean(plant):
    calm_pa = plant.rack_differential_pressure_pa
    plant.inputs.head_ripple_ratio = 0.1
    seen_pa = []
    for _ in range(1200):
        plant.advance(0.1)
        seen_pa.append(plant.rack_differential_pressure_pa)
    assert np.mean(seen_pa) == pytest.approx(calm_pa, rel=0.01)
    assert 0.02 < np.std(seen_pa) / calm_pa < 0.08
    assert np.std(seen_pa[::5]) == pytest.approx(np.std(seen_pa), rel=0.2)


def test_settling_leaks_nothing(plant):
    plant.inputs.leak_m3_s, plant.inputs.head_ripple_ratio = LEAK_M3_S, 0.1
    plant.settle()
    assert plant.expansion_m3 == pytest.approx(0.024, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("head_ratio", 0.0), ("head_ratio", 1.1), ("head_ripple_ratio", -0.1), ("head_ripple_ratio", 1.1),
     ("leak_m3_s", -1e-9), ("fill_m3_s", -1e-9), ("leak_m3_s", float("nan"))],
)  # fmt: skip
def test_impossible_leaks_and_air_are_refused_by_name(plant, name, value):
    setattr(plant.inputs, name, value)
    with pytest.raises(ValueError, match=f"^plant inputs: {name} .*, allowed: "):
        plant.advance(1.0)


def test_a_vessel_without_gas_is_refused():
    with pytest.raises(ValueError, match=r"^plant: expansion_coolant_m3 is .*, allowed: below"):
        dataclasses.replace(reference_plant(), expansion_coolant_m3=0.048)

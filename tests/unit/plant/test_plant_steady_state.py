"""The published steady states of the reference plant, and its accuracy over the published load step."""

import numpy as np
import pytest
from plant_loops import BaselineLoops, hold

from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant

STEADY = [
    # load, valve, exchanger inlet, facility return, facility L/min, case
    (0.10, 0.373, 35.18, 35.18, 193, 37.4),
    (0.25, 0.556, 36.96, 36.89, 389, 42.5),
    (0.50, 0.673, 39.91, 39.49, 602, 51.0),
    (0.75, 0.735, 42.87, 41.82, 751, 59.4),
    (1.00, 0.777, 45.82, 43.96, 867, 67.9),
]


@pytest.mark.parametrize("row", STEADY, ids=[f"{row[0]:.0%}" for row in STEADY])
def test_steady_state_at_34_degc_and_90_kpa(row, compiled_advance):
    load, valve, inlet_c, fws_return_c, fws_lpm, case_c = row
    plant = Plant(reference_plant(), kernel=compiled_advance)
    hold(plant, load)
    assert plant.fws_valve_ratio == pytest.approx(valve, abs=6e-4)
    # Published with the heat capacity at the exchanger's inlet; at the mean, as here, the rise is 0.05 % more.
    assert plant.tcs_return_temp_c == pytest.approx(inlet_c, abs=0.011)
    assert plant.fws_return_temp_c == pytest.approx(fws_return_c, abs=0.011)
    assert plant.fws_flow_m3_s * 60_000 == pytest.approx(fws_lpm, abs=0.7)
    assert plant.rack_case_temp_c == pytest.approx(np.full(8, case_c), abs=0.06)
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(1215, abs=0.6)
    assert plant.pump_speed_ratio == pytest.approx(np.full(2, 0.7228), abs=6e-5)
    assert plant.rack_differential_pressure_pa == pytest.approx(90e3, abs=1.0)
    assert plant.pump_power_w == pytest.approx(8465, abs=1.0)
    assert plant.heat_exchanged_w == pytest.approx(load * 960e3, rel=1e-5)


def test_starts_at_its_rated_point():
    plant = Plant(reference_plant())
    assert plant.time_s == 0.0
    assert plant.tcs_supply_temp_c == pytest.approx(34.0, abs=0.02)
    assert plant.heat_exchanged_w == pytest.approx(960e3, rel=1e-6)
    before_c = plant.tcs_supply_temp_c
    plant.advance(60.0)
    assert plant.tcs_supply_temp_c == pytest.approx(before_c, abs=1e-4)
    assert plant.time_s == 60.0


@pytest.mark.parametrize(("racks", "heat_w"), [(1, 120e3), (8, 130e3), (16, 40e3)])
def test_a_plant_of_another_size_keeps_the_temperatures(racks, heat_w):
    plant, reference = Plant(reference_plant(rack_count=racks, rack_heat_rated_w=heat_w)), Plant(reference_plant())
    assert plant.tcs_supply_temp_c == pytest.approx(reference.tcs_supply_temp_c, abs=1e-3)
    assert plant.rack_case_temp_c == pytest.approx(np.full(racks, reference.rack_case_temp_c[0]), abs=1e-3)
    assert plant.rack_differential_pressure_pa == pytest.approx(reference.rack_differential_pressure_pa, rel=1e-6)


def test_load_step_peak_and_its_dependence_on_the_step(compiled_advance):
    """10 to 100 % under the plain PI pair: the published peaks for four steps; dt 0.1 s costs under 0.01 K."""
    peaks_c = {}
    for dt_s in (0.01, 0.1, 0.5, 1.0):
        plant = Plant(reference_plant(), kernel=compiled_advance)
        hold(plant, 0.1)
        loops = BaselineLoops(plant)
        plant.inputs.rack_heat_w[:] = 120e3
        peaks_c[dt_s] = loops.run(120.0, dt_s)[:, 0].max()
    assert abs(peaks_c[0.1] - peaks_c[0.01]) < 0.01
    for dt_s, published_c in ((0.01, 38.973), (0.1, 38.965), (0.5, 38.931), (1.0, 38.897)):
        assert peaks_c[dt_s] == pytest.approx(published_c, abs=0.005)


def test_supply_at_a_tenth_of_a_second_is_within_ten_millikelvin_all_along(compiled_advance):
    """Not only the peak: every second of an open-loop load step."""
    traces = []
    for dt_s in (0.1, 0.01):
        plant = Plant(reference_plant(), kernel=compiled_advance)
        plant.inputs.rack_heat_w[:] = 12e3
        plant.settle()
        plant.inputs.rack_heat_w[:] = 120e3
        trace = []
        for _ in range(120):
            plant.advance(1.0, dt_s)
            trace.append(plant.tcs_supply_temp_c)
        traces.append(trace)
    assert np.abs(np.subtract(*traces)).max() < 0.01


def test_compiled_and_plain_kernel_agree(compiled_advance):
    """One source, two speeds: the same trajectory through load, speed, valve, branch and trip changes."""
    plants = [Plant(reference_plant(), kernel=kernel) for kernel in (ADVANCE.function, compiled_advance)]
    for number in range(12):
        for plant in plants:
            plant.inputs.rack_heat_w[:] = 120e3 * (0.1 + 0.9 * (number % 3 == 0)) * np.linspace(0.5, 1.0, 8)
            plant.inputs.pump_speed_ratio[:] = (0.5 + 0.04 * number, 0.9 - 0.06 * number)
            plant.inputs.fws_valve_ratio = 0.08 * number
            plant.inputs.branch_valve_ratio[number % 8] = 0.1
            plant.inputs.pump_available[0] = 0.0 if number == 7 else 1.0
            plant.advance(3.0)
    plain, compiled = plants
    np.testing.assert_allclose(plain._state, compiled._state, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(plain._supply_ring, compiled._supply_ring, rtol=1e-9)
    np.testing.assert_allclose(plain._return_ring, compiled._return_ring, rtol=1e-9)


def test_kernel_stays_inside_its_arrays():
    checked = ADVANCE.compiled(cache=False, boundscheck=True)
    plant = Plant(reference_plant(rack_count=3), kernel=checked)
    for dt_s in (0.05, 0.7, 5.0):
        plant.inputs.pump_speed_ratio[:] = (1.0, dt_s / 5.0)
        plant.advance(300.0, dt_s)
    assert np.isfinite(plant._state).all()

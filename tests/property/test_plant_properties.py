"""What must hold for the plant under any inputs in range: finite, balanced, between its two water temperatures."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.plant import exchanger, hydraulics
from coolantd.plant.coldplate import PG25_FLOW_RESISTANCE_K_M3_J
from coolantd.plant.coolant import PG25, PG55, WATER
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import Characteristic, Layout, reference_plant

REFERENCE = reference_plant()
RATIO = st.floats(0.0, 1.0)
EACH_RACK = 8


def rack_array(elements):
    return st.lists(elements, min_size=EACH_RACK, max_size=EACH_RACK).map(np.array)


PHASE = st.fixed_dictionaries(
    {
        "pump_speed_ratio": st.tuples(RATIO, RATIO).map(np.array),
        "pump_available": st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])).map(np.array),
        "fws_valve_ratio": RATIO,
        "fws_supply_temp_c": st.floats(5.0, 50.0),
        "fws_differential_pressure_pa": st.floats(-10e3, 400e3),
        "branch_valve_ratio": rack_array(RATIO),
        "rack_heat_w": rack_array(st.floats(0.0, 200e3)),
        "fouling_k_w": st.floats(0.0, 1e-5),
        "loop_resistance_ratio": st.floats(0.1, 20.0),
        "branch_resistance_ratio": rack_array(st.floats(0.1, 1000.0)),
    }
)


@pytest.fixture(scope="module")
def compiled_advance():
    return ADVANCE.compiled(cache=False)


def impose(plant: Plant, phase: dict[str, object]) -> None:
    for name, value in phase.items():
        setattr(plant.inputs, name, value)


@settings(max_examples=200, deadline=None)
@given(
    phases=st.lists(st.tuples(PHASE, st.floats(0.1, 90.0)), min_size=1, max_size=6),
    dt_s=st.floats(0.01, 5.0),
)
def test_any_inputs_in_range_leave_finite_sensible_numbers(compiled_advance, phases, dt_s):
    plant = Plant(REFERENCE, kernel=compiled_advance)
    for phase, duration_s in phases:
        impose(plant, phase)
        plant.advance(duration_s, dt_s)
        assert np.isfinite(plant._state).all()
        assert np.isfinite(plant._supply_ring).all()
        assert np.isfinite(plant._return_ring).all()
        assert plant.tcs_flow_m3_s >= 0.0
        assert plant.pump_power_w >= 0.0
        assert 0.0 <= plant.rack_differential_pressure_pa <= 480e3 * (1 + 1e-9)
        assert plant.tcs_supply_temp_c >= 5.0 - 1e-6
        assert plant.rack_case_temp_c.min() >= 5.0 - 1e-6
        assert np.isfinite(plant.stored_energy_j())


@settings(max_examples=150, deadline=None)
@given(phases=st.lists(st.tuples(PHASE, st.integers(1, 60)), min_size=1, max_size=5))
def test_energy_is_conserved_under_any_inputs(compiled_advance, phases):
    """Heat in = heat out + heat held, to 0.1 % of the heat that moved, or to a millikelvin of the loop (1 kJ).

    Ends where a stagnant plate would boil: no property holds above 100 degC.
    """
    plant = Plant(REFERENCE, kernel=compiled_advance)
    start_j = before_j = plant.stored_energy_j()
    moved_j = 0.0
    for phase, seconds in phases:
        impose(plant, phase)
        for _ in range(seconds):
            in_j, out_j = plant.heat_in_j, plant.heat_out_j
            plant.advance(1.0)
            if plant.rack_return_temp_c.max() > 100.0:
                return
            held_j = plant.stored_energy_j()
            moved_j += abs(plant.heat_in_j - in_j) + abs(plant.heat_out_j - out_j) + abs(held_j - before_j)
            before_j = held_j
            left_j = plant.heat_in_j - plant.heat_out_j - (held_j - start_j)
            assert abs(left_j) <= 1e-3 * moved_j + 1e3


HOUR = st.fixed_dictionaries(
    {
        "pump_speed_ratio": st.tuples(st.floats(0.4, 1.0), st.floats(0.0, 1.0)).map(np.array),
        "pump_available": st.tuples(st.just(1.0), st.sampled_from([0.0, 1.0])).map(np.array),
        "fws_valve_ratio": st.floats(0.5, 1.0),
        "fws_supply_temp_c": st.floats(15.0, 32.0),
        "fws_differential_pressure_pa": st.floats(100e3, 300e3),
        "branch_valve_ratio": rack_array(st.floats(0.3, 1.0)),
        "rack_heat_w": rack_array(st.floats(0.0, 60e3)),
        "fouling_k_w": st.floats(0.0, 2e-6),
        "loop_resistance_ratio": st.floats(0.5, 2.0),
        "head_ratio": st.floats(0.7, 1.0),
        "head_ripple_ratio": st.floats(0.0, 0.3),
        "leak_m3_s": st.floats(0.0, 1e-5),
    }
)
"""Hours at which nothing boils."""
SHAPES = st.fixed_dictionaries(
    {
        "layout": st.sampled_from(Layout),
        "valve_characteristic": st.sampled_from(Characteristic),
        "valve_stick_ratio": st.floats(0.01, 0.05),
        "valve_slip_ratio": st.floats(0.0, 0.01),
        "coolant": st.sampled_from([PG25, PG55, WATER]),
        "plate_flow_resistance_k_m3_j": st.sampled_from([0.0, PG25_FLOW_RESISTANCE_K_M3_J]),
    }
)


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, hours=st.lists(st.tuples(HOUR, st.floats(600.0, 7200.0)), min_size=1, max_size=4))
def test_energy_balances_over_hours_for_every_layout_valve_coolant_and_plate(compiled_advance, shape, hours):
    """Within 0.1 % of the heat that came, went or was given up, or of 1 kWh; ends where something would boil."""
    plant = Plant(replace(REFERENCE, **shape), kernel=compiled_advance)
    start_j = plant.stored_energy_j()
    for hour, duration_s in hours:
        impose(plant, hour)
        plant.advance(duration_s)
        assert np.isfinite(plant._state).all()
        if max(plant.rack_return_temp_c.max(), plant.tcs_return_temp_c) > 100.0:
            return
    held_j = plant.stored_energy_j() - start_j
    moved_j = max(plant.heat_in_j, abs(plant.heat_out_j), abs(held_j), 3.6e6)
    assert abs(plant.heat_in_j - plant.heat_out_j - held_j) <= 1e-3 * moved_j


@settings(max_examples=300, deadline=None)
@given(ntu=st.floats(0.0, 1e4), rate_ratio=RATIO)
def test_effectiveness_is_between_nothing_and_everything(ntu, rate_ratio):
    assert 0.0 <= exchanger.effectiveness_ratio(ntu, rate_ratio) <= 1.0


@settings(max_examples=300, deadline=None)
@given(
    inlets_c=st.tuples(st.floats(30.0, 80.0), st.floats(5.0, 30.0)),
    tcs_flow=st.floats(1e-6, 0.04),
    position=RATIO,
    pressure_pa=st.floats(0.0, 500e3),
    fouling_k_w=st.floats(0.0, 1e-5),
)
def test_supply_never_leaves_the_span_of_the_two_inlets(inlets_c, tcs_flow, position, pressure_pa, fouling_k_w):
    hot_c, fws_c = inlets_c
    params = REFERENCE.packed()
    fws_flow = exchanger.valve_flow_m3_s(params, position, pressure_pa)
    hot_rate, cold_rate = 4.0e6 * tcs_flow, 4.16e6 * fws_flow
    conductance = exchanger.conductance_w_k(params, tcs_flow, fws_flow, fouling_k_w)
    heat_w = exchanger.heat_per_kelvin_w_k(conductance, hot_rate, cold_rate) * (hot_c - fws_c)
    assert fws_c - 1e-9 <= hot_c - heat_w / hot_rate <= hot_c + 1e-9
    if cold_rate > 0.0:
        assert fws_c - 1e-9 <= fws_c + heat_w / cold_rate <= hot_c + 1e-9


@settings(max_examples=300, deadline=None)
@given(
    first=st.floats(1e-3, 1.0),
    second=RATIO,
    conductance=st.floats(1e-12, 1e-3),
    loop_ratio=st.floats(0.01, 100.0),
    start=st.floats(0.0, 1.0),
)
def test_hydraulic_balance_holds_for_any_two_speeds(first, second, conductance, loop_ratio, start):
    curve = REFERENCE.pump_curve_pa_s2_m6
    loop = REFERENCE.loop_resistance_pa_s2_m6 * loop_ratio
    strong_pa, weak_pa = 480e3 * max(first, second) ** 2, 480e3 * min(first, second) ** 2
    flow = hydraulics.operating_flow_m3_s(strong_pa, weak_pa, curve, loop, conductance, start)
    lead = hydraulics.lead_pump_flow_m3_s(flow, strong_pa - weak_pa, curve)
    lifted_pa = strong_pa - curve * lead**2
    asked_pa = loop * flow**2 + hydraulics.branches_pressure_pa(flow, conductance)
    assert abs(lifted_pa - asked_pa) <= 1e-6 * strong_pa


@settings(max_examples=200, deadline=None)
@given(
    target_c=st.floats(20.0, 45.0),
    rise_k=st.floats(0.0, 30.0),
    flow=st.floats(1e-4, 0.03),
    fws_c=st.floats(5.0, 45.0),
    pressure_pa=st.floats(0.0, 400e3),
)
def test_static_inverse_is_a_position_and_opens_with_the_heat(target_c, rise_k, flow, fws_c, pressure_pa):
    params = REFERENCE.packed()
    positions = [
        exchanger.valve_position_for(params, target_c, target_c + rise, flow, fws_c, pressure_pa, 0.0)
        for rise in (rise_k, rise_k + 1.0)
    ]
    assert all(0.0 <= position <= 1.0 for position in positions)
    if target_c > fws_c + 0.5:
        assert positions[1] >= positions[0] - 1e-6

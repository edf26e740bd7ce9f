"""The exchanger's formula, its inverse and the valve position it asks for, against the published vectors."""

import math

import pytest

from coolantd.plant import coolant, exchanger
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant

EFFECTIVENESS = {
    0.5: (0.393469, 0.377589, 0.362266, 0.347511, 0.333333),
    1.0: (0.632121, 0.598286, 0.564733, 0.531857, 0.500000),
    2.0: (0.864665, 0.822766, 0.774600, 0.721827, 0.666667),
    4.0: (0.981684, 0.962189, 0.927421, 0.872986, 0.800000),
}
RATE_RATIOS = (0.0, 0.25, 0.5, 0.75, 1.0)
CELLS = [
    (ntu, ratio, value) for ntu, row in EFFECTIVENESS.items() for ratio, value in zip(RATE_RATIOS, row, strict=True)
]


@pytest.mark.parametrize(("ntu", "ratio", "value"), CELLS)
def test_effectiveness_table(ntu, ratio, value):
    assert exchanger.effectiveness_ratio(ntu, ratio) == pytest.approx(value, abs=1e-6)
    assert exchanger.transfer_units(value, ratio) == pytest.approx(ntu, rel=2e-5)


def test_formula_is_continuous_where_it_changes_form():
    edge = exchanger.EQUAL_RATES_RATIO
    for ntu in (0.1, 1.0, 5.0, 20.0):
        below, above = exchanger.effectiveness_ratio(ntu, edge), exchanger.effectiveness_ratio(ntu, edge + 1e-9)
        assert below == pytest.approx(above, abs=5e-5)


def test_rated_conductance_gives_the_published_point():
    """1 350 kW at 4 K approach with the reference plant's equal flows is UA = 313.5 kW/K; both films make it."""
    params = reference_plant().packed()
    assert exchanger.conductance_w_k(params, 0.02025, 0.02025, 0.0) == pytest.approx(313_525, rel=1e-6)


def test_fouling_adds_in_series():
    params = reference_plant().packed()
    clean = exchanger.conductance_w_k(params, 0.015, 0.008, 0.0)
    assert 1 / exchanger.conductance_w_k(params, 0.015, 0.008, 1e-6) == pytest.approx(1 / clean + 1e-6)


def test_film_keeps_a_floor_when_flow_turns_laminar():
    params = reference_plant().packed()
    assert exchanger.conductance_w_k(params, 0.0, 0.0, 0.0) == pytest.approx(313_525 * 0.1**0.8, rel=1e-9)


@pytest.mark.parametrize(("hot", "cold"), [(0.0, 8e4), (8e4, 0.0), (0.0, 0.0)])
def test_no_flow_on_a_side_exchanges_nothing(hot, cold):
    assert exchanger.heat_per_kelvin_w_k(3e5, hot, cold) == 0.0


@pytest.mark.parametrize(
    ("measured", "position"),
    [
        ((34, 45, 0.02025, 28, 170e3), 0.76656),
        ((34, 40, 0.02025, 28, 170e3), 0.67518),
        ((34, 36, 0.01500, 28, 170e3), 0.40361),
        ((34, 45, 0.02025, 28, 85e3), 0.87759),
        ((34, 45, 0.02025, 33, 170e3), 1.0),
    ],
)
def test_static_inverse_vectors(measured, position):
    """Each row: target, hot inlet, flow, facility inlet, facility differential pressure."""
    got = exchanger.valve_position_for(reference_plant().packed(), *measured, 0.0)
    assert got == pytest.approx(position, abs=6e-6)


def test_static_inverse_at_its_edges():
    params = reference_plant().packed()
    assert exchanger.valve_position_for(params, 34.0, 33.0, 0.02, 28.0, 170e3, 0.0) == 0.0
    assert exchanger.valve_position_for(params, 34.0, 45.0, 0.0, 28.0, 170e3, 0.0) == 0.0
    assert exchanger.valve_position_for(params, 34.0, 45.0, 0.02, 34.0, 170e3, 0.0) == 1.0
    assert exchanger.valve_position_for(params, 34.0, 45.0, 0.02, 28.0, 0.0, 0.0) == 1.0


@pytest.mark.parametrize("broken", range(6))
def test_static_inverse_says_nan_for_a_missing_reading(broken):
    """FM-16: no position is made up from a failed sensor."""
    arguments = [34.0, 45.0, 0.02, 28.0, 170e3, 0.0]
    arguments[broken] = math.nan
    assert math.isnan(exchanger.valve_position_for(reference_plant().packed(), *arguments))


@pytest.mark.parametrize("fouling_k_w", [0.0, 1e-6])
@pytest.mark.parametrize("position", [0.3, 0.5, 0.7, 0.85])
def test_static_inverse_finds_the_plants_own_position(position, fouling_k_w, compiled_advance):
    plant = Plant(reference_plant(), kernel=compiled_advance)
    plant.inputs.fws_valve_ratio = position
    plant.inputs.fouling_k_w = fouling_k_w
    plant.inputs.rack_heat_w *= 0.5
    plant.settle()
    got = exchanger.valve_position_for(
        plant.params.packed(),
        plant.tcs_supply_temp_c,
        plant.tcs_return_temp_c,
        plant.tcs_flow_m3_s,
        28.0,
        170e3,
        fouling_k_w,
    )
    assert got == pytest.approx(position, abs=2e-4)


def test_static_inverse_runs_compiled():
    """Feedforward calls it inside a kernel."""
    from coolantd.kernel import Kernel
    from coolantd.plant import hydraulics

    helpers = (
        coolant.offset_k,
        coolant.volumetric_heat_capacity_j_m3_k,
        hydraulics.valve_opening_ratio,
        hydraulics.facility_flow_m3_s,
        exchanger.effectiveness_ratio,
        exchanger.film_w_k,
        exchanger.conductance_w_k,
        exchanger.heat_per_kelvin_w_k,
        exchanger.valve_flow_m3_s,
    )
    compiled = Kernel(exchanger.valve_position_for, helpers).compiled(cache=False)
    arguments = (reference_plant().packed(), 34.0, 45.0, 0.02025, 28.0, 170e3, 0.0)
    assert compiled(*arguments) == exchanger.valve_position_for(*arguments)

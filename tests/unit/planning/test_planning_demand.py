"""What racks ask for, against the published GB300 NVL72 flow table."""

import math

import pytest
from planning_inputs import GB300, changed, reference_inputs, rows

from coolantd.planning.demand import (
    case_flow_lpm,
    demand_at,
    power_law,
    rack_flow_at_lpm,
    rack_pressure_at_kpa,
    table_heat,
)
from coolantd.plant.coolant import PG25, WATER
from coolantd.units import KPA_PER_PSI

PSI = (2.3, 3.2, 4.9, 8.5, 18.4)


def test_pressure_law_of_the_published_table():
    """The fitted law: 0.000993 psi at 1 L/min, exponent 1.897."""
    law = power_law(rows([(inlet, flow, psi * KPA_PER_PSI) for (inlet, flow, _), psi in zip(GB300, PSI, strict=True)]))
    assert law.factor_kpa / KPA_PER_PSI == pytest.approx(0.000993, rel=1e-3)
    assert law.exponent == pytest.approx(1.897, abs=1e-3)


@pytest.mark.parametrize(("coolant", "heat_kw"), [(PG25, 118.0), (WATER, 122.0)])
def test_the_published_table_is_one_heat_balance(coolant, heat_kw):
    heat = table_heat(rows(GB300), coolant)
    assert heat.return_temp_c == pytest.approx(54.9, abs=0.05)
    assert heat.heat_kw == pytest.approx(heat_kw, rel=0.01)


def test_table_rows_are_met_exactly_and_between_them_the_heat_balance_holds():
    table = rows(GB300)
    for inlet_c, flow_lpm, pressure_kpa in GB300:
        assert rack_flow_at_lpm(table, inlet_c) == pytest.approx(flow_lpm, rel=1e-12)
        assert rack_pressure_at_kpa(table, flow_lpm) == pytest.approx(pressure_kpa, rel=1e-9)
    # 118 kW to a return of 54.9 degC at 42.5 degC inlet: 118/(0.0668 * 12.4) L/min.
    assert rack_flow_at_lpm(table, 42.5) == pytest.approx(142.5, rel=0.01)


def test_a_table_without_a_heat_balance_has_none():
    assert table_heat(rows(GB300[:1]), PG25) is None


@pytest.mark.parametrize(
    ("lpm_per_kw", "water_k", "pg25_k"), [(1.0, 14.45, 14.98), (1.5, 9.63, 9.99), (2.0, 7.22, 7.49)]
)
def test_rise_by_flow_as_published(lpm_per_kw, water_k, pg25_k):
    for coolant, rise_k in ((WATER, water_k), (PG25, pg25_k)):
        inputs = changed(reference_inputs(), coolant=coolant, racks__demand=rows([(30.0, 120.0 * lpm_per_kw, 50.0)]))
        mean_c = 35.0 - 0.5 * rise_k
        demand = demand_at(inputs, mean_c)
        assert demand.return_temp_c - mean_c == pytest.approx(rise_k, rel=0.002)


def test_flow_that_the_plates_need():
    """Published: a 1 kW plate at 1 L/min of PG25 stands 0.0168 + 0.00749 K/W above its inlet."""
    one = {"racks__heat_kw": 72.0, "supply_temp_c": 40.0}
    inputs = changed(reference_inputs(), racks__case_temp_max_c=40.0 + 16.8 + 7.49, **one)
    assert case_flow_lpm(inputs) == pytest.approx(72.0, rel=2e-3)
    assert math.isnan(case_flow_lpm(changed(reference_inputs(), racks__case_temp_max_c=56.0, **one)))


def test_heat_is_flow_times_rise():
    inputs = changed(reference_inputs(), racks__demand=rows(GB300))
    for supply_c in (25.0, 33.3, 45.0):
        demand = demand_at(inputs, supply_c)
        assert demand.capacity_rate_kw_k * (demand.return_temp_c - supply_c) == pytest.approx(
            inputs.liquid_kw, rel=1e-6
        )

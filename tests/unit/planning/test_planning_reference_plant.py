"""The plan of the reference plant against its published steady states, time budgets and bounds."""

import math

import pytest
from planning_inputs import reference_plan

from coolantd.planning.machine import plant_params
from coolantd.planning.ride_through import settled


@pytest.fixture(scope="module")
def plan():
    return reference_plan()


def test_steady_state_is_the_published_one(plan):
    assert plan.demand.return_temp_c == pytest.approx(45.82, abs=0.02)
    assert plan.exchange.conductance_rated_kw_k == pytest.approx(313.5, rel=2e-3)
    assert plan.exchange.valve_authority_ratio == pytest.approx(0.5, abs=1e-3)
    assert plan.exchange.fws_flow_needed_lpm == pytest.approx(867, abs=1)
    assert plan.exchange.fws_return_temp_c == pytest.approx(43.96, abs=0.02)
    assert [one.hot_pct for one in plan.exchange.valve] == pytest.approx([37.3, 67.3, 77.7], abs=0.1)
    assert plan.ride_through.case_temp_c == pytest.approx(67.9, abs=0.05)


def test_pumps_are_the_published_ones(plan):
    """72.28 % with both; one alone just holds the flow: 1213.5 L/min."""
    both, one = plan.pumps
    assert plan.flange_pressure_kpa == pytest.approx(174.0)
    assert both.speed_pct == pytest.approx(72.28, abs=0.01)
    assert both.flow_max_lpm == pytest.approx(1695.8, rel=1e-4)
    assert both.power_kw == pytest.approx(1215 / 60_000 * 174 / 0.6)
    assert (one.running, one.enough) == (1, True)
    assert one.flow_max_lpm == pytest.approx(1213.5, rel=1e-4)


def test_a_pump_more_is_a_smaller_share_each():
    three, two = reference_plan(cdu__pump_count=3).pumps
    assert two.speed_pct == pytest.approx(72.28, abs=0.01)
    assert three.speed_pct < two.speed_pct
    assert three.flow_max_lpm > 1695.8


@pytest.mark.parametrize(
    ("plate_ml", "case_c", "published_s"),
    [(30, 75, 6.4), (30, 85, 10.9), (30, 95, 15.2), (100, 75, 10.5), (100, 85, 18.6), (100, 95, 26.2)],
)
def test_seconds_to_the_case_limit_without_flow(plate_ml, case_c, published_s):
    ride = reference_plan(plates__coolant_ml=plate_ml, racks__case_temp_max_c=case_c).ride_through
    assert ride.flow_lost_s == pytest.approx(published_s, rel=0.05)
    # Coolant that stops at once instead of coasting down costs about the second it would have coasted.
    assert 0.5 < ride.flow_lost_s - ride.flow_lost_closed_s < 2.0


@pytest.mark.parametrize(("supply_c", "published_s"), [(45, 4.3), (50, 15.0), (60, 30.5)])
def test_seconds_to_the_supply_limit_without_facility_water(supply_c, published_s):
    ride = reference_plan(plates__coolant_ml=100.0, racks__inlet_temp_max_c=supply_c).ride_through
    assert ride.fws_lost_s == pytest.approx(published_s, rel=0.05)
    assert ride.fws_lost_closed_s == pytest.approx(published_s, rel=0.1)
    assert ride.fws_lost_rack_s > ride.fws_lost_s


def test_buffer_for_a_minute():
    """1.44 m3 for 960 kW, 60 s and 10 K."""
    assert reference_plan(racks__inlet_temp_max_c=44.0).ride_through.buffer_60_s_m3 == pytest.approx(1.44, rel=0.01)


@pytest.mark.parametrize(
    ("stroke_s", "published_k", "within_k"), [(30, 0.0, 0.06), (60, 0.49, 0.03), (120, 4.40, 0.03)]
)
def test_what_a_load_step_costs_at_best(stroke_s, published_k, within_k):
    step = reference_plan(cdu__valve_stroke_s=stroke_s, plates__coolant_ml=100.0).load_step
    assert step.peak_bound_k == pytest.approx(published_k, abs=within_k)
    assert step.valve_time_s == pytest.approx(0.404 * stroke_s, rel=0.01)
    assert step.stroke_in_time_s == pytest.approx(stroke_s * step.heat_time_s / step.valve_time_s)


def test_the_simulated_plant_stands_where_the_formulas_say(plan):
    """Supply, flow and heat out in the plant, settled at the plan's own speed and valve position."""
    params = plant_params(plan.inputs, plan.demand)
    speed, valve = plan.pumps[0].speed_pct / 100.0, plan.exchange.valve[-1].hot_pct / 100.0
    plant = settled(plan.inputs, params, 1.0, valve, speed)
    assert plant.tcs_supply_temp_c == pytest.approx(plan.inputs.supply_temp_c, abs=0.01)
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(plan.demand.flow_lpm, rel=1e-4)
    assert plant.fws_flow_m3_s * 60_000 == pytest.approx(plan.exchange.fws_flow_needed_lpm, rel=1e-3)
    plant.advance(30.0)
    assert plant.heat_out_j / 30.0 == pytest.approx(plan.inputs.liquid_kw * 1000.0, rel=1e-3)


def test_coldest_reachable_supply_is_where_the_open_valve_settles(plan):
    params = plant_params(plan.inputs, plan.demand)
    plant = settled(plan.inputs, params, 1.0, 1.0, plan.pumps[0].speed_pct / 100.0)
    assert plant.tcs_supply_temp_c == pytest.approx(plan.exchange.supply_reachable_c, abs=0.02)


def test_what_no_exchanger_can_do_has_no_figure():
    exchange = reference_plan(facility__supply_temp_max_c=35.0).exchange
    assert math.isnan(exchange.fws_flow_needed_lpm)
    assert exchange.supply_reachable_c > 35.0
    assert exchange.valve[-1].hot_pct == 100.0

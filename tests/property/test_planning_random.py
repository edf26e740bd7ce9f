"""Any plan that the file's ranges allow: it is computed or refused with a reason, and heat is never lost."""

import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.planning.assess import make_plan
from coolantd.planning.contradictions import contradictions
from coolantd.planning.figures import sections
from coolantd.planning.findings import findings
from coolantd.planning.inputs import Cdu, DemandPoint, Facility, PlanInputs, Plates, PumpPoint, Racks
from coolantd.plant.coolant import PG25, WATER


def between(low, high):
    return st.floats(low, high, allow_nan=False)


VOLUME = between(20.0, 2_000.0)
FLOW = between(1.0, 5_000.0)
PUMP = st.tuples(between(10.0, 2000.0), between(1.0, 20_000.0)).map(
    lambda one: (PumpPoint(flow_lpm=0.0, head_kpa=one[0]), PumpPoint(flow_lpm=one[1], head_kpa=0.3 * one[0]))
)
INPUTS = st.builds(
    PlanInputs,
    supply_temp_c=between(5.0, 70.0),
    dew_point_c=between(-40.0, 40.0),
    coolant=st.sampled_from([PG25, WATER]),
    racks=st.builds(
        Racks,
        count=st.integers(1, 16),
        heat_kw=between(1.0, 500.0),
        liquid_ratio=between(0.01, 1.0),
        inlet_temp_max_c=between(-5.0, 80.0),
        case_temp_max_c=between(20.0, 150.0),
        demand=st.builds(
            DemandPoint, inlet_temp_c=between(-5, 80), flow_lpm=between(1, 400), pressure_kpa=between(0.1, 2000.0)
        ).map(lambda row: (row,)),
    ),
    plates=st.builds(
        Plates,
        count=st.integers(1, 10_000),
        case_to_mean_k_w=between(1e-4, 1.0),
        metal_j_k=between(1.0, 1e5),
        coolant_ml=between(1.0, 1e4),
    ),
    cdu=st.builds(
        Cdu,
        heat_rated_kw=between(1.0, 20_000.0),
        approach_rated_k=between(0.1, 30.0),
        tcs_flow_rated_lpm=FLOW,
        fws_flow_rated_lpm=FLOW,
        pump_count=st.integers(1, 8),
        pump_curve=PUMP,
        pump_efficiency_ratio=between(0.05, 1.0),
        loop_pressure_rated_kpa=between(0.1, 2000.0),
        fws_pressure_rated_kpa=between(0.1, 2000.0),
        valve_kvs_m3_h=between(0.1, 5000.0),
        valve_rangeability_ratio=between(5.0, 500.0),
        valve_stroke_s=between(1.0, 600.0),
        exchanger_tcs_l=VOLUME,
        exchanger_fws_l=VOLUME,
        supply_pipe_l=VOLUME,
        return_pipe_l=VOLUME,
        tank_l=VOLUME,
    ),
    facility=st.builds(
        Facility, supply_temp_min_c=between(-5, 30), supply_temp_max_c=between(30, 80), pressure_kpa=between(1, 2000)
    ),
)


@settings(max_examples=15, deadline=None)
@given(inputs=INPUTS)
def test_every_plan_has_figures_or_reasons(inputs):
    if wrong := contradictions(inputs):
        assert all(one.what and one.allowed for one in wrong)
        with pytest.raises(ValueError, match=r"^plan: "):
            make_plan(inputs)
        return
    plan = make_plan(inputs)
    demand = plan.demand
    rise_k = demand.return_temp_c - inputs.supply_temp_c
    assert demand.capacity_rate_kw_k * rise_k == pytest.approx(inputs.liquid_kw, rel=0.02)
    assert plan.exchange.supply_reachable_c >= inputs.facility.supply_temp_max_c - 1e-6
    for one in plan.exchange.valve:
        assert 0.0 <= one.cold_pct <= one.hot_pct <= 100.0
    for section in sections(plan):
        for figure in section.figures:
            assert not math.isinf(figure.value), figure
            assert figure.text
    assert all("nan" not in one.sentence and "inf" not in one.sentence.split() for one in findings(plan))
    assert {field.name for field in fields(plan)} >= {"demand", "exchange"}

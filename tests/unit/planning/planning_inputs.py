"""The reference plant of the published vectors as a planner would write it down; for planning tests only."""

from dataclasses import replace

from coolantd.planning.assess import Plan, make_plan
from coolantd.planning.inputs import Cdu, DemandPoint, Facility, PlanInputs, Plates, PumpPoint, Racks
from coolantd.plant.coolant import PG25

FLOW_LPM = 1215.0
FALL_KPA_LPM2 = 480.0 / (1.25 * FLOW_LPM) ** 2
GB300 = ((25.0, 59.0, 15.9), (30.0, 71.0, 22.1), (35.0, 89.0, 33.8), (40.0, 119.0, 58.6), (45.0, 177.0, 126.9))
"""Lenovo LP2357 table 27: inlet degC, L/min per rack, kPa."""


def rows(table) -> tuple[DemandPoint, ...]:
    return tuple(DemandPoint(inlet_temp_c=inlet, flow_lpm=flow, pressure_kpa=kpa) for inlet, flow, kpa in table)


def reference_inputs() -> PlanInputs:
    """960 kW, eight racks, 1215 L/min on both sides, 34 degC supply from 28 degC facility water."""
    return PlanInputs(
        supply_temp_c=34.0,
        dew_point_c=18.0,
        coolant=PG25,
        racks=Racks(
            count=8,
            heat_kw=120.0,
            liquid_ratio=1.0,
            inlet_temp_max_c=45.0,
            case_temp_max_c=75.0,
            demand=rows([(34.0, FLOW_LPM / 8, 90.0)]),
        ),
        plates=Plates(count=72, case_to_mean_k_w=0.0168, metal_j_k=450.0, coolant_ml=30.0),
        cdu=Cdu(
            heat_rated_kw=1350.0,
            approach_rated_k=4.0,
            tcs_flow_rated_lpm=FLOW_LPM,
            fws_flow_rated_lpm=FLOW_LPM,
            pump_count=2,
            pump_curve=tuple(
                PumpPoint(flow_lpm=q, head_kpa=480.0 - FALL_KPA_LPM2 * q * q) for q in (0.0, 600.0, 1200.0)
            ),
            pump_efficiency_ratio=0.6,
            loop_pressure_rated_kpa=84.0,
            fws_pressure_rated_kpa=84.0 / 1.3**2,
            valve_kvs_m3_h=9.08299e-5 * 3600.0 * 1e5**0.5,
            valve_rangeability_ratio=50.0,
            valve_stroke_s=30.0,
            exchanger_tcs_l=30.0,
            exchanger_fws_l=30.0,
            supply_pipe_l=60.0,
            return_pipe_l=60.0,
            tank_l=100.0,
        ),
        facility=Facility(supply_temp_min_c=22.0, supply_temp_max_c=28.0, pressure_kpa=170.0),
    )


def changed(inputs: PlanInputs, **changes) -> PlanInputs:
    """Return the inputs with some fields replaced; ``cdu__pump_count=1`` reaches into a part."""
    for name, value in changes.items():
        part, _, field = name.partition("__")
        inputs = replace(inputs, **{part: replace(getattr(inputs, part), **{field: value}) if field else value})
    return inputs


def reference_plan(**changes) -> Plan:
    return make_plan(changed(reference_inputs(), **changes))

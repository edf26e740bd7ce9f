"""Every sentence of a plan: said when its limit is passed, and not before."""

import pytest
from planning_inputs import FLOW_LPM, GB300, reference_plan, rows

from coolantd.planning.findings import Severity, findings
from coolantd.planning.inputs import PumpPoint

QUIET = {"plates__coolant_ml": 100.0, "racks__case_temp_max_c": 120.0, "facility__supply_temp_max_c": 30.0,
         "facility__supply_temp_min_c": 26.0, "cdu__tank_l": 1000.0, "cdu__valve_stroke_s": 15.0}  # fmt: skip
"""The reference plant with a buffer and robust chips: nothing to say about it."""
CURVED = tuple(PumpPoint(flow_lpm=q, head_kpa=head) for q, head in ((0.0, 700.0), (600.0, 420.0), (1200.0, 400.0)))
SHORTFALLS = {
    "supply_not_reachable": {"facility__supply_temp_max_c": 33.5},
    "supply_too_warm": {"racks__inlet_temp_max_c": 30.0},
    "case_too_hot": {"racks__case_temp_max_c": 60.0},
    "dew": {"dew_point_c": 35.0},
    "pumps_short": {"cdu__loop_pressure_rated_kpa": 600.0},
}
WARNINGS = {
    "above_rating": {"cdu__heat_rated_kw": 900.0},
    "table_heat_differs": {"racks__demand": rows(GB300), "supply_temp_c": 40.0, "racks__heat_kw": 90.0},
    "dew": {"dew_point_c": 32.5},
    "facility_dew": {"facility__supply_temp_min_c": 15.0},
    "low_flow": {"racks__demand": rows([(34.0, 100.0, 40.0)])},
    "velocity": {"cdu__header_bore_mm": 65.0},
    "no_redundancy": {"cdu__pump_count": 1, "cdu__loop_pressure_rated_kpa": 60.0},
    "redundancy_short": {"cdu__loop_pressure_rated_kpa": 110.0},
    "pump_curve_misfit": {"cdu__pump_curve": CURVED},
    "low_authority": {"cdu__valve_kvs_m3_h": 250.0},
    "valve_nearly_shut": {"facility__supply_temp_min_c": 18.5, "cdu__valve_kvs_m3_h": 160.0},
    "flow_loss": {"plates__coolant_ml": 30.0, "racks__case_temp_max_c": 75.0},
    "facility_loss": {"cdu__tank_l": 100.0, "racks__case_temp_max_c": 85.0},
    "slow_valve": {"cdu__valve_stroke_s": 120.0, "cdu__tank_l": 100.0},
}


def said(**changes):
    return {(one.severity, one.key): one.sentence for one in findings(reference_plan(**QUIET | changes))}


def test_nothing_to_say():
    assert said() == {}


@pytest.mark.parametrize(
    ("severity", "key", "changes"),
    [(Severity.SHORTFALL, key, changes) for key, changes in SHORTFALLS.items()]
    + [(Severity.WARNING, key, changes) for key, changes in WARNINGS.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_said_when_it_is_so(severity, key, changes):
    sentences = said(**changes)
    assert (severity, key) in sentences
    assert all(sentence.endswith(".") and "nan" not in sentence for sentence in sentences.values())


def test_shortfalls_come_first():
    found = findings(reference_plan(dew_point_c=35.0, cdu__header_bore_mm=50.0))
    assert found[0].severity is Severity.SHORTFALL
    assert found[-1].severity is Severity.WARNING


def test_one_pump_lost_names_the_share_that_is_left():
    one = reference_plan(**QUIET | {"cdu__loop_pressure_rated_kpa": 110.0}).pumps[1]
    share_pct = 100.0 * one.flow_max_lpm / FLOW_LPM
    assert (
        f"keeps {share_pct:.0f} % of the flow"
        in said(cdu__loop_pressure_rated_kpa=110.0)[("warning", "redundancy_short")]
    )

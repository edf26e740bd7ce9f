"""The estimate table of a CDU: what it becomes, and what is said of one that cannot be right."""

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan, point_specs


def test_the_demos_table_names_the_points_it_says(tmp_path):
    found = loaded(tmp_path, DEMO)
    estimate, specs = build_plan(found).cdus[0].estimate, point_specs(found)
    assert [specs[i].point for i in (estimate.fws_return, estimate.fws_flow)] == ["fws_return_temp_c", "fws_flow_lpm"]
    assert [specs[i].point for i in estimate.branch_flow][7] == "branch8_flow_lpm"
    assert estimate.branches == 8
    assert estimate.pumps.head_kpa == 460.0
    assert (estimate.gas_l, estimate.gas_kpa) == (24.0, 60.0)


def test_without_the_table_only_what_the_model_has_is_watched(tmp_path):
    before, _, rest = DEMO.partition("[cdu.estimate]")
    plan = build_plan(loaded(tmp_path, before + rest[rest.index("[[manifold]]") :]))
    assert plan.cdus[0].estimate.branches == 8  # of the manifold it feeds
    assert plan.cdus[0].estimate.fws_flow is None
    assert plan.ep[0, 0] == 1.0


def test_the_manifold_that_names_the_cdu_is_watched(tmp_path):
    text = edited(('device = "manifold1"\n', 'device = "manifold1"\ncdu = "cdu1"\n'))
    assert build_plan(loaded(tmp_path, text)).cdus[0].estimate.branches == 8


TWO_VALVES = 'branch_valves = ["cdu1.pump1_speed_pct", "cdu1.pump2_speed_pct"]'


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ('fws_flow = "cdu1.fws_flow_lpm"', 'fws_flow = "cdu1.power_kw"', "cdu[0].estimate.fws_flow", "a point in kW"),
        ('fws_flow = "cdu1.fws_flow_lpm"', 'fws_flow = "cdu1.tcs_flow_lpm"', "cdu[0].estimate.fws_flow", "same point"),
        ("pump_head_kpa = 460.0", "", "cdu[0].estimate", "without pump_head_kpa"),
        ("pump_point_kpa = 165.0", "pump_point_kpa = 465.0", "cdu[0].estimate", "does not fall"),
        ("vessel_gas_kpa = 60.0", "", "cdu[0].estimate", "without vessel_gas_kpa"),
        ("vessel_gas_l = 24.0", 'vessel_gas_l = 24.0\nlevel = "cdu1.power_kw"', "cdu[0].estimate", "two ways"),
        (
            "vessel_gas_l = 24.0",
            'vessel_gas_l = 24.0\nbranch_flows = ["cdu1.fws_flow_lpm"]\n' + TWO_VALVES,
            "cdu[0].estimate.branch_valves",
            "not as many",
        ),
        (
            "vessel_gas_l = 24.0",
            'vessel_gas_l = 24.0\nbranch_returns = ["cdu1.tcs_return_temp_c"]',
            "cdu[0].estimate.branch_returns",
            "need the power",
        ),
        ("pump_point_lpm = 1200.0", "pump_point_gpm = 317.0", "cdu[0].estimate.pump_point_gpm", ""),
        ("vessel_gas_l = 24.0", "vessel_gas_l = 24.0\nheat_ratio = 94.5", "cdu[0].estimate.heat_ratio", ""),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_with_one_sentence(tmp_path, old, new, key, what):
    assert DEMO.count(old) == 1
    found = problems(tmp_path, DEMO.replace(old, new))
    assert any(problem.key == key and what in problem.what for problem in found), found


def test_a_table_without_a_model_has_nothing_to_estimate_against(tmp_path):
    before, _, rest = DEMO.partition("[cdu.model]")
    found = problems(tmp_path, before + rest[rest.index("[cdu.estimate]") :])
    assert [(problem.key, problem.what) for problem in found] == [("cdu[0].estimate", "nothing to estimate against")]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("gain_pct_per_k = 4.0", "gain_pct_per_k = -4.0", "cdu[0].supply_temp.gain_pct_per_k"),
        ("gain_pct_per_kpa = 0.1", "gain_pct_per_kpa = -0.1", "cdu[0].pressure.gain_pct_per_kpa"),
        ("integral_time_s = 20.0", "integral_time_s = -20.0", "cdu[0].supply_temp.integral_time_s"),
        ("setpoint_rate_kpa_per_min = 60.0", "setpoint_rate_kpa_per_min = -60.0", "cdu[0].pressure.setpoint_rate_kpa"),
        ("conductance_kw_k = 325.0", "conductance_kw_k = -325.0", "cdu[0].model.conductance_kw_k"),
    ],
)
def test_a_gain_of_the_wrong_sign_is_refused_with_one_sentence(tmp_path, old, new, key):
    """FM-14: the direction of action is the loop's own; no sign in a file can turn it round."""
    assert DEMO.count(old) == 1
    (problem,) = problems(tmp_path, DEMO.replace(old, new))
    assert problem.key.startswith(key)
    assert "0" in problem.allowed

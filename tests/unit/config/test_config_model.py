"""The model table of a CDU: what it becomes, and what is said of one that cannot be right."""

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan, point_specs


def test_the_demos_model_names_the_points_it_says(tmp_path):
    found = loaded(tmp_path, DEMO)
    model, specs = build_plan(found).cdus[0].model, point_specs(found)
    names = [specs[i].point for i in (model.return_temp, model.fws_supply_temp, model.flow, model.fws_pressure)]
    assert names == ["tcs_return_temp_c", "fws_supply_temp_c", "tcs_flow_lpm", "fws_differential_pressure_kpa"]
    assert (model.conductance_kw_k, model.valve_authority_ratio, model.power) == (325.0, 0.45, ())


def test_without_the_table_there_is_no_model(tmp_path):
    before, _, rest = DEMO.partition("[cdu.model]")
    text = before + "[[manifold]]" + rest.partition("[[manifold]]")[2]
    assert build_plan(loaded(tmp_path, text)).cdus[0].model is None


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ('flow = "cdu1.tcs_flow_lpm"', 'flow = "cdu1.power_kw"', "cdu[0].model.flow", "a point in kW"),
        ('return_temp = "cdu1.tcs_return', 'return_temp = "cdu1.tcs_supply', "cdu[0].model.return_temp", "same point"),
        ('flow = "cdu1.tcs_flow_lpm"', 'flow = "cdu1.tcs_flux_lpm"', "cdu[0].model.flow", "no such point"),
        ("conductance_kw_k = 325.0", "conductance_kw_k = 325000.0", "cdu[0].model.conductance_kw_k", ""),
        ("valve_authority_ratio = 0.45", "valve_authority_ratio = 45", "cdu[0].model.valve_authority_ratio", ""),
        ("fws_flow_open_lpm = 1650.0", "fws_flow_open_lpm = 165.0", "cdu[0].model.fws_flow_open_lpm", "open valve"),
        ("exchanger_l = 32.0", "exchanger_gal = 8.0", "cdu[0].model.exchanger_gal", ""),
    ],
)
def test_a_model_that_cannot_be_right_is_refused_with_one_sentence(tmp_path, old, new, key, what):
    found = problems(tmp_path, edited((old, new)))
    assert key in {problem.key for problem in found}
    assert any(what in problem.what for problem in found if problem.key == key)

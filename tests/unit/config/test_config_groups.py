"""Groups of CDUs: what they become, and what is said of one that cannot work on one header."""

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan, build_plan_without
from coolantd.config.diff import diff

CDU = DEMO[DEMO.index("[[cdu]]") : DEMO.index("[[manifold]]")]
DEVICE = DEMO[DEMO.index('[[device]]\nname = "cdu1"') : DEMO.index('[[device]]\nname = "manifold1"')]
GROUP = """
[[group]]
name = "header"
cdus = ["cdu1", "cdu2"]
"""
SECOND = DEVICE.replace("cdu1", "cdu2").replace("5020", "5021") + CDU.replace("cdu1", "cdu2")
RESET = "[cdu.pressure.reset]\nsetpoint_min_kpa = 40.0\nsetpoint_max_kpa = 90.0\nbranch_valves = []\n"
GROUPED = DEMO + SECOND + GROUP


def test_a_group_names_its_cdus(tmp_path):
    plan = build_plan(loaded(tmp_path, GROUPED))
    (group,) = plan.groups
    assert (group.name, group.cdus) == ("header", (0, 1))
    assert plan.group_x[0, :3].tolist() == [0, 1, -1]


def test_a_group_of_which_one_is_left_is_none(tmp_path):
    assert build_plan_without(loaded(tmp_path, GROUPED), ["cdu2"]).groups == ()


def test_a_reload_tells_that_groups_change(tmp_path):
    alone = loaded(tmp_path, DEMO + SECOND)
    changes = diff(alone, loaded(tmp_path, GROUPED))
    assert changes.groups_changed
    assert changes.lines == ("group header: added",)


@pytest.mark.parametrize(
    ("edit", "key", "what"),
    [
        (('"cdu1", "cdu2"]', '"cdu1", "cdu3"]'), "group[0].cdus[1]", "no such CDU"),
        (('"cdu1", "cdu2"]', '"cdu1"]'), "group[0].cdus", ""),
        (('"cdu1", "cdu2"]', '"cdu1", "cdu1"]'), "group[0].cdus[1]", "already in a group"),
        ((GROUP, GROUP + GROUP.replace("header", "other")), "group[1].cdus[0]", "already in a group"),
        ((GROUP, GROUP + GROUP), "group[1].name", "name already used"),
        (("setpoint_kpa = 90.0", "setpoint_kpa = 80.0"), "group[0].cdus[1]", "another pressure setpoint"),
        (("[cdu.failsafe]", RESET + "[cdu.failsafe]"), "group[0].cdus[0]", "resets its own pressure"),
    ],
)
def test_a_group_that_cannot_work_is_refused_with_one_sentence(tmp_path, edit, key, what):
    found = problems(tmp_path, edited(edit, text=GROUPED))
    assert any(what in problem.what for problem in found if problem.key == key), found


def test_a_cdu_that_holds_a_flow_has_no_place_in_a_group(tmp_path):
    text = GROUPED
    for old, new in (
        ("cdu1.tcs_differential_pressure_kpa", "cdu1.tcs_flow_lpm"),
        ("setpoint_kpa = 90.0", "setpoint_lpm = 900.0"),
        ("setpoint_rate_kpa_per_min", "setpoint_rate_lpm_per_min"),
        ("gain_pct_per_kpa", "gain_pct_per_lpm"),
    ):
        text = edited((old, new), text=text)
    (found,) = problems(tmp_path, text)
    assert (found.key, found.what) == ("group[0].cdus[0]", "a CDU that holds no pressure")

"""The balancing of a manifold: what it becomes, and what is said of one that cannot be right."""

import math

import pytest
from config_files import DEMO, REPOSITORY, edited, loaded, problems

from coolantd.config.build import build_plan, build_plan_without, point_specs
from coolantd.config.diff import diff

BALANCE = """
[manifold.balance]
period_s = 40.0
step_max_pct = 8.0
minimum_pct = 20.0
coolant_rise_max_k = 12.0
"""
BALANCED = DEMO + BALANCE


def power(count):
    return "power = [" + ", ".join(['"cdu1.heat_load_kw"'] * count) + "]\n"


def balanced(*edits):
    return edited(*edits, text=BALANCED)


def test_a_balanced_manifold_finds_what_is_measured_beside_each_valve(tmp_path):
    found = loaded(tmp_path, BALANCED)
    plan, specs = build_plan(found), point_specs(found)
    (manifold,) = plan.branches.manifolds
    third = manifold.branches[2]
    names = [specs[i].point for i in (third.flow, third.supply_temp, third.return_temp)]
    assert names == ["branch3_flow_lpm", "branch3_supply_temp_c", "branch3_return_temp_c"]
    assert (manifold.name, manifold.cdu, third.name, third.power) == ("manifold1", 0, "3", None)
    assert (manifold.period_s, manifold.open_pct, manifold.minimum_pct, manifold.step_pct) == (40.0, 100.0, 20.0, 8.0)
    valve = plan.actuators[third.actuator]
    assert (valve.name, valve.slew_pct_per_s) == ("branch3_valve_position_setpoint_pct", 2.0)
    assert math.isnan(valve.fixed_pct)


def test_without_the_table_every_valve_has_its_one_position(tmp_path):
    plan = build_plan(loaded(tmp_path, DEMO))
    assert plan.branches.manifolds == ()
    assert {a.fixed_pct for a in plan.actuators if a.role == "branch_valve"} == {100.0}


def test_racks_give_the_branches_their_names(tmp_path):
    names = ", ".join(f'"r70{k}"' for k in range(1, 9))
    text = balanced(("branch_valve_rate_pct_per_s", f"racks = [{names}]\nbranch_valve_rate_pct_per_s"))
    (manifold,) = build_plan(loaded(tmp_path, text)).branches.manifolds
    assert [branch.name for branch in manifold.branches] == [f"r70{k}" for k in range(1, 9)]


def test_a_manifold_without_its_cdu_is_balanced_all_the_same(tmp_path):
    (manifold,) = build_plan_without(loaded(tmp_path, BALANCED), ["cdu1"]).branches.manifolds
    assert manifold.cdu is None


def test_a_reload_tells_what_changes(tmp_path):
    was, now = loaded(tmp_path, DEMO), loaded(tmp_path, BALANCED)
    assert diff(was, now).manifolds_changed == ("manifold1",)
    was, now = now, loaded(tmp_path, balanced(("period_s = 40.0", "period_s = 50.0")))
    assert diff(was, now).lines == ("manifold manifold1.balance.period_s: 40.0 -> 50.0",)


@pytest.mark.parametrize(
    ("edit", "key", "what"),
    [
        (("period_s = 40.0", "period_s = 4.0"), "manifold[0].balance.period_s", "out of range"),
        (("minimum_pct = 20.0", "minimum_pct = 0.0"), "manifold[0].balance.minimum_pct", "out of range"),
        (("minimum_pct = 20.0", "minimum_pct = 100.0"), "manifold[0].balance.minimum_pct", "no room"),
        (("step_max_pct = 8.0", "step_max_pct = 45.0"), "manifold[0].balance.step_max_pct", "half a period"),
        (("period_s = 40.0", "period_min = 1.0"), "manifold[0].balance.period_min", ""),
        (("period_s = 40.0", power(7)), "manifold[0].balance.power", "wrong number"),
        (("period_s = 40.0", power(8)), "manifold[0].balance.power[1]", "named already"),
        (("period_s = 40.0", 'flow = ["cdu1.heat_load_kw"]'), "manifold[0].balance.flow", "wrong number"),
        (("[manifold.balance]", 'cdu = "cdu9"\n[manifold.balance]'), "manifold[0].cdu", "no such CDU"),
    ],
)
def test_a_balancing_that_cannot_be_right_is_refused_with_one_sentence(tmp_path, edit, key, what):
    found = problems(tmp_path, balanced(edit))
    assert any(what in problem.what for problem in found if problem.key == key), found


@pytest.mark.parametrize(
    ("names", "what"),
    [('"cdu1.tcs_flow_lpm"', "a point in L/min"), ('"cdu9.power_kw"', "no such device"), ('"cdu1.no_kw"', "no such")],
)
def test_a_power_point_that_is_none_is_refused(tmp_path, names, what):
    listed = ", ".join([names] + [f'"cdu1.p{k}"' for k in range(7)])
    found = problems(tmp_path, balanced(("period_s = 40.0", f"power = [{listed}]")))
    assert any(what in problem.what for problem in found if problem.key == "manifold[0].balance.power[0]"), found


def test_an_open_valve_of_a_balanced_manifold_is_no_request_for_more_pump(tmp_path):
    reset = (
        "[cdu.pressure.reset]\nsetpoint_min_kpa = 40.0\nsetpoint_max_kpa = 90.0\n"
        'branch_valves = ["manifold1.branch1_valve_position_pct"]\n[cdu.failsafe]'
    )
    assert problems(tmp_path, edited(("[cdu.failsafe]", reset))) == ()
    (found,) = problems(tmp_path, balanced(("[cdu.failsafe]", reset)))
    assert found.key == "cdu[0].pressure.reset.branch_valves[0]"
    assert "always open" in found.what


def test_branches_that_nothing_measures_need_their_points_named(tmp_path):
    site = tmp_path / "profiles"
    site.mkdir()
    profile = (REPOSITORY / "coolantd/profiles/rack-manifold.toml").read_text(encoding="utf-8")
    (site / "odd-manifold.toml").write_text(profile.replace("{branch}_flow_lpm", "{branch}_flux_lpm"))
    text = balanced(
        ('profile = "rack-manifold"', 'profile = "odd-manifold"'),
        ('runtime = "/run/coolantd"', f'runtime = "/run/coolantd"\nprofiles_dir = "{site}"'),
    )
    (found,) = problems(tmp_path, text)
    assert (found.key, found.what) == ("manifold[0].balance", "nothing measures manifold1.branch1_flow_lpm")
    named = ", ".join(f'"manifold1.branch{k}_flux_lpm"' for k in range(1, 9))
    text = edited(("[manifold.balance]", f"[manifold.balance]\nflow = [{named}]"), text=text)
    assert len(build_plan(loaded(tmp_path, text)).branches.manifolds[0].branches) == 8

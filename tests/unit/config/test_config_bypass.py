"""The bypass of a manifold: what it becomes in the plan, and what is said of one that cannot be right."""

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan
from coolantd.safety.envelope import L_BYPASS, L_PATH_PUMPS, L_PATHS, L_PUMP_GROUP

BYPASS = edited(('profile = "rack-manifold"', 'profile = "rack-manifold-bypass"'), text=DEMO)


def test_branches_and_bypass_are_the_ways_of_the_pumps_that_feed_them(tmp_path):
    plan = build_plan(loaded(tmp_path, BYPASS))
    roles = [actuator.role for actuator in plan.actuators]
    ways = [i for i, role in enumerate(roles) if role in ("branch_valve", "bypass_valve")]
    assert roles.count("bypass_valve") == 1
    assert plan.limits[ways, L_PATHS].tolist() == [0.0] * 9
    assert plan.limits[ways, L_PATH_PUMPS].tolist() == [0.0] * 9
    assert [roles[i] for i in range(len(roles)) if plan.limits[i, L_BYPASS] == 1.0] == ["bypass_valve"]
    others = [i for i in range(len(roles)) if i not in ways]
    assert plan.limits[others, L_PATHS].tolist() == [-1.0] * len(others)
    assert plan.limits[ways, L_PUMP_GROUP].tolist() == [-1.0] * 9


def test_a_bypass_is_no_branch_of_a_balanced_manifold(tmp_path):
    plan = build_plan(loaded(tmp_path, BYPASS + "\n[manifold.balance]\n"))
    assert len(plan.branches.manifolds[0].branches) == 8


def test_its_least_position_is_configured_and_shut_by_itself(tmp_path):
    for key, position_pct in (("", 0.0), ("bypass_valve_position_pct = 12.0\n", 12.0)):
        text = edited(("branch_valve_rate_pct_per_s", f"{key}branch_valve_rate_pct_per_s"), text=BYPASS)
        (bypass,) = (a for a in build_plan(loaded(tmp_path, text)).actuators if a.role == "bypass_valve")
        assert bypass.least_pct == position_pct


def test_a_position_without_a_bypass_is_one_sentence(tmp_path):
    text = edited(
        ("branch_valve_rate_pct_per_s", "bypass_valve_position_pct = 12.0\nbranch_valve_rate_pct_per_s"), text=DEMO
    )
    (found,) = problems(tmp_path, text)
    assert "bypass_valve_position_pct: a position for a bypass that the device has not, got 12, allowed:" in str(found)


@pytest.mark.parametrize("value", ["-1.0", "101.0"])
def test_a_position_is_a_percentage(tmp_path, value):
    text = edited(
        ("branch_valve_rate_pct_per_s", f"bypass_valve_position_pct = {value}\nbranch_valve_rate_pct_per_s"),
        text=BYPASS,
    )
    (found,) = problems(tmp_path, text)
    assert "bypass_valve_position_pct" in str(found)


@pytest.mark.parametrize(("position_pct", "refused"), [(3.1, True), (3.125, False)])
def test_fm_12_fm_08_branches_that_are_all_but_shut_are_refused_without_a_bypass(tmp_path, position_pct, refused):
    change = ("branch_valve_position_pct = 100.0", f"branch_valve_position_pct = {position_pct}")
    found = problems(tmp_path, edited(change, text=DEMO)) if refused else ()
    for problem in found:
        assert "all branches together 24.8 % open: the pumps would deliver against shut valves" in str(problem)
    assert len(found) == int(refused)
    loaded(tmp_path, edited(change, text=BYPASS))
    if not refused:
        loaded(tmp_path, edited(change, text=DEMO))


def test_fm_12_of_balanced_branches_one_is_open_and_the_others_are_at_their_least(tmp_path):
    balance = "\n[manifold.balance]\nminimum_pct = 1.0\n"
    change = ("branch_valve_position_pct = 100.0", "branch_valve_position_pct = 17.0")
    (found,) = problems(tmp_path, edited(change, text=DEMO + balance))
    assert "all branches together 24 % open" in str(found)
    loaded(tmp_path, edited((change[0], "branch_valve_position_pct = 18.0"), text=DEMO + balance))

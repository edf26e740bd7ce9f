"""The pumps table of a CDU: what it becomes, and what is said of one that cannot be right."""

import math
import re

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan, point_specs
from coolantd.control.pump_layout import H_CONFIRM_S, H_DUTY, H_ROTATION_S, H_STANDBY

TABLE = """[cdu.pumps]
run_times = ["cdu1.pump1_run_time_h", "cdu1.pump2_run_time_h"]
faults = [["cdu1.fault_pump1_drive_bool"], ["cdu1.fault_pump2_drive_bool"]]
"""
STANDBY = TABLE + 'arrangement = "duty_standby"\nrotation_h = 168.0\ndrive_ramp_s = 8.0\n'
BEFORE = "[cdu.failsafe]"
BARE = re.sub(r"\[cdu\.pumps\].*?\n\n", "", DEMO, flags=re.DOTALL)
"""The demo without the table that it brings."""
ONE_PUMP = ('"cdu1.pump1_speed_setpoint_pct", "cdu1.pump2_speed_setpoint_pct"]', '"cdu1.pump1_speed_setpoint_pct"]')


def with_table(table):
    return edited((BEFORE, f"{table}\n{BEFORE}"), text=BARE)


def said(tmp_path, text):
    return [str(problem) for problem in problems(tmp_path, text)]


def test_a_table_names_the_points_it_says(tmp_path):
    found = loaded(tmp_path, with_table(TABLE))
    plan, specs = build_plan(found), point_specs(found)
    group = plan.cdus[0].pump_group
    assert [specs[i].point for i in group.run_times] == ["pump1_run_time_h", "pump2_run_time_h"]
    assert [[specs[i].point for i in points] for points in group.faults] == [
        ["fault_pump1_drive_bool"],
        ["fault_pump2_drive_bool"],
    ]
    assert list(plan.h[0, [H_DUTY, H_STANDBY]]) == [2.0, 0.0]


def test_without_the_table_every_pump_runs_and_nothing_is_handed_over(tmp_path):
    plan = build_plan(loaded(tmp_path, BARE))
    assert list(plan.h[0, [H_DUTY, H_STANDBY, H_ROTATION_S]]) == [2.0, 0.0, math.inf]
    assert (plan.k == -1).all()


def test_one_runs_and_one_rests(tmp_path):
    plan = build_plan(loaded(tmp_path, with_table(STANDBY)))
    assert list(plan.h[0, [H_DUTY, H_STANDBY, H_ROTATION_S]]) == [1.0, 1.0, 168.0 * 3600.0]
    assert plan.h[0, H_CONFIRM_S] == pytest.approx(1.5 * 0.5)
    assert plan.cdus[0].pump_group.drive_ramp_s == 8.0


@pytest.mark.parametrize(
    ("table", "key", "what"),
    [
        (f'{TABLE}arrangement = "lead_lag"', "cdu[0].pumps.arrangement", "duty_standby"),
        (f"{TABLE}rotation_h = 168.0", "cdu[0].pumps", "every pump runs"),
        (f"{TABLE}duty = 2", "cdu[0].pumps", "every pump runs"),
        (f"{STANDBY}duty = 2", "cdu[0].pumps.duty", "no pump is left to stand by"),
        (f"{STANDBY}duty = 0", "cdu[0].pumps.duty", "1 to 7"),
        (STANDBY.replace("168.0", "0.5"), "cdu[0].pumps.rotation_h", "1 to"),
        (STANDBY.replace("= 8.0", "= 0.5"), "cdu[0].pumps.drive_ramp_s", "1 to 60"),
        (TABLE.replace('"cdu1.pump1_run_time_h", ', ""), "cdu[0].pumps.run_times", "one entry for each pump"),
        (TABLE.replace('["cdu1.fault_pump1_drive_bool"], ', ""), "cdu[0].pumps.faults", "one entry for each pump"),
        (TABLE.replace("pump1_run_time_h", "pump1_speed_pct"), "cdu[0].pumps.run_times[0]", "a point in %"),
        (TABLE.replace("fault_pump1_drive_bool", "power_kw"), "cdu[0].pumps.faults[0][0]", "a point in kW"),
        (TABLE.replace("fault_pump1", "fault_pump9"), "cdu[0].pumps.faults[0][0]", "no such point"),
    ],
)
def test_what_cannot_be_right_is_said_at_its_key(tmp_path, table, key, what):
    sentences = said(tmp_path, with_table(table))
    assert len(sentences) == 1
    assert key in sentences[0]
    assert what in sentences[0]


def test_a_single_pump_cannot_stand_by_for_itself(tmp_path):
    table = 'arrangement = "duty_standby"'
    sentences = said(tmp_path, edited(ONE_PUMP, (BEFORE, f"[cdu.pumps]\n{table}\n{BEFORE}"), text=BARE))
    assert len(sentences) == 1
    assert "cdu[0].pumps.arrangement" in sentences[0]
    assert 'arrangement = "all"' in sentences[0]

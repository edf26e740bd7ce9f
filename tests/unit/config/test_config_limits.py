"""Limits of a CDU's protection: what they become in the plan, their defaults, and what cannot be right."""

import math
import re

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan


def with_limits(lines, text=DEMO):
    return edited(("[cdu.failsafe]", f"[cdu.limits]\n{lines}\n[cdu.failsafe]"), text=text)


def watch_of(tmp_path, text):
    return build_plan(loaded(tmp_path, text)).cdus[0].watch


def test_without_a_table_only_the_supply_has_a_limit_above_its_setpoint(tmp_path):
    loaded_plan = build_plan(loaded(tmp_path, DEMO))
    watch, setpoint_c = loaded_plan.cdus[0].watch, loaded_plan.cdus[0].supply_temp.setpoint
    assert watch.supply_max_c == setpoint_c + 10.0
    for name in ("return_max_c", "flow_full_lpm", "pressure_max_kpa", "suction_min_kpa", "level_low", "level_lost"):
        assert math.isnan(getattr(watch, name))


def test_a_reset_moves_the_default_above_what_it_may_ask_for(tmp_path):
    reset = "[cdu.supply_temp.reset]\nsetpoint_min_c = 30.0\nsetpoint_max_c = 38.0\n"
    reset += 'hot_temps = ["cdu1.tcs_return_temp_c"]\nhot_limit_c = 48.0\n'
    text = edited(("[cdu.failsafe]", f"{reset}[cdu.failsafe]"), text=DEMO)
    assert watch_of(tmp_path, text).supply_max_c == 48.0


def test_every_key_reaches_the_plan(tmp_path):
    lines = """supply_temp_c = 50.0
return_temp = "cdu1.tcs_return_temp_c"
return_temp_c = 66.0
flow = "cdu1.tcs_flow_lpm"
flow_full_speed_lpm = 700.0
pressure = "cdu1.tcs_supply_pressure_kpa"
pressure_kpa = 400.0
suction = "cdu1.tcs_return_pressure_kpa"
suction_kpa = 30.0
suction_speed_pct = 55.0
dead_head_kpa = 310.0
level = "cdu1.tcs_flow_lpm"
level_low = 20.0
level_lost = 5.0"""
    watch = watch_of(tmp_path, with_limits(lines))
    assert (watch.supply_max_c, watch.return_max_c, watch.flow_full_lpm) == (50.0, 66.0, 700.0)
    assert (watch.pressure_max_kpa, watch.suction_min_kpa, watch.suction_speed_pct) == (400.0, 30.0, 55.0)
    assert (watch.head_kpa, watch.level_low, watch.level_lost, watch.nothing_lpm) == (310.0, 20.0, 5.0, 14.0)
    points = (watch.returns, watch.flow, watch.pressure, watch.suction, watch.level)
    assert all(point is not None for point in points)
    assert len(set(points)) == 4


@pytest.mark.parametrize(
    ("lines", "key", "what"),
    [
        ("supply_temp_c = 36.0", "limits.supply_temp_c", "too near to the setpoint"),
        ("pressure_kpa = 400.0", "limits", "pressure_kpa without pressure"),
        ('pressure = "cdu1.tcs_supply_pressure_kpa"', "limits", "pressure without pressure_kpa"),
        ('suction = "cdu1.tcs_return_pressure_kpa"', "limits", "suction without suction_kpa"),
        ("level_low = 5.0", "limits", "level_low without level"),
        (
            'level = "cdu1.tcs_flow_lpm"\nlevel_low = 5.0\nlevel_lost = 20.0',
            "limits",
            "the pumps would stop before the level is called low",
        ),
        ('return_temp = "cdu1.tcs_flow_lpm"', "limits.return_temp", "degC"),
        ('flow = "cdu1.nothing_lpm"', "limits.flow", "nothing_lpm"),
        ("suction_speed_pct = 0.0", "limits.suction_speed_pct", "above 0"),
        ("suply_temp_c = 50.0", "limits.suply_temp_c", "did you mean supply_temp_c?"),
    ],
)
def test_fm_12_what_cannot_be_right_is_one_sentence_at_its_key(tmp_path, lines, key, what):
    (found,) = problems(tmp_path, with_limits(lines))
    assert key in str(found)
    assert what in str(found)


@pytest.mark.parametrize(("poll_s", "confirm_s"), [("0.5", 0.75), ("1.0", 1.5), ("5.0", 2.0)])
def test_fm_01_a_second_reading_is_awaited_as_long_as_the_cdus_own_poll_takes_and_never_longer_than_promised(
    tmp_path, poll_s, confirm_s
):
    text = with_limits('flow = "cdu1.tcs_flow_lpm"\nflow_full_speed_lpm = 700.0')
    text = re.sub("poll_fast_s = .*", f"poll_fast_s = {poll_s}", text)
    assert watch_of(tmp_path, text).confirm_s == confirm_s

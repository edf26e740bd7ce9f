"""Resets, pump limits, flow tables and a rise loop: what they become, and what is said of one that cannot be right."""

import math

import pytest
from config_files import edited, loaded, problems

from coolantd.config.build import build_plan, point_specs

PRESSURE_KEYS = (
    "setpoint_kpa = 90.0",
    "setpoint_rate_kpa_per_min = 60.0",
    "gain_pct_per_kpa = 0.1",
)
RESET = """[cdu.pressure.reset]
setpoint_min_kpa = 10.0
setpoint_max_kpa = 100.0
rise_limit_k = 12.0
return_temps = ["cdu1.tcs_return_temp_c"]
flow = "cdu1.tcs_flow_lpm"
return_volume_l = 100.0
"""
SUPPLY_RESET = """[cdu.supply_temp.reset]
setpoint_min_c = 30.0
setpoint_max_c = 38.0
hot_temps = ["cdu1.tcs_return_temp_c"]
hot_limit_c = 48.0
"""
LIMITS = """[cdu.pressure.minimum_flow]
process_variable = "cdu1.tcs_flow_lpm"
limit_lpm = 360.0
gain_pct_per_lpm = 0.03
integral_time_s = 2.0

[cdu.pressure.maximum_pressure]
process_variable = "cdu1.tcs_supply_pressure_kpa"
limit_kpa = 350.0
gain_pct_per_kpa = 0.1
integral_time_s = 2.0

[cdu.pressure.maximum_return_temp]
process_variable = "cdu1.tcs_return_temp_c"
limit_c = 55.0
gain_pct_per_k = 2.0
integral_time_s = 30.0
"""
TABLE = """flow_table = [ { inlet_temp_c = 25.0, flow_lpm = 472.0 }, { inlet_temp_c = 45.0, flow_lpm = 1416.0 } ]
inlet_temp = "cdu1.tcs_supply_temp_c"
"""


def with_tables(*tables, edits=()):
    """Return the demo's configuration with tables for its CDU, put before the failsafe's."""
    return edited(("[cdu.failsafe]", "\n".join(tables) + "\n[cdu.failsafe]"), *edits)


def flow_loop(setpoint_lpm=1500.0, more=""):
    """Return edits that make the pump loop one of flow."""
    return (
        (PRESSURE_KEYS[0], f"setpoint_lpm = {setpoint_lpm}\n{more}"),
        (PRESSURE_KEYS[1], "setpoint_rate_lpm_per_min = 1200.0"),
        (PRESSURE_KEYS[2], "gain_pct_per_lpm = 0.03"),
        ('process_variable = "cdu1.tcs_differential_pressure_kpa"', 'process_variable = "cdu1.tcs_flow_lpm"'),
    )


def built(tmp_path, text):
    found = loaded(tmp_path, text)
    return build_plan(found).cdus[0], point_specs(found)


def test_a_pump_reset_counts_its_amounts_in_shares_of_the_configured_setpoint(tmp_path):
    cdu, specs = built(tmp_path, with_tables(RESET))
    pump = cdu.reset.pump
    assert (pump.least, pump.greatest, pump.period_s, pump.delay_s) == (10.0, 100.0, 30.0, 300.0)
    assert (pump.trim, pump.respond, pump.requests_max) == pytest.approx((3.6, 3.6, 3.0))
    assert (cdu.reset.rise_limit_k, cdu.reset.volume_l) == (12.0, 100.0)
    assert specs[cdu.reset.flow].point == "tcs_flow_lpm"
    assert [specs[i].point for i in cdu.reset.returns] == ["tcs_return_temp_c"]
    assert math.isnan(pump.hot_limit_c)


def test_a_supply_reset_and_the_limits_become_what_they_say(tmp_path):
    cdu, specs = built(tmp_path, with_tables(SUPPLY_RESET, LIMITS))
    supply = cdu.reset.supply_temp
    assert (supply.least, supply.greatest, supply.trim, supply.respond, supply.requests_max) == pytest.approx(
        (30.0, 38.0, 0.1, 0.3, 3.0)
    )
    flow, pressure, hot = cdu.reset.limits
    assert (flow.limit, flow.gain, flow.integral_time_s) == (360.0, 0.03, 2.0)
    assert (pressure.limit, specs[pressure.point].point) == (350.0, "tcs_supply_pressure_kpa")
    assert (hot.limit, specs[hot.point].point) == (55.0, "tcs_return_temp_c")


def test_a_flow_loop_may_follow_the_racks_table(tmp_path):
    cdu, specs = built(tmp_path, edited(*flow_loop(more=TABLE)))
    assert cdu.reset.flow_table == ((25.0, 472.0), (45.0, 1416.0))
    assert specs[cdu.reset.inlet].point == "tcs_supply_temp_c"


def test_a_pump_loop_may_hold_the_coolants_rise_and_acts_in_reverse(tmp_path):
    text = edited(
        (PRESSURE_KEYS[0], "setpoint_k = 10.0"),
        (PRESSURE_KEYS[1], "setpoint_rate_k_per_min = 2.0"),
        (PRESSURE_KEYS[2], "gain_pct_per_k = 0.9"),
        ('process_variable = "cdu1.tcs_differential_pressure_kpa"', 'process_variable = "cdu1.tcs_temp_rise_k"'),
    )
    plan = build_plan(loaded(tmp_path, text))
    assert plan.cdus[0].pressure.unit == "K"
    assert plan.p[0, 1, 1] == -1.0


def test_without_any_of_it_there_is_none(tmp_path):
    cdu, _ = built(tmp_path, edited())
    assert cdu.reset.pump is cdu.reset.supply_temp is None
    assert cdu.reset.limits == (None, None, None)


KEY = "cdu[0].pressure"
SUPPLY_KEY = "cdu[0].supply_temp.reset"


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        (with_tables(RESET.replace("100.0\nrise", "80.0\nrise")), f"{KEY}.reset.setpoint_max_kpa", "outside"),
        (with_tables(RESET.replace("min_kpa = 10.0", "min_kpa = 95.0")), f"{KEY}.reset.setpoint_min_kpa", "outside"),
        (with_tables(RESET.replace("_kpa", "_lpm")), f"{KEY}.reset", "do not fit a loop in kPa"),
        (with_tables(RESET.replace("rise_limit_k = 12.0", "")), f"{KEY}.reset", "nothing would ever ask"),
        (with_tables(RESET.replace("return_volume_l = 100.0", "")), f"{KEY}.reset.rise_limit_k", "no heat"),
        (
            with_tables(RESET.replace('return_temps = ["cdu1.tcs_return_temp_c"]', "")),
            f"{KEY}.reset.rise_limit_k",
            "no return temperature",
        ),
        (
            with_tables(RESET.replace("cdu1.tcs_flow_lpm", "cdu1.power_kw")),
            f"{KEY}.reset.flow",
            "a point in kW",
        ),
        (with_tables(RESET + "period_s = 1.0"), f"{KEY}.reset.period_s", "range"),
        (with_tables(SUPPLY_RESET.replace("min_c = 30.0", "min_c = 15.0")), f"{SUPPLY_KEY}.setpoint_min_c", "sweat"),
        (with_tables(SUPPLY_RESET.replace("max_c = 38.0", "max_c = 31.0")), f"{SUPPLY_KEY}.setpoint_max_c", "outside"),
        (with_tables(SUPPLY_RESET.replace('["cdu1.tcs_return_temp_c"]', "[]")), f"{SUPPLY_KEY}.hot_temps", ""),
        (
            with_tables(LIMITS.replace("tcs_supply_pressure", "tcs_differential_pressure").replace("350.0", "90.0")),
            f"{KEY}.maximum_pressure.limit_kpa",
            "not above the setpoint",
        ),
        (
            with_tables(LIMITS, edits=flow_loop(300.0)),
            f"{KEY}.minimum_flow.limit_lpm",
            "above the setpoint",
        ),
        (edited(*flow_loop(1000.0, TABLE)), f"{KEY}.setpoint_lpm", "greatest flow"),
        (edited(*flow_loop(more=TABLE.partition("\n")[0])), f"{KEY}.flow_table", "without inlet_temp"),
        (edited(*flow_loop(more=TABLE.replace("45.0", "25.0"))), f"{KEY}.flow_table[1].inlet_temp_c", "must rise"),
        (edited((PRESSURE_KEYS[0], PRESSURE_KEYS[0] + "\n" + TABLE)), f"{KEY}.flow_table", "does not hold a flow"),
    ],
)
def test_what_cannot_be_right_is_refused_with_one_sentence(tmp_path, text, key, what):
    found = problems(tmp_path, text)
    assert key in {problem.key for problem in found}, [str(problem) for problem in found]
    assert any(what in problem.what for problem in found if problem.key == key), [str(problem) for problem in found]

"""What runs is what the file says: points in table order, and the demo's plan number by number."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coolantd.config.build import HOLD_POLLS, build_plan, point_specs, split_tag, write_rules
from coolantd.config.load import load
from coolantd.control import layout as col
from coolantd.safety.envelope import L_TRAVEL

DEMO = Path(__file__).parents[3] / "config" / "demo.toml"
FILE = tomllib.loads(DEMO.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def demo():
    return load(DEMO)


@pytest.fixture(scope="module")
def plan(demo):
    return build_plan(demo)


@pytest.fixture(scope="module")
def specs(demo):
    return point_specs(demo)


def tag(specs, index):
    return f"{specs[index].device}.{specs[index].point}"


def test_every_point_of_every_device_has_one_row(demo, specs):
    tags = [(spec.device, spec.point) for spec in specs]
    assert len(tags) == len(set(tags))
    received = sum(
        len(profile.registers) + len(profile.differences) + sum(m.write is None for m in profile.messages)
        for profile in demo.profiles.values()
    )
    assert len(tags) == received


def test_periods_are_those_of_the_poll_classes_and_a_difference_has_that_of_its_parts(specs):
    periods = {f"{spec.device}.{spec.point}": spec.period_s for spec in specs}
    assert periods["cdu1.tcs_supply_temp_c"] == 0.5
    assert periods["cdu1.run_bool"] == 5.0
    assert periods["cdu1.pump1_run_time_h"] == 60.0
    assert periods["cdu1.tcs_differential_pressure_kpa"] == 0.5


def test_i5_the_travel_that_a_profile_allows_is_what_the_envelope_holds_the_valve_to(demo, plan):
    """Every other actuator may travel as it likes."""
    assert set(plan.limits[:, L_TRAVEL]) == {math.inf}
    profile = demo.profiles["cdu1"]
    registers = tuple(
        replace(each, write=replace(each.write, travel_strokes_per_day_max=96.0))
        if each.name == "fws_valve_position_setpoint_pct"
        else each
        for each in profile.registers
    )
    profiles = {**demo.profiles, "cdu1": replace(profile, registers=registers)}
    worn = build_plan(replace(demo, profiles=profiles))
    limited = [worn.actuators[i].name for i in np.flatnonzero(worn.limits[:, L_TRAVEL] == 96.0)]
    assert limited == ["fws_valve_position_setpoint_pct"]


def test_the_loops_carry_the_numbers_of_the_file(plan, specs):
    cdu = plan.cdus[0]
    supply, pressure = cdu.supply_temp, cdu.pressure
    assert tag(specs, supply.point) == "cdu1.tcs_supply_temp_c"
    assert tag(specs, pressure.point) == "cdu1.tcs_differential_pressure_kpa"
    assert (supply.unit, pressure.unit) == ("degC", "kPa")
    said = FILE["cdu"][0]
    for loop, of in ((supply, said["supply_temp"]), (pressure, said["pressure"])):
        for name in ("integral_time_s", "derivative_time_s", "output_min_pct", "output_max_pct"):
            assert getattr(loop, name) == of[name]
        assert loop.output_rate_pct_per_s == of["output_rate_pct_per_s"]
    assert (supply.gain, supply.setpoint) == (said["supply_temp"]["gain_pct_per_k"], said["supply_temp"]["setpoint_c"])
    assert (pressure.gain, pressure.setpoint) == (
        said["pressure"]["gain_pct_per_kpa"],
        said["pressure"]["setpoint_kpa"],
    )
    assert supply.setpoint_rate_per_s == pytest.approx(said["supply_temp"]["setpoint_rate_k_per_min"] / 60.0)
    assert pressure.setpoint_rate_per_s == pytest.approx(said["pressure"]["setpoint_rate_kpa_per_min"] / 60.0)
    assert plan.period_s == FILE["control"]["period_s"]


def test_one_refused_reading_is_shorter_than_the_hold_time_and_two_are_longer(plan):
    hold_s = plan.cdus[0].supply_temp.hold_s
    assert hold_s == HOLD_POLLS * 0.5
    assert 1.1 * 0.5 < hold_s < 1.9 * 0.5


def test_the_cooling_loop_acts_in_reverse_and_the_pressure_loop_directly(plan):
    assert list(plan.p[0, :, col.P_ACTION]) == [-1.0, 1.0]


def test_actuators_are_the_valve_the_pumps_and_every_branch_with_their_limits(plan, specs):
    names = [(a.device, a.name, a.role, a.cdu) for a in plan.actuators]
    assert names[:3] == [
        ("cdu1", "fws_valve_position_setpoint_pct", "fws_valve", 0),
        ("cdu1", "pump1_speed_setpoint_pct", "pump", 0),
        ("cdu1", "pump2_speed_setpoint_pct", "pump", 0),
    ]
    assert [(device, role, cdu) for device, _, role, cdu in names[3:]] == [("manifold1", "branch_valve", None)] * 8
    valve, pump1, _, *branches = plan.actuators
    assert (valve.minimum, valve.maximum, valve.zero_allowed) == (0.0, 100.0, False)
    assert (pump1.minimum, pump1.maximum, pump1.zero_allowed) == (25.0, 100.0, True)
    loops = plan.cdus[0].supply_temp, plan.cdus[0].pressure
    assert (valve.slew_pct_per_s, pump1.slew_pct_per_s) == tuple(loop.output_rate_pct_per_s for loop in loops)
    assert (math.isnan(valve.failsafe_pct), pump1.failsafe_pct) == (True, FILE["cdu"][0]["failsafe"]["pump_speed_pct"])
    assert {(b.fixed_pct, b.slew_pct_per_s, b.readback) for b in branches} == {(100.0, 2.0, None)}
    assert tag(specs, pump1.position) == "cdu1.pump1_speed_pct"
    assert pump1.readback is not None
    assert tag(specs, pump1.readback) == "cdu1.pump1_speed_setpoint_pct"


def test_failsafe_and_the_way_in_are_what_the_file_and_the_profile_say(plan, specs):
    cdu = plan.cdus[0]
    said = FILE["cdu"][0]["failsafe"]
    assert (cdu.failsafe_speed_pct, cdu.remote_value, cdu.wants_manual) == (said["pump_speed_pct"], 1, False)
    assert cdu.valve_table == tuple(tuple(row.values()) for row in said["valve_position_table"])
    assert {tag(specs, index).removeprefix("cdu1.") for index in cdu.required} == {
        "tcs_supply_temp_c",
        "tcs_differential_pressure_kpa",
        "fws_valve_position_pct",
        "fws_valve_position_setpoint_pct",
        "pump1_speed_pct",
        "pump1_speed_setpoint_pct",
        "pump2_speed_pct",
        "pump2_speed_setpoint_pct",
        "manual_mode_bool",
    }


def test_the_packed_arrays_say_what_the_parameters_say(plan):
    cdu = plan.cdus[0]
    assert list(plan.x[0, : col.X_PUMP]) == [
        cdu.supply_temp.point,
        cdu.pressure.point,
        cdu.dew_point,
        cdu.heat,
        cdu.remote,
        cdu.valve,
    ]
    pumps = plan.x[0, col.X_PUMP : col.X_REQUIRED]
    assert [int(i) for i in pumps if i >= 0] == list(cdu.pumps)
    assert [int(i) for i in plan.x[0, col.X_REQUIRED : col.X_MODEL] if i >= 0] == list(cdu.required)
    model = cdu.model
    inputs = [model.return_temp, model.fws_supply_temp, model.flow, model.fws_pressure]
    assert list(plan.x[0, col.X_MODEL : col.X_POWER]) == inputs
    assert plan.limits.shape[0] == plan.y.shape[0] == plan.f.shape[0] == len(plan.actuators)
    assert np.isfinite(plan.p[0, :, : col.P_MANUAL]).all()


def test_a_tag_splits_at_its_first_dot():
    assert split_tag("cdu1.tcs_supply_temp_c") == ("cdu1", "tcs_supply_temp_c")


def test_writable_points_of_a_profile(demo):
    assert len(write_rules(demo.profiles["cdu1"])) == 3
    assert len(write_rules(demo.profiles["manifold1"])) == 8

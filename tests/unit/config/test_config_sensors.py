"""Lists of sensors in a configuration: the voted points they become, and one sentence for each that cannot be."""

from dataclasses import replace

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import HOLD_POLLS, build_plan, build_plan_without, point_specs
from coolantd.config.models import Config
from coolantd.control.sensor_layout import HIGHEST, MIDDLE
from coolantd.protocol.kinds import Coding

SUPPLY = 'process_variable = "cdu1.tcs_supply_temp_c"'
BOTH = 'process_variable = ["cdu1.tcs_supply_temp_c", "cdu1.tcs_supply_spare_temp_c"]'


def test_a_list_becomes_a_point_of_its_own_behind_all_others(tmp_path):
    single = loaded(tmp_path, DEMO.replace(BOTH, SUPPLY))
    text = DEMO if BOTH in DEMO else edited((SUPPLY, BOTH))
    found = loaded(tmp_path, text)
    specs, plan = point_specs(found), build_plan(found)
    assert len(specs) == len(point_specs(single)) + 1
    assert (specs[-1].device, specs[-1].point, specs[-1].unit) == ("cdu1", "voted_supply_temp_c", "degC")
    assert specs[-1].period_s == max(s.period_s for s in specs if s.point.startswith("tcs_supply_temp"))
    (vote,) = plan.sensors.votes
    assert [specs[row].point for row in vote.member_points] == ["tcs_supply_temp_c", "tcs_supply_spare_temp_c"]
    assert (vote.point, vote.rule, vote.safe, vote.apart, vote.apart_s) == (len(specs) - 1, MIDDLE, 1, 1.0, 30.0)
    loop = plan.cdus[0].supply_temp
    assert loop.point == vote.point
    assert vote.point in plan.cdus[0].required
    assert loop.hold_s == HOLD_POLLS * found.config.devices[0].poll_fast_s


def test_a_list_survives_being_written_out(tmp_path):
    config = loaded(tmp_path, DEMO if BOTH in DEMO else edited((SUPPLY, BOTH))).config
    assert Config.model_validate(config.model_dump(by_alias=True, mode="json")) == config


def test_every_measured_quantity_takes_a_list_and_its_safe_side_is_what_cools(tmp_path):
    spare = "cdu1.fws_return_temp_c"
    text = edited(
        ('dew_point = "cdu1.dew_point_c"', 'dew_point = ["cdu1.dew_point_c", "cdu1.ambient_temp_c"]'),
        (
            'process_variable = "cdu1.tcs_differential_pressure_kpa"',
            'process_variable = ["cdu1.tcs_differential_pressure_kpa", "cdu1.filter_inlet_pressure_kpa"]',
        ),
        ('heat_load = "cdu1.heat_load_kw"', 'heat_load = ["cdu1.heat_load_kw", "cdu1.power_kw"]'),
        ('return_temp = "cdu1.tcs_return_temp_c"', f'return_temp = ["cdu1.tcs_return_temp_c", "{spare}"]'),
        ('flow = "cdu1.tcs_flow_lpm"', 'flow = ["cdu1.tcs_flow_lpm", "cdu1.fws_flow_lpm"]'),
    )
    votes = {vote.tag: vote for vote in build_plan(loaded(tmp_path, text)).sensors.votes}
    assert votes["cdu1.voted_dew_point_c"].rule == HIGHEST
    assert votes["cdu1.voted_pressure_kpa"].safe == votes["cdu1.voted_flow_lpm"].safe == -1
    assert votes["cdu1.voted_return_temp_c"].safe == votes["cdu1.voted_heat_load_kw"].safe == 1
    assert votes["cdu1.voted_dew_point_c"].apart == 2.0


def test_the_limits_are_the_sites_own(tmp_path):
    text = edited(("[[device]]", "[sensors]\napart_k = 0.6\napart_s = 12.0\n\n[[device]]"))
    text = text if BOTH in text else text.replace(SUPPLY, BOTH)
    (vote,) = build_plan(loaded(tmp_path, text)).sensors.votes
    assert (vote.apart, vote.apart_s, vote.rate_per_s) == (0.6, 12.0, 0.01)
    assert problems(tmp_path, text.replace("apart_k = 0.6", "apart_k = 0.01"))[0].key == "sensors.apart_k"


def test_a_temperature_in_whole_degrees_is_not_watched_for_standing_still(tmp_path):
    found = loaded(tmp_path, DEMO)
    watched = {watch.tag for watch in build_plan(found).sensors.watches}
    assert {"cdu1.tcs_supply_temp_c", "cdu1.tcs_return_temp_c", "cdu1.tcs_flow_lpm"} <= watched
    profile = found.profiles["cdu1"]
    for coding, scale, kept in ((Coding.I16, 1.0, False), (Coding.I16, 0.1, True), (Coding.F32, 1.0, True)):
        registers = [
            replace(point, coding=coding, scale=scale) if point.name == "tcs_supply_temp_c" else point
            for point in profile.registers
        ]
        coarse = replace(found, profiles={**found.profiles, "cdu1": replace(profile, registers=tuple(registers))})
        tags = {watch.tag for watch in build_plan(coarse).sensors.watches}
        assert ("cdu1.tcs_supply_temp_c" in tags) == kept
        assert "cdu1.tcs_return_temp_c" in tags


def test_voted_rows_stay_where_they_are_while_a_device_is_given_back(tmp_path):
    text = DEMO if BOTH in DEMO else edited((SUPPLY, BOTH))
    found = loaded(tmp_path, text)
    assert build_plan_without(found, ["manifold1"]).sensors.votes == build_plan(found).sensors.votes
    assert build_plan_without(found, ["cdu1"]).sensors.votes == ()


@pytest.mark.parametrize(
    ("new", "key", "what"),
    [
        ("[]", "cdu[0].supply_temp.process_variable", "neither a sensor nor some"),
        ("7", "cdu[0].supply_temp.process_variable", "neither a sensor nor some"),
        ('["cdu1.tcs_supply_temp_c", 7]', "cdu[0].supply_temp.process_variable", "malformed"),
        ('["cdu1.tcs_supply_temp_c", "nowhere"]', "cdu[0].supply_temp.process_variable", "malformed"),
        ('["cdu1.tcs_supply_temp_c", "cdu1.tcs_supply_temp_c"]', "cdu[0].supply_temp.process_variable", "twice"),
        ('["cdu1.tcs_supply_temp_c", "cdu1.power_kw"]', "cdu[0].supply_temp.process_variable[1]", "point in kW"),
        ('["cdu1.tcs_supply_temp_c", "cdu1.tcs_supply_c"]', "cdu[0].supply_temp.process_variable[1]", "no such"),
        ('["cdu1.tcs_supply_temp_c", "cdu9.tcs_supply_c"]', "cdu[0].supply_temp.process_variable[1]", "no such device"),
        ('["cdu1.tcs_supply_temp_c", "cdu1.tcs_return_temp_c"]', "cdu[0].model.return_temp", "the same point as"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused_with_one_sentence(tmp_path, new, key, what):
    text = DEMO.replace(BOTH, SUPPLY)
    found = problems(tmp_path, edited((SUPPLY, f"process_variable = {new}"), text=text))
    assert [problem.key for problem in found] == [key]
    assert what in found[0].what
    assert found[0].allowed


def test_the_loss_of_the_cdus_own_device_must_not_go_unnoticed(tmp_path):
    other = DEMO.replace(BOTH, SUPPLY)[DEMO.index("[[device]]") :]
    device = other[: other.index("[[", 10)].replace('"cdu1"', '"cdu2"').replace("502", "503")
    foreign = 'process_variable = ["cdu1.tcs_supply_temp_c", "cdu2.tcs_supply_temp_c"]'
    pressure = 'process_variable = "cdu1.tcs_differential_pressure_kpa"'
    text = edited(
        ("[[device]]", f"{device}monitor_only = true\n\n[[device]]"), (SUPPLY, foreign), text=DEMO.replace(BOTH, SUPPLY)
    )
    assert problems(tmp_path, text) == ()
    both = text.replace(
        pressure, pressure.replace('"cdu1', '["cdu1').replace('kpa"', 'kpa", "cdu2.tcs_differential_pressure_kpa"]')
    )
    (problem,) = problems(tmp_path, both)
    assert problem.key == "cdu[0].supply_temp.process_variable"
    assert "its loss would go unnoticed" in problem.what

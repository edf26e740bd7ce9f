"""Hazards and actuator modes as series: one for each, bounded by the configuration."""

from dataclasses import replace

from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Mode
from coolantd.service.protection_series import protection_families
from coolantd.service.view import ActuatorView, CduView


def valve(**changes):
    facts = {"device": "cdu1", "point": "valve_pct", "role": "fws_valve", "command_pct": 1.0, "position_pct": 1.0}
    return ActuatorView(**facts, refusal="", **changes)


def test_one_series_for_each_hazard_and_each_mode_and_one_for_those_that_are_so():
    cdu = CduView(name="cdu1", mode="automatic", cause="", mode_age_s=1.0, hazards=("flow_lost",))
    hazards, modes, *_ = protection_families([cdu], [valve(mode="failsafe")])
    assert (hazards[0], modes[0]) == ("coolantd_cdu_hazard", "coolantd_actuator_mode")
    assert len(hazards[2]) == len(Hazard)
    assert [dict(labels)["hazard"] for labels, value in hazards[2] if value] == ["flow_lost"]
    assert len(modes[2]) == len(Mode)
    assert [dict(labels)["mode"] for labels, value in modes[2] if value] == ["failsafe"]


def test_i5_what_valves_have_travelled_and_may_still_are_series_and_pumps_have_none():
    worn = valve(travelled_strokes=3.5, travel_left_strokes=20.5)
    families = {name: rows for name, _, rows in protection_families([], [worn, replace(worn, role="pump")])}
    labels = (("device", "cdu1"), ("point", "valve_pct"))
    assert families["coolantd_actuator_travel_strokes"] == [(labels, 3.5)]
    assert families["coolantd_actuator_travel_left_strokes"] == [(labels, 20.5)]

"""What ``coolantd status`` tells of devices, buses and actuators that want a person, and that it fits a terminal."""

import dataclasses
import io

import pytest
from rich.console import Console
from service_view_factory import ESTIMATE, FOULED, make_view

from coolantd.cli.status_tables import render
from coolantd.service.view import ActuatorView, BusView, DeviceView
from coolantd.service.view_json import view_json

WIDTH_CHARS = 100
PUMP = "pump1_speed_setpoint_pct"


def shown(view, *, plain=False):
    console = Console(file=io.StringIO(), width=WIDTH_CHARS, highlight=False, no_color=True)
    console.print(render(view_json(view), plain=plain))
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def with_device(**changes):
    view = make_view()
    return dataclasses.replace(view, devices=(dataclasses.replace(view.devices[0], **changes),))


def with_actuator(**changes):
    view = make_view()
    return dataclasses.replace(view, actuators=(dataclasses.replace(view.actuators[0], point=PUMP, **changes),))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "up"),
        ({"put_local": True}, "local"),
        ({"up": False, "fault": "timeout"}, "down timeout"),
        ({"up": False, "fault": "timeout", "dormant": True}, "dormant timeout"),
        ({"up": False, "fault": "wrong_device", "wrong": True}, "wrong device"),
        ({"up": False, "fault": "paused", "paused_left_s": 725.0}, "paused 12m05s left"),
    ],
)
def test_a_device_is_in_the_state_that_explains_it(changes, state):
    assert f"cdu1 modbus_tcp 127.0.0.1:502/1 {state}" in shown(with_device(**changes))


def test_what_wants_a_person_stands_at_the_top_in_whole_sentences():
    sentence = "comm_loss_action reads 0, expected 1: it would stop its pumps"
    view = with_device(problems=(sentence,), put_local=True)
    lines = shown(view)
    assert lines[1].startswith("! cdu1: somebody put it to local")
    assert f"! cdu1: {sentence}" in lines
    assert lines.index(f"! cdu1: {sentence}") < lines.index("CDUs")


def test_a_pause_says_how_long_it_lasts():
    lines = shown(with_device(up=False, fault="paused", paused_left_s=725.0))
    assert "! cdu1: paused for 12m05s more; to end it: coolantd device resume cdu1" in lines


def test_a_healthy_site_has_nothing_that_wants_a_person():
    view = make_view()
    assert not [line for line in shown(view) if line.startswith("!")]


def test_an_actuator_left_to_another_writer_says_for_how_long():
    lines = shown(with_actuator(yield_left_s=754.0))
    assert f"cdu1 {PUMP} 42.00 41.50 other 12m34s" in lines
    assert [line for line in lines if line.startswith(f"! cdu1 {PUMP}: left to another writer for 12m34s more")]


def test_an_actuator_of_a_device_put_to_local_is_left_to_it():
    view = make_view()
    local = dataclasses.replace(view.devices[0], put_local=True)
    lines = shown(dataclasses.replace(view, devices=(local,)))
    assert "cdu1 fws_valve_position_setpoint_pct 42.00 41.50 local" in lines


@pytest.mark.parametrize(("used_ratio", "warned"), [(0.5, False), (0.95, True)])
def test_the_budget_is_shown_and_warned_of_when_nearly_used(used_ratio, warned):
    lines = shown(with_actuator(budget_used_ratio=used_ratio))
    assert f"cdu1 {PUMP} 42.00 41.50 {used_ratio * 100:.0f}" in lines
    assert (f"! cdu1 {PUMP}: {used_ratio * 100:.0f} % of this hour's writes are used up" in lines) is warned


def test_a_device_is_told_by_model_serial_and_firmware_alone():
    texts = (("firmware", "V1"), ("model", "X-9"), ("serial", "S7"), ("work_order", "W1"))
    lines = shown(with_device(texts=texts))
    assert "cdu1 modbus_tcp 127.0.0.1:502/1 up model X-9, serial S7, firmware V1" in lines
    assert view_json(with_device(texts=texts))["devices"][0]["texts"] == dict(texts)


def test_lines_show_their_counts_and_endpoints_have_none():
    line = BusView(
        name="rack-bus",
        connected=True,
        busy_ratio=0.42,
        devices=("rpu1", "rpu2"),
        line=True,
        quiet_times=3,
        discarded_bytes=17,
        loopbacks=5,
        loopbacks_missed=1,
    )
    endpoint = BusView(name="10.0.0.5:502", connected=False, busy_ratio=0.0, devices=("cdu1",))
    view = make_view(buses=(line, endpoint))
    assert "rack-bus up 42 3 17 5 1 rpu1, rpu2" in shown(view)
    assert "10.0.0.5:502 down 0 - - - - cdu1" in shown(view)


def test_no_name_is_cut_at_100_columns():
    """A full row at its widest: the endpoint of a site, a manifold's branch valve, a budget and another writer."""
    actuator = ActuatorView(
        device="manifold1",
        point="branch8_valve_position_setpoint_pct",
        role="branch_valve",
        command_pct=100.0,
        position_pct=100.0,
        refusal="out_of_range",
        yield_left_s=1799.0,
        budget_used_ratio=0.95,
    )
    bus = BusView(name="192.168.100.100:51961", connected=True, busy_ratio=1.0, devices=("cdu1",))
    lines = shown(make_view(actuators=(actuator,), buses=(bus,)))
    assert "manifold1 branch8_valve_position_setpoint_pct 100.00 100.00 95 other 29m59s" in lines
    assert "192.168.100.100:51961 up 100 - - - - cdu1" in lines
    assert not [line for line in lines if "\u2026" in line]


def test_everything_shown_is_in_the_json():
    actuator = ActuatorView(
        device="cdu1", point=PUMP, role="pump", command_pct=1.0, position_pct=1.0, refusal="", yield_left_s=9.0
    )
    device = DeviceView(
        name="cdu1",
        transport="modbus_rtu",
        endpoint="rack-bus/12",
        up=False,
        fault="timeout",
        dormant=True,
        points_refused=2,
        problems=("it refuses to be read: a, b",),
    )
    bus = BusView(name="rack-bus", connected=True, busy_ratio=0.5, devices=("cdu1",), line=True, quiet_times=3)
    body = view_json(make_view(actuators=(actuator,), devices=(device,), buses=(bus,)))
    assert body["actuators"][0]["yield_left_s"] == 9.0
    assert body["actuators"][0]["budget_used_ratio"] is None
    assert {"dormant": True, "wrong": False, "put_local": False, "points_refused": 2}.items() <= body["devices"][
        0
    ].items()
    assert {"name": "rack-bus", "busy_ratio": 0.5, "quiet_times": 3, "devices": ["cdu1"]}.items() <= body["buses"][
        0
    ].items()


def test_an_older_daemon_is_shown_as_far_as_it_tells():
    body = view_json(make_view())
    del body["buses"]
    for device in body["devices"]:
        for key in ("wrong", "dormant", "put_local", "points_refused"):
            del device[key]
    console = Console(file=io.StringIO(), width=WIDTH_CHARS)
    console.print(render(body, plain=True))
    assert "cdu1" in console.file.getvalue()


def test_a_condition_is_said_with_cause_consequence_and_action():
    blocked = dataclasses.replace(FOULED, condition="branch_blocked", detail="branch 3")
    text = " ".join(shown(make_view(conditions=(FOULED, blocked))))
    told = "the exchanger passes less heat; the valve has less left; clean it"
    assert f"! cdu1: fouling for 5m00s: {told}" in text
    assert f"! cdu1: branch blocked, branch 3 for 5m00s: {told}" in text


def test_balanced_branches_are_a_table_of_their_own():
    lines = shown(make_view())
    assert "manifold1 r701 balanced 60.00 60.00 58.00 11.50 100.00" in lines
    assert "manifold1 r702 open - - - - 100.00" in lines


def test_groups_are_a_table_of_their_own():
    lines = shown(make_view())
    assert "hall2 cdu1 member 61.00" in lines
    assert "hall2 cdu2 out 75.00" in lines


def test_estimates_say_what_is_unknown_and_what_is_not_judged():
    nan = float("nan")
    unknown = {"baseline_ratio": nan, "heat_fws_kw": nan, "leak_lpm": nan}
    estimate = dataclasses.replace(ESTIMATE, **unknown, limit_s=12.3, judged=False)
    lines = shown(make_view(estimates=(estimate,)), plain=True)
    assert "! cdu1: a limit is passed in about 12 s if the flow does not come back" in lines
    text = " ".join(lines)
    assert "251 93 - 481 - 475 1204" in text
    assert "not judged" in text

"""What others do to the virtual row CDU: restart it, take it over at its panel, write its registers."""

import pytest

from coolantd.sim.controller_port import BOOT_S, DEFAULT_SETPOINT_PCT, ILLEGAL_ADDRESS, ILLEGAL_VALUE, STEP_S
from coolantd.sim.other_hands import Act, CduEvent, carry_out
from coolantd.sim.row_cdu import RowCdu
from coolantd.sim.scenario import ScenarioError, build_scenario
from coolantd.sim.simulator import RATED_HEAT_KW

HEARTBEAT, REMOTE, VALVE = 301, 8697, "fws_valve_position_setpoint_pct"


def run(device: RowCdu, duration_s: float, *, beat_from: int | None = None) -> None:
    for index in range(round(duration_s / STEP_S)):
        if beat_from is not None and index % 10 == 0:
            device.port.write_holding(HEARTBEAT, [beat_from + index // 10])
        device.step()


@pytest.fixture
def commanded(device: RowCdu) -> RowCdu:
    device.port.write_holding(HEARTBEAT, [1])
    device.port.write_coils(REMOTE, [True])
    device.step()
    run(device, 20.0, beat_from=2)
    assert device.port.obeying
    return device


def test_a_restart_refuses_everything_for_3_s_and_forgets_what_was_set(commanded: RowCdu):
    before_pct = commanded.valve_position_pct
    commanded.port.reboot()
    assert commanded.port.refuses_all == ILLEGAL_ADDRESS
    run(commanded, BOOT_S - STEP_S)
    assert commanded.port.refuses_all == ILLEGAL_ADDRESS
    assert commanded.valve_position_pct == pytest.approx(before_pct, abs=0.1)
    run(commanded, STEP_S)
    assert commanded.port.refuses_all == 0
    heartbeat = commanded.port.heartbeat
    assert [commanded.registers.get(name) for name in (heartbeat.ours, heartbeat.theirs)] == [0.0, 0.0]
    assert [commanded.registers.get(p.name) for p in commanded.port.setpoints] == [DEFAULT_SETPOINT_PCT] * 3
    assert not commanded.port.remote
    assert not commanded.port.obeying


def test_after_a_restart_the_devices_own_controller_goes_on_without_a_jump(commanded: RowCdu):
    commanded.port.reboot()
    valve_pct, pump_pct = commanded.valve_position_pct, commanded.pump_speeds_pct[0]
    run(commanded, BOOT_S + 2.0)
    assert commanded.valve_position_pct == pytest.approx(valve_pct, abs=1.0)
    assert commanded.pump_speeds_pct[0] == pytest.approx(pump_pct, abs=1.0)


def test_at_the_panel_it_goes_local_although_the_heartbeat_lives(commanded: RowCdu):
    assert carry_out(commanded.port, CduEvent(at_s=0.0, act=Act.LOCAL)) == 0
    run(commanded, 1.0, beat_from=100)
    assert not commanded.port.obeying
    assert not commanded.port.controller_lost
    assert carry_out(commanded.port, CduEvent(at_s=0.0, act=Act.REMOTE)) == 0
    run(commanded, 1.0, beat_from=200)
    assert commanded.port.obeying


@pytest.mark.parametrize(
    ("point", "value", "code"),
    [(VALVE, 55.0, 0), (VALVE, 155.0, ILLEGAL_VALUE), ("tcs_supply_temp_c", 3.0, ILLEGAL_ADDRESS), ("nobody", 1, None)],
)
def test_another_master_is_refused_where_the_daemon_would_be(commanded: RowCdu, point, value, code):
    assert carry_out(commanded.port, CduEvent(at_s=0.0, act=Act.WRITE, point=point, value=value)) == code
    if code == 0:
        assert commanded.registers.get(point) == pytest.approx(value)
        assert commanded.port.writes[-1].point == point


def test_a_scenario_holds_such_acts():
    document = {
        "cdu_event": [
            {"at_s": 5.0, "act": "write", "point": VALVE, "value": 20.0},
            {"at_s": 9, "act": "reboot"},
        ]
    }
    assert build_scenario(document, RATED_HEAT_KW).cdu_events == (
        CduEvent(at_s=5.0, act=Act.WRITE, point=VALVE, value=20.0),
        CduEvent(at_s=9.0, act=Act.REBOOT),
    )


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"at_s": 1.0, "act": "explode"}, "act = 'explode', allowed: reboot, local, remote, write"),
        ({"at_s": 1.0, "act": ["reboot"]}, "act = "),
        ({"act": "reboot"}, "at_s is missing"),
        ({"at_s": -1.0, "act": "reboot"}, "at_s = -1 s, allowed: 0 to"),
        ({"at_s": 1.0, "act": "write"}, "point = '', allowed: the name of a point"),
        ({"at_s": 1.0, "act": "write", "point": VALVE}, "value is missing"),
        ({"at_s": 1.0, "act": "local", "value": 3.0}, "unknown key value"),
    ],
)
def test_an_act_that_is_none_is_one_sentence(entry, sentence):
    with pytest.raises(ScenarioError, match=r"^cdu_event") as caught:
        build_scenario({"cdu_event": [entry]}, RATED_HEAT_KW)
    assert sentence in str(caught.value)

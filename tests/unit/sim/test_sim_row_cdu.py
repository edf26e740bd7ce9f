"""The row CDU's registers and rules, without sockets: time is counted in its own steps."""

import math
import struct

import pytest

from coolantd.plant.dew_point import dew_point_c
from coolantd.protocol.codec import decode, encode
from coolantd.sim.controller_port import ILLEGAL_ADDRESS, ILLEGAL_VALUE, STEP_S
from coolantd.sim.row_cdu import RowCdu
from coolantd.sim.simulator import RACK_HEAT_RATED_W

HEARTBEAT, PUMP1, PUMP2, VALVE = 301, 246, 222, 352
IMPERIAL, MANUAL, RUN = 8692, 8697, 8706


def cdab(value: float) -> list[int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [low, high]


def number(device: RowCdu, address: int) -> float:
    low, high = device.port.read_holding(address, 2)
    return struct.unpack(">f", struct.pack(">HH", high, low))[0]


def run(device: RowCdu, duration_s: float, *, heartbeat_from: int | None = None) -> None:
    """Step for a time; with ``heartbeat_from`` beat once a second from that number on."""
    for index in range(round(duration_s / STEP_S)):
        if heartbeat_from is not None and index % 10 == 0:
            device.port.write_holding(HEARTBEAT, [heartbeat_from + index // 10])
        device.step()


def take_over(device: RowCdu) -> None:
    device.port.write_holding(HEARTBEAT, [1])
    device.port.write_coils(MANUAL, [True])
    device.step()
    assert device.port.obeying


def test_every_point_of_the_profile_decodes_to_the_plants_truth(device: RowCdu, profile):
    device.plant.inputs.rack_heat_w[:] = 0.6 * RACK_HEAT_RATED_W
    run(device, 600.0)
    plant = device.plant
    truth = {
        "tcs_supply_temp_c": plant.tcs_supply_temp_c,
        "tcs_return_temp_c": plant.tcs_return_temp_c,
        "fws_supply_temp_c": 28.0,
        "fws_return_temp_c": plant.fws_return_temp_c,
        "dew_point_c": dew_point_c(25.0, 0.5),
        "fws_valve_position_pct": plant.fws_valve_ratio * 100.0,
        "tcs_flow_lpm": plant.tcs_flow_m3_s * 60_000.0,
        "fws_flow_lpm": plant.fws_flow_m3_s * 60_000.0,
        "pump1_speed_pct": plant.pump_speed_ratio[0] * 100.0,
        "pump2_speed_pct": plant.pump_speed_ratio[1] * 100.0,
        "heat_load_kw": 0.6 * 960.0,
    }
    decoded = {}
    for point in profile.registers:
        if point.table == "holding":
            decoded[point.name] = decode(point, device.port.read_holding(point.address, point.coding.register_count))
    assert {name: decoded[name] for name in truth} == pytest.approx(truth, rel=1e-4)
    pressure_kpa = decoded["tcs_supply_pressure_kpa"] - decoded["tcs_return_pressure_kpa"]
    assert pressure_kpa == pytest.approx(90.0, abs=0.1)
    assert not any(decoded[name] for name in profile.alarms)


def test_addresses_are_those_of_the_real_device(device: RowCdu):
    assert number(device, 5000) == pytest.approx(34.0, abs=0.1)
    assert number(device, 5034) == pytest.approx(37.3, abs=0.5)
    assert number(device, PUMP1) == pytest.approx(72.28, abs=0.1)
    assert device.port.read_coil(RUN) is True
    assert device.port.read_coil(MANUAL) is False


def test_status_block_is_as_old_as_the_devices_loop(profile, plant):
    device = RowCdu(profile, plant, refresh_s=1.0, noise_ratio=1.0)
    seen = []
    for _ in range(30):
        device.step()
        seen.append((number(device, 5000), device.port.read_holding(300, 1)[0]))
    assert len(set(seen)) == 4
    assert [beats for _, beats in seen][9::10] == [2, 3, 4]


def test_device_heartbeat_wraps_to_zero_after_30000(device: RowCdu):
    device.registers.put("device_heartbeat_count", 30_000)
    run(device, 0.5)
    assert device.port.read_holding(300, 1) == [0]


def test_imperial_selector_turns_the_block_at_the_next_refresh_and_decodes_the_same(device: RowCdu, profile):
    run(device, 1.0)
    metric = {point.name: device.registers.get(point.name) for point in profile.registers if point.imperial_unit}
    device.port.write_coils(IMPERIAL, [True])
    run(device, 0.5)
    assert number(device, 5000) == pytest.approx(93.2, abs=0.2)
    assert number(device, 5010) == pytest.approx(metric["tcs_supply_pressure_kpa"] / 6.894757, abs=0.2)
    assert number(device, 5042) == pytest.approx(1215.0 / 3.785412, abs=0.5)
    assert number(device, 5034) == pytest.approx(37.3, abs=0.5)
    for point in profile.registers:
        if point.imperial_unit:
            words = device.port.read_holding(point.address, 2)
            assert decode(point, words, imperial=True) == pytest.approx(metric[point.name], rel=1e-4, abs=1e-3)
    device.port.write_coils(IMPERIAL, [False])
    run(device, 0.5)
    assert number(device, 5000) == pytest.approx(34.0, abs=0.1)


def test_setpoints_are_not_obeyed_before_a_takeover(device: RowCdu):
    assert device.port.write_holding(VALVE, cdab(90.0)) == 0
    run(device, 20.0, heartbeat_from=1)
    assert device.valve_position_pct == pytest.approx(37.3, abs=0.5)
    assert not device.port.obeying


def test_manual_without_a_heartbeat_is_not_obeyed_and_is_taken_back_after_5_s(device: RowCdu):
    device.port.write_holding(VALVE, cdab(90.0))
    device.port.write_coils(MANUAL, [True])
    run(device, 5.0)
    assert device.port.remote
    assert not device.port.obeying
    device.step()
    assert not device.port.remote
    assert device.valve_position_pct == pytest.approx(37.3, abs=0.5)


def test_takeover_obeys_and_a_lost_heartbeat_falls_back_at_exactly_5_s(device: RowCdu):
    """The device side of FM-28: a controller that died is replaced within its heartbeat's timeout."""
    take_over(device)
    device.port.write_holding(PUMP1, cdab(60.0))
    device.port.write_holding(PUMP2, cdab(60.0))
    device.port.write_holding(HEARTBEAT, [2])
    for _ in range(50):
        device.step()
        assert device.port.obeying
        assert device.port.read_coil(MANUAL)
    assert max(device.pump_speeds_pct) == pytest.approx(60.0, abs=1.0)
    device.step()
    assert not device.port.obeying
    assert not device.port.read_coil(MANUAL)
    assert (device.port.takeovers, device.port.fallbacks) == (1, 1)
    run(device, 60.0)
    assert device.plant.rack_differential_pressure_pa == pytest.approx(90e3, rel=0.02)


def test_a_heartbeat_that_repeats_its_number_is_no_heartbeat(device: RowCdu):
    take_over(device)
    for _ in range(51):
        device.port.write_holding(HEARTBEAT, [1])
        device.step()
    assert not device.port.obeying


def test_a_returning_controller_must_take_over_again_on_purpose(device: RowCdu):
    take_over(device)
    run(device, 6.0)
    device.port.write_holding(VALVE, cdab(90.0))
    run(device, 10.0, heartbeat_from=7)
    assert not device.port.obeying
    assert device.valve_position_pct == pytest.approx(37.3, abs=1.0)
    device.port.write_coils(MANUAL, [True])
    run(device, 3.0, heartbeat_from=100)
    assert device.valve_position_pct > 40.0


def test_handing_back_leaves_the_actuators_where_they_are(device: RowCdu):
    take_over(device)
    device.port.write_holding(VALVE, cdab(50.0))
    run(device, 8.0, heartbeat_from=5)
    device.port.write_coils(MANUAL, [False])
    device.step()
    assert device.plant.inputs.fws_valve_ratio * 100.0 == pytest.approx(device.valve_position_pct, abs=1.0)
    assert device.port.fallbacks == 1


def test_a_write_record_says_when_what_and_from_what(device: RowCdu):
    run(device, 2.0)
    device.port.write_holding(VALVE, cdab(40.0))
    device.port.write_holding(VALVE, cdab(41.5))
    device.port.write_holding(HEARTBEAT, [3])
    first, second = device.port.writes
    assert (second.time_s, second.point) == (2.0, "fws_valve_position_setpoint_pct")
    assert (second.value, second.previous) == (41.5, 40.0)
    assert first.previous == pytest.approx(37.3, abs=0.5)
    assert device.port.writes_total == 2


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (PUMP1, cdab(0.0), 0),
        (PUMP1, cdab(25.0), 0),
        (PUMP2, cdab(100.0), 0),
        (VALVE, cdab(0.0), 0),
        (VALVE, cdab(100.0), 0),
        (HEARTBEAT, [30_000], 0),
        (PUMP1, cdab(24.9), ILLEGAL_VALUE),
        (PUMP1, cdab(0.5), ILLEGAL_VALUE),
        (PUMP2, cdab(100.1), ILLEGAL_VALUE),
        (PUMP1, cdab(-1.0), ILLEGAL_VALUE),
        (VALVE, cdab(100.5), ILLEGAL_VALUE),
        (VALVE, cdab(-0.1), ILLEGAL_VALUE),
        (VALVE, cdab(math.nan), ILLEGAL_VALUE),
        (PUMP1, cdab(math.inf), ILLEGAL_VALUE),
        (PUMP1, [0x4270], ILLEGAL_VALUE),
        (PUMP1 + 1, [0x4270], ILLEGAL_VALUE),
        (5000, cdab(20.0), ILLEGAL_ADDRESS),
        (300, [5], ILLEGAL_ADDRESS),
        (200, [0, 0], ILLEGAL_ADDRESS),
    ],
)
def test_what_is_taken_and_what_is_refused(device: RowCdu, address: int, words: list[int], code: int):
    before = device.port.read_holding(address, len(words))
    assert device.port.write_holding(address, words) == code
    assert device.port.writes_refused == (code != 0)
    assert device.port.read_holding(address, len(words)) == (words if code == 0 else before)


def test_pump_setpoint_of_zero_stops_the_pump_when_obeyed(device: RowCdu):
    take_over(device)
    device.port.write_holding(PUMP2, cdab(0.0))
    run(device, 15.0, heartbeat_from=2)
    assert device.pump_speeds_pct[1] < 1.0
    assert device.pump_speeds_pct[0] == pytest.approx(72.28, abs=0.5)


def test_run_switch_off_stops_the_pumps_and_raises_the_low_flow_alarm_only_with_a_pump_on(device: RowCdu):
    device.port.write_coils(RUN, [False])
    run(device, 60.0)
    assert max(device.pump_speeds_pct) < 1.0
    assert "alarm_tcs_flow_low_bool" not in device.active_alarms


def test_pump_trips_show_as_drive_faults_and_low_flow_40_s_later(device: RowCdu, profile):
    device.plant.inputs.pump_available[:] = 0.0
    run(device, 15.0)
    assert device.registers.get("fault_pump1_drive_bool") == 1.0
    assert device.registers.get("fault_pump2_drive_bool") == 1.0
    assert device.registers.get("alarm_tcs_flow_low_bool") == 0.0
    run(device, 45.0)
    assert device.registers.get("alarm_tcs_flow_low_bool") == 1.0
    device.plant.inputs.pump_available[:] = 1.0
    run(device, 20.0)
    assert device.registers.get("fault_pump1_drive_bool") == 0.0
    assert device.registers.get("alarm_tcs_flow_low_bool") == 0.0


def test_alarm_bits_lie_where_the_real_device_has_them(device: RowCdu):
    device.registers.put("alarm_tcs_supply_temp_high_bool", 1)
    device.registers.put("alarm_tcs_flow_low_bool", 1)
    assert device.port.read_holding(1705, 2) == [1 << 0, 1 << 9]


def test_alarms_have_a_reset_of_their_own(device: RowCdu):
    for temp_c, expected in ((59.9, 0), (60.1, 1), (55.1, 1), (54.9, 0)):
        device.sensors.step({**device.sensors.read(), "tcs_supply_temp_c": temp_c}, 1e9)
        device._refresh()
        assert device.registers.get("warning_tcs_supply_temp_high_bool") == expected


def test_same_seed_same_noise_and_none_at_ratio_zero(profile, plant, settled_plant):
    import copy

    twin = RowCdu(profile, copy.deepcopy(plant), seed=7)
    device = RowCdu(profile, plant, seed=7)
    other = RowCdu(profile, copy.deepcopy(settled_plant), seed=8)
    for machine in (device, twin, other):
        run(machine, 1.0)
    block = [machine.port.read_holding(5000, 62) for machine in (device, twin, other)]
    assert block[0] == block[1] != block[2]
    assert number(device, 5000) == pytest.approx(34.0, abs=0.15)


def test_a_profile_write_encoded_by_the_codec_is_understood(device: RowCdu, profile):
    point = next(point for point in profile.registers if point.name == "pump1_speed_setpoint_pct")
    assert device.port.write_holding(point.address, encode(point, 66.6)) == 0
    assert device.port.writes[-1].value == pytest.approx(66.6, abs=1e-5)

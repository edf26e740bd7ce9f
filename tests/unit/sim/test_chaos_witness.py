"""The witness catches each breach when it is made: what it never says nobody may conclude from (I1, I2, I3, I8)."""

import math
import struct

import pytest

from coolantd.config.profiles import load_profile
from coolantd.protocol.codec import encode
from coolantd.sim.chaos_frames import opened
from coolantd.sim.chaos_site_config import IDENTITY, IDENTITY_ADDRESS, IDENTITY_POINT, PROFILE, RATES, profile_text
from coolantd.sim.chaos_witness import Limits, Witness
from coolantd.sim.row_cdu import RowCdu
from coolantd.sim.simulator import Simulator, SimulatorSettings

PERIOD_S = 0.5
STATUS = 5000
VALVE, PUMP1, PUMP2 = "fws_valve_position_setpoint_pct", "pump1_speed_setpoint_pct", "pump2_speed_setpoint_pct"


@pytest.fixture(scope="module")
def plant():
    return Simulator(SimulatorSettings(modbus_port=0, mqtt_host=None)).plant


@pytest.fixture
def bench(plant, tmp_path):
    (tmp_path / f"{PROFILE}.toml").write_text(profile_text(), encoding="utf-8")
    device = RowCdu(load_profile(PROFILE, profiles_dir=tmp_path), plant)
    device.registers.put(IDENTITY_POINT, IDENTITY)
    return Bench(device)


class Bench:
    """A witness before a device whose time is the test's; it is known and has just been read."""

    def __init__(self, device):
        self.device = device
        self.now_s = 1000.0
        limits = Limits(**RATES, period_s=PERIOD_S)
        self.witness = Witness(device, (IDENTITY_ADDRESS, IDENTITY), STATUS, limits, now_s=lambda: self.now_s)
        self.points = {point.name: point for point in device.port.setpoints}
        self.at = {VALVE: device.valve_position_pct, PUMP1: device.pump_speeds_pct[0], PUMP2: device.pump_speeds_pct[1]}
        self.witness.connected()
        self.read(IDENTITY_ADDRESS, [IDENTITY])
        self.read(STATUS, [0, 0])

    def read(self, address, words):
        asked = opened(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, address, len(words)))
        reply = struct.pack(f">HHHBBB{len(words)}H", 1, 0, 3 + 2 * len(words), 1, 3, 2 * len(words), *words)
        self.witness.asked(asked)
        self.witness.answered(asked, reply, self.now_s)

    def write(self, point, value=math.nan, *, after_s=PERIOD_S, words=None):
        self.now_s += after_s
        words = encode(self.points[point], value) if words is None else words
        adu = struct.pack(">HHHBBHHB2H", 2, 0, 11, 1, 16, self.points[point].address, 2, 4, *words)
        self.witness.asked(opened(adu))
        return self.witness.breaches


def test_what_is_allowed_is_no_breach(bench):
    assert bench.write(VALVE, bench.at[VALVE]) == {}
    assert bench.write(VALVE, bench.at[VALVE] + 1.0) == {}
    assert bench.write(PUMP1, bench.at[PUMP1] + 2.5) == {}
    bench.witness.look()
    assert bench.witness.breaches == {}
    assert len(bench.witness.writes) == 3


@pytest.mark.parametrize(("point", "value"), [(VALVE, 101.0), (PUMP1, 12.0), (PUMP2, 110.0)])
def test_i1_a_value_out_of_range(bench, point, value):
    assert "I1" in bench.write(point, value)["range"]


def test_i1_a_value_that_is_no_number(bench):
    assert "I1" in bench.write(VALVE, words=(0, 0x7FC0))["range"]


@pytest.mark.parametrize(("point", "by_pct"), [(VALVE, 8.0), (VALVE, -8.0), (PUMP1, 9.0), (PUMP1, -9.0)])
def test_i1_fm_11_a_step_that_is_too_fast(bench, point, by_pct):
    bench.write(point, bench.at[point])
    assert "from" in bench.write(point, bench.at[point] + by_pct)["slew"]


def test_i1_the_same_way_in_its_time_is_no_breach(bench):
    bench.write(VALVE, bench.at[VALVE])
    assert bench.write(VALVE, bench.at[VALVE] + 8.0, after_s=3.0) == {}


def test_i8_fm_20_a_write_before_the_device_has_said_who_it_is(bench):
    bench.witness.connected()
    assert "I8" in bench.write(VALVE, bench.at[VALVE])["unverified"]


def test_i8_fm_20_a_write_to_another_machine(bench):
    bench.read(IDENTITY_ADDRESS, [IDENTITY + 1])
    assert "I8" in bench.write(VALVE, bench.at[VALVE])["unverified"]


def test_i3_fm_12_both_pumps_off_while_it_obeys(bench):
    for point in (PUMP1, PUMP2):
        bench.device.registers.put(point, 0.0)
    bench.device.port.obeying = True
    bench.witness.look()
    assert "I3" in bench.witness.breaches["pumps"]


def test_i2_a_write_carries_the_age_of_what_the_master_had_read(bench):
    bench.write(VALVE, bench.at[VALVE], after_s=4.0)
    bench.read(STATUS, [0, 0])
    bench.write(VALVE, bench.at[VALVE], after_s=0.25)
    assert [write.age_s for write in bench.witness.writes] == [4.0, 0.25]


def test_of_one_kind_of_breach_the_first_is_told_and_all_are_counted(bench):
    for _ in range(5):
        bench.write(VALVE, 101.0)
    report = bench.witness.report()
    assert list(report["breaches"]) == ["range"]
    assert report["breach_range"] == 5

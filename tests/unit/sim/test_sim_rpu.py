"""The virtual RPU's registers and rules, without a line."""

import math

import pytest

from coolantd.config.profiles import load_profile
from coolantd.protocol.codec import decode
from coolantd.protocol.profile import Access
from coolantd.protocol.rtu_serving import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from coolantd.protocol.text import decode_text
from coolantd.sim.rpu import SETTINGS, Rpu
from coolantd.sim.rpu_model import HEAT_MEAN_KW, HEAT_SWING_KW
from coolantd.sim.rpu_values import TEXTS, measured

PROFILE = load_profile("orv3-rpu", profiles_dir=None)
MODES = 37904


@pytest.fixture
def rpu() -> Rpu:
    return Rpu(PROFILE)


def run(rpu: Rpu, duration_s: float) -> None:
    for _ in range(round(duration_s / 0.5)):
        rpu.step(0.5)


def value(rpu: Rpu, name: str) -> float:
    point = next(point for point in PROFILE.registers if point.name == name)
    return decode(point, rpu.read_holding(point.address, point.coding.register_count))


def test_every_register_of_the_map_is_there_and_says_something_plausible_at_all_times(rpu: Rpu):
    for _ in range(10):
        for point in PROFILE.registers:
            assert math.isfinite(value(rpu, point.name))
        run(rpu, 120.0)
    for text in PROFILE.texts:
        assert decode_text(text, rpu.read_holding(text.address, text.register_count)) == TEXTS[text.name]


def test_every_number_is_measured_or_a_setting_or_a_code_that_is_0(rpu: Rpu):
    known = {name for name, _ in measured(rpu.model, on_s=0.0)} | set(SETTINGS)
    numbers = {point.name for point in PROFILE.registers if not point.name.endswith(("_bool", "_code"))}
    assert numbers <= known
    assert known <= {point.name for point in PROFILE.registers}


def test_two_runs_are_alike_to_the_bit():
    first, second = Rpu(PROFILE), Rpu(PROFILE)
    for rpu in (first, second):
        run(rpu, 333.0)
    addresses = first.holding_addresses
    assert [first.read_holding(at, 1) for at in addresses] == [second.read_holding(at, 1) for at in addresses]


def test_it_holds_its_outlet_temperature_and_gives_off_the_racks_heat(rpu: Rpu):
    run(rpu, 1800.0)
    assert value(rpu, "rpu_coolant_outlet_temp_c") == pytest.approx(30.0, abs=1.0)
    assert value(rpu, "aalc_cooling_capacity_kw") == pytest.approx(HEAT_MEAN_KW, abs=HEAT_SWING_KW + 0.3)
    rise_k = value(rpu, "rpu_coolant_inlet_temp_c") - value(rpu, "rpu_coolant_outlet_temp_c")
    assert rise_k == pytest.approx(rpu.model.heat_kw / (24.0 / 60.0 * 3.95), abs=0.2)


def test_flow_follows_its_target_no_faster_than_the_pumps_do(rpu: Rpu):
    assert rpu.write_holding(37888, [480]) == 0
    run(rpu, 2.0)
    assert rpu.model.pump_duty_pct == pytest.approx(50.0)
    run(rpu, 20.0)
    assert value(rpu, "rpu_coolant_flow_lpm") == 48.0


def test_duties_by_hand_hold_while_their_mode_is_set(rpu: Rpu):
    assert rpu.write_holding(37891, [70, 90]) == 0
    run(rpu, 20.0)
    assert value(rpu, "rpu_pump_duty_pct") == 40.0
    assert rpu.write_holding(MODES, [0b110]) == 0
    run(rpu, 20.0)
    assert (value(rpu, "rpu_pump_duty_pct"), value(rpu, "hex_fan_duty_pct")) == (70.0, 90.0)
    assert rpu.write_holding(MODES, [1 << 5]) == 0
    run(rpu, 30.0)
    assert value(rpu, "rpu_pump1_speed_rpm") == 0.0
    assert value(rpu, "rpu_coolant_flow_lpm") == 0.0


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (36864, [1], ILLEGAL_ADDRESS),
        (6596, [1], ILLEGAL_ADDRESS),
        (37893, [1], ILLEGAL_ADDRESS),
        (37892, [50, 50], ILLEGAL_ADDRESS),
        (37891, [50, 101], ILLEGAL_VALUE),
        (37889, [801], ILLEGAL_VALUE),
    ],
)
def test_a_write_is_taken_whole_or_not_at_all(rpu: Rpu, address, words, code):
    before = {at: rpu.read_holding(at, 1) for at in rpu.holding_addresses}
    assert rpu.write_holding(address, words) == code
    assert {at: rpu.read_holding(at, 1) for at in rpu.holding_addresses} == before
    assert rpu.writes_refused == 1


def test_commands_act_once_and_read_back_0(rpu: Rpu):
    mask = sum(1 << p.bit for p in PROFILE.registers if p.address == MODES and p.access is Access.COMMAND)
    assert rpu.write_holding(MODES, [0xFFFF & ~(1 << 5)]) == 0
    assert rpu.read_holding(MODES, 1) == [0xFFFF & ~(1 << 5) & ~mask]
    assert sum(rpu.commands.values()) == mask.bit_count()
    run(rpu, 5.0)
    assert value(rpu, "rpu_pump1_run_time_count") <= 5.0
    assert sum(rpu.commands.values()) == mask.bit_count()


def test_a_tripped_pump_stands_still_is_told_and_comes_back_when_reset(rpu: Rpu):
    rpu.model.tripped_pumps.add(3)
    run(rpu, 2.0)
    assert value(rpu, "rpu_pump3_speed_rpm") == 0.0
    assert value(rpu, "pump_status_abnormal_bool") == 1.0
    assert value(rpu, "rpu_coolant_flow_lpm") == pytest.approx(18.0)
    rpu.write_holding(MODES, [1 << 14])
    run(rpu, 2.0)
    assert value(rpu, "rpu_pump3_speed_rpm") > 0.0
    assert value(rpu, "pump_status_abnormal_bool") == 0.0


def test_a_setting_held_at_nonsense_does_not_end_the_unit(rpu: Rpu):
    rpu.hold({37891: 500})
    run(rpu, 5.0)
    assert rpu.read_holding(37891, 1) == [500]

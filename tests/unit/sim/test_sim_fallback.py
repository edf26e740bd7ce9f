"""The device's own controller: what stands between a dead controller outside and hot chips (FM-28)."""

import pytest

from coolantd.sim.fallback import PRESSURE, SUPPLY_TEMP, FallbackController, PiLoop
from coolantd.sim.row_cdu import RowCdu
from coolantd.sim.simulator import RACK_HEAT_RATED_W


def steps(device: RowCdu, duration_s: float) -> None:
    for _ in range(round(duration_s * 10)):
        device.step()


@pytest.mark.parametrize("load_ratio", [0.1, 0.5, 1.0])
def test_it_holds_supply_within_half_a_kelvin_minutes_after_a_load_step(device: RowCdu, load_ratio: float):
    device.plant.inputs.rack_heat_w[:] = load_ratio * RACK_HEAT_RATED_W
    steps(device, 240.0)
    for _ in range(600):
        device.step()
        assert device.plant.tcs_supply_temp_c == pytest.approx(34.0, abs=0.5)
        assert device.plant.rack_differential_pressure_pa == pytest.approx(90e3, rel=0.02)


def test_one_pump_carries_on_alone_when_the_other_trips(device: RowCdu):
    device.plant.inputs.pump_available[1] = 0.0
    steps(device, 60.0)
    first_pct, second_pct = device.pump_speeds_pct
    assert first_pct > 80.0
    assert second_pct < 1.0
    assert device.plant.tcs_supply_temp_c == pytest.approx(34.0, abs=0.5)


def test_it_starts_from_where_the_actuators_are():
    controller = FallbackController(valve_pct=61.0, pump_pct=55.0)
    valve_pct, pump_pct = controller.step(38.0, 40.0, 0.5)
    assert (valve_pct, pump_pct) == pytest.approx((61.0, 55.0))
    controller.start(20.0, 90.0)
    assert controller.step(30.0, 120.0, 0.5) == pytest.approx((20.0, 90.0))


def test_hot_opens_the_valve_and_low_pressure_speeds_the_pumps_up():
    valve, pumps = PiLoop(SUPPLY_TEMP, 50.0), PiLoop(PRESSURE, 50.0)
    valve.step(34.0, 0.5)
    pumps.step(90.0, 0.5)
    assert valve.step(35.0, 0.5) > 52.9
    assert pumps.step(80.0, 0.5) > 50.9


def test_outputs_stay_in_limits_and_come_off_them_at_once_after_long_saturation():
    loop = PiLoop(SUPPLY_TEMP, 50.0)
    for _ in range(1200):
        assert loop.step(60.0, 0.5) <= 100.0
    assert loop.output_pct == 100.0
    assert loop.step(33.0, 0.5) < 100.0


def test_it_holds_while_its_sensor_is_gone_and_returns_without_a_jump():
    loop = PiLoop(SUPPLY_TEMP, 50.0)
    loop.step(34.0, 0.5)
    assert loop.step(float("nan"), 0.5) == pytest.approx(50.0)
    assert loop.step(40.0, 0.5) == pytest.approx(50.0)

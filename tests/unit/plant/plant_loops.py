"""The two plain PI loops the published closed-loop figures were made with; for plant tests only."""

import numpy as np

from coolantd.plant.loop import Plant

SUPPLY_C = 34.0
RACK_KPA = 90.0


class PlainPi:
    """PI with back-calculation, output 0 to 1, tracking time equal to the integral time."""

    def __init__(self, *, gain, integral_s, sign, output_ratio):
        self.gain, self.integral_s, self.sign, self.memory = gain, integral_s, sign, output_ratio

    def step(self, setpoint, measured, dt_s):
        push = self.gain * self.sign * (setpoint - measured)
        wanted = push + self.memory
        output = min(max(wanted, 0.0), 1.0)
        self.memory += dt_s * (push + output - wanted) / self.integral_s
        return output


class BaselineLoops:
    """Supply temperature to facility valve and rack pressure to both pumps, once a second, no sensor lag."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.temperature = PlainPi(gain=0.03, integral_s=20.0, sign=-1.0, output_ratio=plant.fws_valve_ratio)
        self.pressure = PlainPi(gain=1e-3, integral_s=2.0, sign=1.0, output_ratio=plant.pump_speed_ratio.max())

    def run(self, duration_s: float, dt_s: float = 0.1) -> np.ndarray:
        """Return rows of (supply degC, hottest case degC, flow m3/s), one per second."""
        plant, rows = self.plant, []
        for _ in range(round(duration_s)):
            plant.inputs.fws_valve_ratio = self.temperature.step(SUPPLY_C, plant.tcs_supply_temp_c, 1.0)
            pressure_kpa = plant.rack_differential_pressure_pa / 1e3
            plant.inputs.pump_speed_ratio[:] = self.pressure.step(RACK_KPA, pressure_kpa, 1.0)
            plant.advance(1.0, dt_s)
            rows.append((plant.tcs_supply_temp_c, plant.rack_case_temp_c.max(), plant.tcs_flow_m3_s))
        return np.array(rows)


def hold(plant: Plant, load_ratio: float) -> None:
    """Settle a plant at a share of its rated heat with 34 degC supply and 90 kPa over the racks, by bisection."""
    plant.inputs.rack_heat_w[:] = load_ratio * plant.params.rack_heat_rated_w
    bisect(plant, set_speed, lambda: plant.rack_differential_pressure_pa > RACK_KPA * 1e3)
    bisect(plant, set_valve, lambda: plant.tcs_supply_temp_c < SUPPLY_C)


def set_speed(plant: Plant, ratio: float) -> None:
    plant.inputs.pump_speed_ratio[:] = ratio


def set_valve(plant: Plant, ratio: float) -> None:
    plant.inputs.fws_valve_ratio = ratio


def bisect(plant, command, too_much) -> None:
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        command(plant, middle)
        plant.settle()
        low, high = (low, middle) if too_much() else (middle, high)

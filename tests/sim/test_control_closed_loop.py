"""The control law on the plant model with the demo's own model: step() every 0.5 s, 2 s temperature sensors, no noise.

The bars are the demo's: supply deviation at most 0.9 K on a load step of 10 to 100 %, back within 0.5 K in 20 s.
"""

from pathlib import Path

import numpy as np
import pytest

from coolantd.config.build import build_plan, point_specs
from coolantd.config.load import load
from coolantd.control.step import initial_state, step
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant
from coolantd.point import Quality, Reason, Snapshot
from coolantd.safety.modes import Mode
from coolantd.sim.sensors import Sensors
from coolantd.sim.truth import quantities

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"
PERIOD_S = 0.5
RATED_W = 130_000.0
SETPOINT_C = 34.0
PREFIX = "cdu1"


@pytest.fixture(scope="module")
def advance():
    return ADVANCE.compiled(cache=False)


class ClosedLoop:
    """A plant, its sensors, setpoint registers and the control law, one cycle at a time."""

    def __init__(self, advance):
        loaded = load(DEMO)
        self.plan = build_plan(loaded)
        self.specs = point_specs(loaded)
        self.rows = {(spec.device, spec.point): row for row, spec in enumerate(self.specs)}
        self.state = initial_state(self.plan)
        self.plant = Plant(reference_plant(rack_heat_rated_w=RATED_W, valve_stroke_s=30.0), kernel=advance)
        self.sensors = Sensors(noise_ratio=0.0, seed=0)
        self.sensors.step(quantities(self.plant), PERIOD_S)
        self.registers = {}
        self.now_s = 0.0
        self.broken = set()
        self.decision = None

    def load(self, ratio):
        self.plant.inputs.rack_heat_w[:] = ratio * RATED_W

    def snapshot(self):
        measured = {(PREFIX, name): value for name, value in self.sensors.read().items()}
        measured[PREFIX, "tcs_differential_pressure_kpa"] = (
            measured[PREFIX, "tcs_supply_pressure_kpa"] - measured[PREFIX, "tcs_return_pressure_kpa"]
        )
        measured[PREFIX, "fws_differential_pressure_kpa"] = (
            measured[PREFIX, "fws_supply_pressure_kpa"] - measured[PREFIX, "fws_return_pressure_kpa"]
        )
        measured[PREFIX, "manual_mode_bool"] = 1.0
        for actuator in self.plan.actuators:
            tag, position = (actuator.device, actuator.name), self.specs[actuator.position]
            measured.setdefault((position.device, position.point), 100.0)
            measured[tag] = self.registers.get(tag, measured[position.device, position.point])
        value = np.full(len(self.specs), np.nan)
        for tag, number in measured.items():
            if tag in self.rows and tag not in self.broken:
                value[self.rows[tag]] = number
        good = np.isfinite(value)
        quality = np.where(good, int(Quality.GOOD), int(Quality.BAD)).astype(np.int64)
        reason = np.where(good, int(Reason.NONE), int(Reason.NO_COMMUNICATION)).astype(np.int64)
        return Snapshot(value, quality, reason, np.zeros(value.size))

    def run(self, duration_s):
        """Return supply temperatures, one per cycle."""
        supply_c = []
        for _ in range(round(duration_s / PERIOD_S)):
            self.state, self.decision = step(self.plan, self.state, self.snapshot(), self.now_s)
            assert not self.decision.refusals.any()
            for actuator, command in zip(self.plan.actuators, self.decision.commands, strict=True):
                if np.isfinite(command):
                    self.registers[actuator.device, actuator.name] = command
                    self._move(actuator, command / 100.0)
            self.plant.advance(PERIOD_S, 0.1)
            self.sensors.step(quantities(self.plant), PERIOD_S)
            self.now_s += PERIOD_S
            supply_c.append(self.plant.tcs_supply_temp_c)
        return np.array(supply_c)

    def _move(self, actuator, ratio):
        if actuator.role == "fws_valve":
            self.plant.inputs.fws_valve_ratio = ratio
        elif actuator.role == "pump":
            self.plant.inputs.pump_speed_ratio[int(actuator.name[4]) - 1] = ratio


@pytest.fixture
def at_low_load(advance):
    loop = ClosedLoop(advance)
    loop.load(0.1)
    loop.run(900.0)
    assert loop.decision.modes[0] == Mode.AUTOMATIC
    return loop


def settle_s(supply_c, band_k=0.5):
    outside = np.flatnonzero(np.abs(supply_c - SETPOINT_C) > band_k)
    return 0.0 if outside.size == 0 else (outside[-1] + 1) * PERIOD_S


def test_a_load_step_from_10_to_100_percent_and_back_stays_within_the_bars(at_low_load):
    loop = at_low_load
    assert abs(loop.plant.tcs_supply_temp_c - SETPOINT_C) < 0.3
    loop.load(1.0)
    up_c = loop.run(300.0)
    assert np.abs(up_c - SETPOINT_C).max() <= 0.9
    assert settle_s(up_c) <= 20.0
    assert loop.plant.rack_differential_pressure_pa == pytest.approx(90e3, abs=2e3)
    loop.load(0.1)
    down_c = loop.run(600.0)
    assert (down_c - SETPOINT_C).min() >= -0.7
    assert settle_s(down_c) <= 20.0


def test_the_closed_loop_is_deterministic(advance):
    runs = []
    for _ in range(2):
        loop = ClosedLoop(advance)
        loop.load(0.5)
        runs.append(loop.run(60.0))
    assert np.array_equal(*runs)


def test_the_take_over_of_a_settled_plant_moves_the_supply_by_less_than_half_a_kelvin(advance):
    loop = ClosedLoop(advance)
    loop.load(0.5)
    settled = loop.run(600.0)[-1]
    loop.state = initial_state(loop.plan)
    assert np.abs(loop.run(120.0) - settled).max() < 0.5


def test_fm_18_half_a_minute_without_the_supply_sensor_is_survived(at_low_load):
    loop = at_low_load
    loop.load(0.5)
    loop.run(300.0)
    loop.broken = {(PREFIX, "tcs_supply_temp_c")}
    blind_c = loop.run(30.0)
    assert loop.decision.modes[0] == Mode.FAILSAFE
    loop.broken = set()
    after_c = loop.run(300.0)
    assert loop.decision.modes[0] == Mode.AUTOMATIC
    assert np.abs(blind_c - SETPOINT_C).max() < 5.5
    assert settle_s(after_c) <= 200.0

"""A noisy loop, the real writer and a device with the manners of real ones, one half-second cycle at a time.

The device answers late, shows what it was told later still, rounds, limits, restarts, and has another master. It keeps
the record against which a test judges the writer: every write that reached it, and when each reading first showed what.
"""

import random
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from coolantd.config.build import build_plan_without, point_specs, write_rules
from coolantd.config.load import load
from coolantd.control.layout import C_MODEL_UA_KW_K
from coolantd.control.step import initial_state, step
from coolantd.errors import Fault
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant
from coolantd.point import Reason, bad, good
from coolantd.protocol.profile import WriteClass
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable
from coolantd.service.writer import ActuatorOutlet, DeviceOutlet, Writer
from coolantd.units import lpm_from_m3_s

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"
DEVICE, PERIOD_S, RATED_W, SETPOINT_C = "cdu1", 0.5, 130_000.0, 34.0
VALVE = "fws_valve_position_setpoint_pct"
PUMPS = ("pump1_speed_setpoint_pct", "pump2_speed_setpoint_pct")
REMOTE = "manual_mode_bool"
SENSOR_LAG_S = 2.0
TEMP_NOISE_K, PRESSURE_NOISE_KPA, FLOW_NOISE_LPM = 0.05, 0.5, 5.0
RULES = {
    VALVE: {
        "write_class": WriteClass.PERSISTENT,
        "deadband": 0.2,
        "min_interval_s": 2.0,
        "writes_per_hour_max": 120,
        "verify_delay_s": 1.0,
    },
    PUMPS[0]: {"writes_per_hour_max": 240, "min_interval_s": 1.0, "verify_delay_s": 3.0},
    PUMPS[1]: {"writes_per_hour_max": 240, "min_interval_s": 1.0, "verify_delay_s": 3.0},
}
ROUNDING_PCT = 0.5
DEFAULTS = {VALVE: 10.0, PUMPS[0]: 40.0, PUMPS[1]: 40.0}


class Register:
    """A setpoint register whose reading lags behind what it holds by up to ``delay_s``, in order."""

    def __init__(self, value, delay_s, rng):
        self.delay_s, self.rng = delay_s, rng
        self.history = deque([(-1e9, value)])
        self.shown_s = -1e9
        self.limit = 100.0

    @property
    def value(self):
        return self.history[-1][1]

    def put(self, value, now_s):
        self.history.append((now_s, min(round(value / ROUNDING_PCT) * ROUNDING_PCT, self.limit)))

    def read(self, now_s):
        self.shown_s = max(self.shown_s, now_s - self.rng.uniform(0.0, self.delay_s))
        while len(self.history) > 1 and self.history[1][0] <= self.shown_s:
            self.history.popleft()
        return self.history[0][1]


@dataclass
class Foreign:
    """One write of the other master: what, when, in which cycle a reading first showed it, and whether we yielded."""

    point: str
    value: float
    at_s: float
    shown_s: float | None = None
    yielded: bool = False
    gone: bool = False
    alike: bool = False
    """Within the tolerance of what we wrote ourselves: nobody can tell whose it is."""


@dataclass
class Record:
    """What happened."""

    sent_s: dict[str, list[float]] = field(default_factory=lambda: {p: [] for p in RULES})
    foreign: list[Foreign] = field(default_factory=list)
    fights: int = 0
    restarts: int = 0
    limited: int = 0
    supply_c: list[float] = field(default_factory=list)


class Outlet:
    """Accepts a value; the device has it, and acknowledges it, up to ``late_s`` later."""

    waits = False

    def __init__(self, world, point):
        self.world, self.point = world, point

    def submit(self, value, done):
        self.world.arriving.append((self.world.now_s + self.world.rng.uniform(0.02, 0.9), self.point, value, done))

    def withdraw(self):
        """Take back nothing: everything is on its way at once."""


class Journal:
    def __init__(self):
        self.events = {}

    def record(self, event, **_fields):
        self.events[event] = self.events.get(event, 0) + 1


class World:
    """Plant, device, control law and writer."""

    def __init__(
        self, kernels, *, seed, budget=True, foreign_every_s=None, mischief_every_s=None, yield_s=90.0, model=True
    ):
        advance, stages = kernels
        self.rng = random.Random(seed)
        self.noise = np.random.default_rng(seed)
        loaded = load(DEMO)
        self.plan = build_plan_without(loaded, ["manifold1"]).with_kernels(stages)
        if not model:
            self.plan.c[:, C_MODEL_UA_KW_K] = np.nan
        self.state, self.table = initial_state(self.plan), PointTable(point_specs(loaded))
        self.plant = Plant(reference_plant(rack_heat_rated_w=RATED_W, valve_stroke_s=30.0), kernel=advance)
        rules = write_rules(loaded.profiles[DEVICE])
        changes = {p: change if budget else change | {"writes_per_hour_max": None} for p, change in RULES.items()}
        self.rules = {p: replace(rules[p], **change) for p, change in changes.items()}
        self.now_s, self.arriving = 1000.0, []
        self.registers = {p: Register(50.0, r.verify_delay_s, self.rng) for p, r in self.rules.items()}
        self.remote, self.silent_until_s, self.notice_s = 0.0, -1.0, None
        self.metrics, self.journal, self.record = Metrics(), Journal(), Record()
        self.noticed = 0
        profile = loaded.profiles[DEVICE]
        self.device = DeviceOutlet(
            DEVICE,
            profile.heartbeat,
            Outlet(self, "beat"),
            remote=profile.remote_control,
            remote_outlet=Outlet(self, REMOTE),
            restarts=lambda: self.noticed,
        )
        self.writer = Writer(
            self.metrics,
            self.journal,
            [
                ActuatorOutlet(a, self.rules[a.name], Outlet(self, a.name), verified=lambda: True)
                for a in self.plan.actuators
            ],
            {DEVICE: self.device},
            mark=self.table.overridden,
            yield_s=yield_s,
        )
        self.foreign_every_s, self.mischief_every_s = foreign_every_s, mischief_every_s
        self.next_foreign_s = self._after(foreign_every_s, 120.0)
        self.next_mischief_s = self._after(mischief_every_s, 120.0)
        self.load, self.load_target, self.pressure_kpa = 0.5, 0.5, 90.0
        self.temps_c = self._temps_c()
        self.decision = None

    def run(self, duration_s):
        for _ in range(round(duration_s / PERIOD_S)):
            self._cycle()
        return self.record

    def _after(self, every_s, at_least_s=0.0):
        return np.inf if every_s is None else self.now_s + at_least_s + self.rng.expovariate(1.0 / every_s)

    def _cycle(self):
        self._arrive()
        self._mischief()
        self._another_master()
        self._plant()
        self._poll()
        snapshot = self.table.snapshot(self.now_s)
        self.state, self.decision = step(self.plan, self.state, snapshot, self.now_s, permits=self.writer.permits(()))
        before = {a.tag[1]: a.state.attempt_s for a in self.writer.actuators}
        self.writer.carry_out(self.plan, self.decision, snapshot, self.now_s)
        self._judge(before)
        self.now_s += PERIOD_S

    def _arrive(self):
        """Let what was sent reach the device in its turn, and the acknowledgements come back."""
        due = sorted((each for each in self.arriving if each[0] <= self.now_s), key=lambda each: each[0])
        self.arriving = [each for each in self.arriving if each[0] > self.now_s]
        for at_s, point, value, done in due:
            if at_s < self.silent_until_s:
                done(Fault.TIMEOUT)
                continue
            if point == REMOTE:
                self.remote = value
            elif point in self.registers and value >= ROUNDING_PCT:  # "0 = no change"
                self.registers[point].put(value, at_s)
            done(None)

    def _mischief(self):
        """Restart, silently or visibly, or limit the valve for a while."""
        if self.notice_s is not None and self.now_s >= self.notice_s:
            self.noticed, self.notice_s = self.noticed + 1, None
            for spec in self.table.specs:
                self.table.put(self.table.index[spec.device, spec.point], bad(Reason.NO_COMMUNICATION, self.now_s))
        if self.now_s < self.next_mischief_s:
            return
        self.next_mischief_s = self._after(self.mischief_every_s)
        if self.rng.random() < 0.5:
            self.record.restarts += 1
            silence_s = self.rng.choice((0.0, 0.0, 4.0, 15.0))
            self.silent_until_s = self.now_s + silence_s
            self.notice_s = self.silent_until_s + self.rng.uniform(0.5, 5.0)
            self.remote = 0.0
            for point, register in self.registers.items():
                register.put(DEFAULTS[point], self.now_s)
            self._excuse(None)
        else:
            valve = self.registers[VALVE]
            valve.limit = 100.0 if valve.limit < 100.0 else max(valve.value, 20.0)
            self.record.limited += valve.limit < 100.0

    def _another_master(self):
        if self.now_s < self.next_foreign_s or self.now_s < self.silent_until_s or self.notice_s is not None:
            return
        self.next_foreign_s = self._after(self.foreign_every_s)
        point = self.rng.choice(list(self.registers))
        register = self.registers[point]
        value = self.rng.choice((register.value + self.rng.uniform(2.0, 8.0), self.rng.uniform(30.0, 90.0)))
        value = min(round(value / ROUNDING_PCT) * ROUNDING_PCT, register.limit)
        if abs(value - register.value) < 1.5 or self.remote != 1.0:
            return
        self._excuse(point)
        register.put(value, self.now_s)
        self.record.foreign.append(Foreign(point, value, self.now_s))

    def _excuse(self, point):
        """Ask no more about writes that were overtaken before any reading showed them."""
        for each in self.record.foreign:
            if each.shown_s is None and (point is None or each.point == point):
                each.gone = True

    def _plant(self):
        if self.rng.random() < PERIOD_S / 900.0:
            self.load_target = min(max(self.load_target + self.rng.uniform(-0.15, 0.15), 0.25), 1.0)
        self.load += (self.load_target - self.load) * PERIOD_S / 60.0
        self.plant.inputs.rack_heat_w[:] = self.load * RATED_W
        if self.remote == 1.0 and self.now_s >= self.silent_until_s:
            self.plant.inputs.fws_valve_ratio = self.registers[VALVE].value / 100.0
            for k, point in enumerate(PUMPS):
                self.plant.inputs.pump_speed_ratio[k] = self.registers[point].value / 100.0
        self.plant.advance(PERIOD_S, 0.1)
        self.temps_c += (self._temps_c() - self.temps_c) * PERIOD_S / SENSOR_LAG_S
        self.pressure_kpa = self.plant.rack_differential_pressure_pa / 1e3
        self.record.supply_c.append(self.plant.tcs_supply_temp_c)

    def _temps_c(self):
        plant = self.plant
        return np.array([plant.tcs_supply_temp_c, plant.tcs_return_temp_c, plant.inputs.fws_supply_temp_c])

    def _poll(self):
        if self.now_s < self.silent_until_s:
            self.table.silent(range(len(self.table.specs)), Reason.NO_COMMUNICATION)
            return
        asked_s = self.now_s - self.rng.uniform(0.0, 0.4)
        noise = self.noise.normal(size=6)
        supply_c, return_c, fws_c = self.temps_c + noise[[0, 2, 3]] * TEMP_NOISE_K
        speeds = self.plant.pump_speed_ratio
        kpa = self.pressure_kpa + noise[1] * PRESSURE_NOISE_KPA
        values = {
            "tcs_supply_temp_c": supply_c,
            "tcs_return_temp_c": return_c,
            "fws_supply_temp_c": fws_c,
            "tcs_flow_lpm": lpm_from_m3_s(self.plant.tcs_flow_m3_s) + noise[4] * FLOW_NOISE_LPM,
            "fws_supply_pressure_kpa": 100.0 + self.plant.inputs.fws_differential_pressure_pa / 1e3 + noise[5],
            "fws_return_pressure_kpa": 100.0,
            "tcs_supply_pressure_kpa": kpa + 60.0,
            "tcs_return_pressure_kpa": 60.0,
            "fws_valve_position_pct": self.plant.fws_valve_ratio * 100.0,
            "pump1_speed_pct": speeds[0] * 100.0,
            "pump2_speed_pct": speeds[1] * 100.0,
            "dew_point_c": 14.0,
            "heat_load_kw": self.plant.heat_exchanged_w / 1e3,
            REMOTE: self.remote,
        }
        values |= {point: register.read(self.now_s) for point, register in self.registers.items()}
        for name, value in values.items():
            self.table.put(self.table.index[DEVICE, name], good(float(value), asked_s))
        for each in self.record.foreign:
            if each.shown_s is None and not each.gone and self._shows(each):
                each.shown_s = self.now_s

    def _shows(self, each):
        register = self.registers[each.point]
        return register.shown_s >= each.at_s and register.history[0][1] == each.value

    def _judge(self, before):
        """Compare what the writer did in this cycle with what its readings showed."""
        for actuator in self.writer.actuators:
            point, sent_s = actuator.tag[1], actuator.state.attempt_s
            if sent_s != before[point]:
                self.record.sent_s[point].append(sent_s)
                if actuator.lease is not None:
                    self.record.fights += 1
            for each in self.record.foreign[-20:]:
                if each.point == point and each.shown_s == self.now_s:
                    each.yielded = actuator.lease is not None
                    ours = actuator.state.attempt
                    each.alike = not each.yielded and abs(each.value - ours) <= actuator.policy.tolerance
                    self.record.fights += sent_s == self.now_s and not each.alike


def busiest_hour(sent_s):
    """Return the most writes in any 3600 s."""
    times, most, first = sorted(sent_s), 0, 0
    for last, time_s in enumerate(times):
        while time_s - times[first] > 3600.0:
            first += 1
        most = max(most, last - first + 1)
    return most

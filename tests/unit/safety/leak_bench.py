"""A leak policy on a bench: zones by hand, readings by name, one call a cycle."""

import math

import numpy as np

from coolantd.point import Quality
from coolantd.safety.envelope import (
    L_FAILSAFE,
    L_MAXIMUM,
    L_MINIMUM,
    L_PUMP_GROUP,
    L_SLEW,
    L_ZERO_ALLOWED,
    LIMIT_COLUMNS,
)
from coolantd.safety.leak import guard_leaks
from coolantd.safety.leak_layout import Z_LEVEL, Z_STEP, Kind, Level, StepState
from coolantd.safety.leak_plan import DetectorParameters, ZoneParameters, blank_leaks, pack_leaks
from coolantd.safety.requests import REQUESTS, Request

DT_S = 0.5
SLEW = 5.0
VALVE, BYPASS, PUMP_A, PUMP_B, OTHER = range(5)
"""Actuators. Points have names below."""
POINTS = ("r1", "r2", "r3", "spot", "spot_fault", "valve", "bypass", "kw1", "kw2")


def at(name):
    return POINTS.index(name)


def rope(point, level=Level.MAJOR, **more):
    """A contact, 1 when wet."""
    return DetectorParameters(tag=f"m.{point}", point=at(point), level=level, wet_above=0.5, **more)


def wire(point, level=Level.MAJOR):
    """A supervised wire: 4 to 20 mA, wet above 12."""
    bounds = {"wet_above": 12.0, "fault_below": 3.6, "fault_above": 21.0}
    return DetectorParameters(tag=f"m.{point}", point=at(point), level=level, **bounds)


def branch_zone(**more):
    given = {
        "name": "rack1",
        "kind": Kind.BRANCH,
        "place": "rack1",
        "detectors": (rope("r1"), rope("r2"), rope("r3")),
        "isolate_at": Level.MAJOR,
        "valve": VALVE,
        "valve_position": at("valve"),
    }
    return ZoneParameters(**(given | more))


class Bench:
    def __init__(self, *zones, period_s=DT_S):
        self.plan = pack_leaks(zones or (branch_zone(),))
        self.memory = blank_leaks(self.plan)
        self.value = np.zeros(len(POINTS))
        self.value[at("valve")] = 100.0
        self.quality = np.full(len(POINTS), int(Quality.GOOD))
        self.limits = np.zeros((5, LIMIT_COLUMNS))
        self.limits[:, L_MAXIMUM], self.limits[:, L_SLEW], self.limits[:, L_PUMP_GROUP] = 100.0, SLEW, -1.0
        self.limits[:, L_FAILSAFE] = math.nan
        for pump in (PUMP_A, PUMP_B):
            self.limits[pump, [L_MINIMUM, L_ZERO_ALLOWED, L_PUMP_GROUP]] = 20.0, 1.0, 0.0
        self.last = np.array([100.0, 0.0, 60.0, 60.0, 50.0])
        self.normal = self.last.copy()
        self.period_s = period_s

    def set(self, **readings):
        for name, reading in readings.items():
            self.value[at(name)] = reading
            self.quality[at(name)] = int(Quality.BAD if math.isnan(reading) else Quality.GOOD)

    def cycle(self, times=1, *, moves=True):
        """Run cycles in which the plant follows at once, if it ``moves``; return what was demanded in the last."""
        for _ in range(times):
            self.demands, self.forced = self.normal.copy(), np.zeros(5, dtype=np.int64)
            self.requests = np.full((len(self.plan.zones), REQUESTS), 9)
            p, z, d = self.plan, *self.memory
            outside = (self.limits, self.last, self.demands, self.forced, self.requests)
            guard_leaks(p.p, p.x, p.w, p.dp, p.dx, z, d, self.value, self.quality, *outside, self.period_s)
            self.last = self.demands.copy()
            if moves:
                self.set(valve=self.last[VALVE], bypass=self.last[BYPASS])
        return self.demands

    def z(self, column, zone=0):
        return self.memory[0][zone, column]

    def level(self, zone=0):
        return Level(int(self.z(Z_LEVEL, zone)))

    def step(self, step, zone=0):
        return StepState(int(self.z(Z_STEP + step, zone)))

    def asks_power_off(self, zone=0):
        return self.requests[zone, Request.POWER_OFF] == 1

"""What the leak policy is told: frozen parameters, the arrays its kernel reads, and a memory that has seen nothing.

Built by config/ from files; knows none. Indices called *point* count in the snapshot, *actuator* in the plan's list.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coolantd.point import FloatArray, IntArray
from coolantd.safety.leak_layout import (
    DETECTOR_INDICES,
    DETECTOR_PARAMETERS,
    DETECTOR_STATE,
    POWER_INDICES,
    Z_FIRST,
    Z_UNSEEN,
    ZONE_INDICES,
    ZONE_PARAMETERS,
    ZONE_STATE,
    Kind,
    Level,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorParameters:
    """One detector.

    Attributes:
        tag: ``device.point`` it is read from, for people.
        level: of a leak at it: minor, major or critical.
        wet_above, wet_below: readings beyond these are wet; infinite where that side does not count.
        fault_below, fault_above: readings beyond these are of an open or a short wire; infinite for a contact.
        fault_point: that says the detector is in fault, or None. fault_value: what it says then.
    """

    tag: str
    point: int
    level: Level
    wet_above: float = math.inf
    wet_below: float = -math.inf
    fault_below: float = -math.inf
    fault_above: float = math.inf
    fault_point: int | None = None
    fault_value: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneParameters:
    """One zone.

    Attributes:
        place: what it is, for people: the rack, the branch, the device.
        votes: wet detectors that make a leak. on_s, off_s: debouncing.
        isolate_at, power_at: levels from which on liquid is shut off and power cut; ``NEVER`` for not at all.
        cdu: row of the CDU that feeds it, or None.
        valve, valve_position: actuator and point of its branch valve, or None. bypass, bypass_position: of the bypass.
        power: points whose sum is the zone's power in kW; empty where it is not measured.
        power_timeout_s, bypass_timeout_s, valve_timeout_s: until the next step begins without a confirmation.
        power_off_kw: less than this is no power.
    """

    name: str
    kind: Kind
    place: str
    detectors: tuple[DetectorParameters, ...]
    votes: int = 2
    on_s: float = 0.0
    off_s: float = 10.0
    isolate_at: Level = Level.NEVER
    power_at: Level = Level.NEVER
    cdu: int | None = None
    valve: int | None = None
    valve_position: int | None = None
    bypass: int | None = None
    bypass_position: int | None = None
    power: tuple[int, ...] = ()
    power_timeout_s: float = 5.0
    bypass_timeout_s: float = 5.0
    valve_timeout_s: float = 60.0
    power_off_kw: float = 1.0

    @property
    def stops_pumps(self) -> bool:
        """Return whether shutting off its liquid means to stop pumps: no branch valve does it."""
        return self.kind in (Kind.MANIFOLD, Kind.CDU) and self.isolate_at != Level.NEVER


@dataclass(frozen=True, slots=True)
class LeakPlan:
    """Every zone of a plan, and the same packed.

    Attributes:
        p: (zones, ZONE_PARAMETERS). x: (zones, ZONE_INDICES). w: (power points, POWER_INDICES).
        dp: (detectors, DETECTOR_PARAMETERS). dx: (detectors, DETECTOR_INDICES); zone after zone.
    """

    zones: tuple[ZoneParameters, ...]
    p: FloatArray
    x: IntArray
    w: IntArray
    dp: FloatArray
    dx: IntArray

    def rows(self, zone: int) -> range:
        """Return the rows of a zone's detectors."""
        first = sum(len(each.detectors) for each in self.zones[:zone])
        return range(first, first + len(self.zones[zone].detectors))

    def row_of(self, name: str) -> int | None:
        """Return the row of the zone with a name, None if there is none."""
        return next((n for n, zone in enumerate(self.zones) if zone.name == name), None)


def _index(value: int | None) -> int:
    return -1 if value is None else value


def _pack_zone(zone: ZoneParameters) -> list[float]:
    # Stopping pumps has no time-out: it is the last step, and nothing goes on without it.
    timeouts_s = (zone.power_timeout_s, zone.bypass_timeout_s, zone.valve_timeout_s, math.inf)
    policies = (float(zone.isolate_at), float(zone.power_at))
    return [float(zone.votes), zone.on_s, zone.off_s, *policies, *timeouts_s, zone.power_off_kw]


def _pack_indices(zone: ZoneParameters) -> list[int]:
    acts = (zone.valve, zone.valve_position, zone.bypass, zone.bypass_position)
    return [_index(zone.cdu), int(zone.stops_pumps), *map(_index, acts)]


def _pack_detector(detector: DetectorParameters) -> list[float]:
    fault = math.nan if detector.fault_point is None else detector.fault_value
    return [detector.wet_above, detector.wet_below, detector.fault_below, detector.fault_above, fault]


def pack_leaks(zones: Sequence[ZoneParameters] = ()) -> LeakPlan:
    """Return the zones with their arrays."""
    detectors = [each for zone in zones for each in zone.detectors]
    dx = [
        [n, each.point, _index(each.fault_point), int(each.level)]
        for n, zone in enumerate(zones)
        for each in zone.detectors
    ]
    w = [[n, point] for n, zone in enumerate(zones) for point in zone.power]
    return LeakPlan(
        zones=tuple(zones),
        p=np.array([_pack_zone(zone) for zone in zones], dtype=np.float64).reshape(len(zones), ZONE_PARAMETERS),
        x=np.array([_pack_indices(zone) for zone in zones], dtype=np.int64).reshape(len(zones), ZONE_INDICES),
        w=np.array(w, dtype=np.int64).reshape(len(w), POWER_INDICES),
        dp=np.array([_pack_detector(each) for each in detectors], dtype=np.float64).reshape(
            len(detectors), DETECTOR_PARAMETERS
        ),
        dx=np.array(dx, dtype=np.int64).reshape(len(detectors), DETECTOR_INDICES),
    )


LeakMemory = tuple[FloatArray, FloatArray]
"""What the leak policy remembers: z (zones, ZONE_STATE) and d (detectors, DETECTOR_STATE)."""


def blank_leaks(plan: LeakPlan) -> LeakMemory:
    """Return the memory of a policy that has seen nothing: everything dry, nothing latched."""
    z = np.zeros((len(plan.zones), ZONE_STATE))
    z[:, Z_FIRST] = -1.0
    z[:, Z_UNSEEN] = 1.0
    return z, np.zeros((plan.dx.shape[0], DETECTOR_STATE))


def carry_leaks(old_plan: LeakPlan, old: LeakMemory, plan: LeakPlan) -> LeakMemory:
    """Return a memory for a new plan that keeps the zones of the same name and their detectors of the same tag.

    A latch outlives whatever else changes of its zone (I7). A plan that would lose one is refused beforehand
    (``leak_orders.lost_latches``).
    """
    (old_z, old_d), (z, d) = old, blank_leaks(plan)
    for n, zone in enumerate(plan.zones):
        before = old_plan.row_of(zone.name)
        if before is None:
            continue
        z[n] = old_z[before]
        z[n, Z_FIRST] = -1.0
        rows = {each.tag: k for each, k in zip(old_plan.zones[before].detectors, old_plan.rows(before), strict=True)}
        for each, k in zip(zone.detectors, plan.rows(n), strict=True):
            if each.tag in rows:
                d[k] = old_d[rows[each.tag]]
                if rows[each.tag] == old_z[before, Z_FIRST]:
                    z[n, Z_FIRST] = float(k)
    return z, d

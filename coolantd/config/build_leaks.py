"""From validated leak zones to the parameters of the leak policy. Opens no file; knows how a tag becomes a point."""

import math
from collections.abc import Callable, Sequence

from coolantd.config.build_branches import feeding_cdu
from coolantd.config.leak_models import LeakDetectorConfig, LeakZoneConfig
from coolantd.config.models import Config, ManifoldConfig
from coolantd.control.plan import ActuatorParameters
from coolantd.safety.leak_layout import Kind, Level
from coolantd.safety.leak_plan import DetectorParameters, ZoneParameters

BRANCH_VALVE, BYPASS_VALVE = "branch_valve", "bypass_valve"
"""Roles of the actuators that shut a branch off, and that give its flow another way."""
HALF = 0.5
"""Between the two values of a contact."""

Point = Callable[[str], int]


def build_leaks(config: Config, actuators: Sequence[ActuatorParameters], point: Point) -> tuple[ZoneParameters, ...]:
    """Return every zone of a site.

    Args:
        config: of the site.
        actuators: of the plan. A zone whose manifold is not in it has no valve, as while that is given back.
        point: gives the row of a ``device.point`` in the snapshot.
    """
    return tuple(_zone(zone, config, actuators, point) for zone in config.leak_zones)


def _zone(
    zone: LeakZoneConfig, config: Config, actuators: Sequence[ActuatorParameters], point: Point
) -> ZoneParameters:
    manifold = next((each for each in config.manifolds if each.name == zone.manifold), None)
    valve = bypass = None
    if manifold is not None and zone.branch is not None:
        valves = _of_role(manifold, BRANCH_VALVE, actuators)
        valve = valves[zone.branch - 1] if valves else None
        bypass = next(iter(_of_role(manifold, BYPASS_VALVE, actuators)), None)
    isolates = zone.kind in ("tray", "branch")
    return ZoneParameters(
        name=zone.name,
        kind=Kind[zone.kind.upper()],
        place=_place(zone, manifold),
        detectors=tuple(_detector(each, point) for each in zone.detectors),
        votes=zone.votes,
        on_s=zone.debounce_s,
        off_s=zone.clear_s,
        isolate_at=Level[zone.isolate.upper()],
        power_at=Level[zone.cut_power.upper()],
        cdu=_cdu(zone, manifold, config),
        valve=valve if isolates else None,
        valve_position=None if valve is None or not isolates else actuators[valve].position,
        bypass=bypass if isolates else None,
        bypass_position=None if bypass is None or not isolates else actuators[bypass].position,
        power=tuple(point(tag) for tag in zone.power),
        power_timeout_s=zone.power_timeout_s,
        bypass_timeout_s=zone.bypass_timeout_s,
        valve_timeout_s=zone.valve_timeout_s,
        power_off_kw=zone.power_off_kw,
    )


def _of_role(manifold: ManifoldConfig, role: str, actuators: Sequence[ActuatorParameters]) -> list[int]:
    return [i for i, each in enumerate(actuators) if each.device == manifold.device and each.role == role]


def _cdu(zone: LeakZoneConfig, manifold: ManifoldConfig | None, config: Config) -> int | None:
    names = [cdu.name for cdu in config.cdus]
    if zone.cdu in names:
        return names.index(zone.cdu)
    if manifold is not None:
        return feeding_cdu(manifold, config.cdus)
    return 0 if len(names) == 1 else None


def _place(zone: LeakZoneConfig, manifold: ManifoldConfig | None) -> str:
    if manifold is None:
        return zone.cdu or zone.name
    if zone.branch is None:
        return manifold.name
    return manifold.racks[zone.branch - 1] if manifold.racks else f"{manifold.name} branch {zone.branch}"


def _detector(detector: LeakDetectorConfig, point: Point) -> DetectorParameters:
    above, below = detector.wet_above, detector.wet_below
    if detector.limit is None:
        above, below = (None, HALF) if detector.wet == 0 else (HALF, None)
    return DetectorParameters(
        tag=detector.point,
        point=point(detector.point),
        level=Level[detector.level.upper()],
        wet_above=math.inf if above is None else above,
        wet_below=-math.inf if below is None else below,
        fault_below=-math.inf if detector.fault_below is None else detector.fault_below,
        fault_above=math.inf if detector.fault_above is None else detector.fault_above,
        fault_point=None if detector.fault_point is None else point(detector.fault_point),
        fault_value=float(detector.fault_value),
    )

"""What the protection does, as series for Prometheus: hazards in force, and of every actuator its mode and travel."""

from collections.abc import Iterator, Sequence

from coolantd.control.actuator_plan import PUMP
from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Mode
from coolantd.service.view import ActuatorView, CduView

Labels = tuple[tuple[str, str], ...]
Family = tuple[str, str, list[tuple[Labels, float]]]


def protection_families(cdus: Sequence[CduView], actuators: Sequence[ActuatorView]) -> Iterator[Family]:
    """Yield the gauges of hazards, of actuator modes and of travel: name, what it is, rows."""
    hazards: list[tuple[Labels, float]] = [
        ((("cdu", cdu.name), ("hazard", hazard.label)), float(hazard.label in cdu.hazards))
        for cdu in cdus
        for hazard in Hazard
    ]
    yield "coolantd_cdu_hazard", "1 while a hazard of a CDU is in force, else 0", hazards
    modes: list[tuple[Labels, float]] = [
        ((("device", each.device), ("point", each.point), ("mode", mode.label)), float(each.mode == mode.label))
        for each in actuators
        for mode in Mode
    ]
    yield "coolantd_actuator_mode", "1 for the mode an actuator is in, 0 for every other", modes
    yield from travel_families(actuators)


def travel_families(actuators: Sequence[ActuatorView]) -> Iterator[Family]:
    """Yield what actuators have travelled, and what the wear of those with a limit leaves the loops."""
    valves = [each for each in actuators if each.role != PUMP]
    names = [(("device", each.device), ("point", each.point)) for each in valves]
    travelled = [each.travelled_strokes for each in valves]
    yield "coolantd_actuator_travel_strokes", "Full strokes commanded since the start", _rows(names, travelled)
    left = [each.travel_left_strokes for each in valves]
    yield "coolantd_actuator_travel_left_strokes", "Full strokes left to the loops now", _rows(names, left)


def _rows(names: Sequence[Labels], numbers: Sequence[float]) -> list[tuple[Labels, float]]:
    return list(zip(names, numbers, strict=True))

"""What the protection does, as series for Prometheus: hazards in force, and the mode of every actuator."""

from collections.abc import Iterator, Sequence

from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Mode
from coolantd.service.view import ActuatorView, CduView

Labels = tuple[tuple[str, str], ...]
Family = tuple[str, str, list[tuple[Labels, float]]]


def protection_families(cdus: Sequence[CduView], actuators: Sequence[ActuatorView]) -> Iterator[Family]:
    """Yield the gauges of hazards and of actuator modes: name, what it is, rows."""
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

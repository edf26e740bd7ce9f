"""Leak zones as alarms: what each may come to, and which of that is so now. Knows zones as they are shown, no policy.

A zone is one alarm while anything of it is wet and for as long as it stays shut off, so that its acknowledgement is
what opens it again (I7).
"""

from collections.abc import Iterator
from typing import Final

from coolantd.safety.alarm_book import Signal
from coolantd.safety.alarm_definition import Definition, Key, Priority
from coolantd.service.alarm_faults import COOLING, DaemonFault
from coolantd.service.leak_view import LeakZoneView

MAJOR: Final = "leak_major"
MINOR: Final = "leak_minor"
UNCONFIRMED: Final = "leak_unconfirmed"
FOUND_SHUT: Final = "leak_found_shut"
STEP_UNCONFIRMED: Final = "leak_step_unconfirmed"
BLIND: Final = "leak_zone_blind"
DETECTOR_FAULT: Final = "leak_detector_fault"
TEST: Final = "leak_test"

LATCHED_KINDS: Final = frozenset({MAJOR, MINOR, UNCONFIRMED, FOUND_SHUT})
"""Those whose acknowledgement by name opens the zone again."""
DRY_AGAIN: Final = "dry again; shut off or without power until acknowledged by name"
NAMES_MAX: Final = 3

HEARD_S: Final = 60.0
"""After the start every detector is unheard of until its device has been read."""

_KINDS: Final = {"major": MAJOR, "critical": MAJOR, "minor": MINOR, "unconfirmed": UNCONFIRMED}
_LESS: Final = {MAJOR: (MAJOR, MINOR, UNCONFIRMED), MINOR: (MINOR, UNCONFIRMED), UNCONFIRMED: (UNCONFIRMED,)}
"""A leak of one kind is one of the lesser kinds too, which it explains."""
_STEPS: Final = ("power", "bypass", "valve", "pumps")

DEFINITIONS: Final[dict[str, Definition]] = {
    MAJOR: Definition(
        priority=Priority.CRITICAL,
        cause="several detectors agree that coolant runs out in this zone, or one does that needs no other",
        consequence="the zone is shut off and its power cut, as far as its policies say so, until it is acknowledged",
        action="make sure that its power is off, find the leak and mend it; when all is dry acknowledge it by name",
        group=COOLING,
    ),
    MINOR: Definition(
        priority=Priority.HIGH,
        cause="the detectors of this zone agree on a small leak",
        consequence="it may become a large one; the zone is shut off only if its policies say so",
        action="look for drops at couplings and hoses; mend it, dry the detectors, acknowledge",
        suppressed_by=(MAJOR,),
        group=COOLING,
    ),
    UNCONFIRMED: Definition(
        priority=Priority.MEDIUM,
        cause="a detector of this zone is wet and not enough others agree",
        consequence="nothing is shut off for it alone",
        action="go and look: a leak that begins, condensation, or a detector that is wrong",
        suppressed_by=(MAJOR, MINOR),
    ),
    FOUND_SHUT: Definition(
        priority=Priority.MEDIUM,
        cause="the branch of this zone was found shut at the start and nothing remembers why",
        consequence="it stays shut, as after a leak: its rack has no coolant",
        action="make sure that the rack is dry, then acknowledge by name, which opens the branch",
    ),
    STEP_UNCONFIRMED: Definition(
        priority=Priority.HIGH,
        cause="a step against a leak was begun and not confirmed in its time",
        consequence="power may still be on, or coolant still run, where it should not",
        action="go there: cut the power, then shut the branch by hand",
    ),
    BLIND: Definition(
        priority=Priority.MEDIUM,
        cause="so many detectors of this zone are in fault that the others could not confirm a leak",
        consequence="a leak there is told, and nothing shuts it off",
        action="mend the detectors, their wires or the device that reads them",
        on_delay_s=10.0,
        inhibit_s=HEARD_S,
    ),
    DETECTOR_FAULT: Definition(
        priority=Priority.LOW,
        cause="a leak detector's wire is open or short, it reports a fault, or nothing is heard of it",
        consequence="it is taken neither for dry nor for wet; fewer are left to notice a leak",
        action="check the detector and its wire",
        on_delay_s=10.0,
        inhibit_s=HEARD_S,
        suppressed_by=(DaemonFault.DEVICE_DOWN.value, DaemonFault.DEVICE_WRONG.value, BLIND),
    ),
    TEST: Definition(
        priority=Priority.LOW,
        cause="somebody tests the leak detectors of this zone",
        consequence="a leak there is told, and nothing new is done about it until the test is over",
        action="none while you are there; coolantd leak test ends it",
    ),
}
"""Causes before what comes of them."""


def leak_signals(zone: LeakZoneView, scope: str) -> Iterator[tuple[Key, Signal]]:
    """Yield what is so of a zone.

    Args:
        zone: as the last cycle left it.
        scope: the CDU that feeds it, or its own name.
    """
    latched = zone.isolated or zone.power_cut
    dry = zone.level == "dry"
    found = _KINDS.get(zone.worst if dry and latched else zone.level)
    detail = DRY_AGAIN if dry else zone.first
    for kind in () if found is None else _LESS[found]:
        yield Key(kind, zone.zone), Signal(detail, scope=scope)
    if found is None and latched:
        yield Key(FOUND_SHUT, zone.zone), Signal(scope=scope)
    late = [step for step in _STEPS if getattr(zone, step) == "unconfirmed"]
    if late:
        yield Key(STEP_UNCONFIRMED, zone.zone), Signal(", ".join(late), scope=scope)
    yield from _detectors(zone, scope)
    if zone.test_left_s > 0.0:
        yield Key(TEST, zone.zone), Signal(scope=scope)


def _detectors(zone: LeakZoneView, scope: str) -> Iterator[tuple[Key, Signal]]:
    faulty = [each.point for each in zone.detectors if each.fault]
    devices = tuple(dict.fromkeys(point.partition(".")[0] for point in faulty))
    if zone.blind:
        yield Key(BLIND, zone.zone), Signal(scope=scope)
    if faulty:
        more = f" and {len(faulty) - NAMES_MAX} more" if len(faulty) > NAMES_MAX else ""
        yield Key(DETECTOR_FAULT, zone.zone), Signal(", ".join(faulty[:NAMES_MAX]) + more, devices, scope)

"""The leak zones' and requests' families of ``/metrics``: names and labels. Knows the view, not the text format."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from coolantd.safety.leak_layout import Level, Step, StepState
from coolantd.service.leak_view import LeakZoneView
from coolantd.service.request_view import RequestView

Labels = tuple[tuple[str, str], ...]
Family = tuple[str, str, list[tuple[Labels, float]]]

LEVELS: Final = tuple(level.label for level in Level if level is not Level.NEVER)
STEPS: Final = tuple(step.label for step in Step)
STATES: Final = tuple(state.label for state in StepState)

FLAGS: Final = (
    ("coolantd_leak_zone_isolated", "1 while a leak zone's liquid is to be shut off until acknowledged", "isolated"),
    ("coolantd_leak_zone_power_cut", "1 while a leak zone's power is to be cut until acknowledged", "power_cut"),
    ("coolantd_leak_zone_blind", "1 while a leak zone's working detectors could not confirm a leak", "blind"),
    (
        "coolantd_leak_zone_test_active",
        "1 while a leak zone's detectors are tested and nothing is acted upon",
        "test_left_s",
    ),
)
DETECTOR_FLAGS: Final = (
    ("coolantd_leak_detector_wet", "1 while a leak detector counts as wet, else 0", "wet"),
    (
        "coolantd_leak_detector_fault",
        "1 while a leak detector's wire is open or short, it reports a fault, or nothing is heard of it",
        "fault",
    ),
)


def leak_families(zones: tuple[LeakZoneView, ...], requests: tuple[RequestView, ...]) -> Iterator[Family]:
    """Yield (name, documentation, rows); nothing where there is neither a zone nor a request."""
    if zones:
        yield from _zone_families(zones)
    named = [((("kind", each.kind), ("about", each.about), ("name", each.name)), each) for each in requests]
    text = "1 while something is asked of others, by what and for what"
    yield "coolantd_request_active", text, [(labels, 1.0) for labels, _ in named]
    text = "1 while what is asked of others is known to be so, 0 while it is not yet"
    yield "coolantd_request_confirmed", text, [(labels, float(each.confirmed)) for labels, each in named]


def _zone_families(zones: tuple[LeakZoneView, ...]) -> Iterator[Family]:
    yield (
        "coolantd_leak_zone_level",
        "1 for how bad a leak zone is now, 0 for every other level",
        _rows(zones, lambda zone: (((("level", word),), zone.level == word) for word in LEVELS)),
    )
    yield (
        "coolantd_leak_zone_step",
        "1 for how far a step of a leak zone is, 0 for every other state",
        _rows(zones, lambda zone: (((("step", step), ("state", state)), getattr(zone, step) == state)
                                   for step in STEPS for state in STATES)),
    )  # fmt: skip
    for name, documentation, key in FLAGS:
        yield name, documentation, [((("zone", zone.zone),), float(bool(getattr(zone, key)))) for zone in zones]
    for name, documentation, key in DETECTOR_FLAGS:
        flags: list[tuple[Labels, float]] = [
            ((("zone", zone.zone), ("point", each.point)), float(getattr(each, key)))
            for zone in zones
            for each in zone.detectors
        ]
        yield name, documentation, flags


def _rows(
    zones: tuple[LeakZoneView, ...], of: Callable[[LeakZoneView], Iterable[tuple[Labels, object]]]
) -> list[tuple[Labels, float]]:
    return [((("zone", zone.zone), *labels), float(bool(value))) for zone in zones for labels, value in of(zone)]

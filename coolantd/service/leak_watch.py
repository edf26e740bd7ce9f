"""Follows leak zones from cycle to cycle, and says what changes to journal and log. Knows views; acts upon nothing."""

from typing import Final

import structlog

from coolantd.service.journal import Recorder
from coolantd.service.leak_view import LeakDetectorView, LeakZoneView

STEPS: Final = ("power", "bypass", "valve", "pumps")
NEWS: Final = ("level", "isolated", "power_cut", "blind", *STEPS)
"""Attributes of a zone whose change is told, in this order."""
CALM: Final = frozenset({"dry", "idle", "confirmed", False})
"""What a zone has become that is no warning."""

log: Final = structlog.get_logger()


class LeakWatch:
    """Remembers how every zone was."""

    def __init__(self, journal: Recorder) -> None:
        self._journal = journal
        self._before: dict[str, LeakZoneView] = {}

    def follow(self, zones: tuple[LeakZoneView, ...]) -> None:
        """Take the zones of this cycle; a zone not seen before is compared with a dry one that does nothing."""
        before, self._before = self._before, {zone.zone: zone for zone in zones}
        for zone in zones:
            old = before.get(zone.zone)
            for key in NEWS:
                was = getattr(old, key) if old is not None else _blank(key)
                if (now := getattr(zone, key)) != was:
                    self._tell(zone, key, now, was)
            self._detectors(zone, () if old is None else old.detectors)
            self._test(zone, testing=old is not None and old.test_left_s > 0.0)

    def _tell(self, zone: LeakZoneView, key: str, now: object, was: object) -> None:
        # a log line's own level has the name already
        fields = {"zone": zone.zone, "place": zone.place, "leak" if key == "level" else key: now, "previous": was}
        if key in ("level", "isolated", "power_cut"):
            fields |= {"first": zone.first, "found_shut": zone.found_shut}
        event = f"leak_{'step' if key in STEPS else key}"
        (log.info if now in CALM else log.warning)(event, **fields)
        self._journal.record(event, **fields)

    def _detectors(self, zone: LeakZoneView, before: tuple[LeakDetectorView, ...]) -> None:
        """Tell what changed of detectors; of one not seen before a fault is no warning: nothing is heard yet."""
        known = {each.point: each for each in before}
        for each in zone.detectors:
            old = known.get(each.point)
            for key in ("wet", "fault"):
                now = bool(getattr(each, key))
                if now == (old is not None and getattr(old, key)):
                    continue
                fields = {"zone": zone.zone, "point": each.point, key: now}
                warns = now and (key == "wet" or old is not None)
                (log.warning if warns else log.info)(f"leak_detector_{key}", **fields)
                self._journal.record(f"leak_detector_{key}", **fields)

    def _test(self, zone: LeakZoneView, *, testing: bool) -> None:
        if (zone.test_left_s > 0.0) != testing:
            event = "leak_test_ended" if testing else "leak_test_began"
            log.info(event, zone=zone.zone, for_s=round(zone.test_left_s, 1))
            self._journal.record(event, zone=zone.zone, for_s=round(zone.test_left_s, 1))


def _blank(key: str) -> object:
    if key in STEPS:
        return "idle"
    return "dry" if key == "level" else False

"""The invariants of a whole site: leak latches, and alarms as an operator meets them. One class each, as for a CDU.

What is judged is what the broker was given and what the operator is shown; the figures of an alarm (its delays, its
group) come from the definitions, its life from the judges' own books.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from coolantd.service.alarm_history import Row
from coolantd.service.alarm_table import DEFINITIONS
from coolantd.service.alarm_view import AlarmsView, AlarmView
from coolantd.sim.dst.scene import Scene

ACT_S: Final = 8.0
"""From two wet detectors to a valve that closes: two messages, a cycle, a publication, and what a bypass is given."""
OPENING_PCT: Final = 0.5
AROUND_S: Final = 1.5
"""A cycle, and the one in which it was noticed."""
WINDOW_S: Final = 600.0
FLOOD: Final = 10
SHELF_MAX_S: Final = 8.0 * 3600.0
CALLED: Final = ("raised", "released_active", "changed")
SETTLED_S: Final = 15.0
"""After a start the daemon has to hear from everybody first."""


@dataclass(slots=True, kw_only=True)
class SiteSight:
    """A site at one tick.

    Attributes:
        now_s: monotonic. began_s: when the present daemon began.
        scenes: its CDUs. commands: valve setpoints that the broker was given since the last tick: time, topic, payload.
        events: (time, event) of alarms since then. alarms: what the operator is shown; None at most ticks.
    """

    now_s: float
    began_s: float
    scenes: list[Scene] = field(default_factory=list)
    commands: list[tuple[float, str, bytes]] = field(default_factory=list)
    events: list[tuple[float, Row]] = field(default_factory=list)
    alarms: AlarmsView | None = None

    @property
    def shown(self) -> tuple[AlarmView, ...]:
        """Return the alarms that are shown; none at a tick at which nobody looks."""
        return () if self.alarms is None else self.alarms.alarms


class SiteJudge(Protocol):
    """One invariant."""

    name: str

    def look(self, sight: SiteSight) -> str | None:
        """Return what is wrong at this tick."""
        ...


class I7Latch:
    """A branch that was shut for a leak opens for nobody but who acknowledges; one detector alone shuts nothing."""

    name = "I7"

    def __init__(self) -> None:
        self._sent_pct: dict[str, float] = {}

    def look(self, sight: SiteSight) -> str | None:
        """Judge every valve setpoint of every branch."""
        for time_s, topic, payload in sight.commands:
            value = float(orjson.loads(payload)["value"])
            before, self._sent_pct[topic] = self._sent_pct.get(topic, math.nan), value
            wrong = next((w for s in sight.scenes if (w := self._judge(s, topic, time_s, value, before))), None)
            if wrong:
                return wrong
        return None

    def _judge(self, scene: Scene, topic: str, time_s: float, value: float, before: float) -> str | None:
        manifold = scene.manifold
        if manifold is None:
            return None
        branch = next((b for b in manifold.branches if manifold.setpoint_topic(b) == topic), 0)
        leaked = scene.leaked.get(branch)
        if leaked is None:
            shut = branch in scene.suspected and value < 99.0 and len(scene.leaked) == 0
            return f"branch {branch} sent to {value:g} % on the word of one detector" if shut else None
        latched = time_s > leaked.from_s + ACT_S and not time_s > leaked.opened_s
        opens = latched and value > before + OPENING_PCT
        return f"branch {branch} opened from {before:g} to {value:g} % while its leak is latched" if opens else None


class _Lives:
    """Which alarms stand, by the judge's own book; a restart begins a new one."""

    def __init__(self) -> None:
        self.raised_s: dict[str, float] = {}
        self._began_s = math.nan

    def follow(self, sight: SiteSight) -> bool:
        """Forget everything at a restart; return whether there has just been one."""
        if sight.began_s != self._began_s:
            self._began_s = sight.began_s
            self.raised_s.clear()
        return sight.now_s - sight.began_s < SETTLED_S


class A1Once:
    """One condition is one alarm."""

    name = "A1"

    def __init__(self) -> None:
        self._lives = _Lives()

    def look(self, sight: SiteSight) -> str | None:
        """Find a tag that is shown twice, or raised again before it has cleared."""
        early = self._lives.follow(sight)
        standing = self._lives.raised_s
        for time_s, row in sight.events:
            tag = f"{row.subject}/{row.kind}"
            if row.event.startswith(("cleared", "released_normal")):
                standing.pop(tag, None)
            elif row.event == "raised":
                twice = tag in standing and row.state_before == row.state == "unacknowledged"
                standing[tag] = time_s
                if twice and not early:
                    return f"{tag} raised again before it had cleared"
        tags = [alarm.tag for alarm in sight.shown]
        return None if len(tags) == len(set(tags)) else f"shown twice: {max(tags, key=tags.count)}"


class A2Delays:
    """An alarm that stands does not go before its off-delay."""

    name = "A2"

    def __init__(self) -> None:
        self._lives = _Lives()

    def look(self, sight: SiteSight) -> str | None:
        """Hold the time between raised and cleared against the definition's delay."""
        self._lives.follow(sight)
        for time_s, row in sight.events:
            tag = f"{row.subject}/{row.kind}"
            if row.event == "raised":
                self._lives.raised_s[tag] = time_s
            elif row.event.startswith("cleared"):
                lived_s = time_s - self._lives.raised_s.pop(tag, -math.inf)
                if lived_s < DEFINITIONS[row.kind].off_delay_s - AROUND_S:
                    return f"{tag} cleared after {lived_s:.1f} s, off-delay {DEFINITIONS[row.kind].off_delay_s:g} s"
        return None


class A3Flood:
    """Ten alarms in ten minutes are shown as one."""

    name = "A3"

    def __init__(self) -> None:
        self._lives = _Lives()
        self._called_s: deque[float] = deque()

    def look(self, sight: SiteSight) -> str | None:
        """Count what an operator was called for, and see whether the list says so."""
        if self._lives.follow(sight):
            self._called_s.clear()
        for time_s, row in sight.events:
            if row.event in CALLED and row.state == "unacknowledged" != row.state_before and row.kind != "alarm_flood":
                self._called_s.append(time_s)
        while self._called_s and self._called_s[0] < sight.now_s - WINDOW_S + AROUND_S:
            self._called_s.popleft()
        if sight.alarms is None or len(self._called_s) < FLOOD:
            return None
        if not sight.alarms.flood:
            return f"{len(self._called_s)} alarms in ten minutes, and no flood"
        loud = [alarm for alarm in sight.alarms.alarms if self._loud(alarm)]
        return f"{loud[0].tag} is shown by itself in a flood" if loud else None

    def _loud(self, alarm: AlarmView) -> bool:
        recent = alarm.raised_age_s < WINDOW_S - AROUND_S
        standing = alarm.state in ("unacknowledged", "acknowledged", "returned", "latched")
        return recent and standing and alarm.priority != "critical" and not alarm.hidden and "flood" not in alarm.kind


class A4FirstOut:
    """Of a group one alarm came first, and those that follow name it."""

    name = "A4"

    def look(self, sight: SiteSight) -> str | None:
        """Find two firsts of one subject's group, or one that follows itself."""
        firsts: dict[tuple[str, str], str] = {}
        for alarm in sight.shown:
            group = DEFINITIONS[alarm.kind].group
            if alarm.first_out and alarm.state in ("unacknowledged", "acknowledged"):
                if (group, alarm.subject) in firsts:
                    return f"{alarm.tag} and {firsts[group, alarm.subject]} are both the first of {group}"
                firsts[group, alarm.subject] = alarm.tag
            if alarm.follows == alarm.tag or (alarm.follows and alarm.first_out):
                return f"{alarm.tag} follows {alarm.follows}, and is said to be the first"
        return None


class A5Shelf:
    """Nothing is shelved for longer than a shift."""

    name = "A5"

    def look(self, sight: SiteSight) -> str | None:
        """Look at how long what is shelved is to stay there."""
        for alarm in sight.shown:
            if alarm.state == "shelved" and not alarm.hidden_left_s <= SHELF_MAX_S:
                return f"{alarm.tag} is shelved for {alarm.hidden_left_s / 3600.0:.1f} h"
        return None


class A6Critical:
    """What is critical is always shown."""

    name = "A6"

    def look(self, sight: SiteSight) -> str | None:
        """Find a critical alarm that is hidden, by whatever."""
        for alarm in sight.shown:
            if alarm.priority == "critical" and alarm.hidden:
                return f"{alarm.tag} is critical, and {'collapsed' if alarm.collapsed else alarm.state}"
        return None


def site_judges() -> list[SiteJudge]:
    """Return one of each."""
    kinds: list[type[SiteJudge]] = [I7Latch, A1Once, A2Delays, A3Flood, A4FirstOut, A5Shelf, A6Critical]
    return [kind() for kind in kinds]

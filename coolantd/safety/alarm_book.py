"""What is remembered of alarms: one entry each, the groups they form, and how many there have been lately.

Plain data. Only what is not normal, or was a moment ago, has an entry.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coolantd.safety.alarm_definition import Key
from coolantd.safety.alarm_states import Event, State

NAN: Final = float("nan")

CHATTER_RAISES: Final = 3
CHATTER_S: Final = 60.0
"""An alarm raised three times within a minute chatters (ISA-18.2): it is then held until it has been quiet as long."""

DETAILS_MAX: Final = 16
"""Parts remembered of one occurrence; more pumps or branches than that are one and the same fault."""


@dataclass(frozen=True, slots=True)
class Signal:
    """That the condition of an alarm is there now.

    Attributes:
        detail: which part it concerns, in words; empty for none. No measured value: another detail is another part.
        parents: subjects whose alarms may explain it, besides its own.
        scope: what it belongs to, for first-out; empty: its own subject.
    """

    detail: str = ""
    parents: tuple[str, ...] = ()
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an operator has hidden an alarm.

    Attributes:
        owner: who, in their own words.
        uid: who, as the kernel knows them.
        reason: why.
        until_s: monotonic time at which it ends; inf: when somebody ends it.
    """

    owner: str
    uid: int
    reason: str
    until_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm.

    Attributes:
        state: after ISA-18.2.
        since_s: when it came to that state.
        present: whether its condition is there, before any delay.
        present_since_s: when that last changed; in the future after a restart, for as long as is waited for it.
        active: the same after the delays.
        onset_s: when the condition of its last occurrence began.
        raised_s: when it was last announced; NaN: never.
        raises_s: when it was last raised, at most ``CHATTER_RAISES`` times of one spell.
        details: parts it has concerned in this occurrence, the present one last.
        parents: subjects whose alarms may explain it, besides its own.
        scope: what it belongs to, for first-out.
        hold: who hid it.
        first_out: it was the first of its group.
        follows: the first of its group, if this one came soon after it.
        count: occurrences since the daemon's start.
    """

    state: State = State.NORMAL
    since_s: float = NAN
    present: bool = False
    present_since_s: float = -math.inf
    active: bool = False
    onset_s: float = NAN
    raised_s: float = NAN
    raises_s: tuple[float, ...] = ()
    details: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    scope: str = ""
    hold: Hold | None = None
    first_out: bool = False
    follows: Key | None = None
    count: int = 0

    @property
    def detail(self) -> str:
        """Return the part it concerns now, or did last."""
        return self.details[-1] if self.details else ""

    @property
    def chatters(self) -> bool:
        """Return whether it has been raised too often in too short a time."""
        raises_s = self.raises_s
        return len(raises_s) == CHATTER_RAISES and raises_s[-1] - raises_s[0] <= CHATTER_S


GroupKey = tuple[str, str]
"""(group, scope)"""


class First(NamedTuple):
    """The first of a group, kept until no alarm of the group is active."""

    key: Key
    onset_s: float


@dataclass(frozen=True, slots=True)
class Flood:
    """How many alarms have been announced lately.

    Attributes:
        announced: (when, which) of the last ten minutes, oldest first.
        since_s: since when there have been too many; NaN: there are not.
        first: the oldest of those that made it too many.
    """

    announced: tuple[tuple[float, Key], ...] = ()
    since_s: float = NAN
    first: Key | None = None

    @property
    def on(self) -> bool:
        """Return whether there are too many."""
        return self.first is not None


@dataclass(frozen=True, slots=True)
class AlarmBook:
    """Everything remembered.

    Attributes:
        begun_s: when the daemon began, for start-up inhibition.
        alarms: by key; an alarm without an entry is normal.
        groups: the first of each group that is not clear.
        flood: how many there have been.
        turned_away: signals that found no room for an entry, since the start.
    """

    begun_s: float
    alarms: Mapping[Key, Alarm] = field(default_factory=dict)
    groups: Mapping[GroupKey, First] = field(default_factory=dict)
    flood: Flood = field(default_factory=Flood)
    turned_away: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One event that changed an alarm or its part, for the journal.

    Attributes:
        before: its state before.
        alarm: what it is now.
        uid: who ordered it; -1: nobody, it happened.
    """

    key: Key
    event: Event
    before: State
    alarm: Alarm
    time_s: float
    uid: int = -1

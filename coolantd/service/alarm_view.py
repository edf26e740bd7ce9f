"""What the daemon shows of its alarms, and the series made of it. Plain data; changes nothing."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coolantd.safety.alarm_book import Alarm, AlarmBook
from coolantd.safety.alarm_definition import Definitions, Key, Priority
from coolantd.safety.alarm_relations import STALE_S, collapsed
from coolantd.safety.alarm_states import HIDDEN, OWED, STANDING, State
from coolantd.safety.alarms import FLOOD

NAN: Final = float("nan")
_HIDDEN: Final = frozenset(state.label for state in HIDDEN)
_OWED: Final = frozenset(state.label for state in OWED)

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """One alarm that is not normal.

    Attributes:
        tag: what an operator names it by: ``subject/kind``.
        priority, state: labels.
        detail: which part it concerns; empty for none.
        age_s: how long it has been in its state.
        raised_age_s: how long ago it was last announced; NaN: never.
        cause, consequence, action: for people.
        collapsed: shown only as one of a flood.
        first_out: it came first of its group.
        follows: tag of the first of its group, if it came soon after that.
        chatters: it comes and goes, and is held.
        stale: it has stood for a day.
        owner, reason: of whoever hid it; empty unless it is shelved or out of service.
        hidden_left_s: how long it stays shelved; NaN if it is not.
        count: occurrences since the daemon's start.
    """

    tag: str
    kind: str
    subject: str
    priority: str
    state: str
    detail: str
    age_s: float
    raised_age_s: float
    cause: str
    consequence: str
    action: str
    collapsed: bool = False
    first_out: bool = False
    follows: str = ""
    chatters: bool = False
    stale: bool = False
    owner: str = ""
    reason: str = ""
    hidden_left_s: float = NAN
    count: int = 0

    @property
    def hidden(self) -> bool:
        """Return whether an operator is not to be bothered with it now."""
        return self.collapsed or self.state in _HIDDEN

    @property
    def owed(self) -> bool:
        """Return whether it waits for an acknowledgement."""
        return self.state in _OWED


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsView:
    """Every alarm that is not normal, the most urgent first, and how many there have been.

    Attributes:
        flood: there are too many; those below critical are shown as one.
        announced_10min: how many were announced in the last ten minutes.
        turned_away: signals that found no room, since the start.
    """

    alarms: tuple[AlarmView, ...] = ()
    flood: bool = False
    announced_10min: int = 0
    turned_away: int = 0


def alarms_view(definitions: Definitions, book: AlarmBook, now_s: float) -> AlarmsView:
    """Return what is to be shown now."""
    shown = [(key, alarm) for key, alarm in book.alarms.items() if alarm.state is not State.NORMAL]
    shown.sort(key=lambda each: _urgency(definitions, *each))
    return AlarmsView(
        alarms=tuple(_view(definitions, book, key, alarm, now_s) for key, alarm in shown),
        flood=book.flood.on,
        announced_10min=len(book.flood.announced),
        turned_away=book.turned_away,
    )


def _urgency(definitions: Definitions, key: Key, alarm: Alarm) -> tuple[bool, int, bool, float, Key]:
    raised_s = alarm.raised_s if math.isfinite(alarm.raised_s) else -math.inf
    owed = alarm.state in OWED
    return alarm.state not in STANDING, definitions[key.kind].priority, not owed, -raised_s, key


def _view(definitions: Definitions, book: AlarmBook, key: Key, alarm: Alarm, now_s: float) -> AlarmView:
    definition, hold = definitions[key.kind], alarm.hold
    age_s = now_s - alarm.since_s
    return AlarmView(
        tag=key.tag,
        kind=key.kind,
        subject=key.subject,
        priority=definition.priority.label,
        state=alarm.state.label,
        detail=alarm.detail,
        age_s=age_s,
        raised_age_s=now_s - alarm.raised_s,
        cause=definition.cause,
        consequence=definition.consequence,
        action=definition.action,
        collapsed=key != FLOOD and alarm.state in STANDING and collapsed(definition, alarm, book.flood),
        first_out=alarm.first_out,
        follows="" if alarm.follows is None else alarm.follows.tag,
        chatters=alarm.chatters,
        stale=alarm.active and alarm.state in STANDING and now_s - alarm.raised_s >= STALE_S,
        owner="" if hold is None else hold.owner,
        reason="" if hold is None else hold.reason,
        hidden_left_s=hold.until_s - now_s if hold is not None and math.isfinite(hold.until_s) else NAN,
        count=alarm.count,
    )


def visible(view: AlarmsView) -> Iterator[AlarmView]:
    """Yield what an operator is to be bothered with, the most urgent first."""
    return (each for each in view.alarms if not each.hidden)


def alarm_families(view: AlarmsView) -> Iterator[tuple[str, str, list[tuple[Labels, float]]]]:
    """Yield (name, documentation, rows) of the series about alarms."""
    counted = Counter((each.priority, each.state) for each in view.alarms)
    yield (
        "coolantd_alarm_active",
        "Alarms by priority and state after ISA-18.2",
        [
            ((("priority", priority.label), ("state", state.label)), counted[priority.label, state.label])
            for priority in Priority
            for state in State
            if state is not State.NORMAL
        ],
    )
    yield (
        "coolantd_alarm_state",
        "1 for each alarm that is not normal, with its priority and state",
        [(_labels(each), 1) for each in view.alarms],
    )
    owed = [each.age_s for each in view.alarms if each.owed]
    yield (
        "coolantd_alarm_unacknowledged_seconds",
        "How long the alarm that has waited longest for its acknowledgement has done so; 0 while none waits",
        [((), max(owed, default=0.0))],
    )
    yield "coolantd_alarm_flood", "1 while ten alarms in ten minutes are shown as one", [((), int(view.flood))]
    yield (
        "coolantd_alarms_announced_10min",
        "Alarms announced in the last ten minutes",
        [((), view.announced_10min)],
    )
    stale = sum(each.stale for each in view.alarms)
    yield "coolantd_alarms_stale", "Alarms that have stood for a day or longer", [((), stale)]
    chattering = sum(each.chatters for each in view.alarms)
    yield "coolantd_alarms_chattering", "Alarms that come and go, and are held", [((), chattering)]


def _labels(each: AlarmView) -> Labels:
    return (("subject", each.subject), ("kind", each.kind), ("priority", each.priority), ("state", each.state))

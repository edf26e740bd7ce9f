"""Alarm management after ISA-18.2: what becomes of every alarm as the conditions behind them come and go.

Pure, and a watcher: it knows definitions, signals and time, never what a condition means, and it commands nothing.
Delays and chatter are here; what alarms have to do with one another is in ``alarm_relations``, what operators do to
them in ``alarm_orders``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from coolantd.safety.alarm_book import (
    CHATTER_RAISES,
    CHATTER_S,
    DETAILS_MAX,
    Alarm,
    AlarmBook,
    Change,
    Signal,
)
from coolantd.safety.alarm_definition import TEXT_CHARS_MAX, Definition, Definitions, Key, Priority
from coolantd.safety.alarm_relations import announced, explained, mark_first, next_flood
from coolantd.safety.alarm_states import Event, State, next_state

ALARMS_MAX: Final = 2000
"""Entries of alarms below critical, and again as many of critical ones: a hundred CDUs with twenty alarms each."""

FLOOD: Final = Key("alarm_flood", "site")
"""The one alarm that stands for all others below critical while there are too many; it does not count itself."""

_NONE: Final = Alarm()


def advance(
    definitions: Definitions, book: AlarmBook, signals: Mapping[Key, Signal], now_s: float
) -> tuple[AlarmBook, tuple[Change, ...]]:
    """Return the book after a cycle and what has changed in it.

    Args:
        definitions: of every kind that may come; must contain that of ``FLOOD``.
        book: as the last cycle left it.
        signals: the conditions that are there now; one that is not listed is not there.
        now_s: monotonic seconds, never going back.

    Returns:
        The new book, and the changes in the order of the definitions, then of subjects. The arguments stay as they
        were.
    """
    kept, turned_away = _admitted(definitions, book, signals)
    alarms = {key: _timed(definitions[key.kind], book, key, signals.get(key), now_s) for key in kept}
    active = {key for key, alarm in alarms.items() if alarm.active}
    standing = active | {key for key, alarm in alarms.items() if alarm.present}
    changes = []
    for key, alarm in alarms.items():
        # A cause whose own delay still runs keeps back what is new. Only one that is told takes away what was told.
        causes = standing if alarm.state in (State.NORMAL, State.SUPPRESSED) else active
        hidden = explained(definitions[key.kind], key, alarm, causes)
        event = _event(definitions[key.kind], book.alarms.get(key, _NONE), alarm, now_s, hidden=hidden)
        if event is not None:
            alarms[key], change = apply(key, alarm, event, now_s)
            changes.append(change)
    changes.sort(key=lambda change: (definitions.rank(change.key.kind), change.key.subject))
    groups = mark_first(definitions, book.groups, alarms)
    flood = next_flood(book.flood, [change.key for change in changes if announced(change)], now_s)
    changes += _tell_flood(definitions, book, alarms, flood.first, now_s)
    changes = [replace(change, alarm=alarms[change.key]) for change in changes]  # with their marks
    kept_alarms = {key: alarm for key, alarm in alarms.items() if not _forgettable(alarm, now_s)}
    return AlarmBook(book.begun_s, kept_alarms, groups, flood, turned_away), tuple(changes)


def _admitted(definitions: Definitions, book: AlarmBook, signals: Mapping[Key, Signal]) -> tuple[list[Key], int]:
    """Return the keys to work on, every known one among them, and how many have found no room so far."""
    kept = [key for key in book.alarms if key != FLOOD and key.kind in definitions]
    room = dict.fromkeys((True, False), ALARMS_MAX)
    for key in kept:
        room[_is_critical(definitions, key)] -= 1
    turned_away = book.turned_away
    for key in signals:
        if key in book.alarms:
            continue
        critical = key.kind in definitions and _is_critical(definitions, key)
        if key.kind not in definitions or room[critical] <= 0:
            turned_away += 1
            continue
        room[critical] -= 1
        kept.append(key)
    return kept, turned_away


def _is_critical(definitions: Definitions, key: Key) -> bool:
    return definitions[key.kind].priority is Priority.CRITICAL


def _timed(definition: Definition, book: AlarmBook, key: Key, signal: Signal | None, now_s: float) -> Alarm:
    """Return an alarm with its condition as it is now, seen through its delays (A2)."""
    alarm, present = book.alarms.get(key, _NONE), signal is not None
    if present != alarm.present:
        onset_s = now_s if present and not alarm.active else alarm.onset_s
        alarm = replace(alarm, present=present, present_since_s=now_s, onset_s=onset_s)
    held_s = now_s - alarm.present_since_s
    inhibited = now_s - book.begun_s < definition.inhibit_s
    if present and not alarm.active and held_s >= definition.on_delay_s and not inhibited:
        alarm = replace(alarm, active=True, details=(), parents=(), scope="")
    elif not present and alarm.active and held_s >= max(definition.off_delay_s, CHATTER_S * alarm.chatters):
        alarm = replace(alarm, active=False, raises_s=() if alarm.chatters else alarm.raises_s)
    return alarm if signal is None or not alarm.active else _about(alarm, signal)


def _about(alarm: Alarm, signal: Signal) -> Alarm:
    """Return an alarm that knows what it concerns and belongs to, as far as a signal says anything new."""
    details = alarm.details
    if signal.detail not in ("", alarm.detail):
        others = tuple(detail for detail in details if detail != signal.detail)
        details = (*others, signal.detail[:TEXT_CHARS_MAX])[-DETAILS_MAX:]
    if (details, signal.parents, signal.scope) == (alarm.details, alarm.parents, alarm.scope):
        return alarm
    return replace(alarm, details=details, parents=signal.parents, scope=signal.scope)


def _event(definition: Definition, before: Alarm, alarm: Alarm, now_s: float, *, hidden: bool) -> Event | None:
    """Return what has happened to an alarm, None if nothing has."""
    state, active = alarm.state, alarm.active
    if state in (State.SHELVED, State.OUT_OF_SERVICE):
        over = alarm.hold is None or now_s >= alarm.hold.until_s
        return _release(active=active, hidden=hidden) if over else None
    if active and hidden:
        return None if state is State.SUPPRESSED else Event.SUPPRESSED
    if active:
        return _event_active(before, alarm)
    if state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.SUPPRESSED):
        return Event.CLEARED_LATCHING if definition.latching else Event.CLEARED
    return None


def _release(*, active: bool, hidden: bool) -> Event:
    if not active:
        return Event.RELEASED_NORMAL
    return Event.RELEASED_EXPLAINED if hidden else Event.RELEASED_ACTIVE


def _event_active(before: Alarm, alarm: Alarm) -> Event | None:
    """Return what has happened to an alarm whose condition is there and told."""
    if alarm.state is State.SUPPRESSED:
        # What goes together with what explained it takes its own off-delay, and is no news.
        return Event.RELEASED_ACTIVE if alarm.present else None
    if alarm.state not in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED):
        return Event.RAISED
    # Somebody who has acknowledged a tripped pump must hear of a second one.
    return Event.CHANGED if alarm.details and alarm.detail not in before.details else None


def apply(key: Key, alarm: Alarm, event: Event, now_s: float, *, uid: int = -1) -> tuple[Alarm, Change]:
    """Return an alarm after an event, and the change."""
    state = next_state(alarm.state, event)
    after = alarm if state is alarm.state else replace(alarm, state=state, since_s=now_s)
    if after.hold is not None and state not in (State.SHELVED, State.OUT_OF_SERVICE):
        after = replace(after, hold=None)
    if event is Event.RAISED:
        raises_s = (*alarm.raises_s, now_s)[-CHATTER_RAISES:]
        after = replace(after, raises_s=raises_s, count=alarm.count + 1, first_out=False, follows=None)
    if event in (Event.RAISED, Event.RELEASED_ACTIVE, Event.CHANGED):
        after = replace(after, raised_s=now_s)
    return after, Change(key, event, alarm.state, after, now_s, uid)


def _tell_flood(
    definitions: Definitions, book: AlarmBook, alarms: dict[Key, Alarm], first: Key | None, now_s: float
) -> list[Change]:
    """Advance the alarm that stands for the others, and return what has changed of it."""
    if first is None and FLOOD not in book.alarms:
        return []
    signal = None if first is None else Signal(f"began with {first.tag}")
    alarm = _timed(definitions[FLOOD.kind], book, FLOOD, signal, now_s)
    event = _event(definitions[FLOOD.kind], book.alarms.get(FLOOD, _NONE), alarm, now_s, hidden=False)
    alarms[FLOOD] = alarm
    if event is None:
        return []
    alarms[FLOOD], change = apply(FLOOD, alarm, event, now_s)
    return [change]


def _forgettable(alarm: Alarm, now_s: float) -> bool:
    """Return whether an alarm without an entry would be the same."""
    spell_over = not alarm.raises_s or now_s - alarm.raises_s[-1] > CHATTER_S
    return alarm.state is State.NORMAL and not alarm.present and not alarm.active and spell_over

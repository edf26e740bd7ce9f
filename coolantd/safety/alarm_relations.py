"""What alarms have to do with one another: which explains which, which came first, and when there are too many.

Knows entries of the book and definitions; must never know time but as an argument.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from coolantd.safety.alarm_book import Alarm, Change, First, Flood, GroupKey
from coolantd.safety.alarm_definition import Definition, Definitions, Key, Priority
from coolantd.safety.alarm_states import Event, State

FOLLOW_S: Final = 60.0
"""What begins within this time of the first of its group is said to follow it: a lost flow is over-temperature and low
pressure within seconds, and a warm loop within a minute."""

FLOOD_WINDOW_S: Final = 600.0
FLOOD_BEGIN: Final = 10
"""Ten alarms in ten minutes are more than an operator can take in (ISA-18.2; A3)."""
FLOOD_END: Final = 5
"""Below five in ten minutes it is over (EEMUA 191)."""
ANNOUNCED_MAX: Final = 1000
"""Remembered of one window; beyond a hundred times a flood the exact number says nothing more."""

STALE_S: Final = 24 * 3600.0
"""An alarm that has stood for a day is stale (ISA-18.2): it should be mended, shelved, or is none."""


def explained(definition: Definition, key: Key, alarm: Alarm, standing: Collection[Key]) -> bool:
    """Return whether an alarm follows by design from another one that stands; critical ones never do (A6)."""
    if not definition.suppressed_by or not definition.may_be_hidden:
        return False
    subjects = (key.subject, *alarm.parents)
    return any(Key(kind, subject) in standing for kind in definition.suppressed_by for subject in subjects)


def mark_first(
    definitions: Definitions, groups: Mapping[GroupKey, First], alarms: dict[Key, Alarm]
) -> dict[GroupKey, First]:
    """Mark in ``alarms`` which is the first of its group and which follow it, and return the first of each (A4).

    The first is the one whose condition began first, of two that began together the earlier one in the definitions'
    order. It stays the first until no alarm of the group is active; one whose delay hid that it began earlier takes
    over.
    """
    members: dict[GroupKey, list[Key]] = {}
    for key, alarm in alarms.items():
        group = definitions[key.kind].group
        if group and alarm.active and alarm.state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED):
            members.setdefault((group, alarm.scope or key.subject), []).append(key)
    firsts = {}
    for group_key, keys in members.items():
        earliest = min(keys, key=lambda key: (alarms[key].onset_s, definitions.rank(key.kind), key.subject))
        candidate, known = First(earliest, alarms[earliest].onset_s), groups.get(group_key)
        firsts[group_key] = first = candidate if known is None or candidate.onset_s < known.onset_s else known
        for key in keys:
            _mark(alarms, key, first)
    return firsts


def _mark(alarms: dict[Key, Alarm], key: Key, first: First) -> None:
    alarm = alarms[key]
    is_first = key == first.key
    soon = not is_first and alarm.onset_s - first.onset_s <= FOLLOW_S
    follows = first.key if soon else None
    if (alarm.first_out, alarm.follows) != (is_first, follows):
        alarms[key] = replace(alarm, first_out=is_first, follows=follows)


def announced(change: Change) -> bool:
    """Return whether a change is one that an operator is called for."""
    called = change.event in (Event.RAISED, Event.RELEASED_ACTIVE, Event.CHANGED)
    return called and change.alarm.state is State.UNACKNOWLEDGED and change.before is not State.UNACKNOWLEDGED


def next_flood(flood: Flood, keys: Sequence[Key], now_s: float) -> Flood:
    """Return the flood after a cycle in which these alarms were announced."""
    oldest = flood.announced[0][0] if flood.announced else now_s
    if not keys and now_s - oldest < FLOOD_WINDOW_S:
        return flood
    recent = tuple(each for each in flood.announced if now_s - each[0] < FLOOD_WINDOW_S)
    recent = (*recent, *((now_s, key) for key in keys))[-ANNOUNCED_MAX:]
    if flood.on:
        return Flood(recent) if len(recent) < FLOOD_END else replace(flood, announced=recent)
    if len(recent) >= FLOOD_BEGIN:
        return Flood(recent, now_s, recent[0][1])
    return Flood(recent)


def collapsed(definition: Definition, alarm: Alarm, flood: Flood) -> bool:
    """Return whether an alarm is shown only as one of many: below critical, and announced within the flood's window."""
    if not flood.on or definition.priority is Priority.CRITICAL:
        return False
    return alarm.raised_s > flood.since_s - FLOOD_WINDOW_S

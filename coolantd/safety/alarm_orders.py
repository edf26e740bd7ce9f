"""What an operator may do to an alarm: acknowledge it, hide it for a while or until further notice, show it again.

Pure: the book before, the book after, or a sentence why not. The conditions behind the alarms stay as they are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from coolantd.safety.alarm_book import Alarm, AlarmBook, Change, Hold
from coolantd.safety.alarm_definition import TEXT_CHARS_MAX, Definitions, Key
from coolantd.safety.alarm_states import OWED, Event, State
from coolantd.safety.alarms import FLOOD, apply

SHELVE_MAX_S: Final = 8 * 3600.0
"""One shift (A5): who comes next must be told anew, or decide anew."""
SHELVE_DEFAULT_S: Final = 1800.0
HIDDEN_MAX: Final = 50
"""Shelved and out of service together: more is a plant without alarms."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order.

    Attributes:
        book: after it; the one before if it was refused.
        changes: for the journal.
        problem: why it was refused, one sentence; empty if it was not.
    """

    book: AlarmBook
    changes: tuple[Change, ...] = ()
    problem: str = ""


def acknowledge(book: AlarmBook, keys: Sequence[Key], now_s: float, *, uid: int) -> Outcome:
    """Take note of alarms; those that wait for no acknowledgement stay as they are."""
    owed = [key for key in keys if key in book.alarms and book.alarms[key].state in OWED]
    return _applied(book, {key: book.alarms[key] for key in owed}, Event.ACKNOWLEDGED, now_s, uid)


def shelve(definitions: Definitions, book: AlarmBook, key: Key, hold: Hold, now_s: float) -> Outcome:
    """Hide an alarm until a time at most eight hours away; shelving it again moves that time."""
    for_s = hold.until_s - now_s
    problem = _problem(definitions, book, key, hold)
    if not problem and book.alarms.get(key, _NONE).state is State.OUT_OF_SERVICE:
        problem = f"{key.tag} is out of service already"
    if not problem and not 0.0 < for_s <= SHELVE_MAX_S:
        problem = f"for_s is {for_s:g}, allowed: above 0, at most {SHELVE_MAX_S:g} ({SHELVE_MAX_S / 3600.0:g} h)"
    return Outcome(book, problem=problem) if problem else _hidden(book, key, hold, Event.SHELVED, now_s)


def remove(definitions: Definitions, book: AlarmBook, key: Key, hold: Hold, now_s: float) -> Outcome:
    """Put an alarm out of service until somebody ends that."""
    problem = _problem(definitions, book, key, hold)
    if problem:
        return Outcome(book, problem=problem)
    return _hidden(book, key, replace(hold, until_s=math.inf), Event.REMOVED, now_s)


def release(book: AlarmBook, key: Key, state: State, now_s: float, *, uid: int) -> Outcome:
    """Show an alarm again that is in ``state``: shelved or out of service."""
    alarm = book.alarms.get(key, _NONE)
    if alarm.state is not state:
        return Outcome(book, problem=f"{key.tag} is not {state.label.replace('_', ' ')}")
    event = Event.RELEASED_ACTIVE if alarm.active else Event.RELEASED_NORMAL
    return _applied(book, {key: alarm}, event, now_s, uid)


_NONE: Final = Alarm()


def _problem(definitions: Definitions, book: AlarmBook, key: Key, hold: Hold) -> str:
    if key.kind not in definitions:
        return f"there is no kind of alarm called {key.kind!r}"
    if not definitions[key.kind].may_be_hidden or key == FLOOD:
        return f"{key.tag} may not be hidden: it is critical, latching or the flood alarm; acknowledge it"
    for name, text in (("owner", hold.owner), ("reason", hold.reason)):
        if not 0 < len(text.strip()) <= TEXT_CHARS_MAX:
            return f"{name} has {len(text.strip())} characters, allowed: 1 to {TEXT_CHARS_MAX}"
    hidden = [other for other, alarm in book.alarms.items() if alarm.hold is not None and other != key]
    return f"{len(hidden)} alarms are hidden already, allowed: {HIDDEN_MAX}" if len(hidden) >= HIDDEN_MAX else ""


def _hidden(book: AlarmBook, key: Key, hold: Hold, event: Event, now_s: float) -> Outcome:
    return _applied(book, {key: replace(book.alarms.get(key, _NONE), hold=hold)}, event, now_s, hold.uid)


def _applied(book: AlarmBook, alarms: dict[Key, Alarm], event: Event, now_s: float, uid: int) -> Outcome:
    after, changes = dict(book.alarms), []
    for key, alarm in alarms.items():
        after[key], change = apply(key, alarm, event, now_s, uid=uid)
        changes.append(change)
    return Outcome(replace(book, alarms=after), tuple(changes))

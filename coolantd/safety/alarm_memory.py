"""What of the alarms survives a restart, as plain JSON values, and how it is believed again. Knows no file.

What was shelved stays so for the rest of its time, what was put out of service stays out, what nobody has
acknowledged still waits, and what somebody has is not announced again. Anything odd is left out.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from coolantd.safety.alarm_book import Alarm, AlarmBook, Hold
from coolantd.safety.alarm_definition import TEXT_CHARS_MAX, Definitions, Key
from coolantd.safety.alarm_orders import HIDDEN_MAX, SHELVE_MAX_S
from coolantd.safety.alarm_states import State
from coolantd.safety.alarms import ALARMS_MAX

WAIT_S: Final = 120.0
"""How long after a restart an alarm stands without its condition: devices must be read and detectors' own delays pass
before it can be seen again."""

Json = dict[str, Any]

_STATES: Final = {state.label: state for state in State if state not in (State.NORMAL, State.SUPPRESSED)}


def keep(book: AlarmBook, now_s: float) -> Json:
    """Return what is worth remembering, as JSON."""
    kept = ((key, alarm) for key, alarm in book.alarms.items() if alarm.state in _STATES.values())
    return {"alarms": [_entry(key, alarm, now_s) for key, alarm in kept]}


def _entry(key: Key, alarm: Alarm, now_s: float) -> Json:
    entry: Json = {
        "kind": key.kind,
        "subject": key.subject,
        "state": alarm.state.label,
        "active": alarm.active,
        "detail": alarm.detail,
        "since_s": now_s - alarm.since_s,
        "raised_s": now_s - alarm.raised_s if math.isfinite(alarm.raised_s) else None,
    }
    if alarm.hold is not None:
        hold, left_s = alarm.hold, alarm.hold.until_s - now_s
        entry |= {"owner": hold.owner, "uid": hold.uid, "reason": hold.reason}
        entry["left_s"] = left_s if math.isfinite(left_s) else None
    return entry


def restore(definitions: Definitions, book: AlarmBook, kept: object, age_s: float, now_s: float) -> AlarmBook:
    """Return a book that knows what was kept, where it does not know better already.

    Args:
        definitions: of the kinds there are now.
        book: a new daemon's.
        kept: what ``keep`` returned, from wherever it has been.
        age_s: how long ago that was, seconds, at least 0.
        now_s: monotonic seconds.
    """
    entries = kept.get("alarms") if isinstance(kept, Mapping) else None
    if not isinstance(entries, list) or not math.isfinite(age_s):
        return book
    alarms = dict(book.alarms)
    for entry in entries[:ALARMS_MAX]:
        found = _believed(definitions, entry, max(age_s, 0.0), now_s) if isinstance(entry, Mapping) else None
        hidden = sum(alarm.hold is not None for alarm in alarms.values())
        if found is None or found[0] in alarms or (found[1].hold is not None and hidden >= HIDDEN_MAX):
            continue
        alarms[found[0]] = found[1]
    return replace(book, alarms=alarms)


def _believed(
    definitions: Definitions, entry: Mapping[str, Any], age_s: float, now_s: float
) -> tuple[Key, Alarm] | None:
    """Return one alarm as it was kept, None if it cannot have been, or is over."""
    kind, subject, state = entry.get("kind"), entry.get("subject"), _STATES.get(str(entry.get("state")))
    if not isinstance(kind, str) or not isinstance(subject, str) or kind not in definitions or state is None:
        return None
    since_s = _number(entry.get("since_s"), default=0.0)
    raised_s = _number(entry.get("raised_s"), default=math.nan)
    active = entry.get("active") is True or state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)
    detail = _text(entry.get("detail"))
    alarm = Alarm(
        state=state,
        since_s=now_s - age_s - max(since_s, 0.0),
        active=active and state not in (State.RETURNED, State.LATCHED),
        present_since_s=now_s + WAIT_S,
        onset_s=now_s - age_s - max(since_s, 0.0),
        raised_s=now_s - age_s - raised_s,
        details=(detail,) if detail else (),
    )
    if state not in (State.SHELVED, State.OUT_OF_SERVICE):
        return Key(kind, subject), alarm
    left_s = math.inf if state is State.OUT_OF_SERVICE else _number(entry.get("left_s"), default=0.0) - age_s
    if not definitions[kind].may_be_hidden or left_s <= 0.0:
        return None
    hold = Hold(_text(entry.get("owner")), _uid(entry.get("uid")), _text(entry.get("reason")), 0.0)
    until_s = now_s + left_s if math.isinf(left_s) else now_s + min(left_s, SHELVE_MAX_S)
    return Key(kind, subject), replace(alarm, hold=replace(hold, until_s=until_s))


def _number(found: object, *, default: float) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return default
    return float(found)


def _text(found: object) -> str:
    return found[:TEXT_CHARS_MAX] if isinstance(found, str) else ""


def _uid(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else -1

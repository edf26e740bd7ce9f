"""Whether a profile makes sense as a whole. Knows the rules of protocol/profile.py; no file, no site.

Each check answers with a problem at the key to mend.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from coolantd.config.document import Document
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.config.profile_build import Entry, Point
from coolantd.config.profile_register_checks import BIT_TABLES, check_register, check_rule
from coolantd.config.profile_sendable import unsendable
from coolantd.errors import Problem
from coolantd.protocol.profile import (
    Access,
    Coding,
    DifferencePoint,
    MessagePoint,
    PollClass,
    Profile,
    RegisterPoint,
    TextPoint,
)

NAME_SUFFIXES: Final[Mapping[str, str]] = {
    "degC": "_c",
    "K": "_k",
    "kPa": "_kpa",
    "L/min": "_lpm",
    "%": "_pct",
    "%RH": "_pct",
    "kW": "_kw",
    "rpm": "_rpm",
    "A": "_a",
    "V": "_v",
    "h": "_h",
    "s": "_s",
    "count": "_count",
    "pH": "_ph",
    "uS/cm": "_us_cm",
    "NTU": "_ntu",
    "deg": "_deg",
    "code": "_code",
    "bool": "_bool",
    "": "_ratio",
}
"""A point's name ends in its unit, so that nobody reads kPa as psi."""
UPTIME_UNITS: Final = ("s", "h")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def check_profile(profile: Profile, entries: Sequence[Entry], document: Document) -> tuple[Problem, ...]:
    """Return everything about a profile that contradicts itself."""
    points = {entry.point.name: entry.point for entry in entries}
    problems = [
        *_kind(profile, document),
        *_names(entries, document),
        *_texts(profile, points, document),
        *_overlaps(profile, entries, document),
        *_device(profile, points, document),
        *_uptime(profile, points, document),
        *_identity(profile, points, document),
        *_alarms(profile, points, document),
    ]
    for entry in entries:
        problems += _point(entry, profile, points, document)
    return tuple(dict.fromkeys(problems))  # a per-branch mistake shows once, not once per branch


def _kind(profile: Profile, document: Document) -> Iterator[Problem]:
    if bool(profile.registers) == bool(profile.messages):
        what = "both registers and messages" if profile.registers else "no points"
        yield document.problem((), what, allowed="either [[block]] and [[bits]], or [[message]]")
    if profile.texts and profile.messages:
        yield document.problem(("text", 0), "only Modbus devices have texts")
    if profile.online_topic is not None and not profile.messages:
        yield document.problem(("online_topic",), "only MQTT devices have one")


def _names(entries: Iterable[Entry], document: Document) -> Iterator[Problem]:
    seen: dict[str, KeyPath] = {}
    for entry in entries:
        name, unit = entry.point.name, entry.point.unit
        key = entry.path if "names" in entry.path else (*entry.path, "name")
        if not _NAME.fullmatch(name) or not name.endswith(NAME_SUFFIXES[unit]):
            allowed = f"a-z first, then a-z 0-9 _, ending in {NAME_SUFFIXES[unit]} for {unit or 'a ratio'}"
            yield document.problem(key, "malformed point name", value=shown(name), allowed=allowed)
        if name in seen:
            file, line = document.place_of(seen[name])
            yield document.problem(key, f"point name already used at {file}:{line}", value=shown(name))
        seen.setdefault(name, key)


def _texts(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, text in enumerate(profile.texts):
        path: KeyPath = ("text", index)
        if not _NAME.fullmatch(text.name):
            allowed = "a-z first, then a-z 0-9 _"
            yield document.problem((*path, "name"), "malformed point name", value=shown(text.name), allowed=allowed)
        if text.name in points or text.name in seen:
            yield document.problem((*path, "name"), "point name already used", value=shown(text.name))
        seen.add(text.name)
        if text.table in BIT_TABLES:
            yield document.problem((*path, "table"), "holds no text", value=text.table, allowed="holding, input")
        if text.register_count > profile.limits.span_max_registers:
            allowed = f"at most limits.span_max_registers = {profile.limits.span_max_registers}"
            found = str(text.register_count)
            yield document.problem((*path, "register_count"), "longer than one read", value=found, allowed=allowed)


def _overlaps(profile: Profile, entries: Iterable[Entry], document: Document) -> Iterator[Problem]:
    """Two values sharing a register are a slip of an address, unless both are bits of it or never exist together."""
    found = [(entry.path, entry.point) for entry in entries if isinstance(entry.point, RegisterPoint)]
    places: list[tuple[KeyPath, RegisterPoint | TextPoint]] = [*found]
    places += [(("text", index), text) for index, text in enumerate(profile.texts)]
    places.sort(key=lambda pair: (pair[1].table, pair[1].address))
    for (_, before), (path, after) in itertools.pairwise(places):
        shared = before.table is after.table and after.address < before.address + _width(before)
        if shared and not _may_share(before, after):
            key = (*path[:2], "address") if "names" in path else (*path, "address")
            yield document.problem(key, f"overlaps {before.name}", value=str(after.address))


def _width(point: RegisterPoint | TextPoint) -> int:
    return point.register_count if isinstance(point, TextPoint) else point.coding.register_count


def _may_share(before: RegisterPoint | TextPoint, after: RegisterPoint | TextPoint) -> bool:
    if isinstance(before, TextPoint) or isinstance(after, TextPoint):
        return False
    if before.coding is after.coding is Coding.BITS:
        return True
    if before.firmware is None or after.firmware is None:
        return False
    return not (before.firmware.startswith(after.firmware) or after.firmware.startswith(before.firmware))


def _device(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    references: list[tuple[KeyPath, str]] = []
    if heartbeat := profile.heartbeat:
        references += [(("heartbeat", "ours"), heartbeat.ours), (("heartbeat", "theirs"), heartbeat.theirs)]
        if heartbeat.timeout_s < 2 * heartbeat.period_s:
            path: KeyPath = ("heartbeat", "timeout_s")
            yield document.problem(
                path, "under two periods", value=f"{heartbeat.timeout_s:g}", allowed="2 periods or more"
            )
    if remote := profile.remote_control:
        references.append((("remote_control", "point"), remote.point))
        if remote.remote_value == remote.local_value:
            yield document.problem(("remote_control", "local_value"), "the same as remote_value")
    if profile.unit_selector:
        references.append((("unit_selector", "point"), profile.unit_selector.point))
    for key, name in references:
        point = points.get(name)
        if not isinstance(point, RegisterPoint) or point.write is not None:
            yield document.problem(key, "no register point without a write rule by this name", value=shown(name))
    yield from _words(profile, points, document)


def _words(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    """Check that what the daemon says beside setpoints can be sent."""
    said: list[tuple[KeyPath, str, int]] = []
    if beat := profile.heartbeat:
        said += [(("heartbeat", "ours"), beat.ours, 0), (("heartbeat", "wrap_count"), beat.ours, beat.wrap_count)]
    if remote := profile.remote_control:
        said.append((("remote_control", "remote_value"), remote.point, remote.remote_value))
        said.append((("remote_control", "local_value"), remote.point, remote.local_value))
    for key, name, word in said:
        point = points.get(name)
        if isinstance(point, RegisterPoint) and (why := unsendable(point, word, word)):
            yield document.problem(key, f"{name} cannot be sent this", value=str(word), allowed=why)


def _uptime(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    """An uptime that is never read, or that we could set, shows no restart."""
    if (name := profile.uptime_point) is None:
        return
    point = points.get(name)
    if not isinstance(point, RegisterPoint) or point.unit not in UPTIME_UNITS:
        units = " or ".join(UPTIME_UNITS)
        yield document.problem(("uptime_point",), f"no register point of unit {units} by this name", value=shown(name))
    elif point.access is not Access.READ:
        yield document.problem(("uptime_point",), "not a point that is only read", value=shown(name), allowed="ro")
    elif point.poll is PollClass.ONCE:
        allowed = "fast, normal, slow"
        yield document.problem(("uptime_point",), "read only once per connect", value=shown(name), allowed=allowed)


def _identity(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    """Check what the file says about recognising the device and about what it does without us."""
    texts = {text.name: text for text in profile.texts}
    if profile.firmware_point is not None and profile.firmware_point not in texts:
        yield document.problem(("firmware_point",), "no text point by this name", value=shown(profile.firmware_point))
    for index, loss in enumerate(profile.communication_loss):
        what, allowed = _disagreement(points.get(loss.point), loss.expected)
        if what:
            yield document.problem(("communication_loss", index), what, value=shown(loss.point), allowed=allowed)
    if (identity := profile.identity) is None:
        return
    if (identity.text is None) == (identity.number is None):
        yield document.problem(("identity",), "neither or both of text and number", allowed="one of them")
    elif identity.number is not None:
        what, allowed = _disagreement(points.get(identity.point), identity.number)
        if what:
            yield document.problem(("identity",), what, value=shown(identity.point), allowed=allowed)
    elif identity.point not in texts:
        yield document.problem(("identity", "point"), "no text point by this name", value=shown(identity.point))
    elif identity.text is not None and len(identity.text) > (size := 2 * texts[identity.point].register_count):
        yield document.problem(("identity", "text"), "too long", allowed=f"{size} characters")


def _disagreement(point: Point | None, expected: float) -> tuple[str, str]:
    """Return (what, allowed) where a register can never be found to hold what is expected of it, else empty."""
    if not isinstance(point, RegisterPoint):
        return "no register point by this name", ""
    if not point.minimum <= expected <= point.maximum:
        return f"{expected:g} is outside its range", f"{point.minimum:g} to {point.maximum:g}"
    return "", ""


def _alarms(profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    for name in profile.alarms:
        point = points.get(name)
        if isinstance(point, RegisterPoint) and point.coding not in (Coding.BITS, Coding.BOOL):
            yield document.problem((), f"{name} cannot be an alarm", value=point.coding, allowed="bits, bool")


def _point(entry: Entry, profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    point, path = entry.point, entry.path
    if not point.minimum < point.maximum:
        yield document.problem((*path, "maximum"), "not above minimum", value=f"{point.maximum:g}")
    if isinstance(point, RegisterPoint):
        yield from check_register(point, path, profile, document)
    if isinstance(point, RegisterPoint | MessagePoint):
        if point.write is not None:
            yield from check_rule(point, point.write, path, points, document)
        return
    for key, name in (("minuend", point.minuend), ("subtrahend", point.subtrahend)):
        part = points.get(name)
        sent = isinstance(part, MessagePoint) and part.write is not None  # a setpoint over MQTT is never received
        unit = "degC" if point.unit == "K" else point.unit  # two temperatures differ by kelvins
        if part is None or sent or part.unit != unit or isinstance(part, DifferencePoint):
            yield document.problem((*path, key), f"no point of unit {unit} by this name", value=shown(name))

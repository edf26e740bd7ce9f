"""Whether a profile makes sense in itself. Knows the rules of protocol/profile.py; no file, no site.

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
from coolantd.config.profile_models import ADDRESS_MAX, REGISTER_BITS
from coolantd.errors import Problem
from coolantd.protocol.profile import Coding, DifferencePoint, MessagePoint, Profile, RegisterPoint, Table, WriteRule
from coolantd.units import SOURCE_UNITS

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
    "bool": "_bool",
    "": "_ratio",
}
"""A point's name ends in its unit, so that nobody reads kPa as psi."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_BIT_TABLES: Final = frozenset({Table.COIL, Table.DISCRETE})
_RAW_BITS: Final = {Coding.U16: 16, Coding.I16: 16, Coding.U32: 32, Coding.I32: 32, Coding.F32: 32}


def check_profile(profile: Profile, entries: Sequence[Entry], document: Document) -> tuple[Problem, ...]:
    """Return everything about a profile that contradicts itself."""
    points = {entry.point.name: entry.point for entry in entries}
    problems = [
        *_kind(profile, document),
        *_names(entries, document),
        *_overlaps(entries, document),
        *_device(profile, points, document),
    ]
    for entry in entries:
        problems += _point(entry, profile, points, document)
    return tuple(dict.fromkeys(problems))  # a per-branch mistake shows once, not once per branch


def _kind(profile: Profile, document: Document) -> Iterator[Problem]:
    if bool(profile.registers) == bool(profile.messages):
        what = "both registers and messages" if profile.registers else "no points"
        yield document.problem((), what, allowed="either [[block]] and [[bits]], or [[message]]")
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


def _overlaps(entries: Iterable[Entry], document: Document) -> Iterator[Problem]:
    """Two values sharing a register are a slip of an address, unless both are bits of it."""
    registers = [(entry, entry.point) for entry in entries if isinstance(entry.point, RegisterPoint)]
    registers.sort(key=lambda pair: (pair[1].table, pair[1].address))
    for (_, before), (entry, after) in itertools.pairwise(registers):
        shared = before.table is after.table and after.address < before.address + before.coding.register_count
        if shared and not (before.coding is after.coding is Coding.BITS):
            key = (*entry.path[:2], "address") if "names" in entry.path else (*entry.path, "address")
            yield document.problem(key, f"overlaps {before.name}", value=str(after.address))


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


def _point(entry: Entry, profile: Profile, points: Mapping[str, Point], document: Document) -> Iterator[Problem]:
    point, path = entry.point, entry.path
    if not point.minimum < point.maximum:
        yield document.problem((*path, "maximum"), "not above minimum", value=f"{point.maximum:g}")
    if isinstance(point, RegisterPoint):
        yield from _register(point, path, profile, document)
    if isinstance(point, RegisterPoint | MessagePoint):
        if point.write is not None:
            yield from _rule(point, point.write, path, points, document)
        return
    for key, name in (("minuend", point.minuend), ("subtrahend", point.subtrahend)):
        part = points.get(name)
        sent = isinstance(part, MessagePoint) and part.write is not None  # a setpoint over MQTT is never received
        if part is None or sent or part.unit != point.unit or isinstance(part, DifferencePoint):
            yield document.problem((*path, key), f"no point of unit {point.unit} by this name", value=shown(name))


def _register(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    if point.address + point.coding.register_count - 1 > ADDRESS_MAX:
        yield document.problem((*path, "address"), "past the last register", value=str(point.address))
    if (point.table in _BIT_TABLES) != (point.coding is Coding.BOOL):
        yield document.problem(
            (*path, "coding"),
            f"does not fit table {point.table}",
            value=point.coding,
            allowed="bool for coil and discrete only",
        )
    if point.bit + point.bit_count > REGISTER_BITS:
        yield document.problem((*path, "bit_count"), "past bit 15", value=str(point.bit_count))
    if point.scale == 0.0:
        yield document.problem((*path, "scale"), "zero", value="0.0", allowed="any other number")
    bits = _RAW_BITS.get(point.coding, 0)
    for sentinel in point.sentinels:
        if not -(1 << bits) // 2 <= sentinel < 1 << bits:
            yield document.problem((*path, "sentinels"), f"not a value of {point.coding}", value=shown(sentinel))
    yield from _imperial(point, path, profile, document)


def _imperial(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    if point.imperial_unit is None:
        return
    if SOURCE_UNITS[point.imperial_unit][0] != point.unit:
        yield document.problem((*path, "imperial_unit"), f"does not convert to {point.unit}", value=point.imperial_unit)
    if profile.unit_selector is None:
        yield document.problem((*path, "imperial_unit"), "needs [unit_selector]", value=point.imperial_unit)


def _rule(
    point: RegisterPoint | MessagePoint, rule: WriteRule, path: KeyPath, points: Mapping[str, Point], document: Document
) -> Iterator[Problem]:
    here = (*path, "write")
    if not point.minimum <= rule.minimum < rule.maximum <= point.maximum:
        yield document.problem(
            here,
            "write limits out of order",
            value=f"{rule.minimum:g} to {rule.maximum:g}",
            allowed=f"within {point.minimum:g} to {point.maximum:g}",
        )
    position = points.get(rule.position)
    if position is None or position.unit != point.unit or getattr(position, "write", None) is not None:
        what = f"no readable point of unit {point.unit} by this name"
        yield document.problem((*here, "position"), what, value=shown(rule.position))
    if isinstance(point, RegisterPoint) and point.table is not Table.HOLDING:
        yield document.problem((*path, "table"), "only holding registers take setpoints", value=point.table)

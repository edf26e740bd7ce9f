"""Whether one register point makes sense. Knows the rules of protocol/profile.py; no file, no site.

Each check answers with a problem at the key to mend.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from coolantd.config.document import Document
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.config.profile_build import Point
from coolantd.config.profile_models import ADDRESS_MAX, REGISTER_BITS
from coolantd.config.profile_sendable import unsendable
from coolantd.errors import Problem
from coolantd.protocol.kinds import Access, Coding, Role, Table, WriteClass
from coolantd.protocol.profile import MessagePoint, Profile, RegisterPoint, WriteRule
from coolantd.units import SOURCE_UNITS

BIT_TABLES: Final = frozenset({Table.COIL, Table.DISCRETE})
_READ_ONLY_TABLES: Final = frozenset({Table.DISCRETE, Table.INPUT})
_SIGNED: Final = frozenset({Coding.I16, Coding.I32, Coding.I64})
_FLOATS: Final = frozenset({Coding.F32, Coding.F64})
_INTEGERS: Final = frozenset({Coding.U16, Coding.U32, Coding.U64, *_SIGNED})
_SECONDS_PER_HOUR: Final = 3600.0


def check_register(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    """Return what is wrong with a register point in itself."""
    yield from _place(point, path, profile, document)
    yield from _codes(point, path, document)
    yield from _scaling(point, path, document)
    yield from _units(point, path, profile, document)
    yield from _access(point, path, profile, document)


def check_rule(
    point: RegisterPoint | MessagePoint, rule: WriteRule, path: KeyPath, points: Mapping[str, Point], document: Document
) -> Iterator[Problem]:
    """Return what is wrong with a point's write rule."""
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
    if isinstance(point, RegisterPoint) and point.access is not Access.READ_WRITE:
        yield document.problem((*path, "access"), "does not fit a write rule", value=point.access, allowed="rw")
    if isinstance(point, RegisterPoint):
        off = unsendable(point, 0.0, 0.0) if rule.zero_allowed else ""
        if why := unsendable(point, rule.minimum, rule.maximum) or off:
            yield document.problem(here, "not every value can be sent", value=why, allowed="what the coding can carry")
    if rule.role is Role.PUMP and rule.travel_strokes_per_day_max is not None:
        found = f"{rule.travel_strokes_per_day_max:g}"
        allowed = "for valves only: a speed is not travel"
        yield document.problem((*here, "travel_strokes_per_day_max"), "for a pump", value=found, allowed=allowed)
    yield from _pace(rule, here, document)


def raw_range(coding: Coding) -> tuple[int, int]:
    """Return the least and the greatest number a coding's registers may be said to hold, signed or as a pattern."""
    width = REGISTER_BITS * coding.register_count
    if coding is Coding.BOOL:
        return 0, 1
    return (-(1 << (width - 1)) if coding in _SIGNED else 0), (1 << width) - 1


def _place(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    count = point.coding.register_count
    if point.address + count - 1 > ADDRESS_MAX:
        yield document.problem((*path, "address"), "past the last register", value=str(point.address))
    if (point.table in BIT_TABLES) != (point.coding is Coding.BOOL):
        yield document.problem(
            (*path, "coding"),
            f"does not fit table {point.table}",
            value=point.coding,
            allowed="bool for coil and discrete only",
        )
    if count > profile.limits.span_max_registers:
        longest = f"at most limits.span_max_registers = {profile.limits.span_max_registers} registers"
        yield document.problem((*path, "coding"), "longer than one read", value=point.coding, allowed=longest)
    if point.bit + point.bit_count > REGISTER_BITS:
        yield document.problem((*path, "bit_count"), "past bit 15", value=str(point.bit_count))


def _codes(point: RegisterPoint, path: KeyPath, document: Document) -> Iterator[Problem]:
    low, high = raw_range(point.coding)
    for sentinel in point.sentinels:
        if not low <= sentinel <= high:
            yield document.problem((*path, "sentinels"), f"not a value of {point.coding}", value=shown(sentinel))
    if point.value_names and point.coding in _FLOATS:
        yield document.problem((*path, "value_names"), "only whole numbers have names", value=point.coding)
    codes = [code for code, _ in point.value_names]
    for code in codes:
        if not low <= code <= high:
            yield document.problem((*path, "value_names"), f"not a value of {point.coding}", value=str(code))
    if len(set(codes)) < len(codes):
        yield document.problem((*path, "value_names"), "one code with two names")
    if point.coding is Coding.ENUM and not codes:
        yield document.problem((*path, "value_names"), "missing here and at the block")


def _scaling(point: RegisterPoint, path: KeyPath, document: Document) -> Iterator[Problem]:
    if point.scale == 0.0:
        yield document.problem((*path, "scale"), "zero", value="0.0", allowed="any other number")
    scaled = (point.scale, point.offset, point.fraction_bits) != (1.0, 0.0, 0)
    if point.coding is Coding.ENUM and (scaled or point.raw_span or point.source_unit):
        yield document.problem((*path, "coding"), "an enum's codes are not scaled", allowed="codes as they are")
    if point.fraction_bits and point.coding not in _INTEGERS:
        yield document.problem((*path, "fraction_bits"), "only for integers", value=point.coding)
    if (span := point.raw_span) is None:
        return
    here = (*path, "raw_span")
    if scaled:
        yield document.problem(here, "beside scale, offset or fraction_bits", allowed="one of the two forms")
    if span.raw_minimum >= span.raw_maximum:
        yield document.problem(here, "raw_maximum not above raw_minimum", value=f"{span.raw_maximum:g}")
    if span.value_minimum == span.value_maximum:
        yield document.problem(here, "value_maximum equal to value_minimum", value=f"{span.value_maximum:g}")
    if span.broken_below is not None and span.broken_below > span.raw_minimum:
        yield document.problem(here, "broken_below above raw_minimum", value=f"{span.broken_below:g}")
    if span.broken_above is not None and span.broken_above < span.raw_maximum:
        yield document.problem(here, "broken_above below raw_maximum", value=f"{span.broken_above:g}")


def _units(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    for key, unit in (("source_unit", point.source_unit), ("imperial_unit", point.imperial_unit)):
        if unit is not None and SOURCE_UNITS[unit][0] != point.unit:
            yield document.problem((*path, key), f"does not convert to {point.unit}", value=unit)
    if point.imperial_unit is not None and profile.unit_selector is None:
        yield document.problem((*path, "imperial_unit"), "needs [unit_selector]", value=point.imperial_unit)


def _access(point: RegisterPoint, path: KeyPath, profile: Profile, document: Document) -> Iterator[Problem]:
    if point.table in _READ_ONLY_TABLES and point.access is not Access.READ:
        yield document.problem((*path, "access"), f"nothing can write table {point.table}", value=point.access)
    if point.firmware is not None and profile.firmware_point is None:
        yield document.problem((*path, "firmware"), "needs firmware_point", value=shown(point.firmware))


def _pace(rule: WriteRule, here: KeyPath, document: Document) -> Iterator[Problem]:
    """A lease that the rule's own limits forbid to renew would lapse."""
    if rule.write_class is not WriteClass.REFRESHED:
        return
    if rule.min_interval_s > rule.refresh_s:
        what = "longer than refresh_s"
        yield document.problem((*here, "min_interval_s"), what, value=f"{rule.min_interval_s:g}")
    if rule.writes_per_hour_max is not None and rule.writes_per_hour_max * rule.refresh_s < _SECONDS_PER_HOUR:
        needed = f"{_SECONDS_PER_HOUR / rule.refresh_s:g} or more to renew every {rule.refresh_s:g} s"
        found = str(rule.writes_per_hour_max)
        yield document.problem((*here, "writes_per_hour_max"), "too few", value=found, allowed=needed)

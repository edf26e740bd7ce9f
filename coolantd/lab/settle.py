"""From what a foreign map says to what a profile may say. Knows both vocabularies; writes no text.

What the map leaves open is never filled in silently: either the widest true statement is made and remarked upon
(no range: all that the coding holds; no unit: a code), or the entry is dropped with the reason.
"""

import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from coolantd.config.profile_checks import NAME_SUFFIXES
from coolantd.config.profile_models import FRACTION_BITS_MAX
from coolantd.lab.draft import ADDRESS_MAX, NOTE, Draft, DraftPoint, Remark
from coolantd.lab.unit_words import Conversion, conversion, hint
from coolantd.units import SOURCE_UNITS

NAME_LENGTH_MAX: Final = 80
UNSTATED: Final = "code"
"""The unit of a number whose unit the map does not state."""
_F32_MAX: Final = float(struct.unpack(">f", b"\x7f\x7f\xff\xff")[0])
_F64_MAX: Final = 1e300
"""Short of what a 64-bit float holds, so that scaling cannot overflow."""
_FLOATS: Final = {"f32": _F32_MAX, "f64": _F64_MAX}
_SIGN_MATTERS: Final = frozenset({"degC", "kPa"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One value as the profile will say it; fields as in ``protocol.profile.RegisterPoint``.

    Attributes:
        draft: where it comes from.
        name, unit, source_unit, scale, offset, minimum, maximum: of the profile's point.
        remarks: what a person must still look at.
    """

    draft: DraftPoint
    name: str
    unit: str
    source_unit: str
    scale: float
    offset: float
    minimum: float
    maximum: float
    remarks: tuple[str, ...]


def settle(draft: Draft, *, units_from_names: bool = False) -> tuple[tuple[Settled, ...], tuple[Remark, ...]]:
    """Return the profile's points, by table and address, and every remark about the map, by line.

    Args:
        draft: what the map says.
        units_from_names: where no unit is stated, believe the last word of the name.
    """
    points: list[Settled] = []
    remarks = list(draft.remarks)
    for point in _widest_last(draft.points):
        try:
            points.append(_settle(point, units_from_names=units_from_names))
        except ValueError as error:
            remarks.append(Remark(line=point.line, name=point.name, what=str(error), dropped=True))
    kept, overlapping = _without_overlaps(points)
    kept = _unique_names(kept)
    remarks += overlapping
    remarks += [
        Remark(line=one.draft.line, name=one.draft.name, what=what)
        for one in kept
        for what in one.remarks
        if not what.startswith(NOTE)
    ]
    return tuple(kept), tuple(sorted(remarks, key=lambda remark: (remark.line, remark.name)))


def _widest_last(points: Sequence[DraftPoint]) -> list[DraftPoint]:
    return sorted(points, key=lambda point: (point.table, point.address, point.length, point.bit, point.line))


def _settle(point: DraftPoint, *, units_from_names: bool) -> Settled:
    """Return the point as settled.

    Raises:
        ValueError: it cannot be; a sentence.
    """
    if point.address + point.length - 1 > ADDRESS_MAX:
        raise ValueError(f"ends past the last register: address {point.address}, length {point.length}")
    if point.coding == "ascii":
        if point.table in ("coil", "discrete"):
            raise ValueError(f"text does not live in table {point.table}")
        return _plain(point, "", ())
    if point.coding in ("bits", "bool"):
        return _plain(point, "bool", point.remarks)
    unit, remarks = _unit(point, units_from_names=units_from_names)
    scale, offset = point.scale * unit.factor, point.offset * unit.factor
    if not (math.isfinite(scale) and math.isfinite(offset)) or scale == 0.0:
        raise ValueError(f"scale {scale:g} and offset {offset:g} make no number of it")
    if not 0 <= point.fraction_bits <= FRACTION_BITS_MAX or (point.fraction_bits and point.coding in _FLOATS):
        raise ValueError(f"precision {point.fraction_bits} is outside 0 to {FRACTION_BITS_MAX}, or on a float")
    limits, said = _range(replace(point, scale=scale, offset=offset), unit)
    if unit.unit in _SIGN_MATTERS and point.coding == "u16":
        remarks += ("unsigned, though it may go below zero: other maps of like devices are signed",)
    return Settled(
        draft=point,
        name=_name(point.name, unit.unit),
        unit=unit.unit,
        source_unit=unit.source_unit,
        scale=scale,
        offset=offset,
        minimum=limits[0],
        maximum=limits[1],
        remarks=(*point.remarks, *remarks, *((said,) if said else ())),
    )


def _plain(point: DraftPoint, unit: str, remarks: tuple[str, ...]) -> Settled:
    return Settled(
        draft=point,
        name=_name(point.name, unit) if unit else _snake(point.name),
        unit=unit,
        source_unit="",
        scale=1.0,
        offset=0.0,
        minimum=0.0,
        maximum=1.0,
        remarks=remarks,
    )


def _unit(point: DraftPoint, *, units_from_names: bool) -> tuple[Conversion, tuple[str, ...]]:
    if point.unit:
        known = conversion(point.unit)
        if known is not None:
            return known, ()
        return Conversion(UNSTATED), (f"unit {point.unit[:40]!r} is not one we know: read as a plain number",)
    suggested = hint(point.name)
    found = conversion(suggested) if suggested else None
    if found is not None and units_from_names:
        return found, (f"unit {suggested} taken from the name",)
    tail = f"; the name suggests {suggested}" if suggested else ""
    return Conversion(UNSTATED), (f"unit not stated: read as a plain number{tail}",)


def _range(point: DraftPoint, unit: Conversion) -> tuple[tuple[float, float], str]:
    """Return the plausible range in canonical units, and what is to be said about it.

    Raises:
        ValueError: it is empty, or endless.
    """
    if point.minimum is not None and point.maximum is not None:
        stated = _canonical(point.minimum * unit.factor, unit), _canonical(point.maximum * unit.factor, unit)
        if stated[0] < stated[1] and all(map(math.isfinite, stated)):
            return (_rounded(stated[0]), _rounded(stated[1])), ""
        raise ValueError(f"range {point.minimum:g} to {point.maximum:g} is empty or endless")
    lowest, highest = _raw_range(point.coding)
    if point.coding in _FLOATS:
        ends = [lowest, highest]
    else:
        ends = [
            _canonical(raw / 2**point.fraction_bits * point.scale + point.offset, unit) for raw in (lowest, highest)
        ]
    if not all(math.isfinite(end) for end in ends) or ends[0] == ends[1]:
        raise ValueError("its numbers are too large")
    what = f"range not stated: all that {point.coding} holds, which is no check"
    return (_rounded(min(ends)), _rounded(max(ends))), what


def _raw_range(coding: str) -> tuple[float, float]:
    if coding in _FLOATS:
        return -_FLOATS[coding], _FLOATS[coding]
    width = int(coding[1:])
    return (-(2.0 ** (width - 1)), 2.0 ** (width - 1) - 1) if coding.startswith("i") else (0.0, 2.0**width - 1)


def _canonical(value: float, unit: Conversion) -> float:
    if not unit.source_unit:
        return value
    _, factor, offset = SOURCE_UNITS[unit.source_unit]
    return factor * value + offset


def _rounded(value: float) -> float:
    """Return a limit as people write it, without the noise of binary arithmetic."""
    return value if value in (_F32_MAX, -_F32_MAX) else float(f"{value:.10g}")


def _without_overlaps(points: Iterable[Settled]) -> tuple[list[Settled], list[Remark]]:
    """Keep the first of values that share a register, unless both are bits of it."""
    kept: list[Settled] = []
    dropped: list[Remark] = []
    for point in points:
        here = point.draft
        before = kept[-1].draft if kept else None
        shared = before is not None and before.table == here.table and here.address < before.address + before.length
        bits = before is not None and before.coding == here.coding == "bits"
        if before is not None and shared and (not bits or (before.address, before.bit) == (here.address, here.bit)):
            what = f"overlaps {before.name} of line {before.line}, which was kept"
            dropped.append(Remark(line=here.line, name=here.name, what=what, dropped=True))
        else:
            kept.append(point)
    return kept, dropped


def _unique_names(points: list[Settled]) -> list[Settled]:
    seen: set[str] = set()
    unique: list[Settled] = []
    for point in points:
        name, here = point.name, point.draft
        if name in seen:
            tail = f"{here.table[0]}{here.address}" + (f"b{here.bit}" if here.coding == "bits" else "")
            suffix = NAME_SUFFIXES[point.unit] if point.unit or here.coding != "ascii" else ""
            stem = name.removesuffix(suffix)[: NAME_LENGTH_MAX - len(tail) - len(suffix) - 1]
            name = f"{stem}_{tail}{suffix}"
        seen.add(name)
        unique.append(replace(point, name=name))
    return unique


def _name(text: str, unit: str) -> str:
    suffix = NAME_SUFFIXES[unit]
    stem = _snake(text).removesuffix(suffix)[: NAME_LENGTH_MAX - len(suffix)].rstrip("_")
    return f"{stem or 'x'}{suffix}"


def _snake(text: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text[:200].replace("kPa", "kpa"))
    plain = re.sub(r"[^a-z0-9]+", "_", split.casefold()).strip("_")[:NAME_LENGTH_MAX].strip("_")
    return plain if plain[:1].isascii() and plain[:1].isalpha() else f"x_{plain}".strip("_")

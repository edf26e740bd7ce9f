"""What a foreign register map says, before it is a profile. Knows no file format, neither theirs nor ours.

An importer says what the map states and, beside it, what it does not: nothing is filled in here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

POINTS_MAX: Final = 8192
"""Entries taken from one map; the largest public map of a coolant device has about 400 with its bits."""
ADDRESS_MAX: Final = 65_535
NOTE: Final = "note: "
"""Begins a remark that repeats the map's own words; it leaves nothing open."""


class NotAMap(Exception):  # noqa: N818 (a verdict about a file, not a fault of ours)
    """The text is no register map of the kind asked for; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something a map leaves open.

    Attributes:
        line: 1-based line of the map, 0 for the map as a whole.
        name: what it is about, as the map names it; empty for the map as a whole.
        what: one sentence.
        dropped: the entry could not be imported because of it.
    """

    line: int
    name: str
    what: str
    dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPoint:
    """One value of a foreign map, in that map's own words.

    Attributes:
        line: 1-based line of the map.
        name: as written there.
        table: coil, discrete, input or holding.
        address: 0-based wire address of the first register.
        coding: u16, i16, u32, i32, u64, i64, f32, f64, bits, bool or ascii.
        length: registers (or coils) it takes.
        word_order: ABCD, CDAB, BADC or DCBA; the most significant byte is A.
        scale, offset, fraction_bits: value in ``unit`` = raw / 2**fraction_bits * scale + offset.
        unit: as written there; empty where it is not stated.
        bit: for ``bits``: counted from the least significant.
        minimum, maximum: plausible range in ``unit``, where stated.
        access: ro or rw.
        remarks: what the map leaves open about it, and what is therefore assumed.
    """

    line: int
    name: str
    table: str
    address: int
    coding: str
    length: int = 1
    word_order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    fraction_bits: int = 0
    unit: str = ""
    bit: int = 0
    minimum: float | None = None
    maximum: float | None = None
    access: str = "ro"
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A foreign map as understood.

    Attributes:
        title: what the map calls the device.
        kind: which format it is in.
        points: in the map's order.
        remarks: what was dropped, and what concerns the map as a whole.
    """

    title: str
    kind: str
    points: tuple[DraftPoint, ...]
    remarks: tuple[Remark, ...] = field(default=())


REGISTERS_OF: Final = {
    "u16": 1, "i16": 1, "bits": 1, "bool": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4,
}  # fmt: skip
"""Registers a coding takes; ``ascii`` takes as many as it says."""


def flag_points(
    *, line: int, name: str, address: int, length: int, bit: int, remarks: tuple[str, ...] = ()
) -> Iterator[DraftPoint | Remark]:
    """Yield the point for one bit of a field of registers.

    Args:
        line: of the map.
        name: of the bit.
        address: first register of the field.
        length: registers of the field, the most significant first.
        bit: counted from the least significant bit of the whole field.
        remarks: as for ``DraftPoint``.
    """
    if not 0 <= bit < 16 * length:
        yield Remark(line=line, name=name, what=f"bit {bit} is outside a field of {length} registers", dropped=True)
        return
    register = address + length - 1 - bit // 16
    yield DraftPoint(
        line=line, name=name, table="holding", address=register, coding="bits", bit=bit % 16, remarks=remarks
    )


def split(entries: Iterator[DraftPoint | Remark]) -> tuple[tuple[DraftPoint, ...], tuple[Remark, ...]]:
    """Return the points and the remarks among an importer's findings.

    Raises:
        NotAMap: more than ``POINTS_MAX`` of them.
    """
    points: list[DraftPoint] = []
    remarks: list[Remark] = []
    for count, entry in enumerate(entries, 1):
        if count > POINTS_MAX:
            raise NotAMap(f"holds more than {POINTS_MAX} entries: not the map of one device")
        if isinstance(entry, DraftPoint):
            points.append(entry)
        else:
            remarks.append(entry)
    return tuple(points), tuple(remarks)

"""Units that answer and registers that can be read, found slowly. Knows an ``Asker``; must never write.

A device that refuses a block because of one register in it is asked again in halves, so that reserved registers
cost a few requests and not the block.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from coolantd.errors import DeviceError
from coolantd.lab.asking import Asker, RequestsSpent, is_illegal, is_silence
from coolantd.protocol.profile import Table

UNITS_MAX: Final = 256
RANGES_MAX: Final = 16
SPAN_DEFAULT: Final = 64
"""Registers first asked for at once: below what every known device but one takes, and that one gets halves."""
GREETINGS: Final = 2
"""Times a silent unit is asked before it counts as absent: one frame may be lost."""
SILENCES_MAX: Final = 3
"""Blocks in a row without an answer after which a unit is left alone."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses to look at."""

    table: Table
    address: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Addresses in a row, each of which can be read; not every device reads the whole run at once."""

    table: str
    address: int
    count: int


@dataclass(slots=True, kw_only=True)
class UnitFound:
    """A unit that answers.

    Attributes:
        unit: its id.
        readable: runs of readable addresses.
        refused_count: addresses the device refused.
        failed_count: addresses nothing is known of: no answer, or another exception.
    """

    unit: int
    readable: list[Run] = field(default_factory=list)
    refused_count: int = 0
    failed_count: int = 0


@dataclass(slots=True, kw_only=True)
class Scan:
    """What has been found so far; good at every moment, whether the scan ended or not.

    Attributes:
        units: that answer.
        silent: ids of units that do not.
        complete: everything asked for was looked at.
        stopped: why not; empty where complete.
    """

    units: list[UnitFound] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)
    complete: bool = False
    stopped: str = "interrupted"


def parse_units(text: str) -> tuple[int, ...]:
    """Return unit ids from ``1-16,20``.

    Raises:
        ValueError: malformed, or outside 0 to 255.
    """
    units: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not low <= high <= 255:
            raise ValueError(f"units: got {part[:40]!r}, allowed: ids of 0 to 255 as 1-16,20")
        units += range(low, high + 1)
    if len(units) > UNITS_MAX:
        raise ValueError(f"units: {len(units)} of them, allowed: at most {UNITS_MAX}")
    return tuple(dict.fromkeys(units))


def parse_ranges(text: str) -> tuple[Range, ...]:
    """Return ranges from ``holding:0-200,input:0-50``, both ends included.

    Raises:
        ValueError: malformed, or no such addresses.
    """
    parts = text.split(",")
    if len(parts) > RANGES_MAX:
        raise ValueError(f"ranges: {len(parts)} of them, allowed: at most {RANGES_MAX}")
    ranges: list[Range] = []
    for part in parts:
        found = re.fullmatch(r"\s*(coil|discrete|input|holding):(\d{1,5})(?:-(\d{1,5}))?\s*", part)
        low, high = (int(found[2]), int(found[3] or found[2])) if found else (1, 0)
        if found is None or not low <= high <= 65_535:
            raise ValueError(f"ranges: got {part[:40]!r}, allowed: TABLE:FIRST-LAST of 0 to 65535, as holding:0-200")
        ranges.append(Range(Table(found[1]), low, high - low + 1))
    return tuple(ranges)


def estimate(units: Sequence[int], ranges: Sequence[Range], span: int) -> tuple[int, int]:
    """Return (requests if every unit answers and every block can be read, requests at the very worst)."""
    blocks = sum(-(-one.count // span) for one in ranges)
    addresses = sum(one.count for one in ranges)
    return len(units) * (1 + blocks), len(units) * (GREETINGS + 2 * addresses)


async def scan(asker: Asker, units: Sequence[int], ranges: Sequence[Range], span: int, found: Scan) -> None:
    """Look at every unit and range; ``found`` grows meanwhile and is good whenever this ends or is cancelled.

    Args:
        asker: reads for us.
        units: ids to look for.
        ranges: addresses to look at in each unit that answers.
        span: registers first asked for at once.
        found: filled in.

    Raises:
        DeviceError: the endpoint cannot be connected to.
    """
    try:
        for unit in units:
            await _unit(asker, unit, ranges, span, found)
    except RequestsSpent as spent:
        found.stopped = str(spent)
        return
    found.complete, found.stopped = True, ""


async def _unit(asker: Asker, unit: int, ranges: Sequence[Range], span: int, found: Scan) -> None:
    first = ranges[0]
    for _ in range(GREETINGS):
        answer = await asker.ask(unit, first.table, first.address, 1)
        if not isinstance(answer, DeviceError) or not is_silence(answer):
            break
    else:
        found.silent.append(unit)
        return
    here = UnitFound(unit=unit)
    found.units.append(here)
    silences = 0
    for one in ranges:
        for start in range(one.address, one.address + one.count, span):
            count = min(span, one.address + one.count - start)
            silences = 0 if await _block(asker, here, one.table, start, count) else silences + 1
            if silences >= SILENCES_MAX:
                return


async def _block(asker: Asker, here: UnitFound, table: Table, address: int, count: int) -> bool:
    """Find what of a block can be read; return whether the unit answered."""
    answer = await asker.ask(here.unit, table, address, count)
    if not isinstance(answer, DeviceError):
        _add(here, table, address, count)
        return True
    if not is_illegal(answer):
        here.failed_count += count
        return not is_silence(answer)
    if count == 1:
        here.refused_count += 1
        return True
    half = count // 2
    first = await _block(asker, here, table, address, half)
    second = await _block(asker, here, table, address + half, count - half)
    return first or second


def _add(here: UnitFound, table: Table, address: int, count: int) -> None:
    """Note readable addresses, joining them to the run they continue."""
    last = here.readable[-1] if here.readable else None
    if last is not None and last.table == table and last.address + last.count == address:
        here.readable[-1] = Run(table=table, address=last.address, count=last.count + count)
    else:
        here.readable.append(Run(table=table, address=address, count=count))

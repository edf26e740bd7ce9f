"""Groups points into reads. Knows addresses and limits; must never know periods, sockets or values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from coolantd.protocol.profile import ModbusLimits, RegisterPoint, Table

READ_MAX_REGISTERS: Final = 125
"""Most registers in one reply (Modbus Application Protocol V1.1b3, 6.3 and 6.4)."""
READ_MAX_COILS: Final = 2000
"""Most coils or discrete inputs in one reply (the same, 6.1 and 6.2)."""

_COIL_TABLES: Final = frozenset({Table.COIL, Table.DISCRETE})


@dataclass(frozen=True, slots=True)
class Span:
    """One read request's worth of points.

    Attributes:
        table: the table read.
        address: first wire address, 0-based.
        count: registers (or coils) read.
        points: what the span carries, in address order; all of one poll class.
    """

    table: Table
    address: int
    count: int
    points: tuple[RegisterPoint, ...]


def plan_spans(points: Sequence[RegisterPoint], limits: ModbusLimits) -> tuple[Span, ...]:
    """Return reads, filled from the lowest address up, that together carry every point exactly once.

    Only points of one table and one poll class share a read; a point is never split; a read bridges at most
    ``limits.gap_max_registers`` addresses without a point (coils count alike). The result does not depend on
    the order of ``points``.

    Args:
        points: what to read, in any order.
        limits: what the device takes. ``span_max_registers`` binds registers; coils have the protocol's limit.

    Raises:
        ValueError: a point is wider than the longest read allowed.
    """
    spans: list[Span] = []
    for _, group in groupby(sorted(points, key=_order), key=lambda point: (point.table, point.poll)):
        spans.extend(_plan_group(group, limits))
    return tuple(spans)


def slice_words(span: Span, point: RegisterPoint, words: Sequence[int]) -> tuple[int, ...]:
    """Return a point's own words out of the reply to its span.

    Args:
        span: the span that was read.
        point: one of ``span.points``.
        words: (span.count,) registers or coils, in address order.

    Raises:
        ValueError: the words are not those of the span, or the point is not inside it.
    """
    start = point.address - span.address
    end = start + point.coding.register_count
    if len(words) != span.count:
        raise ValueError(f"the read at {span.address} has {span.count} words, got {len(words)}")
    if point.table is not span.table or start < 0 or end > span.count:
        raise ValueError(f"{point.name} is not in the read of {span.count} at {span.table} {span.address}")
    return tuple(words[start:end])


def _order(point: RegisterPoint) -> tuple[str, str, int, int, str]:
    return point.table, point.poll, point.address, point.coding.register_count, point.name


def _plan_group(points: Iterable[RegisterPoint], limits: ModbusLimits) -> list[Span]:
    """Plan points of one table and poll class, given in address order."""
    spans: list[Span] = []
    for point in points:
        longest = _longest(point.table, limits)
        if point.coding.register_count > longest:
            raise ValueError(f"{point.name} is {point.coding.register_count} words long, a read at most {longest}")
        grown = _extend(spans[-1], point, longest, limits.gap_max_registers) if spans else None
        if grown is None:
            spans.append(Span(point.table, point.address, point.coding.register_count, (point,)))
        else:
            spans[-1] = grown
    return spans


def _extend(span: Span, point: RegisterPoint, longest: int, gap: int) -> Span | None:
    """Return the span grown by a point at or after its start, or None where that is not allowed."""
    span_end = span.address + span.count
    count = max(span_end, point.address + point.coding.register_count) - span.address
    if point.address - span_end > gap or count > longest:
        return None
    return Span(span.table, span.address, count, (*span.points, point))


def _longest(table: Table, limits: ModbusLimits) -> int:
    if table in _COIL_TABLES:
        return READ_MAX_COILS
    return min(limits.span_max_registers, READ_MAX_REGISTERS)

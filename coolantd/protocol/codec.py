"""Registers to values and back. Knows how a point is coded; must never know where the registers came from.

A bad reading has no value: it is a ``DecodeFault`` or a bad ``Sample``, never 0, never clamped.
"""

import math
import struct
from collections.abc import Sequence
from typing import Final

from coolantd.errors import CoolantdError
from coolantd.point import Reason, Sample, bad, good
from coolantd.protocol.profile import Coding, RegisterPoint, WordOrder
from coolantd.units import SOURCE_UNITS

RANGE_TOLERANCE_RATIO: Final = 2.0**-23
"""Resolution of a 32-bit float, relative: a device that sends exactly its limit as f32 is inside."""
RANGE_TOLERANCE: Final = 1e-9
"""Absolute counterpart, for limits of 0 reached through ``raw * scale + offset`` in binary arithmetic."""

_WORD_BITS: Final = 16
_WORD_MASK: Final = 0xFFFF
_SIGNED: Final = frozenset({Coding.I16, Coding.I32})


class DecodeFault(CoolantdError):  # noqa: N818 (a fault in the data, as in errors.Fault)
    """Registers that carry no usable value.

    Attributes:
        reason: the reason of the bad sample this must become.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


def decode(point: RegisterPoint, words: Sequence[int], *, imperial: bool = False) -> float:
    """Return the value that a point's registers carry.

    Args:
        point: how the value is coded.
        words: exactly the point's registers (0..65535 each) or its one coil (0 or 1), in wire order.
        imperial: the device's unit selector reads imperial; converts where the point has an imperial unit.

    Returns:
        The value in ``point.unit``.

    Raises:
        DecodeFault: not a number, a sentinel (FM-16, FM-17), or outside the plausible range (FM-21).
        ValueError: the number of words or a word itself is impossible; a caller's mistake.
    """
    pattern = _pattern(point, words)
    raw = _raw(point, pattern)
    if not math.isfinite(raw):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: {raw} is not a number")
    if _is_sentinel(point, pattern):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: 0x{pattern:04X} means not available")
    value = raw * point.scale + point.offset
    if imperial and point.imperial_unit is not None:
        _, factor, offset = SOURCE_UNITS[point.imperial_unit]
        value = factor * value + offset
    if not _is_plausible(point, value):
        allowed = f"[{point.minimum:g}, {point.maximum:g}] {point.unit}"
        raise DecodeFault(Reason.OUT_OF_RANGE, f"{point.name}: {value:g} is outside {allowed}")
    return value


def decode_sample(point: RegisterPoint, words: Sequence[int], time_s: float, *, imperial: bool = False) -> Sample:
    """Return what a point's registers say as a sample, bad where ``decode`` finds no usable value.

    Args:
        point: how the value is coded.
        words: as for ``decode``.
        time_s: monotonic time at which the request for the registers was sent.
        imperial: as for ``decode``.
    """
    try:
        return good(decode(point, words, imperial=imperial), time_s)
    except DecodeFault as fault:
        return bad(fault.reason, time_s)


def encode(point: RegisterPoint, value: float) -> tuple[int, ...]:
    """Return the registers that carry a value; the inverse of ``decode`` in the point's own unit.

    Integers are rounded half to even after ``(value - offset) / scale``. A ``BITS`` value comes back in its
    place with the register's other bits 0. Neither the plausible range nor the write rule is checked here:
    what may be written is decided elsewhere.

    Raises:
        ValueError: not finite, too large for the coding, or the pattern would mean "not available".
    """
    where = f"{point.name} = {value!r} {point.unit}".rstrip()
    if not math.isfinite(value):
        raise ValueError(f"{where} cannot be sent: only finite numbers can")
    unscaled = (value - point.offset) / point.scale
    if not math.isfinite(unscaled):
        raise ValueError(f"{where} cannot be sent: it is too large")
    if point.coding is Coding.F32:
        pattern = _float_pattern(unscaled, where)
    else:
        pattern = _integer_pattern(point, round(unscaled), where)
    if _is_sentinel(point, pattern):
        raise ValueError(f"{where} cannot be sent: its code 0x{pattern:04X} means not available")
    return _split(point, pattern)


def _pattern(point: RegisterPoint, words: Sequence[int]) -> int:
    """Join the registers into one unsigned number, most significant word first."""
    if len(words) != point.coding.register_count:
        raise ValueError(f"{point.name} is {point.coding.register_count} words long, got {len(words)}")
    ordered = words if point.word_order is WordOrder.ABCD else tuple(reversed(words))
    pattern = 0
    for word in ordered:
        if not 0 <= word <= _WORD_MASK:
            raise ValueError(f"{point.name}: {word} is not a register value, allowed: 0..65535")
        pattern = pattern << _WORD_BITS | word
    return pattern


def _split(point: RegisterPoint, pattern: int) -> tuple[int, ...]:
    if point.coding.register_count == 1:
        return (pattern,)
    words = (pattern >> _WORD_BITS, pattern & _WORD_MASK)
    return words if point.word_order is WordOrder.ABCD else words[::-1]


def _raw(point: RegisterPoint, pattern: int) -> float:
    """Return the number that a bit pattern stands for, before scale and offset."""
    match point.coding:
        case Coding.F32:
            return float(struct.unpack(">f", pattern.to_bytes(4, "big"))[0])
        case Coding.I16 | Coding.I32:
            width = _WORD_BITS * point.coding.register_count
            return pattern - (1 << width) if pattern >> (width - 1) else pattern
        case Coding.BITS:
            return pattern >> point.bit & ((1 << point.bit_count) - 1)
        case _:
            return pattern


def _is_sentinel(point: RegisterPoint, pattern: int) -> bool:
    """Return whether a pattern means "not available"; maps write signed sentinels either way round."""
    return pattern in point.sentinels or (point.coding in _SIGNED and _raw(point, pattern) in point.sentinels)


def _float_pattern(unscaled: float, where: str) -> int:
    try:
        return int.from_bytes(struct.pack(">f", unscaled), "big")
    except OverflowError:
        raise ValueError(f"{where} cannot be sent: it does not fit a 32-bit float") from None


def _integer_pattern(point: RegisterPoint, raw: int, where: str) -> int:
    lowest, highest = _integer_range(point)
    if not lowest <= raw <= highest:
        raise ValueError(f"{where} cannot be sent: its code would be {raw}, allowed: {lowest}..{highest}")
    if point.coding is Coding.BITS:
        return raw << point.bit
    return raw & ((1 << _WORD_BITS * point.coding.register_count) - 1)


def _integer_range(point: RegisterPoint) -> tuple[int, int]:
    """Return the least and the greatest integer the coding holds."""
    width = _WORD_BITS * point.coding.register_count
    match point.coding:
        case Coding.I16 | Coding.I32:
            return -(1 << (width - 1)), (1 << (width - 1)) - 1
        case Coding.BITS:
            return 0, (1 << point.bit_count) - 1
        case Coding.BOOL:
            return 0, 1
        case _:
            return 0, (1 << width) - 1


def _is_plausible(point: RegisterPoint, value: float) -> bool:
    """Return whether a value lies in the point's range, both limits included."""
    if point.minimum <= value <= point.maximum:
        return True
    limit = point.minimum if value < point.minimum else point.maximum
    return math.isclose(value, limit, rel_tol=RANGE_TOLERANCE_RATIO, abs_tol=RANGE_TOLERANCE)

"""Registers to values and back. Knows how a point is coded; must never know where the registers came from.

A bad reading has no value: it is a ``DecodeFault`` or a bad ``Sample``, never 0, never clamped.
"""

import math
import struct
from collections.abc import Sequence
from typing import Final

from coolantd.errors import CoolantdError
from coolantd.point import Reason, Sample, bad, good
from coolantd.protocol.kinds import Coding, WordOrder
from coolantd.protocol.profile import RawSpan, RegisterPoint
from coolantd.units import SOURCE_UNITS

RANGE_TOLERANCE_RATIO: Final = 2.0**-23
"""Resolution of a 32-bit float, relative: a device that sends exactly its limit as f32 is inside."""
RANGE_TOLERANCE: Final = 1e-9
"""Absolute counterpart, for limits of 0 reached through ``raw * scale + offset`` in binary arithmetic."""

_WORD_BITS: Final = 16
_WORD_MASK: Final = 0xFFFF
_SIGNED: Final = frozenset({Coding.I16, Coding.I32, Coding.I64})
_FLOATS: Final = {Coding.F32: struct.Struct(">f"), Coding.F64: struct.Struct(">d")}


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
        DecodeFault: not a number, a sentinel or a broken wire (FM-16, FM-17), an unnamed code of an enum, or
            outside the plausible range (FM-21).
        ValueError: the number of words or a word itself is impossible; a caller's mistake.
    """
    pattern = _pattern(point, words)
    raw = _raw(point, pattern)
    if not math.isfinite(raw):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: {raw} is not a number")
    if _is_sentinel(point, pattern):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: 0x{pattern:04X} means not available")
    if point.raw_span is not None and _is_broken(point.raw_span, raw):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: {raw:g} counts mean a broken wire")
    value = _scaled(point, raw)
    unit = point.imperial_unit if imperial and point.imperial_unit is not None else point.source_unit
    if unit is not None:
        _, factor, offset = SOURCE_UNITS[unit]
        value = factor * value + offset
    if point.coding is Coding.ENUM and value_name(point, value) is None:
        raise DecodeFault(Reason.OUT_OF_RANGE, f"{point.name}: {pattern} is none of its named codes")
    if not _is_plausible(point, value):
        allowed = f"[{point.minimum:g}, {point.maximum:g}] {point.unit}"
        raise DecodeFault(Reason.OUT_OF_RANGE, f"{point.name}: {value:g} is outside {allowed}")
    return value


def value_name(point: RegisterPoint, value: float) -> str | None:
    """Return the name of a decoded value, or None if it has none."""
    return next((name for code, name in point.value_names if code == value), None)


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


def encode(point: RegisterPoint, value: float, *, imperial: bool = False) -> tuple[int, ...]:
    """Return the registers that carry a value given in the point's own unit; the inverse of ``decode``.

    Integers are rounded half to even after scaling. A ``BITS`` value comes back in its place with the register's
    other bits 0. Neither the plausible range nor the write rule is checked here: what may be written is decided
    elsewhere.

    Args:
        point: how the value is coded.
        value: in ``point.unit``.
        imperial: the device's unit selector reads imperial.

    Raises:
        ValueError: not finite, too large for the coding, not a named code of an enum, or the pattern would mean
            "not available" or a broken wire.
    """
    where = f"{point.name} = {value!r} {point.unit}".rstrip()
    if not math.isfinite(value):
        raise ValueError(f"{where} cannot be sent: only finite numbers can")
    unit = point.imperial_unit if imperial and point.imperial_unit is not None else point.source_unit
    if unit is not None:
        _, factor, offset = SOURCE_UNITS[unit]
        value = (value - offset) / factor
    unscaled = _unscaled(point, value)
    if not math.isfinite(unscaled):
        raise ValueError(f"{where} cannot be sent: it is too large")
    pattern = (
        _float_pattern(point.coding, unscaled, where) if point.coding in _FLOATS else _code(point, unscaled, where)
    )
    span = point.raw_span
    if _is_sentinel(point, pattern) or (span is not None and _is_broken(span, _raw(point, pattern))):
        raise ValueError(f"{where} cannot be sent: its code 0x{pattern:04X} means not available")
    return _split(point, pattern)


def _pattern(point: RegisterPoint, words: Sequence[int]) -> int:
    """Join the registers into one unsigned number, most significant word first."""
    if len(words) != point.coding.register_count:
        raise ValueError(f"{point.name} is {point.coding.register_count} words long, got {len(words)}")
    pattern = 0
    for word in words if point.word_order is WordOrder.ABCD else _ranked(point, words):
        if not 0 <= word <= _WORD_MASK:
            raise ValueError(f"{point.name}: {word} is not a register value, allowed: 0..65535")
        pattern = pattern << _WORD_BITS | word
    return pattern


def _split(point: RegisterPoint, pattern: int) -> tuple[int, ...]:
    """Cut one unsigned number into the point's registers."""
    count = point.coding.register_count
    words = [pattern >> _WORD_BITS * (count - 1 - index) & _WORD_MASK for index in range(count)]
    return tuple(words if point.word_order is WordOrder.ABCD else _ranked(point, words))


def _ranked(point: RegisterPoint, words: Sequence[int]) -> Sequence[int]:
    """Bring words from wire order to rank order or back, which is the same; a coil has no bytes to swap."""
    if point.word_order.swaps_bytes and point.coding is not Coding.BOOL:
        words = [(word & 0xFF) << 8 | word >> 8 if 0 <= word <= _WORD_MASK else word for word in words]
    return words[::-1] if point.word_order.swaps_words else words


def _raw(point: RegisterPoint, pattern: int) -> float:
    """Return the number that a bit pattern stands for, before scale and offset."""
    match point.coding:
        case Coding.F32 | Coding.F64:
            layout = _FLOATS[point.coding]
            return float(layout.unpack(pattern.to_bytes(layout.size, "big"))[0])
        case Coding.I16 | Coding.I32 | Coding.I64:
            width = _WORD_BITS * point.coding.register_count
            return pattern - (1 << width) if pattern >> (width - 1) else pattern
        case Coding.BITS:
            return pattern >> point.bit & ((1 << point.bit_count) - 1)
        case _:
            return pattern


def _is_sentinel(point: RegisterPoint, pattern: int) -> bool:
    """Return whether a pattern means "not available"; maps write signed sentinels either way round."""
    return pattern in point.sentinels or (point.coding in _SIGNED and _raw(point, pattern) in point.sentinels)


def _is_broken(span: RawSpan, raw: float) -> bool:
    """Return whether a raw number lies where only a broken wire puts it."""
    return (span.broken_below is not None and raw < span.broken_below) or (
        span.broken_above is not None and raw > span.broken_above
    )


def _scaled(point: RegisterPoint, raw: float) -> float:
    """Return the value of a raw number, in the unit on the wire."""
    if (span := point.raw_span) is not None:
        slope = (span.value_maximum - span.value_minimum) / (span.raw_maximum - span.raw_minimum)
        return span.value_minimum + (raw - span.raw_minimum) * slope
    if point.fraction_bits:
        raw /= 1 << point.fraction_bits
    return raw * point.scale + point.offset


def _unscaled(point: RegisterPoint, value: float) -> float:
    """Return the raw number of a value, not yet rounded; the inverse of ``_scaled``."""
    if (span := point.raw_span) is not None:
        slope = (span.value_maximum - span.value_minimum) / (span.raw_maximum - span.raw_minimum)
        return span.raw_minimum + (value - span.value_minimum) / slope
    return (value - point.offset) / point.scale * (1 << point.fraction_bits)


def _float_pattern(coding: Coding, unscaled: float, where: str) -> int:
    try:
        return int.from_bytes(_FLOATS[coding].pack(unscaled), "big")
    except OverflowError:
        raise ValueError(f"{where} cannot be sent: it does not fit a 32-bit float") from None


def _code(point: RegisterPoint, unscaled: float, where: str) -> int:
    """Return the bit pattern of an integer coding."""
    raw = round(unscaled)
    lowest, highest = _integer_range(point)
    if not lowest <= raw <= highest:
        raise ValueError(f"{where} cannot be sent: its code would be {raw}, allowed: {lowest}..{highest}")
    if point.coding is Coding.ENUM and value_name(point, raw) is None:
        raise ValueError(f"{where} cannot be sent: {raw} is none of its named codes")
    if point.coding is Coding.BITS:
        return raw << point.bit
    return raw & ((1 << _WORD_BITS * point.coding.register_count) - 1)


def _integer_range(point: RegisterPoint) -> tuple[int, int]:
    """Return the least and the greatest integer the coding holds."""
    width = _WORD_BITS * point.coding.register_count
    match point.coding:
        case Coding.I16 | Coding.I32 | Coding.I64:
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
        return math.isfinite(value)  # a 64-bit float can overflow in scaling
    limit = point.minimum if value < point.minimum else point.maximum
    return math.isclose(value, limit, rel_tol=RANGE_TOLERANCE_RATIO, abs_tol=RANGE_TOLERANCE)

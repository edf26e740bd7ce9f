"""All values of one reply at once. Knows how points are coded; must never know where the registers came from.

It says exactly what ``codec.decode_sample`` says of each point, only cheaper: numpy carries out the same float
operations in the same order over a whole span, and may only say yes. Whatever it would not call good (not a number, a
sentinel, a broken wire, an unnamed code, outside the range) the codec decodes once more; it alone gives reasons.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.protocol.codec import decode_sample
from coolantd.protocol.kinds import Coding
from coolantd.protocol.profile import RegisterPoint
from coolantd.protocol.spans import Span, slice_words
from coolantd.units import SOURCE_UNITS

BATCH_MIN_POINTS: Final = 6
"""Below this many points the codec alone is cheaper than numpy's fixed cost (measured: they break even at 4 to 6)."""

_WORD_BITS: Final = 16
_PATTERN_BYTES: Final = 4
_SIGNED: Final = frozenset({Coding.I16, Coding.I32})
_BATCHED: Final = frozenset(
    {Coding.U16, Coding.U32, Coding.F32, Coding.BITS, Coding.ENUM, Coding.BOOL} | _SIGNED
)  # of 64-bit codings a float does not hold every raw number: they stay with the codec
_FRACTION_BITS_MAX: Final = 64
"""Far above any real one, and far from where 2^-n leaves the floats."""

Decoded = tuple[FloatArray, IntArray, IntArray]
"""Values (NaN where bad), ``Quality`` and ``Reason``, each (points,), in the order of the span's points."""


class SpanDecoder:
    """Decodes the replies to one span, again and again.

    Args:
        span: what is read; its points decide everything.

    Attributes:
        batched: how many of the points numpy decodes; the codec does the others one by one.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._points = span.points
        columns = [i for i, point in enumerate(span.points) if _is_batched(point)]
        if len(columns) < BATCH_MIN_POINTS:
            columns = []
        self.batched = len(columns)
        self._scalar = sorted(set(range(len(span.points))) - set(columns))
        self._columns = None if not self._scalar else np.array(columns, dtype=np.intp)
        self._batch = _Batch(span, [span.points[i] for i in columns]) if columns else None
        self._good = np.full(len(span.points), int(Quality.GOOD), dtype=np.int64)
        self._none = np.full(len(span.points), int(Reason.NONE), dtype=np.int64)

    def decode(self, words: Sequence[int], *, imperial: bool = False) -> Decoded:
        """Return what a reply says, the caller's to keep and to change.

        Args:
            words: (span.count,) registers (0..65535 each) or coils (0 or 1), in address order.
            imperial: the device's unit selector reads imperial.

        Raises:
            ValueError: the words are not those of the span, or one is no register value; a caller's mistake.
        """
        if len(words) != self._span.count:
            raise ValueError(f"the read at {self._span.address} has {self._span.count} words, got {len(words)}")
        quality, reason = self._good.copy(), self._none.copy()
        if self._batch is None:
            value, doubtful = np.empty(len(self._points)), self._scalar
        else:
            found, refused = self._batch.decode(words, imperial=imperial)
            if self._columns is None:
                value, doubtful = found, refused
            else:
                value = np.empty(len(self._points))
                value[self._columns] = found
                doubtful = [*self._scalar, *self._columns[refused].tolist()]
        for i in doubtful:
            point = self._points[i]
            sample = decode_sample(point, slice_words(self._span, point, words), 0.0, imperial=imperial)
            value[i], quality[i], reason[i] = sample.value, sample.quality, sample.reason
        return value, quality, reason


class _Batch:
    """The points of a span that numpy decodes, as arrays.

    The value of each is ``((raw * fraction - shift) * scale + offset) * unit_factor + unit_offset``. What a point has
    no use for is a 1.0, a 0.0 to be subtracted or a -0.0 to be added: these leave every number as it is, even -0.0.
    """

    def __init__(self, span: Span, points: Sequence[RegisterPoint]) -> None:
        self._layout = struct.Struct(f"<{span.count}Hxx")
        self._bytes = np.array([_byte_places(span, point) for point in points], dtype=np.intp)
        self._floats = np.flatnonzero([point.coding is Coding.F32 for point in points])
        self._integers = _Integers(points) if self._floats.size < len(points) else None
        self._minimum = np.array([point.minimum for point in points], dtype=np.float64)
        self._maximum = np.array([point.maximum for point in points], dtype=np.float64)
        self._forms = np.array([_linear(point) for point in points], dtype=np.float64).T.copy()
        self._has_fraction = bool((self._forms[0] != 1.0).any())
        self._has_shift = bool((self._forms[1] != 0.0).any())
        self._units = _unit_arrays(points, imperial=False)
        self._imperial_units = _unit_arrays(points, imperial=True)
        marks = [(i, mark) for i, point in enumerate(points) for mark in _sentinel_patterns(point)]
        self._mark_columns = np.array([i for i, _ in marks], dtype=np.intp)
        self._mark_patterns = np.array([mark for _, mark in marks], dtype=np.uint32)
        self._wires = _wire_limits(points)
        self._codes = [
            (i, frozenset(code for code, _ in point.value_names))
            for i, point in enumerate(points)
            if point.coding is Coding.ENUM
        ]

    def decode(self, words: Sequence[int], *, imperial: bool) -> tuple[FloatArray, list[int]]:
        """Return the values, and the columns whose value must not be taken from here."""
        try:
            packed = np.frombuffer(self._layout.pack(*words), dtype=np.uint8)
        except struct.error:
            raise ValueError(f"no register values, allowed: 0..65535, got {list(words)}") from None
        pattern: NDArray[np.uint32] = packed[self._bytes].view("<u4").ravel()
        with np.errstate(all="ignore"):
            raw = self._raw(pattern)
            value = self._value(raw, imperial=imperial)
            fine = (value >= self._minimum) & (value <= self._maximum) & np.isfinite(value)
            if self._floats.size:
                fine &= np.isfinite(raw)
        if self._mark_columns.size:
            fine[self._mark_columns[pattern[self._mark_columns] == self._mark_patterns]] = False
        if self._wires is not None:
            fine &= (raw >= self._wires[0]) & (raw <= self._wires[1])
        for i, codes in self._codes:
            if value[i] not in codes:
                fine[i] = False
        return value, [] if fine.all() else np.flatnonzero(~fine).tolist()

    def _raw(self, pattern: NDArray[np.uint32]) -> FloatArray:
        """Return the numbers that the patterns stand for."""
        if self._integers is None:
            raw: FloatArray = pattern.view(np.float32).astype(np.float64)
            return raw
        raw = self._integers.raw(pattern)
        if self._floats.size:
            raw[self._floats] = pattern[self._floats].view(np.float32)
        return raw

    def _value(self, raw: FloatArray, *, imperial: bool) -> FloatArray:
        fraction, shift, scale, offset = self._forms
        value: FloatArray = raw * fraction if self._has_fraction else raw
        if self._has_shift:
            value = value - shift
        value = value * scale + offset
        units = self._imperial_units if imperial else self._units
        if units is not None:
            value = value * units[0] + units[1]
        return value


class _Integers:
    """Patterns to integers: mask, then shift up and down again, which spreads the sign or drops bits below."""

    def __init__(self, points: Sequence[RegisterPoint]) -> None:
        steps = np.array([_shifts(point) for point in points], dtype=np.int64)
        self._mask, self._up, self._down = steps.T.copy()
        self._plain = bool((steps == (-1, 0, 0)).all())

    def raw(self, pattern: NDArray[np.uint32]) -> FloatArray:
        """Return the raw integers of the patterns, (points,), as floats, which hold them exactly."""
        raw = np.empty(pattern.size)
        raw[:] = pattern if self._plain else ((pattern & self._mask) << self._up) >> self._down
        return raw


def _is_batched(point: RegisterPoint) -> bool:
    """Return whether numpy's arithmetic on the point is Python's: floats throughout, and no raw number above 2^53."""
    span = point.raw_span
    numbers = (
        [point.scale, point.offset]
        if span is None
        else [span.raw_minimum, span.raw_maximum, span.value_minimum, span.value_maximum]
    )
    return (
        point.coding in _BATCHED
        and all(isinstance(number, float) for number in numbers)
        and 0 <= point.fraction_bits <= _FRACTION_BITS_MAX
    )


def _byte_places(span: Span, point: RegisterPoint) -> list[int]:
    """Return where the four bytes of a pattern, least significant first, stand among the words packed little-endian."""
    count = point.coding.register_count
    words = range(point.address - span.address, point.address - span.address + count)
    if point.table is not span.table or words.start < 0 or words.stop > span.count:
        raise ValueError(f"{point.name} is not in the read of {span.count} at {span.table} {span.address}")
    low_first = (0, 1) if not point.word_order.swaps_bytes or point.coding is Coding.BOOL else (1, 0)
    ranked = words if point.word_order.swaps_words else reversed(words)
    places = [2 * word + byte for word in ranked for byte in low_first]
    nothing = 2 * span.count
    return places + [nothing] * (_PATTERN_BYTES - len(places))


def _shifts(point: RegisterPoint) -> tuple[int, int, int]:
    """Return mask, bits up and bits down that make a point's pattern its raw integer, in 64 bits."""
    if point.coding is Coding.BITS:
        return ((1 << point.bit_count) - 1) << point.bit, 0, point.bit
    spread = 64 - _WORD_BITS * point.coding.register_count if point.coding in _SIGNED else 0
    return -1, spread, spread


def _linear(point: RegisterPoint) -> tuple[float, float, float, float]:
    """Return fraction, shift, scale and offset; in ``codec`` the same steps stand as two formulas."""
    if (span := point.raw_span) is not None:
        slope = (span.value_maximum - span.value_minimum) / (span.raw_maximum - span.raw_minimum)
        return 1.0, span.raw_minimum, slope, span.value_minimum
    return 2.0**-point.fraction_bits, 0.0, point.scale, point.offset


def _unit_arrays(points: Sequence[RegisterPoint], *, imperial: bool) -> tuple[FloatArray, FloatArray] | None:
    """Return factors and offsets of the unit conversion, None where no point has one."""
    units = [p.imperial_unit if imperial and p.imperial_unit is not None else p.source_unit for p in points]
    if all(unit is None for unit in units):
        return None
    rules = [(1.0, -0.0) if unit is None else SOURCE_UNITS[unit][1:] for unit in units]
    factors, offsets = np.array(rules, dtype=np.float64).T.copy()
    return factors, offsets


def _sentinel_patterns(point: RegisterPoint) -> set[int]:
    """Return the patterns that mean "not available"; what no pattern of this width can be is left out."""
    width = _WORD_BITS * point.coding.register_count
    marks = {mark for mark in point.sentinels if 0 <= mark < 1 << width}
    if point.coding in _SIGNED:
        marks |= {mark + (1 << width) for mark in point.sentinels if -(1 << (width - 1)) <= mark < 0}
    return marks


def _wire_limits(points: Sequence[RegisterPoint]) -> tuple[FloatArray, FloatArray] | None:
    """Return the raw numbers below and above which a wire is broken, None where no point has any."""
    spans = [point.raw_span for point in points]
    below = [-np.inf if span is None or span.broken_below is None else span.broken_below for span in spans]
    above = [np.inf if span is None or span.broken_above is None else span.broken_above for span in spans]
    if not np.isfinite([*below, *above]).any():
        return None
    return np.array(below, dtype=np.float64), np.array(above, dtype=np.float64)

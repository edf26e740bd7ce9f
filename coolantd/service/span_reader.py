"""Decodes the replies to one read of one device into the point table. Knows points and rows; no schedule, no socket."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.protocol.batch import SpanDecoder
from coolantd.protocol.plausible import RateCheck
from coolantd.protocol.profile import RegisterPoint
from coolantd.protocol.spans import Span
from coolantd.service.table import PointTable

_GOOD: Final = int(Quality.GOOD)
_BAD: Final = int(Quality.BAD)

Refused = Callable[[str, int], None]
"""Told (reason label, how many) of the samples of one reply that are bad."""


@dataclass(slots=True)
class Reading:
    """What one reply says, not yet in the table; arrays are (points,) in the order of the span's points."""

    values: FloatArray
    quality: IntArray
    reason: IntArray
    sent_s: float

    def good(self, at: int) -> float | None:
        """Return the value of a point, None where it is not good."""
        return float(self.values[at]) if self.quality[at] == _GOOD else None

    def spoil(self, at: int, reason: Reason) -> None:
        """Make the sample of a point bad."""
        self.values[at], self.quality[at], self.reason[at] = np.nan, _BAD, int(reason)


class SpanReader:
    """One read, compiled for one table.

    Args:
        span: what is read.
        rows: row of every point of the device.
        rates: rate checks of the device's points, by name; shared by all its readers.
        selector: name of the point that decides the unit of others; None where there is none.

    Attributes:
        at: index in the span of every point of it, by name.
        waits: whether any point's unit is decided by the selector.
    """

    def __init__(
        self, span: Span, rows: Mapping[str, int], rates: Mapping[str, RateCheck], selector: str | None
    ) -> None:
        self.span = span
        self.at = {point.name: i for i, point in enumerate(span.points)}
        self._decoder = SpanDecoder(span)
        self._rows: IntArray = np.array([rows[point.name] for point in span.points], dtype=np.int64)
        self._rates = [(i, rates[point.name]) for i, point in enumerate(span.points) if point.name in rates]
        waiting = [selector is not None and point.imperial_unit is not None for point in span.points]
        self.waits = any(waiting)
        self._waiting: IntArray = np.flatnonzero(waiting)
        self._free: IntArray = np.flatnonzero(np.logical_not(waiting))

    def decode(self, words: Sequence[int], sent_s: float, *, imperial: bool = False) -> Reading:
        """Return what a reply says, its rates not checked yet."""
        return Reading(*self._decoder.decode(words, imperial=imperial), sent_s)

    def spoil(self, reading: Reading, reason: Reason, *, but: str) -> None:
        """Make every sample bad but one point's."""
        for i, point in enumerate(self.span.points):
            if point.name != but:
                reading.spoil(i, reason)

    def put(self, reading: Reading, table: PointTable, refused: Refused) -> None:
        """Put what does not depend on the selector into the table."""
        self._put(reading, self._free if self.waits else None, table, refused)

    def put_waiting(self, reading: Reading, table: PointTable, refused: Refused) -> None:
        """Put what depends on the selector, decoded in the unit that it has confirmed, into the table."""
        self._put(reading, self._waiting, table, refused)

    def _put(self, reading: Reading, chosen: IntArray | None, table: PointTable, refused: Refused) -> None:
        for i, check in self._rates:
            if chosen is None or i in chosen:
                value = reading.good(i)
                if value is not None and not check.accepts(value, reading.sent_s):
                    reading.spoil(i, Reason.OUT_OF_RANGE)
        rows, values, quality, reason = self._rows, reading.values, reading.quality, reading.reason
        if chosen is not None:
            rows, values, quality, reason = rows[chosen], values[chosen], quality[chosen], reason[chosen]
        if (quality == _BAD).any():
            for code, count in zip(*np.unique(reason[quality == _BAD], return_counts=True), strict=True):
                refused(Reason(int(code)).label, int(count))
        table.put_many(rows, values, quality, reason, reading.sent_s)


def rate_checks(points: Sequence[RegisterPoint]) -> dict[str, RateCheck]:
    """Return a check for every point whose profile says how fast it can change."""
    return {
        point.name: RateCheck(point.rate_max_per_s, resolution=_resolution(point))
        for point in points
        if point.rate_max_per_s is not None
    }


def _resolution(point: RegisterPoint) -> float:
    """Return the smallest step of a point: one count of it is never too fast."""
    if (span := point.raw_span) is not None:
        return (span.value_maximum - span.value_minimum) / (span.raw_maximum - span.raw_minimum)
    return point.scale / 2.0**point.fraction_bits

"""The point table: the newest sample of every point. Pollers put, the cycle takes snapshots; nobody else writes.

A failed exchange does not touch a value: it ages, and what silenced it is remembered, so that a point that has become
bad by age says why. A refused reading (nonsense, out of range) is a bad sample at once.
"""

from collections.abc import Collection, Sequence

import numpy as np

from coolantd.config.build import PointSpec
from coolantd.point import (
    STALE_BAD_PERIODS,
    STALE_UNCERTAIN_PERIODS,
    FloatArray,
    IntArray,
    Quality,
    Reason,
    Sample,
    Snapshot,
)
from coolantd.protocol.profile import DifferencePoint
from coolantd.service.view import PointLabels


class PointTable:
    """Newest samples in arrays; rows never move during its life, a reload makes a new one.

    Attributes:
        specs: the rows.
        index: (device, point) -> row.
    """

    def __init__(self, specs: Sequence[PointSpec]) -> None:
        n = len(specs)
        self.specs = tuple(specs)
        self.index = {(spec.device, spec.point): i for i, spec in enumerate(specs)}
        self.labels = PointLabels(
            devices=tuple(spec.device for spec in specs),
            points=tuple(spec.point for spec in specs),
            units=tuple(spec.unit for spec in specs),
        )
        self._period_s = np.array([spec.period_s for spec in specs], dtype=np.float64)
        self._value = np.full(n, np.nan)
        self._quality = np.full(n, int(Quality.BAD), dtype=np.int64)
        self._reason = np.full(n, int(Reason.WAITING_FOR_INITIAL_DATA), dtype=np.int64)
        self._silence = np.full(n, int(Reason.STALE), dtype=np.int64)
        self._time_s = np.full(n, -np.inf)
        self._overridden = np.zeros(n, dtype=np.bool_)
        self._differences = [
            (i, self.index[s.device, s.difference.minuend], self.index[s.device, s.difference.subtrahend], s.difference)
            for i, s in enumerate(specs)
            if s.difference is not None
        ]

    def put(self, row: int, sample: Sample) -> None:
        """Store a sample unless a newer one is there already."""
        if sample.time_s < self._time_s[row]:
            return
        self._value[row] = sample.value
        self._quality[row] = sample.quality
        self._reason[row] = sample.reason
        self._silence[row] = Reason.STALE
        self._time_s[row] = sample.time_s

    def put_many(self, rows: IntArray, values: FloatArray, quality: IntArray, reason: IntArray, time_s: float) -> None:
        """Store the samples of one reply, each as ``put`` would.

        Args:
            rows: (k,) rows, no two the same.
            values: (k,) in the points' units, NaN where bad.
            quality: (k,) ``Quality``.
            reason: (k,) ``Reason``.
            time_s: monotonic time at which the request was sent; one for all.
        """
        newest = self._time_s[rows] <= time_s
        if not newest.all():
            rows, values, quality, reason = rows[newest], values[newest], quality[newest], reason[newest]
        self._value[rows] = values
        self._quality[rows] = quality
        self._reason[rows] = reason
        self._silence[rows] = int(Reason.STALE)
        self._time_s[rows] = time_s

    def silent(self, rows: Sequence[int], reason: Reason) -> None:
        """Note why no sample came; the last one goes on ageing."""
        self._silence[list(rows)] = reason

    def forget(self, rows: Sequence[int], reason: Reason) -> None:
        """Make points bad at once, for this reason: what was read of them holds no longer."""
        at = list(rows)
        self._value[at] = np.nan
        self._quality[at] = int(Quality.BAD)
        self._reason[at] = int(reason)
        self._silence[at] = int(reason)

    def overridden(self, row: int, *, value: bool) -> None:
        """Say whether the register behind a row is left to another writer: good, and marked as a local override."""
        self._overridden[row] = value

    def sample(self, row: int) -> Sample:
        """Return the newest sample of a row as it was put, without staleness."""
        return Sample(
            float(self._value[row]),
            Quality(int(self._quality[row])),
            Reason(int(self._reason[row])),
            float(self._time_s[row]),
        )

    def carry(self, old: "PointTable", *, without: Collection[str] = ()) -> None:
        """Take over the samples of points that an older table had too.

        Args:
            old: the table of the configuration before.
            without: devices that are at another address now: what was read there is another machine's (FM-20).
        """
        for tag, row in self.index.items():
            before = old.index.get(tag)
            if before is not None and tag[0] not in without:
                for mine, theirs in zip(self._arrays(), old._arrays(), strict=True):  # noqa: SLF001 - same class
                    mine[row] = theirs[before]

    def _arrays(self) -> tuple[FloatArray | IntArray, ...]:
        return self._value, self._quality, self._reason, self._silence, self._time_s

    def period_s(self, row: int) -> float:
        """Return how often a sample of a point is due; inf where one holds until the device is lost."""
        return float(self._period_s[row])

    def snapshot(self, now_s: float) -> Snapshot:
        """Return every point now: stale values are uncertain after 2 of their periods and bad after 3 (FM-18)."""
        value, quality, reason = self._value.copy(), self._quality.copy(), self._reason.copy()
        age_s = np.maximum(now_s - self._time_s, 0.0)
        periods = np.where(np.isinf(self._period_s), 0.0, age_s) / self._period_s
        usable = quality != Quality.BAD
        old = usable & (periods > STALE_UNCERTAIN_PERIODS)
        dead = usable & (periods > STALE_BAD_PERIODS)
        reason[old & (quality == Quality.GOOD)] = Reason.STALE
        quality[old] = Quality.UNCERTAIN
        quality[dead] = Quality.BAD
        reason[dead] = self._silence[dead]
        value[dead] = np.nan
        reason[self._overridden & (quality != Quality.BAD)] = Reason.LOCAL_OVERRIDE
        snapshot = Snapshot(value, quality, reason, age_s)
        for row, minuend, subtrahend, rule in self._differences:
            _subtract(snapshot, row, minuend, subtrahend, rule)
        return snapshot


def _subtract(snapshot: Snapshot, row: int, minuend: int, subtrahend: int, rule: DifferencePoint) -> None:
    """Fill the row of a difference: worst quality and greatest age of the two, each already aged by its own period."""
    value, quality, reason = snapshot.value, snapshot.quality, snapshot.reason
    worse = minuend if quality[minuend] <= quality[subtrahend] else subtrahend
    value[row] = value[minuend] - value[subtrahend]
    quality[row], reason[row] = quality[worse], reason[worse]
    snapshot.age_s[row] = max(snapshot.age_s[minuend], snapshot.age_s[subtrahend])
    if quality[row] != Quality.BAD and not rule.minimum <= value[row] <= rule.maximum:
        value[row], quality[row], reason[row] = np.nan, Quality.BAD, Reason.OUT_OF_RANGE

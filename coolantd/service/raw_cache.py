"""The words of a device's last good reads, as they came off the wire. Knows addresses and times; no point, no clock.

Whether words are too old to be shown is for the reader to say; this file must never make one up or pass one off as
younger than it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coolantd.protocol.kinds import Table

READS_MAX: Final = 1024
"""Several times the reads of the largest profile, so that plans which changed fit in; the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedWords:
    """A range of registers or coils, every one of which was read.

    Attributes:
        words: (count,) registers, or coils as 0 or 1, in address order.
        sent_s: (count,) when the request that brought each was sent, monotonic seconds.
    """

    words: tuple[int, ...]
    sent_s: tuple[float, ...]


class RawCache:
    """What one device last answered, per read; where reads overlap, the one sent last counts for each register."""

    def __init__(self) -> None:
        self._reads: dict[tuple[Table, int, int], tuple[float, Sequence[int]]] = {}

    def store(self, table: Table, address: int, words: Sequence[int], sent_s: float) -> None:
        """Keep the words of one good read; they are kept as they are and must not be changed afterwards.

        Args:
            table: where they were read.
            address: of the first, 0-based.
            words: one per register or coil.
            sent_s: when the request was sent, monotonic seconds.
        """
        self._reads[table, address, len(words)] = sent_s, words
        if len(self._reads) > READS_MAX:
            self._reads.pop(min(self._reads, key=lambda key: self._reads[key][0]))

    def clear(self) -> None:
        """Forget everything: what was read came from another device, or from before its restart."""
        self._reads.clear()

    def read(self, table: Table, address: int, count: int) -> CachedWords | None:
        """Return a range of registers, which may come from several reads; None unless every one was read.

        Args:
            table: any of the four.
            address: of the first, 0-based.
            count: how many, at least 1.
        """
        words, sent_s = self._latest(table, address, count)
        if any(map(math.isnan, sent_s)):
            return None
        return CachedWords(words=tuple(words), sent_s=tuple(sent_s))

    def sent_times_s(self, table: Table, address: int, count: int) -> tuple[float, ...]:
        """Return (count,) times at which the request that brought each register was sent; NaN where none was read."""
        return tuple(self._latest(table, address, count)[1])

    def _latest(self, table: Table, address: int, count: int) -> tuple[list[int], list[float]]:
        """Return (count,) words and (count,) times, the youngest of each register; its time is NaN if it has none."""
        end = address + count
        overlapping = [
            (sent_s, start, words)
            for (of, start, length), (sent_s, words) in self._reads.items()
            if of is table and start < end and address < start + length
        ]
        latest, times_s = [0] * count, [math.nan] * count
        for sent_s, start, words in sorted(overlapping, key=lambda entry: entry[0]):
            first, last = max(start, address), min(start + len(words), end)
            latest[first - address : last - address] = words[first - start : last - start]
            times_s[first - address : last - address] = [sent_s] * (last - first)
        return latest, times_s

"""Whether the daemon's memory grows without end: the least of an hour against the least of the hours before (FM-51).

Knows bytes and times. The least of an hour is what nothing passing adds to.
"""

import itertools
import os
from collections import deque
from pathlib import Path
from typing import Final

HOUR_S: Final = 3600.0
HOURS: Final = 6
"""Hours compared: caches and tables have filled by then."""
GROWTH_MIN_BYTES: Final = HOURS << 20
"""More than 1 MiB in each of those hours, which is what a soak of this daemon may show at most."""
STATM: Final = Path("/proc/self/statm")


class MemoryTrend:
    """Remembers the least memory of each of the last hours."""

    def __init__(self) -> None:
        self._least: deque[int] = deque(maxlen=HOURS + 1)
        self._hour = -1

    def note(self, size_bytes: int, now_s: float) -> None:
        """Take one look; 0 where it is not known."""
        if size_bytes <= 0:
            return
        hour = int(now_s // HOUR_S)
        if hour != self._hour:
            self._hour = hour
            self._least.append(size_bytes)
        self._least[-1] = min(self._least[-1], size_bytes)

    @property
    def grows(self) -> bool:
        """Return whether every hour needed more than the one before, and all of them together too much."""
        hours = list(self._least)
        if len(hours) <= HOURS:
            return False
        rising = all(later > earlier for earlier, later in itertools.pairwise(hours))
        return rising and hours[-1] - hours[0] > GROWTH_MIN_BYTES


def resident_bytes() -> int:
    """Return the process's resident memory; 0 where it cannot be known."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0

"""Whether a unit is there, and how long it deserves to be waited for. Knows given times; no socket, no register.

A unit that misses one reply has lost one reply. One that misses several in a row is *dormant*: it is only probed, with
a short deadline, so that the others on its line lose little by it.
"""

import math
from typing import Final

MISSED_MAX: Final = 2
"""Failed replies in a row after which a unit counts as gone; one lost reply still costs nothing else (FM-37)."""
PROBE_FLOOR_S: Final = 0.1
"""Shortest deadline of a probe: a gateway alone takes tens of milliseconds."""
PROBE_MARGIN_RATIO: Final = 1.5
"""A unit that has just returned is not much slower than it ever was."""
FULL_PROBE_EVERY: Final = 4
"""Every so many probes one waits in full, for a unit that came back slower than it was ever seen to be."""


class Presence:
    """What the replies of one unit, and their absence, say of it.

    Attributes:
        dormant: it missed ``MISSED_MAX`` replies in a row and has not answered since.
        slowest_s: the longest it took for a reply; 0 before the first.
        fastest_s: the shortest; inf before the first.
        usual_s: how long it usually takes; 0 before the first.
    """

    def __init__(self) -> None:
        self.dormant = False
        self.slowest_s = 0.0
        self.fastest_s = math.inf
        self.usual_s = 0.0
        self._missed = 0
        self._garbled = 0
        self._probes = 0

    @property
    def lost(self) -> bool:
        """Return whether nothing usable came for ``MISSED_MAX`` replies in a row, neither silence nor nonsense once."""
        return self._missed + self._garbled >= MISSED_MAX

    def answered(self, took_s: float) -> bool:
        """Note a reply, good or an exception of the unit itself; return whether it ended a dormancy."""
        returned, self.dormant = self.dormant, False
        self._missed = self._garbled = self._probes = 0
        self.slowest_s = max(self.slowest_s, took_s)
        self.fastest_s = min(self.fastest_s, took_s)
        self.usual_s += (took_s - self.usual_s) * (0.1 if self.usual_s else 1.0)
        return returned

    def missed(self) -> bool:
        """Note a reply that did not come, or a gateway's word for that; return whether dormancy began."""
        self._missed += 1
        began = not self.dormant and self._missed >= MISSED_MAX
        self.dormant = self.dormant or began
        return began

    def garbled(self) -> None:
        """Note a reply that was nonsense: it costs no deadline, so it makes nobody dormant."""
        self._garbled += 1

    def probe_deadline_s(self, full_s: float) -> float:
        """Return how long the next probe may take; counts probes.

        Args:
            full_s: what an ordinary read of the unit may take.
        """
        self._probes += 1
        if self.slowest_s == 0.0 or self._probes % FULL_PROBE_EVERY == 0:
            return full_s
        return min(max(PROBE_MARGIN_RATIO * self.slowest_s, PROBE_FLOOR_S), full_s)

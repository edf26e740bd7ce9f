"""Leaving a register to another writer for a time. Pure: time is an argument.

Whoever writes a register that we write has a reason: a building management system, a technician at the panel, a second
controller. We stop within the cycle that shows it and stay away for a lease, renewed by every further change of theirs.
A yield holds in every mode, failsafe included: two masters that fight are worse than either. Only an interlock may
outrank it, and the device's own protection, which never needed us.

Knows times and values; must never know registers, devices or why.
"""

import math
from dataclasses import dataclass
from typing import Final

YIELD_S: Final = 1800.0
"""Half an hour: as long as a person at a panel needs, short enough that a forgotten override does not last a day."""
EXPLAINED_S: Final = 65.0
"""A restart, or a switch to local, that explains a changed register is itself noticed at most one slow poll (60 s) and
a reply later; a yield begun within that time before it is withdrawn."""


@dataclass(slots=True)
class YieldLease:
    """One register left to somebody else.

    Attributes:
        foreign: what the register last showed; NaN after it was out of touch.
        begun_s: when it was first left.
        until_s: when it is taken back.
    """

    foreign: float
    begun_s: float
    until_s: float

    def look(self, reading: float, tolerance: float, now_s: float, duration_s: float) -> None:
        """Take note of a reading; a change of more than the tolerance renews the lease."""
        if abs(reading - self.foreign) > tolerance:  # False for an unknown one
            self.until_s = now_s + duration_s
        if math.isnan(self.foreign) or abs(reading - self.foreign) > tolerance:
            self.foreign = reading

    def left_s(self, now_s: float) -> float:
        """Return the time until it is taken back, 0 when it is over."""
        return max(self.until_s - now_s, 0.0)

    def explained_by(self, event_s: float) -> bool:
        """Return whether something noticed now explains the change that began it."""
        return event_s - self.begun_s <= EXPLAINED_S

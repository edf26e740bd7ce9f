"""From one cycle's suspicion to something that may be told: sums and delays with hysteresis. Plain arithmetic.

Knows numbers and time, nothing of a plant. A NaN is no evidence, for or against: what was gathered stays.
"""

import math
from typing import Final

from coolantd.control.pid import clip

SUM_MAX_RATIO: Final = 1.5
"""A sum goes no further than this beyond its limit, so that it falls back within a time of the same order."""
SUM_END_RATIO: Final = 0.5
"""What was told is over once the sum has fallen to half its limit."""


def gathered(total: float, z: float, slack: float, limit: float, dt_s: float) -> float:
    """Return a two-sided cumulative sum (Page's CUSUM) in seconds of standard deviations, signed.

    Args:
        total: before, positive for evidence above, negative for evidence below.
        z: deviation now, in standard deviations.
        slack: deviation that is nothing; smaller ones let the sum fall back.
        limit: at which it is told.
        dt_s: seconds since the last step.
    """
    if not math.isfinite(z):
        return total
    above = max(max(total, 0.0) + (z - slack) * dt_s, 0.0)
    below = min(min(total, 0.0) + (z + slack) * dt_s, 0.0)
    return clip(above if above >= -below else below, -SUM_MAX_RATIO * limit, SUM_MAX_RATIO * limit)


def told(total: float, limit: float, was: bool) -> bool:
    """Return whether a sum is enough to be told, given that it was told before."""
    return abs(total) > (SUM_END_RATIO * limit if was else limit)


def persisting(for_s: float, suspected: bool, on_s: float, off_s: float, dt_s: float) -> float:
    """Return a delay: above 0 while something is so, below while it is not (yet), in seconds.

    It begins to be so after ``on_s`` of suspicion in a row and ends after ``off_s`` without any in a row. From 0 up it
    counts what is left until the end; below 0, what has been suspected so far.

    Args:
        for_s: before; 0 at the start.
        suspected: in this cycle.
        on_s: how long it must be suspected.
        off_s: how long it must not be.
        dt_s: seconds since the last step.
    """
    if for_s > 0.0:
        return off_s if suspected else max(for_s - dt_s, 0.0)
    if not suspected:
        return 0.0
    return off_s if dt_s - for_s >= on_s - 1e-9 else for_s - dt_s


HELPERS: Final = (gathered, told, persisting)
"""Every function above."""

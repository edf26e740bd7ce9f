"""Opens a bypass as the branches beside it close, so that the pumps always deliver through something (FM-07, FM-08).

One wide open branch is way enough for the pumps. Below that the bypass opens by twice what is missing: it is wide open
when the branches together are half one branch, before the envelope would stop them from closing further. Which valves
are ways beside each other is said once, in the envelope's limits. Knows positions; no pressure, mode or wire.
"""

import math
from typing import Final

from coolantd.control.actuators import MOVE, drive, reading_of
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.layout import A_LAST, F_LEAST, Y_POSITION
from coolantd.point import FloatArray, IntArray
from coolantd.safety.envelope import L_BYPASS, L_PATHS

ENOUGH_PCT: Final = 100.0
"""Openings of all branches together that need no bypass: one branch wide open."""
GAIN_RATIO: Final = 2.0
"""Opening of the bypass for each per cent that is missing."""


def opening_pct(
    limits: FloatArray, paths: float, y: IntArray, a: FloatArray, value: FloatArray, quality: IntArray
) -> float:
    """Return what the branches of one set of paths are open together, %; one of unknown position counts as shut.

    A branch counts with the less open of what it was told and where it is: a bypass opened early harms nobody.
    """
    total_pct = 0.0
    for i in range(limits.shape[0]):
        if limits[i, L_PATHS] == paths and limits[i, L_BYPASS] == 0.0:
            position_pct = reading_of(i, Y_POSITION, y, value, quality)
            told_pct = a[i, A_LAST]
            if math.isfinite(position_pct):
                total_pct += told_pct if told_pct < position_pct else position_pct
            elif math.isfinite(told_pct):
                total_pct += told_pct
    return total_pct


def open_bypasses(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Demand of every bypass the opening that its branches leave wanting, in place; never less than configured."""
    limits, y, a, f = fixed.limits, fixed.y, memory.a, fixed.f
    value, quality, reason = seen.value, seen.quality, seen.reason
    for i in range(limits.shape[0]):
        if limits[i, L_BYPASS] == 1.0:
            missing_pct = ENOUGH_PCT - opening_pct(limits, limits[i, L_PATHS], y, a, value, quality)
            target_pct = max(f[i, F_LEAST], GAIN_RATIO * missing_pct)
            result.demands[i] = drive(i, target_pct, MOVE, y, a, f, value, quality, reason, dt_s)


HELPERS: Final = (opening_pct,)
"""Plain functions ``open_bypasses`` calls besides those of ``control.branches``, callees before callers."""

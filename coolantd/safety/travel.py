"""How far an actuator may travel: a token bucket of full strokes that no day can exceed by more than its burst. Pure.

Valves wear with travel (FM-49). What wear allows a day comes back evenly over the day; a quarter of it may be spent at
once. As the bucket empties small moves are no longer worth their wear: the least move that passes grows towards what
one cycle's slew allows, so that large ones still do. Only moves of the loops and of outside requests can be held back;
an operator, an interlock and a trip move the actuator all the same, and what they use is counted.

Knows moves and times; must never know why one is asked for.
"""

import math
from typing import Final

import numpy as np

from coolantd.point import FloatArray
from coolantd.safety.claims import Claim
from coolantd.safety.envelope_layout import L_MAXIMUM, L_MINIMUM, L_SLEW, L_TRAVEL, T_LEFT, T_TOTAL, TRAVEL_STATE

DAY_S: Final = 86_400.0
BURST_RATIO: Final = 0.25
"""Share of a day's travel that may be spent at once: a morning's load steps."""
BURST_LEAST: Final = 1.0
"""Strokes: one whole move is always possible with a full bucket."""

GO: Final = 0
REST: Final = 1
"""Too small a move for what is left: the actuator stays, and nothing is refused."""
SPENT: Final = 2
"""Nothing is left for it."""

_OPERATOR: Final = int(Claim.OPERATOR)


def blank_travel(actuators: int) -> FloatArray:
    """Return (actuators, TRAVEL_STATE) of actuators that have not moved yet, with all that may be travelled at once."""
    travel = np.zeros((actuators, TRAVEL_STATE))
    travel[:, T_LEFT] = math.nan
    return travel


def burst_strokes(limit: FloatArray) -> float:
    """Return what a full bucket holds."""
    return max(limit[L_TRAVEL] * BURST_RATIO, BURST_LEAST)


def refill(limit: FloatArray, travel: FloatArray, dt_s: float) -> None:
    """Give back what the time since the last cycle allows, in place."""
    if not limit[L_TRAVEL] < math.inf:
        return
    full = burst_strokes(limit)
    if not math.isfinite(travel[T_LEFT]):
        travel[T_LEFT] = full
    elif dt_s > 0.0:
        travel[T_LEFT] = min(travel[T_LEFT] + limit[L_TRAVEL] * dt_s / DAY_S, full)


def strokes(limit: FloatArray, change: float) -> float:
    """Return a change as a share of the whole stroke."""
    return abs(change) / (limit[L_MAXIMUM] - limit[L_MINIMUM])


def wear_verdict(limit: FloatArray, travel: FloatArray, claim: int, change: float, dt_s: float) -> int:
    """Return whether an actuator may make a move: ``GO``, ``REST`` or ``SPENT``.

    Args:
        limit: (LIMIT_COLUMNS,) its limits.
        travel: (TRAVEL_STATE,) refilled.
        claim: who asks for it.
        change: of its command.
        dt_s: seconds since the last cycle.
    """
    if claim >= _OPERATOR or change == 0.0 or not limit[L_TRAVEL] < math.inf:
        return GO
    if travel[T_LEFT] < strokes(limit, change):
        return SPENT
    spent_ratio = 1.0 - travel[T_LEFT] / burst_strokes(limit)
    return REST if abs(change) < spent_ratio * limit[L_SLEW] * dt_s else GO


def spend(limit: FloatArray, travel: FloatArray, change: float) -> None:
    """Count a move, in place; what safety uses beyond the bucket is owed, up to a whole one."""
    used = strokes(limit, change)
    travel[T_TOTAL] += used
    if limit[L_TRAVEL] < math.inf:
        travel[T_LEFT] = max(travel[T_LEFT] - used, -burst_strokes(limit))


HELPERS: Final = (burst_strokes, refill, strokes, wear_verdict, spend)
"""Every plain function of this file, callees before callers."""

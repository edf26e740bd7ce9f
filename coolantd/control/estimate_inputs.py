"""What the estimator reads, once and behind one common low-pass. Plain functions over a CDU's rows.

Knows points and qualities. A reading that is bad is NaN and its low-pass starts anew when it is good again: nothing
old is ever compared with something new.
"""

import math
from typing import Final

from coolantd.control.estimate_layout import (
    E_MOVING,
    E_NOW,
    E_SLOW,
    EX_FWS_FLOW,
    EX_FWS_RETURN,
    FLOW,
    FWS_FLOW,
    READINGS,
)
from coolantd.control.filters import lag
from coolantd.control.heat_ahead import electric_power_kw
from coolantd.control.layout import SUPPLY_TEMP, X_MODEL, X_PV
from coolantd.control.supply_law import usable_reading
from coolantd.point import FloatArray, IntArray

SLOW_S: Final = 60.0
"""Long against every lag between two sensors of a CDU, short against what the estimator looks for."""


def reading_point(which: int, x: IntArray, ex: IntArray) -> int:
    """Return the point of a reading but the racks' power, which is a sum."""
    if which == 0:
        return x[X_MODEL]
    if which == 1:
        return x[X_PV + SUPPLY_TEMP]
    if which == 2:
        return x[X_MODEL + 1]
    if which == 3:
        return ex[EX_FWS_RETURN]
    return x[X_MODEL + 2] if which == FLOW else ex[EX_FWS_FLOW]


def take_readings(
    x: IntArray, ex: IntArray, e: FloatArray, value: FloatArray, quality: IntArray, afresh: bool, dt_s: float
) -> None:
    """Read everything and move the low-passes on, in place.

    Args:
        x: (CDU_INDICES,).
        ex: (ESTIMATE_INDICES,).
        e: (ESTIMATE_STATE,), changed in place.
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        afresh: what was read before is not to be believed; the low-passes keep nothing of it.
        dt_s: seconds since the last step.
    """
    for k in range(READINGS):
        if k <= FWS_FLOW:
            now = usable_reading(reading_point(k, x, ex), value, quality)
        else:
            now = electric_power_kw(x, value, quality)
        e[E_NOW + k] = now
        if afresh or not math.isfinite(now) or not math.isfinite(e[E_SLOW + k]):
            e[E_SLOW + k] = now
            e[E_MOVING + k] = 0.0
            continue
        e[E_MOVING + k] = lag(e[E_MOVING + k], abs(now - e[E_SLOW + k]), 0.5 * SLOW_S, dt_s)
        e[E_SLOW + k] = lag(e[E_SLOW + k], now, SLOW_S, dt_s)


HELPERS: Final = (reading_point, take_readings)
"""Every function above."""

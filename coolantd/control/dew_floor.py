"""The least supply temperature without condensation, as one figure per CDU that moves no faster than air can (FM-03).

The floor is the dew point plus the margin. An old dew point (uncertain) still holds, with more margin; without any, the
site's worst case stands in. The floor rises and falls at rates no room exceeds, so that neither a reading from another
world nor a change of sensors steps the loop. Knows one CDU's rows.
"""

import math
from typing import Final

from coolantd.control.layout import C_DEW_DESIGN_C, C_DEW_MARGIN_K, D_DEW_BAD_S, D_FLOOR_C, X_DEW
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)
_GOOD: Final = int(Quality.GOOD)

OLD_MARGIN_K: Final = 1.0
"""Added while the dew point is old: between the second and the third missed period it rises by less."""
FLOOR_RISE_K_PER_S: Final = 0.1
"""Ten times the fastest rise a room is known for (6 K in 10 min); a single wrong reading moves the floor by 0.05 K."""
FLOOR_FALL_K_PER_S: Final = 1.0 / 60.0
"""Downward nothing is urgent: a sensor that falls because it fails is to be noticed before it is believed."""


def wanted_floor_c(x: IntArray, c: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return the floor that the present readings ask for."""
    index = x[X_DEW]
    if index < 0 or quality[index] == _BAD:
        return c[C_DEW_DESIGN_C] + c[C_DEW_MARGIN_K]
    return value[index] + c[C_DEW_MARGIN_K] + (0.0 if quality[index] == _GOOD else OLD_MARGIN_K)


def follow_floor(x: IntArray, c: FloatArray, d: FloatArray, value: FloatArray, quality: IntArray, dt_s: float) -> None:
    """Move a CDU's floor toward what is asked for, and count for how long no dew point has been known; in place."""
    wanted_c = wanted_floor_c(x, c, value, quality)
    known = x[X_DEW] >= 0 and quality[x[X_DEW]] != _BAD
    d[D_DEW_BAD_S] = 0.0 if known else d[D_DEW_BAD_S] + dt_s
    if not math.isfinite(d[D_FLOOR_C]):
        d[D_FLOOR_C] = wanted_c
    d[D_FLOOR_C] = clip(wanted_c, d[D_FLOOR_C] - FLOOR_FALL_K_PER_S * dt_s, d[D_FLOOR_C] + FLOOR_RISE_K_PER_S * dt_s)


HELPERS: Final = (wanted_floor_c, follow_floor)
"""Every plain function above, callees before callers; ``clip`` comes with the loops."""

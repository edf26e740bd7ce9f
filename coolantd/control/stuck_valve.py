"""A valve that rests away from its command: free it by a short move the other way instead of hunting. Plain arithmetic.

Knows positions and times; no temperature but the error that the valve costs.
"""

import math
from typing import Final

from coolantd.control.layout import (
    D_MODEL_FREED_PCT,
    D_MODEL_FREEING_PCT,
    D_MODEL_OFFSET_PCT,
    D_MODEL_STUCK_S,
    D_MODEL_VALVE_PCT,
)
from coolantd.control.pid import clip
from coolantd.point import FloatArray

STUCK_LEAST_PCT: Final = 0.4
STUCK_MAX_PCT: Final = 6.0
"""A valve at rest between these distances from its command is stuck; farther away it does not obey at all."""
STUCK_S: Final = 10.0
STUCK_ERROR_K: Final = 0.12
"""It is freed once it has been stuck this long and costs this much; not for its own sake."""
FREEING_PCT: Final = 3.0
"""Beyond the stiction of a valve in fair order (0.5 to 2 %)."""
FREEING_MAX_PCT: Final = 7.0
"""Beyond that of one due for repair; it costs a swing of half a kelvin."""
FREED_REST_S: Final = 8.0
"""After this the valve has come to rest again."""
READ_BACK_S: Final = 4.0
"""A valve sent off to be freed has so long, beside its travel, until its position must show that it stirred: actuator
lag, register and position read again. It turns back as soon as it shows, for every second away costs supply
temperature."""
WITHHELD_PCT: Final = 1.0
"""A register this far from the last command was not written: a budget, a deadband or the device holds it. The valve
then rests where it was told to, and no move would reach it."""


def free_valve(
    d: FloatArray,
    wanted: float,
    last: float,
    told_pct: float,
    deadband: float,
    error_k: float,
    rate: float,
    dt_s: float,
) -> float:
    """Return where to send a valve that may be stuck: off in the other direction first, then where it is wanted.

    Stiction holds a resting stem until the command is some percent away. Waiting for an integral to get there makes a
    limit cycle; a short move the other way frees the stem, and it then goes all the way.

    Args:
        d: (CDU_STATE,), changed in place.
        wanted: position wanted, %.
        last: last output.
        told_pct: what the valve's register holds; the last output where it has none.
        deadband: a move this small is not made, so that the output rests.
        error_k: supply less setpoint.
        rate: of the valve, %/s.
        dt_s: seconds since the last step.
    """
    if d[D_MODEL_STUCK_S] < 0.0:
        going = d[D_MODEL_STUCK_S] < -FREED_REST_S
        d[D_MODEL_STUCK_S] = min(d[D_MODEL_STUCK_S] + dt_s, 0.0)
        stirred = abs(d[D_MODEL_VALVE_PCT] - d[D_MODEL_FREED_PCT]) < 0.5 * d[D_MODEL_FREEING_PCT]
        if going and not stirred and d[D_MODEL_STUCK_S] < -FREED_REST_S:
            return d[D_MODEL_FREED_PCT]
        if going:
            written = abs(told_pct - d[D_MODEL_FREED_PCT]) <= WITHHELD_PCT
            d[D_MODEL_STUCK_S] = max(d[D_MODEL_STUCK_S], -FREED_REST_S)
            if written:
                d[D_MODEL_FREEING_PCT] = FREEING_PCT if stirred else min(2.0 * d[D_MODEL_FREEING_PCT], FREEING_MAX_PCT)
            d[D_MODEL_FREED_PCT] = 1.0 if written and stirred else 0.0
        if d[D_MODEL_STUCK_S] == 0.0 and d[D_MODEL_FREED_PCT] == 1.0:
            d[D_MODEL_OFFSET_PCT] = clip(told_pct - d[D_MODEL_VALVE_PCT], -STUCK_MAX_PCT, STUCK_MAX_PCT)
        return wanted
    away = told_pct - d[D_MODEL_VALVE_PCT] - d[D_MODEL_OFFSET_PCT]
    resting = abs(wanted - last) <= deadband and abs(told_pct - last) <= WITHHELD_PCT
    stuck = resting and STUCK_LEAST_PCT < abs(away) < STUCK_MAX_PCT
    d[D_MODEL_STUCK_S] = d[D_MODEL_STUCK_S] + dt_s if stuck else 0.0
    if d[D_MODEL_STUCK_S] > STUCK_S and abs(error_k) > STUCK_ERROR_K:
        d[D_MODEL_FREED_PCT] = d[D_MODEL_VALVE_PCT] - math.copysign(d[D_MODEL_FREEING_PCT], away)
        d[D_MODEL_STUCK_S] = -(FREED_REST_S + READ_BACK_S + abs(d[D_MODEL_FREED_PCT] - last) / rate)
        return d[D_MODEL_FREED_PCT]
    return wanted

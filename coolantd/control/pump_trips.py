"""Which pumps do not do what they are told, found apart from the loop that drives them.

A pump has tripped when it turns at less than a share of the speed that its drive must have reached by now, or is below
its minimum, in two readings in a row; or at once when one of its fault points says so. A reading that is missing says
nothing: silence is no trip. A pump that has tripped is asked for its minimum; it counts again once it has been seen
running there for a while, which a drive that needs a reset by hand does only after it. A pump that was resting when
its fault came on goes on resting, and counts again once the fault has been gone for as long.

Knows commands, readbacks, speeds and faults; must never know modes, setpoints or what replaces a pump.
"""

import math
from typing import Final

from coolantd.control.actuators import OFF_MARGIN_PCT, reading_of
from coolantd.control.layout import A_LAST, F_MINIMUM, Y_POSITION, Y_READBACK
from coolantd.control.pump_layout import (
    FAULTS_MAX,
    H_CONFIRM_S,
    H_RAMP_PCT_PER_S,
    K_FAULT,
    TRIPPED_RESTING,
    TRIPPED_RUNNING,
    U_FLOOR_PCT,
    U_RUN_S,
    U_SHORT_S,
    U_TRIPPED,
    U_WELL_S,
)
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)
_GOOD: Final = int(Quality.GOOD)

FALLEN_RATIO: Final = 0.7
"""A pump below this share of its speed is not following. One that coasts down is below it within 0.4 s (time constant
1 s), long before it is below its minimum; a device that limits its pumps stays above."""
LAG_S: Final = 2.0
"""From a command to a speed that is seen to follow: writing, the device's own loop, the drive's lag and a poll."""
RAMP_SLACK: Final = 1.5
"""A drive may take so many times its stated ramp."""
RUNS_MARGIN_PCT: Final = 1.0
"""A floor this near to the minimum counts as that: it approaches it without ever getting there."""
WELL_S: Final = 10.0
"""An excluded pump that has run for so long runs: longer than any coasting down or a single failed restart."""


def has_fault(k: IntArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether any fault point of a pump is good and on; ``k`` is its (PUMP_INDICES,) row."""
    for column in range(K_FAULT, K_FAULT + FAULTS_MAX):
        index = k[column]
        if index >= 0 and quality[index] == _GOOD and value[index] != 0.0:
            return True
    return False


def raise_floor(h: FloatArray, u: FloatArray, told_pct: float, dt_s: float) -> float:
    """Return the speed that a drive told ``told_pct`` has reached by now at least, in place.

    It falls with the command at once and rises behind a lag and the drive's ramp.
    """
    floor_pct = u[U_FLOOR_PCT]
    if not floor_pct <= told_pct:  # the NaN of a pump that has just come into touch too
        floor_pct = told_pct
    else:
        lagged_pct = (told_pct - floor_pct) * dt_s / (LAG_S + dt_s)
        floor_pct += min(lagged_pct, h[H_RAMP_PCT_PER_S] / RAMP_SLACK * dt_s)
    u[U_FLOOR_PCT] = floor_pct
    return floor_pct


def is_short(u: FloatArray, minimum_pct: float, speed_pct: float) -> bool:
    """Return whether a speed is too low for what the drive must have reached."""
    floor_pct = u[U_FLOOR_PCT]
    if floor_pct < minimum_pct - RUNS_MARGIN_PCT:
        return False
    return speed_pct < minimum_pct - OFF_MARGIN_PCT or speed_pct < FALLEN_RATIO * floor_pct


def readmit(u: FloatArray, fault: bool, speed_pct: float, minimum_pct: float, dt_s: float) -> None:
    """Let an excluded pump count again once it has been well for ``WELL_S``, in place."""
    well = not fault and (u[U_TRIPPED] == TRIPPED_RESTING or speed_pct >= minimum_pct - OFF_MARGIN_PCT)
    u[U_WELL_S] = u[U_WELL_S] + dt_s if well else 0.0
    if u[U_WELL_S] >= WELL_S:
        u[U_TRIPPED] = 0.0
        u[U_SHORT_S] = 0.0
        u[U_FLOOR_PCT] = min(u[U_FLOOR_PCT], speed_pct)


def watch_pump(
    h: FloatArray,
    k: IntArray,
    u: FloatArray,
    i: int,
    ours: bool,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> bool:
    """Look at one pump and return whether it was found tripped in this very cycle; ``u`` changes in place.

    Args:
        h: (PUMPS_PARAMETERS,) row of its group.
        k: (PUMP_INDICES,) its points.
        u: (PUMP_STATE,) its state.
        i: its actuator.
        ours: False while its register is left to another writer, who may stop it as they please.
        y: (actuators, ACTUATOR_INDICES).
        a: (actuators, ACTUATOR_STATE), with the commands of the last cycle.
        f: (actuators, ACTUATOR_PARAMETERS).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dt_s: seconds since the last step.
    """
    minimum_pct = f[i, F_MINIMUM]
    speed_pct = reading_of(i, Y_POSITION, y, value, quality)
    if speed_pct >= minimum_pct - OFF_MARGIN_PCT:
        u[U_RUN_S] += dt_s
    held_pct = reading_of(i, Y_READBACK, y, value, quality)
    told_pct = a[i, A_LAST]
    if held_pct < told_pct:  # noqa: PLR1730 - a NaN is no smaller; what has not reached the register was never told
        told_pct = held_pct
    if not ours or not math.isfinite(told_pct):
        u[U_FLOOR_PCT] = math.nan
        u[U_SHORT_S] = 0.0
        return False
    if not math.isfinite(u[U_FLOOR_PCT]) and speed_pct < told_pct:
        u[U_FLOOR_PCT] = speed_pct
    raise_floor(h, u, told_pct, dt_s)
    fault = has_fault(k, value, quality)
    if u[U_TRIPPED] > 0.0:
        readmit(u, fault, speed_pct, minimum_pct, dt_s)
        return False
    if quality[y[i, Y_POSITION]] == _GOOD:
        u[U_SHORT_S] = u[U_SHORT_S] + dt_s if is_short(u, minimum_pct, speed_pct) else 0.0
    elif quality[y[i, Y_POSITION]] == _BAD:
        u[U_SHORT_S] = 0.0
    if fault or u[U_SHORT_S] > h[H_CONFIRM_S]:
        u[U_TRIPPED] = TRIPPED_RUNNING if told_pct >= minimum_pct - RUNS_MARGIN_PCT else TRIPPED_RESTING
        u[U_WELL_S] = 0.0
        return True
    return False


HELPERS: Final = (has_fault, raise_floor, is_short, readmit, watch_pump)
"""Every plain function ``watch_pump`` calls, and itself, callees before callers."""

"""From loop outputs to actuators and back: where they are, what they were told, what they are told next.

Writes demands only; whether they may reach a wire is the envelope's business. Knows no modes.
"""

import math
from typing import Final

from coolantd.control.layout import (
    A_LAST,
    F_MAXIMUM,
    F_MINIMUM,
    F_RATE,
    F_TARGET,
    F_TOLERANCE,
    F_ZERO_ALLOWED,
    PUMPS_MAX,
    SUPPLY_TEMP,
    X_PUMP,
    X_VALVE,
    Y_CDU,
    Y_POSITION,
    Y_READBACK,
)
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray, Quality

MOVE: Final = 0
HOLD: Final = 1
ADOPT: Final = 2

_BAD: Final = int(Quality.BAD)

OFF_MARGIN_PCT: Final = 2.0
"""A pump measured this far below its minimum speed is off or coasting down, not running at its minimum."""


def readbacks_agree(
    x: IntArray, y: IntArray, a: FloatArray, f: FloatArray, value: FloatArray, quality: IntArray
) -> bool:
    """Return whether every actuator of a CDU reads back what was last allowed."""
    for k in range(1 + PUMPS_MAX):
        i = x[X_VALVE + k]
        if i >= 0:
            index = y[i, Y_READBACK]
            if index >= 0 and (quality[index] == _BAD or not abs(value[index] - a[i, A_LAST]) <= f[i, F_TOLERANCE]):
                return False
    return True


def measured_output(x: IntArray, loop: int, y: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return the measured position that a loop's output stands for: valve, or the fastest pump; NaN if unknown."""
    if loop == SUPPLY_TEMP:
        index = y[x[X_VALVE], Y_POSITION]
        return value[index] if quality[index] != _BAD else math.nan
    fastest = math.nan
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i >= 0 and quality[y[i, Y_POSITION]] != _BAD and not value[y[i, Y_POSITION]] <= fastest:
            fastest = value[y[i, Y_POSITION]]
    return fastest


def adopted(f: FloatArray, position: float) -> float:
    """Return the command that leaves an actuator where it was measured; a pump below its minimum is off."""
    if f[F_ZERO_ALLOWED] == 1.0 and position < f[F_MINIMUM] - OFF_MARGIN_PCT:
        return 0.0
    return clip(position, f[F_MINIMUM], f[F_MAXIMUM])


def drive(
    i: int,
    target: float,
    manner: int,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> float:
    """Return one actuator's demand on its way to a target; NaN while nothing may be demanded of it.

    An actuator out of touch is forgotten: what it does meanwhile is not known, so it is adopted anew from its
    measured position before it is moved again (FM-41, FM-46).

    Args:
        i: actuator.
        target: where it should go, %; NaN before its CDU was adopted for the first time.
        manner: ``MOVE`` to the target, ``HOLD``, or ``ADOPT`` the measured position in this cycle too, so that
            nothing moves at the hand-over.
        y: (actuators, ACTUATOR_INDICES).
        a: (actuators, ACTUATOR_STATE), changed in place.
        f: (actuators, ACTUATOR_PARAMETERS).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dt_s: seconds since the last step.
    """
    position = y[i, Y_POSITION]
    touch = y[i, Y_READBACK] if y[i, Y_READBACK] >= 0 else position
    if quality[touch] == _BAD:
        a[i, A_LAST] = math.nan
        return math.nan
    known = quality[position] != _BAD
    if not math.isfinite(target) or not (known or math.isfinite(a[i, A_LAST])):
        return math.nan
    if known and (manner == ADOPT or not math.isfinite(a[i, A_LAST])):
        a[i, A_LAST] = adopted(f[i], value[position])
        return a[i, A_LAST]
    last = a[i, A_LAST]
    if manner != MOVE:
        return last
    target = clip(target, f[i, F_MINIMUM], f[i, F_MAXIMUM])
    if last < f[i, F_MINIMUM]:
        return f[i, F_MINIMUM]
    step = f[i, F_RATE] * dt_s
    return clip(target, last - step, last + step)


def drive_fixed(
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    demands: FloatArray,
    dt_s: float,
) -> None:
    """Drive actuators that no loop owns to their fixed demand: measured position first, held when it is bad."""
    for i in range(y.shape[0]):
        if y[i, Y_CDU] < 0:
            if quality[y[i, Y_POSITION]] == _BAD:
                a[i, A_LAST] = math.nan
            else:
                demands[i] = drive(i, f[i, F_TARGET], MOVE, y, a, f, value, quality, dt_s)

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
from coolantd.control.pid import at_least, clip
from coolantd.point import FloatArray, IntArray, Quality, Reason

MOVE: Final = 0
HOLD: Final = 1
ADOPT: Final = 2
APPROACH: Final = 3
"""Adopt, and where a command of ours is in force already go there at the actuator's rate (``drive``)."""

_BAD: Final = int(Quality.BAD)
_OTHER: Final = int(Reason.LOCAL_OVERRIDE)
_OPERATOR: Final = int(Reason.OPERATOR_OVERRIDE)

OFF_MARGIN_PCT: Final = 2.0
"""A pump measured this far below its minimum speed is off or coasting down, not running at its minimum."""


def is_yielded(i: int, y: IntArray, quality: IntArray, reason: IntArray) -> bool:
    """Return whether an actuator is left to another writer: its readback says so; its position where it has none.

    A yield to a writer at the device holds in every mode, failsafe included (``safety.yielding``). To the loops an
    operator's override is one too; ``overrides`` marks it while it is in force.
    """
    index = y[i, Y_READBACK] if y[i, Y_READBACK] >= 0 else y[i, Y_POSITION]
    return quality[index] != _BAD and (reason[index] == _OTHER or reason[index] == _OPERATOR)


def any_yielded(x: IntArray, y: IntArray, quality: IntArray, reason: IntArray) -> bool:
    """Return whether any actuator of a CDU is left to another writer."""
    for k in range(1 + PUMPS_MAX):
        i = x[X_VALVE + k]
        if i < 0:  # the valve and the pumps stand first, without gaps
            return False
        if is_yielded(i, y, quality, reason):
            return True
    return False


def loop_yielded(x: IntArray, loop: int, y: IntArray, quality: IntArray, reason: IntArray) -> bool:
    """Return whether every actuator of a loop is left to another writer, so that the loop has nothing to move."""
    if loop == SUPPLY_TEMP:
        return is_yielded(x[X_VALVE], y, quality, reason)
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            return True
        if not is_yielded(i, y, quality, reason):
            return False
    return True


def readbacks_agree(
    x: IntArray, y: IntArray, a: FloatArray, f: FloatArray, value: FloatArray, quality: IntArray, reason: IntArray
) -> bool:
    """Return whether every actuator of a CDU that is not left to another writer reads back what was last allowed."""
    for k in range(1 + PUMPS_MAX):
        i = x[X_VALVE + k]
        if i >= 0 and not is_yielded(i, y, quality, reason):
            index = y[i, Y_READBACK]
            if index >= 0 and (quality[index] == _BAD or not abs(value[index] - a[i, A_LAST]) <= f[i, F_TOLERANCE]):
                return False
    return True


def reading_of(i: int, column: int, y: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return an actuator's position (``Y_POSITION``) or readback (``Y_READBACK``); NaN if it has none or it is bad."""
    index = y[i, column]
    return value[index] if index >= 0 and quality[index] != _BAD else math.nan


def loop_output(
    x: IntArray,
    loop: int,
    column: int,
    without_yielded: bool,
    y: IntArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
) -> float:
    """Return the reading that a loop's output stands for: of the valve, or the fastest pump's; NaN if unknown.

    Args:
        x: (CDU_INDICES,) the CDU's row.
        loop: ``SUPPLY_TEMP`` or ``PRESSURE``.
        column: ``Y_POSITION`` for what is measured, ``Y_READBACK`` for what the registers hold.
        without_yielded: leave out pumps that are left to another writer.
        y: (actuators, ACTUATOR_INDICES).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        reason: (points,) ``Reason``.
    """
    if loop == SUPPLY_TEMP:
        return reading_of(x[X_VALVE], column, y, value, quality)
    fastest = math.nan
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            return fastest
        if not (without_yielded and is_yielded(i, y, quality, reason)):
            reading = reading_of(i, column, y, value, quality)
            if math.isfinite(reading) and not reading <= fastest:
                fastest = reading
    return fastest


def adopted(f: FloatArray, position: float) -> float:
    """Return the command that leaves an actuator where it was measured; a pump below its minimum is off."""
    if f[F_ZERO_ALLOWED] == 1.0 and position < f[F_MINIMUM] - OFF_MARGIN_PCT:
        return 0.0
    return clip(position, f[F_MINIMUM], f[F_MAXIMUM])


def approached(f: FloatArray, last: float, position: float, dt_s: float) -> float:
    """Return the next command on the way from our last one to where the actuator was measured (I1).

    A device that obeys follows its register, so the measurement is only behind it, and old by a poll. A pump that was
    off, or is to be off, has no way between off and its minimum.
    """
    if last < f[F_MINIMUM] or (position < f[F_MINIMUM] and last <= f[F_MINIMUM]):
        return position
    step = f[F_RATE] * dt_s
    return at_least(clip(position, last - step, last + step), f[F_MINIMUM])


def drive(
    i: int,
    target: float,
    manner: int,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    dt_s: float,
) -> float:
    """Return one actuator's demand on its way to a target; NaN while nothing may be demanded of it.

    An actuator out of touch is forgotten, and so is one that is left to another writer (FM-22): what it does
    meanwhile is not ours, so it is adopted anew from its measured position before it is moved again (FM-41, FM-46).

    Args:
        i: actuator.
        target: where it should go, %; NaN before its CDU was adopted for the first time.
        manner: ``MOVE`` to the target, ``HOLD``, or ``ADOPT`` the measured position in this cycle too, so that
            nothing moves at the hand-over; ``APPROACH`` it while the device obeys.
        y: (actuators, ACTUATOR_INDICES).
        a: (actuators, ACTUATOR_STATE), changed in place.
        f: (actuators, ACTUATOR_PARAMETERS).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        reason: (points,) ``Reason``.
        dt_s: seconds since the last step.
    """
    position = y[i, Y_POSITION]
    touch = y[i, Y_READBACK] if y[i, Y_READBACK] >= 0 else position
    if quality[touch] == _BAD or is_yielded(i, y, quality, reason):
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
        approaches = manner == APPROACH and known
        return approached(f[i], last, adopted(f[i], value[position]), dt_s) if approaches else last
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
    reason: IntArray,
    demands: FloatArray,
    dt_s: float,
) -> None:
    """Drive actuators that no loop owns to their fixed demand: measured position first, held when it is bad."""
    for i in range(y.shape[0]):
        if y[i, Y_CDU] < 0:
            if quality[y[i, Y_POSITION]] == _BAD:
                a[i, A_LAST] = math.nan
            else:
                demands[i] = drive(i, f[i, F_TARGET], MOVE, y, a, f, value, quality, reason, dt_s)

"""What is done about a leak: two latches for each zone and the steps they lead to. Plain functions over arrays.

Two policies that know nothing of each other latch at levels of their own: cut the power, shut off the liquid. Only an
order opens a latch again (I7). The steps go in their order, power before flow and bypass before branch; one that is
not confirmed in its time is told, and the next begins all the same. The pumps are the exception: they are stopped only
once the power is known to be off (FM-05).

Knows no detector, and of an actuator nothing but its limits; what it demands passes the envelope like any demand.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.envelope import L_MAXIMUM, L_MINIMUM, L_PUMP_GROUP, L_SLEW
from coolantd.safety.hazards import Force
from coolantd.safety.leak_layout import (
    P_ISOLATE_AT,
    P_POWER_AT,
    P_POWER_OFF_KW,
    P_TIMEOUT_S,
    STEPS,
    W_POINT,
    W_ZONE,
    X_BYPASS,
    X_BYPASS_POSITION,
    X_CDU,
    X_STOPS_PUMPS,
    X_VALVE,
    X_VALVE_POSITION,
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_LEVEL,
    Z_POWER,
    Z_POWER_TOLD,
    Z_STEP,
    Z_STEP_S,
    Z_TEST_S,
    Z_UNSEEN,
    Z_WORST,
    Level,
    Step,
    StepState,
)
from coolantd.safety.openings import SHUT_PCT

_NEVER: Final = int(Level.NEVER)
_BAD: Final = int(Quality.BAD)
_INTERLOCK: Final = int(Force.INTERLOCK)
_TRIP: Final = int(Force.TRIP)
_POWER: Final = int(Step.POWER)
_BYPASS: Final = int(Step.BYPASS)
_VALVE: Final = int(Step.VALVE)
_PUMPS: Final = int(Step.PUMPS)
_IDLE: Final = int(StepState.IDLE)
_UNDER_WAY: Final = int(StepState.UNDER_WAY)
_CONFIRMED: Final = int(StepState.CONFIRMED)
_UNCONFIRMED: Final = int(StepState.UNCONFIRMED)


def measured(point: int, value: FloatArray, quality: IntArray) -> float:
    """Return a point's value; NaN if there is none or it is bad."""
    return value[point] if point >= 0 and quality[point] != _BAD else math.nan


def latch(p: FloatArray, x: IntArray, z: FloatArray, value: FloatArray, quality: IntArray, dt_s: float) -> None:
    """Close the latches of a zone whose leak is bad enough, unless it is being tested; in place.

    A branch that is found shut when it is seen for the first time stays shut: whoever shut it, a leak before a restart
    that nothing remembers among them, did not mean a restart to open it.
    """
    position_pct = measured(x[X_VALVE_POSITION], value, quality)
    if z[Z_UNSEEN] == 1.0 and math.isfinite(position_pct):
        z[Z_UNSEEN] = 0.0
        if position_pct <= SHUT_PCT and p[P_ISOLATE_AT] < _NEVER:
            z[Z_ISOLATE] = z[Z_FOUND_SHUT] = 1.0
    if z[Z_TEST_S] > 0.0:
        z[Z_TEST_S] = max(z[Z_TEST_S] - dt_s, 0.0)
        return
    if z[Z_LEVEL] >= p[P_POWER_AT]:
        z[Z_POWER] = 1.0
    if z[Z_LEVEL] >= p[P_ISOLATE_AT]:
        z[Z_ISOLATE] = 1.0
        z[Z_FOUND_SHUT] = 0.0
    if z[Z_POWER] == 1.0 or z[Z_ISOLATE] == 1.0:
        z[Z_WORST] = max(z[Z_WORST], z[Z_LEVEL])


def power_is_off(n: int, p: FloatArray, z: FloatArray, w: IntArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether a zone's power is off: by its measured power if that is known, else as somebody has told."""
    sum_kw, points = 0.0, 0
    for k in range(w.shape[0]):
        if w[k, W_ZONE] == n:
            sum_kw += measured(w[k, W_POINT], value, quality)
            points += 1
    if points > 0 and math.isfinite(sum_kw):
        return sum_kw < p[P_POWER_OFF_KW]
    return z[Z_POWER_TOLD] == 1.0


def is_wanted(step: int, x: IntArray, z: FloatArray) -> bool:
    """Return whether the latches of a zone ask for a step that it can take."""
    if step == _POWER:
        return z[Z_POWER] == 1.0
    if z[Z_ISOLATE] == 0.0:
        return False
    if step == _BYPASS:
        return x[X_BYPASS] >= 0
    if step == _VALVE:
        return x[X_VALVE] >= 0
    return x[X_STOPS_PUMPS] == 1


def is_confirmed(
    step: int, n: int, p: FloatArray, x: IntArray, z: FloatArray, w: IntArray, value: FloatArray, quality: IntArray
) -> bool:
    """Return whether what a step is to bring about is measured, or told, to be so; False where it is not known."""
    if step == _POWER:
        return power_is_off(n, p, z, w, value, quality)
    if step == _BYPASS:
        return measured(x[X_BYPASS_POSITION], value, quality) >= 100.0 - SHUT_PCT
    return step == _VALVE and measured(x[X_VALVE_POSITION], value, quality) <= SHUT_PCT


def is_next(step: int, x: IntArray, z: FloatArray) -> bool:
    """Return whether every wanted step before this one is over, confirmed or not."""
    waiting = 0
    for before in range(step):
        if is_wanted(before, x, z) and z[Z_STEP + before] < _CONFIRMED:
            waiting += 1
    return waiting == 0


def advance(
    n: int, p: FloatArray, x: IntArray, z: FloatArray, w: IntArray, value: FloatArray, quality: IntArray, dt_s: float
) -> None:
    """Take the steps of one zone through one cycle, in place.

    A step that has begun goes on until its latch opens, whatever becomes of the ones before it; one that was confirmed
    and is so no longer is under way again.

    Args:
        n: row of the zone.
        p: (ZONE_PARAMETERS,) of it.
        x: (ZONE_INDICES,) of it.
        z: (ZONE_STATE,) of it.
        w: (power points, POWER_INDICES) of all zones.
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dt_s: seconds since the last call.
    """
    power_off = power_is_off(n, p, z, w, value, quality)
    for step in range(STEPS):
        if not is_wanted(step, x, z):
            z[Z_STEP + step] = _IDLE
            z[Z_STEP_S + step] = 0.0
            continue
        if z[Z_STEP + step] == _IDLE:
            if not is_next(step, x, z) or (step == _PUMPS and not power_off):
                continue
            z[Z_STEP + step] = _UNDER_WAY
        else:
            z[Z_STEP_S + step] += dt_s
        if is_confirmed(step, n, p, x, z, w, value, quality):
            z[Z_STEP + step] = _CONFIRMED
            z[Z_STEP_S + step] = 0.0
        else:
            z[Z_STEP + step] = _UNDER_WAY if z[Z_STEP_S + step] < p[P_TIMEOUT_S + step] else _UNCONFIRMED


def toward(limit: FloatArray, last: float, target: float, dt_s: float) -> float:
    """Return the demand that brings an actuator nearer to a target within range and slew; NaN before it was adopted."""
    if not math.isfinite(last):
        return math.nan
    step = limit[L_SLEW] * dt_s
    target = min(max(target, limit[L_MINIMUM]), limit[L_MAXIMUM])
    return min(max(target, last - step), last + step)


def force(
    x: IntArray, z: FloatArray, limits: FloatArray, last: FloatArray, demands: FloatArray, forced: IntArray, dt_s: float
) -> None:
    """Demand what the steps of one zone that have begun ask for, whatever was demanded before; in place.

    A branch that is to be shut opens no further while the steps before are under way.

    Args:
        x: (ZONE_INDICES,) of the zone.
        z: (ZONE_STATE,) of it.
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        last: (actuators,) what it last allowed.
        demands: (actuators,) changed.
        forced: (actuators,) ``Force`` where they were.
        dt_s: seconds since the last call.
    """
    if z[Z_STEP + _BYPASS] != _IDLE:
        i = x[X_BYPASS]
        demands[i], forced[i] = toward(limits[i], last[i], limits[i, L_MAXIMUM], dt_s), _INTERLOCK
    i = x[X_VALVE]
    if z[Z_STEP + _VALVE] != _IDLE:
        demands[i], forced[i] = toward(limits[i], last[i], 0.0, dt_s), _INTERLOCK
    elif z[Z_ISOLATE] == 1.0 and i >= 0 and demands[i] > last[i]:
        demands[i], forced[i] = last[i], _INTERLOCK
    if z[Z_STEP + _PUMPS] != _IDLE:
        for i in range(limits.shape[0]):
            if limits[i, L_PUMP_GROUP] == x[X_CDU]:
                off = last[i] <= limits[i, L_MINIMUM]
                demands[i], forced[i] = 0.0 if off else toward(limits[i], last[i], 0.0, dt_s), _TRIP


HELPERS: Final = (
    measured,
    latch,
    power_is_off,
    is_wanted,
    is_confirmed,
    is_next,
    advance,
    toward,
    force,
)
"""Every function above, callees before callers."""

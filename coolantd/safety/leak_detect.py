"""From readings to the level of a leak: supervised wires, debouncing, voting. Plain functions over arrays.

A detector that is in fault keeps what it counted as: a wire that the water has cut is never taken for dry (FM-06),
and a wire that was cut dry is never taken for wet. One wet detector alone is told and not acted upon, unless it is a
critical one. Knows no valve and no pump.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.leak_layout import (
    D_FAULT,
    D_OTHERWISE_S,
    D_WET,
    DP_FAULT_ABOVE,
    DP_FAULT_BELOW,
    DP_FAULT_VALUE,
    DP_WET_ABOVE,
    DP_WET_BELOW,
    DX_FAULT_POINT,
    DX_LEVEL,
    DX_POINT,
    DX_ZONE,
    P_OFF_S,
    P_ON_S,
    P_VOTES,
    Z_BLIND,
    Z_FAULTS,
    Z_FIRST,
    Z_LEVEL,
    Z_WET,
    Level,
    Reading,
)

HALF: Final = 0.5
"""Contacts say 0 or 1: what lies nearer counts."""
TIME_DUST_S: Final = 1e-9
"""Sums of cycle lengths miss a whole number of seconds by less than this."""

_BAD: Final = int(Quality.BAD)
_DRY: Final = int(Reading.DRY)
_WET: Final = int(Reading.WET)
_FAULT: Final = int(Reading.FAULT)
_LEVEL_DRY: Final = int(Level.DRY)
_UNCONFIRMED: Final = int(Level.UNCONFIRMED)
_MINOR: Final = int(Level.MINOR)
_CRITICAL: Final = int(Level.CRITICAL)


def reading_now(p: FloatArray, x: IntArray, value: FloatArray, quality: IntArray) -> int:
    """Return the ``Reading`` of one detector: ``p`` and ``x`` are its rows. Nothing heard of it is a fault."""
    if quality[x[DX_POINT]] == _BAD or not math.isfinite(value[x[DX_POINT]]):
        return _FAULT
    if x[DX_FAULT_POINT] >= 0:
        known = quality[x[DX_FAULT_POINT]] != _BAD and math.isfinite(value[x[DX_FAULT_POINT]])
        if not known or abs(value[x[DX_FAULT_POINT]] - p[DP_FAULT_VALUE]) < HALF:
            return _FAULT
    now = value[x[DX_POINT]]
    if now < p[DP_FAULT_BELOW] or now > p[DP_FAULT_ABOVE]:
        return _FAULT
    return _WET if now > p[DP_WET_ABOVE] or now < p[DP_WET_BELOW] else _DRY


def debounce(reading: int, p: FloatArray, d: FloatArray, dt_s: float) -> None:
    """Let a detector count as what it has said for long enough, in place; a fault changes nothing but the fault.

    Args:
        reading: ``Reading`` now.
        p: (ZONE_PARAMETERS,) of its zone.
        d: (DETECTOR_STATE,) changed in place.
        dt_s: seconds since the last call.
    """
    d[D_FAULT] = 1.0 if reading == _FAULT else 0.0
    if reading == _FAULT or (reading == _WET) == (d[D_WET] == 1.0):
        d[D_OTHERWISE_S] = 0.0
        return
    # The first reading that differs begins the time: one that is to count at once counts in this very cycle.
    needed_s = p[P_ON_S] if reading == _WET else p[P_OFF_S]
    if d[D_OTHERWISE_S] >= needed_s - TIME_DUST_S:
        d[D_WET] = 1.0 if reading == _WET else 0.0
        d[D_OTHERWISE_S] = 0.0
    else:
        d[D_OTHERWISE_S] += dt_s


def votes_of(zone: int, least: int, x: IntArray, d: FloatArray) -> int:
    """Return how many detectors of a zone that stand for at least this level count as wet."""
    count = 0
    for k in range(x.shape[0]):
        if x[k, DX_ZONE] == zone and x[k, DX_LEVEL] >= least and d[k, D_WET] == 1.0:
            count += 1
    return count


def level_of(zone: int, votes: float, x: IntArray, d: FloatArray) -> int:
    """Return the ``Level`` of a zone: the greatest for which enough detectors agree; a critical one needs no other."""
    if votes_of(zone, _CRITICAL, x, d) > 0:
        return _CRITICAL
    for below in range(_CRITICAL - _MINOR):
        level = _CRITICAL - 1 - below
        if votes_of(zone, level, x, d) >= votes:
            return level
    return _UNCONFIRMED if votes_of(zone, _MINOR, x, d) > 0 else _LEVEL_DRY


def is_blind(zone: int, votes: float, x: IntArray, d: FloatArray) -> bool:
    """Return whether the detectors of a zone that are not in fault, or are wet already, could not confirm a leak."""
    able = 0
    for k in range(x.shape[0]):
        if x[k, DX_ZONE] == zone and (d[k, D_FAULT] == 0.0 or d[k, D_WET] == 1.0):
            if x[k, DX_LEVEL] == _CRITICAL:
                return False
            able += 1
    return able < votes


def first_wet(zone: int, first: float, x: IntArray, d: FloatArray) -> float:
    """Return the row of the detector that was wet first: the one before while any is wet, -1 when none is."""
    found = -1.0
    for k in range(x.shape[0]):
        if x[k, DX_ZONE] == zone and d[k, D_WET] == 1.0:
            if first >= 0.0:
                return first
            if found < 0.0:
                found = float(k)
    return found


def faults_of(zone: int, x: IntArray, d: FloatArray) -> int:
    """Return how many detectors of a zone are in fault."""
    count = 0
    for k in range(x.shape[0]):
        if x[k, DX_ZONE] == zone and d[k, D_FAULT] == 1.0:
            count += 1
    return count


def judge_zones(
    p: FloatArray,
    dp: FloatArray,
    dx: IntArray,
    z: FloatArray,
    d: FloatArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> None:
    """Read every detector and bring every zone's level up to date; ``z`` and ``d`` change in place.

    Args:
        p: (zones, ZONE_PARAMETERS).
        dp: (detectors, DETECTOR_PARAMETERS).
        dx: (detectors, DETECTOR_INDICES).
        z: (zones, ZONE_STATE).
        d: (detectors, DETECTOR_STATE).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dt_s: seconds since the last call.
    """
    for k in range(dx.shape[0]):
        debounce(reading_now(dp[k], dx[k], value, quality), p[dx[k, DX_ZONE]], d[k], dt_s)
    for n in range(p.shape[0]):
        z[n, Z_LEVEL] = level_of(n, p[n, P_VOTES], dx, d)
        z[n, Z_WET] = votes_of(n, _MINOR, dx, d)
        z[n, Z_FAULTS] = faults_of(n, dx, d)
        z[n, Z_BLIND] = 1.0 if z[n, Z_FAULTS] > 0.0 and is_blind(n, p[n, P_VOTES], dx, d) else 0.0
        z[n, Z_FIRST] = first_wet(n, z[n, Z_FIRST], dx, d)


HELPERS: Final = (
    reading_now,
    debounce,
    votes_of,
    level_of,
    is_blind,
    first_wet,
    faults_of,
    judge_zones,
)
"""Every function above, callees before callers."""

"""From hazards in force to demands: bounds by rank, then each actuator's way into them within its slew.

Knows limits, demands and the table of interlocks; never a reading nor why a hazard is in force. What it demands passes
the envelope like any demand.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray
from coolantd.safety.envelope import (
    L_BYPASS,
    L_FAILSAFE,
    L_MAXIMUM,
    L_MINIMUM,
    L_PATH_PUMPS,
    L_PUMP_GROUP,
    L_SLEW,
    L_ZERO_ALLOWED,
)
from coolantd.safety.hazards import HAZARDS, Force
from coolantd.safety.interlocks import BY_RANK, R_ASK_S, R_HIGH, R_LOW, R_TRIPS, TABLE, At, Target
from coolantd.safety.latch import GONE, H_ACTIVE, H_CAUSE, H_FOR_S, H_GONE_S
from coolantd.safety.requests import REQUESTS

CREEP_PCT_PER_S: Final = 0.5
"""A pump with air before it gains speed this slowly: half a minute for what it would do in two seconds."""

_VALVE: Final = int(Target.VALVE)
_PUMPS: Final = int(Target.PUMPS)
_EVERY_PUMP: Final = int(Target.EVERY_PUMP)
_BYPASS: Final = int(Target.BYPASS)
_NONE: Final = int(At.NONE)
_MINIMUM: Final = int(At.MINIMUM)
_MAXIMUM: Final = int(At.MAXIMUM)
_FAILSAFE: Final = int(At.FAILSAFE)
_OFF: Final = int(At.OFF)
_LIMITED: Final = int(At.LIMITED)
_CREEP: Final = int(At.CREEP)
_UNLOAD: Final = int(At.UNLOAD)
_INTERLOCK: Final = int(Force.INTERLOCK)
_TRIP: Final = int(Force.TRIP)


def eased(h: FloatArray, limit: FloatArray, last: float, dt_s: float) -> float:
    """Return the upper bound of a pump that unloads, %.

    Down to the minimum until the cause is gone, then slowly up; and no further up while nothing can be said, be it that
    the reading is near its limit again or that it is bad.

    Args:
        h: (HAZARD_STATE,) of the hazard.
        limit: (LIMIT_COLUMNS,) of the pump.
        last: what it was last allowed.
        dt_s: seconds since then.
    """
    if h[H_GONE_S] == 0.0:
        return limit[L_MINIMUM]
    return max(last, limit[L_MINIMUM]) + (CREEP_PCT_PER_S * dt_s if h[H_CAUSE] == GONE else 0.0)


def bound(at: int, h: FloatArray, limit: FloatArray, limited_pct: float, last: float, dt_s: float) -> float:
    """Return where a bound is, % of one actuator; NaN where there is none.

    Args:
        at: ``At``.
        h: (HAZARD_STATE,) of the hazard whose order it is.
        limit: (LIMIT_COLUMNS,) of the actuator.
        limited_pct: of the CDU's pumps with little suction pressure; NaN: their minimum.
        last: what it was last allowed.
        dt_s: seconds since then.
    """
    if at == _NONE:
        return math.nan
    if at == _OFF:
        return 0.0
    value = limit[L_MINIMUM]
    if at == _MAXIMUM:
        value = limit[L_MAXIMUM]
    elif at == _FAILSAFE and math.isfinite(limit[L_FAILSAFE]):
        value = limit[L_FAILSAFE]
    elif at == _LIMITED and math.isfinite(limited_pct):
        value = min(max(limited_pct, limit[L_MINIMUM]), limit[L_MAXIMUM])
    elif at == _CREEP:
        value = max(last, limit[L_MINIMUM]) + CREEP_PCT_PER_S * dt_s
    elif at == _UNLOAD:
        value = eased(h, limit, last, dt_s)
    return value


def bounded(
    demand: float,
    target: int,
    runs: bool,
    hz: FloatArray,
    limit: FloatArray,
    limited_pct: float,
    last: float,
    dt_s: float,
) -> float:
    """Return the demand nearest to the given one that every hazard in force allows, the higher rank first.

    Args:
        demand: what it would be.
        target: kind of the actuator; ``Target.PUMPS`` for a pump.
        runs: whether a pump is told to run: only such a one takes orders meant for those that do.
        hz: (HAZARDS, HAZARD_STATE) of its CDU.
        limit: (LIMIT_COLUMNS,) of it.
        limited_pct: see ``bound``.
        last: what it was last allowed.
        dt_s: seconds since then.
    """
    low, high = -math.inf, math.inf
    for k in range(BY_RANK.shape[0]):
        hazard = BY_RANK[k]
        if hz[hazard, H_ACTIVE] == 0.0:
            continue
        for kind in range(target, target + 2 if target == _PUMPS else target + 1):
            if kind == _PUMPS and not runs:
                continue
            least = bound(int(TABLE[hazard, R_LOW + kind]), hz[hazard], limit, limited_pct, last, dt_s)
            most = bound(int(TABLE[hazard, R_HIGH + kind]), hz[hazard], limit, limited_pct, last, dt_s)
            if math.isfinite(least):
                low = min(max(low, least), high)
            if math.isfinite(most):
                high = max(min(high, most), low)
    return min(max(demand, low), high)


def on_the_way(limit: FloatArray, last: float, target: float, dt_s: float) -> float:
    """Return the next demand toward a target within slew; off and the minimum have nothing between them."""
    step, minimum = limit[L_SLEW] * dt_s, limit[L_MINIMUM]
    if limit[L_ZERO_ALLOWED] == 1.0 and target < minimum:
        return 0.0 if last <= minimum else max(last - step, minimum)
    if last < minimum:
        return minimum
    target = min(max(target, minimum), limit[L_MAXIMUM])
    return min(max(target, last - step), last + step)


def kind_of(n: int, i: int, valve: int, limits: FloatArray) -> int:
    """Return which kind of actuator of CDU ``n`` one is, -1 for none that hazards give orders to."""
    if i == valve:
        return _VALVE
    if limits[i, L_PUMP_GROUP] == n:
        return _PUMPS
    if limits[i, L_BYPASS] == 1.0 and limits[i, L_PATH_PUMPS] in (float(n), -1.0):
        return _BYPASS
    return -1


def trips(hz: FloatArray) -> bool:
    """Return whether a hazard that takes the CDU to tripped is in force."""
    found = False
    for hazard in range(HAZARDS):
        found = found or (TABLE[hazard, R_TRIPS] == 1.0 and hz[hazard, H_ACTIVE] == 1.0)
    return found


def force_cdu(
    n: int,
    hz: FloatArray,
    valve: int,
    limited_pct: float,
    limits: FloatArray,
    last: FloatArray,
    demands: FloatArray,
    forced: IntArray,
    dt_s: float,
) -> None:
    """Move the demands of one CDU's actuators to where the hazards in force allow them, in place.

    Args:
        n: the CDU.
        hz: (HAZARDS, HAZARD_STATE) of it.
        valve: its facility valve.
        limited_pct: see ``bound``.
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        last: (actuators,) last allowed; NaN for one that is not ours to move, which is left alone.
        demands: (actuators,) changed.
        forced: (actuators,) ``Force``, set where they were.
        dt_s: seconds since the last call.
    """
    tripped = trips(hz)
    for i in range(limits.shape[0]):
        kind = kind_of(n, i, valve, limits)
        if kind < 0 or not math.isfinite(last[i]):
            continue
        demand = demands[i] if math.isfinite(demands[i]) else last[i]
        target = bounded(demand, kind, demand > 0.0, hz, limits[i], limited_pct, last[i], dt_s)
        if target != demand:
            demands[i] = on_the_way(limits[i], last[i], target, dt_s)
            forced[i] = _INTERLOCK
        if tripped and kind == _PUMPS:
            demands[i] = on_the_way(limits[i], last[i], target, dt_s)
            forced[i] = _TRIP


def ask(hz: FloatArray, requests: IntArray) -> None:
    """Make the requests of one CDU's hazards, in place: ``requests`` is its (REQUESTS,) row."""
    for hazard in range(HAZARDS):
        if hz[hazard, H_ACTIVE] == 1.0:
            for request in range(REQUESTS):
                if hz[hazard, H_FOR_S] >= TABLE[hazard, R_ASK_S + request]:
                    requests[request] = 1


HELPERS: Final = (eased, bound, bounded, on_the_way, kind_of, trips, force_cdu, ask)
"""Every function above, callees before callers."""

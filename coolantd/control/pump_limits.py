"""Limits on the pumps: controllers of their own, of which the right one takes over, and hands back, without a bump.

Each says at which pump speed its own process variable would stand at its limit: ``followed + gain * error``. What it
follows is the speed that was selected, behind its integral time (external reset, Shinskey, Process Control Systems): in
charge this is a PI controller, and out of charge nothing winds up, for its bound stays a proportional distance away
from whatever the pumps do. The bounds become the pump loop's output limits, whose anti-windup is the same law.

Minimum flow and return temperature raise the speed, pressure lowers it and wins over both. Knows no setpoint.
"""

import math
from typing import Final

from coolantd.control.filters import lag
from coolantd.control.layout import P_OUTPUT_MAX, P_OUTPUT_MIN, S_OUTPUT
from coolantd.control.pid import clip
from coolantd.control.reset_layout import (
    LIMIT_PARAMETERS,
    LIMIT_STATE,
    LIMITS,
    O_FIRST,
    O_GAIN,
    O_INTEGRAL_TIME_S,
    O_LIMIT,
    RX_LIMIT,
    V_BAD_S,
    V_BOUND_PCT,
    V_FIRST,
    V_FOLLOWED_PCT,
    W_HIGH_PCT,
    W_IN_CHARGE,
    W_IN_CHARGE_S,
    W_LOW_BY,
    W_LOW_PCT,
    InCharge,
)
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)
_LOOP: Final = int(InCharge.LOOP)
_MAXIMUM_PRESSURE: Final = int(InCharge.MAXIMUM_PRESSURE)
_MAXIMUM_RETURN_TEMP: Final = int(InCharge.MAXIMUM_RETURN_TEMP)

HELD_MAX_S: Final = 5.0
"""A limit in charge whose process variable is bad stays where it was for so long, then it lets go: the racks' flow is
worth more than a limit nobody can see, and the device's own protection stays in force under it."""
CHARGE_EPSILON_PCT: Final = 1e-6


def note_charge(p: FloatArray, s: FloatArray, w: FloatArray, automatic: bool, dt_s: float) -> None:
    """Note who was in charge of the last cycle's output, and for how long it has been, in place."""
    charge = _LOOP
    if automatic and s[S_OUTPUT] >= w[W_HIGH_PCT] - CHARGE_EPSILON_PCT and w[W_HIGH_PCT] < p[P_OUTPUT_MAX]:
        charge = _MAXIMUM_PRESSURE
    elif automatic and s[S_OUTPUT] <= w[W_LOW_PCT] + CHARGE_EPSILON_PCT and w[W_LOW_PCT] > p[P_OUTPUT_MIN]:
        charge = int(w[W_LOW_BY])
    w[W_IN_CHARGE_S] = w[W_IN_CHARGE_S] + dt_s if charge == int(w[W_IN_CHARGE]) else 0.0
    w[W_IN_CHARGE] = float(charge)


def follow(
    o: FloatArray, v: FloatArray, error: float, output_pct: float, held: bool, off_pct: float, dt_s: float
) -> float:
    """Advance one limit and return the pump speed it asks for, %.

    Args:
        o: (LIMIT_PARAMETERS,).
        v: (LIMIT_STATE,), changed in place.
        error: positive where more speed is asked for, unit of the process variable; NaN where that is bad.
        output_pct: what was selected last.
        held: whether a bad process variable leaves the bound where it was.
        off_pct: a bound that limits nothing.
        dt_s: seconds since the last cycle.
    """
    known = math.isfinite(v[V_FOLLOWED_PCT])
    v[V_FOLLOWED_PCT] = lag(v[V_FOLLOWED_PCT], output_pct, o[O_INTEGRAL_TIME_S], dt_s) if known else output_pct
    if math.isfinite(error):
        v[V_BAD_S] = 0.0
        v[V_BOUND_PCT] = v[V_FOLLOWED_PCT] + o[O_GAIN] * error
    else:
        v[V_BAD_S] += dt_s
        if not held or v[V_BAD_S] > HELD_MAX_S:
            v[V_BOUND_PCT] = off_pct
    return v[V_BOUND_PCT]


def rest_limits(p: FloatArray, w: FloatArray) -> None:
    """Let go of the pumps, as outside automatic: nothing old limits them when they come back."""
    w[W_LOW_PCT], w[W_HIGH_PCT], w[W_LOW_BY] = p[P_OUTPUT_MIN], p[P_OUTPUT_MAX], float(_LOOP)
    for k in range(LIMITS):
        w[V_FIRST + k * LIMIT_STATE + V_FOLLOWED_PCT] = math.nan
        w[V_FIRST + k * LIMIT_STATE + V_BAD_S] = 0.0


def limit_pumps(
    o: FloatArray,
    w: FloatArray,
    x: IntArray,
    p: FloatArray,
    s: FloatArray,
    excess_k: float,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> None:
    """Put the selection into the pump loop's output limits ``p``, in place.

    Args:
        o: (RESET_PARAMETERS,) of the CDU.
        w: (RESET_STATE,).
        x: (RESET_INDICES,).
        p: (LOOP_PARAMETERS,) of the pump loop in this cycle.
        s: (LOOP_STATE,) of it.
        excess_k: by how much the supply is above its setpoint: the return's share of that is no fault of the flow, so
            that missing facility water raises no pump.
        value: (points,).
        quality: (points,).
        dt_s: seconds since the last cycle.
    """
    low, high, low_by = p[P_OUTPUT_MIN], p[P_OUTPUT_MAX], _LOOP
    for k in range(LIMITS):
        first = O_FIRST + k * LIMIT_PARAMETERS
        if not math.isfinite(o[first + O_LIMIT]):
            continue
        name = k + 1
        index = x[RX_LIMIT + k]
        reading = value[index] if index >= 0 and quality[index] != _BAD else math.nan
        if name == _MAXIMUM_RETURN_TEMP:
            error = reading - excess_k - o[first + O_LIMIT]
        else:
            error = o[first + O_LIMIT] - reading
        held = int(w[W_IN_CHARGE]) == name
        off_pct = p[P_OUTPUT_MAX] if name == _MAXIMUM_PRESSURE else p[P_OUTPUT_MIN]
        state = V_FIRST + k * LIMIT_STATE
        bound = follow(
            o[first : first + LIMIT_PARAMETERS], w[state : state + LIMIT_STATE], error, s[S_OUTPUT], held, off_pct, dt_s
        )
        if name == _MAXIMUM_PRESSURE:
            high = clip(bound, p[P_OUTPUT_MIN], high)
        elif bound > low:
            low, low_by = min(bound, p[P_OUTPUT_MAX]), name
    if low > high:
        low, low_by = high, _LOOP
    w[W_LOW_PCT], w[W_HIGH_PCT], w[W_LOW_BY] = low, high, float(low_by)
    p[P_OUTPUT_MIN], p[P_OUTPUT_MAX] = low, high


HELPERS: Final = (note_charge, follow, rest_limits, limit_pumps)
"""Every function above, callees before callers; ``pid.clip`` and ``filters.lag`` come first."""

"""What is known of a manifold's branches: flow, heat, coolant rise, and their shares of both. Moves nothing.

Knows readings and qualities; must never know a valve.
"""

import math
from typing import Final

from coolantd.control.branch_layout import (
    B_BAD_S,
    B_FLOW_LPM,
    B_HAD_RATIO,
    B_HEAT_KW,
    B_RISE_K,
    B_WANTED_RATIO,
    M_CAPACITY_KJ_L_K,
    M_FILTER_S,
    X_FLOW,
    X_POWER,
    X_RETURN_TEMP,
    X_SUPPLY_TEMP,
)
from coolantd.control.filters import lag
from coolantd.point import FloatArray, IntArray, Quality

FLOW_LAG_S: Final = 8.0
"""Low-pass of a branch's flow. Near the lag of its cold plates, so that heat found from flow and temperatures shows no
peak when the valve moves."""
HOLD_S: Final = 10.0
"""A branch that cannot be judged stays as it is for this long: a message or two lost move nothing. A rack at full power
on a branch throttled to a quarter warms its chips by about 1 K/s at first."""
LEAST_FLOW_LPM: Final = 0.5
"""Below it the ratio of heat and flow says nothing: a meter's own zero error."""

_BAD: Final = int(Quality.BAD)


def point_value(index: int, value: FloatArray, quality: IntArray) -> float:
    """Return an optional point's value; NaN if there is none or it is bad."""
    return value[index] if index >= 0 and quality[index] != _BAD else math.nan


def coolant_rise_k(heat_kw: float, flow_lpm: float, capacity_kj_l_k: float) -> float:
    """Return by how much a heat warms a flow above 0."""
    return heat_kw * 60.0 / (flow_lpm * capacity_kj_l_k)


def heat_now_kw(x: IntArray, flow_lpm: float, m: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return a rack's measured power, or the heat its coolant takes away; NaN if that is not known."""
    if x[X_POWER] >= 0:
        return point_value(x[X_POWER], value, quality)
    rise_k = point_value(x[X_RETURN_TEMP], value, quality) - point_value(x[X_SUPPLY_TEMP], value, quality)
    return flow_lpm * m[M_CAPACITY_KJ_L_K] * rise_k / 60.0


def observe(m: FloatArray, x: IntArray, b: FloatArray, value: FloatArray, quality: IntArray, dt_s: float) -> None:
    """Take in what is measured of one branch, in place; what is not known lets the time run for which it is not."""
    flow_lpm = point_value(x[X_FLOW], value, quality)
    fresh = not b[B_BAD_S] <= HOLD_S or not math.isfinite(b[B_HEAT_KW])
    lagged_lpm = flow_lpm if fresh else lag(b[B_FLOW_LPM], flow_lpm, FLOW_LAG_S, dt_s)
    heat_kw = heat_now_kw(x, lagged_lpm, m, value, quality)
    if not (math.isfinite(heat_kw) and flow_lpm > LEAST_FLOW_LPM and lagged_lpm > LEAST_FLOW_LPM):
        b[B_BAD_S] += dt_s
        return
    heat_kw = max(heat_kw, 0.0)
    b[B_HEAT_KW] = heat_kw if fresh else lag(b[B_HEAT_KW], heat_kw, m[M_FILTER_S], dt_s)
    b[B_FLOW_LPM] = lagged_lpm
    b[B_BAD_S] = 0.0


def is_judged(b: FloatArray) -> bool:
    """Return whether a branch's heat and flow are known, or were until a moment ago."""
    return math.isfinite(b[B_HEAT_KW]) and b[B_BAD_S] <= HOLD_S


def share_out(m: FloatArray, b: FloatArray) -> float:
    """Write every branch's share of heat and flow and its coolant rise, in place; return the rise of all together.

    Args:
        m: (BALANCE_PARAMETERS,) of the manifold.
        b: (its branches, BRANCH_STATE).
    """
    heat_kw, flow_lpm = 0.0, 0.0
    for k in range(b.shape[0]):
        if is_judged(b[k]):
            heat_kw += b[k, B_HEAT_KW]
            flow_lpm += b[k, B_FLOW_LPM]
    for k in range(b.shape[0]):
        judged = is_judged(b[k])
        b[k, B_WANTED_RATIO] = b[k, B_HEAT_KW] / heat_kw if judged and heat_kw > 0.0 else math.nan
        b[k, B_HAD_RATIO] = b[k, B_FLOW_LPM] / flow_lpm if judged else math.nan
        known = coolant_rise_k(b[k, B_HEAT_KW], b[k, B_FLOW_LPM], m[M_CAPACITY_KJ_L_K]) if judged else math.nan
        b[k, B_RISE_K] = known
    return coolant_rise_k(heat_kw, flow_lpm, m[M_CAPACITY_KJ_L_K]) if flow_lpm > 0.0 else math.nan


def measured_rise_k(m: FloatArray, x: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return a branch's coolant rise now, by its measured power or its temperatures; NaN if not known."""
    if x[X_POWER] >= 0:
        flow_lpm = point_value(x[X_FLOW], value, quality)
        flow_lpm = LEAST_FLOW_LPM if flow_lpm < LEAST_FLOW_LPM else flow_lpm
        return coolant_rise_k(point_value(x[X_POWER], value, quality), flow_lpm, m[M_CAPACITY_KJ_L_K])
    return point_value(x[X_RETURN_TEMP], value, quality) - point_value(x[X_SUPPLY_TEMP], value, quality)


HELPERS: Final = (
    point_value,
    coolant_rise_k,
    heat_now_kw,
    observe,
    is_judged,
    share_out,
    measured_rise_k,
)
"""Every function above, callees before callers."""

"""How easily each branch passes coolant, and which one does so much less than it did. Plain functions.

A branch's conductance is its flow over the pressure to the power 1/1.85, over what its valve's opening passes. Where no
branch flow is measured it follows from the rack's power and how much it warms the coolant, while both are steady.
"""

import math
from typing import Final

from coolantd.control.estimate_layout import (
    B_BASE,
    B_BASE_S,
    B_CONDUCTANCE,
    B_POWER_KW,
    B_SUM,
    BRANCHES_MAX,
    E_NOW,
    E_SLOW,
    EP_BRANCH_LN_RANGEABILITY,
    EP_HEAT_SHARE,
    EX_BRANCH_FLOW,
    EX_BRANCH_POSITION,
    EX_BRANCH_RETURN,
    FLOW,
    SUPPLY,
)
from coolantd.control.evidence import gathered, told
from coolantd.control.exchanger_model import SECONDS_PER_MINUTE
from coolantd.control.filters import lag
from coolantd.control.layout import C_MODEL_TCS_CAPACITY, C_MODEL_TCS_RATED_LPM, POWER_POINTS_MAX, X_POWER
from coolantd.control.pump_check import BRANCH_EXPONENT, FOLLOW_S, settled
from coolantd.control.supply_law import usable_reading
from coolantd.point import FloatArray, IntArray

CONDUCTANCE_S: Final = 5.0
BLOCKED_SLACK: Final = 0.25
"""ln of a conductance: flow meters, and valves that pass other than they should by 20 %. Three times the resistance
is 0.59, half as much again 0.22."""
BLOCKED_LIMIT_S: Final = 4.0
"""Three times the resistance is told after 12 s and the low-pass."""
OPENING_MIN_PCT: Final = 20.0
"""Nearer to shut, a valve's characteristic is not known well enough."""
FLOW_MIN_RATIO: Final = 0.002
"""Of the CDU's rated flow: less is a meter's noise, and taken as this much."""
RISE_MIN_K: Final = 2.0
"""A coolant that warms by less tells nothing of its flow."""
POWER_S: Final = 30.0
STEADY_RATIO: Final = 0.1
"""A power farther than this from its low-pass has not reached the return temperature yet."""


def opening_of(ep: FloatArray, position_pct: float) -> float:
    """Return what a branch valve passes at its position, as a share of open."""
    position_pct = min(position_pct, 100.0)  # a sensor may show a little more
    if ep[EP_BRANCH_LN_RANGEABILITY] > 0.0:
        return math.exp(ep[EP_BRANCH_LN_RANGEABILITY] * (0.01 * position_pct - 1.0))
    return 0.01 * position_pct


def branch_lpm(
    c: FloatArray,
    ep: FloatArray,
    e: FloatArray,
    b: FloatArray,
    x: IntArray,
    ex: IntArray,
    k: int,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> float:
    """Return the flow of branch ``k``: measured, or by its rack's power; NaN where neither says it."""
    if ex[EX_BRANCH_FLOW + k] >= 0:
        flow = usable_reading(ex[EX_BRANCH_FLOW + k], value, quality)
        return max(flow, FLOW_MIN_RATIO * c[C_MODEL_TCS_RATED_LPM]) if math.isfinite(flow) else math.nan
    if k >= POWER_POINTS_MAX:
        return math.nan
    power = ep[EP_HEAT_SHARE] * usable_reading(x[X_POWER + k], value, quality)
    rise = usable_reading(ex[EX_BRANCH_RETURN + k], value, quality) - e[E_SLOW + SUPPLY]
    before = b[k, B_POWER_KW]
    b[k, B_POWER_KW] = lag(before, power, POWER_S, dt_s) if math.isfinite(before) else power
    if not (rise > RISE_MIN_K and power > 0.0 and abs(power - b[k, B_POWER_KW]) < STEADY_RATIO * power):
        return math.nan
    return SECONDS_PER_MINUTE * power / (c[C_MODEL_TCS_CAPACITY] * rise)


def watch_branch(b: FloatArray, k: int, conductance: float, dt_s: float) -> None:
    """Follow one branch's conductance (ln) and gather evidence that it passes less, in place."""
    known = math.isfinite(b[k, B_CONDUCTANCE])
    b[k, B_CONDUCTANCE] = lag(b[k, B_CONDUCTANCE], conductance, CONDUCTANCE_S, dt_s) if known else conductance
    less = b[k, B_BASE] - b[k, B_CONDUCTANCE] if math.isfinite(b[k, B_BASE]) else 0.0
    b[k, B_SUM] = gathered(b[k, B_SUM], max(less, 0.0), BLOCKED_SLACK, BLOCKED_LIMIT_S, dt_s)
    if b[k, B_SUM] == 0.0:
        b[k, B_BASE] = settled(b[k, B_CONDUCTANCE], b[k, B_BASE], b[k, B_BASE_S], FOLLOW_S, dt_s)
        b[k, B_BASE_S] += dt_s


def watch_branches(
    c: FloatArray,
    ep: FloatArray,
    e: FloatArray,
    b: FloatArray,
    x: IntArray,
    ex: IntArray,
    value: FloatArray,
    quality: IntArray,
    dp_kpa: float,
    was: int,
    dt_s: float,
) -> int:
    """Follow every branch in place and return the one that is blocked most, -1 where none is.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        ep: (ESTIMATE_PARAMETERS,).
        e: (ESTIMATE_STATE,) with readings taken.
        b: (BRANCHES_MAX, BRANCH_STATE).
        x: (CDU_INDICES,).
        ex: (ESTIMATE_INDICES,).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dp_kpa: differential pressure over the racks; where it is NaN the share of the whole flow stands in.
        was: the branch told before, -1 for none.
        dt_s: seconds since the last step.
    """
    worst, worst_sum = -1, 0.0
    by_pressure = math.log(dp_kpa) / BRANCH_EXPONENT if dp_kpa > 0.0 else math.nan
    whole = e[E_NOW + FLOW]
    driven = by_pressure if math.isfinite(by_pressure) else (math.log(whole) if whole > 0.0 else math.nan)
    for k in range(BRANCHES_MAX):
        if ex[EX_BRANCH_FLOW + k] < 0 and ex[EX_BRANCH_RETURN + k] < 0:
            break
        position = 100.0
        if ex[EX_BRANCH_POSITION + k] >= 0:
            position = usable_reading(ex[EX_BRANCH_POSITION + k], value, quality)
        flow = branch_lpm(c, ep, e, b, x, ex, k, value, quality, dt_s)
        if flow > 0.0 and position > OPENING_MIN_PCT and math.isfinite(driven):
            watch_branch(b, k, math.log(flow) - driven - math.log(opening_of(ep, position)), dt_s)
        if told(b[k, B_SUM], BLOCKED_LIMIT_S, k == was) and b[k, B_SUM] > worst_sum:
            worst, worst_sum = k, b[k, B_SUM]
    return worst


HELPERS: Final = (opening_of, branch_lpm, watch_branch, watch_branches)
"""Every function above, callees before callers."""

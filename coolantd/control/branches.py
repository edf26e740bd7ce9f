"""Moves the valves of a manifold's branches until each has the share of the flow that its heat asks for.

The valve of the branch that needs most stays open and the others close to match it, so that the pumps never work
against valves that could all be wider. What counts are shares of one manifold's flow: whatever a pressure loop does to
all branches alike leaves them as they are, so that the two cannot fight (FM-56). Closing is slow, a little every
period; opening a branch whose coolant rises too far is not. Knows no CDU, mode or wire.
"""

import math
from typing import Final

from coolantd.control.actuators import MOVE, adopted, drive, is_yielded
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.branch_layout import (
    B_BAD_S,
    B_HAD_RATIO,
    B_RISE_K,
    B_SHORT_S,
    B_STATE,
    B_TARGET_PCT,
    B_WANTED_RATIO,
    M_DEADBAND_RATIO,
    M_LN_RANGEABILITY,
    M_MINIMUM_PCT,
    M_OPEN_PCT,
    M_PERIOD_S,
    M_RISE_MAX_K,
    M_STEP_PCT,
    W_LEFT_S,
    X_ACTUATOR,
    X_CDU,
    X_MANIFOLD,
    X_NUMBER,
    BranchState,
)
from coolantd.control.branch_shares import HELPERS as SHARE_HELPERS
from coolantd.control.branch_shares import HOLD_S, is_judged, measured_rise_k, observe, point_value, share_out
from coolantd.control.conditions import Condition
from coolantd.control.filters import lag
from coolantd.control.layout import A_LAST, Y_POSITION
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.leak_layout import X_VALVE as ZONE_VALVE
from coolantd.safety.leak_layout import Z_ISOLATE

MOVE_RATIO: Final = 0.5
"""Share of the way to where the valve should be that one period goes. Half: a valve whose flow answers up to four
times as strongly as its characteristic says still converges."""
LEAST_RISE_K: Final = 0.5
"""A manifold whose coolant rises less carries no heat worth sharing; sensors differ by 0.2 K."""
URGENT_RATIO: Final = 1.1
"""A branch this far beyond the largest rise opens at once; nearer to it the next period is soon enough."""
FOLLOWS_PCT: Final = 5.0
"""A valve farther than this from its command is taken to be where it is measured."""
LEAST_POSITION_PCT: Final = 1.0
"""Least position taken for a valve through which something flows."""
NEAR_OPEN_RATIO: Final = 0.95
SHORT_RATIO: Final = 0.9
"""A branch with less than this part of its share is short of flow once its valve is within 5 % of open."""
SHORT_DELAY_S: Final = 300.0
"""For how long, until it is said: six periods, in which the others have closed as far as they may."""

_CONDITION_SHORT: Final = int(Condition.BRANCH_SHORT)
_CONDITION_OPEN: Final = int(Condition.BRANCH_UNKNOWN)
_BAD: Final = int(Quality.BAD)
_HELD: Final = int(BranchState.HELD)
_BALANCED: Final = int(BranchState.BALANCED)
_OPEN: Final = int(BranchState.OPEN)
_SHORT: Final = int(BranchState.SHORT)


def position_used_pct(i: int, y: IntArray, a: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return where a valve stands: at its command, unless it is measured elsewhere; NaN before it was adopted."""
    measured_pct = point_value(y[i, Y_POSITION], value, quality)
    astray = abs(measured_pct - a[i, A_LAST]) > FOLLOWS_PCT  # False for NaN
    position_pct = measured_pct if astray else a[i, A_LAST]
    return LEAST_POSITION_PCT if position_pct < LEAST_POSITION_PCT else position_pct


def opening_for(position_pct: float, flow_ratio: float, ln_rangeability: float) -> float:
    """Return the position at which a valve passes ``flow_ratio`` times its present flow, at the same pressure, %."""
    if math.isfinite(ln_rangeability):
        return position_pct + 100.0 * math.log(max(flow_ratio, 1e-6)) / ln_rangeability
    return position_pct * flow_ratio


def greatest_opening_pct(
    m: FloatArray,
    x: IntArray,
    b: FloatArray,
    rise_k: float,
    y: IntArray,
    a: FloatArray,
    value: FloatArray,
    quality: IntArray,
) -> float:
    """Return how far the neediest valve would have to open for all branches to have a coolant rise of ``rise_k``."""
    greatest_pct = math.nan
    for k in range(b.shape[0]):
        position_pct = position_used_pct(x[k, X_ACTUATOR], y, a, value, quality)
        if is_judged(b[k]) and math.isfinite(position_pct):
            opening_pct = opening_for(position_pct, b[k, B_RISE_K] / rise_k, m[M_LN_RANGEABILITY])
            if not opening_pct <= greatest_pct:
                greatest_pct = opening_pct
    return greatest_pct


def wanted_position_pct(m: FloatArray, b: FloatArray, position_pct: float, rise_k: float, greatest_pct: float) -> float:
    """Return where a judged branch's valve should stand: its opening beside the neediest one's, which stands open.

    Never below what keeps its own coolant rise within the largest: at a pressure that is held, throttling one branch
    gives a starved one nothing.
    """
    opening_pct = opening_for(position_pct, b[B_RISE_K] / rise_k, m[M_LN_RANGEABILITY])
    if math.isfinite(m[M_LN_RANGEABILITY]):
        shared_pct = m[M_OPEN_PCT] + opening_pct - greatest_pct
    else:
        shared_pct = m[M_OPEN_PCT] * opening_pct / greatest_pct
    own_pct = opening_for(position_pct, b[B_RISE_K] / m[M_RISE_MAX_K], m[M_LN_RANGEABILITY])
    return clip(max(shared_pct, own_pct), m[M_MINIMUM_PCT], m[M_OPEN_PCT])


def moved_pct(m: FloatArray, position_pct: float, wanted_pct: float) -> float:
    """Return where a valve goes in one period on its way from one position to another; a small difference rests."""
    gap_pct = wanted_pct - position_pct
    if math.isfinite(m[M_LN_RANGEABILITY]):
        flow_ratio = abs(gap_pct) * m[M_LN_RANGEABILITY] / 100.0
    else:
        flow_ratio = abs(gap_pct) / position_pct
    if flow_ratio <= m[M_DEADBAND_RATIO]:
        return position_pct
    return clip(position_pct + clip(MOVE_RATIO * gap_pct, -m[M_STEP_PCT], m[M_STEP_PCT]), 0.0, m[M_OPEN_PCT])


def rebalance(
    m: FloatArray,
    x: IntArray,
    b: FloatArray,
    rise_k: float,
    y: IntArray,
    a: FloatArray,
    value: FloatArray,
    quality: IntArray,
) -> None:
    """Give every judged branch of a manifold its next target, in place; without heat worth sharing they all open."""
    shared = rise_k > LEAST_RISE_K
    greatest_pct = greatest_opening_pct(m, x, b, rise_k, y, a, value, quality) if shared else math.nan
    for k in range(b.shape[0]):
        position_pct = position_used_pct(x[k, X_ACTUATOR], y, a, value, quality)
        if is_judged(b[k]) and math.isfinite(position_pct):
            wanted_pct = m[M_OPEN_PCT]
            if shared and greatest_pct > 0.0:
                wanted_pct = wanted_position_pct(m, b[k], position_pct, rise_k, greatest_pct)
            b[k, B_TARGET_PCT] = moved_pct(m, position_pct, wanted_pct)


def open_hot(m: FloatArray, x: IntArray, b: FloatArray, value: FloatArray, quality: IntArray) -> None:
    """Open a branch whose coolant rises too far at once, and one that cannot be judged any more; in place."""
    hot = measured_rise_k(m, x, value, quality) > URGENT_RATIO * m[M_RISE_MAX_K]
    if hot or b[B_BAD_S] > HOLD_S:
        b[B_TARGET_PCT] = m[M_OPEN_PCT]


def is_wanting(m: FloatArray, b: FloatArray, position_pct: float) -> bool:
    """Return whether a branch's valve is open and its flow still not enough: more pump is all that could help."""
    opened = position_pct >= NEAR_OPEN_RATIO * m[M_OPEN_PCT]
    starved = b[B_HAD_RATIO] < SHORT_RATIO * b[B_WANTED_RATIO] or b[B_RISE_K] > m[M_RISE_MAX_K]
    return opened and starved


def conclude(m: FloatArray, b: FloatArray, position_pct: float, touched: bool, dt_s: float) -> None:
    """Write what has become of a branch, in place."""
    wanting = touched and is_judged(b) and is_wanting(m, b, position_pct)
    b[B_SHORT_S] = b[B_SHORT_S] + dt_s if wanting else 0.0
    if not touched or (b[B_BAD_S] <= HOLD_S and not is_judged(b)):
        b[B_STATE] = _HELD
    elif not is_judged(b):
        b[B_STATE] = _OPEN
    else:
        b[B_STATE] = _SHORT if b[B_SHORT_S] > SHORT_DELAY_S else _BALANCED


def report(x: IntArray, b: FloatArray, conditions: IntArray, details: IntArray) -> None:
    """Tell the CDU that feeds a branch what has become of it, in place; of several branches the first is named."""
    column = _CONDITION_SHORT if b[B_STATE] == _SHORT else _CONDITION_OPEN
    if x[X_CDU] >= 0 and b[B_STATE] >= _OPEN and conditions[x[X_CDU], column] == 0:
        conditions[x[X_CDU], column] = 1
        details[x[X_CDU], column] = x[X_NUMBER]


def drive_branch(
    i: int,
    b: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    dt_s: float,
) -> float:
    """Return the demand on one branch valve on the way to its target; NaN while the manifold is out of touch.

    A valve that comes back is adopted where it is measured, and stays there until it is judged anew (FM-46).
    """
    position_pct = point_value(y[i, Y_POSITION], value, quality)
    if not math.isfinite(position_pct):
        a[i, A_LAST] = math.nan
        b[B_TARGET_PCT] = math.nan
        return math.nan
    if not (math.isfinite(a[i, A_LAST]) and math.isfinite(b[B_TARGET_PCT])):
        b[B_TARGET_PCT] = position_pct
    return drive(i, b[B_TARGET_PCT], MOVE, y, a, f, value, quality, reason, dt_s)


def is_shut_off(i: int, leak_x: IntArray, leak_z: FloatArray) -> bool:
    """Return whether a branch valve is kept shut for a leak; its branch then wants no share of anything."""
    zones = 0
    for n in range(leak_x.shape[0]):
        if leak_x[n, ZONE_VALVE] == i and leak_z[n, Z_ISOLATE] == 1.0:
            zones += 1
    return zones > 0


def balance_manifold(
    m: FloatArray,
    x: IntArray,
    w: FloatArray,
    b: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    demands: FloatArray,
    conditions: IntArray,
    details: IntArray,
    leak_x: IntArray,
    leak_z: FloatArray,
    dt_s: float,
) -> None:
    """Balance one manifold in place: ``m`` and ``w`` are its rows, ``x`` and ``b`` those of its branches.

    A branch that is shut off for a leak is not judged: starving as it is, it must not throttle the others.
    """
    for k in range(b.shape[0]):
        if is_shut_off(x[k, X_ACTUATOR], leak_x, leak_z):
            b[k, B_BAD_S] = 2.0 * HOLD_S
        else:
            observe(m, x[k], b[k], value, quality, dt_s)
    rise_k = share_out(m, b)
    w[W_LEFT_S] -= dt_s
    if not w[W_LEFT_S] > 0.0:
        w[W_LEFT_S] = m[M_PERIOD_S]
        rebalance(m, x, b, rise_k, y, a, value, quality)
    for k in range(b.shape[0]):
        i = x[k, X_ACTUATOR]
        open_hot(m, x[k], b[k], value, quality)
        demands[i] = drive_branch(i, b[k], y, a, f, value, quality, reason, dt_s)
        touched = math.isfinite(a[i, A_LAST]) and not is_shut_off(i, leak_x, leak_z)
        conclude(m, b[k], position_used_pct(i, y, a, value, quality), touched, dt_s)
        report(x[k], b[k], conditions, details)


def balance(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Balance every manifold that is to be; what is remembered, demanded and noticed changes in place.

    Branches of one manifold stand side by side, in the order of the manifolds.
    """
    x, first = fixed.branch_x, 0
    for n in range(fixed.branch_m.shape[0]):
        end = first
        while end < x.shape[0] and x[end, X_MANIFOLD] == n:
            end += 1
        balance_manifold(
            fixed.branch_m[n],
            x[first:end],
            memory.branch_w[n],
            memory.branch_b[first:end],
            fixed.y,
            memory.a,
            fixed.f,
            seen.value,
            seen.quality,
            seen.reason,
            result.demands,
            result.conditions,
            result.details,
            fixed.leak_x,
            memory.leak_z,
            dt_s,
        )
        first = end


HELPERS: Final = (
    clip,
    lag,
    is_yielded,
    adopted,
    drive,
    *SHARE_HELPERS,
    position_used_pct,
    opening_for,
    greatest_opening_pct,
    wanted_position_pct,
    moved_pct,
    rebalance,
    open_hot,
    is_wanting,
    conclude,
    report,
    drive_branch,
    is_shut_off,
    balance_manifold,
)
"""Every plain function ``balance`` calls, callees before callers."""

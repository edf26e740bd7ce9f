"""Keeps the pressure loops of CDUs on one header from fighting, and lets the others carry a lost one's share at once.

Every loop goes on measuring and deciding for itself: a unit that the group knows nothing of is simply alone. Each
member's integral is drawn gently to the members' mean output, so that sensors that differ by a kilopascal do not drive
one unit to its limit against the others. Changes integrals only, before the next cycle; knows no actuator's demand.
"""

import math
from typing import Final

from coolantd.control.actuators import OFF_MARGIN_PCT, any_yielded, is_yielded, loop_output, loop_yielded, reading_of
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.conditions import Condition
from coolantd.control.filters import lag
from coolantd.control.group_layout import (
    G_CALM_PCT,
    G_PENDING_PCT,
    G_STATE,
    GROUP_MAX,
    GroupState,
)
from coolantd.control.layout import (
    D_MODE,
    F_MINIMUM,
    P_OUTPUT_MAX,
    P_OUTPUT_RATE,
    PRESSURE,
    S_FILTERED,
    S_INTEGRAL,
    S_OUTPUT,
    S_SETPOINT_USED,
    X_PUMP,
    Y_POSITION,
)
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray
from coolantd.safety.modes import ACTS_AS, Mode

EQUALISE_S: Final = 5.0
"""Time in which a member's output comes to the mean. A pressure loop is settled after 2 s; a sensor 1 kPa off then
costs its unit a quarter of a percent of speed (gain x this time / integral time)."""
JOINED_PCT: Final = 3.0
"""A newcomer whose output is this near to the members' mean is one of them."""
CALM_S: Final = 10.0
"""Low-pass of the mean output: what the members did before one of them was lost, not their answer to it."""
INTERNAL_RATIO: Final = 0.5
"""Part of a pump's head that is spent inside its unit, and so rises with the square of its flow; the rest stays over
the racks. A half for units rated at 84 kPa inside, 90 kPa outside; the loop makes good what is left."""

_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_OUT: Final = int(GroupState.OUT)
_JOINING: Final = int(GroupState.JOINING)
_MEMBER: Final = int(GroupState.MEMBER)
_CONDITION: Final = int(Condition.GROUP_SHORT)


def is_able(
    n: int,
    s: FloatArray,
    d: FloatArray,
    x: IntArray,
    y: IntArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
) -> bool:
    """Return whether a CDU can carry a share: in automatic, its pumps its own and not measured to stand still."""
    if ACTS_AS[int(d[n, D_MODE])] != _AUTOMATIC or loop_yielded(x[n], PRESSURE, y, quality, reason):
        return False
    somebody = any_yielded(x[n], y, quality, reason)
    speed_pct = loop_output(x[n], PRESSURE, Y_POSITION, somebody, y, value, quality, reason)
    stopped = speed_pct < f[x[n, X_PUMP], F_MINIMUM] - OFF_MARGIN_PCT  # False for NaN
    return math.isfinite(s[n, PRESSURE, S_OUTPUT]) and not stopped


def mean_output_pct(cdus: IntArray, s: FloatArray, g: FloatArray) -> float:
    """Return the mean output of a group's members; NaN while it has none."""
    total_pct, members = 0.0, 0
    for k in range(GROUP_MAX):
        if cdus[k] >= 0 and g[cdus[k], G_STATE] == _MEMBER:
            total_pct += s[cdus[k], PRESSURE, S_OUTPUT]
            members += 1
    return total_pct / members if members > 0 else math.nan


def count_in(cdus: IntArray, g: FloatArray, least: int) -> int:
    """Return how many CDUs of a group are at least ``least`` to it, a ``GroupState``."""
    found = 0
    for k in range(GROUP_MAX):
        if cdus[k] >= 0 and g[cdus[k], G_STATE] >= least:
            found += 1
    return found


def speed_ratio(before: int, after: int) -> float:
    """Return by how much pumps must run faster when ``after`` of ``before`` units carry the same flow."""
    share = before / after
    return math.sqrt(1.0 - INTERNAL_RATIO + INTERNAL_RATIO * share * share)


def leave(n: int, g: FloatArray) -> None:
    """Let a CDU be out of its group, in place."""
    g[n, G_STATE] = _OUT
    g[n, G_CALM_PCT] = math.nan
    g[n, G_PENDING_PCT] = 0.0


def admit(cdus: IntArray, s: FloatArray, g: FloatArray) -> None:
    """Make members of newcomers that have arrived, or of all when there is none yet; in place."""
    mean_pct = mean_output_pct(cdus, s, g)
    for k in range(GROUP_MAX):
        n = cdus[k]
        if n >= 0 and g[n, G_STATE] == _JOINING and not abs(s[n, PRESSURE, S_OUTPUT] - mean_pct) > JOINED_PCT:
            g[n, G_STATE] = _MEMBER


def take_over(cdus: IntArray, before: int, p: FloatArray, s: FloatArray, g: FloatArray) -> None:
    """Have the members rise by what those lost in this cycle carried, in place; ``before`` of them were there."""
    after = count_in(cdus, g, _MEMBER)
    if after == 0 or after >= before:
        return
    for k in range(GROUP_MAX):
        n = cdus[k]
        if n >= 0 and g[n, G_STATE] == _MEMBER and math.isfinite(g[n, G_CALM_PCT]):
            target_pct = min(speed_ratio(before, after) * g[n, G_CALM_PCT], p[n, PRESSURE, P_OUTPUT_MAX])
            g[n, G_PENDING_PCT] = max(target_pct - s[n, PRESSURE, S_OUTPUT], 0.0)


def draw(n: int, mean_pct: float, p: FloatArray, s: FloatArray, g: FloatArray, dt_s: float) -> None:
    """Move one CDU's integral toward the mean and by what is pending, in place; never faster than its pumps may.

    What is pending is dropped once the pressure is there: a unit out of touch whose pumps go on was no loss at all.
    """
    if s[n, PRESSURE, S_FILTERED] >= s[n, PRESSURE, S_SETPOINT_USED]:
        g[n, G_PENDING_PCT] = 0.0
    most_pct = p[n, PRESSURE, P_OUTPUT_RATE] * dt_s
    rise_pct = min(g[n, G_PENDING_PCT], most_pct)
    g[n, G_PENDING_PCT] -= rise_pct
    gap_pct = (mean_pct - s[n, PRESSURE, S_OUTPUT]) * min(dt_s / EQUALISE_S, 1.0)
    s[n, PRESSURE, S_INTEGRAL] += clip(rise_pct + gap_pct, -most_pct, most_pct)
    if g[n, G_STATE] == _MEMBER and g[n, G_PENDING_PCT] == 0.0:
        calm_pct = g[n, G_CALM_PCT]
        g[n, G_CALM_PCT] = lag(calm_pct, mean_pct, CALM_S, dt_s) if math.isfinite(calm_pct) else mean_pct


def run_group(
    cdus: IntArray,
    p: FloatArray,
    s: FloatArray,
    d: FloatArray,
    x: IntArray,
    g: FloatArray,
    y: IntArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    conditions: IntArray,
    dt_s: float,
) -> None:
    """Carry out one group, in place; ``cdus`` is its row."""
    before, configured = count_in(cdus, g, _MEMBER), 0
    for k in range(GROUP_MAX):
        n = cdus[k]
        if n >= 0:
            configured += 1
            if not is_able(n, s, d, x, y, f, value, quality, reason):
                leave(n, g)
            elif g[n, G_STATE] == _OUT:
                g[n, G_STATE] = _JOINING
    take_over(cdus, before, p, s, g)
    admit(cdus, s, g)
    mean_pct, present = mean_output_pct(cdus, s, g), count_in(cdus, g, _JOINING)
    for k in range(GROUP_MAX):
        n = cdus[k]
        if n >= 0 and g[n, G_STATE] != _OUT:
            if math.isfinite(mean_pct):
                draw(n, mean_pct, p, s, g, dt_s)
            if present < configured:
                conditions[n, _CONDITION] = 1


def run_groups(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Carry out every group, after each CDU has decided for itself; integrals and ``group_d`` change in place."""
    for k in range(fixed.group_x.shape[0]):
        run_group(
            fixed.group_x[k],
            result.p,
            memory.s,
            memory.d,
            fixed.x,
            memory.group_d,
            fixed.y,
            fixed.f,
            seen.value,
            seen.quality,
            seen.reason,
            result.conditions,
            dt_s,
        )


HELPERS: Final = (
    clip,
    lag,
    is_yielded,
    any_yielded,
    loop_yielded,
    reading_of,
    loop_output,
    is_able,
    mean_output_pct,
    count_in,
    speed_ratio,
    leave,
    admit,
    take_over,
    draw,
    run_group,
)
"""Every plain function ``run_groups`` calls, callees before callers."""

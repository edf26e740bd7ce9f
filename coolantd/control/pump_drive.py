"""From roles and the loop's output to the demand of each pump; and who leads the output while pumps change.

A pump that takes the place of a lost one starts straight at the speed that was in force: the drive's own ramp spares
the hoses. Everything else keeps its slew limit. A pump that comes or goes creeps, and waits while the loop is off its
setpoint by more than it can be expected to correct on the way.

Knows speeds and the loop's setpoint; must never change a role but that of a pump that has arrived or left.
"""

import math
from typing import Final

from coolantd.control.actuators import HOLD, MOVE, drive, is_yielded, reading_of
from coolantd.control.layout import (
    A_LAST,
    F_MAXIMUM,
    F_MINIMUM,
    F_RATE,
    F_ZERO_ALLOWED,
    P_ACTION,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    PUMPS_MAX,
    S_OUTPUT,
    S_SETPOINT_USED,
    S_TRIAL,
    S_TRIAL_OPERATOR,
    X_PUMP,
    Y_POSITION,
)
from coolantd.control.pid import clip, track
from coolantd.control.pump_layout import (
    G_CALM_S,
    G_OUTPUT,
    G_RIDE,
    G_RIDE_PCT,
    G_RIDE_S,
    H_DUTY,
    H_STANDBY,
    TRIPPED_RUNNING,
    U_ROLE,
    U_TARGET_PCT,
    U_TRIPPED,
    Ride,
    Role,
)
from coolantd.control.pump_roles import runs
from coolantd.point import FloatArray, IntArray
from coolantd.safety.modes import Mode

_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_FAILSAFE: Final = int(Mode.FAILSAFE)
_MANUAL: Final = int(Mode.MANUAL)
_DUTY: Final = float(Role.DUTY)
_STANDBY: Final = float(Role.STANDBY)
_ARRIVING: Final = float(Role.ARRIVING)
_LEAVING: Final = float(Role.LEAVING)
_LOOP: Final = float(Ride.LOOP)
_HOLD: Final = float(Ride.HOLD)
_RAISE: Final = float(Ride.RAISE)

CALM_RATIO: Final = 0.03
"""Within this share of its setpoint a loop is calm: a hand-over may begin."""
HALT_RATIO: Final = 0.01
"""A pump that comes or goes waits while the loop is off by more than this, so that it stays within 3 %."""
LOW_RATIO: Final = 0.05
"""This far below the setpoint what comes up is needed: it comes at its full rate."""
CANCEL_RATIO: Final = 0.1
"""This far below the setpoint nothing goes: a pump that was leaving is on duty again."""
CREEP_PCT_PER_S: Final = 0.5
"""Where a second pump begins to carry, a loop with the gains of the reference plant is off by 10 kPa per %/s."""
CAUGHT_UP_PCT: Final = 5.0
"""A pump this near to its command has caught up: the loop can have its output back."""
FALL_S: Final = 2.0
"""So long the pressure says nothing of a lost pump: its drive tells before it has coasted down."""
RIDE_MAX_S: Final = 30.0
"""The loop gets its output back after this whatever happens: three times the slowest ramp of a drive."""


def excess_ratio(p: FloatArray, s: FloatArray, measured: float) -> float:
    """Return by how much there is more than wanted, as a share of the setpoint; NaN if unknown.

    Args:
        p: the loop's parameters, whose sign of action says which way more is.
        s: its state.
        measured: process variable or NaN.
    """
    setpoint = s[S_SETPOINT_USED]
    if not math.isfinite(measured) or not abs(setpoint) > 0.0:
        return math.nan
    return p[P_ACTION] * (measured - setpoint) / abs(setpoint)


def caught_up(x: IntArray, u: FloatArray, output_pct: float, y: IntArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether every pump on duty is near an output; one whose speed is unknown does not count."""
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0 or u[k, U_ROLE] != _DUTY:
            continue
        if reading_of(i, Y_POSITION, y, value, quality) < output_pct - CAUGHT_UP_PCT:
            return False
    return True


def begin_ride(g: FloatArray, p: FloatArray, before: int, left: int, found: int) -> None:
    """Take the output from the loop because a pump on duty was lost, in place.

    Where none takes its place, each of those left has to move ``before / left`` times the flow: by the affinity laws
    its speed rises by no more than that.
    """
    if not math.isfinite(g[G_OUTPUT]) or left <= 0:
        return
    g[G_RIDE_S] = 0.0
    if found > 0:
        g[G_RIDE] = _HOLD
    elif left < before:
        g[G_RIDE] = _RAISE
        g[G_RIDE_PCT] = min(g[G_OUTPUT] * before / left, p[P_OUTPUT_MAX])


def is_needless(g: FloatArray, excess: float, enough: float) -> bool:
    """Return whether the pressure says that the loop can have its output back; ``enough`` and ``excess`` as ratios."""
    return g[G_RIDE_S] >= FALL_S and excess >= enough


def lead_output(
    p: FloatArray,
    s: FloatArray,
    g: FloatArray,
    x: IntArray,
    u: FloatArray,
    mode: int,
    measured: float,
    excess: float,
    y: IntArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> None:
    """Hold or raise the loop's output while pumps change, in place; the loop then goes on from there without a bump.

    An output that an operator has is led by nobody else.
    """
    output_pct = g[G_OUTPUT]
    g[G_RIDE_S] += dt_s
    if (
        mode != _AUTOMATIC
        or s[S_TRIAL] == S_TRIAL_OPERATOR
        or g[G_RIDE_S] > RIDE_MAX_S
        or not math.isfinite(output_pct)
    ):
        g[G_RIDE] = _LOOP
    elif g[G_RIDE] == _HOLD:
        if is_needless(g, excess, 0.0) or caught_up(x, u, output_pct, y, value, quality):
            g[G_RIDE] = _LOOP
    elif g[G_RIDE] == _RAISE:
        if is_needless(g, excess, -CALM_RATIO) or output_pct >= g[G_RIDE_PCT]:
            g[G_RIDE] = _LOOP
        else:
            output_pct = min(output_pct + p[P_OUTPUT_RATE] * dt_s, g[G_RIDE_PCT])
    if g[G_RIDE] != _LOOP:
        output_pct = clip(output_pct, p[P_OUTPUT_MIN], p[P_OUTPUT_MAX])  # which a limit of the pumps may have moved
        s[S_OUTPUT] = output_pct
        if math.isfinite(measured):
            track(p, s, s[S_SETPOINT_USED], measured, 0.0, output_pct)
    g[G_OUTPUT] = s[S_OUTPUT]
    calm = mode == _AUTOMATIC and g[G_RIDE] == _LOOP and abs(excess) < CALM_RATIO
    g[G_CALM_S] = g[G_CALM_S] + dt_s if calm else 0.0


def others_carry(
    n: int,
    x: IntArray,
    h: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
) -> bool:
    """Return whether as many pumps as are wanted are on duty besides pump ``n``, are ours and are seen running."""
    count = 0
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0 or k == n or u[k, U_ROLE] != _DUTY or not math.isfinite(a[i, A_LAST]):
            continue
        if runs(i, y, f, value, quality):
            count += 1
    return count >= h[H_DUTY]


def creep(
    k: int,
    x: IntArray,
    h: FloatArray,
    u: FloatArray,
    output_pct: float,
    excess: float,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> None:
    """Move a pump that comes or goes on its way, in place; it waits while the loop is off, or its state unknown."""
    i = x[X_PUMP + k]
    if u[k, U_ROLE] == _ARRIVING:
        if excess <= HALT_RATIO:
            u[k, U_TARGET_PCT] += dt_s * (f[i, F_RATE] if excess < -LOW_RATIO else min(CREEP_PCT_PER_S, f[i, F_RATE]))
        if u[k, U_TARGET_PCT] >= output_pct:
            u[k, U_ROLE] = _DUTY
    elif u[k, U_ROLE] == _LEAVING:
        if excess < -CANCEL_RATIO:
            u[k, U_ROLE] = _DUTY
        elif excess >= -HALT_RATIO:
            u[k, U_TARGET_PCT] -= dt_s * min(CREEP_PCT_PER_S, f[i, F_RATE])
            if u[k, U_TARGET_PCT] <= f[i, F_MINIMUM]:
                u[k, U_ROLE] = _STANDBY if others_carry(k, x, h, u, y, a, f, value, quality) else _DUTY


def target_of(
    k: int, h: FloatArray, u: FloatArray, minimum_pct: float, output_pct: float, mode: int, all_lost: bool
) -> float:
    """Return where a pump is to go, %; 0 rests. In failsafe, and with every pump lost, each goes to the output."""
    if mode == _FAILSAFE or all_lost:
        return output_pct
    if u[k, U_TRIPPED] > 0.0:
        return minimum_pct if u[k, U_TRIPPED] == TRIPPED_RUNNING else 0.0
    if u[k, U_ROLE] == _ARRIVING or u[k, U_ROLE] == _LEAVING:
        return u[k, U_TARGET_PCT]
    if u[k, U_ROLE] == _STANDBY and (h[H_STANDBY] == 1.0 or mode != _MANUAL):
        return 0.0
    return output_pct


def drive_pump(
    i: int,
    target: float,
    start_pct: float,
    manner: int,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    dt_s: float,
) -> float:
    """Return a pump's demand as ``drive`` does; one below its minimum may rest, and start at up to ``start_pct``."""
    last = a[i, A_LAST]
    demand = drive(i, target, manner, y, a, f, value, quality, reason, dt_s)
    if manner != MOVE or not math.isfinite(last) or not math.isfinite(demand) or f[i, F_ZERO_ALLOWED] != 1.0:
        return demand
    if target < f[i, F_MINIMUM]:
        return 0.0 if last <= f[i, F_MINIMUM] else demand
    if last < f[i, F_MINIMUM]:
        return clip(start_pct, f[i, F_MINIMUM], clip(target, f[i, F_MINIMUM], f[i, F_MAXIMUM]))
    return demand


def fastest_told(x: IntArray, a: FloatArray) -> float:
    """Return the greatest speed that any pump of the group was last told, 0 if none was told any."""
    fastest = 0.0
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i >= 0 and a[i, A_LAST] > fastest:
            fastest = a[i, A_LAST]
    return fastest


def drive_pumps(
    x: IntArray,
    h: FloatArray,
    u: FloatArray,
    output_pct: float,
    mode: int,
    manner: int,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    demands: FloatArray,
    dt_s: float,
) -> None:
    """Demand of every pump of a group what its role says, in place."""
    start_pct = fastest_told(x, a) if mode != _FAILSAFE else math.nan
    all_lost, others = True, 0
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0 and u[k, U_TRIPPED] == 0.0:
            all_lost = False
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            continue
        if u[k, U_ROLE] == _DUTY and is_yielded(i, y, quality, reason):
            others += 1
        target = target_of(k, h, u, f[i, F_MINIMUM], output_pct, mode, all_lost)
        own = manner
        if manner == HOLD and u[k, U_ROLE] == _DUTY and a[i, A_LAST] < f[i, F_MINIMUM]:
            own = MOVE  # held in manual, and now in the place of one that was lost
        demands[i] = drive_pump(i, target, start_pct, own, y, a, f, value, quality, reason, dt_s)
    if others > 0 and fastest_told(x, a) == 0.0:  # to the envelope, which knows none of theirs, a 0 would be the last
        for k in range(PUMPS_MAX):
            if x[X_PUMP + k] >= 0 and demands[x[X_PUMP + k]] == 0.0:
                demands[x[X_PUMP + k]] = math.nan


HELPERS: Final = (
    excess_ratio,
    caught_up,
    begin_ride,
    is_needless,
    lead_output,
    others_carry,
    creep,
    target_of,
    drive_pump,
    fastest_told,
    drive_pumps,
)
"""Every plain function of this file, callees before callers."""

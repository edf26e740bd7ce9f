"""Which pumps of a group run: duty and standby, hand-over by run hours, replacement of a pump that was lost.

A role is changed only here. A pump that was lost is replaced in the cycle that found it; everything else happens one
pump at a time, in automatic and near the setpoint: another comes up slowly first, then one goes.

Knows roles, run hours and how calm the loop is; must never know speeds to be asked for.
"""

import math
from typing import Final

from coolantd.control.actuators import OFF_MARGIN_PCT, adopted, is_yielded, reading_of
from coolantd.control.layout import A_LAST, F_MINIMUM, PUMPS_MAX, X_PUMP, Y_POSITION
from coolantd.control.pump_layout import (
    G_CALM_S,
    G_DUTY_S,
    G_LEAVER,
    G_OVERDUE_S,
    G_STAYED,
    H_DUTY,
    H_ROTATION_S,
    H_STANDBY,
    K_RUN_TIME,
    U_HOURS_H,
    U_ROLE,
    U_RUN_S,
    U_TARGET_PCT,
    U_TRIPPED,
    Role,
)
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)
_UNKNOWN: Final = float(Role.UNKNOWN)
_DUTY: Final = float(Role.DUTY)
_STANDBY: Final = float(Role.STANDBY)
_ARRIVING: Final = float(Role.ARRIVING)
_LEAVING: Final = float(Role.LEAVING)

SECONDS_PER_HOUR: Final = 3600.0
ROTATION_CALM_S: Final = 60.0
"""So long the loop must have been near its setpoint before a hand-over begins."""
SHED_CALM_S: Final = 10.0
"""The same before a pump too many goes; long enough for what another's arrival stirred up."""
STAYED_MAX: Final = 3.0
"""Periods that a pump with fewer run hours stays on beyond its own, to even them out; then the other is exercised."""
NOBODY: Final = -1


def runs(i: int, y: IntArray, f: FloatArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether a pump is seen running."""
    return reading_of(i, Y_POSITION, y, value, quality) >= f[i, F_MINIMUM] - OFF_MARGIN_PCT


def as_found(i: int, y: IntArray, a: FloatArray, f: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return the role of a pump as it is: on duty if it was last told to run, or is seen running."""
    last = a[i, A_LAST]
    if not math.isfinite(last):
        last = adopted(f[i], reading_of(i, Y_POSITION, y, value, quality))
    return _DUTY if last >= f[i, F_MINIMUM] - OFF_MARGIN_PCT else _STANDBY


def find_roles(
    x: IntArray,
    u: FloatArray,
    starting: bool,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
) -> None:
    """Take the roles from what the pumps do: all of them in starting, else the unknown ones and those of others."""
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            return
        if is_yielded(i, y, quality, reason):
            u[k, U_ROLE] = _DUTY if runs(i, y, f, value, quality) else _STANDBY
        elif starting and u[k, U_TRIPPED] == 0.0:
            position = reading_of(i, Y_POSITION, y, value, quality)
            u[k, U_ROLE] = _DUTY if adopted(f[i], position) > 0.0 and math.isfinite(position) else _STANDBY
        elif u[k, U_ROLE] == _UNKNOWN:
            u[k, U_ROLE] = as_found(i, y, a, f, value, quality)


def on_duty(x: IntArray, u: FloatArray) -> int:
    """Return how many pumps are on duty."""
    count = 0
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0 and u[k, U_ROLE] == _DUTY:
            count += 1
    return count


def ours_on_duty(x: IntArray, u: FloatArray, y: IntArray, quality: IntArray, reason: IntArray) -> int:
    """Return how many pumps are on duty that no other writer could stop."""
    count = 0
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i >= 0 and u[k, U_ROLE] == _DUTY and not is_yielded(i, y, quality, reason):
            count += 1
    return count


def in_between(x: IntArray, u: FloatArray) -> bool:
    """Return whether any pump is coming or going."""
    found = False
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0:
            found = found or u[k, U_ROLE] == _ARRIVING or u[k, U_ROLE] == _LEAVING
    return found


def any_tripped(x: IntArray, u: FloatArray) -> bool:
    """Return whether any pump is excluded."""
    found = False
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0:
            found = found or u[k, U_TRIPPED] > 0.0
    return found


def count_hours(x: IntArray, kx: IntArray, u: FloatArray, value: FloatArray, quality: IntArray) -> None:
    """Take down the pumps' run hours, in place: the device's own where each has them, else those seen; never mixed."""
    own = True
    for k in range(PUMPS_MAX):
        index = kx[k, K_RUN_TIME]
        if x[X_PUMP + k] >= 0 and (index < 0 or quality[index] == _BAD):
            own = False
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0:
            u[k, U_HOURS_H] = value[kx[k, K_RUN_TIME]] if own else u[k, U_RUN_S] / SECONDS_PER_HOUR


def available(
    k: int, x: IntArray, u: FloatArray, y: IntArray, a: FloatArray, quality: IntArray, reason: IntArray
) -> bool:
    """Return whether a pump could be started by us now: not excluded, in touch and nobody else's."""
    i = x[X_PUMP + k]
    return u[k, U_TRIPPED] == 0.0 and math.isfinite(a[i, A_LAST]) and not is_yielded(i, y, quality, reason)


def next_up(x: IntArray, u: FloatArray, y: IntArray, a: FloatArray, quality: IntArray, reason: IntArray) -> int:
    """Return the pump to run next, or NOBODY: one that turns already, else the resting one with the fewest hours."""
    best, least_h = NOBODY, math.inf
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] < 0:
            return best
        if u[k, U_ROLE] == _DUTY or not available(k, x, u, y, a, quality, reason):
            continue
        hours = u[k, U_HOURS_H]
        if u[k, U_ROLE] != _STANDBY:
            hours = -math.inf
        if best == NOBODY or hours < least_h:
            best, least_h = k, hours
    return best


def next_down(x: IntArray, u: FloatArray, y: IntArray, quality: IntArray, reason: IntArray) -> int:
    """Return the pump on duty with the most run hours that is ours to stop, or NOBODY."""
    worst, most_h = NOBODY, -math.inf
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            return worst
        if u[k, U_ROLE] == _DUTY and not is_yielded(i, y, quality, reason):
            hours = u[k, U_HOURS_H]
            if worst == NOBODY or hours > most_h:
                worst, most_h = k, hours
    return worst


def replace_lost(
    x: IntArray,
    h: FloatArray,
    g: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    quality: IntArray,
    reason: IntArray,
) -> int:
    """Put on duty at once as many pumps as are missing, in place; return how many were found."""
    found = 0
    while on_duty(x, u) < h[H_DUTY]:
        k = next_up(x, u, y, a, quality, reason)
        if k == NOBODY:
            break
        u[k, U_ROLE] = _DUTY
        found += 1
    g[G_LEAVER] = float(NOBODY)
    g[G_DUTY_S] = 0.0
    return found


def bring(k: int, i: int, u: FloatArray, f: FloatArray) -> None:
    """Let a resting pump come up from its minimum, in place."""
    u[k, U_ROLE] = _ARRIVING
    u[k, U_TARGET_PCT] = f[i, F_MINIMUM]


def dismiss(k: int, i: int, g: FloatArray, u: FloatArray, a: FloatArray) -> None:
    """Let a pump on duty go down from where it is, in place."""
    u[k, U_ROLE] = _LEAVING
    u[k, U_TARGET_PCT] = a[i, A_LAST]
    g[G_LEAVER] = float(NOBODY)
    g[G_CALM_S] = 0.0


def time_duty(x: IntArray, h: FloatArray, g: FloatArray, u: FloatArray, dt_s: float) -> bool:
    """Count how long the pumps on duty have been, in place; return whether a hand-over is due.

    What was before this daemon is taken from the run hours: the pump on duty is taken to have been so for as long as
    it is ahead of the others.
    """
    if not math.isfinite(g[G_DUTY_S]):
        least_h, most_h = math.inf, -math.inf
        for k in range(PUMPS_MAX):
            if x[X_PUMP + k] >= 0:
                hours = u[k, U_HOURS_H]
                if u[k, U_ROLE] == _DUTY:
                    most_h = max(most_h, hours)
                else:
                    least_h = min(least_h, hours)
        if not (math.isfinite(least_h) and math.isfinite(most_h)):
            return False
        g[G_DUTY_S] = min(max((most_h - least_h) * SECONDS_PER_HOUR, 0.0), h[H_ROTATION_S])
    g[G_DUTY_S] += dt_s
    due = g[G_DUTY_S] >= h[H_ROTATION_S]
    g[G_OVERDUE_S] = g[G_OVERDUE_S] + dt_s if due else 0.0
    return due


def rotate(
    x: IntArray,
    g: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    quality: IntArray,
    reason: IntArray,
) -> None:
    """Begin a hand-over that is due, in place, unless something speaks against it now."""
    if g[G_CALM_S] < ROTATION_CALM_S or any_tripped(x, u):
        return
    up = next_up(x, u, y, a, quality, reason)
    down = next_down(x, u, y, quality, reason)
    if NOBODY in (up, down):
        return
    ahead = u[up, U_HOURS_H] > u[down, U_HOURS_H]
    if ahead and g[G_STAYED] < STAYED_MAX:
        g[G_STAYED] += 1.0
        g[G_DUTY_S] = 0.0
        return
    bring(up, x[X_PUMP + up], u, f)
    g[G_LEAVER] = float(down)
    g[G_STAYED] = 0.0
    g[G_DUTY_S] = 0.0
    g[G_OVERDUE_S] = 0.0


def assign(
    x: IntArray,
    h: FloatArray,
    g: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    quality: IntArray,
    reason: IntArray,
    due: bool,
) -> None:
    """Change the roles of a group in automatic, in place, by one pump at most."""
    count = on_duty(x, u)
    if in_between(x, u):
        return
    if count < h[H_DUTY]:
        k = next_up(x, u, y, a, quality, reason)
        if k != NOBODY:
            bring(k, x[X_PUMP + k], u, f)
    elif count > h[H_DUTY]:
        k = int(g[G_LEAVER])
        if k == NOBODY or u[k, U_ROLE] != _DUTY or is_yielded(x[X_PUMP + k], y, quality, reason):
            k = next_down(x, u, y, quality, reason)
        if k != NOBODY and g[G_CALM_S] >= SHED_CALM_S and ours_on_duty(x, u, y, quality, reason) > h[H_DUTY]:
            dismiss(k, x[X_PUMP + k], g, u, a)
    elif due and h[H_STANDBY] == 1.0:
        rotate(x, g, u, y, a, f, quality, reason)


HELPERS: Final = (
    runs,
    as_found,
    find_roles,
    on_duty,
    ours_on_duty,
    in_between,
    any_tripped,
    count_hours,
    available,
    next_up,
    next_down,
    replace_lost,
    bring,
    dismiss,
    time_duty,
    rotate,
    assign,
)
"""Every plain function of the roles, callees before callers."""

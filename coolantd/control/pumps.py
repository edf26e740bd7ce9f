"""The pump stage of a step: what the pressure loop asks for, given to each pump. Plain functions over packed arrays.

Behind the loops and before the last gate. Notices a pump that has tripped, lets another take its place in the same
cycle, and hands over between pumps by their run hours.
"""

import math
from typing import Final

from coolantd.control.actuators import is_yielded
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.conditions import Condition
from coolantd.control.events import remote_refused
from coolantd.control.layout import D_MODE, P_MANUAL, PRESSURE, PUMPS_MAX, S_OUTPUT, S_TRIAL, X_PUMP, X_PV
from coolantd.control.loops import manner_of
from coolantd.control.pump_drive import HELPERS as DRIVE_HELPERS
from coolantd.control.pump_drive import begin_ride, creep, drive_pumps, excess_ratio, lead_output
from coolantd.control.pump_layout import G_OVERDUE_S, H_DUTY, H_ROTATION_S, H_STANDBY, U_ROLE, U_TRIPPED, Role
from coolantd.control.pump_roles import HELPERS as ROLE_HELPERS
from coolantd.control.pump_roles import assign, available, count_hours, find_roles, on_duty, replace_lost, time_duty
from coolantd.control.pump_trips import HELPERS as TRIP_HELPERS
from coolantd.control.pump_trips import watch_pump
from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.modes import ACTS_AS, Mode

_BAD: Final = int(Quality.BAD)
_STARTING: Final = int(Mode.STARTING)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_MANUAL: Final = int(Mode.MANUAL)
_DUTY: Final = float(Role.DUTY)
_STANDBY: Final = float(Role.STANDBY)
_PUMP_TRIPPED: Final = int(Condition.PUMP_TRIPPED)
_NO_STANDBY_LEFT: Final = int(Condition.NO_STANDBY_LEFT)
_ROTATION_OVERDUE: Final = int(Condition.ROTATION_OVERDUE)

OVERDUE_S: Final = 3600.0
"""A hand-over that has been due for an hour is not only waiting for a load step to pass."""


def watch_pumps(
    x: IntArray,
    h: FloatArray,
    kx: IntArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    dt_s: float,
) -> int:
    """Look at every pump of a group and take those found tripped out of it, in place; return how many were on duty."""
    lost = 0
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i < 0:
            return lost
        ours = not is_yielded(i, y, quality, reason)
        if watch_pump(h, kx[k], u[k], i, ours, y, a, f, value, quality, dt_s):
            if u[k, U_ROLE] == _DUTY:
                lost += 1
            u[k, U_ROLE] = _STANDBY
    return lost


def tell(
    x: IntArray,
    h: FloatArray,
    g: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    quality: IntArray,
    reason: IntArray,
    mode: int,
    conditions: IntArray,
    details: IntArray,
) -> None:
    """Write the conditions of a group into the CDU's rows."""
    spare = 0
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] >= 0:
            if u[k, U_TRIPPED] > 0.0 and conditions[_PUMP_TRIPPED] == 0:
                conditions[_PUMP_TRIPPED] = 1
                details[_PUMP_TRIPPED] = k
            if u[k, U_ROLE] != _DUTY and available(k, x, u, y, a, quality, reason):
                spare += 1
    if h[H_STANDBY] == 1.0 and mode in (_AUTOMATIC, _MANUAL):
        conditions[_NO_STANDBY_LEFT] = 1 if spare + on_duty(x, u) <= h[H_DUTY] else 0
        conditions[_ROTATION_OVERDUE] = 1 if g[G_OVERDUE_S] > OVERDUE_S else 0


def distribute_cdu(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    h: FloatArray,
    kx: IntArray,
    g: FloatArray,
    u: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    demands: FloatArray,
    conditions: IntArray,
    details: IntArray,
    dt_s: float,
) -> None:
    """Drive the pumps of one CDU, in place: ``p, s`` are the rows of its pressure loop."""
    mode = int(ACTS_AS[int(d[D_MODE])])
    may_change = mode == _AUTOMATIC and s[S_TRIAL] == 0.0  # nobody comes or goes while a trial wants to learn something
    measured = value[x[X_PV + PRESSURE]] if quality[x[X_PV + PRESSURE]] != _BAD else math.nan
    before = on_duty(x, u)
    lost = watch_pumps(x, h, kx, u, y, a, f, value, quality, reason, dt_s)
    count_hours(x, kx, u, value, quality)
    find_roles(x, u, mode == _STARTING, y, a, f, value, quality, reason)
    if mode in (_AUTOMATIC, _MANUAL):
        due = math.isfinite(h[H_ROTATION_S]) and time_duty(x, h, g, u, dt_s)
        if lost > 0 or (on_duty(x, u) == 0 and mode == _AUTOMATIC):
            found = replace_lost(x, h, g, u, y, a, quality, reason)
            if lost > 0:
                begin_ride(g, p, before, on_duty(x, u), found)
        elif may_change:
            assign(x, h, g, u, y, a, f, quality, reason, due)
    excess = excess_ratio(p, s, measured)
    lead_output(p, s, g, x, u, mode, measured, excess, y, value, quality, dt_s)
    if may_change:
        for k in range(PUMPS_MAX):
            if x[X_PUMP + k] >= 0:
                creep(k, x, h, u, s[S_OUTPUT], excess, y, a, f, value, quality, dt_s)
    manner = manner_of(mode, p[P_MANUAL], s[S_TRIAL], not remote_refused(x, c, value, quality))
    drive_pumps(x, h, u, s[S_OUTPUT], mode, manner, y, a, f, value, quality, reason, demands, dt_s)
    tell(x, h, g, u, y, a, quality, reason, mode, conditions, details)


def distribute(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Drive the pumps of every CDU by what its pressure loop has just asked for.

    Changes ``s``, ``g``, ``u`` and ``a`` of ``memory``, and ``demands``, ``conditions`` and ``details`` of ``result``,
    in place.
    """
    for n in range(fixed.p.shape[0]):
        distribute_cdu(
            result.p[n, PRESSURE],
            memory.s[n, PRESSURE],
            fixed.c[n],
            memory.d[n],
            fixed.x[n],
            fixed.h[n],
            fixed.k[n],
            memory.g[n],
            memory.u[n],
            fixed.y,
            memory.a,
            fixed.f,
            seen.value,
            seen.quality,
            seen.reason,
            result.demands,
            result.conditions[n],
            result.details[n],
            dt_s,
        )


HELPERS: Final = (*TRIP_HELPERS, *ROLE_HELPERS, *DRIVE_HELPERS, watch_pumps, tell, distribute_cdu)
"""Every plain function that ``distribute`` calls and the loops do not, callees before callers."""

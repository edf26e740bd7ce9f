"""Trim and respond: a setpoint that creeps toward thrift until something asks for more (ASHRAE Guideline 36, 5.1.14).

Knows one block of parameters and one of state, and a number of requests. Must never know what asks, or in which unit.
Beyond the published form: a measured need raises the setpoint at once and without a count, no trim goes past the
greatest need of its period, and requests that never end lead back to the configured setpoint.
"""

import math
from typing import Final

from coolantd.control.pid import at_least, clip
from coolantd.control.reset_layout import (
    T_DELAY_S,
    T_GREATEST,
    T_IGNORED,
    T_LEAST,
    T_PERIOD_S,
    T_REQUESTS_MAX,
    T_RESPOND,
    T_TRIM,
    U_AGE_S,
    U_BAD_S,
    U_ELAPSED_S,
    U_LIMIT_S,
    U_NEEDED,
    U_REQUESTS,
    U_SETPOINT,
    U_SHOWN,
    U_STORM,
    U_USE,
    ResetUse,
)
from coolantd.point import FloatArray

BAD_MAX_S: Final = 5.0
"""Bad inputs stop a reset where it is for so long; then it goes back. The model of the supply law waits as long."""
STORM_PERIODS: Final = 20.0
"""After so many responses in a row it is not the setpoint that something lacks: a stuck sensor, a blocked branch."""
LIMIT_EPSILON: Final = 1e-6

_OFF: Final = float(ResetUse.OFF)
_WAITING: Final = float(ResetUse.WAITING)
_TRIMMING: Final = float(ResetUse.TRIMMING)
_HOLDING: Final = float(ResetUse.HOLDING)
_RESPONDING: Final = float(ResetUse.RESPONDING)
_INPUTS_BAD: Final = float(ResetUse.INPUTS_BAD)
_STORM: Final = float(ResetUse.STORM)


def begin_period(u: FloatArray) -> None:
    """Forget the requests of a period that ends or does not count."""
    u[U_ELAPSED_S] = u[U_REQUESTS] = 0.0
    u[U_NEEDED] = math.nan


def stand_by(u: FloatArray, configured: float, use: float) -> None:
    """Put a reset back to the configured setpoint, for a reason."""
    begin_period(u)
    u[U_SETPOINT] = configured
    u[U_STORM] = u[U_LIMIT_S] = u[U_SHOWN] = 0.0
    u[U_USE] = use


def end_period(t: FloatArray, u: FloatArray, hold: bool) -> None:
    """Trim, hold or respond, in place."""
    beyond = min(u[U_REQUESTS], t[T_REQUESTS_MAX] + t[T_IGNORED]) - t[T_IGNORED]
    u[U_SHOWN] = u[U_REQUESTS]
    if beyond > 0.0:
        u[U_STORM] += 1.0
        u[U_USE] = _STORM if u[U_STORM] >= STORM_PERIODS else _RESPONDING
        u[U_SETPOINT] += t[T_RESPOND] * beyond
    else:
        u[U_STORM] = 0.0
        trimmed = at_least(u[U_SETPOINT] + t[T_TRIM], u[U_NEEDED])
        held = hold or trimmed == u[U_SETPOINT]
        u[U_USE] = _HOLDING if held else _TRIMMING
        if not held:
            u[U_SETPOINT] = trimmed
    begin_period(u)


def may_run(t: FloatArray, u: FloatArray, configured: float, automatic: bool, good: bool, dt_s: float) -> bool:
    """Return whether a reset is in force; where not, it stands at the configured setpoint.

    Short of ``BAD_MAX_S`` bad inputs let it stand where it is.
    """
    u[U_BAD_S] = 0.0 if good else u[U_BAD_S] + dt_s
    u[U_AGE_S] = min(u[U_AGE_S] + dt_s, t[T_DELAY_S]) if automatic else 0.0
    if not automatic:
        stand_by(u, configured, _OFF)
    elif u[U_AGE_S] < t[T_DELAY_S]:
        stand_by(u, configured, _WAITING)
    elif not good and (u[U_BAD_S] > BAD_MAX_S or not math.isfinite(u[U_SETPOINT])):
        stand_by(u, configured, _INPUTS_BAD)
    elif not math.isfinite(u[U_SETPOINT]):
        stand_by(u, configured, _HOLDING)
    return automatic and good and u[U_AGE_S] >= t[T_DELAY_S]


def trim_and_respond(
    t: FloatArray,
    u: FloatArray,
    configured: float,
    requests: float,
    needed: float,
    hold: bool,
    automatic: bool,
    good: bool,
    dt_s: float,
) -> float:
    """Advance one reset by one cycle, in place, and return its setpoint.

    Args:
        t: (TRIM_PARAMETERS,) with a reset.
        u: (TRIM_STATE,), changed in place.
        configured: setpoint of the file.
        requests: how many there are now.
        needed: setpoint that is needed for certain, NaN where unknown; only ever raises.
        hold: whether this is no time to trim.
        automatic: whether the CDU controls.
        good: whether the inputs behind requests and need can be believed.
        dt_s: seconds since the last cycle, > 0.
    """
    if not may_run(t, u, configured, automatic, good, dt_s):
        return u[U_SETPOINT]
    u[U_REQUESTS] = max(u[U_REQUESTS], requests)
    u[U_NEEDED] = at_least(u[U_NEEDED], needed)
    u[U_ELAPSED_S] += dt_s
    if u[U_ELAPSED_S] >= t[T_PERIOD_S]:
        end_period(t, u, hold)
    if u[U_USE] == _STORM:
        u[U_SETPOINT] = configured
    if needed > u[U_SETPOINT]:
        u[U_SETPOINT] = needed
        u[U_USE] = _RESPONDING if u[U_USE] != _STORM else _STORM
    wanted = u[U_SETPOINT]
    u[U_SETPOINT] = clip(wanted, t[T_LEAST], t[T_GREATEST])
    asked = requests > t[T_IGNORED] or needed > t[T_GREATEST] + LIMIT_EPSILON
    spent = (u[U_SETPOINT] >= t[T_GREATEST]) if t[T_RESPOND] > 0.0 else (u[U_SETPOINT] <= t[T_LEAST])
    u[U_LIMIT_S] = u[U_LIMIT_S] + dt_s if asked and spent else 0.0
    return u[U_SETPOINT]


HELPERS: Final = (begin_period, stand_by, end_period, may_run, trim_and_respond)
"""Every function above, callees before callers."""

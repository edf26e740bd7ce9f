"""What a trial needs to begin, and what ends it before its time. Judges one CDU's rows, changes nothing."""

import math
from typing import Final

from coolantd.control.actuators import any_yielded
from coolantd.control.arrays import Seen
from coolantd.control.layout import (
    C_DEW_DESIGN_C,
    C_DEW_MARGIN_K,
    D_CAUSE,
    D_MODE,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    PRESSURE,
    S_HELD,
    S_OUTPUT,
    S_SETPOINT_USED,
    SUPPLY_TEMP,
    X_DEW,
    X_POWER,
    X_PV,
)
from coolantd.control.plan import Plan
from coolantd.control.trial_order import Abort, Method, Trial, TrialOrder
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.modes import Cause, Mode

_GOOD: Final = int(Quality.GOOD)
_BAD: Final = int(Quality.BAD)

AHEAD_S: Final = (5.0, 1.0)
"""How far ahead a limit is looked at, per loop: the delay of actuator, exchanger and sensor, in which what was begun
goes on after the trial has ended."""
UNCERTAIN_MAX_S: Final = 1.5
"""A late reading is forgiven for this long: three periods of the fast polls. A bad one is not forgiven at all."""
DEW_GUARD_K: Final = 0.5
"""A trial stays this far above the dew-point floor."""
POWER_RATIO_MAX: Final = 0.03
"""A load that moves by more than this makes the answer worthless: the usual limit of relay tests."""
AMPLITUDE_MAX_PCT: Final = 5.0
"""A valve moved by more carries the supply over a limit that was seen coming: up to this it stays within 0.5 K of it on
every plant of the scenario bench (``tests/sim/test_trial.py``)."""
SIDE_MAX_S: Final = 300.0
"""A relay test waits no longer for the process variable to turn: three time constants of the slowest loop known."""


def refusal(order: TrialOrder, plan: Plan, s: FloatArray, d: FloatArray, value: FloatArray, quality: IntArray) -> str:
    """Return in a sentence why a trial may not begin now; empty if it may."""
    n = order.cdu
    name = plan.cdus[n].name
    mode = Mode(int(d[n, D_MODE]))
    if not 0.0 < abs(order.amplitude_pct) <= AMPLITUDE_MAX_PCT:
        return f"an amplitude of {order.amplitude_pct:g} %, allowed: above 0, at most {AMPLITUDE_MAX_PCT:g}"
    allowed = (Mode.AUTOMATIC, Mode.MANUAL) if order.method is Method.NUDGE else (Mode.AUTOMATIC,)
    if mode not in allowed:
        cause, modes = Cause(int(d[n, D_CAUSE])).label, " or ".join(each.label for each in allowed)
        return f"{name} is in {mode.label}{cause and f' ({cause})'}, allowed: {modes}"
    for point in watched_points(plan, n):
        if quality[point] != _GOOD:
            return f"{name}: point {point} that the test needs is not good"
    error_k = abs(value[plan.x[n, X_PV]] - s[n, SUPPLY_TEMP, S_SETPOINT_USED])
    if mode is Mode.AUTOMATIC and not error_k <= 0.5 * order.limits.supply_k:
        return f"{name}: the supply is {error_k:.2f} K off its setpoint, allowed: {0.5 * order.limits.supply_k:g} K"
    p = plan.p[n, order.loop]
    base, size = s[n, order.loop, S_OUTPUT], abs(order.amplitude_pct)
    if not (p[P_OUTPUT_MIN] <= base - size and base + size <= p[P_OUTPUT_MAX]):
        room = f"{p[P_OUTPUT_MIN]:g} to {p[P_OUTPUT_MAX]:g} %"
        return f"{name}: the output is at {base:.1f} %, a test of {size:g} % would leave {room}"
    return ""


def watched_points(plan: Plan, n: int) -> list[int]:
    """Return the points that must stay good while a trial runs: both process variables and every position."""
    cdu = plan.cdus[n]
    positions = [plan.actuators[i].position for i in (cdu.valve, *cdu.pumps)]
    return [cdu.supply_temp.point, cdu.pressure.point, *positions]


def power_kw_of(x: IntArray, value: FloatArray) -> float:
    """Return the racks' electric power; NaN where it is not measured or a part of it is bad."""
    rows = [row for row in x[X_POWER:] if row >= 0]
    return float(sum(value[row] for row in rows)) if rows else math.nan


def abort_of(trial: Trial, plan: Plan, s: FloatArray, mode: int, seen: Seen) -> Abort:
    """Return why the trial has to end now, or ``NONE``."""
    value, quality, reason = seen.value, seen.quality, seen.reason
    n, limits = trial.order.cdu, trial.order.limits
    x = plan.x[n]
    points = watched_points(plan, n)
    if mode != trial.mode:
        return Abort.MODE
    if (s[:, S_HELD] == 1.0).any():
        return Abort.INTERLOCK
    if any_yielded(x, plan.y, quality, reason):
        return Abort.OTHER_WRITER
    if trial.uncertain_s > UNCERTAIN_MAX_S or any(
        quality[point] == _BAD or reason[point] == int(Reason.LOCAL_OVERRIDE) for point in points
    ):
        return Abort.READING
    if trial.lease_left_s < 0.0:
        return Abort.LEASE
    supply_c, pressure = float(value[points[0]]), float(value[points[1]])
    ahead_c = supply_c + AHEAD_S[SUPPLY_TEMP] * trial.rate[SUPPLY_TEMP]
    ahead = pressure + AHEAD_S[PRESSURE] * trial.rate[PRESSURE]
    at_c, at = (s[SUPPLY_TEMP, S_SETPOINT_USED], s[PRESSURE, S_SETPOINT_USED])
    if mode != Mode.AUTOMATIC:
        at_c, at = trial.began_at
    floor_c = (value[x[X_DEW]] if quality[x[X_DEW]] == _GOOD else plan.c[n, C_DEW_DESIGN_C]) + plan.c[n, C_DEW_MARGIN_K]
    power_kw = power_kw_of(x, value)
    checks = (
        (max(abs(supply_c - at_c), abs(ahead_c - at_c)) > limits.supply_k, Abort.SUPPLY),
        (abs(trial.rate[SUPPLY_TEMP]) * 60.0 > limits.supply_rate_k_per_min, Abort.SUPPLY_RATE),
        (max(abs(pressure - at), abs(ahead - at)) > limits.pressure_ratio * abs(at), Abort.PRESSURE),
        (min(supply_c, ahead_c) < floor_c + DEW_GUARD_K, Abort.DEW_POINT),
        (abs(power_kw - trial.power_kw) > POWER_RATIO_MAX * trial.power_kw, Abort.LOAD),
        (trial.order.method is Method.RELAY and trial.side_s > SIDE_MAX_S, Abort.NO_ANSWER),
    )
    return next((abort for true, abort in checks if true), Abort.NONE)

"""A trial: one loop of one CDU held and moved a little on purpose, to learn how the plant answers. Pure, and bounded.

A trial never reaches an actuator itself. It says where a loop's output should be (``S_TRIAL``); mode, failsafe, rate
limits, yielding and the envelope stay in force around it. It ends by itself: when its pattern is through, when nobody
has asked for it for a while, or in the very cycle in which anything leaves its limits. The loop then goes on with the
gains and the integral it had. One pump alone is moved by a small offset on its demand (``offset_demands``).

Knows no socket, no client and nothing of what is made of the answer.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coolantd.control.arrays import Memory, Result, Seen
from coolantd.control.filters import lag
from coolantd.control.layout import (
    A_LAST,
    D_MODE,
    F_MAXIMUM,
    F_MINIMUM,
    F_RATE,
    LOOPS,
    PRESSURE,
    S_OUTPUT,
    S_TRIAL,
    S_TRIAL_PCT,
    SUPPLY_TEMP,
    X_PV,
)
from coolantd.control.pid import clip
from coolantd.control.plan import Plan
from coolantd.control.trial_limits import abort_of, power_kw_of, watched_points
from coolantd.control.trial_order import Abort, Method, Phase, Trial, TrialOrder
from coolantd.point import FloatArray, Quality
from coolantd.safety.modes import Mode

_GOOD: Final = int(Quality.GOOD)
_BAD: Final = int(Quality.BAD)

RATE_TIME_S: Final = 3.0
"""Low-pass of the slope: with sensors of 0.02 K noise it is then known to 0.01 K/s."""
RETURN_MAX_S: Final = 60.0
"""In manual nothing brings an output back, so a trial that ends there does it itself: twice a slow valve's 10 %."""
ARRIVED_PCT: Final = 0.05
RELAY_REST_S: Final = 20.0
"""At rest before a relay test, and at the base again after it."""


def begin(order: TrialOrder, plan: Plan, s: FloatArray, d: FloatArray, a: FloatArray, value: FloatArray) -> Trial:
    """Return a trial that starts from the plant as it is; ``refusal`` was asked before."""
    n = order.cdu
    pvs = plan.x[n, X_PV : X_PV + LOOPS]
    return Trial(
        order=order,
        base_pct=(float(s[n, SUPPLY_TEMP, S_OUTPUT]), float(s[n, PRESSURE, S_OUTPUT])),
        actuator_base_pct=math.nan if order.actuator is None else float(a[order.actuator, A_LAST]),
        began_at=(float(value[pvs[SUPPLY_TEMP]]), float(value[pvs[PRESSURE]])),
        power_kw=power_kw_of(plan.x[n], value),
        mode=int(d[n, D_MODE]),
        lease_left_s=order.limits.lease_s,
    )


def advance_trials(trials: Sequence[Trial], plan: Plan, memory: Memory, seen: Seen, dt_s: float) -> tuple[Trial, ...]:
    """Take every trial through one cycle and say in ``memory.s`` where outputs are to be; the others are let go.

    Args:
        trials: of the last cycle.
        plan: in force.
        memory: ``s`` is changed in place.
        seen: every point now.
        dt_s: seconds since the last step.
    """
    if not trials:
        return ()
    s = memory.s
    s[:, :, S_TRIAL] = 0.0
    after = []
    for trial in trials:
        moved = trial if trial.over else _advance(trial, plan, memory, seen, dt_s)
        after.append(moved)
        if not moved.over:
            for loop in range(LOOPS):
                if loop == moved.order.loop or moved.order.method is Method.NUDGE or moved.phase is Phase.RETURNING:
                    s[moved.order.cdu, loop, S_TRIAL] = 1.0
                    s[moved.order.cdu, loop, S_TRIAL_PCT] = _target_pct(moved, loop)
    return tuple(after)


def offset_demands(trials: Sequence[Trial], plan: Plan, memory: Memory, result: Result, dt_s: float) -> None:
    """Move the one actuator that a trial moves alone, within range and rate, in place; the envelope still judges."""
    for trial in trials:
        i = trial.order.actuator
        if i is None or trial.phase is not Phase.RUNNING or not math.isfinite(result.demands[i]):
            continue
        f, last = plan.f[i], memory.a[i, A_LAST]
        target = clip(trial.actuator_base_pct + trial.offset_pct, f[F_MINIMUM], f[F_MAXIMUM])
        step = f[F_RATE] * dt_s
        result.demands[i] = clip(target, last - step, last + step)


def _target_pct(trial: Trial, loop: int) -> float:
    moves = loop == trial.order.loop and trial.order.actuator is None and trial.phase is Phase.RUNNING
    return trial.base_pct[loop] + (trial.offset_pct if moves else 0.0)


def _advance(trial: Trial, plan: Plan, memory: Memory, seen: Seen, dt_s: float) -> Trial:
    n = trial.order.cdu
    s, mode = memory.s[n], int(memory.d[n, D_MODE])
    trial = replace(trial, elapsed_s=trial.elapsed_s + dt_s, lease_left_s=trial.lease_left_s - dt_s)
    if trial.phase is Phase.RETURNING:
        return _return(trial, s, mode, dt_s)
    trial = _observe(trial, plan, seen, dt_s)
    abort = abort_of(trial, plan, s, mode, seen)
    if abort is not Abort.NONE:
        return _end(trial, abort)
    return _relay(trial, seen.value, plan, dt_s) if trial.order.method is Method.RELAY else _pattern(trial)


def _observe(trial: Trial, plan: Plan, seen: Seen, dt_s: float) -> Trial:
    """Return the trial with slopes and the age of doubtful readings brought up to date."""
    n = trial.order.cdu
    points = watched_points(plan, n)
    doubtful = any(seen.quality[point] != _GOOD for point in points)
    slow, rate = list(trial.slow), list(trial.rate)
    for loop, point in enumerate(plan.x[n, X_PV : X_PV + LOOPS]):
        now = float(seen.value[point])
        if seen.quality[point] != _BAD and math.isfinite(now):
            before = slow[loop] if math.isfinite(slow[loop]) else now
            slow[loop] = lag(before, now, RATE_TIME_S, dt_s)
            rate[loop] = (now - slow[loop]) / RATE_TIME_S
    return replace(
        trial,
        slow=(slow[0], slow[1]),
        rate=(rate[0], rate[1]),
        uncertain_s=trial.uncertain_s + dt_s if doubtful else 0.0,
    )


def stopped(trial: Trial) -> Trial:
    """Return a trial that was told to stop."""
    return trial if trial.over else _end(trial, Abort.ORDERED)


def _end(trial: Trial, abort: Abort) -> Trial:
    """Return a trial at its end: the loop takes over at once, in manual the outputs are taken back first."""
    if trial.mode == Mode.MANUAL and abort is not Abort.MODE:
        return replace(trial, phase=Phase.RETURNING, abort=abort, offset_pct=0.0, ended_s=trial.elapsed_s)
    phase = Phase.DONE if abort is Abort.NONE else Phase.ABORTED
    return replace(trial, phase=phase, abort=abort, offset_pct=0.0, ended_s=trial.elapsed_s)


def _return(trial: Trial, s: FloatArray, mode: int, dt_s: float) -> Trial:
    away = max(abs(s[loop, S_OUTPUT] - trial.base_pct[loop]) for loop in range(LOOPS))
    late = trial.elapsed_s - trial.ended_s > RETURN_MAX_S - dt_s
    if away > ARRIVED_PCT and not late and mode == trial.mode:
        return trial
    return replace(trial, phase=Phase.DONE if trial.abort is Abort.NONE else Phase.ABORTED)


def _pattern(trial: Trial) -> Trial:
    left_s = trial.elapsed_s
    for seconds, share in trial.order.segments:
        if left_s < seconds:
            return replace(trial, offset_pct=share * trial.order.amplitude_pct)
        left_s -= seconds
    return _end(trial, Abort.NONE)


def _relay(trial: Trial, value: FloatArray, plan: Plan, dt_s: float) -> Trial:
    """Switch the output when the process variable has crossed where it began by the hysteresis."""
    order = trial.order
    if trial.elapsed_s < RELAY_REST_S:
        return trial
    if trial.switches > 2 * order.cycles:
        resting = replace(trial, offset_pct=0.0, side=0, side_s=trial.side_s + dt_s)
        return _end(trial, Abort.NONE) if resting.side_s > RELAY_REST_S else resting
    cools = 1 if order.loop == SUPPLY_TEMP else -1
    error = (float(value[plan.x[order.cdu, X_PV + order.loop]]) - trial.began_at[order.loop]) * cools
    side = trial.side or 1
    wanted = 1 if error > order.hysteresis else -1 if error < -order.hysteresis else side
    trial = replace(trial, side=side, side_s=trial.side_s + dt_s)
    if wanted != side:
        trial = _switched(trial, wanted)
    return replace(trial, offset_pct=clip(trial.side * order.amplitude_pct + trial.bias_pct, *_reach(order)))


def _reach(order: TrialOrder) -> tuple[float, float]:
    size = 1.5 * abs(order.amplitude_pct)
    return -size, size


def _switched(trial: Trial, side: int) -> Trial:
    """Return the trial on its other side; after each pair of sides the longer one gets more of the output."""
    size = abs(trial.order.amplitude_pct)
    bias = trial.bias_pct
    if trial.switches >= 1 and trial.before_s > 0.0:
        lead = (trial.side_s - trial.before_s) / (trial.side_s + trial.before_s)
        bias = clip(bias + 0.25 * size * lead * trial.side, -0.5 * size, 0.5 * size)
    return replace(trial, side=side, side_s=0.0, before_s=trial.side_s, bias_pct=bias, switches=trial.switches + 1)


def renewed(trial: Trial) -> Trial:
    """Return a trial that somebody has just asked for."""
    return replace(trial, lease_left_s=trial.order.limits.lease_s)

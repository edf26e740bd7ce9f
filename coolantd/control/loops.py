"""One cycle of every CDU: its mode, setpoints, the two loops, failsafe outputs. One stage over packed arrays.

Writes demands only; whether they may reach a wire is the envelope's business.
"""

import math
from typing import Final

from coolantd.control.actuators import (
    ADOPT,
    APPROACH,
    HOLD,
    MOVE,
    OFF_MARGIN_PCT,
    adopted,
    any_yielded,
    approached,
    drive,
    drive_fixed,
    loop_output,
    loop_yielded,
    reading_of,
)
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.events import HELPERS as EVENT_HELPERS
from coolantd.control.events import advance_mode, is_good, remote_refused
from coolantd.control.layout import (
    C_FAILSAFE_SPEED,
    D_FLOOR_C,
    D_HEAT_KW,
    D_IMPLAUSIBLE,
    D_MODE_S,
    F_MINIMUM,
    LOOPS,
    P_MANUAL,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    P_SETPOINT,
    P_SETPOINT_RATE,
    S_FILTERED,
    S_HELD,
    S_HELD_PCT,
    S_OUTPUT,
    S_SETPOINT,
    S_SETPOINT_USED,
    S_TRIAL,
    S_TRIAL_OPERATOR,
    S_TRIAL_PCT,
    SUPPLY_TEMP,
    X_HEAT,
    X_PUMP,
    X_PV,
    X_VALVE,
    Y_POSITION,
    Y_READBACK,
)
from coolantd.control.pid import absorb_parameter_change, at_least, clip, pid_step, track
from coolantd.control.supply_law import HELPERS as SUPPLY_HELPERS
from coolantd.control.supply_law import has_model, supply_step
from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.modes import Mode

_BAD: Final = int(Quality.BAD)
_STARTING: Final = int(Mode.STARTING)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_MANUAL: Final = int(Mode.MANUAL)
_FAILSAFE: Final = int(Mode.FAILSAFE)

REACH_S: Final = 5.0
"""An actuator that follows is at most this many seconds of its rate behind its command: 1-2 s of actuator lag,
a poll, a cycle and the device's own 1 s loop. Farther behind than that it is not following."""
REACH_MARGIN_PCT: Final = 2.0
"""Added to the band so that a slow loop's actuator deadband (0.5-2 %) does not bleed its integral."""
HELD_MARGIN_PCT: Final = 1.0
"""An output counts as achieved only this near to what the setpoint register holds: where the writer holds writes back
(budget, deadband, a device that limits), the integral follows the register instead of hunting against it. Without it a
valve worth 120 writes an hour swings the supply by 4 K, with it by 0.5 K; with writes at will it changes nothing."""

FLOOR_GUARD_K: Final = 0.45
"""A model law aims this far above the dew-point floor: the supply follows a rising floor by some seconds, the valve
rests in a dead-band, and a good supply sensor may show 0.2 K too much."""


FAILSAFE_HOLD_S: Final = 5.0
"""The facility valve waits so long for a supply temperature that went bad: the loop holds water for more."""


def effective_setpoint(p: FloatArray, s: FloatArray, measured: float, dt_s: float) -> float:
    """Return the ramped setpoint; the ramp begins at the first good process variable (no bump at start)."""
    if not math.isfinite(s[S_SETPOINT]):
        s[S_SETPOINT] = measured
    step = p[P_SETPOINT_RATE] * dt_s
    s[S_SETPOINT] = clip(p[P_SETPOINT], s[S_SETPOINT] - step, s[S_SETPOINT] + step)
    return s[S_SETPOINT]


def failsafe_valve(table: FloatArray, heat_kw: float) -> float:
    """Return the facility valve position for a heat load; the last row when the load was never known.

    Args:
        table: (rows, 2) ascending heat load in kW and position in %; rows after the last are NaN.
        heat_kw: last good heat load or NaN.
    """
    rows = 0
    while rows < table.shape[0] and math.isfinite(table[rows, 0]):
        rows += 1
    if not math.isfinite(heat_kw) or heat_kw >= table[rows - 1, 0]:
        return table[rows - 1, 1]
    if heat_kw <= table[0, 0]:
        return table[0, 1]
    k = 1
    while heat_kw > table[k, 0]:
        k += 1
    share = (heat_kw - table[k - 1, 0]) / (table[k, 0] - table[k - 1, 0])
    return table[k - 1, 1] + share * (table[k, 1] - table[k - 1, 1])


def failsafe_target(table: FloatArray, d: FloatArray, pv: float, output_pct: float) -> float:
    """Return where the facility valve goes in failsafe: by the heat load, and never toward condensation (FM-03, FM-16).

    Without a supply temperature it rests first. With one that is below its floor already it opens no further.

    Args:
        table: see ``failsafe_valve``.
        d: (CDU_STATE,) of the CDU.
        pv: supply temperature, degC; NaN where it is bad.
        output_pct: of the loop now; NaN before there was one.
    """
    target = failsafe_valve(table, d[D_HEAT_KW])
    if not math.isfinite(output_pct):
        return target
    if not math.isfinite(pv):
        return output_pct if d[D_MODE_S] < FAILSAFE_HOLD_S else target
    return min(target, output_pct) if pv < d[D_FLOOR_C] else target


def first_output(p: FloatArray, s: FloatArray, f: FloatArray) -> float:
    """Return a loop's output in the cycle of the hand-over: what it has, but for pumps that stand: those are started.

    Args:
        p: (LOOP_PARAMETERS,) of it.
        s: (LOOP_STATE,) of it.
        f: (ACTUATOR_PARAMETERS,) of an actuator that it moves.
    """
    stands = s[S_OUTPUT] < f[F_MINIMUM] - OFF_MARGIN_PCT
    return clip(s[S_OUTPUT], p[P_OUTPUT_MIN], p[P_OUTPUT_MAX]) if stands else s[S_OUTPUT]


def toward(s: FloatArray, p: FloatArray, target: float, dt_s: float) -> float:
    """Move a loop's output toward a target at its rate and return it."""
    step = p[P_OUTPUT_RATE] * dt_s
    s[S_OUTPUT] = clip(target, s[S_OUTPUT] - step, s[S_OUTPUT] + step)
    return s[S_OUTPUT]


def go_manual(p: FloatArray, s: FloatArray, dt_s: float) -> None:
    """Move a loop's output toward the position configured for manual, if there is one."""
    if math.isfinite(p[P_MANUAL]):
        toward(s, p, clip(p[P_MANUAL], p[P_OUTPUT_MIN], p[P_OUTPUT_MAX]), dt_s)


def run_loop(
    p: FloatArray,
    s: FloatArray,
    mode: int,
    setpoint: float,
    pv: float,
    measured_pct: float,
    held_pct: float,
    failsafe_pct: float,
    yielded: bool,
    dt_s: float,
) -> None:
    """Advance one loop of one CDU in its mode, in place; outputs stay bumpless from mode to mode.

    A loop whose actuators are all left to another writer follows the measured position in every mode, so that it goes
    on from there when it gets them back; in the same way it follows what an interlock or an operator has them at.
    """
    feedforward = 0.0
    if mode == _STARTING or yielded:
        if math.isfinite(measured_pct):
            s[S_OUTPUT] = measured_pct
    elif mode == _FAILSAFE:
        toward(s, p, failsafe_pct, dt_s)
    elif s[S_TRIAL] > 0.0:  # in a trial the integral rests: the loop goes on as if nothing had been
        toward(s, p, clip(s[S_TRIAL_PCT], p[P_OUTPUT_MIN], p[P_OUTPUT_MAX]), dt_s)
        if math.isfinite(pv):
            s[S_FILTERED] = pv
    elif mode == _MANUAL:
        go_manual(p, s, dt_s)
    elif math.isfinite(pv):
        reach = p[P_OUTPUT_RATE] * REACH_S + REACH_MARGIN_PCT
        at = measured_pct if math.isfinite(measured_pct) else s[S_OUTPUT]
        low, high = at - reach, at + reach
        if math.isfinite(held_pct):
            low, high = clip(held_pct - HELD_MARGIN_PCT, low, high), clip(held_pct + HELD_MARGIN_PCT, low, high)
        pid_step(p, s, setpoint, pv, feedforward, low, high, dt_s)
    if (mode != _AUTOMATIC or yielded or s[S_TRIAL] == S_TRIAL_OPERATOR) and math.isfinite(pv):
        track(p, s, setpoint, pv, feedforward, s[S_OUTPUT])


def run_model(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    value: FloatArray,
    quality: IntArray,
    drives: bool,
    pv: float,
    measured_pct: float,
    held_pct: float,
    dt_s: float,
) -> bool:
    """Let a CDU's model follow the plant and, where it ``drives``, move the valve; False where ``run_loop`` has to.

    The fixed gains follow bumplessly meanwhile, and take over when the model's inputs fail.
    """
    setpoint = at_least(s[S_SETPOINT_USED], d[D_FLOOR_C] + FLOOR_GUARD_K)
    moved = supply_step(p, s, c, d, x, value, quality, setpoint, pv, measured_pct, held_pct, drives, dt_s)
    if moved:
        track(p, s, s[S_SETPOINT_USED], pv, 0.0, s[S_OUTPUT])
    return moved


def manner_of(mode: int, manual_pct: float, trial: float, obeys: bool) -> int:
    """Return how the actuators of a loop follow its output; manual without a position leaves each where it is."""
    if mode == _STARTING:
        return APPROACH if obeys else ADOPT
    return HOLD if mode == _MANUAL and not math.isfinite(manual_pct) and trial == 0.0 else MOVE


def run_loops(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    table: FloatArray,
    y: IntArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    mode: int,
    somebody: bool,
    dt_s: float,
) -> None:
    """Advance both loops of one CDU in its mode, in place; rows as for ``decide_cdu``.

    ``somebody`` says whether any of its registers is left to another writer: a loop goes on with the others it has.
    """
    for k in range(LOOPS):
        pv = value[x[X_PV + k]] if quality[x[X_PV + k]] != _BAD else math.nan
        if math.isfinite(pv):
            setpoint = effective_setpoint(p[k], s[k], pv, dt_s)
            if k == SUPPLY_TEMP:
                setpoint = at_least(setpoint, d[D_FLOOR_C])
            s[k, S_SETPOINT_USED] = setpoint
        failsafe_pct = (
            failsafe_target(table, d, pv, s[k, S_OUTPUT])
            if k == SUPPLY_TEMP
            else at_least(s[k, S_OUTPUT], c[C_FAILSAFE_SPEED])
        )
        yielded = somebody and loop_yielded(x, k, y, quality, reason)
        others = somebody and not yielded
        measured_pct = loop_output(x, k, Y_POSITION, others, y, value, quality, reason)
        if s[k, S_HELD] == 1.0:  # an interlock or an operator has it: go on from there
            yielded, measured_pct, s[k, S_HELD] = True, s[k, S_HELD_PCT], 0.0
        elif not yielded and mode == _AUTOMATIC and d[D_MODE_S] == 0.0:  # just taken over: nothing moves now (I6)
            yielded, measured_pct = True, first_output(p[k], s[k], f[x[X_VALVE] if k == SUPPLY_TEMP else x[X_PUMP]])
        held_pct = loop_output(x, k, Y_READBACK, others, y, value, quality, reason)
        if k == SUPPLY_TEMP and has_model(c):
            drives = mode == _AUTOMATIC and not yielded and s[k, S_TRIAL] == 0.0
            if run_model(p[k], s[k], c, d, x, value, quality, drives, pv, measured_pct, held_pct, dt_s):
                continue
        run_loop(p[k], s[k], mode, s[k, S_SETPOINT_USED], pv, measured_pct, held_pct, failsafe_pct, yielded, dt_s)


def decide_cdu(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    table: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    demands: FloatArray,
    dt_s: float,
) -> None:
    """Decide one CDU but for its pumps, in place: ``p, s, c, d, x`` its rows, ``y, a, f, demands`` all actuators."""
    if is_good(x[X_HEAT], quality) and d[D_IMPLAUSIBLE] == 0.0:
        d[D_HEAT_KW] = value[x[X_HEAT]]
    somebody = any_yielded(x, y, quality, reason)
    mode = advance_mode(p, s, c, d, x, y, a, f, value, quality, reason, somebody, dt_s)
    run_loops(p, s, c, d, x, table, y, f, value, quality, reason, mode, somebody, dt_s)
    i = x[X_VALVE]
    manner = manner_of(
        mode, p[SUPPLY_TEMP, P_MANUAL], s[SUPPLY_TEMP, S_TRIAL], not remote_refused(x, c, value, quality)
    )
    demands[i] = drive(i, s[SUPPLY_TEMP, S_OUTPUT], manner, y, a, f, value, quality, reason, dt_s)


def decide_loops(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Decide every CDU and every fixed actuator; ``s``, ``d``, ``a`` and ``demands`` change in place.

    The pumps are left to a later stage, ``control.pumps``.
    """
    y, a, f, demands = fixed.y, memory.a, fixed.f, result.demands
    value, quality, reason = seen.value, seen.quality, seen.reason
    for n in range(fixed.p.shape[0]):
        decide_cdu(
            result.p[n],
            memory.s[n],
            fixed.c[n],
            memory.d[n],
            fixed.x[n],
            fixed.tables[n],
            y,
            a,
            f,
            value,
            quality,
            reason,
            demands,
            dt_s,
        )
    drive_fixed(y, a, f, value, quality, reason, demands, dt_s)


HELPERS: Final = (
    clip,
    at_least,
    track,
    absorb_parameter_change,
    pid_step,
    *EVENT_HELPERS,
    effective_setpoint,
    failsafe_valve,
    failsafe_target,
    first_output,
    any_yielded,
    loop_yielded,
    reading_of,
    loop_output,
    toward,
    go_manual,
    run_loop,
    *SUPPLY_HELPERS,
    run_model,
    run_loops,
    adopted,
    approached,
    drive,
    manner_of,
    decide_cdu,
    drive_fixed,
)
"""Every plain function ``decide_loops`` calls, callees before callers."""

"""One cycle of every CDU: events, modes, setpoints, the two loops, failsafe outputs. One kernel over packed arrays.

Writes demands only; whether they may reach a wire is the envelope's business.
"""

import math
from typing import Final

from coolantd.control.actuators import ADOPT, HOLD, MOVE, adopted, drive, drive_fixed, measured_output, readbacks_agree
from coolantd.control.layout import (
    C_DEW_DESIGN_C,
    C_DEW_MARGIN_K,
    C_FAILSAFE_SPEED,
    C_REMOTE_VALUE,
    C_WANTS_MANUAL,
    D_CAUSE,
    D_HEAT_KW,
    D_MODE,
    D_MODE_S,
    LOOPS,
    P_HOLD_S,
    P_MANUAL,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    P_SETPOINT,
    P_SETPOINT_RATE,
    PRESSURE,
    PUMPS_MAX,
    REQUIRED_MAX,
    S_BAD_S,
    S_OUTPUT,
    S_SETPOINT,
    S_SETPOINT_USED,
    SUPPLY_TEMP,
    X_DEW,
    X_HEAT,
    X_PV,
    X_REMOTE,
    X_REQUIRED,
    X_VALVE,
)
from coolantd.control.pid import absorb_parameter_change, at_least, clip, pid_step, track
from coolantd.kernel import Kernel
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.modes import TRANSITIONS, Cause, Event, Mode

_BAD: Final = int(Quality.BAD)
_GOOD: Final = int(Quality.GOOD)
_SILENT: Final = (int(Reason.STALE), int(Reason.NOT_CONNECTED), int(Reason.NO_COMMUNICATION))
_STARTING: Final = int(Mode.STARTING)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_MANUAL: Final = int(Mode.MANUAL)
_FAILSAFE: Final = int(Mode.FAILSAFE)
_EV_NONE: Final = int(Event.NONE)
_EV_AUTOMATIC: Final = int(Event.AUTOMATIC_REQUESTED)
_EV_MANUAL: Final = int(Event.MANUAL_REQUESTED)
_EV_TOOK_AUTOMATIC: Final = int(Event.TOOK_OVER_AUTOMATIC)
_EV_TOOK_MANUAL: Final = int(Event.TOOK_OVER_MANUAL)
_EV_SCAN_VALID: Final = int(Event.SCAN_VALID)
_EV_DEVICE_LOCAL: Final = int(Event.DEVICE_LOCAL)
_EV_INPUT_BAD: Final = int(Event.INPUT_BAD)
_CA_NONE: Final = int(Cause.NONE)
_CA_SCAN: Final = int(Cause.WAITING_FOR_SCAN)
_CA_SUPPLY_TEMP: Final = int(Cause.SUPPLY_TEMP_BAD)
_CA_PRESSURE: Final = int(Cause.PRESSURE_BAD)
_CA_REMOTE: Final = int(Cause.WAITING_FOR_REMOTE)
_CA_READBACK: Final = int(Cause.WAITING_FOR_READBACK)
_CA_MANUAL: Final = int(Cause.CONFIGURED_MANUAL)

REACH_S: Final = 5.0
"""An actuator that follows is at most this many seconds of its rate behind its command: 1-2 s of actuator lag,
a poll, a cycle and the device's own 1 s loop. Farther behind than that it is not following."""
REACH_MARGIN_PCT: Final = 2.0
"""Added to the band so that a slow loop's actuator deadband (0.5-2 %) does not bleed its integral."""


def is_good(index: int, quality: IntArray) -> bool:
    """Return whether an optional point exists and is good."""
    return index >= 0 and quality[index] == _GOOD


def remote_refused(x: IntArray, c: FloatArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether the device says that it follows its own controller."""
    index = x[X_REMOTE]
    return index >= 0 and quality[index] != _BAD and value[index] != c[C_REMOTE_VALUE]


def starting_cause(
    x: IntArray,
    c: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
) -> int:
    """Return what a CDU in starting still waits for, or 0."""
    if not readbacks_agree(x, y, a, f, value, quality):
        return _CA_READBACK
    if x[X_REMOTE] >= 0 and (not is_good(x[X_REMOTE], quality) or remote_refused(x, c, value, quality)):
        return _CA_REMOTE
    return _CA_NONE


def scan_valid(x: IntArray, quality: IntArray) -> bool:
    """Return whether every required point of a CDU is good."""
    for k in range(REQUIRED_MAX):
        index = x[X_REQUIRED + k]
        if index >= 0 and quality[index] != _GOOD:
            return False
    return True


def bad_input(p: FloatArray, s: FloatArray) -> int:
    """Return the cause when a process variable has been bad for longer than its hold time, else 0."""
    if s[SUPPLY_TEMP, S_BAD_S] > p[SUPPLY_TEMP, P_HOLD_S]:
        return _CA_SUPPLY_TEMP
    if s[PRESSURE, S_BAD_S] > p[PRESSURE, P_HOLD_S]:
        return _CA_PRESSURE
    return _CA_NONE


def next_event(mode: int, wants_manual: bool, bad_cause: int, valid: bool, wait_cause: int, local: bool) -> int:
    """Return the most urgent event of a cycle."""
    if bad_cause != _CA_NONE:
        return _EV_INPUT_BAD
    if mode == _FAILSAFE:
        return _EV_SCAN_VALID if valid else _EV_NONE
    if mode == _STARTING:
        if wait_cause != _CA_NONE:
            return _EV_NONE
        return _EV_TOOK_MANUAL if wants_manual else _EV_TOOK_AUTOMATIC
    if local:
        return _EV_DEVICE_LOCAL
    return _EV_MANUAL if wants_manual else _EV_AUTOMATIC


def mode_cause(mode: int, previous: int, bad_cause: int, wait_cause: int) -> int:
    """Return why the CDU is in its mode; failsafe keeps the cause that led to it until it is left."""
    if mode == _FAILSAFE:
        if bad_cause != _CA_NONE:
            return bad_cause
        return previous if previous != _CA_NONE else _CA_SCAN
    if mode == _STARTING:
        return wait_cause
    return _CA_MANUAL if mode == _MANUAL else _CA_NONE


def time_bad_inputs(x: IntArray, s: FloatArray, quality: IntArray, reason: IntArray, dt_s: float) -> None:
    """Count for how long each process variable has been bad without a break, in place.

    A refused reading is worth the hold time, for the next one may be good. Silence is not: it was three periods
    long already when it became bad, so it counts as an event at once.
    """
    for k in range(LOOPS):
        if quality[x[X_PV + k]] == _BAD:
            s[k, S_BAD_S] += math.inf if reason[x[X_PV + k]] in _SILENT else dt_s
        else:
            s[k, S_BAD_S] = 0.0


def effective_setpoint(p: FloatArray, s: FloatArray, measured: float, dt_s: float) -> float:
    """Return the ramped setpoint; the ramp begins at the first good process variable (no bump at start)."""
    if not math.isfinite(s[S_SETPOINT]):
        s[S_SETPOINT] = measured
    step = p[P_SETPOINT_RATE] * dt_s
    s[S_SETPOINT] = clip(p[P_SETPOINT], s[S_SETPOINT] - step, s[S_SETPOINT] + step)
    return s[S_SETPOINT]


def dew_point_floor(x: IntArray, c: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return the least supply temperature without condensation; the site's worst case replaces a bad sensor (FM-03)."""
    dew_c = value[x[X_DEW]] if is_good(x[X_DEW], quality) else c[C_DEW_DESIGN_C]
    return dew_c + c[C_DEW_MARGIN_K]


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


def toward(s: FloatArray, p: FloatArray, target: float, dt_s: float) -> float:
    """Move a loop's output toward a target at its rate and return it."""
    step = p[P_OUTPUT_RATE] * dt_s
    s[S_OUTPUT] = clip(target, s[S_OUTPUT] - step, s[S_OUTPUT] + step)
    return s[S_OUTPUT]


def run_loop(
    p: FloatArray,
    s: FloatArray,
    mode: int,
    setpoint: float,
    pv: float,
    measured_pct: float,
    failsafe_pct: float,
    dt_s: float,
) -> None:
    """Advance one loop of one CDU in its mode, in place; outputs stay bumpless from mode to mode."""
    feedforward = 0.0
    if mode == _STARTING:
        if math.isfinite(measured_pct):
            s[S_OUTPUT] = measured_pct
    elif mode == _FAILSAFE:
        toward(s, p, failsafe_pct, dt_s)
    elif mode == _MANUAL:
        if math.isfinite(p[P_MANUAL]):
            toward(s, p, clip(p[P_MANUAL], p[P_OUTPUT_MIN], p[P_OUTPUT_MAX]), dt_s)
    elif math.isfinite(pv):
        reach = p[P_OUTPUT_RATE] * REACH_S + REACH_MARGIN_PCT
        at = measured_pct if math.isfinite(measured_pct) else s[S_OUTPUT]
        pid_step(p, s, setpoint, pv, feedforward, at - reach, at + reach, dt_s)
    if mode != _AUTOMATIC and math.isfinite(pv):
        track(p, s, setpoint, pv, feedforward, s[S_OUTPUT])


def manner_of(mode: int, manual_pct: float) -> int:
    """Return how the actuators of a loop follow its output; manual without a position leaves each where it is."""
    if mode == _STARTING:
        return ADOPT
    return HOLD if mode == _MANUAL and not math.isfinite(manual_pct) else MOVE


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
    """Decide one CDU in place: ``p, s, c, d, x`` are its own rows, ``y, a, f, demands`` all actuators."""
    time_bad_inputs(x, s, quality, reason, dt_s)
    if is_good(x[X_HEAT], quality):
        d[D_HEAT_KW] = value[x[X_HEAT]]
    mode = int(d[D_MODE])
    cause = bad_input(p, s)
    waits = starting_cause(x, c, y, a, f, value, quality) if mode == _STARTING else _CA_NONE
    event = next_event(
        mode,
        c[C_WANTS_MANUAL] == 1.0,
        cause,
        scan_valid(x, quality),
        waits,
        remote_refused(x, c, value, quality),
    )
    after = TRANSITIONS[mode, event]
    d[D_MODE_S] = d[D_MODE_S] + dt_s if after == mode else 0.0
    d[D_CAUSE] = float(mode_cause(after, int(d[D_CAUSE]), cause, waits))
    d[D_MODE] = float(after)
    for k in range(LOOPS):
        pv = value[x[X_PV + k]] if quality[x[X_PV + k]] != _BAD else math.nan
        if math.isfinite(pv):
            setpoint = effective_setpoint(p[k], s[k], pv, dt_s)
            if k == SUPPLY_TEMP:
                setpoint = at_least(setpoint, dew_point_floor(x, c, value, quality))
            s[k, S_SETPOINT_USED] = setpoint
        fallback = (
            failsafe_valve(table, d[D_HEAT_KW]) if k == SUPPLY_TEMP else at_least(s[k, S_OUTPUT], c[C_FAILSAFE_SPEED])
        )
        run_loop(
            p[k],
            s[k],
            after,
            s[k, S_SETPOINT_USED],
            pv,
            measured_output(x, k, y, value, quality),
            fallback,
            dt_s,
        )
    for k in range(1 + PUMPS_MAX):
        i = x[X_VALVE + k]
        loop = SUPPLY_TEMP if k == 0 else PRESSURE
        if i >= 0:
            manner = manner_of(after, p[loop, P_MANUAL])
            demands[i] = drive(i, s[loop, S_OUTPUT], manner, y, a, f, value, quality, dt_s)


def decide(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    tables: FloatArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    demands: FloatArray,
    dt_s: float,
) -> None:
    """Decide every CDU and every fixed actuator; ``s``, ``d``, ``a`` and ``demands`` change in place.

    Args:
        p: (cdus, LOOPS, LOOP_PARAMETERS).
        s: (cdus, LOOPS, LOOP_STATE).
        c: (cdus, CDU_PARAMETERS).
        d: (cdus, CDU_STATE).
        x: (cdus, CDU_INDICES).
        tables: (cdus, rows, 2) failsafe valve tables.
        y: (actuators, ACTUATOR_INDICES).
        a: (actuators, ACTUATOR_STATE).
        f: (actuators, ACTUATOR_PARAMETERS).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        reason: (points,) ``Reason``.
        demands: (actuators,) what is wanted now; NaN where nothing is.
        dt_s: measured seconds since the last step, > 0.
    """
    for n in range(p.shape[0]):
        decide_cdu(p[n], s[n], c[n], d[n], x[n], tables[n], y, a, f, value, quality, reason, demands, dt_s)
    drive_fixed(y, a, f, value, quality, demands, dt_s)


DECIDE: Final = Kernel(
    decide,
    (
        clip,
        at_least,
        track,
        absorb_parameter_change,
        pid_step,
        is_good,
        remote_refused,
        readbacks_agree,
        starting_cause,
        scan_valid,
        bad_input,
        next_event,
        mode_cause,
        time_bad_inputs,
        effective_setpoint,
        dew_point_floor,
        failsafe_valve,
        measured_output,
        toward,
        run_loop,
        adopted,
        drive,
        manner_of,
        decide_cdu,
        drive_fixed,
    ),
)

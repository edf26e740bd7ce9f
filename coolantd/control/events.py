"""What happens to a CDU in one cycle, the mode it leads to, and why. Plain functions over packed rows.

Knows qualities, readbacks and the table of modes; must never know setpoints or outputs.
"""

import math
from typing import Final

from coolantd.control.actuators import is_yielded, readbacks_agree
from coolantd.control.layout import (
    C_DISABLED,
    C_REMOTE_VALUE,
    C_WANTS_MANUAL,
    D_CAUSE,
    D_IMPLAUSIBLE,
    D_MODE,
    D_MODE_S,
    D_OVERRIDDEN,
    LOOPS,
    P_HOLD_S,
    PRESSURE,
    REQUIRED_MAX,
    S_BAD_S,
    SUPPLY_TEMP,
    X_PV,
    X_REMOTE,
    X_REQUIRED,
)
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.modes import ACTS_AS, TRANSITIONS, Cause, Event, Mode

_BAD: Final = int(Quality.BAD)
_GOOD: Final = int(Quality.GOOD)
_SILENT: Final = (int(Reason.STALE), int(Reason.NOT_CONNECTED), int(Reason.NO_COMMUNICATION))
_STARTING: Final = int(Mode.STARTING)
_MANUAL: Final = int(Mode.MANUAL)
_FAILSAFE: Final = int(Mode.FAILSAFE)
_OVERRIDE: Final = int(Mode.OVERRIDE)
_DISABLED: Final = int(Mode.DISABLED)
_TRIPPED: Final = int(Mode.TRIPPED)
_EV_NONE: Final = int(Event.NONE)
_EV_AUTOMATIC: Final = int(Event.AUTOMATIC_REQUESTED)
_EV_MANUAL: Final = int(Event.MANUAL_REQUESTED)
_EV_TOOK_AUTOMATIC: Final = int(Event.TOOK_OVER_AUTOMATIC)
_EV_TOOK_MANUAL: Final = int(Event.TOOK_OVER_MANUAL)
_EV_SCAN_VALID: Final = int(Event.SCAN_VALID)
_EV_DEVICE_LOCAL: Final = int(Event.DEVICE_LOCAL)
_EV_INPUT_BAD: Final = int(Event.INPUT_BAD)
_EV_OVERRIDE_HELD: Final = int(Event.OVERRIDE_HELD)
_EV_OVERRIDE_ENDED: Final = int(Event.OVERRIDE_ENDED)
_EV_ENABLE: Final = int(Event.ENABLE)
_EV_DISABLE: Final = int(Event.DISABLE)
_CA_NONE: Final = int(Cause.NONE)
_CA_SCAN: Final = int(Cause.WAITING_FOR_SCAN)
_CA_SUPPLY_TEMP: Final = int(Cause.SUPPLY_TEMP_BAD)
_CA_PRESSURE: Final = int(Cause.PRESSURE_BAD)
_CA_REMOTE: Final = int(Cause.WAITING_FOR_REMOTE)
_CA_READBACK: Final = int(Cause.WAITING_FOR_READBACK)
_CA_MANUAL: Final = int(Cause.CONFIGURED_MANUAL)
_CA_OTHER_WRITER: Final = int(Cause.OTHER_WRITER)
_CA_DISABLED: Final = int(Cause.CONFIGURED_DISABLED)
_CA_OVERRIDE: Final = int(Cause.OPERATOR_OVERRIDE)
_CA_TRIP: Final = int(Cause.TRIP)


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
    reason: IntArray,
) -> int:
    """Return what a CDU in starting still waits for, or 0."""
    if not readbacks_agree(x, y, a, f, value, quality, reason):
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


def wish(mode: int, wants_manual: bool, overridden: bool) -> int:
    """Return what configuration and operators ask of a CDU in control."""
    if wants_manual:
        return _EV_MANUAL
    if mode == _OVERRIDE and not overridden:
        return _EV_OVERRIDE_ENDED
    return _EV_OVERRIDE_HELD if overridden and mode != _MANUAL else _EV_AUTOMATIC


def next_event(
    mode: int, wants_manual: bool, overridden: bool, bad_cause: int, valid: bool, wait_cause: int, local: bool
) -> int:
    """Return the most urgent event of a cycle, but for those that ``switched`` tells and for trips."""
    if bad_cause != _CA_NONE:
        return _EV_INPUT_BAD
    if mode == _FAILSAFE:
        return _EV_SCAN_VALID if valid else _EV_NONE
    if mode == _STARTING:
        if wait_cause != _CA_NONE:
            return _EV_NONE
        return _EV_TOOK_MANUAL if wants_manual else _EV_TOOK_AUTOMATIC
    return _EV_DEVICE_LOCAL if local else wish(mode, wants_manual, overridden)


def switched(mode: int, disabled: bool) -> int:
    """Return the event when the configuration switches a CDU off or on again, else none."""
    if disabled:
        return _EV_DISABLE
    return _EV_ENABLE if mode == _DISABLED else _EV_NONE


def control_cause(mode: int, yielded: bool) -> int:
    """Return why a CDU in control is not in automatic, or not wholly.

    A register left to another writer is what there is to say, whoever configured the mode.
    """
    if yielded:
        return _CA_OTHER_WRITER
    if mode == _OVERRIDE:
        return _CA_OVERRIDE
    return _CA_MANUAL if mode == _MANUAL else _CA_NONE


def mode_cause(mode: int, previous: int, bad_cause: int, wait_cause: int, yielded: bool) -> int:
    """Return why the CDU is in its mode; failsafe keeps the cause that led to it until it is left."""
    if mode == _FAILSAFE:
        if bad_cause != _CA_NONE:
            return bad_cause
        return previous if previous not in (_CA_NONE, _CA_DISABLED) else _CA_SCAN
    if mode == _STARTING:
        return wait_cause
    if mode == _DISABLED:
        return _CA_DISABLED
    return _CA_TRIP if mode == _TRIPPED else control_cause(mode, yielded)


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


def advance_mode(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    y: IntArray,
    a: FloatArray,
    f: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    yielded: bool,
    dt_s: float,
) -> int:
    """Take a CDU from its mode to that of this cycle, in place; rows as for ``loops.decide_cdu``.

    Returns:
        The mode by whose law its loops work.
    """
    time_bad_inputs(x, s, quality, reason, dt_s)
    mode = int(d[D_MODE])
    cause = bad_input(p, s)
    if cause == _CA_NONE and mode in (_STARTING, _FAILSAFE):
        cause = int(d[D_IMPLAUSIBLE])  # before automatic, readings that cannot be so are bad ones (FM-14)
    waits = starting_cause(x, c, y, a, f, value, quality, reason) if mode == _STARTING else _CA_NONE
    local = remote_refused(x, c, value, quality)
    event = switched(mode, c[C_DISABLED] == 1.0)
    if event == _EV_NONE:
        manual, overridden = c[C_WANTS_MANUAL] == 1.0, d[D_OVERRIDDEN] == 1.0
        event = next_event(mode, manual, overridden, cause, scan_valid(x, quality), waits, local)
    after = int(TRANSITIONS[mode, event])
    d[D_MODE_S] = d[D_MODE_S] + dt_s if after == mode else 0.0
    d[D_CAUSE] = float(mode_cause(after, int(d[D_CAUSE]), cause, waits, yielded))
    d[D_MODE] = float(after)
    return int(ACTS_AS[after])


HELPERS: Final = (
    is_good,
    remote_refused,
    is_yielded,
    readbacks_agree,
    starting_cause,
    scan_valid,
    bad_input,
    wish,
    next_event,
    switched,
    control_cause,
    mode_cause,
    time_bad_inputs,
    advance_mode,
)
"""Every plain function ``advance_mode`` calls, and itself, callees before callers."""

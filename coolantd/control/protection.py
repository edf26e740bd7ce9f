"""Between control and what protects: hands readings, demands and modes down, and takes back what was decided.

The stage behind trials and operators and before the envelope. What protects lives in ``safety`` and knows nothing of
control; this file knows both and decides nothing.
"""

import math
from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.layout import (
    A_LAST,
    D_CAUSE,
    D_MODE,
    D_MODE_S,
    LOOPS,
    PUMPS_MAX,
    S_HELD,
    S_HELD_PCT,
    SUPPLY_TEMP,
    X_PUMP,
    X_VALVE,
    Y_CDU,
    Y_POSITION,
    Y_READBACK,
)
from coolantd.kernel import Kernel
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.actuator_modes import HELPERS as MODE_HELPERS
from coolantd.safety.actuator_modes import follow_modes
from coolantd.safety.hazards import Force
from coolantd.safety.modes import TRANSITIONS, Cause, Event, Mode

_BAD: Final = int(Quality.BAD)
_OPERATOR: Final = int(Reason.OPERATOR_OVERRIDE)
_FREE: Final = int(Force.NONE)
_TRIP: Final = int(Force.TRIP)
_DISABLED: Final = int(Mode.DISABLED)
_TRIPPED: Final = int(Mode.TRIPPED)
_EV_TRIP: Final = int(Event.TRIP)
_EV_CLEARED: Final = int(Event.CLEARED)
_CA_TRIP: Final = int(Cause.TRIP)
_CA_NONE: Final = int(Cause.NONE)


def begin(memory: Memory, fixed: Fixed, seen: Seen, result: Result) -> None:
    """Forget the last cycle, and note what each actuator was last allowed and whether an operator has it."""
    result.forced[:] = _FREE
    result.hazards[:] = 0
    result.requests[:] = 0
    for i in range(result.demands.shape[0]):
        result.last[i] = memory.a[i, A_LAST]
        touch = fixed.y[i, Y_READBACK] if fixed.y[i, Y_READBACK] >= 0 else fixed.y[i, Y_POSITION]
        known = seen.quality[touch] != _BAD
        result.held[i] = 1 if known and seen.reason[touch] == _OPERATOR else 0


def hold_loop(s: FloatArray, x: IntArray, loop: int, demands: FloatArray, forced: IntArray) -> None:
    """Tell one loop of a CDU where its actuators are forced to, if they are, so that it goes on from there."""
    first, count = (X_VALVE, 1) if loop == SUPPLY_TEMP else (X_PUMP, PUMPS_MAX)
    held_pct, any_forced = math.nan, False
    for k in range(count):
        i = x[first + k]
        if i >= 0 and math.isfinite(demands[i]):
            any_forced = any_forced or forced[i] != _FREE
            if not demands[i] <= held_pct:
                held_pct = demands[i]
    if any_forced:
        s[loop, S_HELD] = 1.0
        s[loop, S_HELD_PCT] = held_pct


def leave_alone(n: int, y: IntArray, demands: FloatArray, forced: IntArray, a: FloatArray) -> None:
    """Demand nothing of a CDU's own actuators, and forget where they were, in place."""
    for i in range(demands.shape[0]):
        if y[i, Y_CDU] == n:
            demands[i] = a[i, A_LAST] = math.nan
            forced[i] = _FREE


def follow_trip(x: IntArray, d: FloatArray, forced: IntArray) -> None:
    """Take a CDU to tripped while any of its actuators is stopped by a trip, and to starting after it, in place."""
    tripped = False
    for k in range(1 + PUMPS_MAX):
        i = x[X_VALVE + k]
        tripped = tripped or (i >= 0 and forced[i] == _TRIP)
    mode = int(d[D_MODE])
    if tripped == (mode == _TRIPPED):
        return
    after = TRANSITIONS[mode, _EV_TRIP if tripped else _EV_CLEARED]
    if after != mode:
        d[D_MODE_S] = 0.0
        d[D_MODE] = float(after)
        d[D_CAUSE] = float(_CA_TRIP if tripped else _CA_NONE)


def protect(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Let what protects outrank everything demanded so far; arguments as for ``sequence.decide``."""
    begin(memory, fixed, seen, result)
    for n in range(fixed.x.shape[0]):
        if int(memory.d[n, D_MODE]) == _DISABLED:
            leave_alone(n, fixed.y, result.demands, result.forced, memory.a)
        follow_trip(fixed.x[n], memory.d[n], result.forced)
        for loop in range(LOOPS):
            hold_loop(memory.s[n], fixed.x[n], loop, result.demands, result.forced)
        result.cdu_modes[n] = int(memory.d[n, D_MODE])
    for i in range(result.demands.shape[0]):
        result.cdus[i] = fixed.y[i, Y_CDU]
        result.last[i] = memory.a[i, A_LAST]
    follow_modes(memory.am, result.cdus, result.cdu_modes, result.forced, result.held, result.last, dt_s)


PROTECT: Final = Kernel(protect, (begin, hold_loop, leave_alone, follow_trip, *MODE_HELPERS))
"""Behind whoever demands something, before the envelope."""

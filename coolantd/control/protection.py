"""Between control and what protects: hands readings, demands and modes down, and takes back what was decided.

The stage behind trials and operators and before the envelope. What protects lives in ``safety`` and knows nothing of
control; this file knows both and decides nothing.
"""

import math
from typing import Final

from coolantd.control.actuators import adopted, is_yielded, reading_of
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.conditions import Condition
from coolantd.control.layout import (
    A_LAST,
    D_CAUSE,
    D_MODE,
    D_MODE_S,
    LOOPS,
    PRESSURE,
    PUMPS_MAX,
    S_HELD,
    S_HELD_PCT,
    S_SETPOINT_USED,
    SUPPLY_TEMP,
    X_PUMP,
    X_VALVE,
    Y_CDU,
    Y_POSITION,
    Y_READBACK,
)
from coolantd.control.pid import clip
from coolantd.kernel import Kernel
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.actuator_modes import HELPERS as MODE_HELPERS
from coolantd.safety.actuator_modes import follow_modes
from coolantd.safety.force import trips
from coolantd.safety.guard import HELPERS as GUARD_HELPERS
from coolantd.safety.guard import advance_hazards, guard_cdu, judge
from coolantd.safety.hazards import Fact, Force
from coolantd.safety.leak import HELPERS as LEAK_HELPERS
from coolantd.safety.leak import guard_leaks
from coolantd.safety.modes import TRANSITIONS, Cause, Event, Mode
from coolantd.safety.watch_layout import W_CONFIRM_S, W_HOLDS_FLOW, WN_FLOW_LPM, WN_SUPPLY_C

_BAD: Final = int(Quality.BAD)
_OPERATOR: Final = int(Reason.OPERATOR_OVERRIDE)
_LOCAL: Final = int(Reason.LOCAL_OVERRIDE)
_AIR: Final = int(Fact.AIR)
_STUCK: Final = int(Fact.SENSOR_STUCK)
_SWAPPED: Final = int(Fact.SENSORS_SWAPPED)
_DRIFTS: Final = int(Fact.SENSOR_DRIFTS)
_OTHER: Final = int(Fact.OTHER_WRITER)
_CO_AIR: Final = int(Condition.AIR_OR_LOW_LEVEL)
_CO_STUCK: Final = int(Condition.SENSOR_STUCK)
_CO_DRIFTS: Final = int(Condition.SENSOR_DRIFTS)
_CO_TCS: Final = int(Condition.TCS_SENSORS_SWAPPED)
_CO_FWS: Final = int(Condition.FWS_SENSORS_SWAPPED)
_CO_PRESSURE: Final = int(Condition.PRESSURE_SENSORS_SWAPPED)
_FREE: Final = int(Force.NONE)
_TRIP: Final = int(Force.TRIP)
_STARTING: Final = int(Mode.STARTING)
_DISABLED: Final = int(Mode.DISABLED)
_TRIPPED: Final = int(Mode.TRIPPED)
_EV_TRIP: Final = int(Event.TRIP)
_EV_CLEARED: Final = int(Event.CLEARED)
_CA_TRIP: Final = int(Cause.TRIP)
_CA_NONE: Final = int(Cause.NONE)


def begin(memory: Memory, fixed: Fixed, seen: Seen, result: Result) -> None:
    """Forget the last cycle, and note what each actuator was last allowed and whether an operator has it."""
    result.forced[:] = _FREE
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


def follow_trip(x: IntArray, d: FloatArray, tripped: bool, forced: IntArray) -> None:
    """Take a CDU to tripped while a trip has it or one of its actuators, and to starting after it, in place."""
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


def tell_facts(n: int, seen: Seen, fixed: Fixed, result: Result) -> None:
    """Tell the protection of one CDU what control has found, besides what the service told; ``facts`` changes."""
    facts, conditions = result.facts[n], result.conditions[n]
    facts[_AIR] |= conditions[_CO_AIR]
    facts[_STUCK] |= conditions[_CO_STUCK]
    facts[_DRIFTS] |= conditions[_CO_DRIFTS]
    facts[_SWAPPED] |= conditions[_CO_TCS] | conditions[_CO_FWS] | conditions[_CO_PRESSURE]
    for k in range(1 + PUMPS_MAX):
        i = fixed.x[n, X_VALVE + k]
        if i >= 0:
            touch = fixed.y[i, Y_READBACK] if fixed.y[i, Y_READBACK] >= 0 else fixed.y[i, Y_POSITION]
            if seen.quality[touch] != _BAD and seen.reason[touch] == _LOCAL:
                facts[_OTHER] = 1


def look(fixed: Fixed, memory: Memory, seen: Seen, result: Result) -> None:
    """Gather what the protection is told of every CDU: what control wants, and what it has found."""
    for n in range(fixed.x.shape[0]):
        result.watch_n[n, WN_SUPPLY_C] = memory.s[n, SUPPLY_TEMP, S_SETPOINT_USED]
        holds_flow = fixed.watch_p[n, W_HOLDS_FLOW] == 1.0
        result.watch_n[n, WN_FLOW_LPM] = memory.s[n, PRESSURE, S_SETPOINT_USED] if holds_flow else math.nan
        tell_facts(n, seen, fixed, result)


def adopt_pumps(n: int, fixed: Fixed, memory: Memory, seen: Seen, result: Result) -> None:
    """Take over a tripped CDU's pumps from where they are measured, if they are not ours yet: a trip waits for nobody.

    One that is out of touch, or left to another writer, stays so.
    """
    for k in range(PUMPS_MAX):
        i = fixed.x[n, X_PUMP + k]
        if i < 0 or math.isfinite(result.last[i]) or is_yielded(i, fixed.y, seen.quality, seen.reason):
            continue
        position_pct = reading_of(i, Y_POSITION, fixed.y, seen.value, seen.quality)
        touch = fixed.y[i, Y_READBACK] if fixed.y[i, Y_READBACK] >= 0 else fixed.y[i, Y_POSITION]
        if math.isfinite(position_pct) and seen.quality[touch] != _BAD:
            memory.a[i, A_LAST] = result.last[i] = adopted(fixed.f[i], position_pct)


def guard_cdus(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Judge the hazards of every CDU and force what they ask for; arguments as for ``protect``."""
    for n in range(fixed.x.shape[0]):
        mode, hz = int(memory.d[n, D_MODE]), memory.hz[n]
        judge(
            fixed.watch_p[n],
            fixed.watch_x[n],
            memory.watch_d[n],
            result.watch_n[n],
            result.facts[n],
            fixed.limits,
            fixed.y[:, Y_POSITION],
            result.last,
            seen.value,
            seen.quality,
            result.causes[n],
            result.hazard_details[n],
            dt_s,
        )
        advance_hazards(hz, result.causes[n], fixed.watch_p[n, W_CONFIRM_S], result.hazards[n], dt_s)
        if trips(hz):
            adopt_pumps(n, fixed, memory, seen, result)
        guard_cdu(
            n,
            fixed.watch_p[n],
            fixed.watch_x[n],
            hz,
            fixed.limits,
            result.last,
            result.demands,
            result.forced,
            result.hazards[n],
            result.requests[n],
            mode not in (_STARTING, _DISABLED) or trips(hz),
            dt_s,
        )


def guard_zones(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Carry out the leak policy, which outranks the hazards; arguments as for ``protect``."""
    guard_leaks(
        fixed.leak_p,
        fixed.leak_x,
        fixed.leak_w,
        fixed.leak_dp,
        fixed.leak_dx,
        memory.leak_z,
        memory.leak_d,
        seen.value,
        seen.quality,
        fixed.limits,
        result.last,
        result.demands,
        result.forced,
        result.zone_requests,
        dt_s,
    )


def protect(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Let what protects outrank everything demanded so far; arguments as for ``sequence.decide``."""
    begin(memory, fixed, seen, result)
    look(fixed, memory, seen, result)
    guard_cdus(fixed, memory, seen, result, dt_s)
    guard_zones(fixed, memory, seen, result, dt_s)
    for n in range(fixed.x.shape[0]):
        if int(memory.d[n, D_MODE]) == _DISABLED:
            leave_alone(n, fixed.y, result.demands, result.forced, memory.a)
        follow_trip(fixed.x[n], memory.d[n], trips(memory.hz[n]), result.forced)
        for loop in range(LOOPS):
            hold_loop(memory.s[n], fixed.x[n], loop, result.demands, result.forced)
        result.cdu_modes[n] = int(memory.d[n, D_MODE])
    for i in range(result.demands.shape[0]):
        result.cdus[i] = fixed.y[i, Y_CDU]
        result.last[i] = memory.a[i, A_LAST]
    follow_modes(memory.am, result.cdus, result.cdu_modes, result.forced, result.held, result.last, dt_s)


PROTECT: Final = Kernel(
    protect,
    (
        *GUARD_HELPERS,
        *LEAK_HELPERS,
        guard_leaks,
        clip,
        adopted,
        is_yielded,
        reading_of,
        begin,
        hold_loop,
        leave_alone,
        follow_trip,
        tell_facts,
        look,
        adopt_pumps,
        guard_cdus,
        guard_zones,
        *MODE_HELPERS,
    ),
)
"""Behind whoever demands something, before the envelope."""

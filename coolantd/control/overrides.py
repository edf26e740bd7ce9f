"""Operator overrides within a step: which of them are in force, what they hold, and how they end without a bump.

Order of claims: trip > interlock > operator > outside request > loop. An override therefore acts behind the loops and
before the protection and the last gate, and inside range and slew as everything does. An actuator that it holds counts
to the loops as left to another writer: they follow what is measured, leave it out of their sums, and take it back from
where it is. A setpoint it holds takes the place of the configured one, and the dew-point floor stays above it.

Knows the plan's rows and monotonic time; must never know who may give an order.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coolantd.control.actuators import OFF_MARGIN_PCT, adopted
from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.layout import (
    A_LAST,
    D_CAUSE,
    D_MODE,
    D_OVERRIDDEN,
    F_MAXIMUM,
    F_MINIMUM,
    F_RATE,
    F_ZERO_ALLOWED,
    P_OUTPUT_RATE,
    P_SETPOINT,
    PRESSURE,
    PUMPS_MAX,
    S_TRIAL,
    S_TRIAL_OPERATOR,
    S_TRIAL_PCT,
    SUPPLY_TEMP,
    X_PUMP,
    X_VALVE,
    Y_CDU,
    Y_POSITION,
    Y_READBACK,
)
from coolantd.control.override_order import End, Kind, Override, Standing
from coolantd.control.pid import clip
from coolantd.control.plan import Plan
from coolantd.control.pump_layout import U_TRIPPED
from coolantd.control.reset_layout import T_LEAST, TRIM_PARAMETERS
from coolantd.point import FloatArray, IntArray, Quality, Reason
from coolantd.safety.hazards import Force
from coolantd.safety.modes import IN_CONTROL, Cause

RETURN_STEP_PCT: Final = 1.0
"""Largest move of one cycle after an override: what a restart may move at once (FM-46)."""
RETURN_S: Final = 30.0
"""For so long a loop goes back gently; by then the slowest valve has arrived and the loop has settled on the way."""
RETURN_MAX_S: Final = 120.0
"""An actuator that is still on its way is let go after this: the whole range at one cycle's step takes less."""

CONTROLLED: Final = frozenset(int(mode) for mode in IN_CONTROL)
_BAD: Final = int(Quality.BAD)
_OTHER: Final = int(Reason.LOCAL_OVERRIDE)
_OPERATOR: Final = int(Reason.OPERATOR_OVERRIDE)
_FREE: Final = int(Force.NONE)
_SOMEBODY: Final = frozenset({int(Cause.NONE), int(Cause.CONFIGURED_MANUAL), int(Cause.OTHER_WRITER)})


def cdu_of(override: Override, plan: Plan) -> int:
    """Return the CDU that an override concerns, -1 for an actuator that no loop drives."""
    target = override.target
    return int(plan.y[target.row, Y_CDU]) if target.kind is Kind.ACTUATOR else target.row


def in_force(override: Override) -> bool:
    """Return whether an operator has something now."""
    return not override.over and override.standing is Standing.IN_FORCE


def touch_of(i: int, plan: Plan) -> int:
    """Return the point that shows whether an actuator is in touch: its readback, else its position."""
    readback = int(plan.y[i, Y_READBACK])
    return readback if readback >= 0 else int(plan.y[i, Y_POSITION])


def another_pump_runs(i: int, plan: Plan, a: FloatArray, u: FloatArray, seen: Seen) -> bool:
    """Return whether any other pump of an actuator's CDU is told to run and not excluded, or is seen running."""
    n = int(plan.y[i, Y_CDU])
    for k in range(PUMPS_MAX):
        j = int(plan.x[n, X_PUMP + k])
        if j in (-1, i):
            continue
        row = int(plan.y[j, Y_POSITION])
        turns = seen.quality[row] != _BAD and seen.value[row] >= plan.f[j, F_MINIMUM] - OFF_MARGIN_PCT
        if turns or (a[j, A_LAST] > 0.0 and u[n, k, U_TRIPPED] == 0.0):
            return True
    return False


def stops_pump(override: Override, plan: Plan) -> bool:
    """Return whether an override would stop a pump of a CDU."""
    target = override.target
    if target.kind is not Kind.ACTUATOR or plan.actuators[target.row].role != "pump":
        return False
    return plan.y[target.row, Y_CDU] >= 0 and override.value < plan.f[target.row, F_MINIMUM]


def _standing(override: Override, plan: Plan, memory: Memory, seen: Seen) -> Standing:
    n = cdu_of(override, plan)
    if n >= 0 and int(memory.d[n, D_MODE]) not in CONTROLLED:
        return Standing.CDU_NOT_CONTROLLED
    if override.target.kind is Kind.ACTUATOR:
        i = override.target.row
        row = touch_of(i, plan)
        if seen.quality[row] == _BAD:
            return Standing.OUT_OF_TOUCH
        if seen.reason[row] == _OTHER:
            return Standing.OTHER_WRITER
        if stops_pump(override, plan) and not another_pump_runs(i, plan, memory.a, memory.u, seen):
            return Standing.LAST_PUMP
    return Standing.IN_FORCE


def _returned(override: Override, plan: Plan, memory: Memory, now_s: float) -> bool:
    """Return whether nothing is left to do for an override that has ended."""
    n, since_s = cdu_of(override, plan), now_s - override.ended_s
    if override.target.kind is Kind.SETPOINT or since_s >= RETURN_MAX_S:
        return True
    if n >= 0 and int(memory.d[n, D_MODE]) not in CONTROLLED:
        return True
    return since_s >= RETURN_S and override.standing is Standing.ARRIVED


def advance_overrides(
    overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen, now_s: float
) -> tuple[Override, ...]:
    """Take every override into this cycle: leases that run out end, those that have returned are forgotten.

    One that ends stays for a cycle at least, so that whoever watches sees why.

    Args:
        overrides: of the last cycle.
        plan: in force.
        memory: as the last cycle left it.
        seen: every point now.
        now_s: monotonic; a lease counts in this, whatever became of the cycles meanwhile (FM-24).
    """
    kept = []
    for override in overrides:
        if override.over:
            if not _returned(override, plan, memory, now_s):
                kept.append(replace(override, standing=Standing.RETURNING))
        elif now_s < override.until_s:
            kept.append(replace(override, standing=_standing(override, plan, memory, seen)))
        else:
            kept.append(ended(override, End.LEASE, now_s))
    return tuple(kept)


def ended(override: Override, why: End, now_s: float) -> Override:
    """Return an override that has just ended; one that was not in force has nothing to return from."""
    if override.over:
        return override
    if override.standing is Standing.IN_FORCE:
        return replace(override, end=why, ended_s=now_s, standing=Standing.RETURNING)
    return replace(override, end=why, ended_s=-math.inf, standing=Standing.ARRIVED)


def let_go(overrides: Sequence[Override], plan: Plan, d: FloatArray) -> tuple[Override, ...]:
    """Return the overrides with those outranked whose CDU has left control in this very cycle."""
    return tuple(
        replace(each, standing=Standing.CDU_NOT_CONTROLLED)
        if each.standing is Standing.IN_FORCE and (n := cdu_of(each, plan)) >= 0 and int(d[n, D_MODE]) not in CONTROLLED
        else each
        for each in overrides
    )


def mark(overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen) -> None:
    """Tell the stages what an operator has: in ``seen`` for actuators, in ``memory.s`` for the loops; in place."""
    memory.s[:, :, S_TRIAL][memory.s[:, :, S_TRIAL] == S_TRIAL_OPERATOR] = 0.0
    memory.d[:, D_OVERRIDDEN] = 0.0
    for each in overrides:
        if in_force(each) and cdu_of(each, plan) >= 0:
            memory.d[cdu_of(each, plan), D_OVERRIDDEN] = 1.0
        if each.standing is Standing.IN_FORCE and each.target.kind is Kind.ACTUATOR:
            seen.reason[touch_of(each.target.row, plan)] = _OPERATOR
        elif each.standing is Standing.IN_FORCE and each.target.kind is Kind.OUTPUT:
            memory.s[each.target.row, each.target.loop, S_TRIAL] = S_TRIAL_OPERATOR
            memory.s[each.target.row, each.target.loop, S_TRIAL_PCT] = each.value


def overridden(fixed: Fixed, overrides: Sequence[Override], plan: Plan, dt_s: float) -> Fixed:
    """Return the plan's arrays with the setpoints that an operator holds, and gentle loops where one has let go."""
    if not overrides:
        return fixed
    p, reset, tables = fixed.p.copy(), fixed.reset.copy(), fixed.flow_tables.copy()
    for each in overrides:
        n, loop = cdu_of(each, plan), each.target.loop
        if each.standing is Standing.IN_FORCE and each.target.kind is Kind.SETPOINT:
            p[n, loop, P_SETPOINT] = each.value
            reset[n, loop * TRIM_PARAMETERS + T_LEAST] = math.nan  # nothing else moves it meanwhile
            if loop == PRESSURE:
                tables[n] = math.nan
        elif each.standing is Standing.RETURNING and n >= 0 and _drives(each, plan, n):
            loop = PRESSURE if each.target.kind is Kind.OUTPUT else SUPPLY_TEMP
            p[n, loop, P_OUTPUT_RATE] = min(p[n, loop, P_OUTPUT_RATE], RETURN_STEP_PCT / dt_s)
    return fixed._replace(p=p, reset=reset, flow_tables=tables)


def _drives(override: Override, plan: Plan, n: int) -> bool:
    """Return whether the loop's whole output was held; one pump of several is slowed down alone."""
    return override.target.kind is Kind.OUTPUT or override.target.row == plan.x[n, X_VALVE]


def toward(f: FloatArray, last: float, target: float, step: float) -> float:
    """Return the next demand on the way to a target; below its minimum an actuator that may be off rests or starts."""
    minimum = float(f[F_MINIMUM])
    if f[F_ZERO_ALLOWED] == 1.0 and target < minimum:
        return 0.0 if last <= minimum else max(last - step, minimum)
    if last < minimum:
        return minimum
    return clip(clip(target, minimum, float(f[F_MAXIMUM])), last - step, last + step)


def claim_demands(
    overrides: Sequence[Override], plan: Plan, last: FloatArray, memory: Memory, seen: Seen, result: Result, dt_s: float
) -> tuple[Override, ...]:
    """Demand what operators hold, and slow down what they have let go; ``memory.a`` and ``demands`` change in place.

    Args:
        overrides: of this cycle.
        plan: in force.
        last: (actuators,) what was last allowed, as the last cycle left it.
        memory: as the stages have left it.
        seen: every point.
        result: demands of the loops.
        dt_s: seconds since the last step.

    Returns:
        The overrides; one whose actuator is where its loop wants it is on its way no longer.
    """
    after = []
    for each in overrides:
        if each.target.kind is Kind.ACTUATOR and each.standing is Standing.IN_FORCE:
            _hold(each, plan, last, memory, seen, result, dt_s)
        elif each.target.kind is Kind.ACTUATOR and each.standing is Standing.RETURNING:
            each = _go_back(each, plan, memory, result)  # noqa: PLW2901 - the same override, a cycle on
        elif each.standing is Standing.RETURNING:
            each = replace(each, standing=Standing.ARRIVED)  # noqa: PLW2901
        after.append(each)
    return tuple(after)


def _hold(
    override: Override, plan: Plan, last: FloatArray, memory: Memory, seen: Seen, result: Result, dt_s: float
) -> None:
    i = override.target.row
    f, row = plan.f[i], int(plan.y[i, Y_POSITION])
    if math.isfinite(last[i]):
        memory.a[i, A_LAST] = last[i]
        result.demands[i] = toward(f, float(last[i]), override.value, float(f[F_RATE]) * dt_s)
    elif seen.quality[row] != _BAD:  # taken from where it is measured, as everything that was out of our hands
        memory.a[i, A_LAST] = result.demands[i] = adopted(f, float(seen.value[row]))


def _go_back(override: Override, plan: Plan, memory: Memory, result: Result) -> Override:
    i = override.target.row
    f, last, wanted = plan.f[i], float(memory.a[i, A_LAST]), float(result.demands[i])
    between = min(last, wanted) < f[F_MINIMUM]  # a pump that starts or stops has nothing to creep through
    if not math.isfinite(last) or not math.isfinite(wanted) or between or abs(wanted - last) <= RETURN_STEP_PCT:
        return replace(override, standing=Standing.ARRIVED)
    result.demands[i] = clip(wanted, last - RETURN_STEP_PCT, last + RETURN_STEP_PCT)
    return override


def tell(overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen) -> None:
    """Say of every CDU why it is not wholly in automatic: an operator has part of it; in place."""
    for each in overrides:
        n = cdu_of(each, plan)
        if n < 0 or not in_force(each):
            continue
        rows = [touch_of(int(i), plan) for i in plan.x[n, X_VALVE : X_PUMP + PUMPS_MAX] if i >= 0]
        if int(memory.d[n, D_CAUSE]) in _SOMEBODY and not any(seen.reason[row] == _OTHER for row in rows):
            memory.d[n, D_CAUSE] = float(Cause.OPERATOR_OVERRIDE)


def note_forced(overrides: Sequence[Override], plan: Plan, forced: IntArray) -> tuple[Override, ...]:
    """Return the overrides with those outranked whose actuator, or any of whose pumps, the protection has forced."""
    return tuple(
        replace(each, standing=Standing.FORCED) if in_force(each) and _is_forced(each, plan, forced) else each
        for each in overrides
    )


def _is_forced(override: Override, plan: Plan, forced: IntArray) -> bool:
    target = override.target
    if target.kind is Kind.ACTUATOR:
        return bool(forced[target.row] != _FREE)
    return target.kind is Kind.OUTPUT and any(forced[i] != _FREE for i in plan.cdus[target.row].pumps)

"""Whether an order for an override may be carried out now, in a sentence where it may not. Judges, changes nothing.

What is refused here is told to whoever gives the order, at once. The last gate knows none of this and refuses anyway.
"""

import math
from collections.abc import Sequence

from coolantd.control.arrays import Memory, Seen
from coolantd.control.layout import A_LAST, D_CAUSE, D_MODE, F_MINIMUM, Y_CDU
from coolantd.control.override_order import (
    LEASE_MAX_S,
    LEASE_MIN_S,
    OWNER_CHARS_MAX,
    REASON_CHARS,
    Kind,
    Override,
    Target,
)
from coolantd.control.override_targets import fits, may_be_off, value_range
from coolantd.control.overrides import CONTROLLED, another_pump_runs, cdu_of, stops_pump, touch_of
from coolantd.control.plan import Plan
from coolantd.point import Quality, Reason
from coolantd.safety.envelope_layout import L_PATHS
from coolantd.safety.modes import Cause, Mode
from coolantd.safety.openings import LEAST_OPENING_PCT


def wording_refusal(owner: str, reason: str, lease_s: float) -> str:
    """Return why owner, reason or lease are not what an override needs; empty if they are."""
    low, high = REASON_CHARS
    if not 0 < len(owner) <= OWNER_CHARS_MAX or not owner.isprintable():
        return f"owner = {owner!r:.80}, allowed: a name of at most {OWNER_CHARS_MAX} characters"
    if not low <= len(reason.strip()) <= high or not reason.isprintable():
        return f"reason = {reason!r:.80}, allowed: {low} to {high} characters on one line, for whoever comes after you"
    if not (math.isfinite(lease_s) and LEASE_MIN_S <= lease_s <= LEASE_MAX_S):
        return f"a lease of {lease_s:g} s, allowed: {LEASE_MIN_S:g} to {LEASE_MAX_S:g} s (8 h)"
    return ""


def value_refusal(target: Target, value: float, plan: Plan) -> str:
    """Return why a target may not be held at a value; empty if it may."""
    if fits(target, value, plan):
        return ""
    low, high = value_range(target, plan)
    off = " or 0 (off)" if may_be_off(target, plan) and low > 0.0 else ""
    return f"{target.key} = {value:g} {target.unit}, allowed: {low:g} to {high:g} {target.unit}{off}"


def owner_refusal(standing: Override | None, uid: int, owner: str, *, take_over: bool) -> str:
    """Return why somebody may not change the override that stands; empty if none does or it is theirs."""
    if standing is None or standing.over or take_over or (standing.uid, standing.owner) == (uid, owner):
        return ""
    whose = f"{standing.owner} (uid {standing.uid})"
    return f"{standing.target.key} is held by {whose}: {standing.reason}; allowed: with take-over"


def state_refusal(wanted: Override, overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen) -> str:
    """Return why an override could not be in force as things are; empty if it could.

    Args:
        wanted: as ordered.
        overrides: those that stand.
        plan: in force.
        memory: of the last cycle.
        seen: every point now.
    """
    n, target = cdu_of(wanted, plan), wanted.target
    if n >= 0:
        name, mode = plan.cdus[n].name, int(memory.d[n, D_MODE])
        if mode not in CONTROLLED:
            cause = Cause(int(memory.d[n, D_CAUSE])).label
            why = f" ({cause})" if cause else ""
            return f"{name} is in {Mode(mode).label}{why}, which outranks an operator; allowed: automatic or manual"
        if target.kind is Kind.SETPOINT and mode != Mode.AUTOMATIC:
            return f"{name} is in {Mode(mode).label}, where no setpoint is followed; allowed: automatic"
    return _actuator_refusal(wanted, overrides, plan, memory, seen) if target.kind is Kind.ACTUATOR else ""


def _actuator_refusal(wanted: Override, overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen) -> str:
    i, key = wanted.target.row, wanted.target.key
    row = touch_of(i, plan)
    if seen.quality[row] == Quality.BAD:
        return f"{key} is out of touch; allowed: an actuator that answers"
    if seen.reason[row] == int(Reason.LOCAL_OVERRIDE):
        return f"{key} is left to another writer at the device; take it back first (coolantd device resume)"
    if stops_pump(wanted, plan) and not _others_remain(i, overrides, plan, memory, seen):
        cdu = plan.cdus[int(plan.y[i, Y_CDU])].name
        return (
            f"{key} = 0 would stop the last pump of {cdu}; allowed: at least {plan.f[i, F_MINIMUM]:g} % or another pump"
        )
    if _shuts_last_way(wanted, overrides, plan, memory):
        least = f"{LEAST_OPENING_PCT:g} % of all branches together"
        return f"{key} = {wanted.value:g} % would leave the pumps no way; allowed: while {least} stays open"
    return ""


def _others_remain(i: int, overrides: Sequence[Override], plan: Plan, memory: Memory, seen: Seen) -> bool:
    """Return whether another pump runs that no override is about to stop."""
    a = memory.a.copy()
    stopped = [each.target.row for each in overrides if not each.over and stops_pump(each, plan)]
    value = seen.value.copy()
    for j in stopped:
        a[j, A_LAST] = 0.0
        value[plan.actuators[j].position] = 0.0
    return another_pump_runs(i, plan, a, memory.u, seen._replace(value=value))


def _shuts_last_way(wanted: Override, overrides: Sequence[Override], plan: Plan, memory: Memory) -> bool:
    """Return whether too little of all ways of the pumps would stay open, with those that operators hold where they go.

    The last gate would hold the valve; whoever orders it is told instead.
    """
    row, paths = wanted.target.row, plan.limits[wanted.target.row, L_PATHS]
    if paths < 0.0 or not wanted.value < memory.a[row, A_LAST]:
        return False
    held = {o.target.row: o.value for o in overrides if not o.over and o.target.kind is Kind.ACTUATOR}
    held[row] = wanted.value
    ways = [i for i in range(len(plan.actuators)) if plan.limits[i, L_PATHS] == paths]
    open_pct = [held.get(i, float(memory.a[i, A_LAST])) for i in ways]
    return sum(each for each in open_pct if each > 0.0) < LEAST_OPENING_PCT  # NaN, of which nothing is known, is shut

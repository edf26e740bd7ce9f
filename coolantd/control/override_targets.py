"""Which row of a plan an override holds, and what values it may have there. Knows names and limits, no state.

A target is named as people name it: ``device.point`` for an actuator, ``cdu/loop`` for a setpoint, ``cdu/loop/output``
for what a loop tells its actuators; of the supply temperature that is its valve, whatever it is called.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coolantd.control.layout import F_MAXIMUM, F_MINIMUM, F_ZERO_ALLOWED, PRESSURE, SUPPLY_TEMP
from coolantd.control.override_order import Kind, Override, Target
from coolantd.control.plan import Plan

LOOP_NAMES: Final = ("supply_temp", "pressure")
OUTPUT_WORD: Final = "output"


def actuator_target(plan: Plan, row: int) -> Target:
    """Return an actuator as a target."""
    return Target(kind=Kind.ACTUATOR, device=plan.actuators[row].device, name=plan.actuators[row].name, row=row)


def all_targets(plan: Plan) -> dict[str, Target]:
    """Return everything of a plan that can be overridden by its key, actuators first."""
    found = {each.key: each for each in (actuator_target(plan, i) for i in range(len(plan.actuators)))}
    for n, cdu in enumerate(plan.cdus):
        for loop, name in enumerate(LOOP_NAMES):
            unit = cdu.supply_temp.unit if loop == SUPPLY_TEMP else cdu.pressure.unit
            each = Target(kind=Kind.SETPOINT, device=cdu.name, name=name, row=n, loop=loop, unit=unit)
            found[each.key] = each
        valve = f"{cdu.name}/{LOOP_NAMES[SUPPLY_TEMP]}/{OUTPUT_WORD}"
        found[valve] = actuator_target(plan, cdu.valve)
        each = Target(kind=Kind.OUTPUT, device=cdu.name, name=LOOP_NAMES[PRESSURE], row=n, loop=PRESSURE)
        found[each.key] = each
    return found


def value_range(target: Target, plan: Plan) -> tuple[float, float]:
    """Return the least and the greatest value that a target may be held at, apart from an actuator's off."""
    if target.kind is Kind.ACTUATOR:
        return float(plan.f[target.row, F_MINIMUM]), float(plan.f[target.row, F_MAXIMUM])
    cdu = plan.cdus[target.row]
    loop = cdu.supply_temp if target.loop == SUPPLY_TEMP else cdu.pressure
    if target.kind is Kind.OUTPUT:
        return loop.output_min_pct, loop.output_max_pct
    least = loop.setpoint_min
    if target.loop == SUPPLY_TEMP:
        least = max(least, cdu.dew_point_design_c + cdu.dew_point_margin_k)
    return least, loop.setpoint_max


def may_be_off(target: Target, plan: Plan) -> bool:
    """Return whether 0 is allowed although it is below the least value."""
    return target.kind is Kind.ACTUATOR and bool(plan.f[target.row, F_ZERO_ALLOWED] == 1.0)


def fits(target: Target, value: float, plan: Plan) -> bool:
    """Return whether a value is one that a target may be held at; NaN and infinities are none."""
    low, high = value_range(target, plan)
    return math.isfinite(value) and (low <= value <= high or (value == 0.0 and may_be_off(target, plan)))


def carry_overrides(old_plan: Plan, overrides: Sequence[Override], plan: Plan) -> tuple[Override, ...]:
    """Return the overrides of which a new plan still has the target, in its unit and range, with their rows there.

    A CDU of the same name on another device is another CDU.
    """
    if not overrides:
        return ()
    targets, kept = all_targets(plan), []
    for each in overrides:
        target = targets.get(each.target.key)
        if target is None or target.unit != each.target.unit or not fits(target, each.value, plan):
            continue
        if target.kind is Kind.ACTUATOR or plan.cdus[target.row].device == old_plan.cdus[each.target.row].device:
            kept.append(replace(each, target=target))
    return tuple(kept)

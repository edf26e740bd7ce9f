"""Finds the least plan that still fails: drops bays, then faults, then makes what is left shorter. Knows plans only."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from coolantd.sim.dst.drawing import Plan
from coolantd.sim.dst.faults import Fault

RUNS_MAX: Final = 60
"""A shrunk plan is a help, not worth an hour."""
SHORTEST_S: Final = 0.5
AFTER_S: Final = 330.0
"""Of a run behind its last fault: what must be normal again has five minutes."""

Fails = Callable[[Plan], bool]


def shrunk(plan: Plan, fails: Fails) -> Plan:
    """Return a plan with as little in it as still fails.

    Args:
        plan: one that fails.
        fails: runs a plan; asked at most ``RUNS_MAX`` times.
    """
    left = RUNS_MAX
    while left > 0:
        for smaller in _smaller(plan):
            left -= 1
            if fails(smaller):
                plan = smaller
                break
            if left <= 0:
                break
        else:
            return plan
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield plans with a little less, the largest cuts first."""
    for k in range(len(plan.bays)) if len(plan.bays) > 1 else ():
        yield replace(plan, bays=(plan.bays[k],), faults=(plan.faults[k],))
    end_s = max((fault.end_s for fault in (*plan.site, *(f for each in plan.faults for f in each))), default=0.0)
    if plan.duration_s > end_s + AFTER_S + 1.0:
        yield replace(plan, duration_s=end_s + AFTER_S)
    for k in range(len(plan.site)):
        yield replace(plan, site=plan.site[:k] + plan.site[k + 1 :])
    for bay, faults in enumerate(plan.faults):
        for k, fault in enumerate(faults):
            yield _with(plan, bay, (*faults[:k], *faults[k + 1 :]))
            for less in _less(fault):
                yield _with(plan, bay, (*faults[:k], less, *faults[k + 1 :]))
    if plan.mqtt:
        yield replace(plan, mqtt=False, bays=tuple(replace(bay, manifold=False) for bay in plan.bays))


def _less(fault: Fault) -> Iterator[Fault]:
    if fault.intermittent:
        yield replace(fault, intermittent=False)
    if fault.duration_s > 2.0 * SHORTEST_S:
        yield replace(fault, duration_s=round(fault.duration_s / 2.0, 3))


def _with(plan: Plan, bay: int, faults: tuple[Fault, ...]) -> Plan:
    return replace(plan, faults=(*plan.faults[:bay], faults, *plan.faults[bay + 1 :]))

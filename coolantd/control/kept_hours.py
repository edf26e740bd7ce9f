"""The pumps' run hours, as they are written down for the time after a restart, and as they are taken back.

Knows tags and seconds. Roles and trips are not kept: what a pump does is found out anew, from the pump.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from coolantd.control.plan import Plan
from coolantd.control.pump_layout import U_RUN_S
from coolantd.control.step import ControlState

RUN_MAX_S: Final = 3.2e9
"""A hundred years: no pump has run for longer, and a larger number is no count of ours."""


def kept_hours(plan: Plan, state: ControlState) -> dict[str, float]:
    """Return for how long each pump was seen running, whole seconds, by ``device.point``."""
    return {tag: round(float(state.u[n, k, U_RUN_S]), 0) for tag, (n, k) in _pumps(plan).items()}


def with_hours(plan: Plan, state: ControlState, kept: Mapping[str, object]) -> ControlState:
    """Return a state whose pumps have run for what was kept besides what was seen of them since.

    Raises:
        ValueError: a time is none.
    """
    u, pumps = state.u.copy(), _pumps(plan)
    for tag, run_s in kept.items():
        if isinstance(run_s, bool) or not isinstance(run_s, int | float) or not 0.0 <= run_s <= RUN_MAX_S:
            raise ValueError(f"{tag:.80} = {run_s!r:.40}, allowed: seconds from 0 to {RUN_MAX_S:g}")
        if tag in pumps:
            u[pumps[tag]][U_RUN_S] += run_s
    return replace(state, u=u)


def _pumps(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return the row of each pump by its tag; a pump of two CDUs is counted in the first."""
    found: dict[str, tuple[int, int]] = {}
    for n, cdu in enumerate(plan.cdus):
        for k, i in enumerate(cdu.pumps):
            found.setdefault(f"{plan.actuators[i].device}.{plan.actuators[i].name}", (n, k))
    return found

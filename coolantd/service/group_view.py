"""What the daemon shows of groups of CDUs: who is a member, and what it asks of its pumps. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

from dataclasses import dataclass

from coolantd.control.group_layout import G_STATE, GroupState
from coolantd.control.layout import PRESSURE, S_OUTPUT
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """One CDU in its group: ``state`` is a ``GroupState`` label, ``output_pct`` what its pressure loop asks for."""

    group: str
    cdu: str
    state: str
    output_pct: float


def group_views(plan: Plan, state: ControlState) -> tuple[GroupView, ...]:
    """Return every CDU of every group, as the last cycle left it."""
    return tuple(
        GroupView(
            group=group.name,
            cdu=plan.cdus[n].name,
            state=GroupState(int(state.group_d[n, G_STATE])).label,
            output_pct=float(state.s[n, PRESSURE, S_OUTPUT]),
        )
        for group in plan.groups
        for n in group.cdus
    )

"""What the daemon shows of balanced manifolds: what each branch wants, has and does. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

from dataclasses import dataclass

from coolantd.control.branch_layout import (
    B_HAD_RATIO,
    B_HEAT_KW,
    B_RISE_K,
    B_STATE,
    B_TARGET_PCT,
    B_WANTED_RATIO,
    BranchState,
)
from coolantd.control.branch_plan import branch_rows
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchView:
    """One branch of a balanced manifold; figures are NaN while it cannot be judged.

    Attributes:
        branch: the rack's name, or the branch's number from 1.
        state: a ``BranchState`` label.
        heat_kw: low-passed.
        share_wanted_ratio: its share of the heat. share_ratio: its share of the flow.
        coolant_rise_k: that its heat and flow come to.
        valve_target_pct: where its valve is going; NaN while the manifold is out of touch.
    """

    manifold: str
    branch: str
    state: str
    heat_kw: float
    share_wanted_ratio: float
    share_ratio: float
    coolant_rise_k: float
    valve_target_pct: float


def branch_views(plan: Plan, state: ControlState) -> tuple[BranchView, ...]:
    """Return every branch of every balanced manifold, as the last cycle left it."""
    b = state.branch_b
    return tuple(
        BranchView(
            manifold=manifold.name,
            branch=branch.name,
            state=BranchState(int(b[row, B_STATE])).label,
            heat_kw=float(b[row, B_HEAT_KW]),
            share_wanted_ratio=float(b[row, B_WANTED_RATIO]),
            share_ratio=float(b[row, B_HAD_RATIO]),
            coolant_rise_k=float(b[row, B_RISE_K]),
            valve_target_pct=float(b[row, B_TARGET_PCT]),
        )
        for n, manifold in enumerate(plan.branches.manifolds)
        for branch, row in zip(manifold.branches, branch_rows(plan.branches, n), strict=True)
    )

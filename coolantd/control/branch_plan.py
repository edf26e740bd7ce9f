"""What balancing a manifold is told: frozen parameters, the arrays its kernel reads, and what it remembers.

Built by config/ from files; knows none. Indices called *point* count in the snapshot, *actuator* in the plan's list.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.branch_layout import (
    B_BAD_S,
    B_SHORT_S,
    B_STATE,
    BALANCE_PARAMETERS,
    BALANCE_STATE,
    BRANCH_INDICES,
    BRANCH_STATE,
    W_LEFT_S,
    X_CDU,
    BranchState,
)
from coolantd.point import FloatArray, IntArray

NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchParameters:
    """One branch: the actuator that is its valve, and where it is measured.

    Attributes:
        name: of the rack on it, or its number.
        power: point of the rack's electric power in kW; None: heat from flow and temperatures.
    """

    name: str
    actuator: int
    flow: int
    supply_temp: int
    return_temp: int
    power: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceParameters:
    """One balanced manifold.

    Attributes:
        cdu: index of the CDU that feeds it, or None if that is not known.
        period_s: between two moves.
        open_pct: position of the most open valve. minimum_pct: least of any. step_pct: largest move in a period.
        deadband_ratio: error of a flow that moves nothing, as a share of it.
        filter_s: time constant of the branches' heat.
        coolant_rise_max_k: no branch is throttled beyond it.
        capacity_kj_l_k: rho cp of the coolant.
        rangeability_ratio: of equal-percentage valves; None where flow is proportional to position.
    """

    name: str
    cdu: int | None
    branches: tuple[BranchParameters, ...]
    period_s: float = 45.0
    open_pct: float = 100.0
    minimum_pct: float = 25.0
    step_pct: float = 10.0
    deadband_ratio: float = 0.03
    filter_s: float = 30.0
    coolant_rise_max_k: float = 15.0
    capacity_kj_l_k: float = 4.01
    rangeability_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """Every balanced manifold of a plan, and the same packed.

    Attributes:
        m: (manifolds, BALANCE_PARAMETERS).
        x: (branches, BRANCH_INDICES).
    """

    manifolds: tuple[BalanceParameters, ...]
    m: FloatArray
    x: IntArray


def _pack_manifold(p: BalanceParameters) -> list[float]:
    return [
        p.period_s,
        p.open_pct,
        p.minimum_pct,
        p.step_pct,
        p.deadband_ratio,
        p.filter_s,
        p.coolant_rise_max_k,
        p.capacity_kj_l_k,
        NAN if p.rangeability_ratio is None else math.log(p.rangeability_ratio),
    ]


def _index(value: int | None) -> int:
    return -1 if value is None else value


def pack_branches(manifolds: Sequence[BalanceParameters] = ()) -> BranchPlan:
    """Return the manifolds with their arrays."""
    rows = [
        [n, each.actuator, each.flow, each.supply_temp, each.return_temp, _index(each.power), _index(p.cdu), k]
        for n, p in enumerate(manifolds)
        for k, each in enumerate(p.branches)
    ]
    return BranchPlan(
        manifolds=tuple(manifolds),
        m=np.array([_pack_manifold(p) for p in manifolds], dtype=np.float64).reshape(
            len(manifolds), BALANCE_PARAMETERS
        ),
        x=np.array(rows, dtype=np.int64).reshape(len(rows), BRANCH_INDICES),
    )


Memory = tuple[FloatArray, FloatArray]
"""What balancing remembers: w (manifolds, BALANCE_STATE) and b (branches, BRANCH_STATE)."""


def blank_memory(plan: BranchPlan) -> Memory:
    """Return the memory of a balancing that has seen nothing: the first move is a whole period away."""
    w = np.zeros((plan.m.shape[0], BALANCE_STATE))
    w[:, W_LEFT_S] = [p.period_s for p in plan.manifolds]
    b = np.full((plan.x.shape[0], BRANCH_STATE), NAN)
    b[:, [B_BAD_S, B_SHORT_S]] = 0.0
    b[:, B_STATE] = float(BranchState.HELD)
    return w, b


def carry_memory(old_plan: BranchPlan, old: Memory, plan: BranchPlan) -> Memory:
    """Return a memory for a new plan that keeps the branches of manifolds that still have as many, by name."""
    (old_w, old_b), (w, b) = old, blank_memory(plan)
    rows = {p.name: (n, branch_rows(old_plan, n)) for n, p in enumerate(old_plan.manifolds)}
    for n, p in enumerate(plan.manifolds):
        before, their = rows.get(p.name, (0, range(0)))
        if len(their) == len(p.branches):
            w[n, W_LEFT_S] = min(old_w[before, W_LEFT_S], p.period_s)
            b[list(branch_rows(plan, n))] = old_b[list(their)]
    return w, b


def branch_rows(plan: BranchPlan, n: int) -> range:
    """Return the rows of a manifold's branches."""
    first = sum(len(p.branches) for p in plan.manifolds[:n])
    return range(first, first + len(plan.manifolds[n].branches))


def pump_requests(plan: BranchPlan, b: FloatArray, cdus: int) -> IntArray:
    """Return how many branches of each CDU could be helped by more pressure alone: (cdus,).

    Their valves are open, and they have less than nine tenths of their share or a coolant rise beyond the largest.

    Args:
        plan: the balanced manifolds.
        b: (branches, BRANCH_STATE) as the last step left it.
        cdus: how many there are.
    """
    counts = np.zeros(cdus, dtype=np.int64)
    rows = (b[:, B_SHORT_S] > 0.0) & (plan.x[:, X_CDU] >= 0)
    np.add.at(counts, plan.x[rows, X_CDU], 1)
    return counts

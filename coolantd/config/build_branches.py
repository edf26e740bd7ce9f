"""From a validated manifold to the parameters of its balancing. Opens no file."""

import math
from collections.abc import Callable, Mapping, Sequence

from coolantd.config.models import CduConfig, ManifoldConfig
from coolantd.control.branch_plan import BalanceParameters, BranchParameters
from coolantd.protocol.kinds import Role


def feeding_cdu(manifold: ManifoldConfig, cdus: Sequence[CduConfig]) -> int | None:
    """Return the index of the CDU that feeds a manifold: the one it names, else the only one there is."""
    names = [cdu.name for cdu in cdus]
    if manifold.cdu is None:
        return 0 if len(names) == 1 else None
    return names.index(manifold.cdu) if manifold.cdu in names else None


def fixed_positions(manifold: ManifoldConfig) -> dict[Role, float]:
    """Return where each kind of valve of a manifold stands, %; NaN where it is moved."""
    branches_pct = manifold.branch_valve_position_pct if manifold.balance is None else math.nan
    return {Role.BRANCH_VALVE: branches_pct, Role.BYPASS_VALVE: math.nan}


def balance_parameters(
    manifold: ManifoldConfig, valves: Mapping[str, int], cdu: int | None, point: Callable[[str], int]
) -> BalanceParameters | None:
    """Return how a manifold is balanced; None where all its valves stand still.

    Args:
        manifold: as configured.
        valves: actuators of its branch valves by name, in the order of the branches.
        cdu: that feeds it.
        point: returns the index of a ``device.point``.
    """
    balance = manifold.balance
    if balance is None:
        return None
    names = list(valves)
    flows, supplies, returns = (
        balance.points(key, manifold.device, names) for key in ("flow", "supply_temp", "return_temp")
    )
    branches = tuple(
        BranchParameters(
            name=manifold.racks[k] if manifold.racks else str(k + 1),
            actuator=valves[name],
            flow=point(flows[k]),
            supply_temp=point(supplies[k]),
            return_temp=point(returns[k]),
            power=point(balance.power[k]) if balance.power else None,
        )
        for k, name in enumerate(names)
    )
    return BalanceParameters(
        name=manifold.name,
        cdu=cdu,
        branches=branches,
        period_s=balance.period_s,
        open_pct=manifold.branch_valve_position_pct,
        minimum_pct=balance.minimum_pct,
        step_pct=balance.step_max_pct,
        deadband_ratio=balance.deadband_ratio,
        filter_s=balance.filter_s,
        coolant_rise_max_k=balance.coolant_rise_max_k,
        capacity_kj_l_k=balance.heat_capacity_kj_per_l_k,
        rangeability_ratio=balance.valve_rangeability_ratio,
    )

"""From the configured estimate table to the estimator's parameters. Opens no file; knows how a tag becomes a point."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from coolantd.config.balance_model import MEASURED
from coolantd.config.estimate_models import EstimateConfig
from coolantd.config.models import ManifoldConfig
from coolantd.control.estimate_layout import BRANCHES_MAX
from coolantd.control.estimate_plan import EstimateParameters, PumpCurve
from coolantd.protocol.profile import Role, WriteRule


@dataclass(frozen=True, slots=True)
class FedBranches:
    """The branches of the manifolds that a CDU feeds, where a flow and a valve's position are measured: points.

    ``rangeability_ratio`` is that of equal-percentage valves, None for linear ones.
    """

    flow: tuple[int, ...] = ()
    position: tuple[int, ...] = ()
    rangeability_ratio: float | None = None


def fed_branches(
    manifolds: Iterable[ManifoldConfig],
    valves: Callable[[str], Mapping[str, WriteRule]],
    find: Callable[[tuple[str, str]], int | None],
) -> FedBranches:
    """Return the branches that can be watched without being named.

    Args:
        manifolds: those that the CDU feeds.
        valves: gives a device's writable points by name.
        find: gives the row of a (device, point) in the snapshot, None where there is none.
    """
    pairs, ratio = [], None
    for manifold in manifolds:
        if manifold.balance is not None:
            ratio = manifold.balance.valve_rangeability_ratio
        for name, rule in valves(manifold.device).items():
            flow = find((manifold.device, f"{name.partition('_')[0]}_{MEASURED['flow'][0]}"))
            position = find((manifold.device, rule.position))
            if rule.role is Role.BRANCH_VALVE and flow is not None and position is not None:
                pairs.append((flow, position))
    flows, positions = tuple(flow for flow, _ in pairs), tuple(position for _, position in pairs)
    return FedBranches(flows[:BRANCHES_MAX], positions[:BRANCHES_MAX], ratio)


def build_estimate(config: EstimateConfig, point: Callable[[str], int], fed: FedBranches) -> EstimateParameters:
    """Return the parameters of a validated table.

    Args:
        config: the table.
        point: gives the row of a ``device.point`` in the snapshot.
        fed: taken where the table names no branches.
    """
    named = bool(config.branch_flows or config.branch_returns)
    ratio = config.branch_valve_rangeability_ratio

    def maybe(tag: str | None) -> int | None:
        return None if tag is None else point(tag)

    return EstimateParameters(
        fws_return=maybe(config.fws_return),
        fws_flow=maybe(config.fws_flow),
        commissioned_ratio=config.commissioned_conductance_ratio,
        pumps=_pumps(config),
        heat_ratio=config.heat_ratio,
        rated_heat_kw=config.rated_heat_kw,
        supply_limit_c=config.supply_limit_c,
        plate_margin_k=config.plate_margin_k,
        plate_heating_k_s=config.plate_heating_k_per_s,
        loop_l=config.loop_l,
        branch_flow=tuple(map(point, config.branch_flows)) if named else fed.flow,
        branch_return=tuple(map(point, config.branch_returns)),
        branch_position=tuple(map(point, config.branch_valves)) if named else fed.position,
        branch_rangeability_ratio=fed.rangeability_ratio if ratio is None and not named else ratio,
        level=maybe(config.level),
        level_l=config.level_l_per_unit,
        static_pressure=maybe(config.static_pressure),
        gas_l=math.nan if config.vessel_gas_l is None else config.vessel_gas_l,
        gas_kpa=math.nan if config.vessel_gas_kpa is None else config.vessel_gas_kpa,
        expansion_per_k=config.expansion_per_k,
    )


def _pumps(config: EstimateConfig) -> PumpCurve | None:
    head, lpm, kpa, loss = config.pump_head_kpa, config.pump_point_lpm, config.pump_point_kpa, config.cdu_loss_kpa
    if head is None or lpm is None or kpa is None or loss is None:
        return None
    return PumpCurve(head_kpa=head, point_lpm=lpm, point_kpa=kpa, cdu_loss_kpa=loss)

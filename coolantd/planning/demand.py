"""What racks ask of the loop: flow and pressure from their published table. Knows no pump and no exchanger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.planning.inputs import DemandPoint, PlanInputs
from coolantd.plant.coolant import Coolant, density_kg_m3, heat_capacity_j_kg_k
from coolantd.plant.hydraulics import BRANCH_EXPONENT
from coolantd.units import LPM_PER_M3_S, W_PER_KW

BALANCE_ROUNDS: Final = 4
"""Of the coolant's rise and its own heat capacity: each round shrinks the error two-hundredfold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """``dp = factor q^exponent``: the straight line through a flow table in logarithms.

    Attributes:
        factor_kpa: pressure at 1 L/min.
        exponent: of the flow in L/min.
    """

    factor_kpa: float
    exponent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHeat:
    """The heat balance hidden in a flow table.

    Attributes:
        return_temp_c: the one coolant temperature out of the rack that all rows aim at.
        heat_kw: heat into the coolant that then explains the flows.
    """

    return_temp_c: float
    heat_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the racks need at the planned supply temperature.

    Attributes:
        rack_flow_lpm: flow of one rack.
        flow_lpm: of all racks.
        rack_pressure_kpa: over the racks.
        flow_lpm_per_kw: flow per kW of heat into the coolant.
        return_temp_c: coolant out of the racks.
        capacity_rate_kw_k: rho cp q of the whole flow, at the mean of supply and return.
    """

    rack_flow_lpm: float
    flow_lpm: float
    rack_pressure_kpa: float
    flow_lpm_per_kw: float
    return_temp_c: float
    capacity_rate_kw_k: float


def demand_at(inputs: PlanInputs, supply_temp_c: float) -> Demand:
    """Return what the racks need at a supply temperature within their table."""
    rows = inputs.racks.demand
    rack_flow_lpm = rack_flow_at_lpm(rows, supply_temp_c)
    flow_lpm = rack_flow_lpm * inputs.racks.count
    rise_k = 0.0
    for _ in range(BALANCE_ROUNDS):
        rate_kw_k = capacity_rate_kw_k(inputs.coolant, flow_lpm, supply_temp_c + 0.5 * rise_k)
        rise_k = inputs.liquid_kw / rate_kw_k
    return Demand(
        rack_flow_lpm=rack_flow_lpm,
        flow_lpm=flow_lpm,
        rack_pressure_kpa=rack_pressure_at_kpa(rows, rack_flow_lpm),
        flow_lpm_per_kw=rack_flow_lpm / inputs.racks.liquid_kw,
        return_temp_c=supply_temp_c + rise_k,
        capacity_rate_kw_k=rate_kw_k,
    )


def case_flow_lpm(inputs: PlanInputs) -> float:
    """Return the flow of one rack at which its cases stand at their limit, from the plates alone; NaN where none does.

    ``T_case = T_in + Q (R + 1/(2 rho cp V))`` of one plate (Open Compute data: R = 0.0168 K/W with PG25, 0.0136 with
    water, to the mean coolant temperature), solved for V. Below it the flow table promises more than the plates hold.
    """
    plates, racks = inputs.plates, inputs.racks
    heat_w = racks.liquid_kw * W_PER_KW / plates.count
    left_k = racks.case_temp_max_c - inputs.supply_temp_c - heat_w * plates.case_to_mean_k_w
    if left_k <= 0.0:
        return math.nan
    flow_m3_s = 0.5 * heat_w / (heat_capacity_j_m3_k(inputs.coolant, inputs.supply_temp_c) * left_k)
    return flow_m3_s * LPM_PER_M3_S * plates.count


def rack_flow_at_lpm(rows: Sequence[DemandPoint], inlet_temp_c: float) -> float:
    """Return the flow one rack needs, from its table.

    Between two rows 1/q is a straight line of the inlet temperature, as ``P = rho cp q (T_return - T_inlet)`` with
    one return temperature has it. Beyond the table's ends the nearer row holds.
    """
    return 1.0 / float(
        np.interp(inlet_temp_c, [row.inlet_temp_c for row in rows], [1.0 / row.flow_lpm for row in rows])
    )


def rack_pressure_at_kpa(rows: Sequence[DemandPoint], flow_lpm: float) -> float:
    """Return the pressure over one rack: straight lines between the rows in logarithms.

    Beyond the rows, and for a single one, the law of ``power_law`` continues from the nearer end.
    """
    ends = rows[0] if flow_lpm < rows[0].flow_lpm else rows[-1]
    if len(rows) == 1 or not rows[0].flow_lpm <= flow_lpm <= rows[-1].flow_lpm:
        return float(ends.pressure_kpa * (flow_lpm / ends.flow_lpm) ** power_law(rows).exponent)
    flows = [math.log(row.flow_lpm) for row in rows]
    return math.exp(float(np.interp(math.log(flow_lpm), flows, [math.log(row.pressure_kpa) for row in rows])))


def power_law(rows: Sequence[DemandPoint]) -> PowerLaw:
    """Return the power law through a table, by least squares in logarithms; exponent 1.85 for a single row.

    For the published GB300 NVL72 table: 0.000993 psi and 1.897.
    """
    if len(rows) == 1:
        only = rows[0]
        return PowerLaw(factor_kpa=only.pressure_kpa / only.flow_lpm**BRANCH_EXPONENT, exponent=BRANCH_EXPONENT)
    logs = [(math.log(row.flow_lpm), math.log(row.pressure_kpa)) for row in rows]
    exponent, offset = _line(logs)
    return PowerLaw(factor_kpa=math.exp(offset), exponent=exponent)


def table_heat(rows: Sequence[DemandPoint], coolant: Coolant) -> TableHeat | None:
    """Return the heat and return temperature a table stands for, or None where its rows show none.

    From the straight line ``1/q = rho cp (T_return - T_inlet)/P`` by least squares, rho cp taken between the mean
    inlet and the return. For the published GB300 NVL72 table: 54.9 degC and 118 kW with PG25.
    """
    if len(rows) < 2:
        return None
    slope, offset = _line([(row.inlet_temp_c, 1.0 / row.flow_lpm) for row in rows])
    if slope >= 0.0:
        return None
    return_temp_c = -offset / slope
    mean_c = 0.5 * (return_temp_c + sum(row.inlet_temp_c for row in rows) / len(rows))
    return TableHeat(return_temp_c=return_temp_c, heat_kw=-capacity_rate_kw_k(coolant, 1.0, mean_c) / slope)


def capacity_rate_kw_k(coolant: Coolant, flow_lpm: float, temp_c: float) -> float:
    """Return rho cp q in kW/K."""
    return heat_capacity_j_m3_k(coolant, temp_c) * flow_lpm / LPM_PER_M3_S / W_PER_KW


def heat_capacity_j_m3_k(coolant: Coolant, temp_c: float) -> float:
    """Return rho cp of a coolant in J/(m3 K)."""
    coefficients = coolant.coefficients()
    return density_kg_m3(coefficients, temp_c) * heat_capacity_j_kg_k(coefficients, temp_c)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return slope and offset of the least-squares line."""
    slope, offset = np.polyfit([x for x, _ in points], [y for _, y in points], 1)
    return float(slope), float(offset)

"""Cold plates: heat from a chip's case into the coolant. Knows one plate's two heat balances, no loop.

The published case-to-inlet resistances (OCP, 1 kW module, PG25 and water) become a constant once half of the
coolant's own rise is taken off, so a plate is one conductance from the case to the *mean* coolant temperature.
"""

from typing import Final

PG25_CASE_TO_MEAN_K_W: Final = 0.0168
"""Within -2.4 to +1.1 % of the published curve from 0.5 to 2.4 L/min; 8.7 % low at 0.4 L/min."""
PG25_UNLIMITED_FLOW_K_W: Final = 0.016294
PG25_FLOW_RESISTANCE_K_M3_J: Final = 1.141e-8
"""``R_mean = 0.016294 + 0.000685/V`` with V in L/min: the same curve with its flow dependence, within 0.6 % from 0.5
to 2.4 L/min. The published curve of water shows none."""
PG25_LEAST_FLOW_M3_S: Final = 0.4 / 60_000.0
"""Where the published curve begins; 5.6 % low there, for the flow turns laminar."""
WATER_CASE_TO_MEAN_K_W: Final = 0.0136
"""Within 0.4 % of the published curve from 2 to 5 L/min."""


def case_to_inlet_k_w(case_to_mean_k_w: float, flow_m3_s: float, heat_capacity_j_m3_k: float) -> float:
    """Return the case-to-inlet resistance of one plate in K/W: ``R = R_mean + 1/(2 rho cp q)``.

    Args:
        case_to_mean_k_w: resistance from the case to the mean coolant temperature, in K/W.
        flow_m3_s: flow through the plate, above 0.
        heat_capacity_j_m3_k: rho cp of the coolant.
    """
    return case_to_mean_k_w + 0.5 / (heat_capacity_j_m3_k * flow_m3_s)


def conductance_w_k(unlimited_w_k: float, flow_resistance_k_m3_j: float, flow_m3_s: float) -> float:
    """Return the conductance of a rack's plates at a flow: ``1/G = 1/G_unlimited + r/q``.

    Args:
        unlimited_w_k: of all plates at a flow without limit.
        flow_resistance_k_m3_j: r; the same for one plate at its own flow and for a rack of plates at the rack's.
        flow_m3_s: of the rack, above 0.
    """
    return unlimited_w_k / (1.0 + flow_resistance_k_m3_j * unlimited_w_k / flow_m3_s)


def advance_plate(
    case_temp_c: float,
    outlet_temp_c: float,
    inlet_temp_c: float,
    heat_w: float,
    conductance_w_k: float,
    metal_rate_w_k: float,
    coolant_rate_w_k: float,
    capacity_rate_w_k: float,
) -> tuple[float, float]:
    """Return (case, coolant outlet) temperature one implicit Euler step later, in degC.

    Solves, for any step and any flow down to none,
    ``Cw dTw/dt = P - G (Tw - (Ts + To)/2)`` and ``Cf dTo/dt = G (Tw - (Ts + To)/2) - C (To - Ts)``.

    Args:
        case_temp_c: Tw before the step.
        outlet_temp_c: To before the step.
        inlet_temp_c: Ts over the step.
        heat_w: P, heat into the case over the step.
        conductance_w_k: G, case to mean coolant.
        metal_rate_w_k: Cw/dt, above 0.
        coolant_rate_w_k: Cf/dt, above 0.
        capacity_rate_w_k: C = rho cp q, 0 when stagnant.
    """
    half_w_k = 0.5 * conductance_w_k
    row_case = metal_rate_w_k + conductance_w_k
    row_outlet = coolant_rate_w_k + half_w_k + capacity_rate_w_k
    case_w = metal_rate_w_k * case_temp_c + heat_w + half_w_k * inlet_temp_c
    outlet_w = coolant_rate_w_k * outlet_temp_c + (capacity_rate_w_k - half_w_k) * inlet_temp_c
    per_determinant = 1.0 / (row_case * row_outlet - half_w_k * conductance_w_k)
    case_next_c = (case_w * row_outlet + half_w_k * outlet_w) * per_determinant
    outlet_next_c = (row_case * outlet_w + conductance_w_k * case_w) * per_determinant
    return case_next_c, outlet_next_c

"""Counter-flow plate exchanger: effectiveness, conductance from flows, and its static inverse. Knows no dynamics."""

import math
from typing import Final

from coolantd.plant import layout as at
from coolantd.plant.coolant import volumetric_heat_capacity_j_m3_k
from coolantd.plant.hydraulics import facility_flow_m3_s, linear_opening_ratio, valve_opening_ratio
from coolantd.point import FloatArray

EQUAL_RATES_RATIO: Final = 0.9999
"""Above this capacity-rate ratio the formula turns into 0/0; its limit is used, at most 5e-5 off."""
BISECTIONS: Final = 24
"""Of the valve position's range: 6e-8 of the stroke."""


def effectiveness_ratio(ntu: float, rate_ratio: float) -> float:
    """Return the effectiveness of a counter-flow exchanger, 0 to 1.

    Args:
        ntu: UA/Cmin, 0 or more.
        rate_ratio: Cmin/Cmax, 0 to 1.
    """
    if rate_ratio > EQUAL_RATES_RATIO:
        return ntu / (1.0 + ntu)
    fall = math.exp(-ntu * (1.0 - rate_ratio))
    return (1.0 - fall) / (1.0 - rate_ratio * fall)


def transfer_units(effectiveness: float, rate_ratio: float) -> float:
    """Return the NTU that gives an effectiveness: the inverse of ``effectiveness_ratio``, for effectiveness < 1."""
    if rate_ratio > EQUAL_RATES_RATIO:
        return effectiveness / (1.0 - effectiveness)
    return math.log((1.0 - effectiveness * rate_ratio) / (1.0 - effectiveness)) / (1.0 - rate_ratio)


def film_w_k(rated_w_k: float, flow_ratio: float, exponent: float, floor_ratio: float) -> float:
    """Return one side's film conductance: ``hA0 (q/q0)^0.8``, held below the floor, where flow turns laminar."""
    return float(rated_w_k * max(flow_ratio, floor_ratio) ** exponent)


def conductance_w_k(params: FloatArray, tcs_flow_m3_s: float, fws_flow_m3_s: float, fouling_k_w: float) -> float:
    """Return UA in W/K: two films and the fouling in series.

    Args:
        params: packed plant parameters.
        tcs_flow_m3_s: secondary flow.
        fws_flow_m3_s: primary flow.
        fouling_k_w: fouling resistance of the whole surface, 0 when clean.
    """
    exponent, floor = params[at.P_FILM_EXPONENT], params[at.P_FILM_FLOOR_RATIO]
    tcs = film_w_k(params[at.P_FILM_TCS_W_K], tcs_flow_m3_s / params[at.P_RATED_TCS_FLOW_M3_S], exponent, floor)
    fws = film_w_k(params[at.P_FILM_FWS_W_K], fws_flow_m3_s / params[at.P_RATED_FWS_FLOW_M3_S], exponent, floor)
    return tcs * fws / (tcs + fws + fouling_k_w * tcs * fws)


def heat_per_kelvin_w_k(conductance: float, hot_rate_w_k: float, cold_rate_w_k: float) -> float:
    """Return heat per kelvin between the two inlets, in W/K: effectiveness times the smaller capacity rate."""
    least = min(hot_rate_w_k, cold_rate_w_k)
    if least <= 0.0:
        return 0.0
    return effectiveness_ratio(conductance / least, least / max(hot_rate_w_k, cold_rate_w_k)) * least


def opening_ratio(params: FloatArray, position: float) -> float:
    """Return the facility valve's flow coefficient at a position (0 to 1) as a share of its full one."""
    if params[at.P_VALVE_LINEAR] != 0.0:
        return linear_opening_ratio(position, params[at.P_VALVE_LEAK_RATIO])
    return valve_opening_ratio(
        position, params[at.P_VALVE_LN_RANGEABILITY], params[at.P_VALVE_LEAK_RATIO], params[at.P_VALVE_TOE_RATIO]
    )


def valve_flow_m3_s(params: FloatArray, position: float, pressure_pa: float) -> float:
    """Return the facility flow at a valve position (0 to 1) and a facility differential pressure."""
    opening = opening_ratio(params, position)
    return facility_flow_m3_s(
        params[at.P_VALVE_COEFFICIENT_M3_S] * opening, params[at.P_FWS_RESISTANCE_PA_S2_M6], pressure_pa
    )


def valve_position_for(
    params: FloatArray,
    target_temp_c: float,
    hot_inlet_temp_c: float,
    tcs_flow_m3_s: float,
    fws_supply_temp_c: float,
    fws_differential_pressure_pa: float,
    fouling_k_w: float,
) -> float:
    """Return the facility valve position that holds the supply at a target in steady state: the static inverse.

    Of a two-way valve, with either characteristic.
    The coolant's heat capacity is taken at the hot inlet, as in the published vectors: within 2e-4 of the stroke
    of the plant's own balance, which takes it at the mean. Exactly 1 where even the open valve cannot, exactly 0 where
    nothing needs cooling, NaN where an argument is NaN. Usable inside a kernel.

    Args:
        params: packed plant parameters (``PlantParams.packed``).
        target_temp_c: wanted secondary outlet.
        hot_inlet_temp_c: secondary inlet of the exchanger.
        tcs_flow_m3_s: secondary flow.
        fws_supply_temp_c: facility water inlet.
        fws_differential_pressure_pa: over valve and exchanger.
        fouling_k_w: fouling resistance, 0 when clean.
    """
    wanted_k = hot_inlet_temp_c - target_temp_c
    available_k = hot_inlet_temp_c - fws_supply_temp_c
    if math.isnan(wanted_k + available_k + tcs_flow_m3_s + fws_differential_pressure_pa + fouling_k_w):
        return math.nan
    if wanted_k <= 0.0 or tcs_flow_m3_s <= 0.0:
        return 0.0
    hot_rate_w_k = tcs_flow_m3_s * volumetric_heat_capacity_j_m3_k(params, hot_inlet_temp_c)
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        fws_flow_m3_s = valve_flow_m3_s(params, middle, fws_differential_pressure_pa)
        conductance = conductance_w_k(params, tcs_flow_m3_s, fws_flow_m3_s, fouling_k_w)
        cold_rate_w_k = params[at.P_FWS_HEAT_CAPACITY_J_M3_K] * fws_flow_m3_s
        heat_w = heat_per_kelvin_w_k(conductance, hot_rate_w_k, cold_rate_w_k) * available_k
        if heat_w >= hot_rate_w_k * wanted_k:
            high = middle
        else:
            low = middle
    return high

"""Exchanger, facility water and valve in steady state: what is needed, what there is. Knows no dynamics."""

import math
from dataclasses import dataclass
from typing import Final

from coolantd.planning.demand import Demand
from coolantd.planning.inputs import PlanInputs
from coolantd.plant import exchanger
from coolantd.plant import layout as at
from coolantd.plant.hydraulics import facility_flow_m3_s
from coolantd.plant.reference import PlantParams
from coolantd.point import FloatArray
from coolantd.units import LPM_PER_M3_S, PA_PER_KPA, W_PER_KW

FLOW_SEARCH_RATIO: Final = 20.0
"""Times the rated facility flow: more than this cools no better."""
BISECTIONS: Final = 50
LOADS_RATIO: Final = (0.1, 0.5, 1.0)
"""Loads at which the valve's position is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValvePosition:
    """Where the facility valve stands in steady state.

    Attributes:
        load_ratio: share of the planned heat.
        hot_pct: with the hottest facility water; 100 where even the open valve is too little.
        cold_pct: with the coldest.
    """

    load_ratio: float
    hot_pct: float
    cold_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The heat's way into the facility water at full load and the hottest facility water.

    Attributes:
        conductance_rated_kw_k: UA at the rated flows, from the rating.
        conductance_needed_kw_k: UA that would hold the planned supply with the facility flow there is; NaN where
            no exchanger could.
        conductance_available_kw_k: UA at the planned coolant flow and that facility flow, clean.
        fws_flow_needed_lpm: facility flow that holds the planned supply; NaN where none does.
        fws_flow_available_lpm: with the valve open, or what the facility grants.
        fws_return_temp_c: facility water out of the exchanger at the needed flow; NaN like it.
        supply_reachable_c: coldest supply at the planned flow, valve open.
        valve_authority_ratio: share of the facility pressure over the open valve.
        valve: positions over load.
    """

    conductance_rated_kw_k: float
    conductance_needed_kw_k: float
    conductance_available_kw_k: float
    fws_flow_needed_lpm: float
    fws_flow_available_lpm: float
    fws_return_temp_c: float
    supply_reachable_c: float
    valve_authority_ratio: float
    valve: tuple[ValvePosition, ...]


def exchange_of(inputs: PlanInputs, demand: Demand, plant: PlantParams) -> Exchange:
    """Return the steady state of the facility side."""
    params = plant.packed()
    facility = inputs.facility
    flow_m3_s = demand.flow_lpm / LPM_PER_M3_S
    open_m3_s = open_flow_m3_s(inputs, plant)
    available_w_k = exchanger.conductance_w_k(params, flow_m3_s, open_m3_s, 0.0)
    needed_m3_s = needed_flow_m3_s(inputs, demand, plant)
    rate_kw_k = needed_m3_s * plant.fws_heat_capacity_j_m3_k / W_PER_KW
    rated_w_k = exchanger.conductance_w_k(params, plant.rated_tcs_flow_m3_s, plant.rated_fws_flow_m3_s, 0.0)
    return Exchange(
        conductance_rated_kw_k=rated_w_k / W_PER_KW,
        conductance_needed_kw_k=_needed_conductance_kw_k(inputs, demand, open_m3_s * plant.fws_heat_capacity_j_m3_k),
        conductance_available_kw_k=available_w_k / W_PER_KW,
        fws_flow_needed_lpm=needed_m3_s * LPM_PER_M3_S,
        fws_flow_available_lpm=open_m3_s * LPM_PER_M3_S,
        fws_return_temp_c=facility.supply_temp_max_c + inputs.liquid_kw / rate_kw_k,
        supply_reachable_c=_reachable_c(inputs, demand, params, open_m3_s),
        valve_authority_ratio=authority_ratio(plant),
        valve=tuple(valve_at(inputs, demand, params, load) for load in LOADS_RATIO),
    )


def open_flow_m3_s(inputs: PlanInputs, plant: PlantParams) -> float:
    """Return the most facility water there is: through the open valve, or what the facility grants."""
    pressure_pa = inputs.facility.pressure_kpa * PA_PER_KPA
    flow_m3_s = facility_flow_m3_s(plant.valve_coefficient_m3_s, plant.fws_resistance_pa_s2_m6, pressure_pa)
    granted_lpm = inputs.facility.flow_max_lpm
    return flow_m3_s if granted_lpm is None else min(flow_m3_s, granted_lpm / LPM_PER_M3_S)


def authority_ratio(plant: PlantParams) -> float:
    """Return the valve's authority: its own share of the pressure when open, ``1/(1 + K Kv^2)``."""
    return 1.0 / (1.0 + plant.fws_resistance_pa_s2_m6 * plant.valve_coefficient_m3_s**2)


def valve_at(inputs: PlanInputs, demand: Demand, params: FloatArray, load_ratio: float) -> ValvePosition:
    """Return the valve's position at a share of the load, the coolant flow unchanged."""
    return_c = inputs.supply_temp_c + load_ratio * (demand.return_temp_c - inputs.supply_temp_c)
    hot, cold = (
        100.0
        * exchanger.valve_position_for(
            params,
            inputs.supply_temp_c,
            return_c,
            demand.flow_lpm / LPM_PER_M3_S,
            fws_temp_c,
            inputs.facility.pressure_kpa * PA_PER_KPA,
            0.0,
        )
        for fws_temp_c in (inputs.facility.supply_temp_max_c, inputs.facility.supply_temp_min_c)
    )
    return ValvePosition(load_ratio=load_ratio, hot_pct=hot, cold_pct=cold)


def needed_flow_m3_s(inputs: PlanInputs, demand: Demand, plant: PlantParams) -> float:
    """Return the facility flow that holds the planned supply at the hottest facility water; NaN where none does."""
    params = plant.packed()
    low, high = 0.0, FLOW_SEARCH_RATIO * plant.rated_fws_flow_m3_s
    if _reachable_c(inputs, demand, params, high) > inputs.supply_temp_c:
        return math.nan
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _reachable_c(inputs, demand, params, middle) > inputs.supply_temp_c:
            low = middle
        else:
            high = middle
    return high


def _reachable_c(inputs: PlanInputs, demand: Demand, params: FloatArray, fws_m3_s: float) -> float:
    """Return the supply in steady state: ``T_fws + Q/(eps Cmin) - Q/Ch``; infinite without facility flow."""
    tcs_m3_s = demand.flow_lpm / LPM_PER_M3_S
    hot_w_k = demand.capacity_rate_kw_k * W_PER_KW
    cold_w_k = fws_m3_s * params[at.P_FWS_HEAT_CAPACITY_J_M3_K]
    conductance = exchanger.conductance_w_k(params, tcs_m3_s, fws_m3_s, 0.0)
    per_kelvin_w_k = exchanger.heat_per_kelvin_w_k(conductance, hot_w_k, cold_w_k)
    heat_w = inputs.liquid_kw * W_PER_KW
    if per_kelvin_w_k <= 0.0:
        return math.inf
    return float(inputs.facility.supply_temp_max_c + heat_w / per_kelvin_w_k - heat_w / hot_w_k)


def _needed_conductance_kw_k(inputs: PlanInputs, demand: Demand, cold_w_k: float) -> float:
    """Return UA from the effectiveness that the plan asks for; NaN at 1 and above."""
    hot_kw_k, cold_kw_k = demand.capacity_rate_kw_k, cold_w_k / W_PER_KW
    least, most = min(hot_kw_k, cold_kw_k), max(hot_kw_k, cold_kw_k)
    span_k = demand.return_temp_c - inputs.facility.supply_temp_max_c
    if span_k <= 0.0 or inputs.liquid_kw >= least * span_k:
        return math.nan
    return least * exchanger.transfer_units(inputs.liquid_kw / (least * span_k), least / most)

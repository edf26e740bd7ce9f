"""The planned loop as a plant that can be simulated. Knows how planning figures become SI parameters.

All racks are alike, so they are one branch with their sum: the same temperatures at a fraction of the work. Any
number of pumps are two of another curve, which is exact as long as all run at one speed or none does.
"""

import math
from typing import Final

from coolantd.planning.demand import Demand, capacity_rate_kw_k, heat_capacity_j_m3_k
from coolantd.planning.inputs import PlanInputs
from coolantd.planning.pumps import fit_curve, loop_resistance_pa_s2_m6, pair_curve_pa_s2_m6, racks_resistance_pa
from coolantd.plant import exchanger
from coolantd.plant.coolant import WATER
from coolantd.plant.reference import PlantParams
from coolantd.units import LPM_PER_M3_S, PA_PER_KPA, W_PER_KW

L_PER_M3: Final = 1000.0
ML_PER_M3: Final = 1e6
S_PER_H: Final = 3600.0
BAR_PA: Final = 1e5
EXCHANGER_METAL_RATIO: Final = 0.1
"""The plates' metal over the heat capacity of what fills them: 11.7 of 120 kJ/K in the reference plant."""
PUMP_LAG_S: Final = 0.5
PUMP_TRAVEL_S: Final = 10.0
COAST_DOWN_S: Final = 1.0
FLUID_LAG_S: Final = 0.4
VALVE_LAG_S: Final = 1.0
BRANCH_TRAVEL_S: Final = 25.0
"""Dynamics no data sheet gives: those of the reference plant (assumed there as well)."""
VALVE_LEAK_RATIO: Final = 1e-4
VALVE_TOE_RATIO: Final = 0.01
FILM_EXPONENT: Final = 0.8
FILM_FLOOR_RATIO: Final = 0.1


def rated_conductance_kw_k(inputs: PlanInputs) -> float:
    """Return UA of the exchanger from its rating, in kW/K; NaN where no exchanger could do what is rated.

    Effectiveness is rated heat over ``Cmin (approach + Q/Ch)``; the counter-flow formula then gives NTU = UA/Cmin.
    1350 kW with 4 K at 1215 L/min of PG25 and water: 313.5 kW/K. Properties at the planned supply temperature.
    """
    cdu = inputs.cdu
    hot_kw_k = capacity_rate_kw_k(inputs.coolant, cdu.tcs_flow_rated_lpm, inputs.supply_temp_c)
    cold_kw_k = capacity_rate_kw_k(WATER, cdu.fws_flow_rated_lpm, inputs.facility.supply_temp_max_c)
    least, most = min(hot_kw_k, cold_kw_k), max(hot_kw_k, cold_kw_k)
    effectiveness = cdu.heat_rated_kw / (least * (cdu.approach_rated_k + cdu.heat_rated_kw / hot_kw_k))
    return least * exchanger.transfer_units(effectiveness, least / most) if effectiveness < 1.0 else math.nan


def plant_params(inputs: PlanInputs, demand: Demand) -> PlantParams:
    """Return the loop as plant parameters; the two films of the exchanger share its resistance equally.

    Raises:
        ValueError: the figures contradict each other (see ``contradictions``).
    """
    cdu, plates = inputs.cdu, inputs.plates
    curve = fit_curve(cdu.pump_curve)
    film_w_k = 2.0 * rated_conductance_kw_k(inputs) * W_PER_KW
    coolant_j_m3_k = heat_capacity_j_m3_k(inputs.coolant, inputs.supply_temp_c)
    water_j_m3_k = heat_capacity_j_m3_k(WATER, inputs.facility.supply_temp_max_c)
    filled = (1.0 + EXCHANGER_METAL_RATIO) / L_PER_M3
    count = inputs.racks.count * plates.count
    return PlantParams(
        coolant=inputs.coolant,
        rack_count=1,
        rack_heat_rated_w=inputs.liquid_kw * W_PER_KW,
        pump_head_pa=curve.shut_off_kpa * PA_PER_KPA,
        pump_curve_pa_s2_m6=pair_curve_pa_s2_m6(curve, cdu.pump_count),
        pump_efficiency_ratio=cdu.pump_efficiency_ratio,
        pump_lag_s=PUMP_LAG_S,
        pump_travel_s=PUMP_TRAVEL_S,
        coast_down_s=COAST_DOWN_S,
        fluid_lag_s=FLUID_LAG_S,
        loop_resistance_pa_s2_m6=loop_resistance_pa_s2_m6(cdu),
        branch_resistance_pa=racks_resistance_pa(demand),
        branch_travel_s=BRANCH_TRAVEL_S,
        valve_rangeability_ratio=cdu.valve_rangeability_ratio,
        valve_leak_ratio=VALVE_LEAK_RATIO,
        valve_toe_ratio=VALVE_TOE_RATIO,
        valve_coefficient_m3_s=valve_coefficient_m3_s(cdu.valve_kvs_m3_h),
        valve_lag_s=VALVE_LAG_S,
        valve_stroke_s=cdu.valve_stroke_s,
        fws_resistance_pa_s2_m6=cdu.fws_pressure_rated_kpa * PA_PER_KPA / (cdu.fws_flow_rated_lpm / LPM_PER_M3_S) ** 2,
        fws_heat_capacity_j_m3_k=water_j_m3_k,
        film_tcs_w_k=film_w_k,
        film_fws_w_k=film_w_k,
        film_exponent=FILM_EXPONENT,
        film_floor_ratio=FILM_FLOOR_RATIO,
        rated_tcs_flow_m3_s=cdu.tcs_flow_rated_lpm / LPM_PER_M3_S,
        rated_fws_flow_m3_s=cdu.fws_flow_rated_lpm / LPM_PER_M3_S,
        exchanger_tcs_capacity_j_k=cdu.exchanger_tcs_l * filled * coolant_j_m3_k,
        exchanger_fws_capacity_j_k=cdu.exchanger_fws_l * filled * water_j_m3_k,
        supply_pipe_m3=cdu.supply_pipe_l / L_PER_M3,
        return_pipe_m3=cdu.return_pipe_l / L_PER_M3,
        tank_m3=cdu.tank_l / L_PER_M3,
        plate_conductance_w_k=count / plates.case_to_mean_k_w,
        plate_capacity_j_k=count * plates.metal_j_k,
        plate_coolant_m3=count * plates.coolant_ml / ML_PER_M3,
    )


def valve_coefficient_m3_s(kvs_m3_h: float) -> float:
    """Return a valve's flow at 1 Pa in m3/s, from its flow at 1 bar in m3/h."""
    return kvs_m3_h / S_PER_H / math.sqrt(BAR_PA)

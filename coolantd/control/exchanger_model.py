"""The CDU's own exchanger and facility valve as control sees them, at rest: both directions. Plain arithmetic.

Counter-flow effectiveness with films that go with the flow, behind an equal-percentage valve in series with the
exchanger's resistance. Engineering units: degC, L/min, kPa, kW/K. Knows parameters and numbers, no loop, no time.
"""

from typing import Final

from coolantd.control.layout import (
    C_MODEL_FWS_CAPACITY,
    C_MODEL_FWS_RATED_LPM,
    C_MODEL_FWS_RESISTANCE,
    C_MODEL_KV_LPM,
    C_MODEL_LN_RANGEABILITY,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    C_MODEL_UA_KW_K,
)
from coolantd.control.pid import clip
from coolantd.plant.exchanger import effectiveness_ratio, film_w_k, heat_per_kelvin_w_k
from coolantd.plant.hydraulics import facility_flow_m3_s, valve_opening_ratio
from coolantd.point import FloatArray

FILM_EXPONENT: Final = 0.8
"""Film conductance goes with flow^0.8: turbulent flow between plates (0.7 to 0.8 in public models)."""
FILM_FLOOR_RATIO: Final = 0.1
"""Below a tenth of the rated flow the film is laminar and stays what it is."""
LEAK_RATIO: Final = 1e-4
TOE_RATIO: Final = 0.01
"""Below 1 % an equal-percentage valve closes along a straight line to its leakage (class IV: 1e-4)."""
BISECTIONS: Final = 20
"""Of the stroke: 1e-4 %."""
SECONDS_PER_MINUTE: Final = 60.0


def facility_flow_lpm(c: FloatArray, position_pct: float, dp_kpa: float) -> float:
    """Return the facility flow at a valve position and a facility differential pressure."""
    position = clip(position_pct / 100.0, 0.0, 1.0)  # a sensor may show a little beyond either end
    opening = valve_opening_ratio(position, c[C_MODEL_LN_RANGEABILITY], LEAK_RATIO, TOE_RATIO)
    return facility_flow_m3_s(c[C_MODEL_KV_LPM] * opening, c[C_MODEL_FWS_RESISTANCE], dp_kpa)


def supply_model_c(
    c: FloatArray, position_pct: float, hot_c: float, cold_c: float, flow_lpm: float, dp_kpa: float
) -> float:
    """Return the supply temperature at rest; the return temperature where nothing flows.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        position_pct: facility valve.
        hot_c: coolant into the exchanger.
        cold_c: facility water into it.
        flow_lpm: coolant flow.
        dp_kpa: facility differential pressure.
    """
    hot_kw_k = flow_lpm * c[C_MODEL_TCS_CAPACITY] / SECONDS_PER_MINUTE
    if hot_kw_k <= 0.0:
        return hot_c
    fws_lpm = facility_flow_lpm(c, position_pct, dp_kpa)
    cold_kw_k = fws_lpm * c[C_MODEL_FWS_CAPACITY] / SECONDS_PER_MINUTE
    film = 2.0 * c[C_MODEL_UA_KW_K]  # both films alike at their rated flows
    tcs = film_w_k(film, flow_lpm / c[C_MODEL_TCS_RATED_LPM], FILM_EXPONENT, FILM_FLOOR_RATIO)
    fws = film_w_k(film, fws_lpm / c[C_MODEL_FWS_RATED_LPM], FILM_EXPONENT, FILM_FLOOR_RATIO)
    heat_kw_k = heat_per_kelvin_w_k(tcs * fws / (tcs + fws), hot_kw_k, cold_kw_k)
    return hot_c - heat_kw_k * (hot_c - cold_c) / hot_kw_k


def valve_model_pct(
    c: FloatArray, target_c: float, hot_c: float, cold_c: float, flow_lpm: float, dp_kpa: float
) -> float:
    """Return the valve position that holds the supply at a target at rest: the inverse of ``supply_model_c``.

    100 where even the open valve cannot, 0 where nothing needs cooling. Arguments are finite.
    """
    if hot_c <= target_c:
        return 0.0
    low, high = 0.0, 100.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if supply_model_c(c, middle, hot_c, cold_c, flow_lpm, dp_kpa) <= target_c:
            high = middle
        else:
            low = middle
    return high


def valve_gain_k_per_pct(
    c: FloatArray, position_pct: float, hot_c: float, cold_c: float, flow_lpm: float, dp_kpa: float
) -> float:
    """Return by how much 1 % of valve cools the supply at rest while the return stays what it is; > 0."""
    step_pct = 1.0
    low = max(position_pct - step_pct, 0.0)
    high = min(position_pct + step_pct, 100.0)
    warmer_c = supply_model_c(c, low, hot_c, cold_c, flow_lpm, dp_kpa)
    return (warmer_c - supply_model_c(c, high, hot_c, cold_c, flow_lpm, dp_kpa)) / (high - low)


HELPERS: Final = (
    effectiveness_ratio,
    film_w_k,
    heat_per_kelvin_w_k,
    clip,
    valve_opening_ratio,
    facility_flow_m3_s,
    facility_flow_lpm,
    supply_model_c,
    valve_model_pct,
    valve_gain_k_per_pct,
)
"""Every plain function above and what they call, callees before callers."""

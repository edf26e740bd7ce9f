"""Heat three ways, by the coolant, by the facility water and by the racks' power, and how far they disagree.

Each way has an uncertainty that follows from its sensors, so that a disagreement is counted in standard deviations and
means the same at any load: at a tenth of the load two temperatures 0.2 K off are a third of the heat.
"""

import math
from typing import Final

from coolantd.control.estimate_layout import (
    COLD,
    E_HEAT_FWS_KW,
    E_HEAT_FWS_Z,
    E_HEAT_POWER_KW,
    E_HEAT_POWER_Z,
    E_HEAT_TCS_KW,
    E_MOVING,
    E_SLOW,
    E_SUM_HEAT_FWS,
    E_SUM_HEAT_POWER,
    EP_HEAT_SHARE,
    FLOW,
    FWS_FLOW,
    FWS_RETURN,
    HOT,
    POWER,
    SUPPLY,
)
from coolantd.control.evidence import gathered
from coolantd.control.exchanger_model import SECONDS_PER_MINUTE
from coolantd.control.layout import C_MODEL_FWS_CAPACITY, C_MODEL_TCS_CAPACITY
from coolantd.point import FloatArray

DIFFERENCE_DEVIATION_K: Final = 0.28
"""Of a difference of two temperatures that may each be 0.2 K off."""
FLOW_DEVIATION: Final = 0.03
"""Of a flow sensor and a heat capacity together."""
POWER_DEVIATION: Final = 0.06
"""Of the racks' power and its share that reaches the coolant (0.90 to 0.96 in public figures)."""
UNBALANCED_SLACK: Final = 3.0
"""All sensors at the ends of their 0.2 K against each other make 2.1 standard deviations."""
UNBALANCED_LIMIT_S: Final = 1200.0
"""Standard deviations times seconds: heat off by 6 of them is told after 7 min."""


def heat_kw(capacity: float, flow_lpm: float, rise_k: float) -> float:
    """Return the heat of a flow that warms."""
    return capacity * flow_lpm * rise_k / SECONDS_PER_MINUTE


def heat_variance(capacity: float, flow_lpm: float, heat: float, moving_k: float) -> float:
    """Return the variance of that heat in kW2; ``moving_k`` is how far its temperatures are from rest."""
    by_temp = heat_kw(capacity, flow_lpm, DIFFERENCE_DEVIATION_K + moving_k)
    by_flow = FLOW_DEVIATION * heat
    return by_temp * by_temp + by_flow * by_flow


def balance_heat(c: FloatArray, ep: FloatArray, e: FloatArray) -> None:
    """Compare the three heats, in place; each is NaN where one of its readings is.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        ep: (ESTIMATE_PARAMETERS,).
        e: (ESTIMATE_STATE,) with readings taken.
    """
    hot, cold = c[C_MODEL_TCS_CAPACITY], c[C_MODEL_FWS_CAPACITY]
    tcs = heat_kw(hot, e[E_SLOW + FLOW], e[E_SLOW + HOT] - e[E_SLOW + SUPPLY])
    fws = heat_kw(cold, e[E_SLOW + FWS_FLOW], e[E_SLOW + FWS_RETURN] - e[E_SLOW + COLD])
    power = ep[EP_HEAT_SHARE] * e[E_SLOW + POWER]
    e[E_HEAT_TCS_KW], e[E_HEAT_FWS_KW], e[E_HEAT_POWER_KW] = tcs, fws, power
    moving_k = e[E_MOVING + HOT] + e[E_MOVING + SUPPLY]
    of_tcs = heat_variance(hot, e[E_SLOW + FLOW], tcs, moving_k)
    fws_moving_k = e[E_MOVING + FWS_RETURN] + e[E_MOVING + COLD]
    of_fws = heat_variance(cold, e[E_SLOW + FWS_FLOW], fws, fws_moving_k)
    flow_moving = e[E_MOVING + FWS_FLOW] / (abs(e[E_SLOW + FWS_FLOW]) + 1.0) * fws
    off_kw = POWER_DEVIATION * power + ep[EP_HEAT_SHARE] * e[E_MOVING + POWER]
    e[E_HEAT_FWS_Z] = (tcs - fws) / math.sqrt(of_tcs + of_fws + flow_moving * flow_moving + 1.0)
    e[E_HEAT_POWER_Z] = (tcs - power) / math.sqrt(of_tcs + off_kw * off_kw + 1.0)


def judge_heat(e: FloatArray, dt_s: float) -> None:
    """Gather evidence that the heats disagree, in place."""
    e[E_SUM_HEAT_FWS] = gathered(e[E_SUM_HEAT_FWS], e[E_HEAT_FWS_Z], UNBALANCED_SLACK, UNBALANCED_LIMIT_S, dt_s)
    e[E_SUM_HEAT_POWER] = gathered(e[E_SUM_HEAT_POWER], e[E_HEAT_POWER_Z], UNBALANCED_SLACK, UNBALANCED_LIMIT_S, dt_s)


HELPERS: Final = (heat_kw, heat_variance, balance_heat, judge_heat)
"""Every function above, callees before callers."""

"""Heat that the racks already make and the exchanger does not feel yet: a slow valve starts before it arrives.

Knows the way from racks to exchanger and how fast the valve is; no bias, no setpoint but a target.
"""

import math
from typing import Final

from coolantd.control.exchanger_model import supply_model_c
from coolantd.control.filters import lag
from coolantd.control.layout import (
    C_MODEL_ACTUATOR_LAG_S,
    C_MODEL_PIPE_L,
    C_MODEL_PLATE_LAG_S,
    C_MODEL_TANK_L,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    D_MODEL_DP_KPA,
    D_MODEL_FLOW_LPM,
    D_MODEL_HEAT_KW,
    HEAT_STAGES,
    P_OUTPUT_MAX,
    P_OUTPUT_RATE,
    POWER_POINTS_MAX,
    X_POWER,
)
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray, Quality

_GOOD: Final = int(Quality.GOOD)

HORIZON_STEP_S: Final = 2.0
HORIZON_STEPS: Final = 12
"""24 s ahead: power reaches the exchanger within about 20 s at the least flow, and later heat needs no start now."""
AHEAD_K: Final = 0.1
"""The valve starts ahead of the heat if waiting would let the supply rise by more than this."""


def electric_power_kw(x: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return the racks' electric power; NaN where it is not measured or any part of it is not good."""
    total = math.nan
    for k in range(POWER_POINTS_MAX):
        index = x[X_POWER + k]
        if index >= 0:
            if quality[index] != _GOOD:
                return math.nan
            total = value[index] if math.isnan(total) else total + value[index]
    return total


def stage_time_s(c: FloatArray, stage: int, flow_lpm: float) -> float:
    """Return the time constant of a stage on the heat's way: plates, two halves of the pipe, tank."""
    if stage == 0:
        return c[C_MODEL_PLATE_LAG_S] * (c[C_MODEL_TCS_RATED_LPM] / flow_lpm)
    litres = c[C_MODEL_TANK_L] if stage == HEAT_STAGES - 1 else 0.5 * c[C_MODEL_PIPE_L]
    return 60.0 * litres / flow_lpm


def follow_heat(c: FloatArray, d: FloatArray, power_kw: float, dt_s: float) -> None:
    """Move the racks' heat on along its way, in place; it starts at rest when power becomes known."""
    if not math.isfinite(power_kw):
        d[D_MODEL_HEAT_KW] = math.nan
        return
    known = math.isfinite(d[D_MODEL_HEAT_KW])
    before = power_kw
    for k in range(HEAT_STAGES):
        if known:
            before = lag(d[D_MODEL_HEAT_KW + k], before, stage_time_s(c, k, d[D_MODEL_FLOW_LPM]), dt_s)
        d[D_MODEL_HEAT_KW + k] = before


def must_start_now(
    c: FloatArray,
    d: FloatArray,
    power_kw: float,
    target_c: float,
    hot_c: float,
    cold_c: float,
    p: FloatArray,
    now_pct: float,
) -> bool:
    """Return whether the valve must open at full rate already, because heat is on its way that it cannot wait for.

    Looks along the heat's way: at each moment ahead, would the valve, opening at its rate from now on, hold the
    supply? While it would with time to spare it waits: heat that is already measured is the inverse's business.
    """
    h0, h1, h2, h3 = (
        d[D_MODEL_HEAT_KW],
        d[D_MODEL_HEAT_KW + 1],
        d[D_MODEL_HEAT_KW + 2],
        d[D_MODEL_HEAT_KW + 3],
    )
    flow_lpm, now_kw = d[D_MODEL_FLOW_LPM], h3
    hot_kw_k = flow_lpm * c[C_MODEL_TCS_CAPACITY] / 60.0
    delay_s = c[C_MODEL_ACTUATOR_LAG_S]
    for k in range(HORIZON_STEPS):
        for _ in range(2):
            h0 = lag(h0, power_kw, stage_time_s(c, 0, flow_lpm), 0.5 * HORIZON_STEP_S)
            h1 = lag(h1, h0, stage_time_s(c, 1, flow_lpm), 0.5 * HORIZON_STEP_S)
            h2 = lag(h2, h1, stage_time_s(c, 2, flow_lpm), 0.5 * HORIZON_STEP_S)
            h3 = lag(h3, h2, stage_time_s(c, 3, flow_lpm), 0.5 * HORIZON_STEP_S)
        moving_s = max((k + 1) * HORIZON_STEP_S - delay_s, 0.0)
        position = clip(now_pct + p[P_OUTPUT_RATE] * moving_s, 0.0, p[P_OUTPUT_MAX])
        later_c = hot_c + (h3 - now_kw) / hot_kw_k
        if (
            later_c > hot_c
            and supply_model_c(c, position, later_c, cold_c, flow_lpm, d[D_MODEL_DP_KPA]) > target_c + AHEAD_K
        ):
            return True
    return False


HELPERS: Final = (electric_power_kw, stage_time_s, follow_heat, must_start_now)
"""Every function above, callees before callers."""

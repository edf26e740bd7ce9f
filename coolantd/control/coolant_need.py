"""How much coolant the racks need, from the coolant itself: its rise over them and how fast that grows.

The rise says what heat arrives at the return; how fast it grows says what heat is still being stored in plates and
coolant. Their sum is the racks' heat before it has arrived, whatever the flow does meanwhile:
``Q/(rho cp) = q x + V dx/dt`` with ``x = T_return - T_supply``, the supply behind the lag V/q of that same volume. So a
supply that warms, as without facility water, is no heat of the racks. Knows
temperatures and flow; no electric power, no setpoint.
"""

import math
from typing import Final

from coolantd.control.filters import lag, share_of
from coolantd.control.reset_layout import E_RISE_LIMIT_K, E_VOLUME_L, RETURNS_MAX, W_SLOW_K, W_SUPPLY_C
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)

SLOPE_TIME_S: Final = 2.0
"""Lag behind which the slope is seen: as long as that of a good sensor, which it also makes up for."""
SLOPE_CALM_K_PER_S: Final = 0.05
"""Slopes inside this zone count for less: noise of 0.02 K makes 0.01 K/s. A load step of a tenth makes 0.2."""
FLOW_LEAST_LPM: Final = 1.0
BRANCH_EXPONENT: Final = 1.85
"""Of a rack's pressure over its flow (cold plates and hoses, Open Compute OAI 2023)."""


def hottest_c(x: IntArray, first: int, value: FloatArray, quality: IntArray) -> float:
    """Return the highest of up to ``RETURNS_MAX`` readings that are not bad; NaN where none is."""
    highest = math.nan
    for k in range(RETURNS_MAX):
        index = x[first + k]
        if index >= 0 and quality[index] != _BAD and not value[index] <= highest:
            highest = value[index]
    return highest


def needed_lpm(e: FloatArray, w: FloatArray, return_c: float, supply_c: float, flow_lpm: float, dt_s: float) -> float:
    """Return the flow that keeps the rise within its limit; NaN where an input is bad.

    Args:
        e: (RESET_PARAMETERS,) of the CDU.
        w: (RESET_STATE,), changed in place.
        return_c: hottest coolant out of a rack, degC; NaN where bad.
        supply_c: coolant into them.
        flow_lpm: of all racks; NaN where bad.
        dt_s: seconds since the last cycle.
    """
    if not math.isfinite(return_c + supply_c + flow_lpm):
        w[W_SLOW_K] = math.nan
        return math.nan
    if not math.isfinite(w[W_SLOW_K]):
        w[W_SLOW_K], w[W_SUPPLY_C] = return_c - supply_c, supply_c
    flow_lpm = max(flow_lpm, FLOW_LEAST_LPM)
    w[W_SUPPLY_C] = lag(w[W_SUPPLY_C], supply_c, 60.0 * e[E_VOLUME_L] / flow_lpm, dt_s)
    rise_k = return_c - w[W_SUPPLY_C]
    slope = (rise_k - w[W_SLOW_K]) / SLOPE_TIME_S
    w[W_SLOW_K] = lag(w[W_SLOW_K], rise_k, SLOPE_TIME_S, dt_s)
    slope *= share_of(slope, SLOPE_CALM_K_PER_S)
    arriving = flow_lpm * max(rise_k + SLOPE_TIME_S * slope, 0.0)
    stored = 60.0 * e[E_VOLUME_L] * slope
    return max(arriving + stored, 0.0) / e[E_RISE_LIMIT_K]


def needed_kpa(flow_needed_lpm: float, flow_lpm: float, pressure_kpa: float) -> float:
    """Return the pressure that brings a flow, from what the present pressure brings; NaN without flow."""
    if not (flow_lpm > FLOW_LEAST_LPM and pressure_kpa > 0.0):
        return math.nan
    return pressure_kpa * (flow_needed_lpm / flow_lpm) ** BRANCH_EXPONENT


HELPERS: Final = (hottest_c, needed_lpm, needed_kpa)
"""Every function above, callees before callers; those of ``filters`` come first."""

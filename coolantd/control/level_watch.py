"""A slow leak: the expansion vessel empties faster than the coolant's cooling down explains. Plain functions."""

import math
from typing import Final

from coolantd.control.estimate_layout import (
    E_LEAK_LPM,
    E_LEVEL_L,
    E_LEVEL_SLOW_L,
    E_NOW,
    E_SUM_LEAK,
    EP_EXPANSION_PER_K,
    EP_GAS_L_KPA,
    EP_LEVEL_L,
    EP_LOOP_L,
    EX_LEVEL,
    HOT,
    SUPPLY,
)
from coolantd.control.evidence import gathered
from coolantd.control.exchanger_model import SECONDS_PER_MINUTE
from coolantd.control.filters import lag
from coolantd.control.supply_law import usable_reading
from coolantd.point import FloatArray, IntArray

LEVEL_S: Final = 10.0
LEVEL_SLOW_S: Final = 50.0
"""What two low-passes of a falling level differ by is its fall over the difference of their times."""
LEAK_SLACK_LPM: Final = 0.15
"""A level sensor of 0.5 % on 24 L, and what the coolant's warmth is not known by."""
LEAK_LIMIT_L: Final = 0.25
"""Beyond the slack: 0.5 L/min is told after about 90 s."""


ATMOSPHERE_KPA: Final = 101.325
PRESSURE_LEAST_KPA: Final = -90.0
"""Gauge; below it there is no gas law to speak of, and no sensor that means it."""


def vessel_l(ep: FloatArray, reading: float) -> float:
    """Return the vessel's content, up to a constant: from its level, or from the pressure of its gas.

    The gas of a vessel expands at constant temperature: what coolant it loses, gas takes.
    """
    if not math.isfinite(ep[EP_GAS_L_KPA]):
        return ep[EP_LEVEL_L] * reading
    if not reading > PRESSURE_LEAST_KPA:
        return math.nan
    return -ep[EP_GAS_L_KPA] / (reading + ATMOSPHERE_KPA)


def watch_level(ep: FloatArray, ex: IntArray, e: FloatArray, value: FloatArray, quality: IntArray, dt_s: float) -> None:
    """Follow the content of the expansion vessel and gather evidence of a leak, in place.

    Half of the loop is as warm as the return, half as the supply. A level that rises (topping up) counts nothing.
    """
    level = vessel_l(ep, usable_reading(ex[EX_LEVEL], value, quality))
    warm_c = 0.5 * (e[E_NOW + HOT] + e[E_NOW + SUPPLY])
    content = level - ep[EP_EXPANSION_PER_K] * ep[EP_LOOP_L] * warm_c
    if not math.isfinite(content):
        e[E_LEVEL_L] = e[E_LEVEL_SLOW_L] = e[E_LEAK_LPM] = math.nan
        return
    if not math.isfinite(e[E_LEVEL_L]):
        e[E_LEVEL_L] = e[E_LEVEL_SLOW_L] = content
    e[E_LEVEL_L] = lag(e[E_LEVEL_L], content, LEVEL_S, dt_s)
    e[E_LEVEL_SLOW_L] = lag(e[E_LEVEL_SLOW_L], content, LEVEL_SLOW_S, dt_s)
    lost_l = e[E_LEVEL_SLOW_L] - e[E_LEVEL_L]
    e[E_LEAK_LPM] = SECONDS_PER_MINUTE * lost_l / (LEVEL_SLOW_S - LEVEL_S)
    e[E_SUM_LEAK] = gathered(
        e[E_SUM_LEAK], max(e[E_LEAK_LPM], 0.0), LEAK_SLACK_LPM, SECONDS_PER_MINUTE * LEAK_LIMIT_L, dt_s
    )


HELPERS: Final = (vessel_l, watch_level)
"""Every function above, callees before callers."""

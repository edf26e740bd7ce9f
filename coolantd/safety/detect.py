"""What is said of each cause in one cycle, from readings, commands and limits: temperatures, pressures, level.

Apart from the controllers: their own thresholds, their own filter, no setpoint but to say that something is away from
it. A reading that is bad says nothing (``UNKNOWN``): it neither begins a hazard nor ends one, and where a limit depends
on it the hazard ``PROTECTION_BLIND`` is what there is. Between its two thresholds a cause is unknown too (hysteresis).
Delays, latches and actions are others' business.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.hazards import Hazard
from coolantd.safety.latch import GONE, THERE, UNKNOWN
from coolantd.safety.watch_layout import (
    W_DEW_DESIGN_C,
    W_DEW_MARGIN_K,
    W_LEVEL_LOST,
    W_LEVEL_LOW,
    W_PRESSURE_MAX_KPA,
    W_RETURN_MAX_C,
    W_SUCTION_MIN_KPA,
    W_SUPPLY_MAX_C,
    WD_RATE_K_S,
    WD_SUPPLY_C,
    WN_SUPPLY_C,
    WX_DEW,
    WX_LEVEL,
    WX_LOOP,
    WX_PRESSURE,
    WX_RETURN,
    WX_SUCTION,
    WX_SUPPLY,
)

HIGH_K: Final = 2.0
HIGH_OFF_K: Final = 1.0
"""Above the setpoint, and the hysteresis of it: what CDU makers ship (FM-02)."""
LIMIT_OFF_K: Final = 1.0
"""Below a limit before it no longer counts as exceeded."""
FILTER_S: Final = 3.0
"""Of the supply temperature, for its slope: sensor noise of 0.05 K then stays below 0.02 K/s."""
TIME_TO_LIMIT_S: Final = 30.0
TIME_OFF_S: Final = 60.0
NEAR_LIMIT_K: Final = 5.0
"""Only this near to the limit is the slope carried on to it: farther away every load step would be a hazard."""
RATE_MIN_K_S: Final = 0.03
"""A slower rise is left to the loops: it is 1 K in half a minute."""
DEW_ON_RATIO: Final = 0.5
"""Half of the margin that control keeps is where it is no longer control's business (FM-03)."""
PRESSURE_OFF_RATIO: Final = 0.95
SUCTION_OFF_RATIO: Final = 1.3
LEVEL_OFF_RATIO: Final = 1.05

_BAD: Final = int(Quality.BAD)
_HIGH: Final = int(Hazard.SUPPLY_TEMP_HIGH)
_OVER_SUPPLY: Final = int(Hazard.OVER_TEMP_SUPPLY)
_OVER_RETURN: Final = int(Hazard.OVER_TEMP_RETURN)
_SOON: Final = int(Hazard.OVER_TEMP_SOON)
_CONDENSATION: Final = int(Hazard.CONDENSATION)
_OVER_PRESSURE: Final = int(Hazard.OVER_PRESSURE)
_LOW_SUCTION: Final = int(Hazard.LOW_SUCTION)
_LEVEL_LOW: Final = int(Hazard.LEVEL_LOW)
_LEVEL_LOST: Final = int(Hazard.LEVEL_LOST)
_DATA_LOST: Final = int(Hazard.DATA_LOST)
_BLIND: Final = int(Hazard.PROTECTION_BLIND)


def read(point: int, value: FloatArray, quality: IntArray) -> float:
    """Return a point's value; NaN if there is none or it is bad."""
    return value[point] if point >= 0 and quality[point] != _BAD else math.nan


def above(reading: float, on: float, off: float) -> int:
    """Return what is said of a cause that is there above ``on`` and gone below ``off``; gone without a limit."""
    if math.isnan(on):
        return GONE
    if reading > on:
        return THERE
    return GONE if reading < off else UNKNOWN  # UNKNOWN for NaN


def below(reading: float, on: float, off: float) -> int:
    """Return what is said of a cause that is there below ``on`` and gone above ``off``; gone without a limit."""
    return above(-reading, -on, -off)


def follow_supply(wd: FloatArray, supply_c: float, dt_s: float) -> None:
    """Follow the supply temperature and its slope, in place; a bad reading ends both."""
    if not math.isfinite(supply_c) or not math.isfinite(wd[WD_SUPPLY_C]):
        wd[WD_SUPPLY_C] = supply_c
        wd[WD_RATE_K_S] = 0.0
        return
    moved = (supply_c - wd[WD_SUPPLY_C]) * -math.expm1(-dt_s / FILTER_S)
    wd[WD_SUPPLY_C] += moved
    wd[WD_RATE_K_S] += (moved / dt_s - wd[WD_RATE_K_S]) * -math.expm1(-dt_s / FILTER_S)


def time_to_limit(wd: FloatArray, supply_c: float, limit_c: float) -> int:
    """Return what is said of a supply temperature that is about to reach its limit."""
    if math.isnan(limit_c):
        return GONE
    if not math.isfinite(supply_c):
        return UNKNOWN
    left_k, rate = limit_c - supply_c, wd[WD_RATE_K_S]
    if rate <= RATE_MIN_K_S or left_k > NEAR_LIMIT_K:
        return GONE
    if left_k < rate * TIME_TO_LIMIT_S:
        return THERE
    return GONE if left_k > rate * TIME_OFF_S else UNKNOWN


def judge_temperatures(
    w: FloatArray, wx: IntArray, wd: FloatArray, wn: FloatArray, value: FloatArray, quality: IntArray, causes: IntArray
) -> None:
    """Judge what is too warm and what is too cold, in ``causes`` (HAZARDS,)."""
    supply_c, wanted_c = read(wx[WX_SUPPLY], value, quality), wn[WN_SUPPLY_C]
    causes[_HIGH] = above(supply_c, wanted_c + HIGH_K, wanted_c + HIGH_OFF_K)
    causes[_OVER_SUPPLY] = above(supply_c, w[W_SUPPLY_MAX_C], w[W_SUPPLY_MAX_C] - LIMIT_OFF_K)
    causes[_SOON] = time_to_limit(wd, supply_c, w[W_SUPPLY_MAX_C])
    return_c = read(wx[WX_RETURN], value, quality)
    causes[_OVER_RETURN] = above(return_c, w[W_RETURN_MAX_C], w[W_RETURN_MAX_C] - LIMIT_OFF_K)
    dew_c = read(wx[WX_DEW], value, quality)
    if not math.isfinite(dew_c):
        dew_c = w[W_DEW_DESIGN_C]
    margin_k = w[W_DEW_MARGIN_K]
    causes[_CONDENSATION] = below(supply_c, dew_c + DEW_ON_RATIO * margin_k, dew_c + margin_k)


def judge_fill(w: FloatArray, wx: IntArray, value: FloatArray, quality: IntArray, causes: IntArray) -> None:
    """Judge pressures and level, in ``causes``."""
    highest, lowest = w[W_PRESSURE_MAX_KPA], w[W_SUCTION_MIN_KPA]
    causes[_OVER_PRESSURE] = above(read(wx[WX_PRESSURE], value, quality), highest, highest * PRESSURE_OFF_RATIO)
    causes[_LOW_SUCTION] = below(read(wx[WX_SUCTION], value, quality), lowest, lowest * SUCTION_OFF_RATIO)
    level, low, lost = read(wx[WX_LEVEL], value, quality), w[W_LEVEL_LOW], w[W_LEVEL_LOST]
    causes[_LEVEL_LOW] = below(level, low, low * LEVEL_OFF_RATIO)
    causes[_LEVEL_LOST] = below(level, lost, lost * LEVEL_OFF_RATIO)


def is_blind(limit: float, point: int, quality: IntArray) -> bool:
    """Return whether a limit is watched by a reading that is bad."""
    return math.isfinite(limit) and point >= 0 and quality[point] == _BAD


def judge_data(w: FloatArray, wx: IntArray, quality: IntArray, causes: IntArray) -> None:
    """Judge what is not known, in ``causes``."""
    lost = quality[wx[WX_SUPPLY]] == _BAD and quality[wx[WX_LOOP]] == _BAD
    causes[_DATA_LOST] = THERE if lost else GONE
    blind = is_blind(w[W_SUPPLY_MAX_C], wx[WX_SUPPLY], quality) or is_blind(w[W_RETURN_MAX_C], wx[WX_RETURN], quality)
    blind = blind or is_blind(w[W_PRESSURE_MAX_KPA], wx[WX_PRESSURE], quality)
    blind = blind or is_blind(w[W_SUCTION_MIN_KPA], wx[WX_SUCTION], quality)
    blind = blind or is_blind(w[W_LEVEL_LOW], wx[WX_LEVEL], quality) or is_blind(w[W_LEVEL_LOST], wx[WX_LEVEL], quality)
    causes[_BLIND] = THERE if blind else GONE


HELPERS: Final = (
    read,
    above,
    below,
    follow_supply,
    time_to_limit,
    judge_temperatures,
    judge_fill,
    is_blind,
    judge_data,
)
"""Every function above, callees before callers."""

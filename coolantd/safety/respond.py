"""Whether the plant answers what it is told, apart from the controllers: pumps and flow, valve and temperature.

Says of each cause whether it is there, gone or unknown, as ``detect`` does. A flow sensor alone never speaks for a loop
without flow: the differential pressure or the pumps' own speed has to agree, because the racks may be switched off on
its word.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray
from coolantd.safety.detect import above, below, read
from coolantd.safety.envelope import L_MINIMUM
from coolantd.safety.hazards import Hazard
from coolantd.safety.latch import GONE, THERE, UNKNOWN
from coolantd.safety.meaning import NOTHING
from coolantd.safety.watch_layout import (
    W_FLOW_FULL_LPM,
    W_HEAD_KPA,
    W_NOTHING_LPM,
    W_PRESSURE_SETPOINT_KPA,
    WATCH_PUMPS,
    WD_PUMPS_ON_S,
    WD_RATE_K_S,
    WN_FLOW_LPM,
    WN_SUPPLY_C,
    WX_DIFFERENTIAL,
    WX_FLOW,
    WX_FWS_SUPPLY,
    WX_HEAT,
    WX_PUMP,
    WX_SUPPLY,
    WX_VALVE,
)

SPIN_UP_S: Final = 10.0
"""A pump has its speed, and the loop its flow, this long after it was told to run."""
LOW_RATIO: Final = 0.9
LOST_RATIO: Final = 0.5
"""Of the expected flow (FM-01)."""
LOW_OFF_RATIO: Final = 0.95
LOST_OFF_RATIO: Final = 0.6
SHUT_HEAD_RATIO: Final = 0.8
"""Of the pressure that the pumps make against a shut loop at their speed: with flow they never come near to it."""
STILL_PRESSURE_RATIO: Final = 0.25
"""Of the pressure setpoint: with less than this over the racks nothing flows through them."""
STANDS_PCT: Final = 5.0
"""A pump measured below this stands still; drives cannot turn one so slowly."""
HEAT_MIN_KW: Final = 1.0
"""Less heat than this is none: it is the pumps' own."""
VALVE_OFF_PCT: Final = 10.0
VALVE_AGREES_PCT: Final = 5.0
"""Between command and position, what CDU makers ship, and its hysteresis."""
OPEN_PCT: Final = 95.0
NO_EFFECT_K: Final = 2.0
COLDER_K: Final = 3.0
"""Facility water at least so much colder than the coolant would cool it."""
FALLING_K_S: Final = 0.01

_FLOW_LOW: Final = int(Hazard.FLOW_LOW)
_FLOW_LOST: Final = int(Hazard.FLOW_LOST)
_NO_FLOW: Final = int(Hazard.NO_FLOW)
_DEAD_HEAD: Final = int(Hazard.DEAD_HEAD)
_PUMPS_OFF: Final = int(Hazard.PUMPS_OFF)
_NOT_TURNING: Final = int(Hazard.PUMP_NOT_TURNING)
_NOT_FOLLOWING: Final = int(Hazard.VALVE_NOT_FOLLOWING)
_NO_EFFECT: Final = int(Hazard.VALVE_WITHOUT_EFFECT)


def told_pct(wx: IntArray, last: FloatArray) -> float:
    """Return the fastest command of a CDU's pumps, 0 while none is ours to command."""
    fastest = 0.0
    for k in range(WATCH_PUMPS):
        i = wx[WX_PUMP + k]
        if i >= 0 and last[i] > fastest:
            fastest = last[i]
    return fastest


def turning_pct(wx: IntArray, positions: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return the fastest measured speed of a CDU's pumps; NaN if that of any is not known."""
    fastest, known = 0.0, True
    for k in range(WATCH_PUMPS):
        i = wx[WX_PUMP + k]
        if i >= 0:
            speed_pct = read(positions[i], value, quality)
            known = known and math.isfinite(speed_pct)
            fastest = max(fastest, speed_pct)
    return fastest if known else math.nan


def expected_lpm(w: FloatArray, wn: FloatArray, told: float) -> float:
    """Return the flow that there should be: the loop's setpoint if that is a flow, else by the commanded speed."""
    return wn[WN_FLOW_LPM] if math.isfinite(wn[WN_FLOW_LPM]) else w[W_FLOW_FULL_LPM] * told / 100.0


def no_flow(w: FloatArray, flow_lpm: float, differential_kpa: float, turning: float) -> int:
    """Return what is said of a loop in which nothing flows although pumps are told to run."""
    still = below(flow_lpm, w[W_NOTHING_LPM], 2.0 * w[W_NOTHING_LPM])
    if still != THERE:
        return still
    if turning < STANDS_PCT:
        return THERE
    normal_kpa = w[W_PRESSURE_SETPOINT_KPA]
    return below(differential_kpa, STILL_PRESSURE_RATIO * normal_kpa, 2.0 * STILL_PRESSURE_RATIO * normal_kpa)


def dead_head(w: FloatArray, flow_lpm: float, differential_kpa: float, turning: float) -> int:
    """Return what is said of pumps that work against a shut loop."""
    flowing = above(flow_lpm, w[W_NOTHING_LPM], w[W_NOTHING_LPM])
    if math.isnan(w[W_HEAD_KPA]) or flowing == THERE:
        return GONE
    shut_kpa = SHUT_HEAD_RATIO * w[W_HEAD_KPA] * (turning / 100.0) ** 2
    if flowing == UNKNOWN or not turning >= STANDS_PCT:
        return UNKNOWN
    return above(differential_kpa, shut_kpa, shut_kpa)


def judge_flow(
    w: FloatArray,
    wx: IntArray,
    wd: FloatArray,
    wn: FloatArray,
    limits: FloatArray,
    positions: IntArray,
    last: FloatArray,
    value: FloatArray,
    quality: IntArray,
    causes: IntArray,
    dt_s: float,
) -> None:
    """Judge flow against commands, in ``causes``; ``wd`` changes in place.

    Args:
        w: (WATCH_PARAMETERS,) of the CDU.
        wx: (WATCH_INDICES,) of it.
        wd: (WATCH_STATE,) of it, changed.
        wn: (WATCH_WANTED,) of it.
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        positions: (actuators,) points that measure them.
        last: (actuators,) last allowed; NaN for one that is not ours.
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        causes: (HAZARDS,) changed.
        dt_s: seconds since the last step.
    """
    told = told_pct(wx, last)
    runs = told >= limits[wx[WX_PUMP], L_MINIMUM] and told > 0.0
    wd[WD_PUMPS_ON_S] = wd[WD_PUMPS_ON_S] + dt_s if runs else 0.0
    flow_lpm, turning = read(wx[WX_FLOW], value, quality), turning_pct(wx, positions, value, quality)
    differential_kpa = read(wx[WX_DIFFERENTIAL], value, quality)
    expected = expected_lpm(w, wn, told)
    if wd[WD_PUMPS_ON_S] > SPIN_UP_S:
        causes[_FLOW_LOW] = below(flow_lpm, LOW_RATIO * expected, LOW_OFF_RATIO * expected)
        causes[_FLOW_LOST] = below(flow_lpm, LOST_RATIO * expected, LOST_OFF_RATIO * expected)
        causes[_NO_FLOW] = no_flow(w, flow_lpm, differential_kpa, turning)
        causes[_DEAD_HEAD] = dead_head(w, flow_lpm, differential_kpa, turning)
    heat_kw = read(wx[WX_HEAT], value, quality)
    stands = turning < STANDS_PCT  # False for an unknown speed
    causes[_PUMPS_OFF] = THERE if stands and not heat_kw < HEAT_MIN_KW else GONE


def judge_pumps(
    wx: IntArray,
    limits: FloatArray,
    positions: IntArray,
    last: FloatArray,
    value: FloatArray,
    quality: IntArray,
    causes: IntArray,
    details: IntArray,
) -> None:
    """Judge whether every pump that is told to run turns, in ``causes``; ``details`` says which one does not."""
    causes[_NOT_TURNING], details[_NOT_TURNING] = GONE, NOTHING
    for k in range(WATCH_PUMPS):
        i = wx[WX_PUMP + k]
        if i >= 0 and last[i] > 0.0:
            speed_pct = read(positions[i], value, quality)
            if speed_pct < 0.5 * limits[i, L_MINIMUM]:
                causes[_NOT_TURNING], details[_NOT_TURNING] = THERE, k


def judge_valve(
    wx: IntArray,
    wd: FloatArray,
    wn: FloatArray,
    positions: IntArray,
    last: FloatArray,
    value: FloatArray,
    quality: IntArray,
    causes: IntArray,
) -> None:
    """Judge whether the facility valve goes where it is told, and whether that does anything, in ``causes``."""
    i = wx[WX_VALVE]
    position_pct = read(positions[i], value, quality)
    away_pct = abs(last[i] - position_pct)  # NaN unless both are known
    causes[_NOT_FOLLOWING] = above(away_pct, VALVE_OFF_PCT, VALVE_AGREES_PCT)
    supply_c, cold_c = read(wx[WX_SUPPLY], value, quality), read(wx[WX_FWS_SUPPLY], value, quality)
    warm = supply_c > wn[WN_SUPPLY_C] + NO_EFFECT_K and wd[WD_RATE_K_S] > -FALLING_K_S
    could_cool = not cold_c > supply_c - COLDER_K
    causes[_NO_EFFECT] = THERE if position_pct >= OPEN_PCT and warm and could_cool else GONE


HELPERS: Final = (
    told_pct,
    turning_pct,
    expected_lpm,
    no_flow,
    dead_head,
    judge_flow,
    judge_pumps,
    judge_valve,
)
"""Every function above, callees before callers."""

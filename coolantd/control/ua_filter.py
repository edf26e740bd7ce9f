"""How well the exchanger passes heat: an extended Kalman filter of two states. Plain functions over a CDU's row.

The supply temperature at rest follows from return and facility temperature, both flows and the exchanger's resistance
1/UA. Measured less expected is explained by two things that the load tells apart: a resistance, which shows at high
load and vanishes at low load, and an offset of the sensors, which shows at any. The first ``BASELINE_S`` of excited
time make the baseline: what the exchanger was when it was commissioned, be it better or worse than its data sheet.
Later changes are fouling, a slow random walk. A site that knows its baseline states it, and nothing is learnt then.

What a constant offset of 0.2 K costs: 10 % of the conductance at full load, 40 % at half load, were there no second
state. What counts is the change since commissioning, in which an offset that stays cancels.

Knows temperatures and flows at rest; must never know a valve or a pump.
"""

import math
from typing import Final

from coolantd.control.estimate_layout import (
    COLD,
    E_COVARIANCE,
    E_EXCITED,
    E_EXCITED_S,
    E_FILM,
    E_FOULING,
    E_INNOVATION,
    E_MOVING,
    E_NOW,
    E_OFFSET_K,
    E_OFFSET_VARIANCE,
    E_SLOW,
    E_UA_KW_K,
    E_UPDATE_S,
    E_VARIANCE,
    EP_COMMISSIONED_RATIO,
    FLOW,
    FWS_FLOW,
    FWS_RETURN,
    HOT,
    SUPPLY,
)
from coolantd.control.exchanger_model import FILM_EXPONENT, FILM_FLOOR_RATIO, SECONDS_PER_MINUTE
from coolantd.control.layout import (
    C_MODEL_FWS_CAPACITY,
    C_MODEL_FWS_RATED_LPM,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    C_MODEL_UA_KW_K,
)
from coolantd.plant.exchanger import film_w_k, heat_per_kelvin_w_k
from coolantd.point import FloatArray

UPDATE_S: Final = 30.0
"""Half the low-pass of the readings: closer updates would bring the same noise twice."""
BASELINE_S: Final = 4.0 * 3600.0
"""Excited time that makes the baseline: enough for the offset to be told from the resistance on a load that varies."""
FILM_DEVIATION: Final = 0.3
"""Of the clean exchanger from its data sheet, one standard deviation."""
OFFSET_DEVIATION_K: Final = 0.3
"""Of three temperature sensors together: each within 0.2 K."""
FOULING_WALK: Final = 0.04
"""Standard deviation of a day's fouling, as a share of the clean resistance: fast for a facility with strainers."""
OFFSET_WALK_K: Final = 0.01
"""Of a day's drift of the sensors together."""
READING_DEVIATION_K: Final = 0.05
"""Of the low-passed supply temperature from a perfect model: noise, and what the model leaves out."""
MOVING_SHARE: Final = 0.5
"""Readings away from rest by 1 K are off by at most half as much against each other."""
MOVING_MAX_K: Final = 1.0
"""Farther from rest than this nothing is learnt."""
EXCITED_K: Final = 0.15
"""Of supply temperature per 100 % more resistance: below it the exchanger could be any."""
STEP: Final = 0.01
"""Of the resistance, for the slope."""
WILD: Final = 4.0
"""An innovation of more standard deviations counts as so many: one wrong reading moves nothing far."""
RESISTANCE_MIN: Final = 0.2
"""Least resistance over the data sheet's: five times its conductance is no exchanger any more."""
DAY_S: Final = 86_400.0
RISE_MIN_K: Final = 0.5
"""Facility water that warms by less tells nothing of its flow."""


def clean_resistance(c: FloatArray, flow_lpm: float, fws_lpm: float) -> float:
    """Return the data sheet's resistance at two flows, as a multiple of that at the rated ones."""
    tcs = film_w_k(1.0, flow_lpm / c[C_MODEL_TCS_RATED_LPM], FILM_EXPONENT, FILM_FLOOR_RATIO)
    fws = film_w_k(1.0, fws_lpm / c[C_MODEL_FWS_RATED_LPM], FILM_EXPONENT, FILM_FLOOR_RATIO)
    return 0.5 / tcs + 0.5 / fws


def conductance_kw_k(c: FloatArray, film: float, fouling: float, flow_lpm: float, fws_lpm: float) -> float:
    """Return UA at two flows: films in series, scaled as commissioned, and the fouling."""
    resistance = (1.0 + film) * clean_resistance(c, flow_lpm, fws_lpm) + fouling
    return c[C_MODEL_UA_KW_K] / max(resistance, RESISTANCE_MIN)


def supply_at_rest_c(
    c: FloatArray, film: float, fouling: float, hot_c: float, cold_c: float, flow_lpm: float, fws_lpm: float
) -> float:
    """Return the supply temperature at rest; flows above 0."""
    hot_kw_k = flow_lpm * c[C_MODEL_TCS_CAPACITY] / SECONDS_PER_MINUTE
    cold_kw_k = fws_lpm * c[C_MODEL_FWS_CAPACITY] / SECONDS_PER_MINUTE
    ua_kw_k = conductance_kw_k(c, film, fouling, flow_lpm, fws_lpm)
    return hot_c - heat_per_kelvin_w_k(ua_kw_k, hot_kw_k, cold_kw_k) * (hot_c - cold_c) / hot_kw_k


def facility_lpm(c: FloatArray, e: FloatArray) -> float:
    """Return the facility flow: as measured, else from the heat that its warming shows; NaN where neither is known."""
    if math.isfinite(e[E_SLOW + FWS_FLOW]):
        return e[E_SLOW + FWS_FLOW]
    rise_k = e[E_SLOW + FWS_RETURN] - e[E_SLOW + COLD]
    if not rise_k > RISE_MIN_K:
        return math.nan
    heat = e[E_SLOW + FLOW] * c[C_MODEL_TCS_CAPACITY] * (e[E_SLOW + HOT] - e[E_SLOW + SUPPLY])
    return heat / (rise_k * c[C_MODEL_FWS_CAPACITY])


def begin_filter(e: FloatArray, ep: FloatArray) -> None:
    """Start the filter, in place: at the data sheet, or at the stated baseline."""
    stated = math.isfinite(ep[EP_COMMISSIONED_RATIO])
    e[E_FILM] = 1.0 / ep[EP_COMMISSIONED_RATIO] - 1.0 if stated else 0.0
    e[E_FOULING] = e[E_OFFSET_K] = e[E_COVARIANCE] = e[E_UPDATE_S] = e[E_INNOVATION] = 0.0
    e[E_VARIANCE] = FILM_DEVIATION * FILM_DEVIATION
    e[E_OFFSET_VARIANCE] = OFFSET_DEVIATION_K * OFFSET_DEVIATION_K
    e[E_EXCITED_S] = BASELINE_S if stated else 0.0
    e[E_EXCITED] = 0.0
    e[E_UA_KW_K] = math.nan


def at_rest(e: FloatArray) -> bool:
    """Return whether the readings move slowly enough to be compared."""
    return (
        e[E_MOVING + HOT] < MOVING_MAX_K
        and e[E_MOVING + SUPPLY] < MOVING_MAX_K
        and e[E_MOVING + COLD] < MOVING_MAX_K
        and e[E_MOVING + FLOW] < 0.1 * e[E_SLOW + FLOW]
    )


def follow_exchanger(c: FloatArray, e: FloatArray, dt_s: float) -> None:
    """Let the filter take in the low-passed readings where they say something, in place.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        e: (ESTIMATE_STATE,) with readings taken.
        dt_s: seconds since the last step.
    """
    learning = e[E_EXCITED_S] < BASELINE_S
    e[E_UPDATE_S] += dt_s
    flow_lpm, fws_lpm = e[E_SLOW + FLOW], facility_lpm(c, e)
    hot_c, cold_c, supply_c = e[E_SLOW + HOT], e[E_SLOW + COLD], e[E_SLOW + SUPPLY]
    least_lpm = FILM_FLOOR_RATIO * c[C_MODEL_TCS_RATED_LPM]
    fws_least_lpm = 0.5 * FILM_FLOOR_RATIO * c[C_MODEL_FWS_RATED_LPM]
    if not (flow_lpm > least_lpm and fws_lpm > fws_least_lpm and hot_c > cold_c and math.isfinite(supply_c)):
        e[E_EXCITED] = 0.0
        e[E_UA_KW_K] = math.nan
        e[E_UPDATE_S] = min(e[E_UPDATE_S], UPDATE_S)
        return
    if e[E_UPDATE_S] < UPDATE_S:
        show_conductance(c, e, fws_lpm)
        return
    since_s = e[E_UPDATE_S]
    e[E_UPDATE_S] = 0.0
    film, fouling = e[E_FILM], e[E_FOULING]
    expected_c = supply_at_rest_c(c, film, fouling, hot_c, cold_c, flow_lpm, fws_lpm)
    if learning:
        further_c = supply_at_rest_c(c, film + STEP, fouling, hot_c, cold_c, flow_lpm, fws_lpm)
    else:
        further_c = supply_at_rest_c(c, film, fouling + STEP, hot_c, cold_c, flow_lpm, fws_lpm)
    slope_k = (further_c - expected_c) / STEP
    calm = at_rest(e)
    e[E_EXCITED] = 1.0 if calm and slope_k > EXCITED_K else 0.0
    walk(e, learning, since_s)
    if calm:
        moving_k = MOVING_SHARE * (e[E_MOVING + HOT] + e[E_MOVING + SUPPLY])
        take_in(e, learning, supply_c - expected_c, slope_k, moving_k)
    if e[E_EXCITED] == 1.0 and learning:
        e[E_EXCITED_S] += since_s
        if e[E_EXCITED_S] >= BASELINE_S:  # from here on changes are fouling
            e[E_VARIANCE] = FOULING_WALK * FOULING_WALK
            e[E_COVARIANCE] = 0.0
    show_conductance(c, e, fws_lpm)


def show_conductance(c: FloatArray, e: FloatArray, fws_lpm: float) -> None:
    """Show the conductance at the flows as they are now, not low-passed, where both are measured."""
    now_lpm = e[E_NOW + FWS_FLOW] if math.isfinite(e[E_NOW + FWS_FLOW]) else fws_lpm
    e[E_UA_KW_K] = conductance_kw_k(c, e[E_FILM], e[E_FOULING], e[E_NOW + FLOW], now_lpm)


def walk(e: FloatArray, learning: bool, since_s: float) -> None:
    """Let both states become less certain with time, in place; the clean exchanger does not change."""
    days = since_s / DAY_S
    if not learning and e[E_EXCITED] == 1.0:
        e[E_VARIANCE] += FOULING_WALK * FOULING_WALK * days
    e[E_OFFSET_VARIANCE] = min(
        e[E_OFFSET_VARIANCE] + OFFSET_WALK_K * OFFSET_WALK_K * days, OFFSET_DEVIATION_K * OFFSET_DEVIATION_K
    )


def take_in(e: FloatArray, learning: bool, missing_k: float, slope_k: float, moving_k: float) -> None:
    """Update resistance and offset by one comparison, in place.

    Args:
        e: (ESTIMATE_STATE,).
        learning: the resistance is the clean exchanger's, not its fouling.
        missing_k: supply temperature measured less expected without offset.
        slope_k: expected supply temperature per unit of resistance.
        moving_k: how far the comparison may be off because the readings move.
    """
    pr, pc, po = e[E_VARIANCE], e[E_COVARIANCE], e[E_OFFSET_VARIANCE]
    of_r, of_o = pr * slope_k + pc, pc * slope_k + po
    total = slope_k * of_r + of_o + READING_DEVIATION_K * READING_DEVIATION_K + moving_k * moving_k
    deviation = math.sqrt(total)
    z = (missing_k - e[E_OFFSET_K]) / deviation
    e[E_INNOVATION] = z
    taken_k = max(min(z, WILD), -WILD) * deviation
    gain_r, gain_o = of_r / total, of_o / total
    if learning:
        e[E_FILM] += gain_r * taken_k
    else:
        e[E_FOULING] += gain_r * taken_k
    e[E_OFFSET_K] += gain_o * taken_k
    e[E_VARIANCE] = max(pr - gain_r * of_r, 0.0)
    e[E_COVARIANCE] = pc - gain_r * of_o
    e[E_OFFSET_VARIANCE] = max(po - gain_o * of_o, 0.0)


HELPERS: Final = (
    clean_resistance,
    conductance_kw_k,
    supply_at_rest_c,
    facility_lpm,
    begin_filter,
    at_rest,
    show_conductance,
    walk,
    take_in,
    follow_exchanger,
)
"""Every plain function above, callees before callers."""

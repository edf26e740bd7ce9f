"""Whether a flow is lost, facility or secondary, and how long until something is too warm. Plain functions.

Told within two readings. A warning only: the device's own protection acts first, because without flow a chip warms by
several kelvins a second.
"""

import math
from typing import Final

from coolantd.control.actuators import reading_of
from coolantd.control.estimate_layout import (
    E_FLOW_PER_PCT,
    E_FOR_FACILITY_S,
    E_FOR_SECONDARY_S,
    E_HEAT_POWER_KW,
    E_HEAT_TCS_KW,
    E_LIMIT_S,
    E_NOW,
    EP_LOOP_L,
    EP_PLATE_MARGIN_K,
    EP_PLATE_RATE_K_S,
    EP_RATED_KW,
    EP_SUPPLY_LIMIT_C,
    FLOW,
    FWS_FLOW,
    HOT,
    POWER,
    SUPPLY,
)
from coolantd.control.evidence import persisting
from coolantd.control.exchanger_model import facility_flow_lpm
from coolantd.control.filters import lag
from coolantd.control.layout import (
    A_LAST,
    C_MODEL_EXCHANGER_L,
    C_MODEL_FWS_DP_KPA,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    D_MODE,
    PUMPS_MAX,
    X_MODEL,
    X_PUMP,
    X_VALVE,
    Y_POSITION,
)
from coolantd.control.supply_law import usable_reading
from coolantd.point import FloatArray, IntArray
from coolantd.safety.modes import ACTS_AS, Mode

LOST_AFTER_S: Final = 0.9
"""Two readings in a row at 0.5 s, whatever the cycle's jitter."""
BACK_AFTER_S: Final = 5.0
FACILITY_LOST_RATIO: Final = 0.25
"""Of what the valve passes at its position and the rated pressure; half that pressure still gives 0.7."""
FACILITY_PRESSURE_RATIO: Final = 0.1
"""Of the rated pressure, where no flow is measured."""
VALVE_OPEN_PCT: Final = 20.0
"""A valve nearer to shut passes too little to judge by."""
SECONDARY_LOST_RATIO: Final = 0.5
"""Of the flow that the commanded speed gave before: one pump of two leaves 0.74, a blocked strainer comes slowly."""
SECONDARY_BEFORE_S: Final = 30.0
LEAST_RATIO: Final = 1e-6
"""Of a temperature difference: keeps a logarithm finite."""
NO_FLOW_RATIO: Final = 0.05
"""Of the rated flow: nothing flows, whoever commands the pumps."""
NO_LOAD_RATIO: Final = 0.05
"""Of the rated heat: below it nobody misses the flow."""

_STARTING: Final = int(Mode.STARTING)


def commanded_pct(x: IntArray, a: FloatArray) -> float:
    """Return the speed last commanded to the fastest pump; NaN while none is ours."""
    fastest = math.nan
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] < 0:
            break
        last = a[x[X_PUMP + k], A_LAST]
        if math.isfinite(last) and not last <= fastest:
            fastest = last
    return fastest


def secondary_lost(c: FloatArray, ep: FloatArray, e: FloatArray, d: FloatArray, told_pct: float, dt_s: float) -> bool:
    """Return whether the coolant's flow is lost now; what the pumps gave before is followed in ``e``."""
    flow, rated = e[E_NOW + FLOW], c[C_MODEL_TCS_RATED_LPM]
    if not math.isfinite(flow):
        return e[E_FOR_SECONDARY_S] > 0.0  # a flow that is not measured is neither lost nor found
    nothing = flow < NO_FLOW_RATIO * rated
    if nothing and e[E_NOW + POWER] > NO_LOAD_RATIO * ep[EP_RATED_KW]:
        return True
    if not told_pct > 0.0 or ACTS_AS[int(d[D_MODE])] == _STARTING:
        e[E_FLOW_PER_PCT] = math.nan
        return False
    per_pct = flow / told_pct
    if not math.isfinite(e[E_FLOW_PER_PCT]):
        e[E_FLOW_PER_PCT] = per_pct
        return nothing
    if per_pct < SECONDARY_LOST_RATIO * e[E_FLOW_PER_PCT]:
        return True
    if e[E_FOR_SECONDARY_S] <= 0.0:
        e[E_FLOW_PER_PCT] = lag(e[E_FLOW_PER_PCT], per_pct, SECONDARY_BEFORE_S, dt_s)
    return nothing


def facility_lost(c: FloatArray, e: FloatArray, x: IntArray, y: IntArray, value: FloatArray, quality: IntArray) -> bool:
    """Return whether facility water is missing now, by its flow or, where that is not measured, by its pressure."""
    position = reading_of(x[X_VALVE], Y_POSITION, y, value, quality)
    flow = e[E_NOW + FWS_FLOW]
    if math.isfinite(flow) and position > VALVE_OPEN_PCT:
        return flow < FACILITY_LOST_RATIO * facility_flow_lpm(c, position, c[C_MODEL_FWS_DP_KPA])
    return usable_reading(x[X_MODEL + 3], value, quality) < FACILITY_PRESSURE_RATIO * c[C_MODEL_FWS_DP_KPA]


def heat_now_kw(e: FloatArray) -> float:
    """Return the racks' heat: by their power where it is known, else by the coolant; NaN where neither is."""
    return e[E_HEAT_POWER_KW] if math.isfinite(e[E_HEAT_POWER_KW]) else e[E_HEAT_TCS_KW]


def supply_limit_s(c: FloatArray, ep: FloatArray, e: FloatArray) -> float:
    """Return how long the supply stays below its limit when nothing cools the coolant any more.

    First the exchanger passes on what comes from the racks, then the whole loop warms.
    """
    hot, supply, limit = e[E_NOW + HOT], e[E_NOW + SUPPLY], ep[EP_SUPPLY_LIMIT_C]
    if not math.isfinite(hot + supply + e[E_NOW + FLOW]):
        return math.nan
    passing_s = 60.0 * c[C_MODEL_EXCHANGER_L] / max(e[E_NOW + FLOW], 1.0)
    if supply >= limit:
        return 0.0
    if hot > limit:
        return -passing_s * math.log(max((hot - limit) / (hot - supply), LEAST_RATIO))
    rate = heat_now_kw(e) / (c[C_MODEL_TCS_CAPACITY] * ep[EP_LOOP_L])
    return passing_s + (limit - hot) / rate if rate > 0.0 else math.nan


def plate_limit_s(ep: FloatArray, e: FloatArray) -> float:
    """Return how long the cold plates stay within their margin without any flow."""
    share = heat_now_kw(e) / ep[EP_RATED_KW]
    return ep[EP_PLATE_MARGIN_K] / (ep[EP_PLATE_RATE_K_S] * share) if share > 0.0 else math.nan


def watch_flows(
    c: FloatArray,
    ep: FloatArray,
    e: FloatArray,
    d: FloatArray,
    x: IntArray,
    y: IntArray,
    a: FloatArray,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> None:
    """Follow both flows in place; rows as for ``estimator.estimate_cdu``."""
    facility = facility_lost(c, e, x, y, value, quality)
    secondary = secondary_lost(c, ep, e, d, commanded_pct(x, a), dt_s)
    e[E_FOR_FACILITY_S] = persisting(e[E_FOR_FACILITY_S], facility, LOST_AFTER_S, BACK_AFTER_S, dt_s)
    e[E_FOR_SECONDARY_S] = persisting(e[E_FOR_SECONDARY_S], secondary, LOST_AFTER_S, BACK_AFTER_S, dt_s)
    e[E_LIMIT_S] = math.nan
    if e[E_FOR_FACILITY_S] > 0.0:
        e[E_LIMIT_S] = supply_limit_s(c, ep, e)
    if e[E_FOR_SECONDARY_S] > 0.0:
        e[E_LIMIT_S] = plate_limit_s(ep, e)


HELPERS: Final = (
    commanded_pct,
    secondary_lost,
    facility_lost,
    heat_now_kw,
    supply_limit_s,
    plate_limit_s,
    watch_flows,
)
"""Every function above, callees before callers."""

"""Whether the sensors are where the configuration says (FM-14, FM-19, FM-21): what must be so before automatic.

Each rule needs heat or flow to be there; where they are not, nothing is judged and nothing is held up, for an idle
plant shows the same whichever way its sensors are connected. Plain functions over a CDU's rows.
"""

import math
from typing import Final

from coolantd.control.actuators import reading_of
from coolantd.control.estimate_layout import (
    COLD,
    E_FOR_FWS_SWAP_S,
    E_FOR_PRESSURE_SWAP_S,
    E_FOR_SCALE_S,
    E_FOR_TCS_SWAP_S,
    E_FOR_VALVE_S,
    E_HEAT_FWS_KW,
    E_HEAT_POWER_KW,
    E_HEAT_TCS_KW,
    E_JUDGED,
    E_NOW,
    E_PUMP_LPM,
    EP_RATED_KW,
    FLOW,
    FWS_FLOW,
    FWS_RETURN,
    HOT,
    SUPPLY,
)
from coolantd.control.evidence import persisting
from coolantd.control.exchanger_model import facility_flow_lpm
from coolantd.control.layout import (
    C_MODEL_FWS_DP_KPA,
    C_MODEL_FWS_RATED_LPM,
    C_MODEL_TCS_RATED_LPM,
    D_IMPLAUSIBLE,
    X_MODEL,
    X_VALVE,
    Y_POSITION,
)
from coolantd.control.pump_check import SPEED_MIN_PCT, fastest_pct
from coolantd.control.supply_law import usable_reading
from coolantd.point import FloatArray, IntArray
from coolantd.safety.modes import Cause, Mode

SWAPPED_K: Final = 0.5
"""Two sensors 0.2 K off against each other show 0.4 K at an idle plant."""
FLOWING_RATIO: Final = 0.1
"""Of the rated flow: below it a sensor shows its pocket, not the coolant."""
FWS_FLOWING_RATIO: Final = 0.05
SCALE_RATIO: Final = 3.0
HEAT_RATIO_MIN: Final = 0.1
"""Of the rated heat: with less, temperature differences are too small to weigh a flow by."""
SCALE_MAX_RATIO: Final = 3.0
"""Of the rated flow: no pump makes as much."""
BACKWARD_RATIO: Final = 0.05
"""Of the rated facility pressure, as a size below which a differential pressure may be a sensor's zero error."""
BACKWARD_KPA: Final = 5.0
MIDDLE_PCT: Final = 15.0
"""This near to half open, a valve looks the same from both ends."""
SUSPECT_S: Final = 10.0
"""A transient that looks like a swap is over by then: coolant passes the CDU in 5 s."""
CLEARED_S: Final = 10.0
SCALE_SUSPECT_S: Final = 20.0
"""Longer, because a load step is in the racks' power before it is in the coolant."""
VALVE_SUSPECT_S: Final = 30.0

_NONE: Final = int(Cause.NONE)
_TCS: Final = int(Cause.TCS_SENSORS_SWAPPED)
_FWS: Final = int(Cause.FWS_SENSORS_SWAPPED)
_PRESSURE: Final = int(Cause.PRESSURE_SENSORS_SWAPPED)
_SCALE: Final = int(Cause.FLOW_SCALE_WRONG)
_VALVE: Final = int(Cause.VALVE_REVERSED)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_MANUAL: Final = int(Mode.MANUAL)


def facility_flows(c: FloatArray, e: FloatArray, position_pct: float) -> bool:
    """Return whether facility water passes the exchanger: by its flow, else by the valve's position."""
    flow = e[E_NOW + FWS_FLOW]
    if math.isfinite(flow):
        return flow > FWS_FLOWING_RATIO * c[C_MODEL_FWS_RATED_LPM]
    return position_pct > SPEED_MIN_PCT


def tcs_swapped(e: FloatArray) -> bool:
    """Return whether the return shows colder than the supply although facility water is colder than both."""
    hot, supply, cold = e[E_NOW + HOT], e[E_NOW + SUPPLY], e[E_NOW + COLD]
    return supply - hot > SWAPPED_K and hot - cold > SWAPPED_K


def fws_swapped(e: FloatArray) -> bool:
    """Return whether facility water seems to leave colder than it came, or to be warmer than what it cools."""
    cold, leaving = e[E_NOW + COLD], e[E_NOW + FWS_RETURN]
    hot, supply = e[E_NOW + HOT], e[E_NOW + SUPPLY]
    by_itself = cold - leaving > SWAPPED_K and hot - leaving > SWAPPED_K and supply - leaving > SWAPPED_K
    return by_itself or (hot - supply > SWAPPED_K and cold - supply > SWAPPED_K)


def beyond(measured: float, expected: float) -> bool:
    """Return whether two sizes differ by more than ``SCALE_RATIO``; False where one is unknown."""
    return measured > SCALE_RATIO * expected or SCALE_RATIO * measured < expected


def scale_wrong(c: FloatArray, ep: FloatArray, e: FloatArray) -> bool:
    """Return whether the coolant's flow reads by a factor wrong: by pumps, facility heat, power or plain size."""
    flow, rated = e[E_NOW + FLOW], c[C_MODEL_TCS_RATED_LPM]
    if flow > SCALE_MAX_RATIO * rated:
        return True
    if e[E_PUMP_LPM] > FLOWING_RATIO * rated and beyond(flow, e[E_PUMP_LPM]):
        return True
    if not e[E_NOW + HOT] - e[E_NOW + SUPPLY] > SWAPPED_K:
        return False
    heat, fws_heat, power = e[E_HEAT_TCS_KW], e[E_HEAT_FWS_KW], e[E_HEAT_POWER_KW]
    least = HEAT_RATIO_MIN * ep[EP_RATED_KW]
    if math.isfinite(fws_heat):
        return (fws_heat > least or heat > least) and fws_heat > 0.0 and beyond(heat, fws_heat)
    return (power > least or heat > least) and beyond(heat, power)


def valve_reversed(c: FloatArray, e: FloatArray, position_pct: float, dp_kpa: float) -> bool:
    """Return whether the facility flow fits the valve's position only when that is read from the other end."""
    flow = e[E_NOW + FWS_FLOW]
    if not (flow > FWS_FLOWING_RATIO * c[C_MODEL_FWS_RATED_LPM] and abs(position_pct - 50.0) > MIDDLE_PCT):
        return False
    as_shown = math.log(flow / facility_flow_lpm(c, position_pct, dp_kpa))
    from_other_end = math.log(flow / facility_flow_lpm(c, 100.0 - position_pct, dp_kpa))
    return abs(as_shown) > math.log(2.0) and abs(from_other_end) < 0.5 * abs(as_shown)


def judge_places(
    c: FloatArray,
    ep: FloatArray,
    e: FloatArray,
    d: FloatArray,
    x: IntArray,
    y: IntArray,
    value: FloatArray,
    quality: IntArray,
    dp_kpa: float,
    dt_s: float,
) -> None:
    """Judge every rule and say in ``d`` what keeps the CDU from automatic; rows as for ``estimator.estimate_cdu``.

    Before automatic the first suspicion holds it up; what is told as a condition has lasted.
    """
    position = reading_of(x[X_VALVE], Y_POSITION, y, value, quality)
    fws_kpa = usable_reading(x[X_MODEL + 3], value, quality) if x[X_MODEL + 3] >= 0 else c[C_MODEL_FWS_DP_KPA]
    flowing = not e[E_NOW + FLOW] < FLOWING_RATIO * c[C_MODEL_TCS_RATED_LPM]
    fws_flowing = facility_flows(c, e, position)
    tcs, fws, scale, valve = False, False, False, False
    if flowing:
        tcs = fws_flowing and tcs_swapped(e)
        fws = fws_flowing and not tcs and fws_swapped(e)
    scale = not tcs and not fws and scale_wrong(c, ep, e)
    if position >= 0.0 and fws_kpa > 0.0:
        valve = valve_reversed(c, e, position, fws_kpa)
    pressure = dp_kpa < -BACKWARD_KPA and fastest_pct(x, y, value, quality) > SPEED_MIN_PCT
    rise = abs(e[E_NOW + HOT] - e[E_NOW + SUPPLY])
    e[E_JUDGED] = 1.0 if flowing and fws_flowing and rise > SWAPPED_K else 0.0
    e[E_FOR_TCS_SWAP_S] = persisting(e[E_FOR_TCS_SWAP_S], tcs, SUSPECT_S, CLEARED_S, dt_s)
    e[E_FOR_FWS_SWAP_S] = persisting(e[E_FOR_FWS_SWAP_S], fws, SUSPECT_S, CLEARED_S, dt_s)
    e[E_FOR_PRESSURE_SWAP_S] = persisting(e[E_FOR_PRESSURE_SWAP_S], pressure, SUSPECT_S, CLEARED_S, dt_s)
    e[E_FOR_SCALE_S] = persisting(e[E_FOR_SCALE_S], scale, SCALE_SUSPECT_S, CLEARED_S, dt_s)
    e[E_FOR_VALVE_S] = persisting(e[E_FOR_VALVE_S], valve, VALVE_SUSPECT_S, CLEARED_S, dt_s)
    d[D_IMPLAUSIBLE] = float(implausible(e))


def implausible(e: FloatArray) -> int:
    """Return the cause that keeps a CDU from automatic, suspected or told; 0 where nothing does."""
    if e[E_FOR_TCS_SWAP_S] != 0.0:
        return _TCS
    if e[E_FOR_FWS_SWAP_S] != 0.0:
        return _FWS
    if e[E_FOR_PRESSURE_SWAP_S] != 0.0:
        return _PRESSURE
    if e[E_FOR_SCALE_S] != 0.0:
        return _SCALE
    return _VALVE if e[E_FOR_VALVE_S] != 0.0 else _NONE


HELPERS: Final = (
    facility_flows,
    tcs_swapped,
    fws_swapped,
    beyond,
    scale_wrong,
    valve_reversed,
    implausible,
    judge_places,
)
"""Every function above, callees before callers."""

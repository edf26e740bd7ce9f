"""What the measured values say of a CDU when they are held against each other: one stage over packed arrays.

Exchanger (fouling), heat three ways, flow against pumps and pressure, branches, level, flows lost, sensors in their
places. It moves nothing: it tells conditions, and it says what keeps a CDU from automatic.
"""

import math
from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.branch_watch import HELPERS as BRANCH_HELPERS
from coolantd.control.branch_watch import watch_branches
from coolantd.control.conditions import Condition
from coolantd.control.estimate_inputs import HELPERS as INPUT_HELPERS
from coolantd.control.estimate_inputs import take_readings
from coolantd.control.estimate_layout import (
    E_EXCITED_S,
    E_FILM,
    E_FOR_FACILITY_S,
    E_FOR_FOULING_S,
    E_FOR_FWS_SWAP_S,
    E_FOR_PRESSURE_SWAP_S,
    E_FOR_RIPPLE_S,
    E_FOR_SCALE_S,
    E_FOR_SECONDARY_S,
    E_FOR_TCS_SWAP_S,
    E_FOR_VALVE_S,
    E_FOULING,
    E_HEAD_SHARE,
    E_LOOP_K,
    E_PRESSURE_KPA,
    E_RIPPLE_KPA2,
    E_SUM_FLOW,
    E_SUM_HEAD,
    E_SUM_HEAT_FWS,
    E_SUM_HEAT_POWER,
    E_SUM_LEAK,
    E_TOLD_BRANCH,
    E_TOLD_FLOW,
    E_TOLD_HEAD,
    E_TOLD_HEAT,
    E_TOLD_LEAK,
    E_VARIANCE,
    EP_HAS_PRESSURE,
    EP_WATCHED,
)
from coolantd.control.evidence import HELPERS as EVIDENCE_HELPERS
from coolantd.control.evidence import persisting, told
from coolantd.control.exchanger_model import SECONDS_PER_MINUTE
from coolantd.control.flow_watch import HELPERS as FLOW_HELPERS
from coolantd.control.flow_watch import watch_flows
from coolantd.control.heat_balance import HELPERS as HEAT_HELPERS
from coolantd.control.heat_balance import UNBALANCED_LIMIT_S, balance_heat, judge_heat
from coolantd.control.layout import D_IMPLAUSIBLE, PRESSURE, X_PV
from coolantd.control.level_watch import HELPERS as LEVEL_HELPERS
from coolantd.control.level_watch import LEAK_LIMIT_L, watch_level
from coolantd.control.plausibility import HELPERS as PLACE_HELPERS
from coolantd.control.plausibility import judge_places
from coolantd.control.pump_check import FLOW_LIMIT_S, HEAD_LIMIT_S, check_pumps, judge_pumps
from coolantd.control.pump_check import HELPERS as PUMP_HELPERS
from coolantd.control.supply_law import usable_reading
from coolantd.control.ua_filter import BASELINE_S, begin_filter, follow_exchanger
from coolantd.control.ua_filter import HELPERS as UA_HELPERS
from coolantd.point import FloatArray, IntArray

FOULED_RATIO: Final = 0.80
"""Of the baseline's conductance: the valve then stands about 7 % further open at full load, and cleaning is due."""
CLEAN_RATIO: Final = 0.85
FOULED_CERTAIN: Final = 0.06
"""Standard deviation of the resistance above which nothing is said of fouling."""
FOULED_S: Final = 3600.0
"""Fouling takes days; an hour below the limit is no accident."""
RIPPLE_KPA: Final = 1.0
RIPPLE_RATIO: Final = 0.01
"""Of the pressure. Two good sensors together scatter by 0.3 kPa."""
RIPPLE_ON_S: Final = 3.0
RIPPLE_OFF_S: Final = 30.0

_FOULING: Final = int(Condition.FOULING)
_BRANCH: Final = int(Condition.BRANCH_BLOCKED)
_FLOW: Final = int(Condition.FLOW_DISAGREES)
_HEAT: Final = int(Condition.HEAT_UNBALANCED)
_AIR: Final = int(Condition.AIR_OR_LOW_LEVEL)
_LEAK: Final = int(Condition.LEAK)
_FACILITY: Final = int(Condition.FACILITY_FLOW_LOST)
_SECONDARY: Final = int(Condition.SECONDARY_FLOW_LOST)
_TCS_SWAP: Final = int(Condition.TCS_SENSORS_SWAPPED)
_FWS_SWAP: Final = int(Condition.FWS_SENSORS_SWAPPED)
_PRESSURE_SWAP: Final = int(Condition.PRESSURE_SENSORS_SWAPPED)
_SCALE: Final = int(Condition.FLOW_SCALE_WRONG)
_VALVE: Final = int(Condition.VALVE_REVERSED)


def baseline_ratio(e: FloatArray) -> float:
    """Return the rated conductance over the baseline's; NaN until there is one."""
    if e[E_EXCITED_S] < BASELINE_S:
        return math.nan
    return (1.0 + e[E_FILM]) / (1.0 + e[E_FILM] + e[E_FOULING])


def fouled(e: FloatArray) -> bool:
    """Return whether the exchanger passes much less than its baseline, as far as is certain."""
    certain = e[E_VARIANCE] < FOULED_CERTAIN * FOULED_CERTAIN
    limit = CLEAN_RATIO if e[E_FOR_FOULING_S] > 0.0 else FOULED_RATIO
    return certain and baseline_ratio(e) < limit


def rippling(e: FloatArray) -> bool:
    """Return whether the pressure ripples by more than sensors and orders explain."""
    limit = max(RIPPLE_KPA, RIPPLE_RATIO * e[E_PRESSURE_KPA])
    return e[E_RIPPLE_KPA2] > limit * limit


def hold_told(e: FloatArray, branch: int) -> None:
    """Decide with hysteresis which sums are told, in place."""
    was = e[E_TOLD_HEAT] == 1.0
    by_fws = told(e[E_SUM_HEAT_FWS], UNBALANCED_LIMIT_S, was)
    e[E_TOLD_HEAT] = 1.0 if by_fws or told(e[E_SUM_HEAT_POWER], UNBALANCED_LIMIT_S, was) else 0.0
    e[E_TOLD_FLOW] = 1.0 if told(e[E_SUM_FLOW], FLOW_LIMIT_S, e[E_TOLD_FLOW] == 1.0) else 0.0
    e[E_TOLD_HEAD] = 1.0 if told(e[E_SUM_HEAD], HEAD_LIMIT_S, e[E_TOLD_HEAD] == 1.0) else 0.0
    e[E_TOLD_LEAK] = 1.0 if told(e[E_SUM_LEAK], SECONDS_PER_MINUTE * LEAK_LIMIT_L, e[E_TOLD_LEAK] == 1.0) else 0.0
    e[E_TOLD_BRANCH] = float(branch + 1)


def tell(e: FloatArray, flags: IntArray, details: IntArray) -> None:
    """Write what is so into a CDU's rows of the conditions."""
    flags[_FOULING] = e[E_FOR_FOULING_S] > 0.0
    flags[_BRANCH] = e[E_TOLD_BRANCH] > 0.0
    details[_BRANCH] = int(e[E_TOLD_BRANCH]) - 1
    flags[_FLOW] = e[E_TOLD_FLOW] == 1.0
    flags[_HEAT] = e[E_TOLD_HEAT] == 1.0
    flags[_AIR] = e[E_FOR_RIPPLE_S] > 0.0 or e[E_TOLD_HEAD] == 1.0
    flags[_LEAK] = e[E_TOLD_LEAK] == 1.0
    flags[_FACILITY] = e[E_FOR_FACILITY_S] > 0.0
    flags[_SECONDARY] = e[E_FOR_SECONDARY_S] > 0.0
    flags[_TCS_SWAP] = e[E_FOR_TCS_SWAP_S] > 0.0
    flags[_FWS_SWAP] = e[E_FOR_FWS_SWAP_S] > 0.0
    flags[_PRESSURE_SWAP] = e[E_FOR_PRESSURE_SWAP_S] > 0.0
    flags[_SCALE] = e[E_FOR_SCALE_S] > 0.0
    flags[_VALVE] = e[E_FOR_VALVE_S] > 0.0


def estimate_cdu(
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    y: IntArray,
    a: FloatArray,
    ep: FloatArray,
    ex: IntArray,
    e: FloatArray,
    b: FloatArray,
    value: FloatArray,
    quality: IntArray,
    flags: IntArray,
    details: IntArray,
    dt_s: float,
) -> None:
    """Estimate one CDU in place; all but ``y, a, value, quality`` are its own rows."""
    if math.isnan(e[E_FILM]):
        begin_filter(e, ep)
    take_readings(x, ex, e, value, quality, d[D_IMPLAUSIBLE] != 0.0, dt_s)
    dp_kpa = usable_reading(x[X_PV + PRESSURE], value, quality) if ep[EP_HAS_PRESSURE] == 1.0 else math.nan
    balance_heat(c, ep, e)
    check_pumps(c, ep, e, x, y, value, quality, dp_kpa, dt_s)
    judge_places(c, ep, e, d, x, y, value, quality, dp_kpa, dt_s)
    if d[D_IMPLAUSIBLE] == 0.0:
        follow_exchanger(c, e, dt_s)
        judge_heat(e, dt_s)
        judge_pumps(e, dt_s)
    else:  # one fault, one word: what is wrong by place or scale is off in every other comparison too
        e[E_SUM_HEAT_FWS] = e[E_SUM_HEAT_POWER] = e[E_SUM_FLOW] = e[E_SUM_HEAD] = 0.0
        e[E_HEAD_SHARE] = e[E_LOOP_K] = math.nan
    watch_flows(c, ep, e, d, x, y, a, value, quality, dt_s)
    watch_level(ep, ex, e, value, quality, dt_s)
    was = int(e[E_TOLD_BRANCH]) - 1
    branch = watch_branches(c, ep, e, b, x, ex, value, quality, dp_kpa, was, dt_s)
    e[E_FOR_FOULING_S] = persisting(e[E_FOR_FOULING_S], fouled(e), FOULED_S, FOULED_S, dt_s)
    e[E_FOR_RIPPLE_S] = persisting(e[E_FOR_RIPPLE_S], rippling(e), RIPPLE_ON_S, RIPPLE_OFF_S, dt_s)
    hold_told(e, branch)
    tell(e, flags, details)


def estimate(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Estimate every CDU that has a model; ``d`` (its ``D_IMPLAUSIBLE``), ``e``, ``eb`` and the conditions change."""
    for n in range(fixed.c.shape[0]):
        if fixed.ep[n, EP_WATCHED] == 1.0:
            estimate_cdu(
                fixed.c[n],
                memory.d[n],
                fixed.x[n],
                fixed.y,
                memory.a,
                fixed.ep[n],
                fixed.ex[n],
                memory.e[n],
                memory.eb[n],
                seen.value,
                seen.quality,
                result.conditions[n],
                result.details[n],
                dt_s,
            )


HELPERS: Final = (
    *EVIDENCE_HELPERS,
    *INPUT_HELPERS,
    *HEAT_HELPERS,
    *UA_HELPERS,
    *PUMP_HELPERS,
    *FLOW_HELPERS,
    *LEVEL_HELPERS,
    *PLACE_HELPERS,
    *BRANCH_HELPERS,
    baseline_ratio,
    fouled,
    rippling,
    hold_told,
    tell,
    estimate_cdu,
)
"""Every plain function ``estimate`` calls but those of the model law, callees before callers."""

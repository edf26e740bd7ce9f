"""Flow, pump speed and differential pressure against each other: two residuals that say which of them is wrong.

The pumps' curve gives one (head that is missing at the flow measured), the loop's own resistance the other. Air or a
low level changes the first alone, a blocked branch or a moved valve the second alone, a wrong flow sensor both
together. Each is compared with what it was, so that a data sheet 10 % off finds nothing.

Source of the curve: ``dp = n^2 H0 - a Q^2``, parallel pumps alike, affinity laws.
"""

import math
from typing import Final

from coolantd.control.actuators import reading_of
from coolantd.control.estimate_layout import (
    E_HEAD_BASE,
    E_HEAD_SHARE,
    E_HYDRAULIC_S,
    E_LOOP_K,
    E_LOOP_K_BASE,
    E_NOW,
    E_PRESSURE_KPA,
    E_PRESSURE_MOVE_KPA,
    E_PUMP_LPM,
    E_PUMPS_SPEAK,
    E_RIPPLE_KPA2,
    E_SUM_FLOW,
    E_SUM_HEAD,
    EP_CDU_LOSS,
    EP_PUMP_CURVE,
    EP_PUMP_HEAD_KPA,
    FLOW,
)
from coolantd.control.evidence import gathered
from coolantd.control.filters import lag
from coolantd.control.layout import C_MODEL_TCS_RATED_LPM, PUMPS_MAX, X_PUMP, Y_POSITION
from coolantd.point import FloatArray, IntArray

BRANCH_EXPONENT: Final = 1.85
"""Of flow in the pressure drop of cold plates and hoses (``plant.hydraulics``)."""
ALIKE_RATIO: Final = 0.95
"""Pumps whose speeds differ by less work as one; a slower one gives a share that the curve cannot say."""
IDLE_RATIO: Final = 0.3
"""A pump slower than this share of the fastest is shut off by its check valve."""
SPEED_MIN_PCT: Final = 20.0
CERTAIN_SHARE: Final = 0.1
"""Nearer to their shut-off head than this share of it, pumps say nothing of the flow."""
HYDRAULIC_S: Final = 2.0
"""Low-pass of both residuals: some readings, because flow lags speed by half a second."""
BASELINE_S: Final = 300.0
FOLLOW_S: Final = 86_400.0
"""Both baselines follow what changes over days: strainers, and racks that come and go."""
LOOP_FOLLOW_S: Final = 1800.0
"""The loop's follows sooner, for branch valves move."""
HEAD_SLACK: Final = 0.08
"""Missing head, as a share of the pumps': a curve 10 % off, with one pump instead of two, makes 0.06."""
HEAD_LIMIT_S: Final = 0.4
"""20 % of the head missing is told after 4 s and the low-pass."""
FLOW_SLACK: Final = 0.08
"""ln of a flow: sensors of 3 % and their scatter."""
FLOW_LIMIT_S: Final = 2.0
BOTH_RATIO: Final = 0.5
"""A flow sensor that is wrong shows in both residuals, the smaller at least half of the larger."""
RIPPLE_S: Final = 3.0


def shut_off_kpa(x: IntArray, y: IntArray, value: FloatArray, quality: IntArray, ep: FloatArray) -> float:
    """Return the head of the pumps at their measured speed without flow; NaN where the curve says nothing of them."""
    fastest = fastest_pct(x, y, value, quality)
    return ep[EP_PUMP_HEAD_KPA] * (0.01 * fastest) ** 2 if fastest >= SPEED_MIN_PCT else math.nan


def fastest_pct(x: IntArray, y: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return the speed of the fastest pump; NaN where any is unknown."""
    fastest = 0.0
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] < 0:
            break
        speed = reading_of(x[X_PUMP + k], Y_POSITION, y, value, quality)
        if not math.isfinite(speed):
            return math.nan
        fastest = max(fastest, speed)
    return fastest


def pumps_alike(x: IntArray, y: IntArray, value: FloatArray, quality: IntArray, fastest: float) -> int:
    """Return how many pumps share the flow evenly; 0 where one of them gives a share of its own."""
    count = 0
    for k in range(PUMPS_MAX):
        if x[X_PUMP + k] < 0:
            break
        ratio = reading_of(x[X_PUMP + k], Y_POSITION, y, value, quality) / fastest
        if ratio >= ALIKE_RATIO:
            count += 1
        elif not ratio < IDLE_RATIO:
            return 0
    return count


def settled(now: float, base: float, known_s: float, follow_s: float, dt_s: float) -> float:
    """Return a baseline: a mean while it is made, then followed slowly."""
    if not math.isfinite(base):
        return now
    return lag(base, now, min(known_s, BASELINE_S) if known_s < BASELINE_S else follow_s, dt_s)


def follow_ripple(e: FloatArray, dp_kpa: float, dt_s: float) -> None:
    """Measure the pressure's moves that are taken back at once, in place: air and a pump that loses its prime.

    A rise or fall that goes on, as after any order to the pumps, has moves of one sign and counts nothing.
    """
    move = dp_kpa - e[E_PRESSURE_KPA]
    back = -move * e[E_PRESSURE_MOVE_KPA]
    e[E_RIPPLE_KPA2] = lag(e[E_RIPPLE_KPA2], back, RIPPLE_S, dt_s) if math.isfinite(back) else 0.0
    e[E_PRESSURE_MOVE_KPA] = move
    e[E_PRESSURE_KPA] = dp_kpa


def check_pumps(
    c: FloatArray,
    ep: FloatArray,
    e: FloatArray,
    x: IntArray,
    y: IntArray,
    value: FloatArray,
    quality: IntArray,
    dp_kpa: float,
    dt_s: float,
) -> None:
    """Compare flow, speed and pressure, in place; nothing is learnt or suspected where they say nothing.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        ep: (ESTIMATE_PARAMETERS,).
        e: (ESTIMATE_STATE,) with readings taken.
        x: (CDU_INDICES,).
        y: (actuators, ACTUATOR_INDICES).
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        dp_kpa: differential pressure; NaN where it is unknown.
        dt_s: seconds since the last step.
    """
    follow_ripple(e, dp_kpa, dt_s)
    e[E_PUMP_LPM], e[E_PUMPS_SPEAK] = math.nan, 0.0
    flow = e[E_NOW + FLOW]
    head = shut_off_kpa(x, y, value, quality, ep)
    if not (math.isfinite(head) and dp_kpa > 0.0 and flow > 0.02 * c[C_MODEL_TCS_RATED_LPM]):
        return
    alike = pumps_alike(x, y, value, quality, fastest_pct(x, y, value, quality))
    if alike == 0:
        return
    curve = ep[EP_PUMP_CURVE] / (alike * alike) + ep[EP_CDU_LOSS]
    share = (head - dp_kpa - curve * flow * flow) / head
    base = e[E_HEAD_BASE] if math.isfinite(e[E_HEAD_BASE]) else 0.0
    left = head * (1.0 - base) - dp_kpa
    if left > CERTAIN_SHARE * head:
        e[E_PUMP_LPM] = math.sqrt(left / curve)
    e[E_PUMPS_SPEAK] = 1.0
    loop_k = math.log(dp_kpa) - BRANCH_EXPONENT * math.log(flow)
    known = math.isfinite(e[E_HEAD_SHARE])
    e[E_HEAD_SHARE] = lag(e[E_HEAD_SHARE], share, HYDRAULIC_S, dt_s) if known else share
    e[E_LOOP_K] = lag(e[E_LOOP_K], loop_k, HYDRAULIC_S, dt_s) if known else loop_k


def judge_pumps(e: FloatArray, dt_s: float) -> None:
    """Gather evidence from both residuals and let their baselines follow what is not suspected, in place."""
    flow = e[E_NOW + FLOW]
    if e[E_PUMPS_SPEAK] == 0.0:
        return
    missing = e[E_HEAD_SHARE] - e[E_HEAD_BASE] if math.isfinite(e[E_HEAD_BASE]) else 0.0
    by_loop = (e[E_LOOP_K_BASE] - e[E_LOOP_K]) / BRANCH_EXPONENT if math.isfinite(e[E_LOOP_K_BASE]) else 0.0
    by_pumps = math.log(flow / e[E_PUMP_LPM]) if math.isfinite(e[E_PUMP_LPM]) else 0.0
    less, more = min(abs(by_loop), abs(by_pumps)), max(abs(by_loop), abs(by_pumps))
    of_sensor = by_loop * by_pumps > 0.0 and less > BOTH_RATIO * more
    e[E_SUM_FLOW] = gathered(
        e[E_SUM_FLOW], math.copysign(less, by_loop) if of_sensor else 0.0, FLOW_SLACK, FLOW_LIMIT_S, dt_s
    )
    e[E_SUM_HEAD] = gathered(e[E_SUM_HEAD], 0.0 if of_sensor else max(missing, 0.0), HEAD_SLACK, HEAD_LIMIT_S, dt_s)
    if e[E_SUM_FLOW] == 0.0 and e[E_SUM_HEAD] == 0.0:
        e[E_HEAD_BASE] = settled(e[E_HEAD_SHARE], e[E_HEAD_BASE], e[E_HYDRAULIC_S], FOLLOW_S, dt_s)
        e[E_LOOP_K_BASE] = settled(e[E_LOOP_K], e[E_LOOP_K_BASE], e[E_HYDRAULIC_S], LOOP_FOLLOW_S, dt_s)
        e[E_HYDRAULIC_S] = min(e[E_HYDRAULIC_S] + dt_s, BASELINE_S)


HELPERS: Final = (
    fastest_pct,
    shut_off_kpa,
    pumps_alike,
    settled,
    follow_ripple,
    judge_pumps,
    check_pumps,
)
"""Every function above, callees before callers."""

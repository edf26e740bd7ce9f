"""The supply temperature by a model of the exchanger: a static inverse as feedforward, a learnt bias as feedback.

Each cycle the model says what the supply sensor should show for the valve where it is and the inputs as measured.
What it really shows less that, low-passed, is the bias: what the model does not know (its own errors, fouling, biased
sensors). The valve then goes where the inverse of the model puts a supply of setpoint less bias. This is internal
model control: the loop gain is that of the inverse, so it is scheduled with load, flow and facility water by itself;
nothing winds up, because the bias looks at where the valve is and not at where it should be; a wrong model is slower,
not unstable, while its slope is within a factor of three. Source of the form: Morari and Zafiriou, Robust Process
Control (1989), chapter 4.

Knows one CDU's rows. Never decides a mode, and never that its own inputs may be trusted longer than ``HELD_MAX_S``.
"""

import math
from typing import Final

from coolantd.control.exchanger_model import HELPERS as MODEL_HELPERS
from coolantd.control.exchanger_model import supply_model_c, valve_model_pct
from coolantd.control.layout import (
    C_MODEL_ACTUATOR_LAG_S,
    C_MODEL_DEADBAND_PCT,
    C_MODEL_EXCHANGER_L,
    C_MODEL_FWS_DP_KPA,
    C_MODEL_PIPE_L,
    C_MODEL_PLATE_LAG_S,
    C_MODEL_SENSOR_LAG_S,
    C_MODEL_TANK_L,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    C_MODEL_UA_KW_K,
    D_MODEL_BAD_S,
    D_MODEL_BIAS_K,
    D_MODEL_COLD_C,
    D_MODEL_COLD_CALM_C,
    D_MODEL_COLD_SLOW_C,
    D_MODEL_DP_KPA,
    D_MODEL_FREED_PCT,
    D_MODEL_FREEING_PCT,
    D_MODEL_OFFSET_PCT,
    D_MODEL_FLOW_LPM,
    D_MODEL_HEAT_KW,
    D_MODEL_HOT_C,
    D_MODEL_HOT_CALM_C,
    D_MODEL_HOT_SLOW_C,
    D_MODEL_READY,
    D_MODEL_SEEN_KPA,
    D_MODEL_SEEN_LPM,
    D_MODEL_SEEN_PCT,
    D_MODEL_SUPPLY_C,
    D_MODEL_STUCK_S,
    D_MODEL_TRIM_K,
    D_MODEL_VALVE_PCT,
    HEAT_STAGES,
    MODEL_INPUTS,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    POWER_POINTS_MAX,
    S_OUTPUT,
    X_MODEL,
    X_POWER,
)
from coolantd.control.pid import clip
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)
_GOOD: Final = int(Quality.GOOD)

HELD_MAX_S: Final = 5.0
"""A bad input is held this long, then the loop falls back to fixed gains: in 5 s a load step moves the return
temperature by about 3 K."""
BIAS_MAX_K: Final = 8.0
"""A bias beyond this is no longer an error of the model but another machine: fixed gains."""
BIAS_TIME_S: Final = 6.0
"""Low-pass of the bias: about twice the delay of actuator, sensor and cycle together, which leaves a gain margin of 3."""
BIAS_CALM_K: Final = 0.1
BIAS_CALM_RATIO: Final = 0.2
"""Differences inside this zone are taken in slower, down to this ratio: noise, and the stiction of a valve."""
CALM_RATIO: Final = 0.025
CALM_LEAST_K: Final = 0.08
CALM_S: Final = 4.0
"""Moves of an input inside this zone, a share of the coolant's own rise, are followed slowly: noise, and racks in step
with each other whose every move is soon taken back. A share of the rise is the same travel of the valve at any load."""
LEAD_ZONE_RATIO: Final = 4.0
"""The same for the lead, which is noisier."""
SLOPE_TIME_S: Final = 1.0
LEAD_EXTRA_S: Final = 0.0
TRIM_TIME_S: Final = 60.0
TRIM_CALM_K: Final = 0.1
TRIM_ERROR_MAX_K: Final = 1.0
TRIM_MAX_K: Final = 1.5
"""5 % of the stroke at full load: more than a position sensor may be off."""
STUCK_LEAST_PCT: Final = 0.4
STUCK_MAX_PCT: Final = 6.0
"""A valve at rest between these distances from its command is stuck; farther away it does not obey at all."""
STUCK_S: Final = 10.0
STUCK_ERROR_K: Final = 0.12
"""It is freed once it has been stuck this long and costs this much; not for its own sake."""
FREEING_PCT: Final = 3.0
"""Beyond the stiction of a valve in fair order (0.5 to 2 %)."""
FREEING_MAX_PCT: Final = 7.0
"""Beyond that of one due for repair; it costs a swing of half a kelvin."""
FREED_REST_S: Final = 8.0
"""After this the valve has come to rest again."""
FLOW_LEAST_LPM: Final = 1.0
"""Without flow there is no exchanger to invert."""
HORIZON_STEP_S: Final = 2.0
HORIZON_STEPS: Final = 12
"""24 s ahead: power reaches the exchanger within about 20 s at the least flow, and later heat needs no start now."""
AHEAD_K: Final = 0.1
"""The valve starts ahead of the heat if waiting would let the supply rise by more than this."""


def has_model(c: FloatArray) -> bool:
    """Return whether a CDU's parameters contain a model."""
    return math.isfinite(c[C_MODEL_UA_KW_K])


def lag(old: float, new: float, time_s: float, dt_s: float) -> float:
    """Return a first-order lag after ``dt_s``; stable for any step."""
    return old + (new - old) * dt_s / (time_s + dt_s)


def share_of(value: float, zone: float) -> float:
    """Return how much of a move counts: all of one beyond a zone, ever less of one inside it."""
    return min(1.0, (value / zone) ** 2)


def calmed(old: float, new: float, zone: float, time_s: float, dt_s: float) -> float:
    """Return a value that follows large moves at once and small ones slowly."""
    return old + (new - old) * max(share_of(new - old, zone), dt_s / (time_s + dt_s))


def take_inputs(c: FloatArray, d: FloatArray, x: IntArray, value: FloatArray, quality: IntArray, dt_s: float) -> bool:
    """Take the model's inputs into ``d``, a bad one's last good value in its place; return whether they may be used."""
    bad = False
    for k in range(MODEL_INPUTS):
        index = x[X_MODEL + k]
        if index < 0:
            d[D_MODEL_HOT_C + k] = c[C_MODEL_FWS_DP_KPA]  # only the pressure may be missing
        elif quality[index] == _BAD:
            bad = True
        else:
            d[D_MODEL_HOT_C + k] = value[index]
    bad = bad or not (d[D_MODEL_FLOW_LPM] > FLOW_LEAST_LPM and d[D_MODEL_DP_KPA] > 0.0)
    bad = bad or not d[D_MODEL_HOT_C] > d[D_MODEL_COLD_C]
    d[D_MODEL_BAD_S] = d[D_MODEL_BAD_S] + dt_s if bad else 0.0
    return not bad or (d[D_MODEL_READY] == 1.0 and d[D_MODEL_BAD_S] <= HELD_MAX_S)


def begin(c: FloatArray, d: FloatArray, pv: float, position_pct: float) -> None:
    """Start the model's states from the plant as it is, as if it were at rest."""
    d[D_MODEL_HOT_SLOW_C] = d[D_MODEL_HOT_CALM_C] = d[D_MODEL_HOT_C]
    d[D_MODEL_COLD_SLOW_C] = d[D_MODEL_COLD_CALM_C] = d[D_MODEL_COLD_C]
    d[D_MODEL_VALVE_PCT] = d[D_MODEL_SEEN_PCT] = position_pct
    d[D_MODEL_SEEN_LPM] = d[D_MODEL_FLOW_LPM]
    d[D_MODEL_SEEN_KPA] = d[D_MODEL_DP_KPA]
    d[D_MODEL_SUPPLY_C] = supply_model_c(
        c, position_pct, d[D_MODEL_HOT_C], d[D_MODEL_COLD_C], d[D_MODEL_FLOW_LPM], d[D_MODEL_DP_KPA]
    )
    d[D_MODEL_BIAS_K] = pv - d[D_MODEL_SUPPLY_C]
    d[D_MODEL_TRIM_K] = d[D_MODEL_STUCK_S] = d[D_MODEL_OFFSET_PCT] = 0.0
    d[D_MODEL_FREEING_PCT] = FREEING_PCT
    for k in range(HEAT_STAGES):
        d[D_MODEL_HEAT_KW + k] = math.nan
    d[D_MODEL_READY] = 1.0


def observe(c: FloatArray, d: FloatArray, pv: float, output_pct: float, position_pct: float, dt_s: float) -> None:
    """Compare the model with the supply sensor and learn the bias, in place.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        d: (CDU_STATE,) with inputs taken.
        pv: supply temperature.
        output_pct: what the valve was last told.
        position_pct: where it is measured; NaN where unknown, and the output behind the actuator's lag stands in.
        dt_s: seconds since the last step.
    """
    following = lag(d[D_MODEL_VALVE_PCT], output_pct, c[C_MODEL_ACTUATOR_LAG_S], dt_s)
    d[D_MODEL_VALVE_PCT] = position_pct if math.isfinite(position_pct) else following
    sensor_s = c[C_MODEL_SENSOR_LAG_S]
    d[D_MODEL_SEEN_PCT] = lag(d[D_MODEL_SEEN_PCT], d[D_MODEL_VALVE_PCT], sensor_s, dt_s)
    d[D_MODEL_SEEN_LPM] = lag(d[D_MODEL_SEEN_LPM], d[D_MODEL_FLOW_LPM], sensor_s, dt_s)
    d[D_MODEL_SEEN_KPA] = lag(d[D_MODEL_SEEN_KPA], d[D_MODEL_DP_KPA], sensor_s, dt_s)
    rest_c = supply_model_c(
        c, d[D_MODEL_SEEN_PCT], d[D_MODEL_HOT_C], d[D_MODEL_COLD_C], d[D_MODEL_SEEN_LPM], d[D_MODEL_SEEN_KPA]
    )
    exchanger_s = 60.0 * c[C_MODEL_EXCHANGER_L] / d[D_MODEL_FLOW_LPM]
    d[D_MODEL_SUPPLY_C] = lag(d[D_MODEL_SUPPLY_C], rest_c, exchanger_s, dt_s)
    missing_k = pv - d[D_MODEL_SUPPLY_C] - d[D_MODEL_BIAS_K]
    d[D_MODEL_BIAS_K] += missing_k * max(share_of(missing_k, BIAS_CALM_K), BIAS_CALM_RATIO) * dt_s / (BIAS_TIME_S + dt_s)


def ahead_of_sensor(
    d: FloatArray, measured_at: int, slow_at: int, calm_at: int, zone_k: float, lead_s: float, dt_s: float
) -> float:
    """Return an input temperature as it will be when the valve has moved: calmed, and led by its slope.

    Args:
        d: (CDU_STATE,), changed in place.
        measured_at: column of the measurement.
        slow_at: column of the same behind ``SLOPE_TIME_S``.
        calm_at: column of the same calmed.
        zone_k: moves inside it count ever less.
        lead_s: how far ahead.
        dt_s: seconds since the last step.
    """
    measured = d[measured_at]
    lead_k = lead_s * (measured - d[slow_at]) / (SLOPE_TIME_S + dt_s)
    d[slow_at] = lag(d[slow_at], measured, SLOPE_TIME_S, dt_s)
    d[calm_at] = calmed(d[calm_at], measured, zone_k, CALM_S, dt_s)
    return d[calm_at] + lead_k * share_of(lead_k, LEAD_ZONE_RATIO * zone_k)


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
    c: FloatArray, d: FloatArray, power_kw: float, target_c: float, hot_c: float, cold_c: float, p: FloatArray, now_pct: float
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
        if later_c > hot_c and supply_model_c(c, position, later_c, cold_c, flow_lpm, d[D_MODEL_DP_KPA]) > target_c + AHEAD_K:
            return True
    return False


def trim(d: FloatArray, error_k: float, following: bool, dt_s: float) -> None:
    """Take away slowly what the bias cannot see: a position that is measured a little off. Stands still while the valve
    is on its way or the error is large, for then something else is going on."""
    if following and abs(error_k) < TRIM_ERROR_MAX_K:
        size_k = max(abs(error_k) - TRIM_CALM_K, 0.0)
        moved = d[D_MODEL_TRIM_K] + math.copysign(size_k, error_k) * dt_s / TRIM_TIME_S
        d[D_MODEL_TRIM_K] = clip(moved, -TRIM_MAX_K, TRIM_MAX_K)


def free_valve(d: FloatArray, wanted: float, last: float, error_k: float, rate: float, dt_s: float) -> float:
    """Return where to send a valve that may be stuck: off in the other direction first, then where it is wanted.

    Stiction holds a resting stem until the command is some percent away. Waiting for an integral to get there makes a
    limit cycle; a short move the other way frees the stem, and it then goes all the way.

    Args:
        d: (CDU_STATE,), changed in place.
        wanted: position wanted, %.
        last: last output.
        error_k: supply less setpoint.
        rate: of the valve, %/s.
        dt_s: seconds since the last step.
    """
    if d[D_MODEL_STUCK_S] < 0.0:
        going = d[D_MODEL_STUCK_S] < -FREED_REST_S
        d[D_MODEL_STUCK_S] = min(d[D_MODEL_STUCK_S] + dt_s, 0.0)
        if d[D_MODEL_STUCK_S] < -FREED_REST_S:
            return d[D_MODEL_FREED_PCT]
        if going:
            stirred = abs(d[D_MODEL_VALVE_PCT] - d[D_MODEL_FREED_PCT]) < 0.5 * d[D_MODEL_FREEING_PCT]
            d[D_MODEL_FREEING_PCT] = FREEING_PCT if stirred else min(2.0 * d[D_MODEL_FREEING_PCT], FREEING_MAX_PCT)
            d[D_MODEL_FREED_PCT] = 1.0 if stirred else 0.0
        if d[D_MODEL_STUCK_S] == 0.0 and d[D_MODEL_FREED_PCT] == 1.0:
            d[D_MODEL_OFFSET_PCT] = clip(last - d[D_MODEL_VALVE_PCT], -STUCK_MAX_PCT, STUCK_MAX_PCT)
        return wanted
    away = last - d[D_MODEL_VALVE_PCT] - d[D_MODEL_OFFSET_PCT]
    stuck = STUCK_LEAST_PCT < abs(away) < STUCK_MAX_PCT and abs(wanted - last) < STUCK_LEAST_PCT
    d[D_MODEL_STUCK_S] = d[D_MODEL_STUCK_S] + dt_s if stuck else 0.0
    if d[D_MODEL_STUCK_S] > STUCK_S and abs(error_k) > STUCK_ERROR_K:
        d[D_MODEL_FREED_PCT] = d[D_MODEL_VALVE_PCT] - math.copysign(d[D_MODEL_FREEING_PCT], away)
        d[D_MODEL_STUCK_S] = -(FREED_REST_S + 1.0 + abs(d[D_MODEL_FREED_PCT] - last) / rate)
        return d[D_MODEL_FREED_PCT]
    return wanted


def model_output(
    p: FloatArray, s: FloatArray, c: FloatArray, d: FloatArray, setpoint: float, pv: float, power_kw: float, dt_s: float
) -> float:
    """Return the loop's next output in %, within its limits and rate; ``s`` and ``d`` change in place."""
    lead_s = c[C_MODEL_SENSOR_LAG_S] + c[C_MODEL_ACTUATOR_LAG_S] + LEAD_EXTRA_S + 0.5 * dt_s
    zone_k = max(CALM_LEAST_K, CALM_RATIO * (d[D_MODEL_HOT_C] - d[D_MODEL_SUPPLY_C]))
    hot_c = ahead_of_sensor(d, D_MODEL_HOT_C, D_MODEL_HOT_SLOW_C, D_MODEL_HOT_CALM_C, zone_k, lead_s, dt_s)
    cold_c = ahead_of_sensor(d, D_MODEL_COLD_C, D_MODEL_COLD_SLOW_C, D_MODEL_COLD_CALM_C, CALM_LEAST_K, lead_s, dt_s)
    target_c = setpoint - d[D_MODEL_BIAS_K] - d[D_MODEL_TRIM_K]
    wanted = valve_model_pct(c, target_c, hot_c, cold_c, d[D_MODEL_FLOW_LPM], d[D_MODEL_DP_KPA])
    step = p[P_OUTPUT_RATE] * dt_s
    last = s[S_OUTPUT]
    if math.isfinite(d[D_MODEL_HEAT_KW]) and must_start_now(c, d, power_kw, target_c, hot_c, cold_c, p, last):
        wanted = p[P_OUTPUT_MAX]  # as fast as it can; the next cycle looks again
    wanted = clip(wanted, p[P_OUTPUT_MIN], p[P_OUTPUT_MAX])
    wanted = free_valve(d, wanted, last, pv - setpoint, step / dt_s, dt_s)
    following = abs(wanted - last) <= step and abs(d[D_MODEL_STUCK_S]) <= dt_s
    trim(d, pv - setpoint, following, dt_s)
    if abs(wanted - last) <= c[C_MODEL_DEADBAND_PCT] and p[P_OUTPUT_MIN] < wanted < p[P_OUTPUT_MAX]:
        wanted = last
    s[S_OUTPUT] = clip(wanted, last - step, last + step)
    return s[S_OUTPUT]


def supply_step(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    x: IntArray,
    value: FloatArray,
    quality: IntArray,
    setpoint: float,
    pv: float,
    position_pct: float,
    drives: bool,
    dt_s: float,
) -> bool:
    """Let the model follow the plant for one cycle and, where it ``drives``, move the loop's output by it.

    Returns:
        Whether it moved the output; False leaves it to the fixed gains, in this and every mode.
    """
    usable = take_inputs(c, d, x, value, quality, dt_s)
    if not usable or not math.isfinite(pv + s[S_OUTPUT]):
        d[D_MODEL_READY] = 0.0
        return False
    power_kw = electric_power_kw(x, value, quality)
    if d[D_MODEL_READY] != 1.0:
        begin(c, d, pv, position_pct if math.isfinite(position_pct) else s[S_OUTPUT])
    else:
        observe(c, d, pv, s[S_OUTPUT], position_pct, dt_s)
    follow_heat(c, d, power_kw, dt_s)
    if not drives or abs(d[D_MODEL_BIAS_K]) > BIAS_MAX_K:
        return False
    model_output(p, s, c, d, setpoint, pv, power_kw, dt_s)
    return True


HELPERS: Final = (
    *MODEL_HELPERS,
    has_model,
    lag,
    share_of,
    calmed,
    take_inputs,
    begin,
    observe,
    ahead_of_sensor,
    electric_power_kw,
    stage_time_s,
    follow_heat,
    must_start_now,
    trim,
    free_valve,
    model_output,
    supply_step,
)
"""Every plain function above and what they call, callees before callers."""

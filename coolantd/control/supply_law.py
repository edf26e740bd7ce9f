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
from coolantd.control.filters import HELPERS as FILTER_HELPERS
from coolantd.control.filters import calmed, lag, share_of
from coolantd.control.heat_ahead import HELPERS as AHEAD_HELPERS
from coolantd.control.heat_ahead import electric_power_kw, follow_heat, must_start_now
from coolantd.control.layout import (
    C_MODEL_ACTUATOR_LAG_S,
    C_MODEL_DEADBAND_PCT,
    C_MODEL_EXCHANGER_L,
    C_MODEL_FWS_DP_KPA,
    C_MODEL_SENSOR_LAG_S,
    C_MODEL_UA_KW_K,
    D_MODEL_BAD_S,
    D_MODEL_BIAS_K,
    D_MODEL_COLD_C,
    D_MODEL_COLD_CALM_C,
    D_MODEL_COLD_SLOW_C,
    D_MODEL_DISTRUSTED,
    D_MODEL_DP_KPA,
    D_MODEL_FLOW_LPM,
    D_MODEL_FREEING_PCT,
    D_MODEL_HEAT_KW,
    D_MODEL_HOT_C,
    D_MODEL_HOT_CALM_C,
    D_MODEL_HOT_SLOW_C,
    D_MODEL_OFFSET_PCT,
    D_MODEL_READY,
    D_MODEL_SEEN_KPA,
    D_MODEL_SEEN_LPM,
    D_MODEL_SEEN_PCT,
    D_MODEL_STUCK_S,
    D_MODEL_SUPPLY_C,
    D_MODEL_TRIM_K,
    D_MODEL_TRUSTED,
    D_MODEL_VALVE_PCT,
    D_MODEL_WANTED_PCT,
    HEAT_STAGES,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    S_OUTPUT,
    X_MODEL,
)
from coolantd.control.pid import clip
from coolantd.control.stuck_valve import FREEING_PCT, WITHHELD_PCT, free_valve
from coolantd.point import FloatArray, IntArray, Quality

_BAD: Final = int(Quality.BAD)

HELD_MAX_S: Final = 5.0
"""A bad input is held this long, then the loop falls back to fixed gains: in 5 s a load step moves the return
temperature by about 3 K."""
BIAS_MAX_K: Final = 4.0
"""A bias beyond this is no error of the model but another machine: fixed gains, until it has fallen to half of it. An
exchanger 20 % and a valve 10 % smaller than the data sheet together make 2.5 K at full load."""
BIAS_TIME_S: Final = 6.0
"""Low-pass of the bias: about twice the delay of actuator, sensor and cycle together; leaves a gain margin of 3."""
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
TRIM_TIME_S: Final = 60.0
"""Ten times slower than the bias, so that the two do not meet."""
TRIM_CALM_K: Final = 0.1
TRIM_ERROR_MAX_K: Final = 1.0
TRIM_MAX_K: Final = 1.5
"""5 % of the stroke at full load: more than a position sensor may be off."""
FLOW_LEAST_LPM: Final = 1.0
PRESSURE_LEAST_KPA: Final = 0.1
"""Without flow there is no exchanger to invert."""


def has_model(c: FloatArray) -> bool:
    """Return whether a CDU's parameters contain a model."""
    return math.isfinite(c[C_MODEL_UA_KW_K])


def usable_reading(index: int, value: FloatArray, quality: IntArray) -> float:
    """Return a point's value, NaN where it is bad or there is none."""
    return value[index] if index >= 0 and quality[index] != _BAD else math.nan


def take_inputs(c: FloatArray, d: FloatArray, x: IntArray, value: FloatArray, quality: IntArray, dt_s: float) -> bool:
    """Take the model's inputs into ``d`` and return whether they may be used.

    The last good one stays in place of one that is bad or makes no exchanger: no flow, no pressure, or facility water
    warmer than the coolant.
    """
    hot_c = usable_reading(x[X_MODEL], value, quality)
    cold_c = usable_reading(x[X_MODEL + 1], value, quality)
    flow_lpm = usable_reading(x[X_MODEL + 2], value, quality)
    dp_kpa = usable_reading(x[X_MODEL + 3], value, quality) if x[X_MODEL + 3] >= 0 else c[C_MODEL_FWS_DP_KPA]
    temps, flow, pressure = hot_c > cold_c, flow_lpm > FLOW_LEAST_LPM, dp_kpa > PRESSURE_LEAST_KPA
    if temps:
        d[D_MODEL_HOT_C], d[D_MODEL_COLD_C] = hot_c, cold_c
    if flow:
        d[D_MODEL_FLOW_LPM] = flow_lpm
    if pressure:
        d[D_MODEL_DP_KPA] = dp_kpa
    good = temps and flow and pressure
    d[D_MODEL_BAD_S] = 0.0 if good else d[D_MODEL_BAD_S] + dt_s
    return good or (d[D_MODEL_READY] != 0.0 and d[D_MODEL_BAD_S] <= HELD_MAX_S)


def trusted(d: FloatArray) -> bool:
    """Return whether the model may move the valve: not while its bias says that it describes another machine."""
    size_k = abs(d[D_MODEL_BIAS_K])
    if size_k > BIAS_MAX_K:
        d[D_MODEL_READY] = D_MODEL_DISTRUSTED
    elif size_k < 0.5 * BIAS_MAX_K:
        d[D_MODEL_READY] = D_MODEL_TRUSTED
    return d[D_MODEL_READY] == D_MODEL_TRUSTED


def begin(c: FloatArray, d: FloatArray, pv: float, position_pct: float) -> None:
    """Start the model's states from the plant as it is, as if it were at rest."""
    rest(d)
    d[D_MODEL_VALVE_PCT] = d[D_MODEL_SEEN_PCT] = position_pct
    d[D_MODEL_SEEN_LPM] = d[D_MODEL_FLOW_LPM]
    d[D_MODEL_SEEN_KPA] = d[D_MODEL_DP_KPA]
    d[D_MODEL_SUPPLY_C] = supply_model_c(
        c, position_pct, d[D_MODEL_HOT_C], d[D_MODEL_COLD_C], d[D_MODEL_FLOW_LPM], d[D_MODEL_DP_KPA]
    )
    d[D_MODEL_BIAS_K] = pv - d[D_MODEL_SUPPLY_C]
    d[D_MODEL_TRIM_K] = d[D_MODEL_OFFSET_PCT] = 0.0
    d[D_MODEL_FREEING_PCT] = FREEING_PCT
    for k in range(HEAT_STAGES):
        d[D_MODEL_HEAT_KW + k] = math.nan
    d[D_MODEL_READY] = D_MODEL_TRUSTED


def rest(d: FloatArray) -> None:
    """Forget what was under way while others move the valve, so that nothing old moves it when it comes back."""
    d[D_MODEL_HOT_SLOW_C] = d[D_MODEL_HOT_CALM_C] = d[D_MODEL_HOT_C]
    d[D_MODEL_COLD_SLOW_C] = d[D_MODEL_COLD_CALM_C] = d[D_MODEL_COLD_C]
    d[D_MODEL_STUCK_S] = 0.0


def observe(c: FloatArray, d: FloatArray, pv: float, told_pct: float, position_pct: float, dt_s: float) -> None:
    """Compare the model with the supply sensor and learn the bias, in place.

    Args:
        c: (CDU_PARAMETERS,) with a model.
        d: (CDU_STATE,) with inputs taken.
        pv: supply temperature.
        told_pct: what the valve was last told.
        position_pct: where it is measured; NaN where unknown, and what it was told behind the actuator's lag stands in.
        dt_s: seconds since the last step.
    """
    following = lag(d[D_MODEL_VALVE_PCT], told_pct, c[C_MODEL_ACTUATOR_LAG_S], dt_s)
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
    d[D_MODEL_BIAS_K] += (
        missing_k * max(share_of(missing_k, BIAS_CALM_K), BIAS_CALM_RATIO) * dt_s / (BIAS_TIME_S + dt_s)
    )


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


def trim(d: FloatArray, error_k: float, following: bool, dt_s: float) -> None:
    """Take away slowly what the bias cannot see: a position that is measured a little off.

    Stands still while the valve is on its way or the error is large, for then something else is going on.
    """
    if following and abs(error_k) < TRIM_ERROR_MAX_K:
        size_k = max(abs(error_k) - TRIM_CALM_K, 0.0)
        moved = d[D_MODEL_TRIM_K] + math.copysign(size_k, error_k) * dt_s / TRIM_TIME_S
        d[D_MODEL_TRIM_K] = clip(moved, -TRIM_MAX_K, TRIM_MAX_K)


def model_output(
    p: FloatArray,
    s: FloatArray,
    c: FloatArray,
    d: FloatArray,
    setpoint: float,
    pv: float,
    power_kw: float,
    told_pct: float,
    dt_s: float,
) -> float:
    """Return the loop's next output in %, within its limits and rate; ``s`` and ``d`` change in place."""
    lead_s = c[C_MODEL_SENSOR_LAG_S] + c[C_MODEL_ACTUATOR_LAG_S] + 0.5 * dt_s
    zone_k = max(CALM_LEAST_K, CALM_RATIO * (d[D_MODEL_HOT_C] - d[D_MODEL_SUPPLY_C]))
    hot_c = ahead_of_sensor(d, D_MODEL_HOT_C, D_MODEL_HOT_SLOW_C, D_MODEL_HOT_CALM_C, zone_k, lead_s, dt_s)
    cold_c = ahead_of_sensor(d, D_MODEL_COLD_C, D_MODEL_COLD_SLOW_C, D_MODEL_COLD_CALM_C, CALM_LEAST_K, lead_s, dt_s)
    target_c = setpoint - d[D_MODEL_BIAS_K] - d[D_MODEL_TRIM_K]
    wanted = valve_model_pct(c, target_c, hot_c, cold_c, d[D_MODEL_FLOW_LPM], d[D_MODEL_DP_KPA])
    d[D_MODEL_WANTED_PCT] = wanted
    step = p[P_OUTPUT_RATE] * dt_s
    last = s[S_OUTPUT]
    if math.isfinite(d[D_MODEL_HEAT_KW]) and must_start_now(c, d, power_kw, target_c, hot_c, cold_c, p, last):
        wanted = p[P_OUTPUT_MAX]  # as fast as it can; the next cycle looks again
    wanted = clip(wanted, p[P_OUTPUT_MIN], p[P_OUTPUT_MAX])
    wanted = free_valve(d, wanted, last, told_pct, c[C_MODEL_DEADBAND_PCT], pv - setpoint, step / dt_s, dt_s)
    following = abs(wanted - last) <= step and abs(told_pct - last) <= WITHHELD_PCT and abs(d[D_MODEL_STUCK_S]) <= dt_s
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
    held_pct: float,
    drives: bool,
    dt_s: float,
) -> bool:
    """Let the model follow the plant for one cycle and, where it ``drives``, move the loop's output by it.

    The bias goes on being learnt from the measured position whoever moves the valve. ``held_pct`` is what its setpoint
    register holds, NaN where it has none: a writer may hold writes back, and then the valve was told that.

    Returns:
        Whether it moved the output; False leaves it to the fixed gains, in this and every mode.
    """
    usable = take_inputs(c, d, x, value, quality, dt_s)
    if not usable or not math.isfinite(pv + s[S_OUTPUT]):
        d[D_MODEL_READY] = 0.0
        return False
    power_kw = electric_power_kw(x, value, quality)
    told_pct = held_pct if math.isfinite(held_pct) else s[S_OUTPUT]
    if d[D_MODEL_READY] == 0.0:
        begin(c, d, pv, position_pct if math.isfinite(position_pct) else s[S_OUTPUT])
    else:
        observe(c, d, pv, told_pct, position_pct, dt_s)
    follow_heat(c, d, power_kw, dt_s)
    if not trusted(d) or not drives:
        rest(d)
        target_c = setpoint - d[D_MODEL_BIAS_K] - d[D_MODEL_TRIM_K]
        d[D_MODEL_WANTED_PCT] = valve_model_pct(
            c, target_c, d[D_MODEL_HOT_C], d[D_MODEL_COLD_C], d[D_MODEL_FLOW_LPM], d[D_MODEL_DP_KPA]
        )
        return False
    model_output(p, s, c, d, setpoint, pv, power_kw, told_pct, dt_s)
    return True


HELPERS: Final = (
    *FILTER_HELPERS,
    *MODEL_HELPERS,
    *AHEAD_HELPERS,
    free_valve,
    has_model,
    usable_reading,
    take_inputs,
    trusted,
    rest,
    begin,
    observe,
    ahead_of_sensor,
    trim,
    model_output,
    supply_step,
)
"""Every plain function above and what they call, callees before callers."""

"""The regulatory law: a PID with two degrees of freedom, once, for every loop. Plain arithmetic, compiled by kernels.

ISA standard form, discrete, after Astrom and Hagglund, Advanced PID Control (2006):
derivative on the filtered measurement, back-calculation against the *achieved* output, rate limit, measured dt.
NaN never enters the state: a bad process variable holds the output (see ``track``).
"""

from coolantd.control.layout import (
    P_ACTION,
    P_DERIVATIVE_TIME_S,
    P_FILTER_RATIO,
    P_GAIN,
    P_INTEGRAL_TIME_S,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    P_SETPOINT_WEIGHT,
    P_TRACKING_TIME_S,
    S_FILTERED,
    S_GAIN_USED,
    S_INTEGRAL,
    S_OUTPUT,
    S_WEIGHT_USED,
)
from coolantd.point import FloatArray


def clip(value: float, low: float, high: float) -> float:
    """Return value within [low, high]; NaN gives ``low``, the comparison order makes it so (FM-16)."""
    if not value >= low:
        return low
    if value > high:
        return high
    return value


def at_least(value: float, low: float) -> float:
    """Return the greater of two; NaN counts as smaller than anything (FM-16)."""
    if value >= low or not low >= low:  # noqa: PLR0124 - the comparison with itself is the NaN test
        return value
    return low


def track(p: FloatArray, s: FloatArray, setpoint: float, measured: float, feedforward: float, output: float) -> None:
    """Take ``output`` as the loop's own, so that the next ``pid_step`` starts from it without a bump.

    Subtracts *all* other terms from the output, not the proportional one alone.

    Args:
        p: (LOOP_PARAMETERS,) parameters.
        s: (LOOP_STATE,) state, changed in place.
        setpoint: setpoint in force, unit of the process variable.
        measured: process variable, finite.
        feedforward: feedforward term, %.
        output: output to adopt, %.
    """
    s[S_OUTPUT] = output
    s[S_FILTERED] = measured
    proportional = p[P_GAIN] * p[P_ACTION] * (p[P_SETPOINT_WEIGHT] * setpoint - measured)
    s[S_INTEGRAL] = output - feedforward - proportional
    s[S_GAIN_USED] = p[P_GAIN]
    s[S_WEIGHT_USED] = p[P_SETPOINT_WEIGHT]


def absorb_parameter_change(p: FloatArray, s: FloatArray, setpoint: float, measured: float) -> None:
    """Move the difference that new gains would make into the integral, so that a change of gains is bumpless."""
    if p[P_GAIN] == s[S_GAIN_USED] and p[P_SETPOINT_WEIGHT] == s[S_WEIGHT_USED]:
        return
    before = s[S_GAIN_USED] * (s[S_WEIGHT_USED] * setpoint - measured)
    after = p[P_GAIN] * (p[P_SETPOINT_WEIGHT] * setpoint - measured)
    s[S_INTEGRAL] += p[P_ACTION] * (before - after)
    s[S_GAIN_USED] = p[P_GAIN]
    s[S_WEIGHT_USED] = p[P_SETPOINT_WEIGHT]


def pid_step(
    p: FloatArray,
    s: FloatArray,
    setpoint: float,
    measured: float,
    feedforward: float,
    reach_low: float,
    reach_high: float,
    dt_s: float,
) -> float:
    """Advance one loop by one cycle and return its output in %.

    Args:
        p: (LOOP_PARAMETERS,) parameters.
        s: (LOOP_STATE,) state, changed in place.
        setpoint: setpoint in force, unit of the process variable.
        measured: process variable, finite.
        feedforward: feedforward term, %.
        reach_low: least output that the actuator can be taken to achieve now, %.
        reach_high: greatest output that the actuator can be taken to achieve now, %. Outside this band the
            integral is pulled back: an actuator that does not follow cannot wind it up (FM-55).
        dt_s: measured seconds since the last step, > 0.

    Source: Astrom and Hagglund as above; worked regression vectors are in the tests.
    """
    absorb_parameter_change(p, s, setpoint, measured)
    gain = p[P_GAIN] * p[P_ACTION]
    derivative_time_s = p[P_DERIVATIVE_TIME_S]
    filtered = s[S_FILTERED] + (measured - s[S_FILTERED]) * dt_s / (derivative_time_s / p[P_FILTER_RATIO] + dt_s)
    derivative = -gain * derivative_time_s * (filtered - s[S_FILTERED]) / dt_s
    demand = gain * (p[P_SETPOINT_WEIGHT] * setpoint - measured) + s[S_INTEGRAL] + derivative + feedforward
    output = clip(demand, p[P_OUTPUT_MIN], p[P_OUTPUT_MAX])
    step = p[P_OUTPUT_RATE] * dt_s
    output = clip(output, s[S_OUTPUT] - step, s[S_OUTPUT] + step)
    achieved = clip(output, reach_low, reach_high)
    s[S_INTEGRAL] += dt_s * (
        gain * (setpoint - measured) / p[P_INTEGRAL_TIME_S] + (achieved - demand) / p[P_TRACKING_TIME_S]
    )
    s[S_FILTERED] = filtered
    s[S_OUTPUT] = output
    return output

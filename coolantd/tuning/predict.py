"""What a pair of gains will do after a disturbance, with the law that the daemon itself runs. Pure simulation."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.layout import (
    LOOP_PARAMETERS,
    LOOP_STATE,
    P_ACTION,
    P_FILTER_RATIO,
    P_GAIN,
    P_INTEGRAL_TIME_S,
    P_OUTPUT_MAX,
    P_OUTPUT_MIN,
    P_OUTPUT_RATE,
    P_SETPOINT_WEIGHT,
    P_TRACKING_TIME_S,
)
from coolantd.control.pid import pid_step, track
from coolantd.point import FloatArray
from coolantd.tuning.process import Process
from coolantd.tuning.simc import Gains

AT_REST_PCT: Final = 50.0
SETTLED_RATIO: Final = 0.1
"""Settled: within this share of the peak that the present gains leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """After a disturbance worth some per cent of the output.

    Attributes:
        time_s, deviation: (samples,) of the process variable.
        output_pct: (samples,) moves of the output.
        peak: largest deviation. integral: of its size over time.
    """

    time_s: FloatArray
    deviation: FloatArray
    output_pct: FloatArray
    peak: float
    integral: float


def predict(
    process: Process, gains: Gains, *, period_s: float, rate_pct_per_s: float, disturbance_pct: float, duration_s: float
) -> Prediction:
    """Return what a loop does after its plant's input is pushed by a disturbance and stays so.

    Args:
        process: the identified plant.
        gains: of the loop.
        period_s: of the control cycle.
        rate_pct_per_s: at which the output may move.
        disturbance_pct: what the output has to make up for.
        duration_s: how long to look.
    """
    p, s = np.zeros(LOOP_PARAMETERS), np.zeros(LOOP_STATE)
    p[P_GAIN], p[P_INTEGRAL_TIME_S], p[P_TRACKING_TIME_S] = gains.gain, gains.integral_time_s, gains.integral_time_s
    p[P_ACTION], p[P_FILTER_RATIO], p[P_SETPOINT_WEIGHT] = np.sign(process.gain), 8.0, 1.0
    p[P_OUTPUT_MIN], p[P_OUTPUT_MAX], p[P_OUTPUT_RATE] = 0.0, 2.0 * AT_REST_PCT, rate_pct_per_s
    track(p, s, 0.0, 0.0, 0.0, AT_REST_PCT)
    count, whole = round(duration_s / period_s), round(process.delay_s / period_s)
    decay, slow_decay = np.exp(-period_s / process.fast_s), np.exp(-period_s / process.slow_s)
    fast = slow = 0.0
    later = round(process.loop_s / period_s)
    pushed, deviation = np.zeros(count + whole + 1), np.zeros(count)
    output_pct = np.zeros(count)
    for k in range(count):
        deviation[k] = process.gain * (process.fast_ratio * fast + (1.0 - process.fast_ratio) * slow)
        output_pct[k] = pid_step(p, s, 0.0, deviation[k], 0.0, -np.inf, np.inf, period_s) - AT_REST_PCT
        pushed[k + whole] = output_pct[k] + disturbance_pct
        fast = decay * fast + (1.0 - decay) * pushed[k]
        slow = slow_decay * slow + (1.0 - slow_decay) * (pushed[k - later] if k >= later else 0.0)
    return Prediction(
        time_s=period_s * np.arange(count, dtype=np.float64),
        deviation=deviation,
        output_pct=output_pct,
        peak=float(np.abs(deviation).max()),
        integral=float(np.abs(deviation).sum() * period_s),
    )

"""A loop's plant as tuning sees it: two ways, fast and slow, behind a lag and a dead time; its answer to an input.

A valve cools what passes the exchanger within seconds, and what comes back from the racks once more, pass after pass:
two lags side by side. Actuator and sensor lag in common. A plant with one way has all of its gain on the fast one.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from coolantd.point import FloatArray

ComplexArray = np.ndarray[tuple[int, ...], np.dtype[np.complex128]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """``gain (r / (fast_s s + 1) + (1 - r) e^(-loop_s s) / (slow_s s + 1)) e^(-delay_s s) / (common_s s + 1)``.

    Attributes:
        gain: unit of the process variable per %, at rest; its sign is that of the action.
        fast_ratio: r, the share of it that comes the fast way, 0 to 1.
        fast_s: lag of the fast way, above 0.
        slow_s: lag of the slow one, and loop_s: how much later it begins, once round the loop; 0 or more.
        common_s: lag of both, 0 or more.
        delay_s: 0 or more.
    """

    gain: float
    fast_ratio: float
    fast_s: float
    slow_s: float
    loop_s: float
    common_s: float
    delay_s: float

    def at(self, omega: FloatArray) -> ComplexArray:
        """Return the frequency response at angular frequencies in rad/s."""
        s = 1j * omega
        ways = self.fast_ratio / (self.fast_s * s + 1.0) + (1.0 - self.fast_ratio) * np.exp(-s * self.loop_s) / (
            self.slow_s * s + 1.0
        )
        return np.asarray(self.gain * ways * np.exp(-s * self.delay_s) / (self.common_s * s + 1.0))

    def answer(self, moves: FloatArray, period_s: float) -> FloatArray:
        """Return the process variable's moves, from rest, for an input that holds from sample to sample."""
        fast = lag_response(self.fast_s, self.delay_s, moves, period_s)
        slow = lag_response(self.slow_s, self.delay_s + self.loop_s, moves, period_s)
        ways = self.gain * (self.fast_ratio * fast + (1.0 - self.fast_ratio) * slow)
        return ways if self.common_s < 1e-3 * period_s else ramp_response(self.common_s, ways, period_s)


def lag_response(lag_s: float, delay_s: float, moves: FloatArray, period_s: float) -> FloatArray:
    """Return what a lag and a dead time of gain 1 make of an input, from rest; exact for one that holds.

    Args:
        lag_s: above 0.
        delay_s: 0 or more; need be no whole number of periods.
        moves: (samples,) input less what it was at rest; ``moves[k]`` holds from k to k + 1.
        period_s: of the samples.
    """
    whole, part = divmod(delay_s / period_s, 1.0)
    late = np.concatenate([np.zeros(int(whole)), moves])[: moves.size]
    early, rest = math.exp(-part * period_s / lag_s), math.exp(-(1.0 - part) * period_s / lag_s)
    # One sample on: what was decided at k shows at k + 1 at the soonest.
    return np.asarray(lfilter([0.0, 1.0 - rest, (1.0 - early) * rest], [1.0, -early * rest], late))


def ramp_response(lag_s: float, line: FloatArray, period_s: float) -> FloatArray:
    """Return what a lag makes of an input that goes straight from sample to sample, from rest."""
    decay, share = math.exp(-period_s / lag_s), lag_s / period_s
    return np.asarray(lfilter([1.0 - share * (1.0 - decay), share * (1.0 - decay) - decay], [1.0, -decay], line))

"""Gains of a PI loop from its plant, and the margins they leave.

SIMC: S. Skogestad, Simple analytic rules for model reduction and PID controller tuning, J. Process Control 13 (2003).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.point import FloatArray
from coolantd.tuning.process import ComplexArray, Process

MS_MAX: Final = 1.7
"""Largest peak of the sensitivity that gains are allowed: SIMC's own tight setting has 1.6 to 1.7 (2003, table 1)."""
NOISE_MAX_PCT: Final = 0.3
"""Standard deviation of the output that noise may cause: what a valve's deadband swallows."""
SLOWER_RATIO: Final = 1.15
SLOWER_MAX: Final = 40
OMEGA: Final = np.logspace(-4.0, 1.0, 1200)
"""rad/s: from an hour's swing to beyond the cycle's own half frequency."""
MATCH_DEG: Final = -135.0
"""Where the reduced plant agrees with the whole one: a PI loop with 45 to 60 degrees of margin crosses about here."""
PI_GRID: Final = 41
BISECTIONS: Final = 30
UNLIMITED_DB: Final = 60.0
"""A gain margin beyond this is said to be this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Of a PI loop: ``gain`` in % per unit of the process variable, above 0."""

    gain: float
    integral_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How far a loop is from the edge.

    Attributes:
        gain_db: by how much its gain may rise.
        phase_deg: what the phase may still lose where the gain is 1.
        ms: peak of the sensitivity, above 1; up to 1.7 is calm, 2 the usual limit.
        crossover_s: 1 / angular frequency where the gain is 1.
    """

    gain_db: float
    phase_deg: float
    ms: float
    crossover_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOrder:
    """A plant of one lag and a dead time, with everything small added to the dead time."""

    gain: float
    tau_s: float
    delay_s: float


def reduced(process: Process, period_s: float) -> FirstOrder:
    """Return the plant of one lag and a dead time that gains are computed for; ``period_s`` as for ``margins``.

    It has the same gain at rest and the same answer, size and phase, where the phase has fallen to ``MATCH_DEG``: where
    the loop will have its crossover. The half period for which an output holds between two cycles is part of the dead
    time.
    """
    answer = process.at(OMEGA) * np.exp(-0.5j * period_s * OMEGA) / process.gain
    phase_deg = np.degrees(np.unwrap(np.angle(answer)))
    at = int(np.flatnonzero(phase_deg <= MATCH_DEG)[0]) if (phase_deg <= MATCH_DEG).any() else OMEGA.size - 1
    omega, size = float(OMEGA[at]), min(float(np.abs(answer[at])), 1.0)
    tau_s = math.sqrt(1.0 / size**2 - 1.0) / omega
    delay_s = (-math.radians(float(phase_deg[at])) - math.atan(tau_s * omega)) / omega
    return FirstOrder(gain=abs(process.gain), tau_s=max(tau_s, period_s), delay_s=max(delay_s, period_s))


def simc(plant: FirstOrder, tau_c_s: float) -> Gains:
    """Return SIMC's gains for a wanted closed-loop time constant."""
    horizon_s = tau_c_s + plant.delay_s
    return Gains(gain=plant.tau_s / (plant.gain * horizon_s), integral_time_s=min(plant.tau_s, 4.0 * horizon_s))


def tuned(process: Process, period_s: float, noise: float = 0.0) -> Gains:
    """Return SIMC's tight gains (wanted time constant = dead time), made slower until they are calm enough.

    Calm: the margins are kept, and noise of the process variable does not move the actuator all the time.
    """
    plant = reduced(process, period_s)
    tau_c_s = plant.delay_s
    for _ in range(SLOWER_MAX):
        gains = simc(plant, tau_c_s)
        if margins(process, gains, period_s).ms <= MS_MAX and gains.gain * noise <= NOISE_MAX_PCT:
            break
        tau_c_s *= SLOWER_RATIO
    return gains


def margins(process: Process, gains: Gains, period_s: float) -> Margins:
    """Return the margins of a loop.

    Args:
        process: from an output to the reading that shows it.
        gains: of the loop.
        period_s: of the control cycle and of the readings' poll together: an output holds for half of the one on the
            average before it is changed, and a reading is half of the other old when it is used. Both are dead time.
    """
    loop = open_loop(process, gains, period_s, OMEGA)
    size, phase_deg = np.abs(loop), np.degrees(np.unwrap(np.angle(loop)))
    ms = _peak(loop)
    crossing = np.flatnonzero((size[:-1] >= 1.0) & (size[1:] < 1.0))
    turning = np.flatnonzero((phase_deg[:-1] >= -180.0) & (phase_deg[1:] < -180.0))
    gain_db = UNLIMITED_DB if not turning.size else min(-20.0 * math.log10(size[turning].max()), UNLIMITED_DB)
    if not crossing.size:
        return Margins(gain_db=gain_db, phase_deg=float("nan"), ms=ms, crossover_s=float("nan"))
    at = crossing[-1]
    return Margins(gain_db=gain_db, phase_deg=180.0 + float(phase_deg[at]), ms=ms, crossover_s=1.0 / float(OMEGA[at]))


def safest(processes: Sequence[Process], period_s: float, noise: float = 0.0) -> Gains:
    """Return one pair of gains for the same loop at several loads.

    The smallest integral of the deviation after a disturbance (``integral_time_s / gain``, the same at every load)
    that keeps ``MS_MAX`` at each of them. For one plant these are its own gains.

    Args:
        processes: 1 or more.
        period_s: of the control cycle.
        noise: standard deviation of the process variable's.
    """
    own = [tuned(process, period_s, noise) for process in processes]
    if len(own) == 1:
        return own[0]
    low = min(each.integral_time_s for each in own)  # below it the loop is all integral, and its peaks grow
    high = 4.0 * max(each.integral_time_s for each in own)
    found = []
    for integral_time_s in np.geomspace(low, high, PI_GRID):
        gain = _largest_gain(processes, float(integral_time_s), min(each.gain for each in own), period_s)
        if gain > 0.0:
            found.append(Gains(gain=gain, integral_time_s=float(integral_time_s)))
    if not found:
        return Gains(gain=min(each.gain for each in own), integral_time_s=high)
    return min(found, key=lambda each: each.integral_time_s / each.gain)


def _largest_gain(processes: Sequence[Process], integral_time_s: float, upper: float, period_s: float) -> float:
    def calm(gain: float) -> bool:
        gains = Gains(gain=gain, integral_time_s=integral_time_s)
        return all(_peak(open_loop(each, gains, period_s, OMEGA)) <= MS_MAX for each in processes)

    # The peak is not monotone (a slow plant wants more gain for the same integral time), so look from above.
    for gain in np.geomspace(upper, 0.01 * upper, BISECTIONS):
        if calm(float(gain)):
            return float(gain)
    return 0.0


def _peak(loop: ComplexArray) -> float:
    """Return the peak of the sensitivity; infinite for a loop that is not stable, whose response may well look calm.

    The plant alone is stable, so the loop is if its response passes -1 on the right: size below 1 at -180 degrees.
    """
    phase_deg = np.degrees(np.unwrap(np.angle(loop)))
    late = np.flatnonzero(phase_deg < -180.0)
    if late.size and np.abs(loop[late]).max() >= 1.0:
        return math.inf
    return float((1.0 / np.abs(1.0 + loop)).max())


def open_loop(process: Process, gains: Gains, period_s: float, omega: FloatArray) -> ComplexArray:
    """Return the response of controller and plant together at angular frequencies in rad/s; the edge is at -1."""
    s = 1j * omega
    controller = gains.gain * (1.0 + 1.0 / (s * gains.integral_time_s)) * np.exp(-0.5 * period_s * s)
    return np.asarray(controller * process.at(omega) * np.sign(process.gain))

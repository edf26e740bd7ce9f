"""The plant of a loop from the readings of a step test: least squares over what its input and output did.

Gain, offset and drift follow from lags, shares and dead time by linear least squares, so only six numbers are searched
for. Knows the trace's columns; judges how far the answer can be believed, and decides nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import least_squares

from coolantd.point import FloatArray
from coolantd.tuning.process import Process
from coolantd.tuning.trace import Trace

DELAY_MAX_S: Final = 30.0
FAST_MIN_S: Final = 0.05
FAST_MAX_S: Final = 120.0
COMMON_MAX_S: Final = 15.0
LOOP_MAX_S: Final = 60.0
"""A loop of half a minute is the largest in public data."""
SLOWER_MIN: Final = 1.5
SLOWER_MAX: Final = 40.0
"""Slow way over fast one: a loop of water passes its exchanger three to forty times slower than the water."""
STARTS: Final = ((0.8, 0.5), (5.0, 2.0), (15.0, 3.0))
"""(fast lag, dead time) in seconds that the search starts from; the best end counts."""
ONE_WAY: Final = (1, 2, 5)
"""What a plant with one way has not: a slow lag, a share of it and a loop."""
HAIR: Final = 1e-6
"""Width of a range that leaves no choice; the search takes none of width 0."""
DRIFT_RATIO: Final = 0.1
"""A drift by this share of the output's span over the test is taken for likely; more only if the readings insist."""
BELIEVED_RATIO: Final = 0.75
"""Below this share of the output's movement explained the answer is not used."""
ERROR_MAX_RATIO: Final = 0.3
"""Of the answer's size at the frequency that decides the gains."""
LIKELY: Final = (1.0, 1.0, 0.5, 2.0, 2.0, 10.0)
"""Standard deviations of what is searched for before anything was read, in the order of the search. Without them two
lags that the readings cannot tell apart (a drive's and a sensor's, both shorter than a poll) would make an answer that
is known to some per cent look as if nothing were known of it."""
DECIDES: Final = 2.0
"""That frequency, about: 1 / (this x (fast lag + dead time))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A plant and how well it is known.

    Attributes:
        fit_ratio: share of the output's movement that it explains, 1 at best.
        error_ratio: standard error of the answer at the frequency that decides the gains, as a share of it.
        noise: standard deviation of the output's noise.
        drift_per_s: of the output, beside the test.
        load_change_ratio: load during the test over load before it, less 1; NaN where it is not measured.
        fitted: (samples,) output as the plant explains it.
    """

    process: Process
    fit_ratio: float
    error_ratio: float
    noise: float
    drift_per_s: float
    load_change_ratio: float
    fitted: FloatArray

    @property
    def believed(self) -> bool:
        """Return whether gains may be based on it."""
        return self.fit_ratio >= BELIEVED_RATIO and self.error_ratio <= ERROR_MAX_RATIO


def identify(trace: Trace, moved: str, answer: str, until_s: float, *, two_ways: bool = True) -> Identified:
    """Return the plant between two columns of a step test.

    Args:
        trace: begins at rest.
        moved: column of the loop's output.
        answer: column of its process variable.
        until_s: where the test ends; later rows are the loop's own doing.
        two_ways: whether what was moved comes round again, as heat does and pressure does not.

    Raises:
        ValueError: nothing was moved, or a column has no readings.
    """
    part = trace.part(0.0, until_s)
    if not (part.has(moved) and part.has(answer)):
        raise ValueError(f"no readings of {answer}")
    moves, output = part[moved] - part[moved][0], part[answer]
    if np.ptp(moves) == 0.0:
        raise ValueError(f"{moved} did not move")
    search = _Search(moves, output, part.time_s, part.period_s)
    search.two_ways = two_ways
    best = min((search.run(*start) for start in STARTS), key=lambda end: float(end.cost))
    offset, drift, _ = search.linear(best.x)
    process = search.process(best.x)
    fitted = offset + drift * search.centred_s + process.answer(moves, part.period_s)
    spread = float(np.linalg.norm(output - output.mean()))
    return Identified(
        process=process,
        fit_ratio=1.0 - float(np.linalg.norm(output - fitted)) / spread if spread > 0.0 else 0.0,
        error_ratio=_error(search, best.x),
        noise=noise_of(output),
        drift_per_s=drift,
        load_change_ratio=_load_change(part, moves),
        fitted=fitted,
    )


def noise_of(output: FloatArray) -> float:
    """Return the standard deviation of white noise on a signal that moves slowly, from its second differences."""
    bends = output[2:] - 2.0 * output[1:-1] + output[:-2]
    return float(np.median(np.abs(bends)) / 0.6745 / np.sqrt(6.0)) if bends.size else 0.0


class _Search:
    """The residual of a step test over (ln fast lag, ln slow / fast, fast share, dead time, common lag, loop)."""

    def __init__(self, moves: FloatArray, output: FloatArray, time_s: FloatArray, period_s: float) -> None:
        self.moves, self.period_s = moves, period_s
        self.two_ways = True
        self.centred_s = time_s - time_s.mean()
        noise = max(noise_of(output), 1e-6)
        likely = DRIFT_RATIO * float(np.ptp(output)) / float(time_s[-1] - time_s[0])
        self.doubt = noise / max(likely, 1e-12)  # weight of the one row that holds the drift near nothing
        self.output = np.append(output, 0.0)

    def basis(self, x: FloatArray) -> FloatArray:
        answer = _process(x, 1.0).answer(self.moves, self.period_s)
        columns = np.column_stack([np.ones(answer.size), self.centred_s, answer])
        return np.vstack([columns, [0.0, self.doubt, 0.0]])

    def linear(self, x: FloatArray) -> tuple[float, float, float]:
        offset, drift, gain = np.linalg.lstsq(self.basis(x), self.output, rcond=None)[0]
        return float(offset), float(drift), float(gain)

    def process(self, x: FloatArray) -> Process:
        return _process(x, self.linear(x)[2])

    def residual(self, x: FloatArray) -> FloatArray:
        basis = self.basis(x)
        return np.asarray(self.output - basis @ np.linalg.lstsq(basis, self.output, rcond=None)[0])

    def run(self, fast_s: float, delay_s: float) -> Any:
        start = np.array([np.log(fast_s), np.log(5.0), 0.5, delay_s, 0.5 * delay_s, 2.0 * fast_s])
        low = [np.log(FAST_MIN_S), np.log(SLOWER_MIN), 0.0, 0.0, 0.0, 0.0]
        if not self.two_ways:
            start[[2, 5]], low[2] = (1.0 - HAIR, 0.5 * HAIR), 1.0 - 2.0 * HAIR
        high = [
            np.log(FAST_MAX_S),
            np.log(SLOWER_MAX),
            1.0,
            DELAY_MAX_S,
            COMMON_MAX_S,
            LOOP_MAX_S if self.two_ways else HAIR,
        ]
        return least_squares(
            self.residual, start, bounds=(low, high), x_scale=[1.0, 1.0, 0.3, 2.0, 2.0, 5.0], diff_step=1e-4
        )


def _process(x: FloatArray, gain: float) -> Process:
    fast_s = float(np.exp(x[0]))
    slow_s = fast_s * float(np.exp(x[1]))
    return Process(
        gain=gain,
        fast_ratio=float(x[2]),
        fast_s=fast_s,
        slow_s=slow_s,
        loop_s=float(x[5]),
        common_s=float(x[4]),
        delay_s=float(x[3]),
    )


def _error(search: _Search, x: FloatArray) -> float:
    """Return the standard error of the answer's size where it decides the gains, as a share of it."""
    at = np.append(x, search.linear(x)[2])
    fast_s, delay_s = float(np.exp(x[0])), float(x[3])
    omega = np.array([1.0 / (DECIDES * (fast_s + delay_s + float(x[4])))])
    size = abs(complex(_process(x, at[6]).at(omega)[0]))
    columns, slopes = [], []
    for k, step in enumerate((1e-3, 1e-3, 1e-3, 1e-2, 1e-2, 1e-2, 1e-3 * abs(at[6]) + 1e-12)):
        if not search.two_ways and k in ONE_WAY:
            continue
        ends = [at.copy(), at.copy()]
        ends[0][k], ends[1][k] = at[k] + step, at[k] - step if k not in {2, 3, 4, 5} else max(at[k] - step, 0.0)
        high, low = (_process(end, end[6]) for end in ends)
        width = ends[0][k] - ends[1][k]
        moved = high.answer(search.moves, search.period_s) - low.answer(search.moves, search.period_s)
        columns.append(moved / width)
        slopes.append((abs(complex(high.at(omega)[0])) - abs(complex(low.at(omega)[0]))) / width)
    basis = np.column_stack([np.ones(search.moves.size), search.centred_s, *columns])
    left = search.residual(x)[:-1]
    energy = float(left @ left)
    # Neighbouring residuals are alike where the plant is not quite of this form: fewer of them count.
    alike = float(left[1:] @ left[:-1]) / energy if energy > 0.0 else 0.0
    variance = energy / max(left.size - basis.shape[1], 1) * (1.0 + max(alike, 0.0)) / max(1.0 - alike, 0.05)
    likely = [0.0, 0.0, *(variance / LIKELY[k] ** 2 for k in range(6) if search.two_ways or k not in ONE_WAY), 0.0]
    covariance = variance * np.linalg.pinv(basis.T @ basis + np.diag(likely))
    direction = np.array([0.0, 0.0, *slopes])
    return float(np.sqrt(max(direction @ covariance @ direction, 0.0)) / size) if size > 0.0 else float("inf")


def _load_change(part: Trace, moves: FloatArray) -> float:
    """Return by which share the load moved: from the racks' power where it is measured, else from the heat.

    Means before the first step and from there to the end: the exchanger's heat itself swings with the steps, up as much
    as down.
    """
    name = "power_kw" if part.has("power_kw") else "heat_kw"
    if not part.has(name):
        return float("nan")
    begun = int(np.flatnonzero(moves)[0])
    first, later = float(part[name][: max(begun, 1)].mean()), float(part[name][begun:].mean())
    return later / first - 1.0 if first > 0.0 else float("nan")

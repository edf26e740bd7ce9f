"""What a relay test says of a plant: its answer at one frequency, to hold against what a step test found."""

import cmath
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.tuning.process import Process
from coolantd.tuning.trace import Trace

PERIODS_MIN: Final = 2
SAMPLES_MIN: Final = 8
"""Of one cycle: a quicker one, as of pumps, is made of the control period as much as of the plant."""
SIZE_RATIO_MAX: Final = 1.5
"""Between the sizes that two tests find; the plant's own change of gain over a few per cent of valve is below 1.2."""
PHASE_MAX_DEG: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPoint:
    """The plant at the frequency of its limit cycle.

    Attributes:
        period_s: of the cycle: the ultimate period, longer with hysteresis.
        gain: ultimate gain, % per unit: 1 over the size of the answer.
        phase_deg: of the answer against the output.
        predicted_ratio: size of the answer over the one that the step test's plant has there.
        predicted_deg: its phase less theirs.
    """

    period_s: float
    gain: float
    phase_deg: float
    predicted_ratio: float
    predicted_deg: float

    @property
    def agrees(self) -> bool:
        """Return whether both tests found the same plant."""
        near = 1.0 / SIZE_RATIO_MAX <= self.predicted_ratio <= SIZE_RATIO_MAX
        return near and abs(self.predicted_deg) <= PHASE_MAX_DEG


def relay_point(trace: Trace, moved: str, answer: str, until_s: float, process: Process) -> RelayPoint | None:
    """Return the plant at the frequency of a relay test's cycle; None where there are too few of them.

    Too few: fewer than two whole cycles, or cycles of fewer than ``SAMPLES_MIN`` samples.

    The first harmonics of output and answer over whole cycles are compared, so a valve that takes its time, a bias and
    noise do no harm.
    """
    part = trace.part(0.0, until_s)
    output = part[moved]
    moves = output - 0.5 * (output.max() + output.min())
    rising = np.flatnonzero((moves[:-1] <= 0.0) & (moves[1:] > 0.0))[1:]  # the first side begins at rest
    if rising.size < PERIODS_MIN + 1:
        return None
    first, last = int(rising[0]), int(rising[-1])
    if last - first < SAMPLES_MIN * (rising.size - 1):
        return None
    omega = 2.0 * math.pi * (rising.size - 1) / ((last - first) * part.period_s)
    turn = np.exp(-1j * omega * part.time_s[first:last])
    answered = complex((turn * (part[answer][first:last] - part[answer][first:last].mean())).sum())
    # The output holds from sample to sample, the answer does not: half a period between their harmonics.
    held = cmath.exp(-0.5j * omega * part.period_s)
    asked = complex((turn * (output[first:last] - output[first:last].mean())).sum()) * held
    ratio = answered / asked
    expected = complex(process.at(np.array([omega]))[0])
    return RelayPoint(
        period_s=2.0 * math.pi / omega,
        gain=1.0 / abs(ratio),
        phase_deg=math.degrees(cmath.phase(ratio * np.sign(process.gain))),
        predicted_ratio=abs(ratio / expected),
        predicted_deg=math.degrees(cmath.phase(ratio / expected)),
    )

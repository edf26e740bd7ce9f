"""What the device's instruments make of the truth: lag and noise. Knows names and units, no register."""

import math
import random
from collections.abc import Mapping
from typing import Final

TEMP_LAG_S: Final = 2.0
"""First-order lag of a temperature sensor in its pocket; the plant model has none."""
TEMP_NOISE_K: Final = 0.02
PRESSURE_NOISE_KPA: Final = 0.2
FLOW_NOISE_LPM: Final = 2.0
"""Standard deviations of good industrial instruments at a noise ratio of 1."""
NOISE_BY_UNIT: Final[Mapping[str, float]] = {"c": TEMP_NOISE_K, "kpa": PRESSURE_NOISE_KPA, "lpm": FLOW_NOISE_LPM}


class Sensors:
    """Measures named quantities; the last token of a name, its unit, decides which lag and noise apply.

    Args:
        noise_ratio: scale of the noise, 0 for none.
        seed: of the noise.
        lag_ratio: scale of the lag, above 0.
    """

    def __init__(self, *, noise_ratio: float, seed: int, lag_ratio: float = 1.0) -> None:
        self.noise_ratio = noise_ratio
        self._lag_s = TEMP_LAG_S * lag_ratio
        self._random = random.Random(seed)  # noqa: S311 - sensor noise, not a secret
        self._lagged: dict[str, float] = {}

    def step(self, truth: Mapping[str, float], dt_s: float) -> None:
        """Let the instruments follow the truth for ``dt_s``; at the first call they agree with it."""
        share = 1.0 - math.exp(-dt_s / self._lag_s)
        for name, value in truth.items():
            if name.endswith("_c") and name in self._lagged:
                self._lagged[name] += (value - self._lagged[name]) * share
            else:
                self._lagged[name] = value

    def read(self) -> dict[str, float]:
        """Return one noisy reading of every quantity."""
        return {name: value + self._noise(name) for name, value in self._lagged.items()}

    def _noise(self, name: str) -> float:
        deviation = NOISE_BY_UNIT.get(name.rpartition("_")[2], 0.0) * self.noise_ratio
        return self._random.gauss(0.0, deviation) if deviation else 0.0

"""Whether a value may follow the last one. Knows numbers and given times; no point table, no device.

A single reading far from its neighbours is a disturbed register, not a temperature. A real step shows again in the next
reading, so a change too fast to be true is refused once and believed when it is repeated.
"""

import math


class RateCheck:
    """Refuses a change faster than a point can make, once.

    Args:
        rate_max_per_s: fastest plausible change, in the point's unit per second, above 0.
        resolution: the smallest step of the point's value, in its unit: one such step is never too fast.

    Raises:
        ValueError: the rate is not above 0.
    """

    def __init__(self, rate_max_per_s: float, *, resolution: float = 0.0) -> None:
        if not rate_max_per_s > 0.0:
            raise ValueError(f"rate_max_per_s = {rate_max_per_s:g} is not above 0")
        self._rate_max_per_s = rate_max_per_s
        self._resolution = abs(resolution)
        self.forget()

    def forget(self) -> None:
        """Compare with nothing seen so far; the next value is accepted."""
        self._accepted: tuple[float, float] | None = None
        self._refused: tuple[float, float] | None = None

    def accepts(self, value: float, time_s: float) -> bool:
        """Return whether to believe a value: it fits the last one believed, or the one refused just before it.

        Args:
            value: in the point's unit; NaN is accepted and not remembered, as it is no reading.
            time_s: when it was taken; never earlier than the last.
        """
        if math.isnan(value):
            return True
        reading = value, time_s
        if self._accepted is None or self._fits(self._accepted, reading) or self._repeats(reading):
            self._accepted, self._refused = reading, None
            return True
        self._refused = reading
        return False

    def _repeats(self, reading: tuple[float, float]) -> bool:
        return self._refused is not None and self._fits(self._refused, reading)

    def _fits(self, before: tuple[float, float], after: tuple[float, float]) -> bool:
        elapsed_s = max(after[1] - before[1], 0.0)
        change = abs(after[0] - before[0])
        allowed = self._rate_max_per_s * elapsed_s + self._resolution
        return change <= allowed * (1.0 + 1e-9)

"""What the demo measures, from samples of plant truth and of the daemon's own words. Pure arithmetic."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

SETTLED_K: Final = 0.5
"""Half of the best supply accuracy any CDU data sheet claims (1 K)."""


@dataclass(slots=True)
class StepResponse:
    """The true supply temperature after one load step.

    Attributes:
        setpoint_c: what it should be.
        begun_s: plant time of the step.
        times_s, temps_c: samples since.
    """

    setpoint_c: float
    begun_s: float
    times_s: list[float] = field(default_factory=list)
    temps_c: list[float] = field(default_factory=list)

    def add(self, time_s: float, temp_c: float) -> None:
        """Take one sample."""
        self.times_s.append(time_s)
        self.temps_c.append(temp_c)

    @property
    def peak_k(self) -> float | None:
        """Return the largest deviation from the setpoint, with its sign, or None without samples."""
        return max((temp_c - self.setpoint_c for temp_c in self.temps_c), key=abs, default=None)

    @property
    def settle_s(self) -> float | None:
        """Return when the deviation came inside ±0.5 K to stay, seconds after the step; None if it has not yet."""
        outside = [t for t, temp_c in zip(self.times_s, self.temps_c, strict=True) if self._outside(temp_c)]
        if not self.times_s or (outside and outside[-1] == self.times_s[-1]):
            return None
        return max(outside[-1] - self.begun_s, 0.0) if outside else 0.0

    def _outside(self, temp_c: float) -> bool:
        return abs(temp_c - self.setpoint_c) > SETTLED_K


def total(text: str, name: str) -> float:
    """Return the sum over all labels of one sample name in a Prometheus exposition."""
    return sum(s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name)


def quantile(text: str, name: str, q: float) -> float:
    """Return a quantile of a histogram without labels, linear within its bucket as Prometheus does; NaN if empty."""
    buckets = sorted(
        (float(s.labels["le"]), s.value)
        for f in text_string_to_metric_families(text)
        if f.name == name
        for s in f.samples
        if s.name == f"{name}_bucket"
    )
    if not buckets or buckets[-1][1] == 0:
        return math.nan
    rank = q * buckets[-1][1]
    below_s, below = 0.0, 0.0
    for edge_s, count in buckets:
        if count >= rank:
            if math.isinf(edge_s):
                return below_s
            return below_s + (edge_s - below_s) * (rank - below) / (count - below)
        below_s, below = edge_s, count
    return below_s


def bad_points(points: Iterable[dict[str, Any]]) -> int:
    """Return how many points of a status are bad."""
    return sum(point["quality"] == "bad" for point in points)

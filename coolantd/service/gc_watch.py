"""How long the garbage collector stops everything, as a histogram (FM-27).

Counted in plain numbers and shown when asked: a collection may begin anywhere, also while a metric of the library
holds its lock, so nothing here may take one.
"""

import gc
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, Final

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from coolantd.clock import monotonic_s

BUCKETS_S: Final = (0.0001, 0.001, 0.005, 0.01, 0.05, 0.25)
"""From a young collection to the length at which a stall is one."""
GENERATIONS: Final = 3


class GcWatch(Collector):
    """Times every collection from ``start`` to ``stop``.

    Args:
        now_s: unscaled monotonic seconds.
    """

    def __init__(self, now_s: Callable[[], float] = monotonic_s) -> None:
        self._now_s = now_s
        self._counts = [[0] * (len(BUCKETS_S) + 1) for _ in range(GENERATIONS)]
        self._sums_s = [0.0] * GENERATIONS
        self._begun_s = 0.0

    def start(self) -> None:
        """Begin to time."""
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        """Time no longer."""
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram by generation."""
        family = HistogramMetricFamily(
            "coolantd_gc_pause_seconds", "How long collections of garbage stopped everything", labels=["generation"]
        )
        bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
        for generation in range(GENERATIONS):
            counts = accumulate(self._counts[generation])
            family.add_metric([str(generation)], list(zip(bounds, counts, strict=True)), self._sums_s[generation])
        yield family

    def _note(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._begun_s = self._now_s()
            return
        took_s = self._now_s() - self._begun_s
        generation = info["generation"]
        self._counts[generation][bisect_left(BUCKETS_S, took_s)] += 1
        self._sums_s[generation] += took_s

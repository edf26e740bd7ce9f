"""What serial lines have been through, as counters for ``/metrics``. Knows the library's collectors; counts nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from coolantd.protocol.line import LineCounts

Counts = Callable[[], Iterable[tuple[str, LineCounts]]]

_DOCUMENTATION: Final = {
    "quiet_times": "Times a serial line had to be silent for a turnaround",
    "discarded_bytes": "Bytes received on a serial line that were no accepted reply",
    "loopbacks": "Loopbacks sent on a serial line",
    "loopbacks_missed": "Loopbacks on a serial line that stayed unanswered",
}


class LineCollector(Collector):
    """Reads the counts of every line at each scrape; a line that a reload changed begins at 0 again.

    Args:
        counts: returns each line's name and counts.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one family per count, none while there are no lines."""
        counted = list(self._counts())
        for field in fields(LineCounts) if counted else ():
            documentation = _DOCUMENTATION.get(field.name, field.name.replace("_", " "))
            family = CounterMetricFamily(f"coolantd_line_{field.name}", documentation, labels=["line"])
            for line, counts in counted:
                family.add_metric([line], getattr(counts, field.name))
            yield family

"""Whether this process itself is well: its loop turns, its clocks agree, it does not grow. Changes no command.

Composes the watches and names their faults. Must never know a device.
"""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coolantd.service.clock_watch import ClockWatch
from coolantd.service.gc_watch import GcWatch
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.stall_watch import StallWatch

STALLS_TASK: Final = "stalls"


class ServiceFault(NamedTuple):
    """Something that is, or lately was, wrong with the daemon itself.

    Attributes:
        key: one of ``FAULT_KEYS``.
        active: whether it counts now.
        detail: in words; empty while it does not.
    """

    key: str
    active: bool
    detail: str


LOOP_STALLED: Final = "loop_stalled"
CLOCK_STEPPED: Final = "clock_stepped"
SUSPENDED: Final = "suspended"
FAULT_KEYS: Final = (LOOP_STALLED, CLOCK_STEPPED, SUSPENDED)


class Vitals:
    """The watches of one daemon.

    Args:
        pulse: called with a task's name as often as it turns.
    """

    def __init__(self, metrics: Metrics, journal: Recorder, pulse: Callable[[str], None]) -> None:
        self._metrics = metrics
        self._stalls = StallWatch(metrics, lambda: pulse(STALLS_TASK))
        self._clocks = ClockWatch(metrics, journal)
        self._gc = GcWatch()

    def start(self) -> None:
        """Watch the running loop, once everything that lives as long as the daemon has been made."""
        for collector in (self._gc, Inhabitants(asyncio.get_running_loop())):
            self._metrics.registry.register(collector)
        ProcessCollector(registry=self._metrics.registry)
        settle_heap()
        self._gc.start()
        self._stalls.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stalls.stop()
        self._gc.stop()

    def watch(self, now_s: float) -> None:
        """Look at the clocks; called after every cycle."""
        del now_s  # the plant's time, which the demo scales
        self._clocks.watch()

    def well(self) -> bool:
        """Return whether the watchdog may be fed as far as the loop is concerned."""
        return not self._stalls.starving()

    def faults(self) -> tuple[ServiceFault, ...]:
        """Return every fault there can be, and whether it is there."""
        told = (self._stalls.fault(), self._clocks.step_fault(), self._clocks.suspend_fault())
        return tuple(ServiceFault(key, bool(text), text) for key, text in zip(FAULT_KEYS, told, strict=True))


def settle_heap() -> None:
    """Collect once and take what lives now for what lives for good: later collections need not walk it (FM-27)."""
    gc.collect()
    gc.freeze()


class Inhabitants(Collector):
    """Counts tasks and threads when asked: either grows where something is begun and never ended (FM-51).

    Args:
        loop: whose tasks.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge each."""
        tasks = 0
        with contextlib.suppress(RuntimeError):  # a weak set may change under a reader in another thread
            tasks = len(asyncio.all_tasks(self._loop))
        for name, documentation, count in (
            ("coolantd_tasks", "Tasks of the event loop", tasks),
            ("coolantd_threads", "Threads of the process", threading.active_count()),
        ):
            family = GaugeMetricFamily(name, documentation)
            family.add_metric([], count)
            yield family

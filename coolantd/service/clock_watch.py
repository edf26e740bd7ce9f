"""Notices that somebody has set the wall clock, and that the machine was suspended (FM-25).

Neither changes a command: control knows monotonic time only (I10). But whoever reads the records must know, and after
a suspend the plant has been alone for longer than the monotonic clock says.
"""

import math
from collections.abc import Callable
from typing import Final

import structlog

from coolantd.clock import Readings, read_clocks
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics

EVERY_S: Final = 1.0
STEP_S: Final = 1.0
"""A time service slews less than a millisecond a second; a step is half a second and more."""
SPREAD_MAX_S: Final = 0.1
"""Clocks read farther apart than this say nothing of each other; the next reading will."""
TOLD_S: Final = 300.0
"""For how long a step counts as a fault: it is over at once, and somebody should still see it."""

log: Final = structlog.get_logger()


class ClockWatch:
    """Compares clocks once a second.

    Args:
        read: returns them.
    """

    def __init__(self, metrics: Metrics, journal: Recorder, read: Callable[[], Readings] = read_clocks) -> None:
        self._metrics = metrics
        self._journal = journal
        self._read = read
        self._last: Readings | None = None
        self._stepped = (-math.inf, 0.0)
        self._suspended = (-math.inf, 0.0)

    def watch(self) -> None:
        """Look, unless it has been done within ``EVERY_S``."""
        now, last = self._read(), self._last
        if now.spread_s > SPREAD_MAX_S or (last is not None and now.monotonic_s - last.monotonic_s < EVERY_S):
            return
        self._last = now
        if last is None:
            return
        ran_s = now.boottime_s - last.boottime_s
        self._judge_step(now.wall_s - last.wall_s - ran_s, now.monotonic_s)
        self._judge_suspend(ran_s - (now.monotonic_s - last.monotonic_s), now.monotonic_s)

    def step_fault(self) -> str:
        """Return in words a step of the wall clock within the last ``TOLD_S``; empty for none."""
        by_s = self._lately(self._stepped)
        return f"the wall clock was set {'forward' if by_s > 0.0 else 'back'} by {abs(by_s):.0f} s" if by_s else ""

    def suspend_fault(self) -> str:
        """Return in words a suspend within the last ``TOLD_S``; empty for none."""
        for_s = self._lately(self._suspended)
        return f"the machine was suspended for {for_s:.0f} s" if for_s else ""

    def _lately(self, event: tuple[float, float]) -> float:
        at_s, amount_s = event
        return amount_s if self._last is not None and self._last.monotonic_s - at_s <= TOLD_S else 0.0

    def _judge_step(self, by_s: float, now_s: float) -> None:
        if abs(by_s) > STEP_S:
            self._stepped = (now_s, by_s)
            self._metrics.clock_steps.inc()
            self._tell("clock_stepped", by_s)

    def _judge_suspend(self, for_s: float, now_s: float) -> None:
        if for_s > STEP_S:
            self._suspended = (now_s, for_s)
            self._metrics.suspends.inc()
            self._tell("suspended", for_s)

    def _tell(self, event: str, seconds: float) -> None:
        log.warning(event, seconds=round(seconds, 3))
        self._journal.record(event, seconds=round(seconds, 3))

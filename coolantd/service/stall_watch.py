"""Notices that the event loop stands still, from a thread beside it: who is stuck cannot say so (FM-26).

The loop beats; the thread looks when it last did. A short stall is counted, a long one is a fault and said while it
lasts, with the place in the code. The thread never writes to a device: two hands on one plant are worse than none, and
the devices' own timers act when our heartbeat ends. What it does is keep the watchdog from being fed.

Knows the loop's beats and the main thread's stack. Must never know what a cycle does.
"""

import asyncio
import math
import sys
import threading
from collections.abc import Callable
from typing import Final

import structlog

from coolantd.clock import monotonic_s
from coolantd.service.metrics import Metrics

BEAT_S: Final = 0.05
LOOK_S: Final = 0.05
"""Twenty looks a second cost a thousandth of a core and see a stall before it has doubled."""
WARN_S: Final = 0.25
"""Half a cycle: the next decision is late."""
FAULT_S: Final = 1.0
"""Two cycles without a decision."""
STARVE_S: Final = 2.5
"""Half the unit's WatchdogSec: from here on the service manager's patience is what counts, and it is not renewed."""
TOLD_S: Final = 60.0
"""For how long after its end a stall counts as a fault: long enough to be seen, and to hold while stalls repeat."""

log: Final = structlog.get_logger()


class StallWatch:
    """Watches one event loop.

    Args:
        metrics: where stalls are counted.
        pulse: called at every look of the thread: one that has died must not go unnoticed either.
        now_s: unscaled monotonic seconds.
    """

    def __init__(
        self, metrics: Metrics, pulse: Callable[[], None] = lambda: None, now_s: Callable[[], float] = monotonic_s
    ) -> None:
        self._metrics = metrics
        self._pulse = pulse
        self._now_s = now_s
        self._beat_s = now_s()
        self._fault_s = -math.inf
        self._longest_s = 0.0
        self._where = ""
        self._told = False
        self._watched = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="stalls", daemon=True)

    def start(self) -> None:
        """Watch the running loop, whose thread is the caller's."""
        self._watched = threading.get_ident()
        self._beat_s = self._now_s()
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopping.set()
        if self._timer is not None:
            self._timer.cancel()
        self._thread.join(2.0 * LOOK_S)

    def starving(self) -> bool:
        """Return whether the loop has stood for so long that the watchdog must not be fed."""
        return self._now_s() - self._beat_s > STARVE_S

    def fault(self) -> str:
        """Return in words what was stalled within the last ``TOLD_S``; empty where nothing was for ``FAULT_S``."""
        if self._now_s() - self._fault_s > TOLD_S:
            return ""
        return f"the event loop stood still for {self._longest_s:.1f} s{self._where and ' at ' + self._where}"

    def _beat(self) -> None:
        """Note a turn of the loop, and a stall that has just ended."""
        now_s = self._now_s()
        late_s = now_s - self._beat_s - BEAT_S
        self._beat_s = now_s
        if late_s > WARN_S:
            self._note(late_s, now_s)
        self._told, self._where = False, self._where if now_s - self._fault_s <= TOLD_S else ""
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def _note(self, late_s: float, now_s: float) -> None:
        severity = "fault" if late_s > FAULT_S else "warning"
        self._metrics.loop_stalls.labels(severity).inc()
        self._metrics.loop_stall_s.observe(late_s)
        if late_s > FAULT_S:
            again = now_s - self._fault_s <= TOLD_S
            self._longest_s = max(self._longest_s, late_s) if again else late_s
            self._fault_s = now_s
        log.warning("loop_stalled", seconds=round(late_s, 3), severity=severity, where=self._where)

    def _work(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self._pulse()
            self.look()

    def look(self) -> None:
        """Look once, from the thread: say a stall that is a fault while it lasts, once."""
        now_s, beat_s = self._now_s(), self._beat_s
        standing_s = now_s - beat_s - BEAT_S
        if standing_s > WARN_S and not self._told:
            self._where = where_is(self._watched)
        if standing_s > FAULT_S and not self._told and beat_s == self._beat_s:
            self._told = True
            log.error(
                "loop_standing_still",
                seconds=round(standing_s, 3),
                where=self._where,
                effect="no decision is made; the devices' own timers act",
            )


def where_is(thread: int) -> str:
    """Return the innermost line of our own that a thread is in, as ``file:line function``, and the innermost of all."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way to see another thread's stack
    innermost = own = ""
    while frame is not None and not own:
        code = frame.f_code
        place = f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {code.co_name}"
        innermost = innermost or place
        own = place if "/coolantd/" in code.co_filename else ""
        frame = frame.f_back
    return innermost if own in ("", innermost) else f"{own} > {innermost}"

"""How often the same event may be logged (FM-31). Knows identities and counts, nothing of lines."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coolantd.clock import SystemClock

LINES_PER_WINDOW: Final = 5
"""Enough to see a pattern, few enough that every device of a site failing at once stays readable."""

WINDOW_S: Final = 60.0

IDENTITIES_MAX: Final = 2048
"""More than the events times devices of a large site; beyond it the least recent is forgotten."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An event that fell silent after some of its lines were held back."""

    identity: tuple[str, ...]
    count: int


@dataclass(slots=True)
class _Window:
    begun_s: float
    written: int = 0
    held_back: int = 0


class RepeatLimit:
    """Counts lines per identity; may be used from several threads.

    Args:
        now_s: monotonic seconds; the machine's own by default.
    """

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        self._now_s = now_s or SystemClock().now_s
        self._windows: OrderedDict[tuple[str, ...], _Window] = OrderedDict()
        self._finished: list[Suppressed] = []
        self._lock = threading.Lock()

    def check(self, identity: tuple[str, ...]) -> int | None:
        """Return None if this line must be held back, else how many were held back before it."""
        now_s = self._now_s()
        with self._lock:
            window = self._windows.get(identity)
            if window is not None and now_s - window.begun_s < WINDOW_S:
                if window.written >= LINES_PER_WINDOW:
                    window.held_back += 1
                    return None
                window.written += 1
                return 0
            self._windows.pop(identity, None)
            self._windows[identity] = _Window(now_s, written=1)
            self._forget_oldest()
            return window.held_back if window is not None else 0

    def take_finished(self) -> list[Suppressed]:
        """Return, once each, identities whose window ended with lines held back; forget every ended window."""
        now_s = self._now_s()
        with self._lock:
            # A window begins at the end of the order, so the ended ones stand first.
            while self._windows and now_s - next(iter(self._windows.values())).begun_s >= WINDOW_S:
                self._finish(next(iter(self._windows)))
            finished, self._finished = self._finished, []
        return finished

    def _forget_oldest(self) -> None:
        while len(self._windows) > IDENTITIES_MAX:
            self._finish(next(iter(self._windows)))

    def _finish(self, identity: tuple[str, ...]) -> None:
        window = self._windows.pop(identity)
        if window.held_back and len(self._finished) < IDENTITIES_MAX:
            self._finished.append(Suppressed(identity, window.held_back))

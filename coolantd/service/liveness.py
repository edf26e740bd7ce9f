"""Which tasks have turned lately: what feeds the watchdog. Knows names and times; no task."""

from collections.abc import Callable
from typing import Final

FRESH_S: Final = 3.0
"""A task that has not turned for this long is not fresh and the watchdog is not fed (I12)."""


class Liveness:
    """The last sign of life of every task.

    Args:
        now_s: the clock's monotonic seconds.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen_s: dict[str, float] = {}

    def pulse(self, name: str) -> None:
        """Note that a task turns."""
        self._seen_s[name] = self._now_s()

    def forget(self, name: str) -> None:
        """Miss a task no longer: it has ended on purpose."""
        self._seen_s.pop(name, None)

    def all_fresh(self) -> bool:
        """Return whether every task has turned lately."""
        now_s = self._now_s()
        return all(now_s - seen_s <= FRESH_S for seen_s in self._seen_s.values())

"""An event loop whose time jumps to the next timer. Knows no socket, no thread and no real clock.

Nothing here waits: whoever sleeps an hour is woken at once, an hour later. The order in which things happen depends
on times and on the order in which they were asked for, on nothing else.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

START_S: Final = 1000.0
"""Monotonic time at the beginning: a machine that has been up for a while."""
WALL_START_S: Final = 1.8e9
"""January 2027; any date does."""


class DeadlockError(RuntimeError):
    """Everybody waits and nobody will come: no timer is set and nothing is ready."""


class _Instant:
    """Stands in for the selector: instead of waiting for descriptors it moves time on."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise DeadlockError("nothing is ready and no timer is set")
        if timeout > 0.0:
            self._loop.jump_to_next()
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop.

    Attributes:
        signals: what a process signal would call, by number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signals: dict[int, Callable[[], object]] = {}
        self._at_s = START_S
        self._selector = _Instant(self)

    def time(self) -> float:
        """Return monotonic seconds."""
        return self._at_s

    def jump_to_next(self) -> None:
        """Move on to the next timer."""
        self._at_s = max(self._at_s, self._scheduled[0].when())  # type: ignore[attr-defined]

    def stall(self, duration_s: float) -> None:
        """Let time pass in which nothing runs: a stopped process, a long pause of the machine."""
        self._at_s += duration_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        """Call a function now, in the caller's turn; a thread's luck has no place here."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Remember what a signal calls."""
        self.signals[int(sig)] = lambda: callback(*args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget it."""
        return self.signals.pop(int(sig), None) is not None

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no descriptors."""

    def _write_to_self(self) -> None:
        """Do nothing: nobody is asleep."""


class VirtualClock:
    """A ``Clock`` on a virtual loop.

    Attributes:
        wall_offset_s: wall time less monotonic time; somebody may set the clock.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.wall_offset_s = WALL_START_S - START_S

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return self._loop.time()

    def wall_s(self) -> float:
        """Return seconds since the epoch, as far as this machine knows."""
        return self._loop.time() + self.wall_offset_s

    async def sleep(self, duration_s: float) -> None:
        """Wait for a duration; at once when it is not positive."""
        await asyncio.sleep(max(duration_s, 0.0))

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        """Return a timeout."""
        return asyncio.timeout(duration_s)

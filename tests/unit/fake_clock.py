"""Time that moves only when a test says so: implements ``coolantd.clock.Clock``."""

import asyncio
import heapq
import itertools

TURNS = 30
"""Turns of the event loop after each moment, more than any chain of awaits under test is long."""


class FakeClock:
    """Sleeps and timeouts come due in order while ``advance`` walks from one to the next."""

    def __init__(self, now_s: float = 1000.0, wall_s: float = 1.7e9) -> None:
        self._now_s = now_s
        self._wall_offset_s = wall_s - now_s
        self._due: list[tuple[float, int, object]] = []
        self._order = itertools.count()

    def now_s(self) -> float:
        return self._now_s

    def wall_s(self) -> float:
        return self._now_s + self._wall_offset_s

    async def sleep(self, duration_s: float) -> None:
        if duration_s <= 0.0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._push(duration_s, future)
        await future

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        timeout = asyncio.timeout(None)
        self._push(duration_s, timeout)
        return timeout

    async def advance(self, duration_s: float) -> None:
        """Move on, stopping at every sleep and timeout on the way."""
        end_s = self._now_s + duration_s
        await settle()
        while self._due and self._due[0][0] <= end_s:
            due_s, _, waiter = heapq.heappop(self._due)
            self._now_s = max(self._now_s, due_s)
            _wake(waiter)
            await settle()
        self._now_s = end_s
        await settle()

    def jump(self, duration_s: float) -> None:
        """Move on while nobody runs: a stopped process or a suspended machine."""
        self._now_s += duration_s

    def _push(self, duration_s: float, waiter: object) -> None:
        heapq.heappush(self._due, (self._now_s + duration_s, next(self._order), waiter))


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _wake(waiter: object) -> None:
    if isinstance(waiter, asyncio.Timeout):
        try:
            waiter.reschedule(asyncio.get_running_loop().time())
        except RuntimeError:
            return  # left before it came due
    elif isinstance(waiter, asyncio.Future) and not waiter.done():
        waiter.set_result(None)

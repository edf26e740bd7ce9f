"""The only reader of clocks. Control sees monotonic seconds; wall time serves labels and records only."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """What the shell needs of time; tests pass a clock of their own."""

    def now_s(self) -> float:
        """Return monotonic seconds."""
        ...

    def wall_s(self) -> float:
        """Return seconds since the epoch, for labels and records, never for control."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait for a duration of this clock's seconds; at once when it is not positive."""
        ...

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        """Return an asyncio timeout of a duration of this clock's seconds."""
        ...


class SystemClock:
    """The machine's monotonic clock that counts suspends too, optionally running faster than real time.

    By a clock that stands still in a suspend, readings from before it would be fresh after it, and leases still held.

    Args:
        rate_ratio: seconds of this clock per real second. 1 for every site; the demo runs daemon and plant
            faster together by giving both the same rate.
    """

    def __init__(self, rate_ratio: float = 1.0) -> None:
        if not 0.0 < rate_ratio <= RATE_MAX_RATIO:
            raise ValueError(f"rate_ratio = {rate_ratio} is outside (0, {RATE_MAX_RATIO}]")
        self.rate_ratio = rate_ratio
        self._origin_s = boottime_s()

    def now_s(self) -> float:
        """Return monotonic seconds, scaled from the moment this clock was made."""
        return self._origin_s + (boottime_s() - self._origin_s) * self.rate_ratio

    def wall_s(self) -> float:
        """Return seconds since the epoch (never scaled)."""
        return time.time()

    async def sleep(self, duration_s: float) -> None:
        """Wait for a duration in this clock's seconds."""
        await asyncio.sleep(max(duration_s, 0.0) / self.rate_ratio)

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        """Return an asyncio timeout of a duration in this clock's seconds."""
        return asyncio.timeout(duration_s / self.rate_ratio)


@dataclass(frozen=True, slots=True)
class Readings:
    """Three clocks read together, in seconds: their differences tell who moved.

    Attributes:
        monotonic_s: stands still while the machine is suspended.
        boottime_s: does not, and nobody can set it either.
        wall_s: since the epoch; set by hand and by time services.
        spread_s: how long the reading took. A process that was not scheduled in the middle of it has read nonsense.
    """

    monotonic_s: float
    boottime_s: float
    wall_s: float
    spread_s: float


def read_clocks() -> Readings:
    """Return the machine's clocks, never scaled."""
    monotonic_s = time.monotonic()
    boottime, wall_s = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    return Readings(monotonic_s, boottime, wall_s, time.monotonic() - monotonic_s)


def monotonic_s() -> float:
    """Return the machine's monotonic seconds, never scaled: for what watches the process and not the plant."""
    return time.monotonic()


def boottime_s() -> float:
    """Return seconds since the machine was switched on, suspends included: how old what outlives a process is."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


RATE_MAX_RATIO = 50.0
"""At 50x a 0.5 s cycle leaves 10 ms of real time: below that the event loop's own jitter is the experiment."""

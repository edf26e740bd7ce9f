"""The writes that wait for a bus: one per point, in the order in which the points first asked. Knows no link."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from coolantd.errors import Fault
from coolantd.protocol.profile import RegisterPoint
from coolantd.service.modbus_device import ModbusDevice

WRITE_AGE_MAX_S: Final = 2.0
"""A queued write older than this is dropped: the cycle has long decided anew (at most every 5 s it decides again)."""


@dataclass(frozen=True, slots=True)
class WriteJob:
    """One value to be written; a later job for the same point replaces it before it is sent.

    Attributes:
        done: called once with None when the device acknowledged, else with the fault.
    """

    device: ModbusDevice
    point: RegisterPoint
    words: tuple[int, ...]
    submitted_s: float
    done: Callable[[Fault | None], None]

    def expired(self, now_s: float) -> bool:
        """Return whether it has waited too long, its device's own pause between writes apart."""
        return now_s - self.submitted_s > WRITE_AGE_MAX_S + self.device.profile.limits.write_gap_s


class WriteQueue:
    """At most one write per point, so that it is bounded by the profiles."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], WriteJob] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._jobs)

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Return whether a write waits, by the names of its device and point."""
        return key in self._jobs

    def __iter__(self) -> Iterator[WriteJob]:
        """Yield what waits, first to be sent first."""
        return iter(self._jobs.values())

    def put(self, job: WriteJob) -> None:
        """Queue a write; a newer value takes the place of an older one, so that each point comes to its turn."""
        key = job.device.name, job.point.name
        replaced = self._jobs.get(key)
        self._jobs[key] = job
        if replaced is not None:
            replaced.done(Fault.NOT_CONNECTED)

    def take(self, now_s: float) -> WriteJob | None:
        """Return the first whose device may be written now, those of silent devices last; None where none may."""
        best: tuple[str, str] | None = None
        for key, job in self._jobs.items():
            if _ready_s(job) <= now_s:
                if not job.device.presence.dormant:
                    return self._jobs.pop(key)
                best = best or key
        return None if best is None else self._jobs.pop(best)

    def ready_s(self) -> float:
        """Return when the next may be sent; inf if none waits."""
        return min((_ready_s(job) for job in self._jobs.values()), default=math.inf)

    def withdraw(self, device: str, point: str) -> None:
        """Take back the write of a point, if it waits."""
        job = self._jobs.pop((device, point), None)
        if job is not None:
            job.done(Fault.WITHDRAWN)

    def drop(self, device: str | None = None) -> None:
        """Answer what waits, for one device or for all, as not sent."""
        for key in [key for key in self._jobs if device in (None, key[0])]:
            self._jobs.pop(key).done(Fault.NOT_CONNECTED)


def _ready_s(job: WriteJob) -> float:
    return max(job.device.write_ready_s, job.device.ready_s)

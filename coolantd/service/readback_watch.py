"""Acts on what readbacks say: counts ignored writes, leaves registers to other writers and takes them back."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from coolantd.safety.readback import Verdict
from coolantd.safety.writing import RETRY_FIRST_S
from coolantd.safety.yielding import YieldLease
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics

LEASE_OVER: Final = "lease"
ORDERED: Final = "order"
"""Why a yield ends when nothing has happened that would explain the register's value."""

log: Final = structlog.get_logger()


class Mark(Protocol):
    """Whoever tells control that a register is left to another writer (``PointTable.overridden``)."""

    def __call__(self, row: int, *, value: bool) -> None:
        """Say whether the register behind a row is."""
        ...


def mark_nothing(row: int, *, value: bool) -> None:
    """Tell nobody: for a writer that stands alone."""


@dataclass(frozen=True, slots=True)
class ReadbackWatch:
    """The verdict's consequences, for every actuator.

    Attributes:
        mark: told (row of the readback, whether the register is left to another writer).
        yield_s: length of a yield's lease.
    """

    metrics: Metrics
    journal: Recorder
    mark: Mark
    yield_s: float

    def show(self, actuator: ActuatorOutlet) -> None:
        """Show an actuator's state in the metrics and in the table, as it stands."""
        self.metrics.actuator_yielded.labels(*actuator.tag).set(0 if actuator.lease is None else 1)
        if actuator.policy.writes_per_hour_max is not None:
            self.metrics.write_budget_used.labels(*actuator.tag)
        if actuator.parameters.readback is not None and actuator.lease is not None:
            self.mark(actuator.parameters.readback, value=True)

    def look(self, actuator: ActuatorOutlet, reading: float, asked_s: float, now_s: float, *, obeys: bool) -> None:
        """Judge one good reading of a register.

        Args:
            actuator: whose.
            reading: in the point's unit.
            asked_s: when it was requested.
            now_s: now.
            obeys: the device follows our setpoints; while it does not, whatever it puts there is its own business.
        """
        if actuator.lease is not None:
            actuator.lease.look(reading, actuator.policy.tolerance, now_s, self.yield_s)
            return
        verdict = actuator.readback.judge(reading, asked_s)
        if verdict is Verdict.OURS:
            actuator.state.retry_s = RETRY_FIRST_S
            actuator.limited = False
        elif verdict is Verdict.IGNORED:
            self._ignored(actuator, reading, now_s)
        elif verdict is Verdict.LIMITED:
            self._limited(actuator, reading)
        elif verdict is Verdict.OTHER_WRITER and obeys:
            self._begin_yield(actuator, reading, now_s)
        elif verdict is Verdict.OTHER_WRITER:
            actuator.readback.forget()
            actuator.state.held = reading

    def withdraw(self, actuator: ActuatorOutlet, why: str, now_s: float) -> None:
        """End a yield whose beginning is explained by what has just been noticed."""
        if actuator.lease is not None and actuator.lease.explained_by(now_s):
            self.end_yield(actuator, why)

    def end_if_over(self, actuator: ActuatorOutlet, now_s: float) -> None:
        """End a yield whose lease has run out."""
        if actuator.lease is not None and actuator.lease.left_s(now_s) == 0.0:
            self.end_yield(actuator, LEASE_OVER)

    def end_yield(self, actuator: ActuatorOutlet, why: str) -> None:
        """Take a register back: control adopts the measured position, and the first write is urgent.

        What the other writer left there is known, so that their next write is seen as theirs even before our first.
        """
        lease, actuator.lease = actuator.lease, None
        actuator.lose()
        if lease is not None and math.isfinite(lease.foreign) and why in (LEASE_OVER, ORDERED):
            actuator.readback.hold(lease.foreign)
        actuator.urgent = True
        device, point = actuator.tag
        self._mark(actuator, yielded=False)
        log.info("yield_ended", device=device, point=point, why=why)
        self.journal.record("yield_ended", device=device, point=point, why=why)

    def _begin_yield(self, actuator: ActuatorOutlet, reading: float, now_s: float) -> None:
        written = actuator.written
        self._mismatch(actuator)
        actuator.withdraw(now_s)
        actuator.lose()
        actuator.lease = YieldLease(reading, now_s, now_s + self.yield_s)
        device, point = actuator.tag
        self._mark(actuator, yielded=True)
        self.metrics.yields.labels(device, point).inc()
        log.warning("yielded", device=device, point=point, readback=round(reading, 3), lease_s=self.yield_s)
        self.journal.record(
            "yielded", device=device, point=point, written=round(written, 3), readback=round(reading, 3)
        )

    def _ignored(self, actuator: ActuatorOutlet, reading: float, now_s: float) -> None:
        attempt = actuator.state.attempt
        self.metrics.writes_ignored.labels(*actuator.tag).inc()
        self._mismatch(actuator)
        actuator.state.ignored(reading)
        if actuator.may_tell("write_ignored", "", now_s):
            self._record(actuator, "write_ignored", attempt, reading)

    def _limited(self, actuator: ActuatorOutlet, reading: float) -> None:
        actuator.state.held = reading
        if not actuator.limited:
            actuator.limited = True
            self._mismatch(actuator)
            self._record(actuator, "readback_differs", actuator.written, reading)

    def _mismatch(self, actuator: ActuatorOutlet) -> None:
        self.metrics.write_mismatches.labels(*actuator.tag).inc()

    def _record(self, actuator: ActuatorOutlet, event: str, written: float, reading: float) -> None:
        device, point = actuator.tag
        self.journal.record(event, device=device, point=point, written=round(written, 3), readback=round(reading, 3))

    def _mark(self, actuator: ActuatorOutlet, *, yielded: bool) -> None:
        self.metrics.actuator_yielded.labels(*actuator.tag).set(1 if yielded else 0)
        if actuator.parameters.readback is not None:
            self.mark(actuator.parameters.readback, value=yielded)

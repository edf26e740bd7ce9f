"""One unit on a Modbus bus: which registers it is read in, and what becomes of each answer. Knows no socket."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from coolantd.config.build import poll_period_s
from coolantd.config.models import DeviceConfig
from coolantd.errors import DeviceError, Fault
from coolantd.point import Quality, Reason, Sample, bad
from coolantd.protocol.codec import decode_sample
from coolantd.protocol.profile import Profile, RegisterPoint
from coolantd.protocol.spans import Span, plan_spans, slice_words
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable
from coolantd.service.unit_gate import HeldReading, UnitGate

DEADLINE_PERIOD_RATIO: Final = 0.5
"""A request may take half of its poll period, so that one lost reply never costs the next poll (FM-37)."""
DEADLINE_MAX_S: Final = 1.0
"""Slow classes gain nothing from waiting longer; a block read of 2 s is a device to be given its own limits."""

SILENT_TIMEOUTS: Final = 2
"""Replies missed in a row after which a unit is silent; one lost reply still costs nothing else (FM-37)."""
SILENT_PAUSE_S: Final = 2.0
"""Between two questions to a silent unit that shares its line: it costs the others a tenth of their time, not all."""

log: Final = structlog.get_logger()

_SILENT: Final = {
    Fault.TIMEOUT: Reason.NO_COMMUNICATION,
    Fault.CONNECTION_LOST: Reason.NO_COMMUNICATION,
    Fault.NOT_CONNECTED: Reason.NOT_CONNECTED,
}
_BUSY_CODES: Final = frozenset({5, 6, 10, 11})
"""Acknowledge, busy, and a gateway whose target does not answer: no statement about the register (FM-36)."""
_REFUSED_CODES: Final = frozenset({1, 2, 3})


def failure_reason(error: DeviceError) -> tuple[bool, Reason]:
    """Return (whether the exchange said nothing about the point, reason).

    Silence lets the last sample age. Nonsense and refusals are bad samples at once.
    """
    if error.fault in _SILENT:
        return True, _SILENT[error.fault]
    if error.fault is Fault.EXCEPTION:
        if error.code in _BUSY_CODES:
            return True, Reason.NO_COMMUNICATION
        return False, Reason.CONFIGURATION_ERROR if error.code in _REFUSED_CODES else Reason.DEVICE_FAILURE
    return False, Reason.DEVICE_FAILURE


@dataclass(slots=True)
class PolledSpan:
    """A span, how often it is read, and when next."""

    span: Span
    period_s: float
    due_s: float = 0.0

    @property
    def deadline_s(self) -> float:
        """Return how long one read may take."""
        return min(self.period_s * DEADLINE_PERIOD_RATIO, DEADLINE_MAX_S)

    def schedule_next(self, now_s: float) -> None:
        """Move to the next slot of the same phase that is still to come; missed slots are skipped, not caught up."""
        missed = max(math.floor((now_s - self.due_s) / self.period_s) + 1, 1)
        self.due_s += missed * self.period_s


class ModbusDevice:
    """One unit: spans to poll, and where their values go."""

    def __init__(self, config: DeviceConfig, profile: Profile, table: PointTable, metrics: Metrics) -> None:
        if config.modbus_tcp is None:
            raise ValueError(f"{config.name} is not a Modbus device")
        self.name = config.name
        self.config = config
        self.profile = profile
        self.unit = config.modbus_tcp.unit_id
        self.up = False
        self.fault: Fault | None = Fault.NOT_CONNECTED
        self.spans = [
            PolledSpan(span, poll_period_s(config, span.points[0].poll))
            for span in plan_spans(profile.registers, profile.limits)
        ]
        self.registers = {register.name: register for register in profile.registers}
        self.write_deadline_s = min(config.poll_fast_s * DEADLINE_PERIOD_RATIO, DEADLINE_MAX_S)
        self._metrics = metrics
        self._beat: tuple[float, float] | None = None
        self._missed = 0
        self._selector = profile.unit_selector
        self._gate = UnitGate()
        self.bind(table)

    def bind(self, table: PointTable) -> None:
        """Put samples into this table from now on."""
        self._table = table
        self._rows = {name: table.index[self.name, name] for name in self.registers}

    def stagger(self, now_s: float, *, phase_ratio: float) -> None:
        """Spread the first reads over their periods, the unit selector first: others cannot be decoded without it."""
        selector = self.profile.unit_selector
        ordered = sorted(
            self.spans, key=lambda s: selector is None or all(p.name != selector.point for p in s.span.points)
        )
        for k, polled in enumerate(ordered):
            share = (k / len(ordered) + phase_ratio / len(ordered)) % 1.0
            polled.due_s = now_s + min(polled.period_s, self.config.poll_fast_s) * share

    def received(self, span: Span, words: Sequence[int], sent_s: float) -> None:
        """Decode one good reply into the table; what depends on the unit selector waits for its next reading."""
        self._missed = 0
        self._tell(None)
        for point in span.points:
            if not self._waits(point):
                sample = self._sample(point, span, words, sent_s)
                self._put(point, sample)
                self._watch_selector(point, sample)
        if any(self._waits(point) for point in span.points):
            self._gate.hold(HeldReading(span, words, sent_s))
            self._ask_selector(sent_s)

    def failed(self, span: Span, error: DeviceError, sent_s: float) -> None:
        """Turn a failed read into qualities: silence ages what is there, nonsense is bad at once."""
        self.note(error)
        rows = [self._rows[point.name] for point in span.points]
        if self._selector is not None and any(point.name == self._selector.point for point in span.points):
            self._gate.forget()
        silent, reason = failure_reason(error)
        if silent:
            self._table.silent(rows, reason)
            return
        for row in rows:
            self._metrics.samples_bad.labels(self.name, reason.label).inc()
            self._table.put(row, bad(reason, sent_s))

    def pause_if_silent(self, now_s: float) -> None:
        """Note a missed reply; a unit that missed several is asked again only after a pause."""
        self._missed += 1
        if self._missed >= SILENT_TIMEOUTS:
            for polled in self.spans:
                polled.due_s = max(polled.due_s, now_s + SILENT_PAUSE_S)

    def note(self, error: DeviceError) -> None:
        """Remember a failed exchange as the state of the device."""
        self._tell(error.fault, str(error))

    def unreachable(self) -> None:
        """Note that there is no connection; a heartbeat that nobody could watch has not stood still."""
        self._tell(self.fault or Fault.NOT_CONNECTED)
        self._beat = None
        self._gate.forget()
        self._table.silent(list(self._rows.values()), Reason.NOT_CONNECTED)

    def _tell(self, fault: Fault | None, detail: str = "") -> None:
        """Change the state of the device, and log it when it changes between up and down."""
        if fault is None and not self.up:
            log.info("device_up", device=self.name)
        elif fault is not None and self.up:
            log.warning("device_down", device=self.name, fault=fault.value, detail=detail)
        self.up, self.fault = fault is None, fault

    def _waits(self, point: RegisterPoint) -> bool:
        return self._selector is not None and point.imperial_unit is not None

    def _sample(
        self, point: RegisterPoint, span: Span, words: Sequence[int], sent_s: float, *, imperial: bool = False
    ) -> Sample:
        sample = decode_sample(point, slice_words(span, point, words), sent_s, imperial=imperial)
        if self.profile.heartbeat is not None and point.name == self.profile.heartbeat.theirs:
            self._watch_heartbeat(sample.value, sent_s)
        elif self._stopped(sent_s):
            sample = bad(Reason.STUCK, sent_s)
        return sample

    def _put(self, point: RegisterPoint, sample: Sample) -> None:
        if sample.quality is Quality.BAD:
            self._metrics.samples_bad.labels(self.name, sample.reason.label).inc()
        self._table.put(self._rows[point.name], sample)

    def _watch_selector(self, point: RegisterPoint, sample: Sample) -> None:
        if self._selector is None or point.name != self._selector.point:
            return
        if sample.quality is not Quality.GOOD:
            self._gate.forget()
            return
        for held in self._gate.confirm(sample.value, sample.time_s):
            imperial = sample.value == self._selector.imperial_value
            for waiting in (p for p in held.span.points if self._waits(p)):
                self._put(waiting, self._sample(waiting, held.span, held.words, held.sent_s, imperial=imperial))

    def _ask_selector(self, now_s: float) -> None:
        """Have the selector read right behind the block that waits for it: no more requests, one exchange later."""
        for polled in self.spans:
            if any(self._selector is not None and p.name == self._selector.point for p in polled.span.points):
                polled.due_s = min(polled.due_s, now_s)

    def _watch_heartbeat(self, count: float, now_s: float) -> None:
        if math.isfinite(count) and (self._beat is None or self._beat[0] != count):
            self._beat = (count, now_s)

    def _stopped(self, now_s: float) -> bool:
        """Return whether the device's program stands still while its Modbus server goes on answering (FM-18)."""
        beat = self.profile.heartbeat
        return beat is not None and self._beat is not None and now_s - self._beat[1] > beat.timeout_s

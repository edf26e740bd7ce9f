"""One unit on a Modbus bus: what becomes of each reply to what it was asked. Knows no socket."""

import math
from collections.abc import Sequence
from typing import Final

from coolantd.errors import DeviceError, Fault
from coolantd.point import Reason
from coolantd.protocol.spans import Span
from coolantd.service.agenda import Ask, AskKind
from coolantd.service.device_values import Taken
from coolantd.service.failures import failure_reason, is_busy, is_miss, is_refusal
from coolantd.service.modbus_unit import PROBE_S, WRONG_RETRY_S, ModbusUnit
from coolantd.service.read_plan import ONCE_RETRY_S, REFUSED_TEXT_RETRY_S

__all__ = ["BUSY_S", "PROBE_S", "WRONG_RETRY_S", "ModbusDevice"]

BUSY_S: Final = 1.0
"""Least pause after exceptions 5 and 6: the device asks for time."""


class ModbusDevice(ModbusUnit):
    """One unit: what it is asked, and where its values go."""

    def next_wish_s(self) -> float:
        """Return when ``release`` has something to do."""
        return self._reads.due_s

    def release(self, now_s: float) -> None:
        """Want a refused register again whose turn it is."""
        if self.trusted and not self.presence.dormant:
            self._reads.release(now_s)

    def sending(self, ask: Ask, now_s: float) -> float:
        """Note that a read is being sent; return how long the reply may take."""
        ask.schedule_next(now_s)
        self.agenda.touch()
        if self.presence.dormant:
            ask.due_s = now_s + self._probe_pause_s
            return self.presence.probe_deadline_s(ask.deadline_s)
        return ask.deadline_s

    def received(self, ask: Ask, words: Sequence[int], sent_s: float, *, took_s: float = 0.0) -> None:
        """Take one good reply; what depends on the unit selector waits for its next reading."""
        now_s = sent_s + took_s
        self._heard(took_s, now_s)
        if ask.kind is AskKind.IDENTITY:
            self._identified(ask, words, sent_s, now_s)
        elif not self.trusted:
            return  # it has just returned: nothing is believed before it has said who it is
        elif ask.kind is AskKind.PROBE:
            self._reads.set.heard()
        else:
            self.raw.store(ask.table, ask.address, words, sent_s)
            self._reads.answered(ask, now_s)
            if ask.text is not None:
                self._intro.hear(ask.text, words)
                self.agenda.drop(ask)
                self._follow_firmware(now_s)
            elif ask.span is not None:
                self._take(ask.span, words, sent_s, now_s)
        self._tell(None)

    def failed(self, ask: Ask, error: DeviceError, sent_s: float, *, took_s: float = 0.0) -> None:
        """Turn a failed read into qualities: silence ages what is there, nonsense is bad at once."""
        now_s = sent_s + took_s
        points = () if ask.span is None else ask.span.points
        self._values.not_read(points)
        silent, reason = failure_reason(error)
        refused = is_refusal(error)
        self._again(ask, error, now_s)
        known = self.trusted and not self.presence.dormant
        self._judge(error, took_s, now_s)
        if not known or self.presence.dormant or ask.kind is AskKind.PROBE:
            return
        if silent:
            self._values.silent(points, reason)
        elif not (refused and self._reads.refused(ask, now_s)):
            self._values.put_bad(points, reason, sent_s)
        if refused:
            self._show_refused()
            self._keep_alive(now_s)

    def write_bar(self) -> Fault | None:
        """Return why nothing may be sent to the unit to be written, None if it may."""
        if not self.trusted:
            return Fault.WRONG_DEVICE
        return Fault.NOT_CONNECTED if self.presence.dormant else None

    def written(self, took_s: float, now_s: float) -> None:
        """Note that it acknowledged a write."""
        self._heard(took_s, now_s)
        self._tell(None)

    def write_failed(self, error: DeviceError, took_s: float, now_s: float) -> None:
        """Note that a write failed."""
        self._judge(error, took_s, now_s)

    def _judge(self, error: DeviceError, took_s: float, now_s: float) -> None:
        """Draw from a failed exchange what it says of the unit."""
        if error.fault in (Fault.CONNECTION_LOST, Fault.NOT_CONNECTED):
            self._tell(error.fault, str(error))
            return
        if is_miss(error):
            if self.presence.missed():
                self._lost(Reason.NO_COMMUNICATION)
                self._probe(now_s + self._probe_pause_s)
        elif error.fault is Fault.EXCEPTION:
            self._heard(took_s, now_s)
        else:
            self.presence.garbled()
        # A unit that has refused whatever it was asked since it came is no more up than a silent one (FM-36).
        if self.presence.lost or (error.fault is Fault.EXCEPTION and not (self.trusted and self.up)):
            self._tell(error.fault, str(error))

    def _again(self, ask: Ask, error: DeviceError, now_s: float) -> None:
        """Decide when a failed read is tried again."""
        refused = is_refusal(error)
        extra = ask.kind is AskKind.VALUES and math.isinf(ask.due_s) and ask not in self._reads.spans
        if extra and not refused:
            self.agenda.drop(ask)  # whatever wanted it wants it again in its own time
        elif is_busy(error):
            ask.due_s = now_s + max(BUSY_S, ask.period_s if math.isfinite(ask.period_s) else BUSY_S)
        elif math.isinf(ask.due_s) and ask.kind is not AskKind.VALUES:
            ask.due_s = now_s + (REFUSED_TEXT_RETRY_S if refused and ask.kind is AskKind.TEXT else ONCE_RETRY_S)
        elif math.isinf(ask.due_s) and not refused:
            ask.due_s = now_s + ONCE_RETRY_S
        self.agenda.touch()

    def _identified(self, ask: Ask, words: Sequence[int], sent_s: float, now_s: float) -> None:
        if self._intro.identify(words):
            self.raw.store(ask.table, ask.address, words, sent_s)
            self._begin(now_s)
            self._reads.set.heard()
            self._tell(None)
        else:
            self._wrong(now_s)

    def _take(self, span: Span, words: Sequence[int], sent_s: float, now_s: float) -> None:
        if not self._intro.still_agrees(span, words):
            self._wrong(now_s)
            return
        taken = self._values.take(span, words, sent_s)
        if taken is Taken.RESTARTED:
            self._restarted(now_s)
        elif taken is Taken.SELECTOR:
            self._ask_selector(sent_s)

    def _ask_selector(self, now_s: float) -> None:
        """Have the selector read right behind the block that waits for it: no more requests, one exchange later."""
        for ask in self._reads.spans:
            points = () if ask.span is None else ask.span.points
            if any(self._selector is not None and p.name == self._selector.point for p in points):
                ask.due_s = min(ask.due_s, now_s)
        self.agenda.touch()

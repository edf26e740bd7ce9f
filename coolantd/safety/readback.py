"""What a device made of our writes: ours, on its way, ignored, limited, or another writer's. Pure: time is an argument.

A setpoint register may show what it showed before, then each value sent, in order; each must show at the latest some
time after its acknowledgement. A reading that is none of these was written by somebody else, and is said so at the
first sample that shows it (FM-22). What cannot be told apart is decided for the device and against the suspicion: a
register that does not move has ignored the write; one that moved part of the way toward it has limited it.

Knows one register's values and times; must never know modes, budgets or devices.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

VERIFY_AGE_S: Final = 2.0
"""A readback counts against a write once it was requested this long after the acknowledgement: real status blocks are
refreshed about once a second."""
IN_TRANSIT_MAX: Final = 256
"""Values remembered on their way: two a second for two minutes, more than any device in the profiles delays."""
LIMIT_S: Final = 300.0
"""For so long a limit that the device has shown is believed; then the value beyond it is tried again."""


class Verdict(StrEnum):
    """What one readback says."""

    UNKNOWN = "unknown"
    """Nothing was written yet, or there is nothing to compare."""
    OURS = "ours"
    IN_TRANSIT = "in_transit"
    IGNORED = "ignored"
    """The register still shows what it showed before a write that it must show by now ("0 = no change")."""
    LIMITED = "limited"
    """The register moved toward what was written and stopped short of it."""
    OTHER_WRITER = "other_writer"


@dataclass(slots=True)
class InTransit:
    """A value sent.

    Attributes:
        shown_by_s: a readback requested then or later must show it; inf while it is not acknowledged, and for good
            where it may have reached the device but need not have.
    """

    value: float
    shown_by_s: float = math.inf


@dataclass(slots=True)
class Readback:
    """One register, as its readbacks show it.

    Attributes:
        tolerance: largest difference between a value and its readback.
        delay_s: the device's own, see ``verify_delay_s`` of the write rule.
        base: what the register is known to show; NaN if not known.
        base_s: when the last reading that fitted was requested.
        sent: values sent since, oldest first.
        owned: something was sent since the register was last forgotten; before that nobody's value is foreign.
        moving_until_s: so long a move toward the newest value sent is taken for the device's doing.
        limit_low, limit_high: what the device seems to limit values to.
        limit_until_s: so long nothing beyond a limit is worth a write.
    """

    tolerance: float = 0.5
    delay_s: float = 0.0
    base: float = math.nan
    base_s: float = -math.inf
    sent: deque[InTransit] = field(default_factory=lambda: deque(maxlen=IN_TRANSIT_MAX))
    owned: bool = False
    moving_until_s: float = -math.inf
    limit_low: float = -math.inf
    limit_high: float = math.inf
    limit_until_s: float = -math.inf

    def send(self, value: float) -> InTransit:
        """Note that a value is on its way; give what is returned back when its fate is known."""
        entry = InTransit(value)
        self.sent.append(entry)
        self.owned, self.moving_until_s = True, math.inf
        return entry

    def acknowledge(self, entry: InTransit, now_s: float) -> None:
        """Note that the device took a value, at the latest now."""
        self._keep(entry)
        self.moving_until_s = entry.shown_by_s = now_s + max(VERIFY_AGE_S, self.delay_s)

    def doubt(self, entry: InTransit, now_s: float) -> None:
        """Note that a value may or may not have reached the device: it may show, but need not."""
        self._keep(entry)
        self.moving_until_s = now_s + max(VERIFY_AGE_S, self.delay_s)

    def drop(self, entry: InTransit) -> None:
        """Note that a value certainly never reached the device."""
        self.sent = deque((each for each in self.sent if each is not entry), maxlen=IN_TRANSIT_MAX)
        self.moving_until_s = -math.inf

    def forget(self) -> None:
        """Know nothing of the register from now on: it was out of touch, restarted or somebody else's."""
        self.base = math.nan
        self.sent.clear()
        self.owned = False
        self.limit_low, self.limit_high, self.limit_until_s = -math.inf, math.inf, -math.inf

    def hold(self, value: float) -> None:
        """Take a value for what the register holds: the next change of it is another's."""
        self.forget()
        self.base, self.base_s, self.owned = value, -math.inf, True

    def within_limits(self, value: float, now_s: float) -> float:
        """Return the value as the device would limit it: beyond a limit just shown, nothing is worth a write."""
        if now_s >= self.limit_until_s:
            return value
        return min(max(value, self.limit_low), self.limit_high)

    def judge(self, reading: float, asked_s: float) -> Verdict:
        """Judge one reading.

        Args:
            reading: finite, of good quality.
            asked_s: when it was requested.
        """
        if not self.owned:
            self.base, self.base_s = reading, asked_s
            while self.sent and self.sent[0].shown_by_s <= asked_s:
                self.sent.popleft()
            return Verdict.UNKNOWN
        if math.isnan(self.base):
            self.base, self.base_s = reading, asked_s
        overdue = max((k for k, each in enumerate(self.sent) if each.shown_by_s <= asked_s), default=-1)
        if overdue < 0 and self._is(reading, self.base):
            self.base_s = asked_s
            return Verdict.IN_TRANSIT if self.sent else Verdict.OURS
        for k in range(max(overdue, 0), len(self.sent)):
            if self._is(reading, self.sent[k].value):
                return self._shows(k, asked_s)
        if self._is(reading, self.base):
            return self._stays(asked_s)
        if self._stopped_short(reading):
            return self._limit(reading, asked_s)
        return Verdict.OTHER_WRITER

    def _is(self, reading: float, value: float) -> bool:
        return abs(reading - value) <= self.tolerance

    def _keep(self, entry: InTransit) -> None:
        """Expect a value again that was forgotten while it was in flight."""
        if not any(each is entry for each in self.sent):
            self.sent.append(entry)

    def _shows(self, k: int, asked_s: float) -> Verdict:
        """Take the k-th value sent as what the register shows: nothing older can come back."""
        for _ in range(k):
            self.sent.popleft()
        self.base, self.base_s = self.sent.popleft().value, asked_s
        if not self.limit_low <= self.base <= self.limit_high:
            self.limit_low, self.limit_high = -math.inf, math.inf
        return Verdict.IN_TRANSIT if self.sent else Verdict.OURS

    def _stays(self, asked_s: float) -> Verdict:
        """Judge a register that has not moved although it must have by now; it may still do so late."""
        newest = self.sent[-1].value
        at_limit = self._is(min(max(newest, self.limit_low), self.limit_high), self.base)
        if at_limit and not self._is(newest, self.base):
            return self._limit(self.base, asked_s)
        self._expect_newest_only()
        self.base_s, self.moving_until_s = asked_s, -math.inf
        return Verdict.IGNORED

    def _stopped_short(self, reading: float) -> bool:
        """Return whether a reading lies between what was shown and the newest value sent, just after that was sent."""
        if not self.sent or self.base_s >= self.moving_until_s:
            return False
        low, high = sorted((self.base, self.sent[-1].value))
        return low < reading < high

    def _limit(self, reading: float, asked_s: float) -> Verdict:
        """Believe a limit for a while; the value may still show, for the register may only be slow."""
        rising = self.sent[-1].value > reading
        self.limit_low, self.limit_high = (-math.inf, reading) if rising else (reading, math.inf)
        self.limit_until_s = asked_s + LIMIT_S
        self._expect_newest_only()
        self.base, self.base_s = reading, asked_s
        return Verdict.LIMITED

    def _expect_newest_only(self) -> None:
        """Let what was acknowledged no longer be due; the newest may still show."""
        newest = self.sent[-1]
        newest.shown_by_s = math.inf
        self.sent.clear()
        self.sent.append(newest)

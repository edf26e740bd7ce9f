"""Holds back readings whose unit another point decides, until that point has confirmed it. Knows no device.

A coil can turn a whole status block from metric to imperial between two polls. A reading counts only if the selector,
read before it and read again after it, said the same, and has said so for long enough that the block followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from coolantd.protocol.spans import Span

SETTLE_S: Final = 3.0
"""After a change of unit the block may still hold old values: real ones are refreshed about once a second, and the
selector itself was seen up to a poll late. Readings of that time are dropped, never guessed."""


@dataclass(frozen=True, slots=True)
class HeldReading:
    """One block of registers as it was read."""

    span: Span
    words: Sequence[int]
    sent_s: float


@dataclass(slots=True)
class UnitGate:
    """One selector and the readings that wait for it.

    Attributes:
        value: what the selector said last; None before the first good reading.
        changed_s: when it was first seen to say so; -inf for the first value ever seen.
        current: it was read since the device was last out of touch.
    """

    value: float | None = None
    changed_s: float = float("-inf")
    current: bool = False
    _held: list[HeldReading] = field(default_factory=list)

    def hold(self, reading: HeldReading) -> None:
        """Keep a reading until the selector is read again; a newer one of the same span replaces it."""
        self._held = [held for held in self._held if held.span is not reading.span]
        if self.value is not None:
            self._held.append(reading)

    def forget(self) -> None:
        """Drop what waits: the selector could not be read."""
        self._held.clear()

    def lose(self) -> None:
        """Note that the device is out of touch: whatever its selector says now, it may have been turned."""
        self.forget()
        self.current = False

    def confirm(self, value: float, sent_s: float) -> list[HeldReading]:
        """Take a good reading of the selector; return the readings it confirms, to be decoded by ``value``."""
        held, self._held = self._held, []
        self.current = True
        if value != self.value:
            self.changed_s = sent_s if self.value is not None else self.changed_s
            self.value = value
            return []
        return [reading for reading in held if reading.sent_s - self.changed_s > SETTLE_S]

"""When a value is worth a write, and whether the register may be written yet. Pure: time is an argument.

Registers wear out (100 000 cycles in the memory of many drives, FM-50) and devices want time between two writes. A
point may therefore have a least interval and a budget of writes an hour, kept by a token bucket that cannot exceed it
in *any* hour. As the bucket empties, smaller changes are no longer worth a write: the deadband widens by

    deadband * (1 + (DEADBAND_WIDEST - 1) * (1 - left))

where ``left`` is the share of its tokens that this kind of write still has. Urgent writes (starting, failsafe, manual,
end of a yield, a lease that runs out) have a reserve that ordinary ones cannot touch, and beyond it they pass all the
same and are counted: safety goes before wear.

Knows neither registers nor modes nor what a value means; ``readback`` judges what the device made of a write.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from coolantd.safety.write_budget import Permission, WriteBudget, WritePolicy

DEADBAND_WIDEST: Final = 10.0
"""With 0.1 % this is 1 %, about what a valve's own actuator resolves: beyond it control would suffer, not the wear."""
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 60.0
"""Between attempts at a write that the device refuses or ignores: doubling from the first to the longest."""


class Due(StrEnum):
    """Why a value must be written now."""

    NO = "no"
    CHANGE = "change"
    LEASE = "lease"


@dataclass(slots=True)
class WriteState:
    """What is remembered of one point's writing.

    Attributes:
        written: last acknowledged value; NaN before the first.
        written_s: when it was sent.
        held: what the register is believed to hold; NaN if unknown, so that the next value is written.
        attempt: last value sent, acknowledged or not: a command is never repeated.
        attempt_s: when.
        in_flight: sent and not yet answered; NaN if none.
        next_try_s: no write before this time.
        retry_s: pause after the next refused or ignored write.
    """

    written: float = math.nan
    written_s: float = -math.inf
    held: float = math.nan
    attempt: float = math.nan
    attempt_s: float = -math.inf
    in_flight: float = math.nan
    next_try_s: float = -math.inf
    retry_s: float = RETRY_FIRST_S
    budget: WriteBudget = field(default_factory=WriteBudget)

    def deadband(self, policy: WritePolicy, now_s: float, *, urgent: bool) -> float:
        """Return the change that is worth a write now (module docstring)."""
        spent = 1.0 - self.budget.left(policy, now_s, urgent=urgent)
        return policy.deadband * (1.0 + (DEADBAND_WIDEST - 1.0) * spent)

    def due(self, policy: WritePolicy, value: float, now_s: float, *, urgent: bool) -> Due:
        """Return whether, and why, a value must be sent."""
        if not math.isnan(self.in_flight) or now_s < self.next_try_s:
            return Due.NO
        known = self.attempt if policy.once else self.held
        if not abs(value - known) < self.deadband(policy, now_s, urgent=urgent):  # True for an unknown one
            return Due.CHANGE
        lapses = math.isfinite(policy.refresh_s) and now_s - self.written_s >= policy.refresh_s
        return Due.LEASE if lapses else Due.NO

    def permitted(self, policy: WritePolicy, now_s: float, *, urgent: bool) -> Permission:
        """Return whether the point may be written now; counts nothing."""
        if now_s - self.attempt_s < policy.min_interval_s:
            return Permission.INTERVAL
        return self.budget.granted(policy, now_s, urgent=urgent)

    def send(self, policy: WritePolicy, value: float, now_s: float) -> None:
        """Note that a value is on its way."""
        self.budget.spend(policy, now_s)
        self.in_flight = self.attempt = value
        self.attempt_s = now_s

    def acknowledge(self) -> None:
        """Note that the device took the value in flight."""
        self.written = self.held = self.in_flight
        self.written_s = self.attempt_s
        self.in_flight = math.nan

    def fail(self, policy: WritePolicy, *, refused: bool, reached: bool) -> None:
        """Note that the write in flight failed.

        Args:
            policy: of the point.
            refused: the device said no, and would say it again: the pause doubles.
            reached: it may have reached the device all the same; else it costs no budget.
        """
        self.in_flight = math.nan
        self.next_try_s = self.attempt_s + (self.pause_s() if refused else RETRY_FIRST_S)
        if not reached:
            self.budget.refund(policy)

    def ignored(self, held: float) -> None:
        """Note that the register still holds what it held before the last write."""
        self.held = held
        self.next_try_s = self.attempt_s + self.pause_s()

    def pause_s(self) -> float:
        """Return the pause before the next attempt, and double the one after it."""
        pause_s, self.retry_s = self.retry_s, min(self.retry_s * 2.0, RETRY_MAX_S)
        return pause_s

    def lose(self) -> None:
        """Forget what the register holds: it was restarted, out of touch, or another's."""
        self.held = math.nan
        self.next_try_s = -math.inf
        self.retry_s = RETRY_FIRST_S

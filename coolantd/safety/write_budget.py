"""How often a point may be written: a token bucket that cannot exceed an hourly budget in *any* hour. Pure.

Registers wear out (100 000 cycles in the memory of many drives, FM-50). Urgent writes have a reserve that ordinary ones
cannot touch, and beyond it they pass all the same and are counted: safety goes before wear.

Knows counts and times; must never know values.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

HOUR_S: Final = 3600.0
BURST_SHARE: Final = 0.25
"""Of the budget, what may be spent at once: a load step needs some 20 writes within a minute."""
RESERVE_SHARE: Final = 1.0 / 3.0
"""Of the burst, what is kept for urgent writes."""
ROUNDING: Final = 1e-9
"""The refill is slower by this share, so that rounding can never add a write to an hour."""
DUST: Final = 1e-6
"""What rounding may take from a token: a lease renewed exactly as often as the budget allows is not over it."""


class Permission(StrEnum):
    """Whether a write may go now; the labels of ``coolantd_writes_deferred_total``."""

    GRANTED = "granted"
    OVER_BUDGET = "over_budget"
    """Granted because it is urgent, although nothing is left."""
    INTERVAL = "interval"
    BUDGET = "budget"

    @property
    def deferred(self) -> bool:
        """Return whether the write has to wait."""
        return self in (Permission.INTERVAL, Permission.BUDGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePolicy:
    """What one point's profile says about writing it.

    Attributes:
        deadband: least change worth a write, in the point's unit, > 0.
        refresh_s: lease after which an unchanged value is written again; inf for one that the device keeps.
        once: the value acts when it is written: it is never repeated, not even after a failure.
        min_interval_s: least time between two writes; holds for urgent ones too, it is what the device can take.
        writes_per_hour_max: budget of any 3600 s; None for no limit.
        tolerance: largest difference between a value and its readback.
        verify_delay_s: longest time before a read shows what was acknowledged.
    """

    deadband: float = 0.1
    refresh_s: float = 30.0
    once: bool = False
    min_interval_s: float = 0.0
    writes_per_hour_max: int | None = None
    tolerance: float = 0.5
    verify_delay_s: float = 0.0

    @property
    def burst(self) -> int:
        """Return the tokens of a full bucket, 0 without a budget.

        The refill is at least one token per lease, so that the budget never lets one lapse.
        """
        if self.writes_per_hour_max is None:
            return 0
        leases = math.ceil(HOUR_S / self.refresh_s)
        return max(min(math.ceil(self.writes_per_hour_max * BURST_SHARE), self.writes_per_hour_max + 1 - leases), 1)

    @property
    def reserve(self) -> int:
        """Return the tokens that only urgent writes may use."""
        return int(self.burst * RESERVE_SHARE)

    @property
    def refill_per_s(self) -> float:
        """Return tokens per second.

        n writes within an hour mean n <= burst + refill * elapsed < burst + (max - burst + 1), that is n <= max.
        """
        if self.writes_per_hour_max is None:
            return 0.0
        return (self.writes_per_hour_max - self.burst + 1) / HOUR_S * (1.0 - ROUNDING)


@dataclass(slots=True)
class WriteBudget:
    """Tokens of one point and the writes of its last hour; a full bucket at first.

    A restart of the daemon begins with a full bucket: what was written before it is not known. A reload keeps it.
    """

    tokens: float = math.inf
    time_s: float = -math.inf
    sent_s: deque[float] = field(default_factory=deque)
    """When writes were sent, of the last hour; only kept for a point with a budget, so bounded by it."""

    def left(self, policy: WritePolicy, now_s: float, *, urgent: bool) -> float:
        """Return the share of its tokens that a kind of write still has: 1 with a full bucket, 0 with none."""
        if policy.writes_per_hour_max is None:
            return 1.0
        self._refill(policy, now_s)
        kept = 0 if urgent else policy.reserve
        return min(max((self.tokens - kept) / (policy.burst - kept), 0.0), 1.0)

    def granted(self, policy: WritePolicy, now_s: float, *, urgent: bool) -> Permission:
        """Return whether a token is there for one write."""
        if policy.writes_per_hour_max is None:
            return Permission.GRANTED
        self._refill(policy, now_s)
        if self.tokens >= (1.0 - DUST if urgent else 1.0 + policy.reserve):
            return Permission.GRANTED
        return Permission.OVER_BUDGET if urgent else Permission.BUDGET

    def spend(self, policy: WritePolicy, now_s: float) -> None:
        """Take a token for a write that is being sent; debt beyond a whole burst is forgiven, or it would never end."""
        if policy.writes_per_hour_max is None:
            return
        self._refill(policy, now_s)
        self.tokens = max(self.tokens - 1.0, -float(policy.burst))
        self.sent_s.append(now_s)
        if len(self.sent_s) > 2 * policy.writes_per_hour_max:
            self.sent_s.popleft()

    def refund(self, policy: WritePolicy) -> None:
        """Give the last token back: that write certainly never reached the device."""
        if policy.writes_per_hour_max is not None and self.sent_s:
            self.tokens += 1.0
            self.sent_s.pop()

    def used_ratio(self, policy: WritePolicy, now_s: float) -> float:
        """Return the writes of the last hour as a share of the budget; NaN without one, at most 2."""
        if policy.writes_per_hour_max is None:
            return math.nan
        while self.sent_s and self.sent_s[0] <= now_s - HOUR_S:
            self.sent_s.popleft()
        return len(self.sent_s) / policy.writes_per_hour_max

    def _refill(self, policy: WritePolicy, now_s: float) -> None:
        elapsed_s = max(now_s - self.time_s, 0.0)
        self.tokens = min(self.tokens + policy.refill_per_s * elapsed_s, float(policy.burst))
        self.time_s = max(now_s, self.time_s)

"""What an operator's override is: plain frozen values. Knows no plant; time is an argument.

An override holds one actuator, one loop's setpoint or the pressure loop's output for an operator, for a lease.
Whoever gives one says who they are, why and for how long; nothing renews it but another order.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

LEASE_DEFAULT_S: Final = 1800.0
"""Half an hour: as long as a person at a machine needs, short enough that a forgotten one does not last a day."""
LEASE_MIN_S: Final = 10.0
"""A shorter one is over before the actuator has arrived."""
LEASE_MAX_S: Final = 8 * 3600.0
"""One shift (FM-24): what must hold for longer belongs in the configuration."""
REASON_CHARS: Final = (3, 200)
"""A word at least, a sentence at most."""
OWNER_CHARS_MAX: Final = 64


class Kind(IntEnum):
    """What is held."""

    ACTUATOR = 0
    SETPOINT = 1
    OUTPUT = 2
    """Of the pressure loop: its pumps share it as they would share the loop's own. A valve's loop has no other output
    than the valve, so there the actuator is held."""


class Standing(IntEnum):
    """Whether an override is in force, or who has what it holds meanwhile."""

    IN_FORCE = 0
    RETURNING = 1
    """It has ended; the loop goes back gently to where it wants to be."""
    CDU_NOT_CONTROLLED = 2
    """Failsafe, starting or a trip: these outrank an operator."""
    OTHER_WRITER = 3
    """Whoever writes the register at the device has it (FM-22, FM-23)."""
    OUT_OF_TOUCH = 4
    LAST_PUMP = 5
    """It would stop the only pump that could run (I3)."""
    ARRIVED = 6
    """It has ended, and what it held is where its loop wants it."""
    FORCED = 7
    """An interlock or a trip has the actuator."""

    @property
    def sentence(self) -> str:
        """Return it for an operator; empty while in force."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Standing.IN_FORCE: "",
    Standing.RETURNING: "ended, going back to the loop",
    Standing.CDU_NOT_CONTROLLED: "outranked: the CDU is not under control",
    Standing.OTHER_WRITER: "outranked: the register is left to another writer",
    Standing.OUT_OF_TOUCH: "waiting: the actuator is out of touch",
    Standing.LAST_PUMP: "outranked: no other pump of the CDU could run",
    Standing.ARRIVED: "ended",
    Standing.FORCED: "outranked: an interlock has the actuator",
}


class End(IntEnum):
    """Why an override ended."""

    NONE = 0
    LEASE = 1
    RELEASED = 2
    GONE = 3
    """The configuration has no such actuator or loop any more, or does not allow the value."""

    @property
    def label(self) -> str:
        """Return it as it appears in the journal and in metrics."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an override holds.

    Attributes:
        kind: whether ``device`` and ``name`` are an actuator's tag, or ``device`` a CDU's name and ``name`` its loop.
        row: index of the actuator or the CDU in the plan. loop: index of the loop, 0 for an actuator.
        unit: of the value.
    """

    kind: Kind
    device: str
    name: str
    row: int
    loop: int = 0
    unit: str = "%"

    @property
    def key(self) -> str:
        """Return it as orders, metrics and files name it: ``device.point``, ``cdu/loop`` or ``cdu/loop/output``."""
        if self.kind is Kind.ACTUATOR:
            return f"{self.device}.{self.name}"
        return f"{self.device}/{self.name}" + ("/output" if self.kind is Kind.OUTPUT else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One override.

    Attributes:
        value: %, or the unit of the process variable for a setpoint.
        uid, owner: whose it is: the user id of who gave the order, and the name they gave.
        reason: in their words.
        begun_s, until_s: monotonic. lease_s: what was granted.
        standing: in the last cycle. end: why it has ended; ``ended_s`` when.
    """

    target: Target
    value: float
    uid: int
    owner: str
    reason: str
    begun_s: float
    until_s: float
    lease_s: float
    standing: Standing = Standing.IN_FORCE
    end: End = End.NONE
    ended_s: float = math.nan

    @property
    def over(self) -> bool:
        """Return whether it holds nothing any more."""
        return self.end is not End.NONE

    def left_s(self, now_s: float) -> float:
        """Return how long it still holds, 0 when it is over; never more than what was granted."""
        return 0.0 if self.over else min(max(self.until_s - now_s, 0.0), self.lease_s)

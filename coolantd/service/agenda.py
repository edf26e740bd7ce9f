"""What one unit wants to be asked, and when. Knows reads and given times; neither a bus nor what is read."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final

from coolantd.protocol.kinds import Table
from coolantd.protocol.profile import TextPoint
from coolantd.protocol.spans import Span

PATIENCE_MAX_S: Final = 10.0
"""However rarely something is read, it waits no longer than this for a bus that always has something more urgent."""


class Lane(IntEnum):
    """Two of the three lanes of a bus; writes, the first, are not asked for but submitted."""

    SAFETY = 0
    TELEMETRY = 1


STARVED_PERIODS: Final = {Lane.SAFETY: 0.5, Lane.TELEMETRY: 1.0}
"""How far overdue, in its own periods, a read goes between two of the lane above."""


class AskKind(Enum):
    """What becomes of the reply."""

    VALUES = "values"
    TEXT = "text"
    IDENTITY = "identity"
    PROBE = "probe"


@dataclass(slots=True, eq=False)
class Ask:
    """One read that a device wants.

    Attributes:
        kind: what becomes of the reply.
        table, address, count: what is read.
        lane: how urgent it is.
        period_s: how often; inf for what is read once.
        deadline_s: how long one reply may take.
        due_s: when next; inf while it is not wanted.
        span: the points it carries, for ``VALUES``.
        text: for ``TEXT``.
    """

    kind: AskKind
    table: Table
    address: int
    count: int
    lane: Lane
    period_s: float
    deadline_s: float
    due_s: float = 0.0
    span: Span | None = None
    text: TextPoint | None = None
    patience_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Derive how far overdue it may become before it goes before what is more urgent."""
        self.patience_s = min(STARVED_PERIODS[self.lane] * self.period_s, PATIENCE_MAX_S)

    def schedule_next(self, now_s: float) -> None:
        """Move to the next slot of the same phase that is still to come; missed slots are skipped, not caught up."""
        if math.isinf(self.period_s):
            self.due_s = math.inf
            return
        missed = max(math.floor((now_s - self.due_s) / self.period_s) + 1, 1)
        self.due_s += missed * self.period_s


class Agenda:
    """The asks of one device, and the first of each lane, found again only after something changed.

    Attributes:
        asks: in no order.
    """

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self._fresh = False
        self._first: list[Ask | None] = [None, None]
        self._neediest: list[Ask | None] = [None, None]

    def replace(self, asks: Iterable[Ask]) -> None:
        """Want these reads and no others."""
        self.asks = list(asks)
        self._fresh = False

    def add(self, ask: Ask) -> None:
        """Want one more read."""
        self.asks.append(ask)
        self._fresh = False

    def drop(self, ask: Ask) -> None:
        """Want a read no longer, if it was wanted."""
        self.asks = [other for other in self.asks if other is not ask]
        self._fresh = False

    def touch(self) -> None:
        """Note that the due time of an ask has changed."""
        self._fresh = False

    def first(self, lane: Lane) -> Ask | None:
        """Return the read of a lane that is due first."""
        if not self._fresh:
            self._find()
        return self._first[lane]

    def neediest(self, lane: Lane) -> Ask | None:
        """Return the read of a lane whose patience ends first."""
        if not self._fresh:
            self._find()
        return self._neediest[lane]

    def _find(self) -> None:
        first: list[Ask | None] = [None, None]
        neediest: list[Ask | None] = [None, None]
        for ask in self.asks:
            lane, due_s = ask.lane, ask.due_s
            best = first[lane]
            if best is None or due_s < best.due_s:
                first[lane] = ask
            needy = neediest[lane]
            if needy is None or due_s + ask.patience_s < needy.due_s + needy.patience_s:
                neediest[lane] = ask
        self._first, self._neediest, self._fresh = first, neediest, True

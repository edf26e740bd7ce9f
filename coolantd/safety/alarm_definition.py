"""What is fixed of each kind of alarm: how much it matters, what an operator is told, how it is timed and related.

Pure data and its rules. It must never know where an alarm comes from nor what becomes of it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

DELAY_MAX_S: Final = 3600.0
"""A condition that may stand for longer before anybody is told needs no alarm."""
TEXT_CHARS_MAX: Final = 200
"""Of cause, consequence, action, detail, owner and reason: what fits on two lines of a display."""


class Priority(IntEnum):
    """How soon an operator must act; the lower the number, the sooner."""

    CRITICAL = 0
    """Now: coolant or racks are at stake. Never hidden."""
    HIGH = 1
    """Within minutes."""
    MEDIUM = 2
    """Within the shift."""
    LOW = 3
    """At the next opportunity."""

    @property
    def label(self) -> str:
        """Return the priority as it appears in metrics, JSON and tables."""
        return self.name.lower()


class Key(NamedTuple):
    """One alarm: there is one for each kind and subject, however often or in how many ways it is noticed (A1)."""

    kind: str
    subject: str

    @property
    def tag(self) -> str:
        """Return the name an operator gives it by."""
        return f"{self.subject}/{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One kind of alarm.

    Attributes:
        priority: how soon somebody must act.
        cause, consequence, action: for people, half sentences without a full stop.
        on_delay_s: how long its condition must hold before it is raised, 0 to 3600 s.
        off_delay_s: how long its condition must be gone before it clears, 0 to 3600 s: a dead-band in time.
        inhibit_s: not raised within this time of the start, 0 to 3600 s.
        latching: stays until acknowledged after its condition has gone; such an alarm is never hidden.
        suppressed_by: kinds before it in the order that explain it; while one of them stands for its subject or a
            parent of it, it is hidden.
        group: kinds of one group in one scope are related: the first of them is marked (first-out); empty: none.
    """

    priority: Priority
    cause: str
    consequence: str
    action: str
    on_delay_s: float = 0.0
    off_delay_s: float = 5.0
    inhibit_s: float = 0.0
    latching: bool = False
    suppressed_by: tuple[str, ...] = ()
    group: str = ""

    @property
    def may_be_hidden(self) -> bool:
        """Return whether it may be shelved, suppressed or put out of service (A6)."""
        return self.priority is not Priority.CRITICAL and not self.latching


class Definitions:
    """Every kind there is, in order: of two that begin together the earlier one counts as the first.

    Args:
        kinds: definition by kind.

    Attributes:
        problems: what is wrong with them, in sentences; empty as it should be.
    """

    def __init__(self, kinds: Mapping[str, Definition]) -> None:
        self._kinds = dict(kinds)
        self._ranks = {kind: rank for rank, kind in enumerate(self._kinds)}
        self.problems = tuple(_problems(self._kinds))

    def __getitem__(self, kind: str) -> Definition:
        """Return the definition of a kind."""
        return self._kinds[kind]

    def __contains__(self, kind: str) -> bool:
        """Return whether there is such a kind."""
        return kind in self._kinds

    def __iter__(self) -> Iterator[str]:
        """Yield every kind in order."""
        return iter(self._kinds)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kinds)

    def rank(self, kind: str) -> int:
        """Return the place of a kind in the order."""
        return self._ranks[kind]


def _problems(kinds: Mapping[str, Definition]) -> Iterable[str]:
    before: set[str] = set()
    for kind, each in kinds.items():
        for name in ("on_delay_s", "off_delay_s", "inhibit_s"):
            delay_s = getattr(each, name)
            if not (math.isfinite(delay_s) and 0.0 <= delay_s <= DELAY_MAX_S):
                yield f"{kind}: {name} is {delay_s!r}, allowed: 0 to {DELAY_MAX_S:g}"
        for name in ("cause", "consequence", "action"):
            if not 0 < len(getattr(each, name)) <= TEXT_CHARS_MAX:
                yield f"{kind}: {name} has {len(getattr(each, name))} characters, allowed: 1 to {TEXT_CHARS_MAX}"
        if each.suppressed_by and not each.may_be_hidden:
            yield f"{kind}: suppressed by {each.suppressed_by[0]}, allowed: nothing, as it is critical or latching (A6)"
        for parent in each.suppressed_by:
            if parent not in before:
                yield f"{kind}: suppressed by {parent}, allowed: a kind that stands before it"
        before.add(kind)

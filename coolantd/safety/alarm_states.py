"""The states of an alarm after ISA-18.2 and every way from one to another, as one table. Knows no values, only events.

    normal --raised--> unacknowledged --acknowledged--> acknowledged --cleared--> normal
                            |cleared                        |cleared, latching
                            v                               v
                        returned --acknowledged--> normal   latched --acknowledged--> normal

Shelved, suppressed and out of service hide an alarm; what hid it ends with ``released``. The table answers every
event in every state.
"""

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """What an alarm is to its operator."""

    NORMAL = 0
    UNACKNOWLEDGED = 1
    ACKNOWLEDGED = 2
    RETURNED = 3
    """Its condition has gone before anybody acknowledged it."""
    LATCHED = 4
    """Its condition has gone; it stays until an acknowledgement given after that, whatever was acknowledged before."""
    SHELVED = 5
    """Hidden by an operator for a limited time."""
    SUPPRESSED = 6
    """Its condition is there, and hidden by design because it follows from another alarm's."""
    OUT_OF_SERVICE = 7
    """Hidden by an operator until further notice."""

    @property
    def label(self) -> str:
        """Return the state as it appears in metrics, JSON and tables."""
        return self.name.lower()


class Event(IntEnum):
    """What may happen to an alarm."""

    RAISED = 0
    """Its condition has held for its on-delay."""
    CHANGED = 1
    """Its condition is there and concerns another part than any before."""
    CLEARED = 2
    """Its condition has been gone for its off-delay."""
    CLEARED_LATCHING = 3
    """The same, of an alarm that latches."""
    ACKNOWLEDGED = 4
    SHELVED = 5
    SUPPRESSED = 6
    REMOVED = 7
    """Taken out of service."""
    RELEASED_ACTIVE = 8
    """What hid it has ended, and its condition is there."""
    RELEASED_NORMAL = 9
    """What hid it has ended, and its condition is not there."""
    RELEASED_EXPLAINED = 10
    """What hid it has ended, its condition is there, and follows from another alarm's."""

    @property
    def label(self) -> str:
        """Return the event as it appears in the alarm journal."""
        return self.name.lower()


_N, _U, _A, _R, _L, _S, _D, _O = State

TABLE: Final[dict[State, tuple[State, ...]]] = {
    # by RAISED, CHANGED, CLEARED, CLEARED_LATCHING, ACKNOWLEDGED, SHELVED, SUPPRESSED, REMOVED, RELEASED_ACTIVE,
    # RELEASED_NORMAL, RELEASED_EXPLAINED
    State.NORMAL: (_U, _N, _N, _N, _N, _S, _D, _O, _N, _N, _N),
    State.UNACKNOWLEDGED: (_U, _U, _R, _L, _A, _S, _D, _O, _U, _U, _U),
    State.ACKNOWLEDGED: (_A, _U, _N, _L, _A, _S, _D, _O, _A, _A, _A),
    State.RETURNED: (_U, _R, _R, _R, _N, _S, _D, _O, _R, _R, _R),
    State.LATCHED: (_U, _L, _L, _L, _N, _L, _L, _L, _L, _L, _L),
    State.SHELVED: (_S, _S, _S, _S, _S, _S, _S, _O, _U, _N, _D),
    State.SUPPRESSED: (_D, _D, _N, _N, _D, _S, _D, _O, _U, _N, _D),
    State.OUT_OF_SERVICE: (_O, _O, _O, _O, _O, _O, _O, _O, _U, _N, _D),
}
"""Next state, by state and by event in the order of ``Event``. What latches cannot be hidden, hence its row."""

HIDDEN: Final = frozenset({State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE})
STANDING: Final = frozenset({State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.RETURNED, State.LATCHED})
"""What an operator is shown."""
OWED: Final = frozenset({State.UNACKNOWLEDGED, State.RETURNED, State.LATCHED})
"""What waits for an acknowledgement."""


def next_state(state: State, event: Event) -> State:
    """Return the state after an event."""
    return TABLE[state][event]

"""What the last gate is told and what it answers: columns, codes and bundles of arrays. Names and shapes only.

Columns of ``limits`` (actuators, LIMIT_COLUMNS) are the constants ``L_…``, of ``travel`` (actuators, TRAVEL_STATE) the
constants ``T_…``.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from coolantd.point import FloatArray, IntArray

L_MINIMUM: Final = 0
L_MAXIMUM: Final = 1
L_ZERO_ALLOWED: Final = 2
"""1 if 0 (off) is allowed although below the minimum."""
L_SLEW: Final = 3
"""Largest change per second."""
L_FAILSAFE: Final = 4
"""What the last running pump is kept at; NaN where the actuator has none."""
L_PUMP_GROUP: Final = 5
"""Pumps of one loop share a group number >= 0; -1 for anything else."""
L_PATHS: Final = 6
"""Valves through which the pumps deliver, bypass included, share a number >= 0; -1 for anything else."""
L_PATH_PUMPS: Final = 7
"""Group of the pumps that deliver through a path; -1 where it is not known: then any pump counts."""
L_BYPASS: Final = 8
"""1 for the bypass among the paths, else 0."""
L_TRAVEL: Final = 9
"""Full strokes a day that its wear allows; inf where that is not limited (FM-49)."""
LIMIT_COLUMNS: Final = 10
NO_GROUP: Final = -1.0

T_LEFT: Final = 0
"""Full strokes that may still be travelled now; NaN before the first cycle: all that may be travelled at once."""
T_TOTAL: Final = 1
"""Full strokes travelled since we know the actuator."""
TRAVEL_STATE: Final = 2


class Refusal(IntEnum):
    """Why a demand did not pass, or not as it was."""

    NONE = 0
    NOT_ADOPTED = 1
    NOT_FINITE = 2
    OUT_OF_RANGE = 3
    SLEW = 4
    LAST_PUMP = 5
    """Every pump of a group was demanded off; one is kept, on its way to the failsafe speed."""
    NOT_VERIFIED = 6
    """Its device has not shown that it is the one configured, or is out of touch."""
    NOT_WRITABLE = 7
    """The profile does not let its point be written, or not so."""
    NOT_OBEYING = 8
    """Somebody has put its device to local, or works on it."""
    NOT_OWNED = 9
    """Its register is left to another writer."""
    NO_CLAIM = 10
    """Whoever demands it may not in the actuator's mode."""
    TRAVEL = 11
    """Its wear allows no more travel now; it is held where it is."""
    DEAD_HEAD = 12
    """The pumps would deliver against shut valves: a closing one is held, or the bypass opened."""

    @property
    def label(self) -> str:
        """Return the refusal as it appears in metrics and on the page."""
        return "" if self is Refusal.NONE else self.name.lower()


DEVICE_STATES: Final = frozenset({Refusal.NONE, Refusal.NOT_VERIFIED, Refusal.NOT_OBEYING, Refusal.NOT_OWNED})
"""What an operator hears of as the device's own state, and is no sign of a fault in control."""


class Asked(NamedTuple):
    """What is asked of every actuator in one cycle, each (actuators,); the gate changes none of it.

    Attributes:
        demands: in the actuator's unit; NaN where nothing is demanded, which is no refusal.
        claims: ``Claim`` of whoever demands it.
        modes: ``Mode`` of the actuator.
        permits: ``Permit`` flags.
        last: last allowed or adopted value; NaN before adoption.
    """

    demands: FloatArray
    claims: IntArray
    modes: IntArray
    permits: IntArray
    last: FloatArray


class Answer(NamedTuple):
    """What the gate says to it, written from scratch, each (actuators,).

    Attributes:
        allowed: NaN: write nothing.
        refusals: ``Refusal`` codes.
        admitted: 1 where something is demanded by whoever may, of a device that may be written to.
    """

    allowed: FloatArray
    refusals: IntArray
    admitted: IntArray

"""What control has noticed of a plant and a person should know: one channel for every stage of a step.

A stage writes 1 into its own columns of ``conditions`` (cdus, CONDITIONS) for as long as something is so, and into
``details`` which one it is. Delays, hysteresis and memory are the stage's own; the arrays begin every step with
nothing noticed. A condition is told, never acted upon: alarms and interlocks are others' business.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

NOTHING: Final = -1
"""In ``details``: no particular one."""


class Condition(IntEnum):
    """What may be so of a CDU. The number is its column; a new one goes to the end, with its ``Meaning`` below."""

    FOULING = 0

    @property
    def label(self) -> str:
        """Return the condition as it appears in metrics and JSON."""
        return self.name.lower()


CONDITIONS: Final = len(Condition)
"""Columns of ``conditions`` and ``details``."""


class Detail(Enum):
    """What the number in ``details`` counts."""

    NONE = "none"
    PUMP = "pump"
    """Place in the CDU's own list of pumps."""
    ACTUATOR = "actuator"
    """Row in the plan's actuators."""
    BRANCH = "branch"
    """Branch of the CDU's loop, from 0; people count from 1."""
    POINT = "point"
    """Row in the snapshot."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an operator is told, after ISA-18.2: half sentences without a full stop, the cause first.

    Attributes:
        cause: what is or seems to be so.
        consequence: what comes of it if nothing is done.
        action: what to do.
        detail: what ``details`` counts.
    """

    cause: str
    consequence: str
    action: str
    detail: Detail = Detail.NONE


MEANINGS: Final[dict[Condition, Meaning]] = {
    Condition.FOULING: Meaning(
        cause="the exchanger passes much less heat per kelvin than when it was new",
        consequence="the facility valve opens further for the same heat and has less left for a rising load",
        action="compare the strainers' pressure drops, then clean the exchanger at the next opportunity",
    ),
}
"""Of every condition."""

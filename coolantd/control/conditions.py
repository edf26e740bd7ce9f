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
    BRANCH_SHORT = 1
    BRANCH_UNKNOWN = 2

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
    Condition.BRANCH_SHORT: Meaning(
        cause="a branch has less flow than its heat asks for although its valve is open",
        consequence="its rack runs warmer than the others and is the first to throttle when the load rises",
        action="look for a closed coupling or a clogged strainer on that branch; else raise the pressure",
        detail=Detail.BRANCH,
    ),
    Condition.BRANCH_UNKNOWN: Meaning(
        cause="a branch cannot be balanced, because its power, its flow or a temperature is not known",
        consequence="its valve is fully open and takes flow that other racks may need",
        action="see which of its points is bad and mend the sensor or what measures the power",
        detail=Detail.BRANCH,
    ),
}
"""Of every condition."""

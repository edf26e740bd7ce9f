"""What a person is told of something that is so: cause, consequence, action. Words only.

Conditions, hazards and alarms all carry one. It must never know values, delays or who shows it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

NOTHING: Final = -1
"""Where a number says which one something is about: no particular one."""


class Detail(Enum):
    """What that number counts."""

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
        detail: what the number that comes with it counts.
    """

    cause: str
    consequence: str
    action: str
    detail: Detail = Detail.NONE

"""What a definition adds to the words of a condition or hazard, and the delays and groups they share. Data."""

from dataclasses import dataclass
from typing import Final

from coolantd.safety.alarm_definition import Definition, Priority
from coolantd.safety.meaning import Meaning
from coolantd.service.alarm_faults import DaemonFault

FLOW_S: Final = 15.0
TEMPERATURE_S: Final = 60.0
"""Starting dead-bands in time for pressure and flow, and for temperature (ISA-18.2)."""

SETTLE_S: Final = 120.0
"""After the start: filters fill, loops settle, and what a start looks like is not what a plant looks like."""

MEASURING: Final = "measuring"
"""Group of what makes a measurement wrong."""

DEAD: Final = (DaemonFault.DEVICE_DOWN.value, DaemonFault.DEVICE_WRONG.value)
"""A device that says nothing, or is another one: what its points seem to say follows from that."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What a definition adds to a meaning; attributes as there."""

    priority: Priority = Priority.MEDIUM
    off_delay_s: float = TEMPERATURE_S
    on_delay_s: float = 0.0
    inhibit_s: float = 0.0
    group: str = ""
    suppressed_by: tuple[str, ...] = ()


def defined(meaning: Meaning, handling: Handling) -> Definition:
    """Return a definition of the words of one and the figures of the other."""
    return Definition(
        priority=handling.priority,
        cause=meaning.cause,
        consequence=meaning.consequence,
        action=meaning.action,
        on_delay_s=handling.on_delay_s,
        off_delay_s=handling.off_delay_s,
        inhibit_s=handling.inhibit_s,
        suppressed_by=handling.suppressed_by,
        group=handling.group,
    )

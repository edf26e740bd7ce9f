"""Opens what stands latched behind an alarm, once somebody has acknowledged it by name. Knows the cycle's state."""

from typing import Final

from coolantd.control.latches import LATCHING, acknowledge, why_held
from coolantd.safety.alarm_definition import Key
from coolantd.safety.interlocks import RULES
from coolantd.safety.latch import H_GONE_S
from coolantd.service.cycle import Cycle

_HAZARDS: Final = {hazard.label: hazard for hazard in LATCHING}


class Latches:
    """Every latch of a cycle's state."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle

    def release(self, key: Key) -> str | None:
        """Acknowledge the latch behind an alarm.

        Returns:
            None where nothing is latched; empty if it is released now; else what it still waits for, in words.
        """
        cycle, hazard = self._cycle, _HAZARDS.get(key.kind)
        cdu = next((n for n, each in enumerate(cycle.plan.cdus) if each.name == key.subject), None)
        if hazard is None or cdu is None or not why_held(cycle.state, cdu, hazard):
            return None
        gone = float(cycle.state.hz[cdu, hazard, H_GONE_S]) >= RULES[hazard].off_s
        cycle.state = acknowledge(cycle.state, cdu, hazard)
        return "" if gone else why_held(cycle.state, cdu, hazard)

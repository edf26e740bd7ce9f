"""Opens what stands latched behind an alarm, once somebody has acknowledged it by name. Knows the cycle's state."""

from dataclasses import replace
from typing import Final

from coolantd.control.latches import LATCHING, acknowledge, why_held
from coolantd.safety.alarm_definition import Key
from coolantd.safety.interlocks import RULES
from coolantd.safety.latch import H_GONE_S
from coolantd.safety.leak_layout import Z_ISOLATE, Z_POWER
from coolantd.safety.leak_orders import acknowledge as acknowledge_leak
from coolantd.service.alarm_leaks import LATCHED_KINDS
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
        return self._zone(key.subject) if key.kind in LATCHED_KINDS else self._hazard(key)

    def _hazard(self, key: Key) -> str | None:
        cycle, hazard = self._cycle, _HAZARDS.get(key.kind)
        cdu = next((n for n, each in enumerate(cycle.plan.cdus) if each.name == key.subject), None)
        if hazard is None or cdu is None or not why_held(cycle.state, cdu, hazard):
            return None
        gone = float(cycle.state.hz[cdu, hazard, H_GONE_S]) >= RULES[hazard].off_s
        cycle.state = acknowledge(cycle.state, cdu, hazard)
        return "" if gone else why_held(cycle.state, cdu, hazard)

    def _zone(self, name: str) -> str | None:
        plan, state = self._cycle.plan.leaks, self._cycle.state
        row = plan.row_of(name)
        if row is None or not state.leak_z[row, [Z_ISOLATE, Z_POWER]].any():
            return None
        (z, d), refusal = acknowledge_leak(plan, (state.leak_z, state.leak_d), row)
        self._cycle.state = replace(state, leak_z=z, leak_d=d)
        return refusal

"""Times how long an actuator that an interlock takes waits for its first acknowledged safe command. Changes nothing.

From the cycle in which failsafe, an interlock or a trip takes an actuator to the device's acknowledgement of the first
command since. One whose register holds what is wanted of it already has nothing to wait for and is not counted.
"""

import math
from typing import Final

from coolantd.clock import Clock
from coolantd.safety.modes import Mode
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.cycle import Cycle
from coolantd.service.metrics import Metrics

TAKEN: Final = frozenset({int(Mode.FAILSAFE), int(Mode.TRIPPED)})

Tag = tuple[str, str]


class SafeCommandWatch:
    """Follows a cycle; ``acknowledged`` is told of every write that a device took."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._taken: set[Tag] = set()
        self._since_s: dict[Tag, float] = {}

    def follow(self, cycle: Cycle, now_s: float) -> None:
        """Take the cycle that has just ended."""
        decision = cycle.decision
        if decision is None:
            return
        taken = set()
        for i, outlet in enumerate(cycle.writer.actuators):
            if int(decision.actuator_modes[i]) in TAKEN:
                taken.add(outlet.tag)
                if outlet.tag not in self._taken and _has_to_move(outlet, float(decision.commands[i])):
                    self._since_s[outlet.tag] = now_s
        self._taken = taken
        self._since_s = {tag: since_s for tag, since_s in self._since_s.items() if tag in taken}

    def acknowledged(self, outlet: ActuatorOutlet) -> None:
        """Take note that a device took a write; one sent before the interlock came was not its."""
        since_s = self._since_s.get(outlet.tag, math.inf)
        if outlet.state.written_s >= since_s:
            del self._since_s[outlet.tag]
            self._metrics.fault_to_safe_command_s.observe(self._clock.now_s() - since_s)


def _has_to_move(outlet: ActuatorOutlet, command: float) -> bool:
    return math.isfinite(command) and not abs(command - outlet.state.held) < outlet.policy.deadband

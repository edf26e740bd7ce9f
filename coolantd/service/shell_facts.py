"""What the protection is told of the daemon itself: stalls, clocks that were set, writes that nobody acknowledges.

Knows the process's own faults and the writer's books. Must never know what the protection makes of it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from coolantd.control.plan import Plan
from coolantd.point import IntArray
from coolantd.safety.hazards import FACTS, Fact
from coolantd.service.vitals import CLOCK_STEPPED, LOOP_STALLED, ServiceFault
from coolantd.service.writer import Writer

WRITES_LOST_S: Final = 5.0
"""Five attempts, one a second: a device that takes none of them is told nothing."""

_FACT_OF: Final = {LOOP_STALLED: Fact.LOOP_STALL, CLOCK_STEPPED: Fact.CLOCK_STEP}


class ShellFacts:
    """Tells them cycle by cycle.

    Args:
        faults: returns what is wrong with the process.
    """

    def __init__(self, faults: Callable[[], tuple[ServiceFault, ...]]) -> None:
        self._faults = faults
        self._since_s: dict[tuple[str, str], float] = {}

    def __call__(self, plan: Plan, writer: Writer, now_s: float) -> IntArray:
        """Return (cdus, FACTS) 1 for each ``Fact`` that is so."""
        facts = np.zeros((len(plan.cdus), FACTS), dtype=np.int64)
        for fault in self._faults():
            if fault.active and fault.key in _FACT_OF:
                facts[:, _FACT_OF[fault.key]] = 1
        for cdu in self._unheard(writer, now_s):
            facts[cdu, Fact.WRITES_LOST] = 1
        return facts

    def _unheard(self, writer: Writer, now_s: float) -> list[int]:
        """Return the CDUs of which no write to some actuator has been acknowledged for ``WRITES_LOST_S``."""
        before, self._since_s = self._since_s, {}
        lost = []
        for actuator in writer.actuators:
            state, cdu = actuator.state, actuator.parameters.cdu
            if state.attempt_s <= state.written_s or actuator.lease is not None or cdu is None:
                continue
            since_s = before.get(actuator.tag, state.attempt_s)
            self._since_s[actuator.tag] = since_s
            if now_s - since_s > WRITES_LOST_S:
                lost.append(cdu)
        return lost

"""Spaces out the probes of the silent units of one bus, so that those that are well lose nothing by them.

A probe costs what its exchange took, and where a gateway goes on waiting for the unit after the probe was given up,
also the time for which the next reply comes late because of that. Knows devices and given times; no link.
"""

import math
from collections.abc import Collection
from typing import Final

from coolantd.service.modbus_device import ModbusDevice

PROBE_SHARE: Final = 0.25
"""Of the time of a bus, what the probes of several silent units may take together. A single one is asked at its own
pace, whatever that costs: it never waits behind another."""
COST_FIRST_S: Final = 1.0
"""What a probe is taken to cost before one was measured: gateways wait for a unit for about a second."""
LATE_RATIO: Final = 2.0
LATE_S: Final = 0.02
"""A reply that takes longer than so many times the shortest, and this much longer, came late."""


class ProbePace:
    """The probes of one bus.

    Attributes:
        cost_s: what one probe costs the bus, as last seen.
    """

    def __init__(self) -> None:
        self.cost_s = COST_FIRST_S
        self._sent_s = -math.inf
        self._took_s = 0.0
        self._unmeasured = False
        self._last: ModbusDevice | None = None
        self._asked: set[str] = set()
        self._wanted_s: dict[str, float] = {}

    def spent(self, device: ModbusDevice, sent_s: float, took_s: float) -> None:
        """Note an exchange that has just ended, before its device is told of it."""
        if device.presence.dormant:
            self._sent_s, self._took_s, self._unmeasured = sent_s, took_s, True
            self._asked.add(device.name)
            self._wanted_s[device.name] = device.probe_due_s()
            self._last = device
        elif self._unmeasured:
            self._unmeasured = False
            if self._last is not None and not self._last.presence.dormant:
                return  # it was answered, and cost what any read costs
            fastest_s = device.presence.fastest_s
            late = took_s > LATE_RATIO * fastest_s + LATE_S
            free_s = sent_s + took_s - fastest_s if late else sent_s
            cost_s = max(free_s - self._sent_s, self._took_s)  # where nobody asked at once it is at most that
            self.cost_s = cost_s if late else min(cost_s, self.cost_s)

    def spread(self, devices: Collection[ModbusDevice]) -> None:
        """Put off probes that would come too soon behind another; who was probed longest ago is next.

        A unit that has just fallen silent is probed as soon as the one before has had its time: it may have been lost
        only because it was asked behind others. Where no unit of the bus answers there is nobody to protect, and the
        first to return is not to wait.
        """
        silent = {device.name: device for device in devices if device.presence.dormant}
        self._asked.intersection_update(silent)
        self._wanted_s = {name: self._wanted_s.get(name, device.probe_due_s()) for name, device in silent.items()}
        free = len(silent) < 2 or len(silent) == len(devices)
        before_s = self._sent_s
        for name in sorted(silent, key=self._wanted_s.__getitem__):
            gap_s = 0.0 if free else self.cost_s / (PROBE_SHARE if name in self._asked else 1.0)
            before_s = max(self._wanted_s[name], before_s + gap_s)
            silent[name].put_off_probe(before_s)

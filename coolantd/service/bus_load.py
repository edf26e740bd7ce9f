"""How much of its time a bus spends on requests, and whether it falls behind. Knows given times; no link, no point."""

import math
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from coolantd.service.agenda import Ask, Lane
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice

AVERAGE_S: Final = 30.0
"""Time constant of the average: longer than any read's period but the slow ones, short enough to see a change."""
UPDATE_S: Final = 1.0
"""Least time between two updates of the average."""
WARN_S: Final = 60.0
"""Least time between two warnings of one bus (FM-30)."""

NAMED_MAX: Final = 4
"""Units named in a warning."""

log: Final = structlog.get_logger()


class BusLoad:
    """The load of one bus.

    Args:
        name: of the bus in metrics and log; empty to show nothing in the metrics.
        metrics: where the ratio is shown.
        now_s: when the bus began.
        devices: returns the devices on the bus.

    Attributes:
        busy_ratio: share of its time that the bus spends on requests, averaged.
    """

    def __init__(
        self, name: str, metrics: Metrics, now_s: float, devices: Callable[[], Iterable[ModbusDevice]]
    ) -> None:
        self.busy_ratio = 0.0
        self._name = name
        self._gauge = metrics.bus_busy_ratio.labels(name) if name else None
        self._devices = devices
        self._since_s = now_s
        self._busy_s = 0.0
        self._warned_s = -math.inf

    def sent(self, device: ModbusDevice, ask: Ask, now_s: float) -> None:
        """Note that a read is being sent; say so if one that safety rests on is more than its period late."""
        if ask.lane is not Lane.SAFETY or now_s - ask.due_s <= ask.period_s:
            return
        device.late.inc()
        if now_s - self._warned_s >= WARN_S:
            self._warned_s = now_s
            log.warning(
                "bus_overloaded",
                bus=self._name,
                device=device.name,
                late_s=round(now_s - ask.due_s, 3),
                busy_ratio=round(self.busy_ratio, 3),
                hint=self._hint(),
            )

    def _hint(self) -> str:
        """Return what costs the bus its time: units that do not answer, or else the slowest one."""
        devices = list(self._devices())
        silent = [d.name for d in devices if d.presence.lost]
        if silent:
            more = f" and {len(silent) - NAMED_MAX} more" if len(silent) > NAMED_MAX else ""
            return f"{', '.join(silent[:NAMED_MAX])}{more} cannot be read, which costs the others their time"
        slowest = max(devices, key=lambda d: d.presence.usual_s)
        return (
            f"{slowest.name} is the slowest, it takes {slowest.presence.usual_s:.3f} s for a reply; "
            "poll less often, or give it a line of its own"
        )

    def spent(self, busy_s: float) -> None:
        """Note how long an exchange took."""
        self._busy_s += busy_s

    def turn(self, now_s: float) -> None:
        """Bring the average up to date."""
        elapsed_s = now_s - self._since_s
        if elapsed_s < UPDATE_S:
            return
        share = min(self._busy_s / elapsed_s, 1.0)
        self.busy_ratio += (share - self.busy_ratio) * -math.expm1(-elapsed_s / AVERAGE_S)
        self._since_s, self._busy_s = now_s, 0.0
        if self._gauge is not None:
            self._gauge.set(self.busy_ratio)

    def end(self) -> None:
        """Show a bus that has ended as idle; a successor of the same name shows its own within a second."""
        if self._gauge is not None:
            self._gauge.set(0.0)

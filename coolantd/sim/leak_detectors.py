"""Virtual leak detectors at the branches of a manifold: dry until somebody wets them or cuts their wires.

Knows what a detector says; neither plant nor broker. The format is that of the profile ``rack-manifold-leak``.
"""

import asyncio
from enum import StrEnum
from typing import Final

from coolantd.clock import Clock

PERIOD_S: Final = 1.0
"""How often each branch speaks of its detectors, changed or not, in device time."""


class Wire(StrEnum):
    """What becomes of a detector."""

    DRY = "dry"
    WET = "wet"
    OPEN = "open"
    SHORT = "short"


class Detector(StrEnum):
    """The detectors of one branch."""

    ROPE = "rope"
    SPOT = "spot"
    TRAY = "tray"


VOLTAGE_V: Final = {Wire.DRY: 3.0, Wire.WET: 7.0, Wire.OPEN: 10.0, Wire.SHORT: 0.0}
"""What a supervised wire says: the resistor at its end is worth 3 V, water 4 V more, and an open one is pulled up."""


class LeakDetectors:
    """The detectors of every branch.

    Args:
        branches: how many there are.
    """

    def __init__(self, branches: int) -> None:
        self._wires = {(branch, each): Wire.DRY for branch in range(1, branches + 1) for each in Detector}
        self._changed = asyncio.Event()

    def set(self, branch: int, detector: Detector, wire: Wire) -> None:
        """Let a detector be something from now on, and say so at once.

        Raises:
            ValueError: there is no such branch.
        """
        if (branch, detector) not in self._wires:
            raise ValueError(f"branch = {branch}, allowed: 1 to {len(self._wires) // len(Detector)}")
        self._wires[branch, detector] = wire
        self._changed.set()

    def says(self, branch: int, wall_s: float) -> dict[str, float]:
        """Return what the detectors of a branch say: volts, 0 or 1, and wall time in ms."""
        spot = self._wires[branch, Detector.SPOT]
        return {
            "rope_v": VOLTAGE_V[self._wires[branch, Detector.ROPE]],
            "tray_v": VOLTAGE_V[self._wires[branch, Detector.TRAY]],
            "spot_wet": float(spot is Wire.WET),
            "spot_fault": float(spot in (Wire.OPEN, Wire.SHORT)),
            "timestamp_ms": round(wall_s * 1000.0),
        }

    async def change(self, clock: Clock, *, at_most_s: float = PERIOD_S) -> None:
        """Wait until a detector has changed, and no longer than a period."""
        try:
            async with clock.timeout(at_most_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

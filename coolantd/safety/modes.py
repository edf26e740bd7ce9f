"""The modes of a CDU and every way from one to another, as one table. Knows no values, only events.

    failsafe --scan_valid--> starting --took_over--> automatic | manual
    any of these --input_bad--> failsafe          automatic | manual --device_local--> starting

A CDU begins in failsafe and leaves it after one full valid scan. In ``starting`` the measured actuator positions
are adopted and the device is asked to obey; nothing moves. The table answers every event in every mode.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from coolantd.point import IntArray


class Mode(IntEnum):
    """What the daemon does with a CDU (Redfish Control words, plus starting and failsafe)."""

    STARTING = 0
    AUTOMATIC = 1
    MANUAL = 2
    FAILSAFE = 3

    @property
    def label(self) -> str:
        """Return the mode as it appears in metrics, JSON and on the page."""
        return self.name.lower()


class Event(IntEnum):
    """What may happen to a CDU in a cycle, in rising order of urgency: the most urgent one counts."""

    NONE = 0
    AUTOMATIC_REQUESTED = 1
    MANUAL_REQUESTED = 2
    TOOK_OVER_AUTOMATIC = 3
    """The device obeys and every readback agrees; automatic is configured."""
    TOOK_OVER_MANUAL = 4
    """The same with manual configured."""
    SCAN_VALID = 5
    """Every required point is good."""
    DEVICE_LOCAL = 6
    """The device says that it follows its own controller."""
    INPUT_BAD = 7
    """A process variable has been bad for longer than its hold time."""


class Cause(IntEnum):
    """Why a CDU is not in automatic, or not wholly."""

    NONE = 0
    WAITING_FOR_SCAN = 1
    SUPPLY_TEMP_BAD = 2
    PRESSURE_BAD = 3
    WAITING_FOR_REMOTE = 4
    WAITING_FOR_READBACK = 5
    CONFIGURED_MANUAL = 6
    OTHER_WRITER = 7
    """Somebody else writes one of its registers, which is left to them; said in automatic and manual too."""
    PUT_TO_LOCAL = 8
    """Somebody has put the device to local control; said by the writer, which alone knows who did."""
    TCS_SENSORS_SWAPPED = 9
    FWS_SENSORS_SWAPPED = 10
    PRESSURE_SENSORS_SWAPPED = 11
    FLOW_SCALE_WRONG = 12
    VALVE_REVERSED = 13
    """These five keep a CDU from automatic: what is measured cannot be so (``control.plausibility``)."""
    OPERATOR_OVERRIDE = 14
    """An operator holds one of its loops or actuators; the rest goes on."""

    @property
    def label(self) -> str:
        """Return the cause in words."""
        return "" if self is Cause.NONE else self.name.lower().replace("_", " ")


_ROWS: Final[dict[Mode, dict[Event, Mode]]] = {
    Mode.FAILSAFE: {
        Event.NONE: Mode.FAILSAFE,
        Event.AUTOMATIC_REQUESTED: Mode.FAILSAFE,
        Event.MANUAL_REQUESTED: Mode.FAILSAFE,
        Event.TOOK_OVER_AUTOMATIC: Mode.FAILSAFE,
        Event.TOOK_OVER_MANUAL: Mode.FAILSAFE,
        Event.SCAN_VALID: Mode.STARTING,
        Event.DEVICE_LOCAL: Mode.FAILSAFE,
        Event.INPUT_BAD: Mode.FAILSAFE,
    },
    Mode.STARTING: {
        Event.NONE: Mode.STARTING,
        Event.AUTOMATIC_REQUESTED: Mode.STARTING,
        Event.MANUAL_REQUESTED: Mode.STARTING,
        Event.TOOK_OVER_AUTOMATIC: Mode.AUTOMATIC,
        Event.TOOK_OVER_MANUAL: Mode.MANUAL,
        Event.SCAN_VALID: Mode.STARTING,
        Event.DEVICE_LOCAL: Mode.STARTING,
        Event.INPUT_BAD: Mode.FAILSAFE,
    },
    Mode.AUTOMATIC: {
        Event.NONE: Mode.AUTOMATIC,
        Event.AUTOMATIC_REQUESTED: Mode.AUTOMATIC,
        Event.MANUAL_REQUESTED: Mode.MANUAL,
        Event.TOOK_OVER_AUTOMATIC: Mode.AUTOMATIC,
        Event.TOOK_OVER_MANUAL: Mode.MANUAL,
        Event.SCAN_VALID: Mode.AUTOMATIC,
        Event.DEVICE_LOCAL: Mode.STARTING,
        Event.INPUT_BAD: Mode.FAILSAFE,
    },
    Mode.MANUAL: {
        Event.NONE: Mode.MANUAL,
        Event.AUTOMATIC_REQUESTED: Mode.AUTOMATIC,
        Event.MANUAL_REQUESTED: Mode.MANUAL,
        Event.TOOK_OVER_AUTOMATIC: Mode.AUTOMATIC,
        Event.TOOK_OVER_MANUAL: Mode.MANUAL,
        Event.SCAN_VALID: Mode.MANUAL,
        Event.DEVICE_LOCAL: Mode.STARTING,
        Event.INPUT_BAD: Mode.FAILSAFE,
    },
}

TRANSITIONS: Final[IntArray] = np.array([[int(_ROWS[mode][event]) for event in Event] for mode in Mode], dtype=np.int64)
"""(modes, events) -> mode: the table above in the form kernels read."""

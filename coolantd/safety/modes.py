"""The modes of a CDU and of an actuator, and every way from one to another, as one table. Knows no values, only events.

    failsafe --scan_valid--> starting --took_over--> automatic | manual
    automatic --override_held--> override --override_ended--> automatic
    any of these --input_bad | forced--> failsafe          in control --device_local--> starting
    any of these --trip--> tripped --cleared--> starting   any --disable--> disabled --enable--> failsafe

A CDU begins in failsafe and leaves it after one full valid scan. In ``starting`` the measured actuator positions
are adopted and the device is asked to obey; nothing moves. The table answers every event in every mode; what becomes
of a CDU says nothing yet of its actuators, each of which goes through the same table by events of its own.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from coolantd.point import IntArray


class Mode(IntEnum):
    """What the daemon does with a CDU or an actuator (Redfish Control words, plus starting, failsafe and tripped).

    The numbers are in recordings: a new mode goes to the end.
    """

    STARTING = 0
    """Of an actuator: not adopted yet, out of touch, or left to another writer."""
    AUTOMATIC = 1
    MANUAL = 2
    FAILSAFE = 3
    """Of an actuator: an interlock forces it, or its CDU is in failsafe."""
    OVERRIDE = 4
    """An operator holds it; of a CDU: a part of it, and the rest goes on as in automatic."""
    DISABLED = 5
    """Watched, never written; the device follows its own controller."""
    TRIPPED = 6
    """Stopped until the cause is gone and somebody has acknowledged it."""

    @property
    def label(self) -> str:
        """Return the mode as it appears in metrics, JSON and on the page."""
        return self.name.lower()


class Event(IntEnum):
    """What may happen to a CDU or an actuator in a cycle, in rising order of urgency: the most urgent one counts."""

    NONE = 0
    AUTOMATIC_REQUESTED = 1
    MANUAL_REQUESTED = 2
    OVERRIDE_HELD = 3
    """An operator's override is in force."""
    OVERRIDE_ENDED = 4
    """No override is in force any more."""
    TOOK_OVER_AUTOMATIC = 5
    """The device obeys and every readback agrees, or the actuator is adopted; automatic is configured."""
    TOOK_OVER_MANUAL = 6
    """The same with manual configured."""
    SCAN_VALID = 7
    """Every required point is good."""
    RELEASED = 8
    """Nothing forces the actuator any more."""
    DEVICE_LOCAL = 9
    """The device says that it follows its own controller; the actuator is out of touch or left to another writer."""
    INPUT_BAD = 10
    """A process variable has been bad for longer than its hold time."""
    FORCED = 11
    """An interlock has the actuator somewhere else than it would be."""
    CLEARED = 12
    """The trip was acknowledged and its cause is gone."""
    ENABLE = 13
    """The configuration no longer says disabled."""
    TRIP = 14
    """A latched hazard stops it."""
    DISABLE = 15
    """The configuration says disabled."""


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
    CONFIGURED_DISABLED = 15
    TRIP = 16
    """A latched hazard has stopped it; which one is told with the hazards."""

    @property
    def label(self) -> str:
        """Return the cause in words."""
        return "" if self is Cause.NONE else self.name.lower().replace("_", " ")


def _row(stays: Mode, **changes: Mode) -> dict[Event, Mode]:
    """Return the answer of one mode to every event: those that change it by name, the rest leave it as it is."""
    return {event: changes.get(event.name.lower(), stays) for event in Event}


_ROWS: Final[dict[Mode, dict[Event, Mode]]] = {
    Mode.STARTING: _row(
        Mode.STARTING,
        took_over_automatic=Mode.AUTOMATIC,
        took_over_manual=Mode.MANUAL,
        input_bad=Mode.FAILSAFE,
        forced=Mode.FAILSAFE,
        trip=Mode.TRIPPED,
        disable=Mode.DISABLED,
    ),
    Mode.AUTOMATIC: _row(
        Mode.AUTOMATIC,
        manual_requested=Mode.MANUAL,
        override_held=Mode.OVERRIDE,
        took_over_manual=Mode.MANUAL,
        device_local=Mode.STARTING,
        input_bad=Mode.FAILSAFE,
        forced=Mode.FAILSAFE,
        trip=Mode.TRIPPED,
        disable=Mode.DISABLED,
    ),
    Mode.MANUAL: _row(
        Mode.MANUAL,
        automatic_requested=Mode.AUTOMATIC,
        override_held=Mode.OVERRIDE,
        took_over_automatic=Mode.AUTOMATIC,
        device_local=Mode.STARTING,
        input_bad=Mode.FAILSAFE,
        forced=Mode.FAILSAFE,
        trip=Mode.TRIPPED,
        disable=Mode.DISABLED,
    ),
    Mode.FAILSAFE: _row(
        Mode.FAILSAFE,
        scan_valid=Mode.STARTING,
        released=Mode.STARTING,
        trip=Mode.TRIPPED,
        disable=Mode.DISABLED,
    ),
    Mode.OVERRIDE: _row(
        Mode.OVERRIDE,
        manual_requested=Mode.MANUAL,
        override_ended=Mode.AUTOMATIC,
        took_over_manual=Mode.MANUAL,
        device_local=Mode.STARTING,
        input_bad=Mode.FAILSAFE,
        forced=Mode.FAILSAFE,
        trip=Mode.TRIPPED,
        disable=Mode.DISABLED,
    ),
    Mode.DISABLED: _row(Mode.DISABLED, enable=Mode.FAILSAFE),
    Mode.TRIPPED: _row(Mode.TRIPPED, cleared=Mode.STARTING, disable=Mode.DISABLED),
}

TRANSITIONS: Final[IntArray] = np.array([[int(_ROWS[mode][event]) for event in Event] for mode in Mode], dtype=np.int64)
"""(modes, events) -> mode: the table above in the form kernels read."""

_LAWS: Final[dict[Mode, Mode]] = {
    Mode.STARTING: Mode.STARTING,
    Mode.AUTOMATIC: Mode.AUTOMATIC,
    Mode.MANUAL: Mode.MANUAL,
    Mode.FAILSAFE: Mode.FAILSAFE,
    Mode.OVERRIDE: Mode.AUTOMATIC,
    Mode.DISABLED: Mode.STARTING,
    Mode.TRIPPED: Mode.FAILSAFE,
}

ACTS_AS: Final[IntArray] = np.array([int(_LAWS[mode]) for mode in Mode], dtype=np.int64)
"""(modes,) -> mode by whose law control works meanwhile: what it does not know of goes on as one of its own four.

Disabled follows what is measured, so that nothing moves when it ends; who may write is not control's business.
"""

IN_CONTROL: Final = frozenset({Mode.AUTOMATIC, Mode.MANUAL, Mode.OVERRIDE})
"""The modes in which a CDU is cooled as configured."""

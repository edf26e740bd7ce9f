"""The hazards: what may endanger the plant or what it cools, one word each. Names only.

A hazard is the cause of an interlock or a trip (``interlocks`` says what is done about each), where a ``Condition`` of
control is told and never acted upon. They are found apart from the controllers (``detect``), by their own thresholds.
"""

from enum import IntEnum
from typing import Final


class Hazard(IntEnum):
    """What may be so of a CDU. The number is its column; a new one goes to the end."""

    FLOW_LOW = 0
    FLOW_LOST = 1
    NO_FLOW = 2
    """Pumps are commanded and hardly anything flows."""
    SUPPLY_TEMP_HIGH = 3
    OVER_TEMP_SUPPLY = 4
    OVER_TEMP_RETURN = 5
    OVER_TEMP_SOON = 6
    """At its present rate the supply temperature reaches its limit within seconds."""
    CONDENSATION = 7
    OVER_PRESSURE = 8
    DEAD_HEAD = 9
    LOW_SUCTION = 10
    AIR = 11
    LEVEL_LOW = 12
    LEVEL_LOST = 13
    """The level is too low for the pumps: the one hazard that stops them all."""
    PUMPS_OFF = 14
    PUMP_NOT_TURNING = 15
    VALVE_NOT_FOLLOWING = 16
    VALVE_WITHOUT_EFFECT = 17
    DATA_LOST = 18
    """Nothing is heard of what the CDU is controlled by."""
    WRITES_LOST = 19
    """The device does not acknowledge what it is told."""
    SENSOR_STUCK = 20
    SENSORS_SWAPPED = 21
    SENSOR_DRIFTS = 22
    OTHER_WRITER = 23
    CLOCK_STEP = 24
    LOOP_STALL = 25
    PROTECTION_BLIND = 26
    """A reading that a protection with a limit of its own needs is bad."""

    @property
    def label(self) -> str:
        """Return the hazard as it appears in metrics, JSON and configuration."""
        return self.name.lower()


HAZARDS: Final = len(Hazard)
"""Columns of ``hazards``."""


class Fact(IntEnum):
    """What the protection is told by others, a CDU each: 1 while it is so."""

    AIR = 0
    SENSOR_STUCK = 1
    SENSORS_SWAPPED = 2
    SENSOR_DRIFTS = 3
    OTHER_WRITER = 4
    WRITES_LOST = 5
    CLOCK_STEP = 6
    LOOP_STALL = 7


FACTS: Final = len(Fact)
"""Columns of ``facts``."""


class Force(IntEnum):
    """What has an actuator somewhere else than control and operators would have it."""

    NONE = 0
    INTERLOCK = 1
    TRIP = 2
    """A latched stop."""

"""Columns of the packed arrays of the pump stage. Names only.

``H_…`` group parameters (cdus, …); ``K_…`` point indices of each pump (cdus, PUMPS_MAX, …) int64, -1 where there is
none; ``G_…`` group state (cdus, …); ``U_…`` state of each pump (cdus, PUMPS_MAX, …).
"""

from enum import IntEnum
from typing import Final

H_DUTY: Final = 0
"""How many pumps run; all of them where none stands by."""
H_STANDBY: Final = 1
"""1 where the pumps beyond ``H_DUTY`` rest."""
H_ROTATION_S: Final = 2
"""How long a pump is on duty before it hands over; infinite: for good."""
H_RAMP_PCT_PER_S: Final = 3
"""How fast a drive follows its command at least."""
H_CONFIRM_S: Final = 4
"""A pump must be short of its speed for longer than this before it counts as tripped."""
PUMPS_PARAMETERS: Final = 5

K_RUN_TIME: Final = 0
"""Run hours as the device counts them."""
K_FAULT: Final = 1
"""FAULTS_MAX columns: points that are not 0 while the drive is out of order."""
FAULTS_MAX: Final = 4
"""Drive, overload, communication and one more: more than any published map gives to one pump."""
PUMP_INDICES: Final = K_FAULT + FAULTS_MAX

G_OUTPUT: Final = 0
"""The loop's output as it was used in the last cycle; NaN before the first."""
G_RIDE: Final = 1
"""A ``Ride``: who leads the output."""
G_RIDE_S: Final = 2
G_RIDE_PCT: Final = 3
"""Where the output rises to at most."""
G_CALM_S: Final = 4
"""For how long the loop has been near its setpoint without a break."""
G_DUTY_S: Final = 5
"""For how long the pumps on duty have been; NaN before it is known."""
G_LEAVER: Final = 6
"""Pump that is to rest as soon as another has taken over; -1: none."""
G_OVERDUE_S: Final = 7
"""For how long a hand-over has been due."""
G_STAYED: Final = 8
"""Periods that were added because the pumps on duty have fewer run hours than those that rest."""
PUMPS_STATE: Final = 9

U_ROLE: Final = 0
"""A ``Role``."""
U_TRIPPED: Final = 1
"""0 while the pump counts; else it is excluded, as one of these says."""
TRIPPED_RUNNING: Final = 1.0
"""It should have run: it is asked for its minimum, so that its return is seen."""
TRIPPED_RESTING: Final = 2.0
"""A fault came on while it rested: it goes on resting."""
U_SHORT_S: Final = 2
"""For how long it has been short of its speed."""
U_FLOOR_PCT: Final = 3
"""What a drive that follows has reached by now."""
U_WELL_S: Final = 4
"""For how long an excluded pump has been running again."""
U_TARGET_PCT: Final = 5
"""Where a pump that comes or goes is on its way."""
U_RUN_S: Final = 6
"""Seconds for which it was seen running."""
U_HOURS_H: Final = 7
"""Run hours, to be compared with those of the group's other pumps."""
PUMP_STATE: Final = 8


class Role(IntEnum):
    """What a pump does in its group."""

    UNKNOWN = 0
    """Not found out yet: the first cycle does."""
    DUTY = 1
    """It follows the loop."""
    STANDBY = 2
    """It rests, or is excluded."""
    ARRIVING = 3
    """It comes up slowly until it meets the pumps on duty."""
    LEAVING = 4
    """It goes down slowly while the pumps on duty take over."""

    @property
    def label(self) -> str:
        """Return the role as it appears in metrics and JSON."""
        return self.name.lower()


class Ride(IntEnum):
    """Who leads the loop's output."""

    LOOP = 0
    HOLD = 1
    """It is held until a pump that was started has caught up."""
    RAISE = 2
    """It rises at its rate, because a pump was lost and none can take its place."""

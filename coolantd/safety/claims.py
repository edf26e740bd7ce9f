"""Who may have an actuator, in the order in which they outrank each other. Words only.

The order is carried out where a step is put together: the loops demand, an operator's override replaces their demand,
the protection forces its own over either, and the last gate bounds whatever is left.
"""

from enum import IntEnum


class Claim(IntEnum):
    """Who has an actuator; the greater outranks the smaller."""

    NOBODY = 0
    """It follows its own controller: out of touch, starting, disabled or put to local."""
    LOOP = 1
    """A loop, the balancing of branches or a fixed position of the configuration, manual included."""
    OUTSIDE = 2
    """A request from outside, within what the configuration allows it."""
    OPERATOR = 3
    """An operator's override."""
    OTHER_WRITER = 4
    """Whoever writes its register at the device; left to them until they have gone or it is taken back."""
    INTERLOCK = 5
    """Failsafe and every hazard that forces an action while it lasts."""
    TRIP = 6
    """A latched stop, the only one who may stop the last pump: there is no coolant to move, or no heat (I3, FM-05)."""

    @property
    def label(self) -> str:
        """Return the claim as it appears in metrics, JSON and on the page."""
        return self.name.lower()

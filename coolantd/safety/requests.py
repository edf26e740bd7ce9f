"""What the control law may ask of others: it can do none of it itself. Names only; knows no way of asking."""

from enum import IntEnum
from typing import Final


class Request(IntEnum):
    """Something asked of whoever runs the racks. The number is its column in ``requests``."""

    REDUCE_LOAD = 0
    """Let the racks take less power: the coolant does not carry their heat away."""
    POWER_OFF = 1
    """Take the power away: there is a leak, or no flow at all."""

    @property
    def label(self) -> str:
        """Return the request as it appears in topics, file names, metrics and JSON."""
        return self.name.lower()


REQUESTS: Final = len(Request)
"""Columns of ``requests``, whose rows are the CDUs of the plan and then its leak zones."""

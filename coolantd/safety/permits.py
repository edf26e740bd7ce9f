"""What must be known of an actuator's device before anything is written to it: flags that come with every snapshot.

The shell alone knows them; without all of them the last gate lets nothing pass (I8). Names only.
"""

from enum import IntFlag
from typing import Final


class Permit(IntFlag):
    """One fact of an actuator."""

    VERIFIED = 1
    """Its device has shown that it is the one configured, and is in touch (FM-20)."""
    WRITABLE = 2
    """Its point is one that the device's profile lets us write, within the profile's limits."""
    OBEYING = 4
    """Nobody has put its device to local, and nobody works on it with us told to be silent (FM-22, FM-23)."""
    OWNED = 8
    """Its register is not left to another writer (FM-22)."""


EVERY_PERMIT: Final = int(Permit.VERIFIED | Permit.WRITABLE | Permit.OBEYING | Permit.OWNED)

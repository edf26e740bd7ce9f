"""What a bus needs of whatever carries its requests. Knows no transport."""

from collections.abc import Sequence
from typing import Protocol

from coolantd.protocol.kinds import Table


class Link(Protocol):
    """What carries requests: a Modbus TCP connection or a serial line. Every expected failure is a ``DeviceError``."""

    @property
    def connected(self) -> bool:
        """Return whether requests can be sent now."""
        ...

    async def connect(self) -> None:
        """Make one attempt to connect."""
        ...

    async def read(self, unit: int, table: Table, address: int, count: int, *, deadline_s: float) -> tuple[int, ...]:
        """Return registers, or 0 or 1 per coil."""
        ...

    async def write(self, unit: int, table: Table, address: int, words: Sequence[int], *, deadline_s: float) -> None:
        """Write and return when the device has acknowledged exactly that."""
        ...

    async def close(self) -> None:
        """Close at once; never raises."""
        ...

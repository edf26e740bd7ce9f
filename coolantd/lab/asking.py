"""Reads from a live device, one at a time, paced and counted. Knows no points; must never write.

Everything the lab asks of a device goes through here: one request in flight, a pause before each, a bound on how many.
"""

from collections.abc import Callable
from typing import Final, Protocol

from coolantd.clock import Clock
from coolantd.errors import CoolantdError, DeviceError, Fault
from coolantd.protocol.profile import Table

ILLEGAL_CODES: Final = frozenset({2, 3})
"""Modbus exceptions "illegal data address" and "illegal data value"; some devices answer 3 to a read too long."""
TARGET_CODES: Final = frozenset({0x0A, 0x0B})
"""A gateway's own exceptions: it has no path to the unit, or the unit was silent."""
_GONE: Final = frozenset({Fault.NOT_CONNECTED, Fault.CONNECTION_LOST})


class RequestsSpent(CoolantdError):  # noqa: N818 (a bound that was reached, not a fault)
    """The bound on requests was reached."""


class ReadLink(Protocol):
    """The reading half of a Modbus link of ``device/``."""

    async def connect(self) -> None:
        """Make one attempt to connect; raises DeviceError."""
        ...

    async def read(self, unit: int, table: Table, address: int, count: int, *, deadline_s: float) -> tuple[int, ...]:
        """Return registers or coils; raises DeviceError."""
        ...

    async def close(self) -> None:
        """Close at once."""
        ...


class Asker:
    """Asks a device slowly.

    Args:
        link: connected or not.
        clock: whose seconds the pauses are in.
        pause_s: silence before every request but the first.
        deadline_s: how long one reply may take.
        requests_max: after so many no more are sent.
        on_request: told the number of each request before it goes.
    """

    def __init__(
        self,
        link: ReadLink,
        clock: Clock,
        *,
        pause_s: float,
        deadline_s: float,
        requests_max: int,
        on_request: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._pause_s = pause_s
        self._deadline_s = deadline_s
        self._requests_max = requests_max
        self._on_request = on_request
        self.requests = 0

    async def ask(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...] | DeviceError:
        """Return the words read, or how the exchange failed.

        A connection that was closed meanwhile (after silence, or by the device) is made again once.

        Raises:
            DeviceError: NOT_CONNECTED, and connecting failed: there is nobody to ask any more.
            RequestsSpent: the bound was reached before this request.
        """
        answer = await self._once(unit, table, address, count)
        if isinstance(answer, DeviceError) and answer.fault in _GONE:
            await self._link.connect()
            answer = await self._once(unit, table, address, count)
        return answer

    async def _once(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...] | DeviceError:
        if self.requests >= self._requests_max:
            raise RequestsSpent(f"stopped after {self._requests_max} requests")
        if self.requests:
            await self._clock.sleep(self._pause_s)
        self.requests += 1
        self._on_request(self.requests)
        try:
            return await self._link.read(unit, table, address, count, deadline_s=self._deadline_s)
        except DeviceError as error:
            return error


def is_illegal(error: DeviceError) -> bool:
    """Return whether a device refused the addresses themselves."""
    return error.fault is Fault.EXCEPTION and error.code in ILLEGAL_CODES


def is_silence(error: DeviceError) -> bool:
    """Return whether nobody answered for the unit."""
    return error.fault is not Fault.EXCEPTION or error.code in TARGET_CODES

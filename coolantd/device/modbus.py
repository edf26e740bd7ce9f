"""A Modbus TCP connection whose replies can be believed.

It codes a request with ``protocol.replies``, and what comes back is judged byte by byte by ``protocol.conversation``;
in between there is only a connection. Every expected failure is a ``DeviceError``. This file must never know points,
retries or when to reconnect.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from coolantd.clock import Clock
from coolantd.device.dial import Dial, Dialled, dial_tcp
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.conversation import STREAM_FAULTS, Conversation
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, Request, WriteRequest, request_adu

TIMEOUTS_MAX: Final = 3
"""Requests to one unit without any reply meanwhile after which the connection counts as dead and is closed (FM-37)."""
TIMEOUTS_ALL_MAX: Final = 12
"""The same for requests to any units: several behind a gateway may be without power while the others are well."""
PULSE_S: Final = 0.5
"""Longest wait between two signs of life in a call whose deadline is a long one: a profile may allow more than a
watchdog does (FM-47)."""
LONG_S: Final = 1.0
"""Calls with no more time than this give no sign of life of their own: it would cost more than it says."""
_TRANSACTION_MAX: Final = 0xFFFF

Words = tuple[int, ...]


class _Connection:
    """One connection's life: what was asked on it, who waits for the reply, and why it ended."""

    def __init__(self, dialled: Dialled) -> None:
        self.closed_because = ""
        self.timeouts: Counter[int] = Counter()
        self._conversation = Conversation()
        self._reply: asyncio.Future[Words] | None = None
        self._loop = asyncio.get_running_loop()
        self._wire = dialled.begin(on_bytes=self._received, on_lost=self._lost)

    def ask(self, request: Request) -> asyncio.Future[Words]:
        """Send a request; return what will be its reply's words or its fault."""
        self._reply = reply = self._loop.create_future()
        self._conversation.begin(request)
        self._wire.send(request_adu(request))
        return reply

    def done(self) -> None:
        """End the exchange, answered or not: a reply that comes from now on is nobody's."""
        reply, self._reply = self._reply, None
        self._conversation.abandon()
        if reply is not None and reply.done() and not reply.cancelled():
            reply.exception()  # a caller that was cancelled in the same turn never asks for it

    def give_up(self, unit: int) -> DeviceError:
        """End an exchange whose deadline has passed; close where half a frame or the third silence says so."""
        missed = self._conversation.abandon() or ReplyFault(Fault.TIMEOUT, "no reply in time")
        self.timeouts[unit] += 1
        if missed.fault in STREAM_FAULTS:
            self.drop(missed.fault, missed.detail)
        elif self.timeouts[unit] >= TIMEOUTS_MAX or self.timeouts.total() >= TIMEOUTS_ALL_MAX:
            self.drop(missed.fault, f"{self.timeouts.total()} requests in a row without a reply")
        return DeviceError(missed.fault, missed.detail)

    def drop(self, fault: Fault, detail: str) -> None:
        """Close at once; a waiting call ends with this fault."""
        self.closed_because = self.closed_because or f"{fault.value}: {detail}"
        self._wire.close()
        self._refuse(DeviceError(fault, detail))

    def _received(self, data: bytes) -> None:
        """Judge bytes as they arrive."""
        try:
            reply = self._conversation.receive(data)
        except ReplyFault as refused:
            if refused.fault in STREAM_FAULTS:
                self.drop(refused.fault, refused.detail)
            else:
                self.timeouts.clear()
                self._refuse(DeviceError(refused.fault, refused.detail, refused.code))
            return
        if reply is not None:
            self.timeouts.clear()
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(reply.words)

    def _lost(self, why: str) -> None:
        self.drop(Fault.CONNECTION_LOST, why)

    def _refuse(self, error: DeviceError) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)


class ModbusTcpLink:
    """One Modbus TCP connection: one request in flight, each under its own deadline, nothing retried.

    Args:
        host: name or address of the device or gateway.
        port: its TCP port.
        clock: whose seconds deadlines are in.
        connect_timeout_s: how long one attempt to connect may take, name resolution included.
        pulse: called at least each ``PULSE_S`` while a call of more than ``LONG_S`` waits for its reply.
        dial: makes the connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        clock: Clock,
        connect_timeout_s: float = 2.0,
        pulse: Callable[[], None] = lambda: None,
        dial: Dial = dial_tcp,
    ) -> None:
        self._dial = dial
        self._host = host
        self._port = port
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._pulse = pulse
        self._lock = asyncio.Lock()
        self._connection: _Connection | None = None
        self._transaction = 0
        self._closings = 0

    @property
    def connected(self) -> bool:
        """Return whether requests can be sent now."""
        return self._connection is not None and not self._connection.closed_because

    async def connect(self) -> None:
        """Make one attempt to connect, closing any earlier connection first.

        Transaction identifiers go on from the earlier connection's, so that an old reply which a gateway
        delivers on the new connection is found out.

        Raises:
            DeviceError: NOT_CONNECTED.
        """
        closings = self._closings + 1
        await self.close()
        try:
            async with self._clock.timeout(self._connect_timeout_s):
                dialled = await self._dial(self._host, self._port)
        except TimeoutError:
            why = f"no answer within {self._connect_timeout_s:g} s"
        except OSError as error:
            why = f"refused or unreachable ({error.strerror or error})"
        else:
            if closings == self._closings:
                self._connection = _Connection(dialled)
                return
            dialled.close()
            why = "closed by us"
        raise DeviceError(Fault.NOT_CONNECTED, f"{self._host}:{self._port}: {why}")

    async def read(self, unit: int, table: Table, address: int, count: int, *, deadline_s: float) -> Words:
        """Return registers, or 0 or 1 per coil.

        Args:
            unit: Modbus unit, 0..255.
            table: any of the four.
            address: first wire address, 0-based.
            count: 1..125 registers or 1..2000 coils.
            deadline_s: how long the reply may take, in the clock's seconds. A call may first wait for the one
                in flight, which has a deadline of its own.

        Raises:
            DeviceError: the exchange failed; nothing is known of the values. With a fault that puts the stream
                in doubt, or after ``TIMEOUTS_MAX`` timeouts in a row of one unit, the connection is closed as well.
            ValueError: no such request exists; a caller's mistake, found before anything is sent.
        """
        return await self._exchange(ReadRequest(self._next(), unit, table, address, count), deadline_s)

    async def write(self, unit: int, table: Table, address: int, words: Sequence[int], *, deadline_s: float) -> None:
        """Write coils or holding registers and return when the device has acknowledged exactly that.

        One word goes by function 5 or 6, several by 15 or 16.

        Args:
            unit: Modbus unit, 0..255.
            table: coils or holding registers.
            address: first wire address, 0-based.
            words: 1..123 registers, or 1..1968 coils as 0 or 1.
            deadline_s: as for ``read``.

        Raises:
            DeviceError: as for ``read``; the device may or may not have taken the write.
            ValueError: as for ``read``.
        """
        await self._exchange(WriteRequest(self._next(), unit, table, address, tuple(words)), deadline_s)

    async def close(self) -> None:
        """Close at once; a call in flight ends as CONNECTION_LOST. Never raises, never waits for the device."""
        self._closings += 1  # ends an attempt to connect that is under way, too
        if self._connection is not None:
            self._connection.drop(Fault.CONNECTION_LOST, "closed by us")
        await asyncio.sleep(0)  # lets the call that was in flight end before anybody goes on

    def _next(self) -> int:
        """Return the next transaction identifier, 1..65535; 0 is never used."""
        self._transaction = self._transaction % _TRANSACTION_MAX + 1
        return self._transaction

    async def _exchange(self, request: Request, deadline_s: float) -> Words:
        """Send one request and return the words of its reply."""
        async with self._lock:
            connection = self._connection
            if connection is None or connection.closed_because:
                raise DeviceError(Fault.NOT_CONNECTED, connection.closed_because if connection else "")
            try:
                async with self._clock.timeout(deadline_s):
                    reply = connection.ask(request)
                    return await (reply if deadline_s <= LONG_S else self._long(reply))
            except TimeoutError:
                raise connection.give_up(request.unit) from None
            finally:
                connection.done()

    async def _long(self, reply: asyncio.Future[Words]) -> Words:
        """Wait for a reply, with signs of life."""
        while True:
            self._pulse()
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(PULSE_S):
                    return await asyncio.shield(reply)

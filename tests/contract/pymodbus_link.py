"""The daemon's Modbus TCP link made a second time, with pymodbus below: what ``device.modbus`` is held against.

pymodbus connects, codes the request and sends it; what comes back is judged byte by byte by
``protocol.conversation`` before pymodbus sees it, because pymodbus does not compare a reply with its request.
Two transports that share nothing but those checks, and one set of tests for both: where they part, one is wrong.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.transaction import TransactionManager

from coolantd.clock import Clock
from coolantd.device.modbus import TIMEOUTS_MAX
from coolantd.device.tcp_socket import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES, USER_TIMEOUT_MS
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.conversation import STREAM_FAULTS, Conversation
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, Request, WriteRequest, request_adu, transaction_of

RECEIVE_MAX_BYTES: Final = 1 << 20
"""Above the largest piece asyncio hands over at once (256 KiB). pymodbus drops a larger buffer without a word,
and with it the proof that the stream is out of step."""
LIBRARY_TIMEOUT_S: Final = 3600.0
"""pymodbus's own timeout and reconnect delay: out of the way, because the caller's deadline rules."""

# Every failure is a typed error and a counter here; the library would add many lines at ERROR to each.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)


class _CheckedTransactions(TransactionManager):
    """pymodbus's transactions with every frame, both ways, held against what was asked.

    Only whole replies that passed every check reach pymodbus's parser; a refused one ends the waiting call at
    once with its fault instead of at the library's timeout.
    """

    def __init__(self, plain: TransactionManager) -> None:
        super().__init__(
            plain.comm_params, plain.framer, retries=0, is_server=False, trace_packet=self._trace_packet,
            trace_pdu=None, trace_connect=None,
        )  # fmt: skip
        self.max_buffer_size = RECEIVE_MAX_BYTES
        self.conversation = Conversation()
        self.asked: Request | None = None
        self.words: tuple[int, ...] = ()
        self.timeouts = 0
        self.first_transaction = 0
        self.closed_because = ""

    def callback_connected(self) -> None:
        """Go on counting transactions where the earlier connection stopped; pymodbus would begin again."""
        super().callback_connected()
        self.next_tid = self.first_transaction

    def is_active(self) -> bool:
        """Return whether requests can be sent.

        pymodbus takes a connection that was lost in the very turn it was made for an open one.
        """
        return super().is_active() and not self.closed_because

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Judge received bytes; return how many were used, which is all of them."""
        try:
            reply = self.conversation.receive(data)
            if reply is not None:
                self.words, self.timeouts = reply.words, 0
                super().callback_data(reply.adu, addr)
        except ReplyFault as refused:
            if refused.fault in STREAM_FAULTS:
                self.drop(refused.fault, refused.detail)
            else:
                self.timeouts = 0
                self._end_call(DeviceError(refused.fault, refused.detail, refused.code))
        except ModbusException as error:
            self.drop(Fault.MALFORMED, str(error))
        return len(data)

    def callback_disconnected(self, exc: Exception | None) -> None:
        """End the waiting call at once, and the reconnect that pymodbus has just planned behind our back."""
        super().callback_disconnected(exc)
        self.drop(Fault.CONNECTION_LOST, str(exc) if exc else "closed by the device")

    def drop(self, fault: Fault, detail: str) -> None:
        """Close without waiting for anything still unsent; a waiting call ends with this fault."""
        self.closed_because = self.closed_because or f"{fault.value}: {detail}"
        self._end_call(DeviceError(fault, detail))
        if self.transport is not None:
            cast("asyncio.WriteTransport", self.transport).abort()
        self.close()

    def _trace_packet(self, sending: bool, data: bytes) -> bytes:
        """Let a request leave only if its bytes are what was asked, and note its transaction."""
        if sending and self.asked is not None:
            request = replace(self.asked, transaction=transaction_of(data))
            if request_adu(request) != data:
                raise DeviceError(Fault.MALFORMED, f"not sent: the library coded {data.hex()} for {request}")
            self.conversation.begin(request)
        return data

    def _end_call(self, error: DeviceError) -> None:
        if self.asked is not None and not self.response_future.done():
            self.response_future.set_exception(error)


class PymodbusTcpLink:
    """One Modbus TCP connection: one request in flight, each under its own deadline, nothing retried.

    Args:
        host: name or address of the device or gateway.
        port: its TCP port.
        clock: whose seconds deadlines are in.
        connect_timeout_s: how long one attempt to connect may take, name resolution included.
    """

    def __init__(self, host: str, port: int, *, clock: Clock, connect_timeout_s: float = 2.0) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._transactions: _CheckedTransactions | None = None

    @property
    def connected(self) -> bool:
        """Return whether requests can be sent now."""
        return self._transactions is not None and self._transactions.is_active()

    async def connect(self) -> None:
        """Make one attempt to connect, closing any earlier connection first.

        Transaction identifiers go on from the earlier connection's, so that an old reply which a gateway
        delivers on the new connection is found out.

        Raises:
            DeviceError: NOT_CONNECTED.
        """
        await self.close()
        client, transactions = self._renew()
        why = "refused or unreachable"
        usable = False
        try:
            async with self._clock.timeout(self._connect_timeout_s):
                await client.connect()
            if transactions.is_active():
                _tune(transactions)
                usable = True
        except TimeoutError:
            why = f"no answer within {self._connect_timeout_s:g} s"
        except OSError as error:
            why = str(error)
        finally:
            if not usable:
                why = transactions.closed_because or why
                transactions.drop(Fault.NOT_CONNECTED, why)
        if not usable:
            raise DeviceError(Fault.NOT_CONNECTED, f"{self._host}:{self._port}: {why}")

    async def read(self, unit: int, table: Table, address: int, count: int, *, deadline_s: float) -> tuple[int, ...]:
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
                in doubt, or after ``TIMEOUTS_MAX`` timeouts in a row, the connection is closed as well.
            ValueError: no such request exists; a caller's mistake, found before anything is sent.
        """
        return await self._exchange(ReadRequest(0, unit, table, address, count), deadline_s)

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
        await self._exchange(WriteRequest(0, unit, table, address, tuple(words)), deadline_s)

    async def close(self) -> None:
        """Close at once; a call in flight ends as CONNECTION_LOST. Never raises, never waits for the device."""
        if self._transactions is not None:
            self._transactions.drop(Fault.CONNECTION_LOST, "closed by us")
        # The event loop closes the socket itself on its next turn.
        await asyncio.sleep(0)

    def _renew(self) -> tuple[AsyncModbusTcpClient, _CheckedTransactions]:
        """Make a client that shares nothing with the earlier one but the count of transactions."""
        client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=LIBRARY_TIMEOUT_S,
            reconnect_delay=LIBRARY_TIMEOUT_S,
            reconnect_delay_max=LIBRARY_TIMEOUT_S,
            retries=0,
        )
        transactions = _CheckedTransactions(client.ctx)
        if self._transactions is not None:
            transactions.first_transaction = self._transactions.next_tid
        client.ctx = transactions
        self._client, self._transactions = client, transactions
        return client, transactions

    async def _exchange(self, request: Request, deadline_s: float) -> tuple[int, ...]:
        """Send one request and return the words of its reply."""
        async with self._lock:
            client, transactions = self._client, self._transactions
            if client is None or transactions is None or not transactions.is_active():
                because = transactions.closed_because if transactions else ""
                raise DeviceError(Fault.NOT_CONNECTED, because)
            transactions.asked = request
            try:
                async with self._clock.timeout(deadline_s):
                    await _uncancelled(_call(client, request))
            except TimeoutError:
                raise _give_up(transactions) from None
            except ModbusException as error:
                transactions.drop(Fault.CONNECTION_LOST, str(error))
                raise DeviceError(Fault.CONNECTION_LOST, str(error)) from None
            finally:
                transactions.asked = None
                transactions.conversation.abandon()
            return transactions.words


async def _uncancelled(call: Awaitable[ModbusPDU]) -> None:
    """Await a call; raise CancelledError even if the reply came in the same turn of the loop as the cancellation.

    Python 3.11's ``asyncio.wait_for``, which pymodbus uses, then returns the reply and forgets the cancellation.
    """
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    cancelled_before = task.cancelling()
    await call
    if task.cancelling() > cancelled_before:
        raise asyncio.CancelledError


def _give_up(transactions: _CheckedTransactions) -> DeviceError:
    """End a request whose deadline has passed; close where half a frame or the third silence says so."""
    missed = transactions.conversation.abandon() or ReplyFault(Fault.TIMEOUT, "no reply in time")
    transactions.timeouts += 1
    if missed.fault in STREAM_FAULTS:
        transactions.drop(missed.fault, missed.detail)
    elif transactions.timeouts >= TIMEOUTS_MAX:
        transactions.drop(missed.fault, f"{TIMEOUTS_MAX} requests in a row without a reply")
    return DeviceError(missed.fault, missed.detail)


def _call(client: AsyncModbusTcpClient, request: Request) -> Awaitable[ModbusPDU]:
    """Return pymodbus's call for a request."""
    if isinstance(request, WriteRequest):
        return _write_call(client, request)
    address, count, unit = request.address, request.count, request.unit
    match request.table:
        case Table.COIL:
            return client.read_coils(address, count=count, device_id=unit)
        case Table.DISCRETE:
            return client.read_discrete_inputs(address, count=count, device_id=unit)
        case Table.INPUT:
            return client.read_input_registers(address, count=count, device_id=unit)
        case Table.HOLDING:
            return client.read_holding_registers(address, count=count, device_id=unit)


def _write_call(client: AsyncModbusTcpClient, request: WriteRequest) -> Awaitable[ModbusPDU]:
    address, unit = request.address, request.unit
    if request.table is Table.COIL:
        bits = [bool(word) for word in request.words]
        if len(bits) == 1:
            return client.write_coil(address, bits[0], device_id=unit)
        return client.write_coils(address, bits, device_id=unit)
    words = list(request.words)
    if len(words) == 1:
        return client.write_register(address, words[0], device_id=unit)
    return client.write_registers(address, words, device_id=unit)


def _tune(transactions: _CheckedTransactions) -> None:
    """Let the kernel find a dead peer (FM-40) and send small frames at once."""
    sock = transactions.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

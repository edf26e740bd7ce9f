"""The Modbus connection itself on a real socket: deadlines, circuit breaker, cancellation, transactions.

Everything holds for the daemon's link and for the reference with pymodbus below.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from modbus_links import LINKS, LinkClass, TcpLink, after_each_reply, next_transaction, socket_of
from modbus_server import UNIT, Asked, ScriptedServer, frame, good_pdu, until, value_at
from pymodbus_link import PymodbusTcpLink

from coolantd.clock import SystemClock
from coolantd.device.modbus import TIMEOUTS_MAX
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import Table
from coolantd.sim.ports import free_port

PATIENT_S = 5.0


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=LINKS, ids=lambda cls: cls.__name__)
def link_class(request: pytest.FixtureRequest) -> LinkClass:
    return request.param


@pytest.fixture
async def link(link_class: LinkClass, server: ScriptedServer) -> AsyncIterator[TcpLink]:
    link = link_class("127.0.0.1", server.port, clock=SystemClock())
    await link.connect()
    yield link
    await link.close()


async def silence(_server: ScriptedServer, _asked: Asked, _writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def read_one(link: TcpLink, address: int = 5000, deadline_s: float = PATIENT_S) -> int:
    (word,) = await link.read(UNIT, Table.HOLDING, address, 1, deadline_s=deadline_s)
    return word


async def fault_of_read(link: TcpLink, deadline_s: float = 0.05) -> Fault:
    with pytest.raises(DeviceError) as caught:
        await read_one(link, deadline_s=deadline_s)
    return caught.value.fault


async def test_refused_connection_is_not_connected_and_says_where(link_class: LinkClass) -> None:
    port = free_port()
    link = link_class("127.0.0.1", port, clock=SystemClock())
    with pytest.raises(DeviceError, match=f"127.0.0.1:{port}") as caught:
        await link.connect()
    assert caught.value.fault is Fault.NOT_CONNECTED
    assert not link.connected
    assert await fault_of_read(link) is Fault.NOT_CONNECTED
    await link.close()


async def test_read_before_connect_is_not_connected_and_close_is_harmless(link_class: LinkClass) -> None:
    link = link_class("127.0.0.1", 1, clock=SystemClock())
    assert not link.connected
    assert await fault_of_read(link) is Fault.NOT_CONNECTED
    await link.close()
    await link.close()


async def test_connecting_gives_up_in_time(link_class: LinkClass) -> None:
    """A listener whose queue is full swallows the SYN, as a device behind a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        link = link_class("127.0.0.1", port, clock=SystemClock(), connect_timeout_s=0.2)
        with pytest.raises(DeviceError, match=r"no answer within 0\.2 s") as caught:
            await link.connect()
        for filler in fillers:
            filler.close()
    assert caught.value.fault is Fault.NOT_CONNECTED
    assert not link.connected


async def test_kernel_watches_the_peer(link: TcpLink) -> None:
    """FM-40: a half-open connection is found without waiting for the kernel's two hours."""
    tcp = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT, socket.TCP_NODELAY]
    with socket_of(link) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in tcp] == [5, 2, 2, 3000, 1]


async def test_three_timeouts_in_a_row_close_the_connection(server: ScriptedServer, link: TcpLink) -> None:
    """FM-37."""
    server.scripts.extend([silence] * TIMEOUTS_MAX)
    for still in (True, True, False):
        assert await fault_of_read(link) is Fault.TIMEOUT
        assert link.connected is still
    await link.connect()
    assert await read_one(link) == value_at(5000)


async def test_a_reply_between_timeouts_keeps_the_connection_even_an_exception(
    server: ScriptedServer, link: TcpLink
) -> None:
    async def busy(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(asked.transaction, bytes([asked.function | 0x80, 6])))

    server.scripts.extend([silence, silence, busy, silence, silence])
    faults = [await fault_of_read(link, deadline_s) for deadline_s in (0.05, 0.05, PATIENT_S, 0.05, 0.05)]
    assert faults == [Fault.TIMEOUT, Fault.TIMEOUT, Fault.EXCEPTION, Fault.TIMEOUT, Fault.TIMEOUT]
    assert await read_one(link) == value_at(5000)
    server.scripts.extend([silence, silence])
    assert [await fault_of_read(link) for _ in range(2)] == [Fault.TIMEOUT] * 2
    assert link.connected
    assert server.connections == 1


@pytest.mark.parametrize("rate_ratio", [1.0, 10.0])
async def test_deadline_is_kept_in_the_clocks_seconds(
    rate_ratio: float, link_class: LinkClass, server: ScriptedServer
) -> None:
    link = link_class("127.0.0.1", server.port, clock=SystemClock(rate_ratio))
    await link.connect()
    server.scripts.append(silence)
    started_s = asyncio.get_running_loop().time()
    assert await fault_of_read(link, 0.2 * rate_ratio) is Fault.TIMEOUT
    assert 0.2 <= asyncio.get_running_loop().time() - started_s < 2.0
    await link.close()


async def test_cancelled_read_ends_as_cancelled_and_its_reply_is_nobodys(server: ScriptedServer, link: TcpLink) -> None:
    async def slow(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(frame(asked.transaction, good_pdu(asked)))

    server.scripts.append(slow)
    reading = asyncio.create_task(read_one(link, 100))
    await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read_one(link, 200) == value_at(200)
    assert server.connections == 1


async def test_cancellation_in_the_same_turn_as_the_reply_is_not_lost(link: TcpLink) -> None:
    """Otherwise a stop signal that meets a reply leaves a poller that runs on."""
    reading = asyncio.create_task(read_one(link))
    leave_alone = after_each_reply(link, reading.cancel)
    with pytest.raises(asyncio.CancelledError):
        await reading
    leave_alone()
    assert await read_one(link, 200) == value_at(200)


async def test_a_task_that_was_cancelled_can_still_write_its_last_word(server: ScriptedServer, link: TcpLink) -> None:
    """A hand-over on the way out sends its writes from inside the handler of the cancellation."""

    acknowledged: list[int] = []

    async def hold() -> None:
        try:
            await asyncio.sleep(PATIENT_S)
        except asyncio.CancelledError:
            await link.write(UNIT, Table.HOLDING, 246, (75,), deadline_s=PATIENT_S)
            acknowledged.append(75)
            raise

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert acknowledged == [server.asked[-1].count] == [75]


async def test_one_request_in_flight_and_every_caller_gets_its_own_value(server: ScriptedServer, link: TcpLink) -> None:
    in_flight = 0

    async def watch(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal in_flight
        in_flight += 1
        assert in_flight == 1
        await asyncio.sleep(0.002)
        in_flight -= 1
        writer.write(frame(asked.transaction, good_pdu(asked)))

    server.scripts.extend([watch] * 20)
    values = await asyncio.gather(*(read_one(link, address) for address in range(20)))
    assert values == [value_at(address) for address in range(20)]


async def test_transactions_wrap_without_0_and_without_mixing_values(server: ScriptedServer, link: TcpLink) -> None:
    last = 65_000 if isinstance(link, PymodbusTcpLink) else 65_535
    next_transaction(link, last - 2)
    for address in range(8):
        assert await read_one(link, address) == value_at(address)
    transactions = [asked.transaction for asked in server.asked]
    assert transactions == [last - 2, last - 1, last, 1, 2, 3, 4, 5]


async def test_transactions_go_on_after_a_reconnect(server: ScriptedServer, link: TcpLink) -> None:
    await read_one(link)
    await link.connect()
    await read_one(link)
    assert [asked.transaction for asked in server.asked] == [1, 2]


async def test_connecting_again_frees_the_earlier_connection(server: ScriptedServer, link: TcpLink) -> None:
    """Gateways accept two to four connections in all."""
    await link.connect()
    await read_one(link)
    await until(lambda: server.open_connections == 1)
    assert server.connections == 2


@pytest.mark.parametrize("link_class", [PymodbusTcpLink])
async def test_request_that_the_library_coded_wrongly_does_not_leave(server: ScriptedServer, link: TcpLink) -> None:
    framer = link._transactions.framer
    build = framer.buildFrame
    framer.buildFrame = lambda message: build(message)[:-1] + b"\xff"
    with pytest.raises(DeviceError, match="not sent"):
        await link.write(UNIT, Table.HOLDING, 246, (50,), deadline_s=PATIENT_S)
    framer.buildFrame = build
    assert not server.asked
    assert await read_one(link) == value_at(5000)


async def test_lost_connection_stays_lost_until_we_reconnect(server: ScriptedServer, link: TcpLink) -> None:
    """Reconnecting, with its back-off, is the caller's; the library must not do it behind our back."""
    await read_one(link)
    await server.stop()
    await until(lambda: not link.connected)
    assert await fault_of_read(link) is Fault.NOT_CONNECTED
    await server.start()
    await asyncio.sleep(0.3)
    assert not link.connected
    assert server.connections == 1
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"transport reconnect"})
    await link.connect()
    assert await read_one(link) == value_at(5000)


async def test_close_ends_a_read_at_once(server: ScriptedServer, link: TcpLink) -> None:
    server.scripts.append(silence)
    reading = asyncio.create_task(fault_of_read(link, PATIENT_S))
    await asyncio.sleep(0.02)
    await link.close()
    assert await asyncio.wait_for(reading, 1.0) is Fault.CONNECTION_LOST
    assert not link.connected


async def test_close_ends_an_attempt_to_connect(link_class: LinkClass, server: ScriptedServer) -> None:
    """A bus handed over to somebody must not come back by a connection that was just being made."""
    link = link_class("127.0.0.1", server.port, clock=SystemClock())
    for turns in range(2, 7):  # connecting begins with a turn in which an earlier connection ends
        connecting = asyncio.create_task(link.connect())
        for _ in range(turns):
            await asyncio.sleep(0)
        await link.close()
        with suppress(DeviceError):
            await connecting
        assert not link.connected
    await until(lambda: server.open_connections == 0)


async def test_a_device_that_takes_no_bytes_is_lost_and_not_waited_for(server: ScriptedServer, link: TcpLink) -> None:
    """The device ends the connection between two requests; the next one fails, at once or after its own deadline."""
    await read_one(link)
    with socket_of(link) as sock:
        sock.shutdown(socket.SHUT_RDWR)
    assert await fault_of_read(link, PATIENT_S) in (Fault.CONNECTION_LOST, Fault.NOT_CONNECTED)
    assert not link.connected
    await link.connect()
    assert await read_one(link) == value_at(5000)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda link: link.read(UNIT, Table.HOLDING, 0, 126, deadline_s=1.0),
        lambda link: link.read(UNIT, Table.COIL, 0, 2001, deadline_s=1.0),
        lambda link: link.read(UNIT, Table.HOLDING, 65_535, 2, deadline_s=1.0),
        lambda link: link.read(256, Table.HOLDING, 0, 1, deadline_s=1.0),
        lambda link: link.write(UNIT, Table.INPUT, 0, (1,), deadline_s=1.0),
        lambda link: link.write(UNIT, Table.HOLDING, 0, (), deadline_s=1.0),
        lambda link: link.write(UNIT, Table.HOLDING, 0, (65_536,), deadline_s=1.0),
        lambda link: link.write(UNIT, Table.COIL, 0, (2,), deadline_s=1.0),
    ],
)
async def test_impossible_request_is_refused_before_anything_is_sent(
    request_of: object, server: ScriptedServer, link: TcpLink
) -> None:
    with pytest.raises(ValueError, match=r"\d|cannot"):
        await request_of(link)
    assert await read_one(link) == value_at(5000)
    assert len(server.asked) == 1


async def test_failures_leave_no_log_lines(
    server: ScriptedServer, link: TcpLink, link_class: LinkClass, caplog: pytest.LogCaptureFixture
) -> None:
    """FM-31: each failure is a typed error and a counter; the library's own lines would flood the journal."""

    async def noise(_server: ScriptedServer, _asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff" * 300)

    server.scripts.extend([silence, noise])
    for _ in range(3):
        await fault_of_read(link)
    nowhere = link_class("127.0.0.1", free_port(), clock=SystemClock())
    with pytest.raises(DeviceError):
        await nowhere.connect()
    assert [record for record in caplog.records if record.name.startswith("pymodbus")] == []


@pytest.mark.slow
async def test_soak_past_65535_requests_on_one_connection(server: ScriptedServer, link: TcpLink) -> None:
    """FM-39: libraries have returned another request's data once the transactions had gone round."""
    for number in range(66_000):
        assert await read_one(link, number % 60_000) == value_at(number % 60_000)
    assert server.connections == 1

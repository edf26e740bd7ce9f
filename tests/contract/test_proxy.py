"""The read-only proxy over real sockets, asked by pymodbus's own client and by clients that behave badly."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import pytest
from modbus_server import ScriptedServer, until, value_at
from pymodbus.client import AsyncModbusTcpClient

from coolantd.clock import SystemClock
from coolantd.config.line_models import ProxyConfig, ProxyUnitConfig
from coolantd.device.modbus import ModbusTcpLink
from coolantd.errors import CoolantdError, DeviceError
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, check_read, request_adu
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.proxies import Proxies
from coolantd.service.proxy import STOP_TIMEOUT_S, Outcome, ProxyServer
from coolantd.service.proxy_clients import CLIENTS_MAX, ClientLimits
from coolantd.service.raw_cache import RawCache
from coolantd.sim.ports import free_port

UNIT, AGE_UNIT = 7, 107
FIRST, COUNT = 5000, 40
PERIOD_S = 1.0


class ShiftedClock(SystemClock):
    """The machine's clock, which a test may put forward."""

    shift_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.shift_s


@dataclass
class CachedDevice:
    """A device that is read at ``FIRST`` and the next ``COUNT - 1`` addresses of every table."""

    raw: RawCache = field(default_factory=RawCache)
    available: bool = True

    def max_ages_s(self, table: Table, address: int, count: int) -> tuple[float, ...]:
        del table
        return tuple(
            3.0 * PERIOD_S if FIRST <= at < FIRST + COUNT else float("nan") for at in range(address, address + count)
        )


class Rig:
    """A proxy in front of one cached device."""

    def __init__(self, limits: ClientLimits | None = None) -> None:
        self.clock = ShiftedClock()
        self.device = CachedDevice()
        self.metrics = Metrics()
        units = [ProxyUnitConfig(unit_id=UNIT, device="cdu1", age_unit_id=AGE_UNIT)]
        self.proxy = ProxyServer(
            "127.0.0.1",
            0,
            units,
            {"cdu1": self.device}.get,
            clock=self.clock,
            metrics=self.metrics,
            limits=limits,
        )

    def fill(self) -> None:
        """Store a fresh good read of every table."""
        words = [value_at(FIRST + index) for index in range(COUNT)]
        for table in (Table.HOLDING, Table.INPUT):
            self.device.raw.store(table, FIRST, tuple(words), self.clock.now_s())
        for table in (Table.COIL, Table.DISCRETE):
            self.device.raw.store(table, FIRST, tuple(word & 1 for word in words), self.clock.now_s())

    def count(self, outcome: Outcome) -> float:
        value = self.metrics.registry.get_sample_value("coolantd_proxy_requests_total", {"outcome": outcome.value})
        assert value is not None
        return value

    @property
    def clients(self) -> float | None:
        return self.metrics.registry.get_sample_value("coolantd_proxy_clients")

    async def connect(self) -> "RawClient":
        return RawClient(*await asyncio.open_connection("127.0.0.1", self.proxy.port))


@dataclass
class RawClient:
    """A master that sends whatever bytes a test likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *requests: ReadRequest) -> None:
        self.writer.write(b"".join(request_adu(request) for request in requests))

    async def reply(self, request: ReadRequest) -> tuple[int, ...]:
        head = await asyncio.wait_for(self.reader.readexactly(6), 5.0)
        return check_read(request, head + await self.reader.readexactly(int.from_bytes(head[4:], "big")))

    async def ask(self, request: ReadRequest) -> tuple[int, ...]:
        self.send(request)
        return await self.reply(request)

    async def cut(self) -> bool:
        """Return whether the proxy ended the connection without another byte."""
        try:
            return await asyncio.wait_for(self.reader.read(1), 5.0) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def read(transaction: int = 1, count: int = 3, *, unit: int = UNIT, address: int = FIRST) -> ReadRequest:
    return ReadRequest(transaction, unit, Table.HOLDING, address, count)


def expected(count: int = 3, address: int = FIRST) -> tuple[int, ...]:
    return tuple(value_at(address + index) for index in range(count))


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    await rig.proxy.start()
    try:
        yield rig
    finally:
        await rig.proxy.stop()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    rig.fill()
    async with running(rig):
        yield rig


@pytest.fixture
async def master(rig: Rig) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient("127.0.0.1", port=rig.proxy.port, retries=0, timeout=5.0)
    assert await client.connect()
    yield client
    client.close()


async def test_another_master_reads_all_four_tables_as_the_device_answered(master: AsyncModbusTcpClient) -> None:
    words = list(expected(COUNT))
    bits = [bool(word & 1) for word in words]
    holding = await master.read_holding_registers(FIRST, count=COUNT, device_id=UNIT)
    inputs = await master.read_input_registers(FIRST + 5, count=3, device_id=UNIT)
    coils = await master.read_coils(FIRST, count=COUNT, device_id=UNIT)
    discretes = await master.read_discrete_inputs(FIRST + 3, count=1, device_id=UNIT)
    assert holding.registers == words
    assert inputs.registers == words[5:8]
    assert coils.bits[:COUNT] == bits
    assert discretes.bits[0] == bits[3]


async def test_every_write_is_refused_as_an_illegal_function(rig: Rig, master: AsyncModbusTcpClient) -> None:
    replies = [
        await master.write_register(FIRST, 1, device_id=UNIT),
        await master.write_registers(FIRST, [1, 2], device_id=UNIT),
        await master.write_coil(FIRST, True, device_id=UNIT),
        await master.write_coils(FIRST, [True, False], device_id=UNIT),
        await master.mask_write_register(address=FIRST, and_mask=0, or_mask=1, device_id=UNIT),
        await master.readwrite_registers(read_address=FIRST, read_count=1, write_address=FIRST, values=[1],
                                         device_id=UNIT),
        await master.write_register(FIRST, 1, device_id=AGE_UNIT),
        await master.write_register(FIRST, 1, device_id=99),
    ]  # fmt: skip
    assert [reply.exception_code for reply in replies] == [1] * len(replies)
    assert rig.count(Outcome.ILLEGAL_FUNCTION) == len(replies)
    again = await master.read_holding_registers(FIRST, count=2, device_id=UNIT)
    assert again.registers == list(expected(2))


async def test_what_is_never_polled_is_an_illegal_address(rig: Rig, master: AsyncModbusTcpClient) -> None:
    for address, count in ((FIRST - 1, 1), (FIRST + COUNT - 1, 2), (0, 1)):
        for unit in (UNIT, AGE_UNIT):
            reply = await master.read_holding_registers(address, count=count, device_id=unit)
            assert reply.exception_code == 2
    assert rig.count(Outcome.ILLEGAL_ADDRESS) == 6


async def test_an_unknown_unit_is_a_path_that_is_not_there(rig: Rig, master: AsyncModbusTcpClient) -> None:
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT + 1)).exception_code == 10
    rig.proxy.show([ProxyUnitConfig(unit_id=UNIT, device="cdu9")])
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code == 10


async def test_words_older_than_three_periods_are_never_given_and_their_age_is(
    rig: Rig, master: AsyncModbusTcpClient
) -> None:
    rig.clock.shift_s = 2.5 * PERIOD_S
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).registers == list(expected(1))
    rig.clock.shift_s = 3.01 * PERIOD_S
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code == 11
    assert rig.count(Outcome.STALE) == 1
    ages = await master.read_holding_registers(FIRST, count=2, device_id=AGE_UNIT)
    assert 31 <= ages.registers[0] == ages.registers[1] <= 60
    rig.fill()
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).registers == list(expected(1))
    assert (await master.read_holding_registers(FIRST, count=1, device_id=AGE_UNIT)).registers[0] <= 20


async def test_one_stale_register_makes_the_whole_range_stale(rig: Rig, master: AsyncModbusTcpClient) -> None:
    rig.clock.shift_s = 3.5 * PERIOD_S
    rig.device.raw.store(Table.HOLDING, FIRST, expected(10), rig.clock.now_s())
    assert (await master.read_holding_registers(FIRST, count=10, device_id=UNIT)).registers == list(expected(10))
    assert (await master.read_holding_registers(FIRST, count=11, device_id=UNIT)).exception_code == 11
    ages = (await master.read_holding_registers(FIRST, count=11, device_id=AGE_UNIT)).registers
    assert max(ages[:10]) <= 20
    assert ages[10] >= 35


async def test_a_device_that_is_not_available_is_a_target_that_failed(rig: Rig, master: AsyncModbusTcpClient) -> None:
    rig.device.available = False
    assert (await master.read_input_registers(FIRST, count=1, device_id=UNIT)).exception_code == 11
    assert rig.count(Outcome.UNAVAILABLE) == 1
    assert (await master.read_input_registers(FIRST, count=1, device_id=AGE_UNIT)).registers[0] <= 20


async def test_of_a_device_that_is_not_there_no_register_is_called_illegal(
    rig: Rig, master: AsyncModbusTcpClient
) -> None:
    """Which registers it has may depend on a firmware that it has not said yet; masters give up what is illegal."""
    assert (await master.read_input_registers(FIRST + 1000, count=1, device_id=UNIT)).exception_code == 2
    rig.device.available = False
    assert (await master.read_input_registers(FIRST + 1000, count=1, device_id=UNIT)).exception_code == 11


async def test_a_wrong_device_leaves_neither_words_nor_ages(rig: Rig, master: AsyncModbusTcpClient) -> None:
    rig.device.raw.clear()
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code == 11
    assert (await master.read_holding_registers(FIRST, count=3, device_id=AGE_UNIT)).registers == [65_535] * 3


async def test_an_age_does_not_fit_in_a_bit(master: AsyncModbusTcpClient) -> None:
    assert (await master.read_coils(FIRST, count=1, device_id=AGE_UNIT)).exception_code == 1


async def test_words_follow_a_live_device_and_end_with_it(rig: Rig, master: AsyncModbusTcpClient) -> None:
    """Killed, its words are given for three periods and no longer, while their age rises; back, they are fresh."""
    rig.device.raw.clear()
    server = ScriptedServer()
    await server.start()
    port = server.port
    link = ModbusTcpLink("127.0.0.1", port, clock=SystemClock())
    polling = asyncio.create_task(poll(link, rig))
    await until(lambda: rig.device.raw.read(Table.HOLDING, FIRST, COUNT) is not None)
    assert (await master.read_holding_registers(FIRST, count=COUNT, device_id=UNIT)).registers == list(expected(COUNT))
    await server.stop()
    rig.clock.shift_s += 2.0 * PERIOD_S
    assert not (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).isError()
    first_age = (await master.read_holding_registers(FIRST, count=1, device_id=AGE_UNIT)).registers[0]
    rig.clock.shift_s += 2.0 * PERIOD_S
    assert (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code == 11
    assert (await master.read_holding_registers(FIRST, count=1, device_id=AGE_UNIT)).registers[0] >= first_age + 20
    server = ScriptedServer(port=port)
    await server.start()
    newest_s = rig.clock.now_s()
    await until(lambda: rig.device.raw.sent_times_s(Table.HOLDING, FIRST, 1)[0] > newest_s)
    assert not (await master.read_holding_registers(FIRST, count=1, device_id=UNIT)).isError()
    polling.cancel()
    await link.close()
    await server.stop()


async def poll(link: ModbusTcpLink, rig: Rig) -> None:
    """Read as the polling engine does, a little faster."""
    while True:
        with suppress(DeviceError):
            if not link.connected:
                await link.connect()
            sent_s = rig.clock.now_s()
            words = await link.read(1, Table.HOLDING, FIRST, COUNT, deadline_s=0.5)
            rig.device.raw.store(Table.HOLDING, FIRST, words, sent_s)
        await asyncio.sleep(0.05)


async def test_nothing_a_master_asks_reaches_the_device(rig: Rig, master: AsyncModbusTcpClient) -> None:
    server = ScriptedServer()
    await server.start()
    link = ModbusTcpLink("127.0.0.1", server.port, clock=SystemClock())
    polling = asyncio.create_task(poll(link, rig))
    await until(lambda: len(server.asked) >= 2)
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling
    polls = len(server.asked)
    for _ in range(10):
        await master.read_holding_registers(FIRST, count=COUNT, device_id=UNIT)
        await master.write_register(FIRST, 1, device_id=UNIT)
        await master.read_holding_registers(FIRST, count=1, device_id=AGE_UNIT)
    assert len(server.asked) == polls
    assert server.connections == 1
    await link.close()
    await server.stop()


async def test_a_master_may_connect_again_and_again(rig: Rig) -> None:
    for _ in range(3 * CLIENTS_MAX):
        client = await rig.connect()
        assert await client.ask(read()) == expected()
        await client.close()
    await until(lambda: rig.clients == 0)


async def test_a_request_may_arrive_byte_by_byte(rig: Rig) -> None:
    client = await rig.connect()
    for byte in request_adu(read(transaction=0x0102)):
        client.writer.write(bytes([byte]))
        await client.writer.drain()
        await asyncio.sleep(0.001)
    assert await client.reply(read(transaction=0x0102)) == expected()
    await client.close()


async def test_two_requests_in_one_segment_are_answered_in_order(rig: Rig) -> None:
    client = await rig.connect()
    first, second = read(transaction=1, count=2), read(transaction=2, count=4, address=FIRST + 10)
    client.send(first, second)
    assert await client.reply(first) == expected(2)
    assert await client.reply(second) == expected(4, FIRST + 10)
    await client.close()


async def test_what_was_asked_before_the_end_of_the_stream_is_answered(rig: Rig) -> None:
    client = await rig.connect()
    requests = [read(transaction=number) for number in range(1, 41)]
    client.send(*requests)
    client.writer.write_eof()
    for request in requests:
        assert await client.reply(request) == expected()
    assert await client.cut()
    await client.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        struct.pack(">HHHBB", 1, 0, 0, 1, 3),
        struct.pack(">HHHBB", 1, 0, 255, 1, 3),
        b"\xff" * 4096,
        request_adu(read()) + b"\0\1\0\1",
    ],
)
async def test_nonsense_is_cut_off_and_harms_nobody_else(rig: Rig, garbage: bytes) -> None:
    good, bad = await rig.connect(), await rig.connect()
    bad.writer.write(garbage)
    if garbage.startswith(request_adu(read())):
        assert await bad.reply(read()) == expected()
    assert await bad.cut()
    assert rig.count(Outcome.UNINTELLIGIBLE) == 1
    assert await good.ask(read()) == expected()
    await bad.close()
    await good.close()


async def test_a_seventeenth_busy_master_is_refused_and_the_sixteen_go_on(rig: Rig) -> None:
    clients = [await rig.connect() for _ in range(CLIENTS_MAX)]
    for client in clients:
        assert await client.ask(read()) == expected()
    assert rig.clients == CLIENTS_MAX
    late = await rig.connect()
    assert await late.cut()
    for client in clients:
        assert await client.ask(read()) == expected()
    for client in [*clients, late]:
        await client.close()


async def test_dead_connections_lock_nobody_out() -> None:
    """FM-40: whoever has asked nothing for longest gives way to a newcomer; the one that works stays."""
    rig = Rig(ClientLimits(clients_max=3, displace_idle_s=0.2))
    rig.fill()
    async with running(rig):
        worker = await rig.connect()
        dead = [await rig.connect() for _ in range(2)]
        await asyncio.sleep(0.3)
        assert await worker.ask(read()) == expected()
        with socket.socket() as one, socket.socket() as other:
            for newcomer in (one, other):  # both before the proxy's next turn
                newcomer.connect(("127.0.0.1", rig.proxy.port))
            for client in dead:
                assert await client.cut()
                await client.close()
            assert await worker.ask(read()) == expected()
            assert rig.clients == 3
        await worker.close()


@pytest.mark.parametrize("said", [b"", b"\0\1\0\0\0\6\7"])
async def test_a_silent_or_half_asking_client_is_cut_in_time(said: bytes) -> None:
    """FM-40: a half-open connection gives its place back; half a request does not hold it."""
    rig = Rig(ClientLimits(idle_timeout_s=0.2))
    async with running(rig):
        client = await rig.connect()
        client.writer.write(said)
        assert await client.cut()
        await until(lambda: rig.clients == 0)
        await client.close()


async def test_a_master_that_goes_on_asking_is_not_idle() -> None:
    rig = Rig(ClientLimits(idle_timeout_s=0.3))
    rig.fill()
    async with running(rig):
        client = await rig.connect()
        for _ in range(6):
            await asyncio.sleep(0.1)
            assert await client.ask(read()) == expected()
        await client.close()


async def test_requests_beyond_the_rate_wait_and_none_is_lost() -> None:
    rig = Rig(ClientLimits(requests_per_s=50.0, requests_burst=5))
    rig.fill()
    async with running(rig):
        client, calm = await rig.connect(), await rig.connect()
        requests = [read(transaction=number) for number in range(1, 26)]
        begun_s = asyncio.get_running_loop().time()
        client.send(*requests)
        assert await calm.ask(read()) == expected()
        for request in requests:
            assert await client.reply(request) == expected()
        # Five at once and twenty at 50 a second: never sooner, whatever the machine does.
        assert asyncio.get_running_loop().time() - begun_s >= 0.39
        await client.close()
        await calm.close()


def requests_bytes(count: int) -> bytes:
    return b"".join(request_adu(read(transaction=number, count=COUNT)) for number in range(1, count + 1))


@dataclass
class HastyClient:
    """A master that asks without end and reads nothing."""

    socket: socket.socket
    unsent: bytes = b""

    def push(self) -> bool:
        """Send more whole requests; return whether any byte went out."""
        self.unsent = self.unsent or requests_bytes(200)
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return False
        self.unsent = self.unsent[sent:]
        return sent > 0

    async def push_until_stuck(self) -> None:
        """Ask until every buffer on the way is full and stays so."""
        stuck = 0
        async with asyncio.timeout(30.0):
            while stuck < 50:
                stuck = 0 if self.push() else stuck + 1
                await asyncio.sleep(0.002)

    async def cut(self) -> bool:
        """Return whether the connection has been ended."""
        async with asyncio.timeout(5.0):
            with suppress(ConnectionError):
                while True:
                    self.push()
                    await asyncio.sleep(0.002)
        return True


@contextmanager
def hasty_client(rig: Rig) -> Iterator[HastyClient]:
    with socket.socket() as connected:
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connected.setsockopt(socket.SOL_SOCKET, buffer, 4096)
        connected.connect(("127.0.0.1", rig.proxy.port))
        connected.setblocking(False)
        yield HastyClient(connected)


FAST = ClientLimits(send_timeout_s=60.0, requests_per_s=1e5, requests_burst=10_000)


async def test_a_client_that_reads_no_answers_is_cut_and_costs_bounded_memory() -> None:
    rig = Rig(replace(FAST, send_timeout_s=0.5))
    rig.fill()
    async with running(rig):
        with hasty_client(rig) as hasty:
            assert await hasty.cut()
        # 12 bytes of a request make 89 of its answer: what all buffers on the way hold is a few hundred kilobytes.
        assert rig.count(Outcome.WORDS) * 89 < 1_000_000
        client = await rig.connect()
        assert await client.ask(read()) == expected()
        await client.close()


async def test_nothing_is_read_ahead_of_the_rate() -> None:
    rig = Rig(ClientLimits(requests_per_s=1.0, requests_burst=1))
    rig.fill()
    async with running(rig):
        with hasty_client(rig) as hasty:
            await hasty.push_until_stuck()
        assert rig.count(Outcome.WORDS) <= 30.0


async def test_a_port_that_is_taken_is_one_clear_sentence(rig: Rig) -> None:
    second = ProxyServer(
        "127.0.0.1", rig.proxy.port, [], {"cdu1": rig.device}.get, clock=rig.clock, metrics=rig.metrics
    )
    with pytest.raises(CoolantdError, match=rf"proxy: cannot listen on 127.0.0.1:{rig.proxy.port}: "):
        await second.start()
    await second.stop()


async def test_stopping_waits_for_nobody_who_is_idle_and_frees_the_port(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coolantd.service.proxy.STOP_TIMEOUT_S", 60.0)
    clients = [await rig.connect() for _ in range(3)]
    assert await clients[0].ask(read()) == expected()
    async with asyncio.timeout(5.0):
        await rig.proxy.stop()
    for client in clients:
        assert await client.cut()
        await client.close()
    assert rig.clients == 0
    await rig.proxy.start()


async def test_stopping_cuts_a_client_that_reads_nothing_within_its_time() -> None:
    rig = Rig(FAST)
    rig.fill()
    async with running(rig):
        with hasty_client(rig) as hasty:
            await hasty.push_until_stuck()
            async with asyncio.timeout(STOP_TIMEOUT_S + 2.0):
                await rig.proxy.stop()
            assert rig.clients == 0
            assert await hasty.cut()


def config(port: int, unit_id: int = UNIT, host: str = "127.0.0.1") -> ProxyConfig:
    units = (ProxyUnitConfig(unit_id=unit_id, device="cdu1"),)
    return ProxyConfig(host=host, port=port, allow_remote=True, units=units)


async def answers(port: int, host: str = "127.0.0.1") -> int | None:
    """Return the exception a proxy gives a read of ``UNIT``; None where nobody listens."""
    client = AsyncModbusTcpClient(host, port=port, retries=0, timeout=5.0)
    try:
        if not await client.connect():
            return None
        return (await client.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code
    finally:
        client.close()


@pytest.fixture
async def proxies() -> AsyncIterator[Proxies]:
    nothing = SimpleNamespace(spans=[], profile=SimpleNamespace(texts=()), raw=RawCache(), up=True)
    nothing_polled = cast("ModbusDevice", nothing)
    proxies = Proxies({"cdu1": nothing_polled}.get, clock=SystemClock(), metrics=Metrics())
    yield proxies
    await proxies.stop()


async def test_a_reload_adds_and_removes_listeners_and_keeps_the_clients_of_the_others(proxies: Proxies) -> None:
    first, second, third = free_port(), free_port(), free_port()
    await proxies.change([config(first), config(second)])
    staying = AsyncModbusTcpClient("127.0.0.1", port=first, retries=0, timeout=5.0, reconnect_delay=0)
    assert await staying.connect()
    await proxies.change([config(first, unit_id=UNIT + 1), config(third)])
    assert (await staying.read_holding_registers(FIRST, count=1, device_id=UNIT)).exception_code == 10
    staying.close()
    assert await answers(second) is None
    assert await answers(third) == 2


async def test_a_reload_onto_a_taken_port_changes_nothing(proxies: Proxies) -> None:
    first, second = free_port(), free_port()
    await proxies.change([config(first)])
    with socket.socket() as other:
        other.bind(("127.0.0.1", second))
        other.listen()
        with pytest.raises(CoolantdError, match=rf"cannot listen on 127.0.0.1:{second}"):
            await proxies.change([config(first, host="0.0.0.0"), config(second)])
    assert await answers(first) == 2
    assert await answers(first, host="127.0.0.2") is None


async def test_a_proxy_may_move_to_another_address_with_its_port(proxies: Proxies) -> None:
    port = free_port()
    await proxies.change([config(port)])
    await proxies.change([config(port, host="0.0.0.0")])
    assert await answers(port, host="127.0.0.2") == 2
    await proxies.change([])
    assert await answers(port) is None

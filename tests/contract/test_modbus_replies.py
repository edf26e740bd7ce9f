"""Bad replies on a real socket: each ends as its own fault, and never as a value (issue of FM-36 to FM-41).

Everything holds for the daemon's link and for the reference with pymodbus below.
"""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from modbus_links import LINKS, LinkClass, TcpLink
from modbus_server import UNIT, Asked, Script, ScriptedServer, frame, good_pdu, registers_pdu, until, value_at
from pymodbus.client import AsyncModbusTcpClient

from coolantd.clock import SystemClock
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import Table

ADDRESS = 5000
COUNT = 4
DEADLINE_S = 0.25
PATIENT_S = 5.0
"""Deadline of requests that must end well before it."""
RIGHT = tuple(value_at(ADDRESS + index) for index in range(COUNT))


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


def says(make: Callable[[Asked], bytes]) -> Script:
    """Script a reply."""

    async def script(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(make(asked))

    return script


async def silence(_server: ScriptedServer, _asked: Asked, _writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def byte_by_byte(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    for byte in frame(asked.transaction, good_pdu(asked)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.001)


async def hang_up(_server: ScriptedServer, _asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_server: ScriptedServer, _asked: Asked, writer: asyncio.StreamWriter) -> None:
    no_linger = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    writer.transport.abort()


async def reset_mid_frame(server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(asked.transaction, good_pdu(asked))[:11])
    await asyncio.sleep(0.02)
    await reset(server, asked, writer)


def exception(code: int) -> Script:
    return says(lambda asked: frame(asked.transaction, bytes([asked.function | 0x80, code])))


def pdu(change: Callable[[Asked], bytes]) -> Script:
    """Script a frame with the right header around another body."""
    return says(lambda asked: frame(asked.transaction, change(asked)))


@dataclass(frozen=True)
class Case:
    """One way to answer badly.

    Attributes:
        stays: the connection is still usable: the fault lies within one whole frame that answers us.
        at_once: the fault is known before the deadline.
    """

    name: str
    script: Script
    fault: Fault
    stays: bool = False
    at_once: bool = True
    code: int | None = None


READS = [
    Case("short: one register of four", pdu(lambda a: registers_pdu(a, 1)), Fault.WRONG_COUNT, stays=True),
    Case("long: seven registers of four", pdu(lambda a: registers_pdu(a, 7)), Fault.WRONG_COUNT, stays=True),
    Case("no registers", pdu(lambda a: registers_pdu(a, 0)), Fault.WRONG_COUNT, stays=True),
    Case("truncated frame", says(lambda a: frame(a.transaction, good_pdu(a))[:-3]), Fault.MALFORMED, at_once=False),
    Case("header alone", says(lambda a: frame(a.transaction, good_pdu(a))[:6]), Fault.MALFORMED, at_once=False),
    Case("byte count below the bytes", pdu(lambda a: bytes([3, 6]) + good_pdu(a)[2:]), Fault.WRONG_BYTE_COUNT),
    Case("byte count above the bytes", pdu(lambda a: bytes([3, 10]) + good_pdu(a)[2:]), Fault.WRONG_BYTE_COUNT),
    Case("odd byte count", pdu(lambda a: bytes([3, 7]) + good_pdu(a)[2:-1]), Fault.WRONG_BYTE_COUNT),
    Case("function alone", pdu(lambda a: bytes([3])), Fault.MALFORMED),
    Case("input registers for holding", pdu(lambda a: registers_pdu(a, function=4)), Fault.WRONG_FUNCTION, stays=True),
    Case("unknown function", pdu(lambda a: bytes([0x41, 8]) + good_pdu(a)[2:]), Fault.WRONG_FUNCTION, stays=True),
    Case("exception of another function", pdu(lambda _: bytes([0x84, 2])), Fault.WRONG_FUNCTION, stays=True),
    Case("exception of two codes", pdu(lambda _: bytes([0x83, 2, 2])), Fault.WRONG_BYTE_COUNT),
    Case("other unit", says(lambda a: frame(a.transaction, good_pdu(a), unit=2)), Fault.WRONG_UNIT, stays=True),
    Case("unit 0", says(lambda a: frame(a.transaction, good_pdu(a), unit=0)), Fault.WRONG_UNIT, stays=True),
    Case("next transaction", says(lambda a: frame(a.transaction + 1, good_pdu(a))), Fault.WRONG_TRANSACTION),
    Case("transaction 0", says(lambda a: frame(0, good_pdu(a))), Fault.WRONG_TRANSACTION),
    Case("bytes swapped", says(lambda a: frame(a.transaction << 8, good_pdu(a))), Fault.WRONG_TRANSACTION),
    Case("protocol not 0", says(lambda a: frame(a.transaction, good_pdu(a), protocol=1)), Fault.MALFORMED),
    Case("length 0", says(lambda a: frame(a.transaction, good_pdu(a), length=0)), Fault.MALFORMED),
    Case("length too small", says(lambda a: frame(a.transaction, good_pdu(a), length=9)), Fault.WRONG_BYTE_COUNT),
    Case("length too great", says(lambda a: frame(a.transaction, good_pdu(a), length=13)), Fault.MALFORMED,
         at_once=False),
    Case("bytes after the frame", says(lambda a: frame(a.transaction, good_pdu(a)) + b"\x13\x37" * 4), Fault.MALFORMED),
    Case("huge length", says(lambda a: frame(a.transaction, good_pdu(a), length=65535)), Fault.MALFORMED),
    Case("huge frame", says(lambda a: frame(a.transaction, bytes([3, 255]) + bytes(60_000))), Fault.MALFORMED),
    Case("text", says(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"), Fault.MALFORMED),
    Case("all ones", says(lambda _: b"\xff" * 300), Fault.MALFORMED),
    Case("megabyte of noise", says(lambda _: random.Random(7).randbytes(1 << 20)), Fault.MALFORMED),
    Case("answer and a stranger's frame", says(lambda a: frame(a.transaction, good_pdu(a)) + frame(999, good_pdu(a))),
         Fault.WRONG_TRANSACTION),
    Case("silence", silence, Fault.TIMEOUT, stays=True, at_once=False),
    Case("hang-up", hang_up, Fault.CONNECTION_LOST),
    Case("reset", reset, Fault.CONNECTION_LOST),
    Case("reset within a frame", reset_mid_frame, Fault.CONNECTION_LOST),
    *(Case(f"exception {code:#04x}", exception(code), Fault.EXCEPTION, stays=True, code=code)
      for code in (1, 2, 3, 4, 5, 6, 8, 0x0A, 0x0B)),
]  # fmt: skip


def echo(asked: Asked, address: int = 0, second: int = 0) -> bytes:
    """Return a write's echo with its address or its value or count changed."""
    return bytes([asked.function]) + struct.pack(">HH", asked.address + address, (asked.count + second) & 0xFFFF)


WRITES = [
    Case("echo of another address", pdu(lambda a: echo(a, address=1)), Fault.WRONG_ECHO, stays=True),
    Case("echo of another value or count", pdu(lambda a: echo(a, second=1)), Fault.WRONG_ECHO, stays=True),
    Case("echo cut short", pdu(lambda a: echo(a)[:-1]), Fault.WRONG_BYTE_COUNT),
    Case("echo too long", pdu(lambda a: echo(a) + b"\0"), Fault.WRONG_BYTE_COUNT),
    Case("echo of another function", pdu(lambda a: b"\x0f" + echo(a)[1:]), Fault.WRONG_FUNCTION, stays=True),
    Case("echo of another unit", says(lambda a: frame(a.transaction, echo(a), unit=9)), Fault.WRONG_UNIT, stays=True),
    Case("echo of transaction 0", says(lambda a: frame(0, echo(a))), Fault.WRONG_TRANSACTION),
    Case("silence", silence, Fault.TIMEOUT, stays=True, at_once=False),
    Case("reset", reset, Fault.CONNECTION_LOST),
    Case("exception 3", exception(3), Fault.EXCEPTION, stays=True, code=3),
]


async def good_read(link: TcpLink) -> tuple[int, ...]:
    return await link.read(UNIT, Table.HOLDING, ADDRESS, COUNT, deadline_s=PATIENT_S)


async def assert_ends_as(case: Case, request: Awaitable[object]) -> None:
    started_s = asyncio.get_running_loop().time()
    with pytest.raises(DeviceError) as caught:
        await request
    assert caught.value.fault is case.fault, str(caught.value)
    assert caught.value.code == case.code
    took_s = asyncio.get_running_loop().time() - started_s
    assert (took_s < PATIENT_S / 2) if case.at_once else (took_s >= DEADLINE_S)


async def assert_next_read_is_right(link: TcpLink, *, stays: bool) -> None:
    """A closed link says so at once; reconnected, or still open, it reads right."""
    assert link.connected is stays
    if not stays:
        with pytest.raises(DeviceError) as caught:
            await good_read(link)
        assert caught.value.fault is Fault.NOT_CONNECTED
        await link.connect()
    assert await good_read(link) == RIGHT


@pytest.mark.parametrize("case", READS, ids=lambda case: case.name)
async def test_bad_reply_to_a_read_is_its_fault_and_never_a_value(
    case: Case, server: ScriptedServer, link: TcpLink
) -> None:
    server.scripts.append(case.script)
    deadline_s = PATIENT_S if case.at_once else DEADLINE_S
    await assert_ends_as(case, link.read(UNIT, Table.HOLDING, ADDRESS, COUNT, deadline_s=deadline_s))
    await assert_next_read_is_right(link, stays=case.stays)


@pytest.mark.parametrize("words", [(50,), (50, 51)], ids=["one register", "two registers"])
@pytest.mark.parametrize("case", WRITES, ids=lambda case: case.name)
async def test_bad_reply_to_a_write_is_its_fault(
    case: Case, words: tuple[int, ...], server: ScriptedServer, link: TcpLink
) -> None:
    server.scripts.append(case.script)
    deadline_s = PATIENT_S if case.at_once else DEADLINE_S
    await assert_ends_as(case, link.write(UNIT, Table.HOLDING, 246, words, deadline_s=deadline_s))
    await assert_next_read_is_right(link, stays=case.stays)


@pytest.mark.parametrize("table", list(Table))
async def test_reply_split_byte_by_byte_is_read_whole(table: Table, server: ScriptedServer, link: TcpLink) -> None:
    server.scripts.append(byte_by_byte)
    words = await link.read(UNIT, table, ADDRESS, 19, deadline_s=PATIENT_S)
    mask = 1 if table in (Table.COIL, Table.DISCRETE) else 0xFFFF
    assert words == tuple(value_at(ADDRESS + index) & mask for index in range(19))


@pytest.mark.parametrize(
    ("table", "words", "body"),
    [
        (Table.HOLDING, (50,), "06 00f6 0032"),
        (Table.HOLDING, (0x41C8, 1), "10 00f6 0002 04 41c80001"),
        (Table.COIL, (1,), "05 00f6 ff00"),
        (Table.COIL, (0,), "05 00f6 0000"),
        (Table.COIL, (1, 0, 1, 1, 0, 0, 0, 0, 1), "0f 00f6 0009 02 0d01"),
    ],
)
async def test_write_leaves_as_the_function_that_fits(
    table: Table, words: tuple[int, ...], body: str, server: ScriptedServer, link: TcpLink
) -> None:
    await link.write(UNIT, table, 246, words, deadline_s=PATIENT_S)
    assert server.asked[-1].adu[7:] == bytes.fromhex(body)


async def test_late_reply_is_skipped_and_the_next_request_gets_its_own_value(
    server: ScriptedServer, link: TcpLink
) -> None:
    """FM-39: the reply to a request given up arrives during the next one, even in two pieces."""
    late: list[bytes] = []

    async def keep_for_later(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        late.append(frame(asked.transaction, good_pdu(asked)))

    async def late_then_own(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        both = late[0] + frame(asked.transaction, good_pdu(asked))
        for piece in (both[:5], both[5:-3], both[-3:]):
            writer.write(piece)
            await asyncio.sleep(0.01)

    server.scripts.extend([keep_for_later, late_then_own])
    with pytest.raises(DeviceError) as caught:
        await link.read(UNIT, Table.HOLDING, 100, COUNT, deadline_s=0.05)
    assert caught.value.fault is Fault.TIMEOUT
    assert await good_read(link) == RIGHT
    assert server.connections == 1


async def test_reply_after_the_deadline_while_nothing_is_asked_is_skipped(
    server: ScriptedServer, link: TcpLink
) -> None:
    async def slow(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(frame(asked.transaction, good_pdu(asked)))

    server.scripts.append(slow)
    with pytest.raises(DeviceError):
        await link.read(UNIT, Table.HOLDING, 100, COUNT, deadline_s=0.05)
    await asyncio.sleep(0.1)
    assert await good_read(link) == RIGHT
    assert server.connections == 1


async def test_second_reply_to_one_request_is_never_the_next_ones_value(server: ScriptedServer, link: TcpLink) -> None:
    server.scripts.append(says(lambda a: frame(a.transaction, good_pdu(a)) * 2))
    assert await link.read(UNIT, Table.HOLDING, 100, COUNT, deadline_s=PATIENT_S)
    assert await good_read(link) == RIGHT
    assert server.connections == 1


async def test_earlier_transaction_answered_instead_of_ours_is_wrong_transaction(
    server: ScriptedServer, link: TcpLink
) -> None:
    """A device one transaction behind: skipped as a second reply, and named at the deadline for what it is."""
    assert await good_read(link) == RIGHT
    server.scripts.append(says(lambda a: frame(a.transaction - 1, good_pdu(a))))
    with pytest.raises(DeviceError) as caught:
        await link.read(UNIT, Table.HOLDING, 100, COUNT, deadline_s=0.05)
    assert caught.value.fault is Fault.WRONG_TRANSACTION
    await assert_next_read_is_right(link, stays=False)


@pytest.mark.parametrize("extra", ["00", "0002", "000200000007010304"], ids=["1 byte", "2 bytes", "9 bytes"])
async def test_frame_begun_before_a_request_is_not_its_reply(extra: str, server: ScriptedServer, link: TcpLink) -> None:
    """Stray bytes after a good reply that would make the next reply's own bytes look like other registers."""
    server.scripts.append(says(lambda a: frame(a.transaction, good_pdu(a)) + bytes.fromhex(extra)))
    assert await good_read(link) == RIGHT
    with pytest.raises(DeviceError) as caught:
        await link.read(UNIT, Table.HOLDING, ADDRESS, 2, deadline_s=DEADLINE_S)
    assert caught.value.fault in (Fault.MALFORMED, Fault.WRONG_TRANSACTION)
    await assert_next_read_is_right(link, stays=False)


GREETINGS = {
    "the very reply to the first request": frame(1, registers_pdu(Asked(frame(1, b"\x03\x13\x88\x00\x04")))),
    "another transaction": frame(7, b"\x03\x02\x12\x34"),
    "text": b"login: ",
}


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS)
async def test_reply_to_nothing_closes_the_connection(
    greeting: bytes, link_class: LinkClass, server: ScriptedServer
) -> None:
    server.greeting, server.greeting_delay_s = greeting, 0.03
    link = link_class("127.0.0.1", server.port, clock=SystemClock())
    await link.connect()
    await until(lambda: not link.connected)
    server.greeting = b""
    await assert_next_read_is_right(link, stays=False)
    await link.close()


async def test_connection_that_breaks_as_it_is_made_is_not_taken_for_open(
    link_class: LinkClass, server: ScriptedServer
) -> None:
    """The greeting may come with the connection or a moment later; it is never left standing as connected."""
    server.greeting = b"login: "
    for _ in range(20):
        link = link_class("127.0.0.1", server.port, clock=SystemClock())
        with suppress(DeviceError):
            await link.connect()
        await until(lambda link=link: not link.connected)
        await link.close()


async def test_pymodbus_alone_takes_such_replies_for_values(server: ScriptedServer) -> None:
    """Why the check exists: if this fails, the library has begun to look and the check may become simpler."""
    client = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=1)
    await client.connect()
    lies = [
        pdu(lambda a: registers_pdu(a, 1)),
        pdu(lambda a: registers_pdu(a, 7)),
        pdu(lambda a: registers_pdu(a, function=4)),
        says(lambda a: frame(0, good_pdu(a))),
    ]
    for lie in lies:
        server.scripts.append(lie)
        assert not (await client.read_holding_registers(ADDRESS, count=COUNT, device_id=UNIT)).isError()
    server.scripts.append(pdu(lambda a: echo(a, address=753, second=949)))
    assert not (await client.write_register(246, 50, device_id=UNIT)).isError()
    client.close()


def damaged(reply: bytes, rng: random.Random) -> bytes:
    """Return a reply with one byte changed, cut off, put in or doubled; now and then an untouched one."""
    at = rng.randrange(len(reply))
    return rng.choice(
        [
            reply,
            reply[:at] + bytes([rng.randrange(256)]) + reply[at + 1 :],
            reply[:at] + bytes([reply[at] ^ 1 << rng.randrange(8)]) + reply[at + 1 :],
            reply[:at],
            reply[:at] + rng.randbytes(rng.randint(1, 3)) + reply[at:],
            reply + reply[:at],
        ]
    )


async def outcome(link: TcpLink, request: Awaitable[object]) -> tuple[object, ...]:
    try:
        said: tuple[object, ...] = ("words", await request)
    except DeviceError as error:
        said = (error.fault, error.code)
    return (*said, link.connected)


async def outcomes(link_class: LinkClass, seed: int) -> tuple[tuple[object, ...], ...]:
    """Return how a request with a damaged reply ends, and the request after it."""
    rng = random.Random(seed)

    async def script(_server: ScriptedServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        reply = damaged(frame(asked.transaction, good_pdu(asked)), rng)
        cut = rng.randrange(len(reply) + 1)
        writer.write(reply[:cut])
        await asyncio.sleep(0.002)
        writer.write(reply[cut:])

    server = ScriptedServer()
    await server.start()
    link = link_class("127.0.0.1", server.port, clock=SystemClock())
    await link.connect()
    server.scripts.append(script)
    if seed % 3:
        request: Awaitable[object] = link.read(UNIT, Table.HOLDING, ADDRESS, COUNT, deadline_s=DEADLINE_S)
    else:
        request = link.write(UNIT, Table.HOLDING, ADDRESS, (1, 2), deadline_s=DEADLINE_S)
    first = await outcome(link, request)
    await asyncio.sleep(0.01)
    second = await outcome(link, link.read(UNIT, Table.HOLDING, 0, 2, deadline_s=DEADLINE_S))
    await link.close()
    await server.stop()
    return first, second


async def test_both_links_end_alike_whatever_arrives() -> None:
    """Two transports over the same checks: the same bytes, in the same pieces, have one outcome."""
    kinds = set()
    for begin in range(0, 160, 16):
        seeds = range(begin, begin + 16)
        ours, reference = [await asyncio.gather(*(outcomes(each, seed) for seed in seeds)) for each in LINKS]
        assert dict(zip(seeds, ours, strict=True)) == dict(zip(seeds, reference, strict=True))
        kinds |= {first[0] for first, _ in ours}
    assert len(kinds) >= 8

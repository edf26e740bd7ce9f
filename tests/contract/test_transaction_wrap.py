"""More requests on one connection than there are transaction identifiers: 70 000, every value right (FM-39).

A library that counts on identifiers being unlike has returned another register's value after the wrap.
"""

import asyncio
import struct
import time

import pytest
from modbus_server import UNIT, value_at

from coolantd.clock import SystemClock
from coolantd.device.modbus import ModbusTcpLink
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.kinds import Table

READS = 70_000
IDENTIFIERS = 65_535
"""1 to 65535: 0 is never used."""
PATIENT_S = 5.0
ADDRESSES = 60_000


class FastServer(asyncio.Protocol):
    """Answers reads of one holding register as fast as the loop lets it.

    Attributes:
        seen: how often each transaction identifier was asked.
        connections: made so far.
        mute: answers are kept back instead of sent.
    """

    def __init__(self) -> None:
        self.seen = [0] * 0x10000
        self.connections = 0
        self.mute = False
        self.kept: list[bytes] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connections += 1

    def data_received(self, data: bytes) -> None:
        transaction, _, _, unit, function, address, _ = struct.unpack(">HHHBBHH", data)
        self.seen[transaction] += 1
        reply = struct.pack(">HHHBBBH", transaction, 0, 5, unit, function, 2, value_at(address))
        if self.mute:
            self.kept.append(reply)
        else:
            self.transport.write(reply)


@pytest.fixture
async def server():
    fast = FastServer()
    listener = await asyncio.get_running_loop().create_server(lambda: fast, "127.0.0.1", 0)
    fast.port = listener.sockets[0].getsockname()[1]
    yield fast
    listener.close()
    fast.transport.abort()


async def read(link: ModbusTcpLink, address: int, deadline_s: float = PATIENT_S) -> int:
    (word,) = await link.read(UNIT, Table.HOLDING, address, 1, deadline_s=deadline_s)
    return word


@pytest.mark.slow
async def test_fm_39_70_000_reads_on_one_connection_return_what_was_asked(server):
    link = ModbusTcpLink("127.0.0.1", server.port, clock=SystemClock())
    await link.connect()
    begun_s = time.perf_counter()
    wrong = [k for k in range(READS) if await read(link, k * 7 % ADDRESSES) != value_at(k * 7 % ADDRESSES)]
    print(f"\n{READS} reads in {time.perf_counter() - begun_s:.1f} s on {server.connections} connection")
    await link.close()
    assert wrong == []
    assert server.connections == 1
    assert server.seen[0] == 0
    assert sum(count == 2 for count in server.seen) == READS - IDENTIFIERS
    assert min(server.seen[1:]) == 1


async def test_fm_39_a_reply_from_before_the_wrap_is_nobodys_after_it(server):
    """The identifiers begin anew; a reply that was given up just before must not answer a request just after."""
    link = ModbusTcpLink("127.0.0.1", server.port, clock=SystemClock())
    link._transaction = IDENTIFIERS - 1
    await link.connect()
    server.mute = True
    with pytest.raises(DeviceError) as missed:
        await read(link, 100, deadline_s=0.05)
    assert missed.value.fault is Fault.TIMEOUT
    server.mute = False
    server.transport.write(server.kept[0])
    assert [await read(link, address) for address in (200, 300)] == [value_at(200), value_at(300)]
    assert [server.seen[identifier] for identifier in (0, 1, 2, IDENTIFIERS)] == [0, 1, 1, 1]
    await link.close()

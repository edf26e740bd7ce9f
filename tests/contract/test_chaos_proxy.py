"""The proxy on real sockets: what the daemon's own link sees while its connection goes wrong, and after that."""

import asyncio
from contextlib import suppress

import pytest
from modbus_server import UNIT, ScriptedServer, value_at

from coolantd.clock import SystemClock
from coolantd.device.modbus import ModbusTcpLink
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.kinds import Table
from coolantd.sim.chaos_deeds import HARMLESS
from coolantd.sim.chaos_proxy import PORTS, ChaosProxy
from coolantd.sim.chaos_toxics import TOXICS, Kind

DEADLINE_S = 0.3


@pytest.fixture
async def server():
    server = ScriptedServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def proxy(server):
    proxy = ChaosProxy(server.port, seed=2)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def link(proxy):
    link = ModbusTcpLink("127.0.0.1", proxy.port, clock=SystemClock(), connect_timeout_s=1.0)
    await link.connect()
    yield link
    await link.close()


async def read(link, address=5000):
    (word,) = await link.read(UNIT, Table.HOLDING, address, 1, deadline_s=DEADLINE_S)
    return word


async def fault(link):
    with pytest.raises(DeviceError) as caught:
        await read(link)
    return caught.value.fault


async def test_without_a_toxic_everything_passes(proxy, link):
    assert [await read(link, address) for address in range(20)] == [value_at(address) for address in range(20)]
    assert proxy.connections_total == 1
    assert proxy.port in PORTS


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.MUTE, Fault.TIMEOUT),
        (Kind.DEAF, Fault.TIMEOUT),
        (Kind.HALF_OPEN, Fault.TIMEOUT),
        (Kind.RESET, Fault.CONNECTION_LOST),
        (Kind.OVERSIZE, Fault.MALFORMED),
        (Kind.WRONG_TRANSACTION, Fault.WRONG_TRANSACTION),
        (Kind.BUSY, Fault.EXCEPTION),
    ],
)
async def test_fm_37_fm_38_fm_40_a_toxic_acts_at_once_and_ends_at_once(proxy, link, kind, expected):
    assert await read(link) == value_at(5000)
    await proxy.use(TOXICS[kind])
    assert await fault(link) is expected
    await proxy.use(HARMLESS)
    await asyncio.sleep(0.05)
    await link.connect()
    assert await read(link) == value_at(5000)


async def test_fm_37_a_refused_port_is_the_same_port_afterwards(proxy, link):
    await proxy.use(TOXICS[Kind.REFUSE])
    await asyncio.sleep(0.05)
    assert not link.connected
    for _ in range(3):
        with pytest.raises(DeviceError) as caught:
            await link.connect()
        assert caught.value.fault is Fault.NOT_CONNECTED
    await proxy.use(HARMLESS)
    await link.connect()
    assert await read(link) == value_at(5000)


async def test_fm_37_a_port_that_accepts_and_never_answers(proxy, link):
    await proxy.use(TOXICS[Kind.ACCEPT_MUTE])
    await link.connect()
    assert await fault(link) is Fault.TIMEOUT
    await proxy.use(TOXICS[Kind.ACCEPT_RESET])
    with suppress(DeviceError):  # on connecting, or on the first request
        await link.connect()
    assert await fault(link) in {Fault.NOT_CONNECTED, Fault.CONNECTION_LOST}


async def test_a_swallowed_write_is_acknowledged_and_never_arrives(server, proxy, link):
    await proxy.use(TOXICS[Kind.WRITE_SWALLOWED])
    before = len(server.asked)
    await link.write(UNIT, Table.HOLDING, 100, (7, 8), deadline_s=DEADLINE_S)
    await link.write(UNIT, Table.HOLDING, 100, (7,), deadline_s=DEADLINE_S)
    assert len(server.asked) == before
    assert await read(link) == value_at(5000)


async def test_the_same_seed_goes_wrong_in_the_same_way(server):
    async def faults(seed):
        proxy = ChaosProxy(server.port, seed=seed)
        await proxy.start()
        await proxy.use(TOXICS[Kind.CORRUPT_HEADER])
        link, found = ModbusTcpLink("127.0.0.1", proxy.port, clock=SystemClock()), []
        for _ in range(8):
            await link.connect()
            found.append(await fault(link))
        await link.close()
        await proxy.stop()
        return found

    assert await faults(4) == await faults(4)

"""FM-47: a device that is given long to answer, and does not, must not look like a hanging task to the watchdog."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from coolantd.clock import SystemClock
from coolantd.device.modbus import ModbusTcpLink
from coolantd.device.modbus_serial import ModbusRtuTcpLink
from coolantd.device.rtu_link import RtuLink
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import Table

RATE_RATIO = 40.0
"""10 s of the device's time are a quarter of a real second."""
DEADLINE_S = 10.0
FRESH_S = 3.0
"""What the daemon allows between two signs of life."""


def _tcp(port: int, clock: SystemClock, pulse: Callable[[], None]) -> ModbusTcpLink:
    return ModbusTcpLink("127.0.0.1", port, clock=clock, pulse=pulse)


def _rtu(port: int, clock: SystemClock, pulse: Callable[[], None]) -> RtuLink:
    return ModbusRtuTcpLink("127.0.0.1", port, turnaround_s=0.1, clock=clock, loopback=False, pulse=pulse)


@pytest.mark.parametrize("make", [_tcp, _rtu])
async def test_fm47_a_long_wait_for_a_reply_gives_signs_of_life(
    make: Callable[[int, SystemClock, Callable[[], None]], ModbusTcpLink | RtuLink],
) -> None:
    clock = SystemClock(RATE_RATIO)
    pulses_s: list[float] = []
    stop = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stop.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    link = make(server.sockets[0].getsockname()[1], clock, lambda: pulses_s.append(clock.now_s()))
    try:
        await link.connect()
        begun_s = clock.now_s()
        with pytest.raises(DeviceError) as failed:
            await link.read(1, Table.HOLDING, 0, 1, deadline_s=DEADLINE_S)
        ended_s = clock.now_s()
    finally:
        await link.close()
        stop.set()
        server.close()
        await server.wait_closed()
    assert failed.value.fault is Fault.TIMEOUT
    assert ended_s - begun_s >= DEADLINE_S
    seen_s = [begun_s, *pulses_s, ended_s]
    assert max(later - earlier for earlier, later in itertools.pairwise(seen_s)) < FRESH_S


@pytest.mark.parametrize("host", ["cdu1..site.lan", "a" * 64])
async def test_a_host_name_that_cannot_be_one_is_a_device_not_connected(host: str) -> None:
    """The standard library says UnicodeError, which would end the bus and with it the daemon."""
    for link in (
        ModbusTcpLink(host, 502, clock=SystemClock()),
        ModbusRtuTcpLink(host, 502, turnaround_s=0.1, clock=SystemClock()),
    ):
        with pytest.raises(DeviceError) as failed:
            await link.connect()
        assert failed.value.fault is Fault.NOT_CONNECTED

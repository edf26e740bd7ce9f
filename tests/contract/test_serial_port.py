"""How a serial port and a converter are opened, lost and found again, on real ttys (pty pairs) and sockets."""

import asyncio
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rtu_device import UNIT, PtyLine, RtuDevice, TcpLine, says, sealed, silence, value_at
from rtu_links import PATIENT_S, error_of_read, read_one, serial_link

from coolantd.clock import SystemClock
from coolantd.device.modbus_serial import ModbusRtuTcpLink, ModbusSerialLink
from coolantd.device.rtu_link import RtuLink
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import Table


@pytest.fixture
def device() -> RtuDevice:
    return RtuDevice()


@pytest.fixture
async def pty(device: RtuDevice) -> AsyncIterator[PtyLine]:
    line = PtyLine(device)
    await line.start()
    yield line
    await line.stop()


@pytest.fixture
async def tcp(device: RtuDevice) -> AsyncIterator[TcpLine]:
    line = TcpLine(device)
    await line.start()
    yield line
    await line.stop()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_every_byte_passes_a_tty_unchanged(pty: PtyLine, device: RtuDevice) -> None:
    """A terminal would act on some of them: 03 interrupts, 04 ends, 0d becomes 0a, 11 and 13 stop and go."""
    link = serial_link(pty.path)
    await link.connect()
    payload = bytes(range(250))
    device.scripts.append(says(lambda asked: sealed(bytes([UNIT, 3, 250]) + payload)))
    words = await link.read(UNIT, Table.HOLDING, 0, 125, deadline_s=PATIENT_S)
    assert b"".join(word.to_bytes(2, "big") for word in words) == payload
    await link.write(UNIT, Table.HOLDING, 0x0311, (0x130D, 0x0A04, 0x1A7F, 0xFF00), deadline_s=PATIENT_S)
    assert device.asked[-1].frame[2:-2].hex() == "03110004" + "08" + "130d0a041a7fff00"
    await link.close()


async def test_the_port_is_set_as_configured(pty: PtyLine) -> None:
    link = ModbusSerialLink(pty.path, baudrate=9600, stopbits=2, turnaround_s=0.1, clock=SystemClock())
    await link.connect()
    iflag, oflag, cflag, lflag, in_speed, out_speed, _ = pty.settings
    assert (iflag, oflag, lflag) == (0, 0, 0)
    assert cflag & termios.CSTOPB
    assert cflag & termios.CSIZE == termios.CS8
    assert (in_speed, out_speed) == (termios.B9600, termios.B9600)
    await link.close()


async def test_a_vanished_adapter_is_lost_at_once_and_found_again_by_the_same_path(
    device: RtuDevice, tmp_path: Path
) -> None:
    by_id = tmp_path / "usb-adapter-if00"
    first = PtyLine(device)
    await first.start()
    by_id.symlink_to(first.path)
    link = serial_link(str(by_id))
    await link.connect()
    assert await read_one(link) == value_at(5000)
    device.scripts.append(silence)
    reading = asyncio.create_task(error_of_read(link, PATIENT_S))
    await asyncio.sleep(0.02)
    first.unplug()
    assert (await reading).fault is Fault.CONNECTION_LOST
    assert not link.connected
    by_id.unlink()
    with pytest.raises(DeviceError, match="No such file") as caught:
        await link.connect()
    assert caught.value.fault is Fault.NOT_CONNECTED
    await first.stop()

    second = PtyLine(device)
    await second.start()
    by_id.symlink_to(second.path)
    await link.connect()
    assert await read_one(link, 300) == value_at(300)
    await link.close()
    await second.stop()


async def test_an_idle_line_that_vanishes_is_noticed_without_a_request(pty: PtyLine) -> None:
    link = serial_link(pty.path)
    await link.connect()
    pty.unplug()
    await asyncio.sleep(0.02)
    assert not link.connected
    assert (await error_of_read(link)).fault is Fault.NOT_CONNECTED


async def test_a_port_in_use_by_another_master_is_not_taken(pty: PtyLine) -> None:
    first, second = serial_link(pty.path), serial_link(pty.path)
    await first.connect()
    with pytest.raises(DeviceError) as caught:
        await second.connect()
    assert caught.value.fault is Fault.NOT_CONNECTED
    await first.close()
    await second.connect()
    assert await read_one(second) == value_at(5000)
    await second.close()


async def test_what_is_no_serial_port_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(DeviceError, match="is not a serial port"):
        await serial_link(str(path)).connect()
    assert path.read_bytes() == b""


async def test_a_port_that_cannot_be_set_as_asked_is_not_used(pty: PtyLine) -> None:
    """A pty has no parity: the kernel takes the call and leaves the bit out."""
    link = ModbusSerialLink(pty.path, parity="E", turnaround_s=0.1, clock=SystemClock())
    with pytest.raises(DeviceError, match="does not take these settings"):
        await link.connect()
    assert not link.connected


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"baudrate": 19201}, "baudrate 19201, allowed: 1200"),
        ({"parity": "even"}, "parity 'even', allowed: N, E, O"),
        ({"stopbits": 3}, "stopbits 3, allowed: 1, 2"),
        ({"turnaround_s": 0.0}, "turnaround_s = 0 is outside"),
        ({"turnaround_s": float("nan")}, "turnaround_s = nan is outside"),
    ],
)
def test_settings_that_do_not_exist_are_refused_in_a_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ModbusSerialLink("/dev/ttyUSB0", **({"turnaround_s": 1.0, "clock": SystemClock()} | settings))


async def test_refused_connection_is_not_connected_and_says_where(tcp: TcpLine) -> None:
    await tcp.stop()
    link = ModbusRtuTcpLink("127.0.0.1", tcp.port, turnaround_s=0.1, clock=SystemClock())
    with pytest.raises(DeviceError, match=f"127.0.0.1:{tcp.port}") as caught:
        await link.connect()
    assert caught.value.fault is Fault.NOT_CONNECTED


async def test_no_descriptor_is_left_behind(pty: PtyLine, tcp: TcpLine) -> None:
    tcp_link = ModbusRtuTcpLink("127.0.0.1", tcp.port, turnaround_s=0.1, clock=SystemClock())
    links: list[RtuLink] = [serial_link(pty.path), tcp_link]
    before = open_descriptors()
    for link in links:
        for _ in range(3):
            await link.connect()
        await link.close()
        with pytest.raises(DeviceError):
            await serial_link("/dev/null").connect()
    await asyncio.sleep(0.02)
    assert open_descriptors() <= before + 1  # the converter's end of the last connection at most

"""The virtual RPU on a virtual serial line, read and written by the daemon's own link over a real pty."""

import os
import time
from pathlib import Path

import pytest

from coolantd.clock import SystemClock
from coolantd.config.profiles import load_profile
from coolantd.device.modbus_serial import ModbusSerialLink
from coolantd.errors import CoolantdError, DeviceError, Fault
from coolantd.protocol.profile import Table
from coolantd.protocol.rtu import with_crc
from coolantd.protocol.rtu_serving import RequestFramer, parse_request
from coolantd.sim.rpu import UNIT_ID, Rpu
from coolantd.sim.serial_port import VirtualPort, ptys_available
from coolantd.sim.serial_server import LinePace, SerialServer

pytestmark = [
    pytest.mark.skipif(not ptys_available(), reason="this machine gives no pseudo terminals"),
]
DEADLINE_S = 1.0


@pytest.fixture
def rpu() -> Rpu:
    return Rpu(load_profile("orv3-rpu", profiles_dir=None))


@pytest.fixture
async def line(rpu, tmp_path):
    port = VirtualPort(tmp_path / "by-id" / "usb-virtual-rpu")
    server = SerialServer({UNIT_ID: rpu}, port=port, clock=SystemClock(), pace=LinePace())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def link(line):
    link = ModbusSerialLink(line.port.path, turnaround_s=0.05, clock=SystemClock())
    await link.connect()
    yield link
    await link.close()


async def read(link, address, count=1, *, unit=UNIT_ID, table=Table.HOLDING):
    return await link.read(unit, table, address, count, deadline_s=DEADLINE_S)


def there(path: Path) -> bool:
    return path.exists()


async def refusal(asking) -> int | None:
    with pytest.raises(DeviceError) as caught:
        await asking
    assert caught.value.fault is Fault.EXCEPTION
    return caught.value.code


async def test_a_block_arrives_whole_and_no_faster_than_its_characters(rpu, line, link):
    await read(link, 36864)  # past the first silence and the loopback
    begun_s = time.monotonic()
    words = await read(link, 36864, 26)
    taken_s = time.monotonic() - begun_s
    assert list(words) == rpu.read_holding(36864, 26)
    assert taken_s >= (8 + 5 + 52) * 10 / 19200
    assert line.discarded_bytes == 0


async def test_what_does_not_exist_is_refused(line, link):
    assert await refusal(read(link, 36890)) == 2
    assert await refusal(read(link, 36889, 2)) == 2
    assert await refusal(read(link, 36864, table=Table.INPUT)) == 2
    assert await refusal(read(link, 0, table=Table.COIL)) == 2
    assert await refusal(link.write(UNIT_ID, Table.HOLDING, 36864, [1], deadline_s=DEADLINE_S)) == 2
    assert await refusal(link.write(UNIT_ID, Table.HOLDING, 37891, [101], deadline_s=DEADLINE_S)) == 3


async def test_another_unit_is_silence(link):
    with pytest.raises(DeviceError) as caught:
        await link.read(13, Table.HOLDING, 36864, 1, deadline_s=0.1)
    assert caught.value.fault is Fault.TIMEOUT


async def test_a_function_there_is_none_of_is_answered_after_the_silence(line):
    fd = os.open(line.port.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(fd, with_crc(bytes([UNIT_ID, 0x2B, 0x0E, 1, 0])))
        clock, got = SystemClock(), b""
        for _ in range(200):
            await clock.sleep(0.005)
            try:
                got += os.read(fd, 100)
            except BlockingIOError:
                continue
            if len(got) == 5:
                break
    finally:
        os.close(fd)
    assert got == with_crc(bytes([UNIT_ID, 0xAB, 1]))


async def test_pumps_follow_a_duty_set_by_hand_and_flow_follows_the_pumps(rpu, link):
    await link.write(UNIT_ID, Table.HOLDING, 37891, [80], deadline_s=DEADLINE_S)
    await link.write(UNIT_ID, Table.HOLDING, 37904, [0b10], deadline_s=DEADLINE_S)
    for _ in range(200):
        rpu.step(0.1)
    assert await read(link, 36873) == (80,)
    assert await read(link, 36864) == (480,)
    assert (await read(link, 36874))[0] == pytest.approx(4800, abs=50)


async def test_a_command_acts_once_and_reads_back_0(rpu, link):
    rpu.model.tripped_pumps.add(2)
    rpu.step(1.0)
    assert await read(link, 36875) == (0,)
    await link.write(UNIT_ID, Table.HOLDING, 37904, [1 | 1 << 13], deadline_s=DEADLINE_S)
    assert await read(link, 37904) == (1,)
    assert rpu.commands == {"pump2_reset_bool": 1}
    for _ in range(11):
        rpu.step(0.1)
    assert (await read(link, 36875))[0] > 0


async def test_a_power_cycle_is_a_silence_and_a_second_up_time_from_0(rpu, link):
    await link.write(UNIT_ID, Table.HOLDING, 37904, [1 << 6], deadline_s=DEADLINE_S)
    with pytest.raises(DeviceError) as caught:
        await link.read(UNIT_ID, Table.HOLDING, 36864, 1, deadline_s=0.1)
    assert caught.value.fault is Fault.TIMEOUT
    for _ in range(40):
        rpu.step(0.1)
    assert (await read(link, 6639, 2))[1] <= 4
    up_s = await read(link, 6636, 2)
    assert up_s[0] << 16 | up_s[1] > 86_400


async def test_a_register_held_by_hand_stays_until_it_is_let_go(rpu, link):
    rpu.hold({36865: 0xFFFF})
    for _ in range(20):
        rpu.step(0.1)
    assert await read(link, 36865) == (0xFFFF,)
    rpu.hold({36865: None})
    assert (await read(link, 36865))[0] == pytest.approx(300, abs=20)
    with pytest.raises(ValueError, match="register 5 does not exist"):
        rpu.hold({5: 1})


async def test_unplugged_it_is_gone_and_plugged_in_again_it_has_the_same_path(line, link):
    path = Path(line.port.path)
    await read(link, 36864)
    line.unplug()
    assert not there(path)
    with pytest.raises(DeviceError) as caught:
        await read(link, 36864)
    assert caught.value.fault in {Fault.CONNECTION_LOST, Fault.NOT_CONNECTED}
    with pytest.raises(DeviceError, match="No such file"):
        await link.connect()
    line.plug()
    await link.connect()
    assert len(await read(link, 36864, 26)) == 26


async def test_a_link_never_replaces_what_is_somebody_elses(tmp_path):
    taken, adapter = tmp_path / "port", tmp_path / "usb-real-adapter"
    taken.write_text("mine")
    adapter.symlink_to(taken)
    for path in (taken, adapter):
        with pytest.raises(CoolantdError, match="exists and is not ours"):
            VirtualPort(path).plug(lambda _: None)
    assert taken.read_text() == "mine"
    assert adapter.readlink() == taken


async def test_a_link_left_behind_is_taken_over_and_one_taken_over_is_left_alone(tmp_path):
    name = tmp_path / "port"
    name.symlink_to("/dev/pts/99999")
    first, second = VirtualPort(name), VirtualPort(name)
    first.plug(lambda _: None)
    second.plug(lambda _: None)
    first.unplug()
    assert name.exists()
    second.unplug()
    assert not name.is_symlink()


def test_requests_in_pieces_are_whole_after_their_last_byte():
    frame = with_crc(bytes([UNIT_ID, 16, 0x94, 0x00, 0, 2, 4, 0, 1, 0, 2]))
    framer = RequestFramer(0.002)
    found = [framer.receive(frame[at : at + 1], at * 0.0005) for at in range(len(frame))]
    assert found == [[]] * (len(frame) - 1) + [[frame]]
    assert parse_request(frame).values == (1, 2)

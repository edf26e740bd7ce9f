"""Modbus RTU on real ttys (pty pairs) and over TCP: the same promises as Modbus TCP, with less help from the wire."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from rtu_device import (
    UNIT,
    AskedRtu,
    PtyLine,
    RtuDevice,
    Say,
    TcpLine,
    good_reply,
    refusal,
    says,
    sealed,
    silence,
    value_at,
    values_at,
)
from rtu_links import HURRIED_S, PATIENT_S, TURNAROUND_S, error_of_read, read_one, serial_link

from coolantd.clock import SystemClock
from coolantd.device.modbus_serial import ModbusRtuTcpLink, ModbusSerialLink
from coolantd.device.rtu_link import TIMEOUTS_MAX, RtuLink
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


@pytest.fixture(params=["pty", "tcp"])
async def link(request: pytest.FixtureRequest, device: RtuDevice) -> AsyncIterator[RtuLink]:
    if request.param == "pty":
        line = PtyLine(device)
        await line.start()
        link: RtuLink = serial_link(line.path)
    else:
        line = TcpLine(device)
        await line.start()
        link = ModbusRtuTcpLink("127.0.0.1", line.port, turnaround_s=TURNAROUND_S, clock=SystemClock())
    await link.connect()
    yield link
    await link.close()
    await line.stop()


async def test_every_function_reads_and_writes(link: RtuLink, device: RtuDevice) -> None:
    assert await link.read(UNIT, Table.HOLDING, 100, 125, deadline_s=PATIENT_S) == values_at(100, 125)
    assert await link.read(UNIT, Table.INPUT, 7, 1, deadline_s=PATIENT_S) == values_at(7, 1)
    bits = tuple(value_at(30 + index) & 1 for index in range(19))
    assert await link.read(UNIT, Table.COIL, 30, 19, deadline_s=PATIENT_S) == bits
    assert await link.read(UNIT, Table.DISCRETE, 30, 19, deadline_s=PATIENT_S) == bits
    await link.write(UNIT, Table.HOLDING, 246, (75,), deadline_s=PATIENT_S)
    await link.write(UNIT, Table.HOLDING, 246, (1, 2, 3), deadline_s=PATIENT_S)
    await link.write(UNIT, Table.COIL, 3, (1,), deadline_s=PATIENT_S)
    await link.write(UNIT, Table.COIL, 3, (1, 0, 1), deadline_s=PATIENT_S)
    assert [asked.function for asked in device.asked] == [8, 3, 4, 1, 2, 6, 16, 5, 15]


@pytest.mark.parametrize("unit", [1, 247, 250, 255])
async def test_units_up_to_255_are_asked(unit: int, link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link, unit=unit) == value_at(5000)
    assert {asked.unit for asked in device.asked} == {unit}


async def test_broadcast_is_refused_before_anything_is_sent(link: RtuLink, device: RtuDevice) -> None:
    with pytest.raises(ValueError, match="unit 0 on a serial line"):
        await read_one(link, unit=0)
    with pytest.raises(ValueError, match="unit 0 on a serial line"):
        await link.write(0, Table.HOLDING, 1, (1,), deadline_s=PATIENT_S)
    assert device.asked == []


async def test_a_reply_in_single_bytes_is_one_reply(link: RtuLink, device: RtuDevice) -> None:
    async def dribble(asked: AskedRtu, say: Say) -> None:
        for byte in good_reply(asked):
            say(bytes([byte]))
            await asyncio.sleep(0.004)  # longer than any gap: USB adapters hand bytes over like this

    device.scripts.append(dribble)
    assert await read_one(link) == value_at(5000)


WRONG_REPLIES: dict[str, tuple[Callable[[AskedRtu], bytes], Fault]] = {
    "wrong CRC": (lambda asked: good_reply(asked)[:-1] + b"\x00", Fault.MALFORMED),
    "other unit": (lambda asked: sealed(b"\x02" + good_reply(asked)[1:-2]), Fault.WRONG_UNIT),
    "other function": (lambda asked: sealed(b"\x01\x04" + good_reply(asked)[2:-2]), Fault.WRONG_FUNCTION),
    "two registers": (lambda asked: sealed(b"\x01\x03\x04abcd"), Fault.WRONG_COUNT),
    "odd byte count": (lambda asked: sealed(b"\x01\x03\x03abc"), Fault.WRONG_BYTE_COUNT),
    "wrong byte count": (lambda asked: sealed(b"\x01\x03\x02abcd"), Fault.WRONG_BYTE_COUNT),
    "byte before": (lambda asked: b"\x00" + good_reply(asked), Fault.MALFORMED),
    "byte behind": (lambda asked: good_reply(asked) + b"\x17", Fault.MALFORMED),
    "zero behind": (lambda asked: good_reply(asked) + b"\x00", Fault.WRONG_BYTE_COUNT),
    "twice": (lambda asked: 2 * good_reply(asked), Fault.MALFORMED),
    "truncated": (lambda asked: good_reply(asked)[:-1], Fault.MALFORMED),
    "our own echo": (lambda asked: asked.frame, Fault.WRONG_BYTE_COUNT),
    "endless": (lambda asked: b"\x55" * 600, Fault.MALFORMED),
    "nothing": (lambda asked: b"", Fault.TIMEOUT),
}


@pytest.mark.parametrize("kind", WRONG_REPLIES)
async def test_fm38_a_wrong_reply_is_refused_and_the_next_good_one_is_right(
    kind: str, link: RtuLink, device: RtuDevice
) -> None:
    assert await read_one(link, 100) == value_at(100)
    reply, fault = WRONG_REPLIES[kind]
    device.scripts.append(says(reply))
    ends_by_deadline = kind in ("truncated", "nothing")
    assert (await error_of_read(link, HURRIED_S if ends_by_deadline else PATIENT_S)).fault is fault
    assert link.connected
    assert await read_one(link, 300) == value_at(300)


async def test_a_write_echo_of_another_value_is_refused(link: RtuLink, device: RtuDevice) -> None:
    device.scripts.append(says(lambda asked: sealed(asked.frame[:4] + b"\x00\x4c")))
    with pytest.raises(DeviceError) as caught:
        await link.write(UNIT, Table.HOLDING, 246, (75,), deadline_s=PATIENT_S)
    assert caught.value.fault is Fault.WRONG_ECHO


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 11, 99])
async def test_fm36_an_exception_is_an_answer_and_needs_no_quiet(code: int, link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link) == value_at(5000)
    quiet_times = link.counts.quiet_times
    device.scripts.append(says(lambda asked: refusal(asked, code)))
    error = await error_of_read(link, PATIENT_S)
    assert (error.fault, error.code) == (Fault.EXCEPTION, code)
    assert await read_one(link) == value_at(5000)
    assert link.counts.quiet_times == quiet_times
    assert [asked.function for asked in device.asked].count(8) == (2 if code == 11 else 1)


async def test_noise_between_frames_is_discarded_before_the_next_request(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link) == value_at(5000)
    device.say(b"\xff\x00\x17")
    await asyncio.sleep(0.01)
    asked_s = asyncio.get_running_loop().time()
    assert await read_one(link, 300) == value_at(300)
    assert asyncio.get_running_loop().time() - asked_s > 0.5 * TURNAROUND_S
    assert link.counts.discarded_bytes == 3


async def test_fm39_a_whole_reply_nobody_asked_for_does_not_become_the_next_value(
    link: RtuLink, device: RtuDevice
) -> None:
    """It lies in the kernel's buffer at the very moment the next request is sent."""
    assert await read_one(link, 100) == value_at(100)
    device.say(good_reply(AskedRtu(sealed(b"\x01\x03\x00\xc8\x00\x01"))))
    assert await read_one(link, 300) == value_at(300)


async def test_a_line_that_is_never_silent_is_given_up_in_time(link: RtuLink, device: RtuDevice) -> None:
    async def babble() -> None:
        while True:
            device.say(b"\x55")
            await asyncio.sleep(0.2 * TURNAROUND_S)

    babbling = asyncio.create_task(babble())
    async with asyncio.timeout(20 * TURNAROUND_S + 1.0):
        error = await error_of_read(link, PATIENT_S)
    assert error.fault is Fault.MALFORMED
    assert "does not become silent" in str(error)
    babbling.cancel()
    assert await read_one(link) == value_at(5000)


async def test_fm39_late_reply_inside_the_quiet_time_is_discarded(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link, 100) == value_at(100)
    device.scripts.append(says(good_reply, after_s=HURRIED_S + 0.01))
    assert (await error_of_read(link)).fault is Fault.TIMEOUT
    assert await read_one(link, 300) == value_at(300)
    assert link.counts.discarded_bytes == 7


async def test_fm39_late_reply_after_the_quiet_time_is_caught_by_the_loopback(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link, 100) == value_at(100)
    device.scripts.append(says(good_reply, after_s=HURRIED_S + 4 * TURNAROUND_S))
    assert (await error_of_read(link)).fault is Fault.TIMEOUT
    assert await read_one(link, 300) == value_at(300)
    assert [asked.function for asked in device.asked] == [8, 3, 3, 8, 3]


async def test_a_unit_that_refuses_loopbacks_is_as_good_as_one_that_answers_them(
    link: RtuLink, device: RtuDevice
) -> None:
    device.loopback = says(lambda asked: refusal(asked, 1))
    assert await read_one(link, 100) == value_at(100)
    device.scripts.append(says(good_reply, after_s=HURRIED_S + 4 * TURNAROUND_S))
    assert (await error_of_read(link)).fault is Fault.TIMEOUT
    assert await read_one(link, 300) == value_at(300)


async def test_a_unit_that_ignores_loopbacks_costs_one_failed_call_and_is_then_read(
    link: RtuLink, device: RtuDevice
) -> None:
    device.loopback = silence
    error = await error_of_read(link)
    assert error.fault is Fault.TIMEOUT
    assert "loopback" in str(error)
    assert [await read_one(link, address) for address in range(3)] == list(values_at(0, 3))
    device.scripts.append(says(good_reply, after_s=HURRIED_S + 1.5 * TURNAROUND_S))
    assert (await error_of_read(link)).fault is Fault.TIMEOUT
    assert await read_one(link, 300) == value_at(300)
    assert [asked.function for asked in device.asked] == [8, 3, 3, 3, 3, 3]


async def test_no_loopback_is_sent_where_function_8_must_not_be_seen(pty: PtyLine, device: RtuDevice) -> None:
    link = serial_link(pty.path, loopback=False)
    await link.connect()
    device.scripts.append(says(good_reply, after_s=HURRIED_S + 1.5 * TURNAROUND_S))
    assert (await error_of_read(link)).fault is Fault.TIMEOUT
    assert await read_one(link, 300) == value_at(300)
    assert [asked.function for asked in device.asked] == [3, 3]
    await link.close()


async def test_a_silent_unit_leaves_the_line_to_the_others(link: RtuLink, device: RtuDevice) -> None:
    device.units = range(2, 256)
    for _ in range(3):
        assert (await error_of_read(link, unit=1)).fault is Fault.TIMEOUT
        assert await read_one(link, 300, unit=2) == value_at(300)
    device.units = range(1, 256)
    assert await read_one(link, 400, unit=1) == value_at(400)


async def test_fm37_a_line_without_any_reply_is_opened_anew(link: RtuLink, device: RtuDevice) -> None:
    device.units = range(0)
    for attempt in range(1, TIMEOUTS_MAX + 1):
        assert (await error_of_read(link, 0.001)).fault is Fault.TIMEOUT
        assert link.connected is (attempt < TIMEOUTS_MAX)
    error = await error_of_read(link)
    assert error.fault is Fault.NOT_CONNECTED
    assert "in a row without a reply" in str(error)
    device.units = range(1, 256)
    await link.connect()
    assert await read_one(link) == value_at(5000)


@pytest.mark.parametrize("answer", [good_reply, lambda asked: refusal(asked, 6), lambda asked: b"\x55"])
async def test_any_sign_of_life_between_timeouts_keeps_the_line_open(
    answer: Callable[[AskedRtu], bytes], pty: PtyLine, device: RtuDevice
) -> None:
    link = serial_link(pty.path, turnaround_s=0.001, loopback=False)
    await link.connect()
    device.scripts.extend([silence] * (TIMEOUTS_MAX - 1))
    device.scripts.append(says(answer))
    device.scripts.extend([silence] * (TIMEOUTS_MAX - 1))
    for attempt in range(2 * TIMEOUTS_MAX - 1):
        hurried = attempt != TIMEOUTS_MAX - 1
        with suppress(DeviceError):
            await read_one(link, deadline_s=0.002 if hurried else 0.2)
        assert link.connected
    assert not device.scripts
    await link.close()


async def test_cancelled_read_ends_as_cancelled_and_its_reply_is_nobodys(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link, 100) == value_at(100)
    device.scripts.append(says(good_reply, after_s=0.03))
    reading = asyncio.create_task(read_one(link, 200))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read_one(link, 300) == value_at(300)
    assert link.connected


async def test_close_ends_a_call_in_flight_as_connection_lost(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link) == value_at(5000)
    device.scripts.append(silence)
    reading = asyncio.create_task(read_one(link))
    await asyncio.sleep(0.02)
    await link.close()
    await link.close()
    with pytest.raises(DeviceError) as caught:
        await reading
    assert caught.value.fault is Fault.CONNECTION_LOST
    assert not link.connected
    assert (await error_of_read(link)).fault is Fault.NOT_CONNECTED


async def test_opening_anew_ends_a_call_in_flight_and_the_next_one_works(link: RtuLink, device: RtuDevice) -> None:
    assert await read_one(link, 100) == value_at(100)
    device.scripts.append(says(good_reply, after_s=0.03))
    reading = asyncio.create_task(read_one(link, 200))
    await asyncio.sleep(0.01)
    await link.connect()
    with pytest.raises(DeviceError) as caught:
        await reading
    assert caught.value.fault is Fault.CONNECTION_LOST
    assert await read_one(link, 300) == value_at(300)


async def test_a_call_that_waits_for_silence_gives_signs_of_life(pty: PtyLine) -> None:
    """FM-47: a turnaround may be longer than the watchdog's patience."""
    pulses: list[float] = []
    clock = SystemClock(20.0)
    link = ModbusSerialLink(pty.path, turnaround_s=8.0, clock=clock, pulse=lambda: pulses.append(clock.now_s()))
    await link.connect()
    assert await read_one(link) == value_at(5000)
    assert len(pulses) >= 16
    assert max(after - before for before, after in pairwise(pulses)) < 3.0
    await link.close()


async def test_one_request_in_flight_and_every_caller_gets_its_own_value(link: RtuLink) -> None:
    values = await asyncio.gather(*(read_one(link, address) for address in range(20)))
    assert values == [value_at(address) for address in range(20)]


async def test_opening_keeps_quiet_first_because_another_process_may_have_asked_last(
    pty: PtyLine, device: RtuDevice
) -> None:
    link = serial_link(pty.path)
    await link.connect()
    device.say(good_reply(AskedRtu(sealed(b"\x01\x03\x00\xc8\x00\x01"))))
    assert await read_one(link, 300) == value_at(300)
    assert link.counts.discarded_bytes == 7
    await link.close()


async def test_a_random_line_gives_right_values_or_none(link: RtuLink, device: RtuDevice) -> None:
    random_ = random.Random(39)
    kinds = list(WRONG_REPLIES.values())
    right = 0
    for _ in range(40):
        if random_.random() < 0.3:
            device.scripts.append(says(random_.choice(kinds)[0], after_s=random_.choice([0.0, 0.0, 0.04])))
        address = random_.randrange(60000)
        try:
            assert await read_one(link, address, HURRIED_S) == value_at(address)
            right += 1
        except DeviceError:
            pass
    assert right >= 15

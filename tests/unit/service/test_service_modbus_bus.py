"""One bus, one request in flight: schedule, priority of writes, reconnects, and failures that stay where they are."""

import asyncio
import contextlib
import itertools

import pytest
from fake_clock import settle
from modbus_rig import FLOW, SETPOINT, SLOW, TEMP, BusRig, fault

from coolantd.errors import Fault
from coolantd.point import Quality, Reason
from coolantd.service.modbus_bus import BACKOFF_MAX_S, PULSE_S, RECONNECT_GAP_S, WRITE_AGE_MAX_S


@contextlib.asynccontextmanager
async def running(rig):
    task = asyncio.create_task(rig.bus.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_every_span_is_read_at_its_own_period():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(20.0)
    assert len(rig.link.times("read", TEMP)) == pytest.approx(40, abs=1)
    assert len(rig.link.times("read", SLOW)) == pytest.approx(4, abs=1)
    gaps = [b - a for a, b in itertools.pairwise(rig.link.times("read", FLOW))]
    assert gaps == pytest.approx([0.5] * len(gaps))
    assert rig.point("temp_c") == (34.0, Quality.GOOD, Reason.NONE)


async def test_reads_are_spread_over_the_period():
    rig = BusRig(names=("cdu1", "cdu2"))
    async with running(rig):
        await rig.clock.advance(20.0)
    times = [t for _, _, t in rig.link.log if t > 1010.0]
    per_moment = max(times.count(t) for t in set(times))
    assert per_moment <= 2
    assert len({round(t % 0.5, 3) for t in times}) >= 4


async def test_writes_go_before_reads_and_the_newest_value_of_a_point_wins():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.link.takes_s = 0.1
        await rig.clock.advance(0.5)
        rig.link.log.clear()
        for value in (51, 52, 53):
            rig.write(value)
        await rig.clock.advance(0.25)
    kinds = [what for what, _, _ in rig.link.log]
    assert "write" in kinds[:2]
    assert rig.link.words[SETPOINT] == 53
    assert rig.done == [Fault.NOT_CONNECTED, Fault.NOT_CONNECTED, None]
    assert rig.counter("coolantd_writes_total", device="cdu1", point="setpoint_pct") == 1


async def test_writes_without_end_on_a_slow_bus_leave_every_reading_its_turn():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.link.takes_s = 0.1
        rig.link.log.clear()
        for value in range(100):  # a command is waiting at every moment
            rig.write(value % 90)
            await rig.clock.advance(0.1)
    assert len(rig.link.times("write")) >= 40
    for address in (TEMP, FLOW):
        times = rig.link.times("read", address)
        assert max(b - a for a, b in itertools.pairwise(times)) < 1.25
        assert times[-1] - times[0] > 8.0


async def test_a_silent_unit_on_a_shared_line_does_not_take_the_others_with_it():
    rig = BusRig(names=("cdu1", "cdu2"))
    rig.devices["cdu2"].unit = 2
    answer, silent = rig.link.read, [2]

    async def read(unit, table, address, count, *, deadline_s):
        if unit not in silent:
            return await answer(unit, table, address, count, deadline_s=deadline_s)
        rig.link.log.append(("missed", address, rig.clock.now_s()))
        await rig.clock.sleep(deadline_s)
        raise fault(Fault.TIMEOUT)

    rig.link.read = read
    async with running(rig):
        await rig.clock.advance(10.0)
        for _ in range(100):
            assert rig.point("temp_c")[1] == Quality.GOOD
            await rig.clock.advance(0.1)
        assert len([what for what, _, at in rig.link.log if what == "missed"]) <= 12
        silent.clear()
        await rig.clock.advance(4.0)
        assert rig.point("temp_c", "cdu2")[1] == Quality.GOOD
        assert rig.point("flow_lpm", "cdu2")[1] == Quality.GOOD


async def test_a_point_written_again_and_again_keeps_its_place_in_the_queue():
    """A heartbeat renewed faster than a slow bus gets round must still come to its turn."""
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.write(50)
        rig.write(12, point="temp_c")
        rig.write(51)
        assert [(job.point.name, job.words) for job in rig.bus._writes] == [
            ("setpoint_pct", (51,)),
            ("temp_c", (12,)),
        ]


async def test_a_write_wakes_a_sleeping_bus_at_once():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.write()
        await settle()
        assert rig.done == [None]


async def test_a_failed_write_is_told_to_the_writer_and_counted():
    rig = BusRig()
    rig.link.faults["write", SETPOINT] = fault(Fault.WRONG_ECHO)
    async with running(rig):
        await rig.clock.advance(1.0)
        rig.write()
        await rig.clock.advance(0.1)
    assert rig.done == [Fault.WRONG_ECHO]
    assert rig.counter("coolantd_writes_failed_total", device="cdu1", point="setpoint_pct") == 1
    assert rig.counter("coolantd_device_errors_total", device="cdu1", fault="wrong_echo") == 1


async def test_fm_34_a_write_that_waited_too_long_is_dropped():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(1.0)
        rig.write()
        rig.clock.jump(WRITE_AGE_MAX_S + 0.1)
        await settle()
    assert rig.done == [Fault.EXPIRED]
    assert rig.link.times("write") == []


async def test_a_hand_over_that_waited_for_a_slow_exchange_is_still_sent_while_stopping():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(1.0)
        rig.bus.stopping = True
        rig.write()
        rig.clock.jump(WRITE_AGE_MAX_S + 0.1)
        await settle()
    assert rig.done == [None]


async def test_fm_34_writes_are_dropped_while_not_connected_never_queued_for_later():
    rig = BusRig()
    rig.link.faults["connect"] = fault(Fault.NOT_CONNECTED)
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.write()
        await rig.clock.advance(6.0)
        assert rig.done == [Fault.NOT_CONNECTED]
        del rig.link.faults["connect"]
        await rig.clock.advance(10.0)
    assert rig.link.connected is False
    assert rig.link.times("write") == []


async def test_slots_missed_during_a_stall_are_skipped_not_caught_up():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(5.0)
        rig.clock.jump(60.0)
        rig.link.log.clear()
        await rig.clock.advance(2.0)
    assert len(rig.link.times("read", TEMP)) <= 5


async def test_a_slow_device_is_read_less_often_but_fairly():
    rig = BusRig()
    rig.link.takes_s = 0.2
    async with running(rig):
        await rig.clock.advance(20.0)
    counts = [len(rig.link.times("read", address)) for address in (TEMP, FLOW, SETPOINT)]
    assert min(counts) >= 15
    assert max(counts) - min(counts) <= 3


async def test_fm_37_reconnects_back_off_with_jitter_to_at_most_five_seconds():
    rig = BusRig()
    rig.link.faults["connect"] = fault(Fault.NOT_CONNECTED)
    async with running(rig):
        await rig.clock.advance(200.0)
    gaps = [b - a for a, b in itertools.pairwise(rig.link.times("connect"))]
    assert max(gaps) <= BACKOFF_MAX_S + 1e-6
    assert min(gaps[8:]) >= BACKOFF_MAX_S / 2 - 1e-6
    assert gaps[0] <= RECONNECT_GAP_S + 1e-6
    assert len({round(gap, 6) for gap in gaps[8:]}) > 10
    assert rig.counter("coolantd_device_errors_total", device="cdu1", fault="not_connected") == len(gaps) + 1


async def test_fm_37_a_listener_that_never_answers_does_not_reset_the_back_off():
    rig = BusRig()
    rig.link.faults = {address: fault(Fault.CONNECTION_LOST) for address in (TEMP, FLOW, SLOW, SETPOINT, SETPOINT + 5)}
    async with running(rig):
        await rig.clock.advance(100.0)
        connects = rig.link.times("connect")
        assert len(connects) < 45
        late = [b - a for a, b in itertools.pairwise(connects)][8:]
        assert min(late) >= BACKOFF_MAX_S / 2 - 1e-6
        rig.link.faults = {}
        await rig.clock.advance(10.0)
        rig.link.faults = {TEMP: fault(Fault.CONNECTION_LOST)}
        await rig.clock.advance(0.6)
        rig.link.faults = {}
        before = rig.clock.now_s()
        await rig.clock.advance(0.6)
        assert rig.link.connected
        assert rig.link.times("connect")[-1] <= before + 0.6


async def test_fm_37_a_device_that_hangs_up_after_each_answer_is_not_called_on_without_end():
    """Each answer forgives the failures before it, so nothing but the gap bounds how often it is called on."""
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(3.0)
        rig.link.hangs_up = True
        rig.link.log.clear()
        await rig.clock.advance(10.0)
        gaps = [b - a for a, b in itertools.pairwise(rig.link.times("connect"))]
    assert len(gaps) >= 10
    assert min(gaps) >= RECONNECT_GAP_S - 1e-6


async def test_the_bus_gives_signs_of_life_while_it_waits():
    """FM-47: connected, idle, or backing off, the task turns at least every ``PULSE_S``."""
    rig = BusRig()
    rig.link.faults["connect"] = fault(Fault.NOT_CONNECTED)
    async with running(rig):
        await rig.clock.advance(60.0)
        before = rig.pulses
        await rig.clock.advance(20.0)
        assert rig.pulses - before >= 20.0 / PULSE_S - 1


async def test_a_lost_connection_is_the_reason_of_every_point_once_it_is_stale():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(2.0)
        rig.link.faults = {TEMP: fault(Fault.CONNECTION_LOST), "connect": fault(Fault.NOT_CONNECTED)}
        await rig.clock.advance(3.0)
    for name in ("temp_c", "flow_lpm"):
        assert rig.point(name)[1:] == (Quality.BAD, Reason.NOT_CONNECTED)
    assert rig.point("slow_c")[1] == Quality.GOOD
    assert not rig.device.up


@pytest.mark.parametrize("kind", [Fault.TIMEOUT, Fault.WRONG_COUNT, Fault.MALFORMED])
async def test_one_failing_span_does_not_stop_the_others(kind):
    rig = BusRig()
    rig.link.faults[TEMP] = fault(kind)
    async with running(rig):
        await rig.clock.advance(10.0)
    assert rig.point("temp_c")[1] == Quality.BAD
    assert rig.point("flow_lpm") == (120.0, Quality.GOOD, Reason.NONE)
    assert rig.counter("coolantd_device_errors_total", device="cdu1", fault=kind.value) >= 18


async def test_the_device_gets_its_silence_between_requests():
    rig = BusRig(gap_s=0.05)
    async with running(rig):
        await rig.clock.advance(10.0)
    times = [t for what, _, t in rig.link.log if what == "read"]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.05 - 1e-9


async def test_a_removed_device_is_polled_no_more_and_the_other_goes_on():
    rig = BusRig(names=("cdu1", "cdu2"))
    async with running(rig):
        await rig.clock.advance(2.0)
        rig.write(device=rig.devices["cdu2"])
        rig.bus.remove("cdu2")
        assert rig.done == [Fault.NOT_CONNECTED]
        await rig.clock.advance(5.0)
        assert rig.link.times("connect") == [1000.0]
    assert rig.point("temp_c", "cdu2")[1] == Quality.BAD
    assert rig.point("temp_c", "cdu1")[1] == Quality.GOOD


async def test_a_retired_bus_sends_what_is_queued_then_closes():
    rig = BusRig()
    task = asyncio.create_task(rig.bus.run())
    await rig.clock.advance(2.0)
    rig.write()
    rig.bus.retire()
    await settle()
    assert task.done()
    assert rig.done == [None]
    assert rig.link.closed


async def test_a_retired_bus_without_a_connection_ends_at_once_and_answers_its_writes():
    rig = BusRig()
    rig.link.faults["connect"] = fault(Fault.NOT_CONNECTED)
    task = asyncio.create_task(rig.bus.run())
    await rig.clock.advance(20.0)
    rig.write()
    rig.bus.retire()
    await settle()
    assert task.done()
    assert rig.done == [Fault.NOT_CONNECTED]


async def test_a_cancelled_write_is_answered_too():
    rig = BusRig()
    async with running(rig):
        await rig.clock.advance(2.0)
        rig.link.takes_s = 10.0
        rig.write()
        await settle()
        assert rig.done == []
    assert rig.done == [Fault.CONNECTION_LOST]

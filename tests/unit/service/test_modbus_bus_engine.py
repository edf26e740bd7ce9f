"""The polling engine over a fake unit: dormancy, identity, quarantine, restart, pause, lanes and bit fields."""

import asyncio
import contextlib
import itertools
import random

import pytest
from fake_clock import FakeClock, settle
from modbus_rig import device_config, fault, register

from coolantd.config.build import PointSpec, poll_period_s
from coolantd.errors import DeviceError, Fault
from coolantd.point import Quality, Reason
from coolantd.protocol.codec import encode
from coolantd.protocol.profile import (
    Access,
    Coding,
    CommunicationLoss,
    Heartbeat,
    Identity,
    ModbusLimits,
    PollClass,
    Profile,
    RegisterPoint,
    Table,
    TextPoint,
    UnitSelector,
)
from coolantd.protocol.text import encode_text
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus, WriteJob
from coolantd.service.modbus_device import PROBE_S, WRONG_RETRY_S, ModbusDevice
from coolantd.service.outlet import RegisterOutlet
from coolantd.service.table import PointTable

MODEL = TextPoint(name="model", table=Table.HOLDING, address=500, register_count=4)
FIRMWARE = TextPoint(name="firmware", table=Table.HOLDING, address=510, register_count=2)


def make_profile(*points, **changes):
    facts = {"name": "small", "title": "small", "source": "tests", "verified": False}
    return Profile(registers=points, **(facts | changes))


class Units:
    """A link to several units, each with its own registers; what is refused, silent or slow is told per unit."""

    def __init__(self, clock):
        self.clock = clock
        self.connected = False
        self.words = {}
        self.illegal = set()
        self.silent = set()
        self.gone = set()
        self.takes_s = 0.002
        self.log = []
        self.on_write = lambda unit, address: None

    async def connect(self):
        self.connected = True
        self.log.append(("connect", None, None, self.clock.now_s()))

    async def close(self):
        self.connected = False
        self.log.append(("close", None, None, self.clock.now_s()))

    async def _take(self, unit, address, count, deadline_s):
        if unit in self.silent:
            await self.clock.sleep(deadline_s)
            raise DeviceError(Fault.TIMEOUT)
        await self.clock.sleep(self.takes_s)
        if unit in self.gone:
            raise DeviceError(Fault.EXCEPTION, code=11)
        if any((unit, address + k) in self.illegal for k in range(count)):
            raise DeviceError(Fault.EXCEPTION, code=2)

    async def read(self, unit, table, address, count, *, deadline_s):
        self.log.append(("read", unit, address, self.clock.now_s(), deadline_s))
        await self._take(unit, address, count, deadline_s)
        return tuple(self.words.get((unit, address + k), 7) for k in range(count))

    async def write(self, unit, table, address, words, *, deadline_s):
        self.log.append(("write", unit, address, self.clock.now_s(), deadline_s))
        await self._take(unit, address, len(words), deadline_s)
        for k, word in enumerate(words):
            self.words[unit, address + k] = word
        self.on_write(unit, address)

    def times(self, kind, unit=None, address=None):
        return [e[3] for e in self.log if e[0] == kind and unit in (None, e[1]) and address in (None, e[2])]

    def say(self, unit, text_point, text):
        for k, word in enumerate(encode_text(text_point, text)):
            self.words[unit, text_point.address + k] = word


class Rig:
    def __init__(self, profile, units=1):
        self.clock = FakeClock()
        self.metrics = Metrics()
        self.link = Units(self.clock)
        configs = [device_config(f"u{unit}", unit) for unit in range(1, units + 1)]
        self.table = PointTable(
            [
                PointSpec(device=c.name, point=r.name, unit=r.unit, period_s=poll_period_s(c, r.poll))
                for c in configs
                for r in profile.registers
            ]
        )
        self.leases_over = 0
        self.bus = ModbusBus(
            self.link,
            clock=self.clock,
            metrics=self.metrics,
            rng=random.Random(1),
            name="bus",
            lease_over=self._note_lease_over,
        )
        self.devices = [ModbusDevice(c, profile, self.table, self.metrics) for c in configs]
        for device in self.devices:
            self.bus.add(device)
        self.done = []

    def _note_lease_over(self):
        self.leases_over += 1

    @property
    def device(self):
        return self.devices[0]

    def point(self, name, unit=1):
        row = self.table.index[f"u{unit}", name]
        snapshot = self.table.snapshot(self.clock.now_s())
        return float(snapshot.value[row]), int(snapshot.quality[row]), int(snapshot.reason[row])

    def write(self, name, value, unit=1):
        device = self.devices[unit - 1]
        point = device.registers[name]
        job = WriteJob(device, point, encode(point, value), self.clock.now_s(), self.done.append)
        self.bus.submit(job)

    def counter(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.bus.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def gaps(times):
    return [b - a for a, b in itertools.pairwise(times)]


BAD_CONFIGURATION = (Quality.BAD, Reason.CONFIGURATION_ERROR)
BLOCK = [register(f"block{k}_c", 100 + k) for k in range(60)]


# One silent unit of eight


@pytest.mark.parametrize("how", ["silent", "gone"])
async def test_one_silent_unit_of_eight_costs_the_others_nothing_but_its_probes(how):
    rig = Rig(make_profile(register("temp_c", 0), register("flow_lpm", 10, "L/min")), units=8)
    async with rig.running():
        await rig.clock.advance(20.0)
        getattr(rig.link, how).add(3)
        lost_s = rig.clock.now_s()
        await rig.clock.advance(2.0)
        missed = [t for t in rig.link.times("read", 3) if t >= lost_s]
        assert not rig.devices[2].up
        assert rig.devices[2].presence.dormant
        assert len(missed) <= 4
        rig.link.log.clear()
        await rig.clock.advance(600.0)
        probes = rig.link.times("read", 3)
        assert min(gaps(probes)) >= PROBE_S - 1e-6
        deadlines = [e[4] for e in rig.link.log if e[1] == 3]
        assert sorted(set(deadlines)) == pytest.approx([0.1, 0.25])
        for unit in (1, 2, 4, 5, 6, 7, 8):
            times = rig.link.times("read", unit, 0)
            assert len(times) >= 1199
            assert max(gaps(times)) <= 0.5 + 0.26
        getattr(rig.link, how).clear()
        await rig.clock.advance(PROBE_S + 0.6)
        assert rig.devices[2].up
        assert rig.point("temp_c", 3)[1] == rig.point("flow_lpm", 3)[1] == Quality.GOOD


async def test_nothing_is_written_to_a_dormant_unit_until_it_is_handed_over():
    rig = Rig(make_profile(register("temp_c", 0), register("set_c", 40)), units=2)
    async with rig.running():
        await rig.clock.advance(2.0)
        rig.link.silent.add(2)
        await rig.clock.advance(5.0)
        rig.write("set_c", 20, unit=2)
        await rig.clock.advance(0.3)
        assert rig.done == [Fault.NOT_CONNECTED]
        assert not rig.link.times("write")
        rig.bus.stopping = True
        rig.write("set_c", 21, unit=2)
        rig.write("set_c", 22, unit=1)
        await rig.clock.advance(1.0)
        assert [e[1] for e in rig.link.log if e[0] == "write"] == [1, 2]


async def test_a_span_that_answers_exceptions_does_not_make_the_device_flap():
    rig = Rig(make_profile(register("temp_c", 0), register("ill_c", 50)))
    rig.link.illegal.add((1, 50))
    async with rig.running():
        await rig.clock.advance(2.0)
        for _ in range(100):
            await rig.clock.advance(0.1)
            assert rig.device.up


# Quarantine


async def test_fm_15_one_illegal_register_of_sixty_leaves_the_other_59_their_rate():
    rig = Rig(make_profile(*BLOCK))
    rig.link.illegal.add((1, 130))
    async with rig.running():
        await rig.clock.advance(5.0)
        assert rig.point("block30_c")[1:] == BAD_CONFIGURATION
        rig.link.log.clear()
        begun_s = rig.clock.now_s()
        for _ in range(200):
            await rig.clock.advance(0.25)
            assert all(rig.point(f"block{k}_c")[1] == Quality.GOOD for k in (0, 29, 31, 59))
        for address in (100, 131):
            assert len(rig.link.times("read", 1, address)) == pytest.approx(100, abs=1)
        assert rig.link.times("read", 1, 130) == []
        assert rig.counter("coolantd_device_points_refused", device="u1") == 1
        assert "block30_c" in rig.device.problems[0]
        rig.link.illegal.clear()
        await rig.clock.advance(begun_s + 70.0 - rig.clock.now_s())
        assert rig.point("block30_c")[1] == Quality.GOOD
        assert rig.device.problems == ()


# Identity


def with_identity(**changes):
    identity = Identity(point="model", text="CDU-9")
    return make_profile(register("temp_c", 0), register("set_c", 40), texts=(MODEL,), identity=identity, **changes)


async def test_who_it_is_is_asked_before_anything_else():
    rig = Rig(with_identity())
    rig.link.say(1, MODEL, "CDU-9")
    async with rig.running():
        await rig.clock.advance(2.0)
    assert next(e[2] for e in rig.link.log if e[0] == "read") == MODEL.address
    assert rig.device.trusted
    assert rig.device.up
    assert rig.device.texts == {"model": "CDU-9"}
    assert rig.point("temp_c")[1] == Quality.GOOD


async def test_fm_20_a_device_that_is_another_one_is_never_written_nor_believed():
    rig = Rig(with_identity())
    rig.link.say(1, MODEL, "CDU-8")
    async with rig.running():
        await rig.clock.advance(5.0)
        rig.write("set_c", 20)
        await settle()
        assert rig.done == [Fault.WRONG_DEVICE]
        assert rig.point("temp_c")[1:] == BAD_CONFIGURATION
        assert (rig.device.up, rig.device.trusted) == (False, False)
        assert "CDU-8" in rig.device.problems[0]
        assert {e[2] for e in rig.link.log if e[0] == "read"} == {MODEL.address}
        assert rig.link.times("write") == []
        rig.link.say(1, MODEL, "CDU-9")
        await rig.clock.advance(WRONG_RETRY_S + 1.0)
        assert rig.device.up
        assert rig.point("temp_c")[1] == Quality.GOOD
        rig.write("set_c", 20)
        await rig.clock.advance(0.1)
        assert rig.done[-1] is None


async def test_fm_20_a_unit_that_returns_has_to_say_again_who_it_is():
    rig = Rig(with_identity(), units=2)
    for unit in (1, 2):
        rig.link.say(unit, MODEL, "CDU-9")
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.link.silent.add(1)
        await rig.clock.advance(5.0)
        rig.link.say(1, MODEL, "CDU-8")
        rig.link.silent.clear()
        rig.write("set_c", 20)
        await rig.clock.advance(5.0)
        assert not rig.device.up
        assert rig.point("temp_c")[1:] == BAD_CONFIGURATION
        assert rig.link.times("write") == []


async def test_fm_20_a_number_that_tells_the_device_is_judged_at_every_reading():
    """A unit exchanged behind its gateway without missing one reply is found out by the first poll."""
    points = register("temp_c", 0), register("model_count", 1, "count"), register("set_c", 40)
    rig = Rig(make_profile(*points, identity=Identity(point="model_count", number=7.0)))
    rig.link.words[1, 1] = 7
    async with rig.running():
        await rig.clock.advance(3.0)
        assert rig.device.up
        rig.link.words[1, 1] = 8
        await rig.clock.advance(1.0)
        assert (rig.device.up, rig.device.fault, rig.device.trusted) == (False, Fault.WRONG_DEVICE, False)
        assert rig.point("temp_c")[1:] == BAD_CONFIGURATION
        assert "8" in rig.device.problems[0]
        rig.write("set_c", 20)
        await rig.clock.advance(1.0)
        assert rig.done == [Fault.WRONG_DEVICE]
        rig.link.words[1, 1] = 7
        await rig.clock.advance(WRONG_RETRY_S + 1.0)
        assert rig.device.up
        assert rig.point("temp_c")[1] == Quality.GOOD


# Once, texts, firmware, settings


async def test_a_point_read_once_stays_good_and_is_bad_at_once_when_the_unit_is_lost():
    points = register("temp_c", 0), register("max_c", 60, poll=PollClass.ONCE)
    rig = Rig(make_profile(*points, texts=(MODEL,)), units=2)
    rig.link.say(1, MODEL, "X")
    async with rig.running():
        await rig.clock.advance(1000.0)
        assert len(rig.link.times("read", 1, 60)) == 1
        assert rig.point("max_c")[:2] == (7.0, Quality.GOOD)
        rig.link.silent.add(1)
        await rig.clock.advance(2.0)
        assert rig.point("max_c")[1:] == (Quality.BAD, Reason.NO_COMMUNICATION)
        assert rig.device.texts == {}
        rig.link.silent.clear()
        await rig.clock.advance(4.0)
        assert rig.point("max_c")[1] == Quality.GOOD
        assert rig.device.texts == {"model": "X"}


async def test_a_unit_of_which_nothing_is_polled_is_still_missed_when_it_goes():
    rig = Rig(make_profile(register("max_c", 60, poll=PollClass.ONCE)), units=2)
    async with rig.running():
        await rig.clock.advance(30.0)
        assert rig.point("max_c")[1] == Quality.GOOD
        rig.link.silent.add(1)
        await rig.clock.advance(15.0)
        assert rig.point("max_c")[1:] == (Quality.BAD, Reason.NO_COMMUNICATION)
        assert not rig.device.up


async def test_points_of_another_firmware_are_never_asked():
    old, new = register("old_c", 70, firmware="1."), register("new_c", 80, firmware="2.")
    rig = Rig(make_profile(register("temp_c", 0), old, new, texts=(FIRMWARE,), firmware_point="firmware"))
    rig.link.say(1, FIRMWARE, "2.4")
    async with rig.running():
        await rig.clock.advance(5.0)
    assert rig.point("new_c")[1] == Quality.GOOD
    assert rig.point("temp_c")[1] == Quality.GOOD
    assert rig.point("old_c")[1:] == BAD_CONFIGURATION
    assert rig.link.times("read", 1, 70) == []


async def test_a_wrong_setting_for_the_loss_of_communication_is_told():
    rule = CommunicationLoss(point="fallback_count", expected=2.0, sentence="set it to 2")
    profile = make_profile(register("fallback_count", 90, "count", poll=PollClass.ONCE), communication_loss=(rule,))
    rig = Rig(profile)
    async with rig.running():
        await rig.clock.advance(2.0)
    assert rig.counter("coolantd_device_setting_wrong", device="u1", point="fallback_count") == 1
    assert rig.device.problems == ("fallback_count reads 7, expected 2: set it to 2",)
    rig.bus.remove("u1")
    assert rig.counter("coolantd_device_setting_wrong", device="u1", point="fallback_count") is None


async def test_fm_21_a_jump_faster_than_possible_is_refused_once_and_believed_when_repeated():
    rig = Rig(make_profile(register("temp_c", 0, rate_max_per_s=5.0)))
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.link.words[1, 0] = 150
        await rig.clock.advance(0.5)
        assert rig.point("temp_c")[1:] == (Quality.BAD, Reason.OUT_OF_RANGE)
        await rig.clock.advance(0.5)
        assert rig.point("temp_c")[:2] == (150.0, Quality.GOOD)


# Restart


async def test_an_uptime_that_goes_back_voids_everything_known():
    points = register("temp_c", 0), register("up_s", 20, "s", coding=Coding.U32, maximum=1e9)
    rig = Rig(make_profile(*points, register("max_c", 60, poll=PollClass.ONCE), uptime_point="up_s"))
    rig.link.words[1, 20], rig.link.words[1, 21] = 1, 0
    async with rig.running():
        await rig.clock.advance(5.0)
        assert rig.device.restarts == 0
        before = len(rig.link.times("read", 1, 60))
        rig.link.words[1, 20], rig.link.words[1, 21] = 0, 3
        seen = set()
        for _ in range(100):
            await rig.clock.advance(0.01)
            seen.add(rig.point("temp_c")[1:])
        assert (Quality.BAD, Reason.NO_COMMUNICATION) in seen
        assert rig.device.restarts == 1
        assert rig.point("temp_c")[1] == Quality.GOOD
        assert len(rig.link.times("read", 1, 60)) == before + 1
        await rig.clock.advance(5.0)
        assert rig.device.restarts == 1
    assert rig.counter("coolantd_device_restarts_total", device="u1") == 1


async def test_a_heartbeat_that_goes_back_is_a_restart():
    beat = Heartbeat(ours="ours_count", theirs="theirs_count", wrap_count=60000, period_s=1.0, timeout_s=50.0)
    points = register("theirs_count", 0, "count", maximum=65535.0), register("ours_count", 9, "count", maximum=65535.0)
    rig = Rig(make_profile(*points, heartbeat=beat))
    rig.link.words[1, 0] = 5000
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.link.words[1, 0] = 1
        await rig.clock.advance(1.0)
    assert rig.device.restarts == 1


# Exceptions 5 and 6, gaps, limits


@pytest.mark.parametrize("code", [5, 6])
async def test_fm_36_a_busy_device_is_asked_again_after_a_second(code):
    rig = Rig(make_profile(register("temp_c", 0)))
    take, busy = rig.link._take, [True]

    async def busy_take(*args):
        await take(*args)
        if busy[0]:
            raise fault(Fault.EXCEPTION, code)

    rig.link._take = busy_take
    async with rig.running():
        await rig.clock.advance(10.0)
        assert min(gaps(rig.link.times("read"))) >= 1.0
        busy[0] = False
        await rig.clock.advance(1.5)
        assert rig.point("temp_c")[1] == Quality.GOOD


async def test_a_device_gets_its_silence_between_writes_and_the_others_go_on():
    limits = ModbusLimits(write_gap_s=0.8)
    profile = make_profile(register("temp_c", 0), register("a_c", 40), register("b_c", 45), limits=limits)
    rig = Rig(profile, units=2)
    async with rig.running():
        await rig.clock.advance(3.0)
        for name in ("a_c", "b_c"):
            rig.write(name, 20, unit=1)
        rig.write("a_c", 20, unit=2)
        begun_s = rig.clock.now_s()
        await rig.clock.advance(2.0)
        assert rig.done == [None, None, None]
        first, second = rig.link.times("write", 1)
        assert second - first >= 0.8
        assert rig.link.times("write", 2)[0] - begun_s < 0.1
        assert max(gaps(rig.link.times("read", 1, 0))) < 0.6


async def test_a_device_with_a_timeout_of_its_own_is_given_it():
    rig = Rig(make_profile(register("temp_c", 0), limits=ModbusLimits(timeout_s=2.5)))
    assert rig.device.spans[0].deadline_s == rig.device.write_deadline_s == 2.5


# Lanes


async def test_an_overloaded_bus_reads_safety_first_and_never_starves_telemetry():
    fast = [register(f"fast{k}_c", 100 * k) for k in range(6)]
    rig = Rig(make_profile(*fast, register("slow_c", 5000, poll=PollClass.NORMAL)))
    rig.link.takes_s = 0.2
    async with rig.running():
        await rig.clock.advance(100.0)
        assert rig.counter("coolantd_bus_busy_ratio", bus="bus") > 0.9
    slow = rig.link.times("read", 1, 5000)
    assert 8 <= len(slow) <= 21
    assert max(gaps(slow)) <= 11.0
    for k in range(6):
        assert max(gaps(rig.link.times("read", 1, 100 * k))) <= 2.1
    assert rig.counter("coolantd_bus_busy_ratio", bus="bus") == 0.0
    assert rig.counter("coolantd_poll_late_total", device="u1") > 0


async def test_a_bus_with_little_to_do_is_not_late_and_hardly_busy():
    rig = Rig(make_profile(register("temp_c", 0)))
    async with rig.running():
        await rig.clock.advance(100.0)
        assert rig.counter("coolantd_bus_busy_ratio", bus="bus") == pytest.approx(0.004, abs=0.001)
    assert rig.counter("coolantd_poll_late_total", device="u1") == 0


# Pause


async def test_a_paused_bus_is_silent_closed_and_comes_back_by_itself():
    rig = Rig(make_profile(register("temp_c", 0), register("set_c", 40)))
    async with rig.running():
        await rig.clock.advance(3.0)
        until_s = rig.clock.now_s() + 100.0
        rig.bus.pause(until_s)
        await rig.clock.advance(0.1)
        assert not rig.link.connected
        rig.link.log.clear()
        rig.write("set_c", 20)
        await rig.clock.advance(50.0)
        assert rig.link.log == []
        assert rig.done == [Fault.NOT_CONNECTED]
        assert (rig.device.up, rig.device.fault) == (False, Fault.NOT_CONNECTED)
        assert rig.point("temp_c")[1:] == (Quality.BAD, Reason.NOT_CONNECTED)
        assert rig.bus.paused_until_s == until_s
        assert rig.leases_over == 0
        await rig.clock.advance(51.0)
        assert rig.device.up
        assert rig.leases_over == 1
        assert rig.point("temp_c")[1] == Quality.GOOD


async def test_a_pause_ends_when_it_is_resumed_and_a_paused_bus_can_be_retired():
    rig = Rig(make_profile(register("temp_c", 0)))
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.bus.pause(rig.clock.now_s() + 1000.0)
        await rig.clock.advance(5.0)
        rig.bus.resume()
        await rig.clock.advance(1.0)
        assert rig.device.up
        assert rig.leases_over == 0
    task = asyncio.create_task(rig.bus.run())
    rig.bus.pause(rig.clock.now_s() + 1000.0)
    await rig.clock.advance(1.0)
    rig.bus.retire()
    await settle()
    assert task.done()


# Bit fields


def bits(name, bit, count=1, **changes):
    facts = {"table": Table.HOLDING, "address": 40, "coding": Coding.BITS, "unit": "count", "minimum": 0.0}
    return RegisterPoint(name=name, bit=bit, bit_count=count, **(facts | {"maximum": 15.0} | changes))


BITS = bits("mode_count", 2, 3), bits("reset_count", 8, access=Access.COMMAND), bits("other_count", 12)


async def test_a_bit_field_is_written_without_touching_its_neighbours_or_repeating_a_command():
    rig = Rig(make_profile(register("temp_c", 0), *BITS))
    rig.link.words[1, 40] = 0b1001_0001_0001_0101
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.write("mode_count", 0b010)
        await rig.clock.advance(0.1)
    assert rig.done == [None]
    assert rig.link.words[1, 40] == 0b1001_0000_0000_1001
    assert rig.counter("coolantd_writes_contended_total", device="u1", point="mode_count") is None


async def test_another_writer_of_the_same_register_is_counted():
    rig = Rig(make_profile(register("temp_c", 0), *BITS))
    rig.link.words[1, 40] = 0

    def meddle(unit, address):
        rig.link.words[unit, address] |= 1 << 12

    rig.link.on_write = meddle
    async with rig.running():
        await rig.clock.advance(3.0)
        rig.write("mode_count", 1)
        await rig.clock.advance(0.1)
    assert rig.done == [None]
    assert rig.counter("coolantd_writes_contended_total", device="u1", point="mode_count") == 1


# Units the device decides


async def test_fm_21_a_setpoint_is_sent_in_the_unit_that_the_device_has_said_or_not_at_all():
    coil = register("imperial_bool", 0, "bool", maximum=1.0)
    setpoint = register("set_c", 40, scale=0.1, imperial_unit="degF")
    rig = Rig(make_profile(setpoint, coil, unit_selector=UnitSelector(point="imperial_bool")))
    rig.link.words[1, 0] = 1
    outlet = RegisterOutlet(rig.bus, rig.device, setpoint, rig.clock)
    outlet.submit(20.0, rig.done.append)
    assert rig.done == [Fault.NOT_CONNECTED]
    async with rig.running():
        await rig.clock.advance(10.0)
        outlet.submit(20.0, rig.done.append)
        await rig.clock.advance(0.1)
    assert rig.done[-1] is None
    assert rig.link.words[1, 40] == 680


async def test_a_write_that_is_taken_back_while_it_is_queued_never_leaves():
    setpoint = register("set_c", 40)
    rig = Rig(make_profile(setpoint))
    outlet = RegisterOutlet(rig.bus, rig.device, setpoint, rig.clock)
    async with rig.running():
        await rig.clock.advance(3.0)
        outlet.submit(20.0, rig.done.append)
        outlet.withdraw()
        outlet.withdraw()
        await rig.clock.advance(1.0)
        assert rig.done == [Fault.WITHDRAWN]
        assert rig.link.times("write") == []
        outlet.submit(21.0, rig.done.append)
        await rig.clock.advance(1.0)
        outlet.withdraw()
    assert rig.done == [Fault.WITHDRAWN, None]
    assert len(rig.link.times("write")) == 1


# Raw words


async def test_the_words_of_good_reads_are_kept_for_the_proxy():
    rig = Rig(make_profile(*BLOCK))
    async with rig.running():
        await rig.clock.advance(3.0)
    kept = rig.device.raw.read(Table.HOLDING, 110, 3)
    assert kept is not None
    assert kept.words == (7, 7, 7)

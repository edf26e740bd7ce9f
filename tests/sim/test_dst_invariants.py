"""Every judge of the deterministic simulation can fail: for each invariant a daemon that is broken just there."""

import asyncio

import pytest
from dst_rig import DEW_WORDS, HEARTBEAT, PUMPS, REMOTE, STATUS, VALVE, Link, f32, found, plan, run, with_link, words_of

from coolantd.app import Daemon
from coolantd.errors import DeviceError
from coolantd.service.liveness import Liveness
from coolantd.sim.dst.faults import Fault, Kind


@pytest.fixture(scope="module")
def kernels(stages, advance):
    return stages, advance


def at(kind, start_s=80.0, duration_s=60.0, **more):
    return Fault(kind=kind, start_s=start_s, duration_s=duration_s, **more)


def test_a_sound_daemon_breaks_no_invariant(kernels):
    assert found(plan(at(Kind.DEVICE_SILENT), at(Kind.LOAD_STEP, size=0.9)), kernels) == set()


def test_i1_a_command_that_jumps_is_found(kernels):
    class Jumps(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            if address == VALVE and self.run_s > 60.0:
                words = words_of(min(f32(words) + 30.0 * (int(self.run_s) % 2), 100.0))
            await super().write(unit, table, address, words, deadline_s=deadline_s)

    assert "I1" in found(plan(at(Kind.LOAD_STEP, size=0.3)), kernels, make=with_link(Jumps))


def test_i1_a_command_that_is_no_number_is_found(kernels):
    class Nonsense(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            words = (0, 0x7FC0) if address == VALVE and self.run_s > 60.0 else words
            await super().write(unit, table, address, words, deadline_s=deadline_s)

    assert "I1" in found(plan(at(Kind.LOAD_STEP)), kernels, make=with_link(Nonsense))


def test_i2_a_daemon_that_takes_silence_for_its_last_answer_is_found(kernels):
    class Remembers(Link):
        def __init__(self, link, clock):
            super().__init__(link, clock)
            self.last = {}

        async def read(self, unit, table, address, count, *, deadline_s):
            try:
                self.last[table, address, count] = await super().read(unit, table, address, count, deadline_s=0.2)
            except DeviceError:
                if not self.link.connected:
                    await self.link.connect()
            words = self.last[table, address, count]
            return (int(self.run_s), *words[1:]) if address == HEARTBEAT else words

        async def write(self, unit, table, address, words, *, deadline_s):
            try:
                await super().write(unit, table, address, words, deadline_s=0.2)
            except DeviceError:
                if not self.link.connected:
                    await self.link.connect()

    assert "I2" in found(plan(at(Kind.DEVICE_DEAF)), kernels, make=with_link(Remembers))


def test_i3_stopping_the_last_pump_is_found(kernels):
    class Stops(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            words = (0, 0) if address in PUMPS and self.run_s > 60.0 else words
            await super().write(unit, table, address, words, deadline_s=deadline_s)

    assert "I3" in found(plan(at(Kind.LOAD_STEP, size=0.9)), kernels, make=with_link(Stops))


def test_i4_a_setpoint_below_the_dew_point_is_found(kernels):
    class Dry(Link):
        async def read(self, unit, table, address, count, *, deadline_s):
            words = await super().read(unit, table, address, count, deadline_s=deadline_s)
            if address == STATUS and count > 60:
                words = [*words]
                words[DEW_WORDS] = words_of(5.0)
            return tuple(words)

    wet = at(Kind.DEW_JUMP, start_s=30.0, duration_s=400.0, size=1.0)
    assert "I4" in found(plan(wet, setpoint_c=32.0, duration_s=300.0), kernels, make=with_link(Dry))
    assert "I4" not in found(plan(wet, setpoint_c=32.0, duration_s=300.0), kernels)


def test_i5_a_register_that_is_worn_out_is_found(kernels):
    class Stutters(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            for _ in range(12 if address == VALVE else 1):
                await super().write(unit, table, address, words, deadline_s=deadline_s)

    assert "I5" in found(plan(), kernels, make=with_link(Stutters))


def test_i6_a_daemon_that_never_takes_its_device_back_is_found(kernels):
    class Forgets(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            if address != REMOTE or self.run_s < 30.0:
                await super().write(unit, table, address, words, deadline_s=deadline_s)

    back = plan(at(Kind.REBOOT, duration_s=0.0), duration_s=420.0)
    assert "I6" in found(back, kernels, make=with_link(Forgets))
    assert found(back, kernels) == set()


def test_i8_a_write_to_a_stranger_is_found(kernels):
    class Strays(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            unit += int(self.run_s) % 10 == 0
            await super().write(unit, table, address, words, deadline_s=deadline_s)

    assert "I8" in found(plan(), kernels, make=with_link(Strays))


def test_i8_taking_a_device_from_whoever_put_it_to_local_is_found(kernels):
    class Grabs(Link):
        async def read(self, unit, table, address, count, *, deadline_s):
            if self.run_s > 60.0:
                await self.link.write(unit, type(table).COIL, REMOTE, (1,), deadline_s=deadline_s)
            return await super().read(unit, table, address, count, deadline_s=deadline_s)

    local = plan(at(Kind.PUT_TO_LOCAL))
    assert "I8" in found(local, kernels, make=with_link(Grabs))
    assert "I8" not in found(local, kernels)


def test_i9_fighting_another_writer_is_found(kernels):
    class Fights(Link):
        def __init__(self, link, clock):
            super().__init__(link, clock)
            self.last = {}

        async def write(self, unit, table, address, words, *, deadline_s):
            self.last[address] = words
            await super().write(unit, table, address, words, deadline_s=deadline_s)

        async def read(self, unit, table, address, count, *, deadline_s):
            if address in self.last and self.run_s > 90.0:
                await self.link.write(unit, table, address, self.last[address], deadline_s=deadline_s)
            return await super().read(unit, table, address, count, deadline_s=deadline_s)

    other = plan(at(Kind.OTHER_WRITER, duration_s=0.0, size=0.95, pick=2))
    assert "I9" in found(other, kernels, make=with_link(Fights))
    assert "I9" not in found(other, kernels)


def test_i9_moving_what_an_operator_holds_is_found(kernels):
    class Knows(Link):
        async def write(self, unit, table, address, words, *, deadline_s):
            moved = address in (VALVE, *PUMPS) and self.run_s > 100.0
            words = words_of(f32(words) - 2.0) if moved else words
            await super().write(unit, table, address, words, deadline_s=deadline_s)

    held = plan(site=(at(Kind.OVERRIDE, start_s=30.0, duration_s=0.0, size=0.8, pick=2),))
    assert "I9" in found(held, kernels, make=with_link(Knows))
    assert "I9" not in found(held, kernels)


def test_i12_a_watchdog_fed_while_a_bus_hangs_is_found(kernels):
    class Hangs(Link):
        async def read(self, unit, table, address, count, *, deadline_s):
            if self.run_s > 60.0:
                await asyncio.Event().wait()
            return await super().read(unit, table, address, count, deadline_s=deadline_s)

    class Content(Liveness):
        def all_fresh(self):
            return True

    class Careless(Daemon):
        def __init__(self, path, **kwargs):
            super().__init__(path, **kwargs)
            self._liveness = Content(self._clock.now_s)

    assert "I12" in found(plan(), kernels, make=with_link(Hangs, Careless))
    assert "I12" not in found(plan(), kernels, make=with_link(Hangs))


def test_i10_i13_a_daemon_that_controls_by_the_wall_clock_is_found(kernels):
    class Wall:
        def __init__(self, clock):
            self.clock = clock
            self.sleep, self.timeout, self.wall_s = clock.sleep, clock.timeout, clock.wall_s

        def now_s(self):
            return self.clock.wall_s() - 1.8e9 + 1000.0

    def make(path, *, clock, **kwargs):
        return Daemon(path, clock=Wall(clock), **kwargs)

    step = plan(at(Kind.LOAD_STEP, size=0.9), site=(at(Kind.CLOCK_FORWARD, start_s=85.0, duration_s=0.0),))
    calm = plan(at(Kind.LOAD_STEP, size=0.9))
    assert run(step, kernels, make=make).traces != run(calm, kernels, make=make).traces
    assert run(step, kernels).traces == run(calm, kernels).traces

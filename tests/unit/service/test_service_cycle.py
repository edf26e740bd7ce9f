"""The cycle keeps its due times, skips what it missed, and tells every change of mode once."""

import asyncio
import contextlib
import itertools
import math
from dataclasses import replace

import pytest
import structlog
from fake_clock import FakeClock

from coolantd.control.golden import golden_plan
from coolantd.control.stages import INTERPRETED
from coolantd.control.step import carry_state, initial_state
from coolantd.point import bad, good
from coolantd.protocol.profile import Role, WriteRule
from coolantd.safety.envelope import Refusal
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.cycle import Cycle
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable
from coolantd.service.writer import Writer

ORDINARY = [34.0, 90.0, 50.0, 70.0, 50.0, 70.0, 17.0, 400.0, 1.0]


class Journal:
    def __init__(self):
        self.records = []

    def record(self, event, **fields):
        self.records.append((event, fields))


class SlowWriter:
    """Takes as long as it is told, in clock time, and notes when it was called."""

    def __init__(self, clock):
        self.clock, self.takes_s, self.called_s = clock, 0.0, []

    def permits(self, silent):
        return EVERY_PERMIT

    def carry_out(self, plan, decision, snapshot, now_s):
        self.called_s.append(now_s)
        self.clock.jump(self.takes_s)


def outlet_of(actuator, sent, *, verified=True):
    """Return the way to an actuator; ``sent`` is told what went there."""
    rule = WriteRule(
        role=Role(actuator.role), minimum=actuator.minimum, maximum=actuator.maximum, position=str(actuator.position)
    )

    class Outlet:
        def submit(self, value, done):
            sent[actuator.name] = value

    return ActuatorOutlet(actuator, rule, Outlet(), verified=lambda: verified)


class CycleRig:
    def __init__(self):
        from coolantd.config.build import PointSpec

        self.clock, self.metrics, self.journal = FakeClock(), Metrics(), Journal()
        self.plan = golden_plan()
        self.table = PointTable(
            [PointSpec(device="d", point=str(k), unit="", period_s=1e6) for k in range(len(ORDINARY))]
        )
        self.writer = SlowWriter(self.clock)
        self.completed = 0
        self.cycle = Cycle(
            clock=self.clock,
            metrics=self.metrics,
            journal=self.journal,
            plan=self.plan,
            state=initial_state(self.plan),
            table=self.table,
            writer=self.writer,
        )

    def fill(self):
        for row, value in enumerate(ORDINARY):
            self.table.put(row, good(value, self.clock.now_s()))

    def _done(self):
        self.completed += 1

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.cycle.run(self._done))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def lateness(self, part):
        return self.metrics.registry.get_sample_value(f"coolantd_cycle_lateness_seconds_{part}")

    def modes(self):
        return [fields["mode"] for event, fields in self.journal.records if event == "mode_changed"]


async def test_cycles_come_at_absolute_due_times():
    rig = CycleRig()
    async with rig.running():
        await rig.clock.advance(10.0)
    assert rig.writer.called_s == pytest.approx([1000.0 + 0.5 * k for k in range(21)])
    assert rig.completed == rig.cycle.completed == 21
    assert (rig.lateness("sum"), rig.lateness("count")) == (0.0, 21)


async def test_the_time_a_cycle_takes_does_not_shift_the_next():
    rig = CycleRig()
    rig.writer.takes_s = 0.2
    async with rig.running():
        await rig.clock.advance(5.0)
    assert rig.writer.called_s == pytest.approx([1000.0 + 0.5 * k for k in range(len(rig.writer.called_s))])
    assert rig.metrics.registry.get_sample_value("coolantd_cycle_duration_seconds_sum") == pytest.approx(
        0.2 * rig.completed
    )


async def test_fm_26_lateness_is_observed_and_missed_cycles_are_skipped():
    rig = CycleRig()
    async with rig.running():
        await rig.clock.advance(2.0)
        before = rig.completed
        rig.clock.jump(10.0)
        await rig.clock.advance(2.0)
    assert rig.completed - before in (4, 5)
    gaps = [b - a for a, b in itertools.pairwise(rig.writer.called_s)]
    assert max(gaps) == pytest.approx(10.0, abs=0.5)
    assert rig.lateness("sum") == pytest.approx(9.5, abs=0.5)
    assert min(gaps) >= 0.5 - 1e-9


async def test_a_cycle_that_takes_longer_than_its_period_does_not_run_back_to_back():
    rig = CycleRig()
    rig.writer.takes_s = 0.7
    async with rig.running():
        await rig.clock.advance(10.0)
    gaps = [b - a for a, b in itertools.pairwise(rig.writer.called_s)]
    assert gaps == pytest.approx([1.2] * len(gaps))


async def test_nothing_is_written_and_no_cycle_completed_before_the_first_decision():
    rig = CycleRig()
    assert (rig.cycle.decision, rig.cycle.snapshot, rig.cycle.completed) == (None, None, 0)


async def test_every_change_of_mode_is_told_once_with_its_cause():
    rig = CycleRig()
    with structlog.testing.capture_logs() as logs:
        async with rig.running():
            await rig.clock.advance(2.0)
            rig.fill()
            await rig.clock.advance(5.0)
            rig.table.put(0, bad(good(0.0, 0.0).reason, rig.clock.now_s()))
            await rig.clock.advance(5.0)
    assert rig.modes() == ["failsafe", "starting", "automatic", "failsafe"]
    assert [line["mode"] for line in logs if line["event"] == "mode_changed"] == rig.modes()
    last = rig.journal.records[-1][1]
    assert (last["cdu"], last["previous"], last["cause"]) == ("golden", "automatic", "supply temp bad")


def test_fm_42_the_last_decision_stands_after_a_reload_that_keeps_the_same_things():
    rig = CycleRig()
    rig.fill()
    rig.cycle.once(1000.0)
    decision = rig.cycle.decision
    same = golden_plan()
    rig.cycle.swap(same, carry_state(rig.plan, rig.cycle.state, same), rig.table, rig.writer)
    assert rig.cycle.decision is decision


def test_fm_42_a_decision_about_other_things_is_forgotten_at_a_reload():
    rig = CycleRig()
    rig.cycle.once(1000.0)
    other = replace(rig.plan, actuators=tuple(reversed(rig.plan.actuators)))
    rig.cycle.swap(other, rig.cycle.state, rig.table, rig.writer)
    assert rig.cycle.decision is None


def test_other_kernels_decide_from_the_next_cycle_on():
    rig = CycleRig()
    calls = []
    decide = rig.plan.stages.decide
    rig.cycle.use_kernels(replace(rig.plan.stages, decide=lambda *arrays: calls.append("decide") or decide(*arrays)))
    rig.cycle.once(1000.0)
    assert calls == ["decide"]


def test_fm_42_a_reload_goes_on_with_the_kernels_in_use():
    """Its plan was built with interpreted ones, perhaps before the compiled ones were ready."""
    rig = CycleRig()
    built = golden_plan()
    in_use = replace(INTERPRETED, decide=lambda *_: None)
    rig.cycle.use_kernels(in_use)
    rig.cycle.swap(built, rig.cycle.state, rig.table, rig.writer)
    assert rig.cycle.plan.stages is in_use


def test_a_cycle_hands_what_was_allowed_to_the_real_writer():
    rig, sent = CycleRig(), {}
    rig.cycle.writer = Writer(rig.metrics, rig.journal, [outlet_of(a, sent) for a in rig.plan.actuators])
    rig.fill()
    for k in range(3):
        decision = rig.cycle.once(1000.0 + k)
    assert list(decision.commands) == pytest.approx([50.0, 70.0], abs=10.0)
    assert sent == {a.name: command for a, command in zip(rig.plan.actuators, decision.commands, strict=True)}
    assert rig.cycle.snapshot is not None


def test_i8_fm_20_without_a_permit_of_the_writer_nothing_is_commanded():
    rig, sent = CycleRig(), {}
    valve, pump = rig.plan.actuators
    rig.cycle.writer = Writer(rig.metrics, rig.journal, [outlet_of(valve, sent, verified=False), outlet_of(pump, sent)])
    rig.fill()
    for k in range(3):
        decision = rig.cycle.once(1000.0 + k)
    assert math.isnan(decision.commands[0])
    assert list(decision.refusals) == [Refusal.NOT_VERIFIED, Refusal.NONE]
    assert list(sent) == [pump.name]

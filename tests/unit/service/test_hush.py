"""A paused device in a cycle: control holds nothing of it for known, and nothing leaves for it."""

import numpy as np
import pytest
from fake_clock import FakeClock

from coolantd.config.build import PointSpec
from coolantd.control.golden import golden_plan
from coolantd.control.step import initial_state
from coolantd.point import Quality, Reason, good
from coolantd.safety.modes import Cause, Mode
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.service.cycle import Cycle
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable

ORDINARY = [34.0, 90.0, 50.0, 70.0, 50.0, 70.0, 17.0, 400.0, 1.0]


class Records:
    def __init__(self):
        self.seen = []

    def record(self, event, **fields):
        self.seen.append((event, fields))

    def permits(self, silent):
        return EVERY_PERMIT

    def carry_out(self, plan, decision, snapshot, now_s):
        self.seen.append((decision, snapshot))


@pytest.fixture
def rig():
    """One CDU in automatic, whose points all belong to its own device; ``silent`` is what a test makes it."""

    class Rig:
        silent: frozenset[str] = frozenset()

    rig = Rig()
    rig.clock, rig.plan, rig.writer = FakeClock(), golden_plan(), Records()
    rig.device = rig.plan.cdus[0].device
    specs = [PointSpec(device=rig.device, point=str(k), unit="", period_s=1e6) for k in range(len(ORDINARY))]
    rig.table = PointTable(specs)
    rig.cycle = Cycle(
        clock=rig.clock,
        metrics=Metrics(),
        journal=Records(),
        plan=rig.plan,
        state=initial_state(rig.plan),
        table=rig.table,
        writer=rig.writer,
        silent_devices=lambda: rig.silent,
    )

    def turn(times=1):
        for _ in range(times):
            for row, value in enumerate(ORDINARY):
                rig.table.put(row, good(value, rig.clock.now_s()))
            rig.cycle.once(rig.clock.now_s())
            rig.clock.jump(rig.plan.period_s)
        return rig.writer.seen[-1]

    rig.turn = turn
    return rig


def test_a_silent_device_is_out_of_touch_within_the_same_cycle_and_commanded_nothing(rig):
    decision, _ = rig.turn(20)
    assert decision.modes[0] == Mode.AUTOMATIC
    assert np.isfinite(decision.commands).all()

    rig.silent = frozenset({rig.device})
    decision, snapshot = rig.turn()
    assert (snapshot.quality == Quality.BAD).all()
    assert (snapshot.reason == Reason.NOT_CONNECTED).all()
    assert np.isnan(snapshot.value).all()
    assert np.isnan(decision.commands).all()
    assert not decision.wants_remote.any()
    for _ in range(20):
        decision, _ = rig.turn()
        assert np.isnan(decision.commands).all()
        assert not decision.wants_remote.any()
    assert decision.modes[0] == Mode.FAILSAFE
    assert decision.causes[0] != Cause.NONE


def test_the_way_back_is_through_starting_from_what_is_measured(rig):
    """Bumpless: the first command after a pause is where the actuators stand, not where they were commanded before."""
    rig.turn(20)
    rig.silent = frozenset({rig.device})
    rig.turn(20)
    rig.silent = frozenset()
    modes, first = [], None
    for _ in range(40):
        decision, _ = rig.turn()
        modes.append(Mode(int(decision.modes[0])))
        if first is None and np.isfinite(decision.commands).all():
            first = decision.commands.copy()
    assert Mode.STARTING in modes
    assert modes[-1] is Mode.AUTOMATIC
    measured = [ORDINARY[actuator.position] for actuator in rig.plan.actuators]
    slew = [actuator.slew_pct_per_s * rig.plan.period_s for actuator in rig.plan.actuators]
    assert (np.abs(first - measured) <= np.array(slew) + 1e-9).all()


def test_other_devices_are_left_alone(rig):
    expected, _ = rig.turn(20)
    rig.silent = frozenset({"another"})
    decision, snapshot = rig.turn()
    assert (snapshot.quality == Quality.GOOD).all()
    assert np.isfinite(decision.commands).all()
    assert decision.modes[0] == expected.modes[0]

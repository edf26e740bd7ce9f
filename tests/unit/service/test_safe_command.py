"""From an interlock to its acknowledged command: what is counted, and what has nothing to wait for."""

from types import SimpleNamespace

import pytest
from fake_clock import FakeClock

from coolantd.safety.modes import Mode
from coolantd.service.metrics import Metrics
from coolantd.service.safe_command import SafeCommandWatch

NAN = float("nan")


class Bench:
    def __init__(self):
        self.clock, self.metrics = FakeClock(), Metrics()
        self.watch = SafeCommandWatch(self.clock, self.metrics)
        self.outlet = SimpleNamespace(
            tag=("cdu1", "valve"),
            state=SimpleNamespace(held=50.0, written_s=0.0),
            policy=SimpleNamespace(deadband=0.1),
        )

    def cycle(self, mode, command=52.0):
        decision = SimpleNamespace(actuator_modes=[int(mode)], commands=[command])
        cycle = SimpleNamespace(decision=decision, writer=SimpleNamespace(actuators=[self.outlet]))
        self.watch.follow(cycle, self.clock.now_s())

    def acknowledge(self, after_s):
        sent_s = self.clock.now_s()
        self.clock.jump(after_s)
        self.outlet.state.written_s = sent_s
        self.watch.acknowledged(self.outlet)

    def seen(self, part="count"):
        return self.metrics.registry.get_sample_value(f"coolantd_fault_to_safe_command_seconds_{part}")


@pytest.mark.parametrize("mode", [Mode.FAILSAFE, Mode.TRIPPED])
def test_the_first_acknowledged_command_since_is_what_counts(mode):
    bench = Bench()
    bench.cycle(Mode.AUTOMATIC)
    bench.cycle(mode)
    bench.acknowledge(0.2)
    bench.cycle(mode, 54.0)
    bench.acknowledge(0.2)
    assert bench.seen() == 1.0
    assert bench.seen("sum") == pytest.approx(0.2)


def test_a_write_sent_before_the_interlock_came_is_not_its():
    bench = Bench()
    bench.cycle(Mode.AUTOMATIC)
    sent_s = bench.clock.now_s()
    bench.clock.jump(0.5)
    bench.cycle(Mode.FAILSAFE)
    bench.outlet.state.written_s = sent_s
    bench.watch.acknowledged(bench.outlet)
    assert bench.seen() == 0.0
    bench.acknowledge(0.3)
    assert bench.seen() == 1.0


@pytest.mark.parametrize("command", [50.05, NAN])
def test_what_is_there_already_or_not_ours_to_write_waits_for_nothing(command):
    bench = Bench()
    bench.cycle(Mode.FAILSAFE, command)
    bench.acknowledge(5.0)
    assert bench.seen() == 0.0


def test_an_interlock_that_has_gone_waits_for_nothing_and_the_next_is_a_new_one():
    bench = Bench()
    bench.cycle(Mode.FAILSAFE)
    bench.cycle(Mode.AUTOMATIC)
    bench.acknowledge(5.0)
    assert bench.seen() == 0.0
    bench.cycle(Mode.FAILSAFE)
    bench.acknowledge(0.1)
    assert bench.seen() == 1.0

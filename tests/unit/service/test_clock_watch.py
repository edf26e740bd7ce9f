"""A wall clock that is set and a machine that was suspended are told apart and counted; nothing else is (FM-25)."""

import pytest
import structlog

from coolantd.clock import Readings, read_clocks
from coolantd.service.clock_watch import EVERY_S, TOLD_S, ClockWatch
from coolantd.service.metrics import Metrics


class Rig:
    def __init__(self):
        self.mono_s, self.boot_s, self.wall_s, self.spread_s = 50.0, 60.0, 1.75e9, 0.0
        self.metrics, self.records = Metrics(), []
        self.watch = ClockWatch(self.metrics, self, self.read)
        self.watch.watch()

    def read(self):
        return Readings(self.mono_s, self.boot_s, self.wall_s, self.spread_s)

    def record(self, event, **fields):
        self.records.append((event, fields["seconds"]))

    def run(self, seconds, *, step_s=0.0, suspended_s=0.0):
        self.mono_s += seconds
        self.boot_s += seconds + suspended_s
        self.wall_s += seconds + suspended_s + step_s
        self.watch.watch()

    def counts(self):
        read = self.metrics.registry.get_sample_value
        return read("coolantd_clock_steps_total"), read("coolantd_suspends_total")


@pytest.mark.parametrize("step_s", [1.5, -1.5, 3600.0, -3600.0, -1.75e9])
def test_fm_25_a_step_of_the_wall_clock_is_counted_once(step_s):
    rig = Rig()
    with structlog.testing.capture_logs() as logs:
        rig.run(1.0)
        rig.run(1.0, step_s=step_s)
        rig.run(1.0)
    assert rig.counts() == (1, 0)
    assert rig.records == [("clock_stepped", pytest.approx(step_s, abs=0.01))]
    assert [each["event"] for each in logs] == ["clock_stepped"]
    assert ("forward" if step_s > 0.0 else "back") in rig.watch.step_fault()
    for _ in range(int(TOLD_S) + 2):
        rig.run(1.0)
    assert rig.watch.step_fault() == ""


def test_fm_25_a_suspend_moves_both_clocks_and_is_no_step():
    rig = Rig()
    rig.run(1.0, suspended_s=600.0)
    assert rig.counts() == (0, 1)
    assert "suspended for 600 s" in rig.watch.suspend_fault()
    assert rig.watch.step_fault() == ""


def test_fm_25_slewing_small_steps_and_a_stalled_process_are_nothing():
    rig = Rig()
    for _ in range(5000):
        rig.run(1.0, step_s=0.0005)  # as fast as the kernel slews
    rig.run(1.0, step_s=0.9)
    rig.run(30.0)  # stopped and continued
    assert rig.counts() == (0, 0)


def test_a_reading_torn_apart_says_nothing_and_the_next_one_does():
    rig = Rig()
    rig.spread_s = 5.0
    rig.run(1.0, step_s=5.0)
    assert rig.counts() == (0, 0)
    rig.spread_s = 0.0
    rig.run(1.0)
    assert rig.counts() == (1, 0)


def test_clocks_are_compared_once_a_second_however_often_a_cycle_ends():
    rig = Rig()
    rig.run(0.5 * EVERY_S, step_s=10.0)
    assert rig.counts() == (0, 0)
    rig.run(0.5 * EVERY_S)
    assert rig.counts() == (1, 0)


def test_the_machines_own_clocks_are_read_together():
    readings = read_clocks()
    assert readings.boottime_s >= readings.monotonic_s
    assert readings.wall_s > 1.6e9
    assert readings.spread_s >= 0.0

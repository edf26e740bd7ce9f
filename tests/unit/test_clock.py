"""The clock of control counts suspends and cannot be set (I10, FM-25)."""

import time

import pytest

from coolantd import clock
from coolantd.clock import SystemClock
from coolantd.config.build import PointSpec
from coolantd.point import Quality, Reason, good
from coolantd.service.table import PointTable


def moved(monkeypatch, *, boottime_s=0.0, wall_s=0.0):
    """Move clocks of the machine by so many seconds; the one that stands still in a suspend does."""
    real, real_wall = time.clock_gettime, time.time
    ahead = {time.CLOCK_BOOTTIME: boottime_s}
    monkeypatch.setattr(clock.time, "clock_gettime", lambda which: real(which) + ahead.get(which, 0.0))
    monkeypatch.setattr(clock.time, "time", lambda: real_wall() + wall_s)


def test_fm_25_i10_a_wall_clock_that_is_set_moves_nothing_of_control(monkeypatch):
    machine = SystemClock()
    before_s = machine.now_s()
    moved(monkeypatch, wall_s=-1.7e9)
    assert 0.0 <= machine.now_s() - before_s < 5.0
    assert machine.wall_s() < 1e9


def test_fm_18_fm_25_readings_from_before_a_suspend_are_stale_after_it(monkeypatch):
    machine = SystemClock()
    table = PointTable([PointSpec(device="cdu1", point="supply", unit="degC", period_s=0.5)])
    table.put(0, good(34.0, machine.now_s()))
    assert table.snapshot(machine.now_s()).quality[0] == Quality.GOOD
    moved(monkeypatch, boottime_s=600.0)
    snapshot = table.snapshot(machine.now_s())
    assert snapshot.quality[0] == Quality.BAD
    assert snapshot.reason[0] == Reason.STALE
    assert snapshot.age_s[0] == pytest.approx(600.0, abs=5.0)


def test_a_faster_clock_starts_at_the_present_and_runs_faster():
    slow, fast = SystemClock(), SystemClock(50.0)
    assert fast.now_s() == pytest.approx(slow.now_s(), abs=5.0)
    begun_s, real_s = fast.now_s(), time.monotonic()
    time.sleep(0.05)
    assert fast.now_s() - begun_s == pytest.approx(50.0 * (time.monotonic() - real_s), rel=0.5)
    with pytest.raises(ValueError, match="rate_ratio"):
        SystemClock(51.0)

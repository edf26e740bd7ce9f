"""What a writer takes over from the one before it at a reload, and what it must not forget."""

import math

from test_service_writer import NAN, Bench

from coolantd.safety.modes import Mode

BUDGET = {"writes_per_hour_max": 40, "refresh_s": 120.0, "deadband": 0.1}


def spend(bench, writes, *, since_s):
    for k in range(writes):
        bench.carry_out(10.0 + 10.0 * (k % 2), since_s + k, mode=Mode.MANUAL)
    return since_s + writes


def reloaded(old, *, moved=False, **rule):
    new = Bench(**rule)
    new.device.restarts = old.device.restarts
    new.writer.carry(old.writer, without=("cdu1",) if moved else ())
    return new


def test_fm_50_a_device_whose_line_changed_begins_with_no_new_budget():
    old = Bench(**BUDGET)
    now_s = spend(old, 10, since_s=100.0)
    new = reloaded(old, moved=True, **BUDGET)
    assert new.actuator.state.budget.used_ratio(new.actuator.policy, now_s) == 10 / 40
    assert math.isnan(new.actuator.written)


def test_fm_50_reloads_that_change_the_line_cannot_raise_the_writes_of_an_hour():
    bench = Bench(**BUDGET)
    sent = 0
    for k in range(30):
        bench = reloaded(bench, moved=True, **BUDGET)
        for n in range(60):
            now_s = 100.0 + 60.0 * k + n
            bench.actuator.state.held = 0.0  # nothing but the budget holds a write back, and none is urgent
            bench.carry_out(10.0 + 10.0 * (n % 2), now_s)
        sent += len(bench.outlet.sent)
    assert sent <= 40


def test_fm_41_a_restart_just_before_a_reload_is_still_told():
    old = Bench()
    old.carry_out(50.0, 10.0)
    old.restarts = 1
    new = reloaded(old)
    new.carry_out(NAN, 11.0)
    assert new.journal.count("device_restarted") == 1


def test_a_restart_told_before_a_reload_is_not_told_again_whoever_counts_from_now_on():
    old = Bench()
    old.carry_out(50.0, 10.0)
    old.restarts = 3
    old.carry_out(50.0, 11.0)
    new = Bench()
    new.writer.carry(old.writer)
    new.carry_out(50.0, 12.0)
    assert old.journal.count("device_restarted") == 1
    assert new.journal.count("device_restarted") == 0

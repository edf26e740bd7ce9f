"""What the writer leaves to others: registers somebody else writes, devices somebody has put to local (FM-22)."""

import math

import pytest
import structlog
from test_service_writer import HEARTBEAT, NAN, Bench

from coolantd.errors import Fault
from coolantd.point import Reason
from coolantd.protocol.profile import WriteClass
from coolantd.safety.modes import Mode
from coolantd.safety.yielding import EXPLAINED_S, YIELD_S
from coolantd.service.device_outlet import LAPSE_SHARE


@pytest.fixture(autouse=True)
def logs():
    with structlog.testing.capture_logs() as logs:
        yield logs


def yielded_bench(**rule):
    """Ours at 50, then 70 by somebody else at 20 s."""
    bench = Bench(**rule)
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.carry_out(50.0, 13.0, readback=50.0)
    bench.carry_out(50.0, 20.0, readback=70.0)
    assert bench.actuator.lease is not None
    return bench


def gauge(bench, name):
    return bench.counter(name, device="cdu1", point="valve")


def test_a_yield_lasts_half_an_hour_and_ends_with_an_urgent_write():
    bench = yielded_bench()
    bench.carry_out(60.0, 20.0 + YIELD_S - 0.5, readback=70.0)
    assert bench.outlet.sent == [50.0]
    bench.carry_out(70.0, 20.0 + YIELD_S, readback=70.0)
    assert bench.outlet.sent == [50.0, 70.0]
    assert bench.marks == {0: False}
    assert gauge(bench, "coolantd_actuator_yielded") == 0
    assert bench.events("yield_ended") == [{"device": "cdu1", "point": "valve", "why": "lease"}]


def test_every_further_foreign_change_renews_the_lease():
    bench = yielded_bench()
    for k in range(5):
        bench.carry_out(60.0, 1000.0 * (k + 1), readback=72.0 + 2.0 * k)
    bench.carry_out(60.0, 5000.0 + YIELD_S - 1.0, readback=80.0)
    assert bench.outlet.sent == [50.0]
    assert gauge(bench, "coolantd_yields_total") == 1


def test_an_operator_takes_back_what_was_yielded():
    bench = yielded_bench()
    assert bench.writer.resume("elsewhere") == []
    assert bench.writer.resume("cdu1") == ["valve"]
    bench.carry_out(70.0, 30.0, readback=70.0)
    assert bench.outlet.sent == [50.0, 70.0]
    assert bench.writer.resume("cdu1") == []


def test_their_next_write_is_theirs_even_before_our_first_after_a_yield():
    bench = yielded_bench(min_interval_s=60.0)
    bench.writer.resume("cdu1")
    bench.carry_out(70.0, 30.0, readback=70.0)
    bench.carry_out(70.0, 30.5, readback=81.0)
    assert bench.actuator.lease is not None
    assert bench.outlet.sent == [50.0]


def test_a_yield_survives_a_reload_and_is_marked_in_the_new_table():
    old, new = yielded_bench(), Bench()
    new.writer.carry(old.writer)
    assert new.marks == {0: True}
    new.carry_out(60.0, 25.0, readback=70.0)
    assert new.outlet.sent == []
    assert gauge(new, "coolantd_actuator_yielded") == 1


def test_a_device_that_moved_to_another_address_is_another_machine():
    old, new = yielded_bench(), Bench()
    new.writer.carry(old.writer, without={"cdu1"})
    new.carry_out(60.0, 25.0, readback=70.0)
    assert new.outlet.sent == [60.0]


def test_fm_50_the_budget_survives_a_reload():
    rule = {"write_class": WriteClass.PERSISTENT, "writes_per_hour_max": 4}
    old, new = Bench(**rule), Bench(**rule)
    for k in range(4):
        old.carry_out(50.0 + 5.0 * k, 10.0 + k)
    sent = len(old.outlet.sent)
    new.writer.carry(old.writer)
    new.carry_out(90.0, 15.0)
    assert sent >= 1
    assert new.outlet.sent == []
    assert gauge(new, "coolantd_write_budget_used_ratio") == sent / 4


def test_a_yielded_register_keeps_the_heartbeat_going():
    """Without it the device would fall back and drop what the other writer has set."""
    bench = yielded_bench()
    beats = len(bench.beat.sent)
    bench.carry_out(NAN, 30.0, readback=70.0)
    assert len(bench.beat.sent) == beats + 1
    bench.carry_out(NAN, 40.0, readback=NAN)
    assert len(bench.beat.sent) == beats + 1


def test_fm_41_a_restart_is_no_other_writer_and_what_was_lost_is_written_again():
    bench = Bench()
    bench.carry_out(50.0, 10.0, readback=50.0)
    bench.carry_out(50.0, 13.0, readback=50.0)
    bench.restarts = 1
    bench.carry_out(50.0, 13.5, readback=0.0)
    assert bench.actuator.lease is None
    assert bench.outlet.sent == [50.0, 50.0]


def test_fm_41_a_restart_noticed_after_its_defaults_withdraws_the_yield_they_caused():
    bench = yielded_bench()
    bench.restarts = 1
    bench.carry_out(50.0, 20.0 + EXPLAINED_S, readback=70.0)
    assert bench.actuator.lease is None
    bench = yielded_bench()
    bench.restarts = 1
    bench.carry_out(50.0, 21.0 + EXPLAINED_S, readback=70.0)
    assert bench.actuator.lease is not None


def test_a_register_out_of_touch_is_nobodys_afterwards():
    bench = Bench()
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.carry_out(50.0, 13.0, readback=50.0)
    bench.carry_out(NAN, 14.0, reason=Reason.NO_COMMUNICATION)
    bench.carry_out(33.0, 20.0, readback=33.0)
    assert bench.actuator.lease is None
    assert bench.outlet.sent == [50.0, 33.0]


def test_one_refused_reading_does_not_hide_another_writer():
    bench = Bench()
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.carry_out(50.0, 13.0, readback=50.0)
    bench.carry_out(50.0, 13.5, reason=Reason.OUT_OF_RANGE)
    bench.carry_out(50.0, 14.0, readback=70.0)
    assert bench.actuator.lease is not None


def test_an_ignored_write_is_counted_and_tried_again_ever_more_rarely():
    bench = Bench(refresh_s=1e6)
    for k in range(2 * 600):
        bench.carry_out(0.0, 10.0 + 0.5 * k, readback=50.0)
    pauses = len(bench.outlet.sent)
    assert 10 <= pauses <= 18, "2, 2, 4, 8, 16, 32 and then every 60 s"
    assert gauge(bench, "coolantd_writes_ignored_total") >= pauses - 1
    assert 1 <= bench.journal.count("write_ignored") <= 11
    assert bench.actuator.lease is None


def test_a_limit_of_the_device_is_said_once_and_not_written_against():
    bench = Bench(refresh_s=1e6)
    bench.carry_out(50.0, 9.0, readback=50.0)
    for k in range(100):
        bench.carry_out(80.0 + 0.1 * k, 10.0 + 0.5 * k, readback=50.0 if k < 2 else 70.0)
    assert bench.actuator.lease is None
    assert len(bench.outlet.sent) <= 5
    assert bench.journal.count("readback_differs") == 1


def test_a_write_that_waits_is_counted_once_by_its_reason():
    bench = Bench(min_interval_s=5.0)
    for k in range(8):
        bench.carry_out(50.0 + k, 10.0 + 0.5 * k)
    assert bench.outlet.sent == [50.0]
    reason = {"device": "cdu1", "point": "valve", "reason": "interval"}
    assert bench.counter("coolantd_writes_deferred_total", **reason) == 1


def test_urgent_writes_beyond_the_budget_pass_and_are_counted():
    bench = Bench(write_class=WriteClass.PERSISTENT, writes_per_hour_max=4)
    for k in range(10):
        bench.carry_out(50.0 + 5.0 * k, 10.0 + k, mode=Mode.FAILSAFE)
    assert len(bench.outlet.sent) == 10
    assert gauge(bench, "coolantd_writes_over_budget_total") == 9
    assert gauge(bench, "coolantd_write_budget_used_ratio") == 2.0


def test_a_refused_write_is_tried_ever_more_rarely_and_recorded_once_a_minute():
    bench = Bench(Fault.EXCEPTION)
    for k in range(600):
        bench.carry_out(50.0, 10.0 + 0.5 * k)
    assert len(bench.outlet.sent) <= 12
    assert bench.journal.count("write_failed") <= 6


# Local and remote.


def beating(bench, until_s, *, remote=1.0, begin_s=10.0):
    now_s = begin_s
    while now_s <= until_s:
        bench.carry_out(50.0, now_s, readback=50.0, remote=remote)
        now_s += 0.5
    return now_s


def asked(bench):
    return bench.remote.sent.count(1)


def test_fm_22_a_device_put_to_local_while_we_beat_is_left_to_whoever_did_it(logs):
    bench = Bench()
    now_s = beating(bench, 30.0)
    sent, beats = len(bench.outlet.sent), len(bench.beat.sent)
    for k in range(200):
        bench.carry_out(40.0 + k % 7, now_s + k, readback=20.0 + k % 5, remote=0.0, wants_remote=True)
    assert (asked(bench), len(bench.outlet.sent), len(bench.beat.sent)) == (0, sent, beats)
    assert bench.writer.left_to_local("cdu1")
    assert bench.counter("coolantd_device_local", device="cdu1") == 1
    assert bench.journal.count("device_local") == 1
    assert [line["event"] for line in logs if line["event"] == "device_local"] == ["device_local"]


def test_a_device_that_is_put_back_to_remote_is_written_again_by_itself():
    bench = Bench()
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=20.0, remote=0.0)
    bench.carry_out(33.0, now_s + 60.0, readback=20.0, remote=1.0)
    assert bench.outlet.sent[-1] == 33.0
    assert bench.counter("coolantd_device_local", device="cdu1") == 0
    assert bench.journal.count("device_remote") == 1


def test_an_operator_has_a_local_device_asked_back():
    bench = Bench()
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=50.0, remote=0.0, wants_remote=True)
    assert bench.writer.resume("cdu1") == ["remote"]
    bench.carry_out(50.0, now_s + 1.0, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1


def test_fm_44_a_device_that_is_local_when_we_come_is_taken():
    bench = Bench()
    bench.carry_out(50.0, 10.0, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1


def test_fm_44_a_device_whose_patience_ran_out_is_taken_back():
    bench = Bench()
    now_s = beating(bench, 30.0)
    for k in range(round(HEARTBEAT.timeout_s * LAPSE_SHARE / 0.5) + 2):
        bench.carry_out(NAN, now_s + 0.5 * k, readback=50.0, remote=1.0)
    later_s = now_s + HEARTBEAT.timeout_s + 1.0
    bench.carry_out(50.0, later_s, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1
    assert not bench.writer.left_to_local("cdu1")


def test_heartbeats_that_the_device_refuses_are_no_heartbeats():
    bench = Bench()
    bench.beat.answer = Fault.EXCEPTION
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1


@pytest.mark.parametrize("event", ["restart", "link_loss"])
def test_a_device_local_after_a_restart_or_a_loss_of_touch_is_taken_back(event):
    bench = Bench()
    now_s = beating(bench, 30.0)
    if event == "restart":
        bench.restarts = 1
    else:
        bench.carry_out(NAN, now_s, readback=NAN, remote=NAN)
    bench.carry_out(50.0, now_s + 0.5, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1


def test_fm_22_a_write_still_queued_when_a_yield_begins_is_taken_back_and_costs_no_budget():
    bench = Bench("later", writes_per_hour_max=3600)
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.outlet.settle()
    bench.carry_out(50.0, 13.0, readback=50.0)
    bench.carry_out(60.0, 19.0, readback=50.0)
    assert len(bench.outlet.waiting) == 1
    used_ratio = gauge(bench, "coolantd_write_budget_used_ratio")
    bench.carry_out(60.0, 20.0, readback=70.0)
    assert bench.actuator.lease is not None
    assert bench.outlet.waiting == []
    bench.carry_out(60.0, 21.0, readback=70.0)
    assert gauge(bench, "coolantd_write_budget_used_ratio") <= used_ratio
    assert math.isnan(bench.actuator.state.in_flight)
    assert bench.journal.count("write_failed") == 0
    assert bench.outlet.sent == [50.0, 60.0]


def test_fm_22_nothing_still_queued_reaches_a_device_that_somebody_put_to_local():
    bench = Bench("later")
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.outlet.settle()
    bench.carry_out(50.0, 10.5, readback=50.0)
    bench.carry_out(60.0, 11.0, readback=50.0, wants_remote=True)
    assert bench.outlet.waiting
    assert bench.remote.waiting
    bench.carry_out(60.0, 11.5, readback=50.0, remote=0.0)
    assert bench.writer.left_to_local("cdu1")
    assert bench.outlet.waiting == bench.remote.waiting == []
    assert bench.beat.withdrawn == 1


def test_a_device_left_to_local_stays_so_over_a_loss_of_touch_and_a_reload():
    bench, new = Bench(), Bench()
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=50.0, remote=0.0)
    bench.carry_out(NAN, now_s + 5.0, readback=NAN, remote=NAN)
    new.writer.carry(bench.writer)
    new.carry_out(50.0, now_s + 10.0, readback=50.0, remote=0.0, wants_remote=True)
    assert (asked(new), new.outlet.sent) == (0, [])
    assert new.counter("coolantd_device_local", device="cdu1") == 1


async def test_a_device_we_gave_back_ourselves_was_put_to_local_by_nobody():
    bench = Bench()
    now_s = beating(bench, 30.0)
    assert await bench.writer.hand_over(["cdu1"], 1.0) == []
    bench.carry_out(NAN, now_s, readback=50.0, remote=1.0)
    bench.carry_out(NAN, now_s + 0.5, readback=50.0, remote=0.0)
    assert not bench.writer.left_to_local("cdu1")
    bench.carry_out(50.0, now_s + 60.0, readback=50.0, remote=0.0, wants_remote=True)
    assert asked(bench) == 1


def test_what_a_local_device_puts_into_its_registers_is_its_own_business():
    bench = Bench()
    for k in range(20):
        bench.carry_out(50.0, 10.0 + 0.5 * k, readback=20.0 + k, remote=0.0, mode=Mode.STARTING)
    assert bench.actuator.lease is None
    assert bench.journal.count("yielded") == 0


def test_a_yield_begun_just_before_the_switch_to_local_was_seen_is_withdrawn():
    bench = Bench()
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=70.0, remote=1.0)
    assert bench.actuator.lease is not None
    bench.carry_out(50.0, now_s + 1.0, readback=70.0, remote=0.0)
    assert bench.actuator.lease is None


async def test_fm_22_a_pause_does_not_end_a_yield_that_had_just_begun():
    """They wrote, then the device was paused to work on it: what they wrote is still theirs when it returns."""
    bench = Bench()
    now_s = beating(bench, 30.0)
    bench.carry_out(50.0, now_s, readback=70.0, remote=1.0)
    assert bench.actuator.lease is not None
    assert await bench.writer.hand_over(["cdu1"], 1.0) == []
    bench.carry_out(NAN, now_s + 0.5, readback=70.0, remote=0.0)
    bench.carry_out(NAN, now_s + 2.0, readback=NAN, remote=NAN)
    bench.carry_out(50.0, now_s + 10.0, readback=70.0, remote=0.0, wants_remote=True, mode=Mode.STARTING)
    assert bench.actuator.lease is not None
    sent = len(bench.outlet.sent)
    bench.carry_out(50.0, now_s + 11.0, readback=70.0, remote=1.0)
    assert len(bench.outlet.sent) == sent


def moving_bench():
    """A loop that writes in every cycle, as after a load step; the register shows each value half a second later."""
    bench = Bench(None)
    bench.carry_out(50.0, 10.0, readback=50.0)
    for k in range(1, 5):
        bench.carry_out(50.0 + k, 10.0 + 0.5 * k, readback=50.0 + k - 1.0)
    assert bench.outlet.sent[-1] == 54.0
    return bench


def test_fm_23_their_value_written_after_ours_stays():
    """Ours at 12.0 s, theirs a moment later, the next reading shows theirs: nothing of ours goes out any more."""
    bench = moving_bench()
    sent = len(bench.outlet.sent)
    for k in range(10):
        bench.carry_out(55.0 + k, 12.5 + 0.5 * k, readback=30.0)
    assert len(bench.outlet.sent) == sent
    assert bench.marks == {0: True}


def test_fm_23_a_write_of_ours_still_in_the_queue_is_taken_back_when_theirs_is_seen():
    """Theirs between our reading and our write: it has not left yet, so it never does."""
    bench = moving_bench()
    bench.outlet.answer = "later"
    bench.carry_out(56.0, 12.5, readback=54.0)
    assert len(bench.outlet.waiting) == 1
    bench.carry_out(57.0, 13.0, readback=30.0)
    assert bench.outlet.withdrawn == 1
    assert bench.outlet.waiting == []
    bench.carry_out(58.0, 13.5, readback=30.0)
    assert bench.outlet.waiting == []

"""What one register's readings say of our writes, and how long it is left to another writer (FM-22)."""

import math

import pytest

from coolantd.safety.readback import IN_TRANSIT_MAX, LIMIT_S, VERIFY_AGE_S, Readback, Verdict
from coolantd.safety.yielding import EXPLAINED_S, YieldLease

OURS, TRANSIT, IGNORED = Verdict.OURS, Verdict.IN_TRANSIT, Verdict.IGNORED
LIMITED, OTHER, UNKNOWN = Verdict.LIMITED, Verdict.OTHER_WRITER, Verdict.UNKNOWN


def told(value, at_s, *, shown=50.0, delay_s=0.0):
    """A register that showed something, and was then told a value."""
    register = Readback(delay_s=delay_s)
    register.judge(shown, at_s - 0.5)
    register.acknowledge(register.send(value), at_s)
    return register


@pytest.mark.parametrize(
    ("readings", "verdicts"),
    [
        ([(0.5, 50.0), (1.0, 60.0), (1.5, 60.4)], [TRANSIT, OURS, OURS]),
        ([(0.5, 60.0), (1.0, 61.0)], [OURS, OTHER]),
        ([(0.5, 60.0), (1.0, 50.0)], [OURS, OTHER]),
        ([(0.5, 70.0)], [OTHER]),
        ([(0.5, 45.0)], [OTHER]),
        ([(1.99, 50.0), (2.0, 50.0), (2.5, 50.0)], [TRANSIT, IGNORED, TRANSIT]),
        ([(2.5, 50.0), (3.0, 60.0), (3.5, 60.0)], [IGNORED, OURS, OURS]),
        ([(0.5, 50.0), (1.0, 57.0), (1.5, 57.0), (9.0, 57.0)], [TRANSIT, LIMITED, TRANSIT, TRANSIT]),
        ([(0.5, 60.0), (1.0, 57.0)], [OURS, OTHER]),
        ([(2.5, 50.0), (3.0, 57.0)], [IGNORED, OTHER]),
    ],
)
def test_each_reading_after_a_write_is_told_apart(readings, verdicts):
    register = told(60.0, 100.0)
    assert [register.judge(value, 100.0 + later_s) for later_s, value in readings] == verdicts


def test_a_slow_device_shows_each_value_in_its_turn_and_none_twice():
    register = Readback(delay_s=5.0)
    register.judge(50.0, 99.0)
    for k, value in enumerate((52.0, 54.0, 50.0)):
        register.acknowledge(register.send(value), 100.0 + k)
    assert [register.judge(v, 102.1 + 0.5 * k) for k, v in enumerate((50.0, 52.0, 54.0, 50.0))] == [
        TRANSIT,
        TRANSIT,
        TRANSIT,
        OURS,
    ]
    assert register.judge(54.0, 105.0) is OTHER


def test_a_ramp_behind_a_slow_device_is_never_another_writer():
    register = Readback(delay_s=10.0)
    register.judge(0.0, 0.0)
    for k in range(200):
        now_s = 0.5 * k
        register.acknowledge(register.send(0.4 * k), now_s)
        assert register.judge(0.4 * max(k - 19, 0), now_s) in (TRANSIT, OURS)


def test_a_register_that_never_moves_has_ignored_us_even_while_new_values_follow():
    register = Readback()
    register.judge(50.0, 0.0)
    verdicts = []
    for k in range(1, 10):
        register.acknowledge(register.send(50.0 + 2.0 * k), 0.5 * k)
        verdicts.append(register.judge(50.0, 0.5 * k))
    assert IGNORED in verdicts
    assert set(verdicts) <= {TRANSIT, IGNORED}


def test_a_write_in_flight_may_show_before_its_acknowledgement_and_need_not():
    register = Readback()
    register.judge(50.0, 0.0)
    entry = register.send(60.0)
    assert register.judge(50.0, 500.0) is TRANSIT
    assert register.judge(60.0, 500.5) is OURS
    register.acknowledge(entry, 501.0)
    assert register.judge(60.0, 600.0) is OURS


@pytest.mark.parametrize("reading", [50.0, 60.0])
def test_a_write_of_unknown_fate_may_have_landed_or_not(reading):
    register = Readback()
    register.judge(50.0, 0.0)
    register.doubt(register.send(60.0), 1.0)
    assert register.judge(reading, 10.0) in (OURS, TRANSIT)
    assert register.judge(70.0, 10.5) is OTHER


def test_a_write_that_never_left_is_not_expected():
    register = Readback()
    register.judge(50.0, 0.0)
    register.drop(register.send(60.0))
    assert register.judge(50.0, 10.0) is OURS
    assert register.judge(60.0, 10.5) is OTHER


def test_before_our_first_write_and_after_a_loss_nobodys_value_is_foreign():
    register = Readback()
    assert [register.judge(value, k) for k, value in enumerate((10.0, 70.0, 30.0))] == [UNKNOWN] * 3
    register.acknowledge(register.send(60.0), 5.0)
    register.judge(60.0, 8.0)
    register.forget()
    assert register.judge(12.0, 9.0) is UNKNOWN


def test_an_answer_that_comes_after_a_loss_is_still_expected():
    register = Readback()
    register.judge(50.0, 0.0)
    entry = register.send(60.0)
    register.forget()
    register.judge(50.0, 1.0)
    register.acknowledge(entry, 1.5)
    register.acknowledge(register.send(62.0), 2.0)
    assert register.judge(60.0, 2.5) is TRANSIT
    assert register.judge(62.0, 3.0) is OURS


def test_a_limit_is_believed_for_a_while_then_tried_again_and_recognised():
    register = told(80.0, 100.0)
    assert register.judge(70.0, 101.0) is LIMITED
    assert register.within_limits(85.0, 102.0) == 70.0
    assert register.within_limits(60.0, 102.0) == 60.0
    later_s = 101.0 + LIMIT_S
    assert register.within_limits(85.0, later_s) == 85.0
    register.acknowledge(register.send(85.0), later_s)
    assert register.judge(70.0, later_s + VERIFY_AGE_S) is LIMITED
    assert register.within_limits(85.0, later_s + 3.0) == 70.0


def test_a_limit_that_is_lifted_is_forgotten_when_the_register_goes_beyond_it():
    register = told(80.0, 100.0)
    register.judge(70.0, 101.0)
    register.acknowledge(register.send(80.0), 500.0)
    assert register.judge(80.0, 501.0) is TRANSIT
    assert register.judge(80.0, 503.0) is OURS
    assert register.within_limits(85.0, 501.0) == 85.0


def test_what_is_remembered_on_its_way_is_bounded():
    register = Readback()
    for k in range(10 * IN_TRANSIT_MAX):
        register.doubt(register.send(float(k)), 0.0)
    assert len(register.sent) == IN_TRANSIT_MAX


def test_a_yield_is_renewed_by_every_further_change_and_by_nothing_else():
    lease = YieldLease(70.0, 100.0, 1900.0)
    lease.look(70.4, 0.5, 500.0, 1800.0)
    assert lease.left_s(500.0) == 1400.0
    lease.look(75.0, 0.5, 600.0, 1800.0)
    lease.look(75.0, 0.5, 700.0, 1800.0)
    assert (lease.left_s(700.0), lease.left_s(2400.0), lease.left_s(3000.0)) == (1700.0, 0.0, 0.0)


def test_a_yield_is_not_renewed_by_what_a_register_shows_after_it_was_out_of_touch():
    lease = YieldLease(math.nan, 100.0, 1900.0)
    lease.look(20.0, 0.5, 500.0, 1800.0)
    assert (lease.foreign, lease.until_s) == (20.0, 1900.0)


def test_only_what_is_noticed_soon_explains_a_yield():
    lease = YieldLease(70.0, 100.0, 1900.0)
    assert lease.explained_by(100.0 + EXPLAINED_S)
    assert not lease.explained_by(101.0 + EXPLAINED_S)

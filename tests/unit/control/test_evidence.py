"""From suspicion to something that is told: sums and delays, on both sides of each limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.control.evidence import SUM_MAX_RATIO, gathered, persisting, told

DT_S = 0.5


def summed(z, steps, slack=1.0, limit=10.0, total=0.0):
    for _ in range(steps):
        total = gathered(total, z, slack, limit, DT_S)
    return total


@pytest.mark.parametrize(("z", "expected"), [(3.0, 4.0), (-3.0, -4.0), (0.9, 0.0), (-0.9, 0.0)])
def test_what_exceeds_the_slack_adds_up_with_its_sign(z, expected):
    assert summed(z, 4) == pytest.approx(expected)


def test_the_opposite_takes_back_what_was_gathered():
    assert summed(-1.0, 4, total=4.0) == pytest.approx(0.0)
    assert summed(0.0, 4, total=4.0) == pytest.approx(2.0)


def test_a_nan_is_no_evidence():
    assert gathered(3.0, math.nan, 1.0, 10.0, DT_S) == 3.0


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=60))
def test_a_sum_stays_finite_and_bounded_whatever_comes(values):
    total = 0.0
    for z in values:
        total = gathered(total, z, 1.0, 10.0, DT_S)
        assert abs(total) <= SUM_MAX_RATIO * 10.0


@pytest.mark.parametrize(
    ("total", "was", "so"), [(10.1, False, True), (9.9, False, False), (5.1, True, True), (4.9, True, False)]
)
def test_what_is_told_ends_at_half_its_limit(total, was, so):
    assert told(total, 10.0, was) is so
    assert told(-total, 10.0, was) is so


def played(suspicions, on_s=1.0, off_s=2.0):
    for_s, so = 0.0, []
    for suspected in suspicions:
        for_s = persisting(for_s, suspected, on_s, off_s, DT_S)
        so.append(for_s > 0.0)
    return so


def test_a_suspicion_must_last_and_so_must_its_absence():
    assert played([True, False, True, True, True]) == [False, False, False, True, True]
    assert played([True, True, False, False, False, True, False, False, False, False]) == [False] + [True] * 8 + [False]


def test_a_suspicion_under_way_shows_as_a_negative_time():
    assert persisting(0.0, True, 1.0, 2.0, DT_S) == -0.5

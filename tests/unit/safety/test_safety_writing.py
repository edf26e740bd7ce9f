"""When a value is worth a write and when the register may be written: classes, interval, budget, urgency."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.safety.write_budget import HOUR_S, Permission, WriteBudget, WritePolicy
from coolantd.safety.writing import DEADBAND_WIDEST, RETRY_MAX_S, Due, WriteState


def written(policy, value=50.0, now_s=0.0):
    state = WriteState()
    state.send(policy, value, now_s)
    state.acknowledge()
    return state


@pytest.mark.parametrize("maximum", [1, 2, 3, 5, 12, 120, 3600])
@pytest.mark.parametrize("leased", [True, False])
def test_fm_50_a_greedy_writer_never_exceeds_the_budget_in_any_hour(maximum, leased):
    policy = WritePolicy(writes_per_hour_max=maximum, refresh_s=max(30.0, HOUR_S / maximum) if leased else math.inf)
    budget, sent_s = WriteBudget(), []
    for k in range(14_400):
        now_s = 1000.0 + 1.0 * k
        if budget.granted(policy, now_s, urgent=False) is Permission.GRANTED:
            budget.spend(policy, now_s)
            sent_s.append(now_s)
    assert all(b - a >= HOUR_S for a, b in zip(sent_s, sent_s[maximum:], strict=False))
    assert len(sent_s) >= 0.7 * maximum * 4, "a budget nobody can use is no budget"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.floats(0.0, 900.0), st.booleans()), min_size=1, max_size=300),
)
def test_fm_50_whatever_the_times_grants_within_an_hour_never_exceed_the_budget(maximum, story):
    policy = WritePolicy(refresh_s=math.inf, writes_per_hour_max=maximum)
    budget, now_s, sent_s = WriteBudget(), 0.0, []
    for pause_s, urgent in story:
        now_s += pause_s
        if budget.granted(policy, now_s, urgent=urgent) is Permission.GRANTED:
            budget.spend(policy, now_s)
            sent_s.append(now_s)
            assert sum(now_s - each <= HOUR_S for each in sent_s) <= maximum
    assert budget.used_ratio(policy, now_s) <= 1.0


def test_urgent_writes_have_a_reserve_and_pass_beyond_it_but_say_so():
    policy = WritePolicy(refresh_s=math.inf, writes_per_hour_max=120)
    budget = WriteBudget()
    ordinary = 0
    while budget.granted(policy, 0.0, urgent=False) is Permission.GRANTED:
        budget.spend(policy, 0.0)
        ordinary += 1
    assert ordinary == policy.burst - policy.reserve
    for _ in range(policy.reserve):
        assert budget.granted(policy, 0.0, urgent=True) is Permission.GRANTED
        budget.spend(policy, 0.0)
    assert budget.granted(policy, 0.0, urgent=True) is Permission.OVER_BUDGET
    assert budget.granted(policy, 0.0, urgent=False) is Permission.BUDGET


def test_a_debt_of_urgent_writes_does_not_silence_the_loop_for_longer_than_it_takes_to_refill_twice():
    policy = WritePolicy(refresh_s=math.inf, writes_per_hour_max=120)
    budget = WriteBudget()
    for _ in range(500):
        budget.spend(policy, 0.0)
    assert budget.used_ratio(policy, 0.0) == 2.0
    wait_s = (policy.burst + policy.reserve + 1) / policy.refill_per_s
    assert budget.granted(policy, wait_s + 1.0, urgent=False) is Permission.GRANTED


@pytest.mark.parametrize(("maximum", "refresh_s"), [(120, 30.0), (125, 30.0), (240, 30.0), (60, 60.0)])
def test_a_lease_is_always_renewed_within_the_budget_however_busy_the_loop(maximum, refresh_s):
    policy = WritePolicy(writes_per_hour_max=maximum, refresh_s=refresh_s)
    state, sent_s = WriteState(), []
    for k in range(2 * 7200):
        now_s = 0.5 * k
        value = 50.0 + 20.0 * math.sin(k / 7.0)
        due = state.due(policy, value, now_s, urgent=False)
        permission = state.permitted(policy, now_s, urgent=due is Due.LEASE)
        if due is not Due.NO and not permission.deferred:
            assert permission is Permission.GRANTED
            state.send(policy, value, now_s)
            state.acknowledge()
            sent_s.append(now_s)
    assert max(b - a for a, b in itertools.pairwise(sent_s)) <= refresh_s + 0.5


def test_the_deadband_widens_as_the_bucket_empties():
    policy = WritePolicy(refresh_s=math.inf, deadband=0.5, writes_per_hour_max=120)
    state, found = WriteState(), []
    for _ in range(policy.burst - policy.reserve + 1):
        found.append(state.deadband(policy, 0.0, urgent=False))
        state.budget.spend(policy, 0.0)
    assert found[0] == 0.5
    assert found == sorted(found)
    assert found[-1] == pytest.approx(0.5 * DEADBAND_WIDEST)
    assert state.deadband(policy, 0.0, urgent=True) < found[-1]


def test_without_a_budget_nothing_widens_and_nothing_waits():
    policy = WritePolicy()
    state = written(policy)
    assert state.deadband(policy, 0.0, urgent=False) == policy.deadband
    assert state.permitted(policy, 0.0, urgent=False) is Permission.GRANTED
    assert math.isnan(state.budget.used_ratio(policy, 0.0))


KEPT = WritePolicy(refresh_s=math.inf)
LEASED = WritePolicy(refresh_s=30.0)
COMMAND = WritePolicy(refresh_s=math.inf, once=True)


@pytest.mark.parametrize(
    ("policy", "value", "later_s", "due"),
    [
        (KEPT, 50.0, 1e6, Due.NO),
        (KEPT, 50.05, 1e6, Due.NO),
        (KEPT, 50.2, 1.0, Due.CHANGE),
        (LEASED, 50.0, 29.9, Due.NO),
        (LEASED, 50.0, 30.0, Due.LEASE),
        (COMMAND, 50.0, 1e6, Due.NO),
        (COMMAND, 51.0, 1.0, Due.CHANGE),
    ],
)
def test_each_class_is_written_again_only_as_its_profile_says(policy, value, later_s, due):
    assert written(policy).due(policy, value, later_s, urgent=False) is due


def test_what_a_register_is_known_to_hold_but_we_never_wrote_has_no_lease_to_renew():
    assert WriteState(held=50.0).due(KEPT, 50.0, 1e6, urgent=False) is Due.NO


def test_a_command_is_never_repeated_not_even_after_a_failure():
    policy = WritePolicy(refresh_s=math.inf, once=True)
    state = WriteState()
    assert state.due(policy, 1.0, 0.0, urgent=True) is Due.CHANGE
    state.send(policy, 1.0, 0.0)
    state.fail(policy, refused=False, reached=True)
    state.lose()
    assert state.due(policy, 1.0, 1e6, urgent=True) is Due.NO


def test_what_the_register_no_longer_holds_is_written_again():
    policy = WritePolicy(refresh_s=math.inf)
    state = written(policy)
    state.lose()
    assert state.due(policy, 50.0, 1.0, urgent=False) is Due.CHANGE


def test_the_least_interval_holds_for_urgent_writes_too():
    policy = WritePolicy(min_interval_s=5.0)
    state = written(policy, now_s=10.0)
    assert state.permitted(policy, 14.9, urgent=True) is Permission.INTERVAL
    assert state.permitted(policy, 15.0, urgent=True) is Permission.GRANTED


def test_refused_writes_are_tried_at_growing_pauses_and_timeouts_at_short_ones():
    policy = WritePolicy()
    for refused, expected in ((True, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, RETRY_MAX_S, RETRY_MAX_S]), (False, [1.0] * 8)):
        state, now_s, pauses = WriteState(), 0.0, []
        for _ in range(8):
            state.send(policy, 50.0, now_s)
            state.fail(policy, refused=refused, reached=True)
            pauses.append(state.next_try_s - now_s)
            assert state.due(policy, 50.0, state.next_try_s - 0.01, urgent=True) is Due.NO
            now_s = state.next_try_s
        assert pauses == expected


def test_a_write_that_never_left_costs_no_budget():
    policy = WritePolicy(refresh_s=math.inf, writes_per_hour_max=4)
    state = WriteState()
    for k in range(50):
        state.send(policy, 50.0, 10.0 * k)
        state.fail(policy, refused=False, reached=False)
    assert state.budget.used_ratio(policy, 500.0) == 0.0
    assert state.permitted(policy, 500.0, urgent=False) is Permission.GRANTED

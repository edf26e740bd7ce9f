"""Laws of the restart watch and the rate check, over irregular sampling."""

import math

from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.plausible import RateCheck
from coolantd.protocol.profile import Heartbeat
from coolantd.protocol.restart import JITTER_S, UPTIME_SLACK_S, RestartWatch

pauses = st.lists(
    st.tuples(st.one_of(st.floats(0.05, 5.0), st.floats(5.0, 5000.0)), st.floats(0.0, JITTER_S)),
    min_size=2,
    max_size=60,
)
"""Seconds between two polls (missed ones make long pauses), and how long each answer took."""


@given(
    pauses,
    st.sampled_from([9, 99, 255, 999, 65_535]),
    st.sampled_from([0.1, 0.5, 1.0, 5.0]),
    st.floats(0.0, 1e6),
    st.floats(0.0, 2.0),
)
def test_a_heartbeat_that_wraps_never_alarms_however_it_is_polled(
    polls: list[tuple[float, float]], wrap_count: int, period_s: float, age_s: float, haste: float
) -> None:
    beat = Heartbeat(ours="o", theirs="t", wrap_count=wrap_count, period_s=period_s, timeout_s=60.0)
    watch = RestartWatch(heartbeat=beat)
    sent_s = 0.0
    for pause_s, answer_s in polls:
        sent_s += pause_s
        count = math.floor((age_s + sent_s + answer_s) * haste / period_s) % (wrap_count + 1)
        assert not watch.saw_heartbeat(float(count), sent_s)
        sent_s += answer_s  # the next request goes out after this answer


@given(
    pauses,
    st.sampled_from([65_536.0, 65_536.0 * 3600.0, 2.0**32 / 1000.0, 2.0**32]),
    st.sampled_from([0.001, 1.0, 60.0, 3600.0]),
    st.floats(0.0, 5e9),
    st.floats(0.985, 1.015),
)
def test_an_uptime_that_overflows_or_steps_never_alarms_however_it_is_polled(
    polls: list[tuple[float, float]], wrap_s: float, step_s: float, age_s: float, haste: float
) -> None:
    watch = RestartWatch(uptime_wrap_s=wrap_s, uptime_step_s=step_s)
    sent_s = 0.0
    for pause_s, answer_s in polls:
        sent_s += pause_s
        said_s = math.floor((age_s + sent_s + answer_s) * haste % wrap_s / step_s) * step_s
        assert not watch.saw_uptime(said_s, sent_s)
        sent_s += answer_s


@given(st.floats(UPTIME_SLACK_S + 1.0, 1e6), st.floats(0.0, 1e5), st.floats(0.0, 1.0))
def test_any_restart_that_sets_an_uptime_back_is_seen(age_s: float, pause_s: float, share: float) -> None:
    watch = RestartWatch()
    watch.saw_uptime(age_s, 0.0)
    said_s = share * min(pause_s, age_s - UPTIME_SLACK_S - 0.5)
    assert watch.saw_uptime(said_s, pause_s)


@given(st.integers(101, 60_000), st.floats(0.1, 20.0))
def test_any_restart_that_sets_a_long_heartbeat_back_is_seen(count: int, pause_s: float) -> None:
    watch = RestartWatch(heartbeat=Heartbeat(ours="o", theirs="t", wrap_count=65_535, period_s=1.0, timeout_s=60.0))
    watch.saw_heartbeat(float(count), 0.0)
    assert watch.saw_heartbeat(float(int(pause_s)), pause_s)


steps = st.lists(st.tuples(st.floats(0.01, 100.0), st.floats(-1.0, 1.0)), max_size=60)


@given(st.floats(1e-3, 1e3), steps, st.floats(-1e4, 1e4))
def test_a_value_that_moves_within_its_rate_is_never_refused(
    rate: float, path: list[tuple[float, float]], value: float
) -> None:
    check = RateCheck(rate, resolution=1e-6)
    now_s = 0.0
    for pause_s, share in path:
        assert check.accepts(value, now_s)
        now_s += pause_s
        value += share * rate * pause_s


@given(st.floats(1e-3, 1e3), st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=60))
def test_a_value_said_twice_is_always_believed_the_second_time(rate: float, values: list[float]) -> None:
    check = RateCheck(rate)
    for second, value in enumerate(values):
        first = check.accepts(value, 2.0 * second)
        assert check.accepts(value, 2.0 * second + 1.0)
        assert first or not math.isnan(value)

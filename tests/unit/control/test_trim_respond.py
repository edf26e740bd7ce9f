"""Trim and respond, cycle by cycle: what moves a setpoint, what keeps it, what sends it back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.control.reset_layout import (
    T_DELAY_S,
    T_GREATEST,
    T_IGNORED,
    T_LEAST,
    T_REQUESTS_MAX,
    U_LIMIT_S,
    U_SETPOINT,
    U_USE,
    ResetUse,
)
from coolantd.control.reset_plan import ResetParameters, TrimParameters, initial_memory, pack_reset
from coolantd.control.trim_respond import BAD_MAX_S, STORM_PERIODS, trim_and_respond

PERIOD_S = 10.0
CONFIGURED = 100.0


class Reset:
    """One pump setpoint in a hand: 100 configured, 40 to 120, trim 2, respond 3 per request."""

    def __init__(self, **changes):
        trim = TrimParameters(
            least=40.0,
            greatest=120.0,
            period_s=PERIOD_S,
            trim=2.0,
            respond=3.0,
            requests_max=2.0,
            ignored_requests=0.0,
            delay_s=0.0,
        )
        self.t = pack_reset([ResetParameters(pump=trim)], ["kPa"])[0, 9:18]
        for column, value in changes.items():
            self.t[{"delay_s": T_DELAY_S, "ignored": T_IGNORED, "most": T_REQUESTS_MAX}[column]] = value
        self.u = initial_memory(1)[0, 10:20]

    def cycle(self, *, requests=0.0, needed=math.nan, hold=False, automatic=True, good=True, dt_s=1.0):
        return trim_and_respond(self.t, self.u, CONFIGURED, requests, needed, hold, automatic, good, dt_s)

    def periods(self, count, **inputs):
        for _ in range(round(count * PERIOD_S)):
            setpoint = self.cycle(**inputs)
        return setpoint

    @property
    def use(self):
        return ResetUse(int(self.u[U_USE]))


def test_without_requests_it_trims_once_a_period_down_to_its_least():
    reset = Reset()
    assert reset.periods(1) == 98.0
    assert reset.use is ResetUse.TRIMMING
    assert reset.periods(4) == 90.0
    assert reset.periods(100) == 40.0
    assert reset.u[U_LIMIT_S] == 0.0


def test_requests_beyond_the_ignored_ones_are_answered_each_up_to_the_cap():
    assert Reset().periods(1, requests=1.0) == 103.0
    assert Reset().periods(1, requests=2.0) == 106.0
    assert Reset().periods(1, requests=9.0) == 106.0
    assert Reset(ignored=2.0).periods(1, requests=2.0) == 98.0
    assert Reset(ignored=2.0).periods(1, requests=3.0) == 103.0


def test_a_request_of_one_cycle_counts_for_its_whole_period():
    reset = Reset()
    reset.cycle(requests=1.0)
    assert reset.periods(0.9) == 103.0
    assert reset.use is ResetUse.RESPONDING


def test_a_measured_need_raises_at_once_and_no_trim_goes_past_it():
    reset = Reset()
    assert reset.cycle(needed=110.0) == 110.0
    assert reset.periods(10, needed=109.0) == 109.0
    assert reset.use is ResetUse.HOLDING
    assert reset.periods(2, needed=50.0) == 107.0


def test_the_greatest_need_of_a_period_counts_not_the_last():
    reset = Reset()
    for k in range(200):
        setpoint = reset.cycle(needed=110.0 if k % 8 == 0 else 60.0)
    assert setpoint == 110.0


def test_nothing_is_trimmed_while_something_speaks_against_it():
    reset = Reset()
    assert reset.periods(5, hold=True) == CONFIGURED
    assert reset.use is ResetUse.HOLDING


def test_it_begins_with_the_configured_setpoint_and_waits_for_its_delay():
    reset = Reset(delay_s=60.0)
    assert reset.periods(5.9, requests=1.0) == CONFIGURED
    assert reset.use is ResetUse.WAITING
    assert reset.periods(1.2) == 98.0


def test_outside_automatic_the_configured_setpoint_stands_and_the_delay_begins_anew():
    reset = Reset(delay_s=20.0)
    assert reset.periods(10) < 90.0
    assert reset.cycle(automatic=False) == CONFIGURED
    assert reset.use is ResetUse.OFF
    assert reset.periods(1.9) == CONFIGURED
    assert reset.periods(1.2) == 98.0


def test_fm_17_bad_inputs_stop_it_where_it_is_and_then_send_it_back():
    reset = Reset()
    reset.periods(10)
    for _ in range(int(BAD_MAX_S)):
        assert reset.cycle(good=False) == 80.0
    assert reset.cycle(good=False) == CONFIGURED
    assert reset.use is ResetUse.INPUTS_BAD
    assert reset.periods(1) == 98.0


def test_requests_that_never_end_lead_back_to_the_configured_setpoint_until_they_do():
    reset = Reset()
    assert reset.periods(STORM_PERIODS - 1, requests=1.0) == 120.0
    assert reset.periods(1, requests=1.0) == CONFIGURED
    assert reset.use is ResetUse.STORM
    assert reset.periods(30, requests=1.0) == CONFIGURED
    assert reset.cycle(requests=1.0, needed=111.0) == 111.0
    assert reset.periods(2) == 98.0  # the first of the two still saw a request
    assert reset.use is ResetUse.TRIMMING


def test_at_its_limit_with_something_asking_is_counted():
    reset = Reset()
    reset.periods(3, needed=130.0)
    assert reset.u[U_SETPOINT] == 120.0
    assert reset.u[U_LIMIT_S] == 30.0
    reset.cycle(needed=119.0)
    assert reset.u[U_LIMIT_S] == 0.0


any_number = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(0.0, 200.0))


@pytest.mark.parametrize("delay_s", [0.0, 5.0])
@given(
    st.lists(
        st.tuples(st.integers(0, 9), any_number, st.booleans(), st.booleans(), st.booleans(), st.floats(1e-3, 60.0)),
        max_size=60,
    )
)
def test_whatever_comes_the_setpoint_is_within_its_limits(delay_s, story):
    reset = Reset(delay_s=delay_s)
    for requests, needed, hold, automatic, good, dt_s in story:
        setpoint = reset.cycle(
            requests=float(requests), needed=needed, hold=hold, automatic=automatic, good=good, dt_s=dt_s
        )
        assert reset.t[T_LEAST] <= setpoint <= reset.t[T_GREATEST]

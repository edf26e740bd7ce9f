"""A change too fast to be true is refused once; FM-16: a disturbed register is no temperature."""

import math

import pytest

from coolantd.protocol.plausible import RateCheck


def verdicts(check: RateCheck, *values: float) -> list[bool]:
    """Return what a check says of values one second apart."""
    return [check.accepts(value, float(second)) for second, value in enumerate(values)]


def test_fm16_a_spike_is_refused_and_what_follows_is_accepted() -> None:
    assert verdicts(RateCheck(1.0), 30.0, 30.5, 87.0, 31.0, 31.5) == [True, True, False, True, True]


def test_a_step_is_refused_once_and_believed_when_it_is_repeated() -> None:
    assert verdicts(RateCheck(1.0), 30.0, 50.0, 50.5, 50.0, 30.0) == [True, False, True, True, False]


def test_values_that_agree_with_nothing_are_refused_each_time() -> None:
    assert verdicts(RateCheck(1.0), 30.0, 50.0, 70.0, 10.0, 33.0) == [True, False, False, False, True]


def test_only_the_value_refused_just_before_is_confirmed_by_the_next() -> None:
    assert verdicts(RateCheck(1.0), 30.0, 50.0, 70.0, 70.5) == [True, False, False, True]
    assert verdicts(RateCheck(1.0), 30.0, 50.0, 30.0, 50.0) == [True, False, True, False]


def test_a_change_at_just_the_rate_is_believed_whatever_binary_fractions_make_of_it() -> None:
    assert verdicts(RateCheck(0.1), 1.0, 1.1) == [True, True]


def test_a_time_that_goes_back_counts_as_no_time() -> None:
    check = RateCheck(1.0)
    assert check.accepts(30.0, 5.0)
    assert check.accepts(30.0, 4.0)
    assert not check.accepts(30.5, 3.0)


def test_the_longer_the_pause_the_more_may_have_changed() -> None:
    check = RateCheck(1.0)
    assert check.accepts(30.0, 0.0)
    assert check.accepts(50.0, 20.0)


def test_the_first_value_is_always_accepted_and_again_after_forgetting() -> None:
    check = RateCheck(1.0)
    assert verdicts(check, -1e9) == [True]
    check.forget()
    assert check.accepts(1e9, 0.1)


def test_nan_is_no_reading() -> None:
    assert verdicts(RateCheck(1.0), math.nan, 30.0, math.nan, 32.0, 33.1) == [True, True, True, True, False]


def test_one_step_of_a_coarse_register_is_never_too_fast() -> None:
    check = RateCheck(0.1, resolution=1.0)
    assert verdicts(check, 30.0, 31.0, 30.0, 33.0) == [True, True, True, False]


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_that_allows_nothing_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="is not above 0"):
        RateCheck(rate)

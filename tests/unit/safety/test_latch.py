"""When a hazard is in force: delays, hysteresis, latch and acknowledgement."""

import numpy as np
import pytest

from coolantd.safety.latch import (
    GONE,
    H_ACKNOWLEDGED,
    H_ACTIVE,
    H_CAUSE,
    H_FOR_S,
    HAZARD_STATE,
    THERE,
    UNKNOWN,
    advance_hazard,
)

DT_S = 0.5


def run(causes, *, on_s=1.0, off_s=2.0, latches=0.0, acknowledge_at=()):
    """Return for each cycle whether the hazard is in force."""
    h, active = np.zeros(HAZARD_STATE), []
    for k, cause in enumerate(causes):
        if k in acknowledge_at:
            h[H_ACKNOWLEDGED] = 1.0
        advance_hazard(h, cause, on_s, off_s, latches, DT_S)
        active.append(int(h[H_ACTIVE]))
    return active


def test_it_comes_into_force_after_its_on_delay_and_not_a_cycle_before():
    assert run([THERE] * 4) == [0, 1, 1, 1]
    assert run([THERE] * 4, on_s=0.0) == [1, 1, 1, 1]
    assert run([THERE] * 4, on_s=2.0) == [0, 0, 0, 1]


@pytest.mark.parametrize("other", [GONE, UNKNOWN])
def test_a_break_begins_the_on_delay_anew(other):
    assert run([THERE, other, THERE, other]) == [0, 0, 0, 0]
    assert run([THERE, other, THERE, THERE]) == [0, 0, 0, 1]


def test_it_is_over_after_its_off_delay_without_a_break():
    assert run([THERE, THERE, GONE, GONE, GONE, GONE, GONE]) == [0, 1, 1, 1, 1, 0, 0]
    assert run([THERE, THERE, GONE, GONE, GONE, THERE, GONE, GONE, GONE, GONE]) == [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert run([THERE, THERE, GONE], off_s=0.0) == [0, 1, 0]


def test_fm_18_what_is_not_known_neither_begins_nor_ends_it():
    assert run([UNKNOWN] * 20) == [0] * 20
    assert run([THERE, THERE] + [UNKNOWN] * 20) == [0] + [1] * 21
    assert run([THERE, THERE, GONE, GONE, UNKNOWN, GONE, GONE]) == [0, 1, 1, 1, 1, 1, 0]


def test_a_latched_one_stays_until_it_is_acknowledged_and_its_cause_is_gone():
    gone = [THERE, THERE] + [GONE] * 10
    assert run(gone, latches=1.0) == [0] + [1] * 11
    assert run(gone, latches=1.0, acknowledge_at=(9,)) == [0] + [1] * 8 + [0] * 3
    assert run([THERE] * 6, latches=1.0, acknowledge_at=(3,)) == [0, 1, 1, 1, 1, 1]


def test_acknowledged_while_the_cause_is_there_it_ends_with_the_cause():
    assert run([THERE, THERE, THERE] + [GONE] * 5, latches=1.0, acknowledge_at=(2,)) == [0, 1, 1, 1, 1, 1, 0, 0]


def test_a_cause_that_returns_takes_the_acknowledgement_with_it():
    returns = [THERE, THERE, GONE, GONE, THERE] + [GONE] * 6
    assert run(returns, latches=1.0, acknowledge_at=(3,)) == [0] + [1] * 10
    assert run(returns, latches=1.0, acknowledge_at=(3, 9)) == [0] + [1] * 8 + [0, 0]


def test_an_acknowledgement_ahead_of_the_hazard_counts_for_nothing_later():
    h = np.zeros(HAZARD_STATE)
    h[H_ACKNOWLEDGED] = 1.0
    advance_hazard(h, GONE, 0.0, 0.0, 1.0, DT_S)
    assert h[H_ACTIVE] == 0.0


def test_the_time_in_force_is_counted_and_begins_anew():
    h, seen = np.zeros(HAZARD_STATE), []
    for cause in [THERE, THERE, THERE, THERE, GONE, GONE, THERE, THERE]:
        advance_hazard(h, cause, 1.0, 1.0, 0.0, DT_S)
        seen.append(float(h[H_FOR_S]))
    assert seen == [0.0, 0.0, 0.5, 1.0, 1.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("cause", [THERE, UNKNOWN, GONE])
def test_what_was_said_last_is_remembered(cause):
    h = np.zeros(HAZARD_STATE)
    h[H_ACTIVE] = 1.0
    h[H_CAUSE] = 7.0
    advance_hazard(h, cause, 1.0, 60.0, 0.0, DT_S)
    assert h[H_CAUSE] == cause

"""The mode table: every event in every mode, and what must never be reachable."""

import numpy as np
import pytest

from coolantd.safety.modes import TRANSITIONS, Cause, Event, Mode

A, M, S, F = Mode.AUTOMATIC, Mode.MANUAL, Mode.STARTING, Mode.FAILSAFE
EXPECTED = {
    #                          starting, automatic, manual, failsafe
    Event.NONE: (S, A, M, F),
    Event.AUTOMATIC_REQUESTED: (S, A, A, F),
    Event.MANUAL_REQUESTED: (S, M, M, F),
    Event.TOOK_OVER_AUTOMATIC: (A, A, A, F),
    Event.TOOK_OVER_MANUAL: (M, M, M, F),
    Event.SCAN_VALID: (S, A, M, S),
    Event.DEVICE_LOCAL: (S, S, S, F),
    Event.INPUT_BAD: (F, F, F, F),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("mode", Mode)
def test_every_event_in_every_mode(mode, event):
    assert Mode(int(TRANSITIONS[mode, event])) is EXPECTED[event][mode]


def test_the_table_is_complete():
    assert TRANSITIONS.shape == (len(Mode), len(Event))
    assert TRANSITIONS.dtype == np.int64
    assert set(TRANSITIONS.ravel()) == {int(mode) for mode in Mode}
    assert [int(mode) for mode in Mode] == list(range(len(Mode)))
    assert [int(event) for event in Event] == list(range(len(Event)))


def test_fm_44_failsafe_is_left_only_by_a_valid_scan_and_only_to_starting():
    left = {(event, Mode(int(TRANSITIONS[F, event]))) for event in Event if TRANSITIONS[F, event] != F}
    assert left == {(Event.SCAN_VALID, S)}


def test_i2_a_bad_input_ends_in_failsafe_from_anywhere():
    assert (TRANSITIONS[:, Event.INPUT_BAD] == F).all()


def test_control_is_entered_only_through_a_take_over_or_from_control():
    for mode in (S, F):
        into = {event for event in Event if TRANSITIONS[mode, event] in (A, M)}
        assert into == ({Event.TOOK_OVER_AUTOMATIC, Event.TOOK_OVER_MANUAL} if mode is S else set())


def test_labels_are_words_for_people():
    assert [mode.label for mode in Mode] == ["starting", "automatic", "manual", "failsafe"]
    assert Cause.NONE.label == ""
    assert Cause.WAITING_FOR_SCAN.label == "waiting for scan"
    assert all(cause.label for cause in Cause if cause is not Cause.NONE)

"""The mode table: every event in every mode, and what must never be reachable."""

import numpy as np
import pytest

from coolantd.safety.modes import ACTS_AS, IN_CONTROL, TRANSITIONS, Cause, Event, Mode

S, A, M, F = Mode.STARTING, Mode.AUTOMATIC, Mode.MANUAL, Mode.FAILSAFE
V, D, T = Mode.OVERRIDE, Mode.DISABLED, Mode.TRIPPED
EXPECTED = {
    #                          starting, automatic, manual, failsafe, override, disabled, tripped
    Event.NONE: (S, A, M, F, V, D, T),
    Event.AUTOMATIC_REQUESTED: (S, A, A, F, V, D, T),
    Event.MANUAL_REQUESTED: (S, M, M, F, M, D, T),
    Event.OVERRIDE_HELD: (S, V, V, F, V, D, T),
    Event.OVERRIDE_ENDED: (S, A, M, F, A, D, T),
    Event.TOOK_OVER_AUTOMATIC: (A, A, A, F, V, D, T),
    Event.TOOK_OVER_MANUAL: (M, M, M, F, M, D, T),
    Event.SCAN_VALID: (S, A, M, S, V, D, T),
    Event.RELEASED: (S, A, M, S, V, D, T),
    Event.DEVICE_LOCAL: (S, S, S, F, S, D, T),
    Event.INPUT_BAD: (F, F, F, F, F, D, T),
    Event.FORCED: (F, F, F, F, F, D, T),
    Event.CLEARED: (S, A, M, F, V, D, S),
    Event.ENABLE: (S, A, M, F, V, F, T),
    Event.TRIP: (T, T, T, T, T, D, T),
    Event.DISABLE: (D, D, D, D, D, D, D),
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


def test_fm_44_failsafe_is_left_for_control_only_through_starting():
    left = {event: Mode(int(TRANSITIONS[F, event])) for event in Event if TRANSITIONS[F, event] != F}
    assert left == {Event.SCAN_VALID: S, Event.RELEASED: S, Event.TRIP: T, Event.DISABLE: D}


def test_i2_a_bad_input_ends_in_failsafe_from_wherever_anything_is_written():
    assert {mode for mode in Mode if TRANSITIONS[mode, Event.INPUT_BAD] != F} == {D, T}


def test_control_is_entered_only_through_a_take_over_or_from_control():
    for mode in (S, F, D, T):
        into = {event for event in Event if TRANSITIONS[mode, event] in (A, M, V)}
        assert into == ({Event.TOOK_OVER_AUTOMATIC, Event.TOOK_OVER_MANUAL} if mode is S else set())


def test_fm_05_a_trip_is_left_only_when_it_is_cleared_and_through_a_new_adoption():
    left = {event: Mode(int(TRANSITIONS[T, event])) for event in Event if TRANSITIONS[T, event] != T}
    assert left == {Event.CLEARED: S, Event.DISABLE: D}


def test_what_is_disabled_stays_so_until_it_is_enabled_and_then_scans_first():
    left = {event: Mode(int(TRANSITIONS[D, event])) for event in Event if TRANSITIONS[D, event] != D}
    assert left == {Event.ENABLE: F}


def test_control_works_by_one_of_its_own_four_laws_in_every_mode():
    assert [Mode(int(law)) for law in ACTS_AS] == [S, A, M, F, A, S, F]
    assert {A, M, V} == IN_CONTROL


def test_labels_are_words_for_people():
    assert [mode.label for mode in Mode] == [
        "starting",
        "automatic",
        "manual",
        "failsafe",
        "override",
        "disabled",
        "tripped",
    ]
    assert Cause.NONE.label == ""
    assert Cause.WAITING_FOR_SCAN.label == "waiting for scan"
    assert all(cause.label for cause in Cause if cause is not Cause.NONE)

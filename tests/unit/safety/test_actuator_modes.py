"""The mode of one actuator: who has it, from every mode, and the ways there and back cycle by cycle."""

import math

import numpy as np
import pytest

from coolantd.safety.actuator_modes import (
    ACTUATOR_WATCH,
    AM_MODE,
    AM_MODE_S,
    claimed,
    follow_modes,
    in_control,
    settled,
)
from coolantd.safety.hazards import Force
from coolantd.safety.modes import Event, Mode

S, A, M, F = Mode.STARTING, Mode.AUTOMATIC, Mode.MANUAL, Mode.FAILSAFE
V, D, T = Mode.OVERRIDE, Mode.DISABLED, Mode.TRIPPED
NAN = math.nan


def after(mode, cdu_mode, *, force=Force.NONE, held=0, last=50.0, cycles=1, cdu=0):
    """Return the mode of an actuator after some cycles in which nothing changes."""
    am = np.zeros((1, ACTUATOR_WATCH))
    am[0, AM_MODE] = mode
    for _ in range(cycles):
        ints = [np.array([int(value)]) for value in (cdu, cdu_mode, force, held)]
        follow_modes(am, *ints, np.array([last]), 0.5)
    return Mode(int(am[0, AM_MODE])), float(am[0, AM_MODE_S])


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("cdu_mode", [each for each in Mode if each is not D])
def test_a_trip_has_it_from_every_mode_but_disabled_and_whatever_its_cdu_does(mode, cdu_mode):
    expected = F if mode is D else T
    assert after(mode, cdu_mode, force=Force.TRIP)[0] is expected
    assert after(mode, cdu_mode, force=Force.TRIP, cycles=2)[0] is T


@pytest.mark.parametrize("mode", Mode)
def test_disabled_outranks_even_a_trip_for_nothing_is_written_then(mode):
    for force in Force:
        assert after(mode, D, force=force, held=1)[0] is D


@pytest.mark.parametrize("mode", [S, A, M, F, V])
def test_an_interlock_takes_it_from_operator_and_loop(mode):
    for held in (0, 1):
        assert after(mode, A, force=Force.INTERLOCK, held=held)[0] is F


def test_after_a_trip_it_is_adopted_anew_before_anything_forces_or_moves_it():
    assert after(T, A)[0] is S
    assert after(T, A, force=Force.INTERLOCK)[0] is S
    assert after(T, A, cycles=2)[0] is A
    assert after(D, A)[0] is F


TABLE = [
    # from, CDU, held, last -> the event
    (A, A, 0, 50.0, Event.AUTOMATIC_REQUESTED),
    (A, V, 0, 50.0, Event.AUTOMATIC_REQUESTED),
    (A, V, 1, 50.0, Event.OVERRIDE_HELD),
    (V, V, 1, 50.0, Event.OVERRIDE_HELD),
    (V, A, 0, 50.0, Event.OVERRIDE_ENDED),
    (V, M, 0, 50.0, Event.OVERRIDE_ENDED),
    (A, M, 0, 50.0, Event.MANUAL_REQUESTED),
    (M, M, 0, 50.0, Event.MANUAL_REQUESTED),
    (M, M, 1, 50.0, Event.OVERRIDE_HELD),
    (S, A, 0, 50.0, Event.TOOK_OVER_AUTOMATIC),
    (S, V, 1, 50.0, Event.TOOK_OVER_AUTOMATIC),
    (S, M, 0, 50.0, Event.TOOK_OVER_MANUAL),
    (S, S, 0, 50.0, Event.NONE),
    (S, T, 0, NAN, Event.NONE),
    (S, A, 0, NAN, Event.DEVICE_LOCAL),
    (A, S, 0, 50.0, Event.DEVICE_LOCAL),
    (A, T, 0, 50.0, Event.DEVICE_LOCAL),
    (V, A, 1, NAN, Event.DEVICE_LOCAL),
    (A, A, 0, NAN, Event.DEVICE_LOCAL),
    (A, F, 0, 50.0, Event.INPUT_BAD),
    (F, F, 0, 50.0, Event.INPUT_BAD),
    (S, F, 0, NAN, Event.INPUT_BAD),
    (A, F, 1, 50.0, Event.OVERRIDE_HELD),
    (F, F, 1, 50.0, Event.RELEASED),
    (F, A, 0, 50.0, Event.RELEASED),
    (F, S, 0, NAN, Event.RELEASED),
]


@pytest.mark.parametrize(("mode", "cdu_mode", "held", "last", "event"), TABLE)
def test_the_event_of_an_actuator_that_nothing_forces(mode, cdu_mode, held, last, event):
    assert claimed(int(mode), int(cdu_mode), int(Force.NONE)) == Event.NONE
    assert settled(int(mode), int(cdu_mode), held, last) == event


def test_what_is_in_control_never_asks_how_its_cdu_came_there():
    for cdu_mode in (A, V, M):
        assert in_control(int(A), int(cdu_mode), 1) == Event.OVERRIDE_HELD


@pytest.mark.parametrize(
    ("mode", "cdu_mode", "force", "event"),
    [
        (A, D, Force.NONE, Event.DISABLE),
        (D, D, Force.TRIP, Event.DISABLE),
        (D, A, Force.NONE, Event.ENABLE),
        (D, A, Force.TRIP, Event.ENABLE),
        (A, A, Force.TRIP, Event.TRIP),
        (T, A, Force.TRIP, Event.TRIP),
        (T, A, Force.NONE, Event.CLEARED),
        (T, A, Force.INTERLOCK, Event.CLEARED),
        (A, A, Force.INTERLOCK, Event.FORCED),
        (A, A, Force.NONE, Event.NONE),
    ],
)
def test_who_outranks_operators_and_loops(mode, cdu_mode, force, event):
    assert claimed(int(mode), int(cdu_mode), int(force)) == event


def test_i9_an_operator_gets_it_back_after_an_interlock_through_a_new_adoption():
    modes = [after(F, V, held=1, cycles=k)[0] for k in (1, 2, 3)]
    assert modes == [S, A, V]


def test_an_actuator_of_no_cdu_is_in_automatic_once_it_is_ours():
    for cdu_mode in Mode:
        assert after(S, cdu_mode, cdu=-1)[0] is A
    assert after(A, A, cdu=-1, last=NAN)[0] is S


def test_the_time_in_a_mode_is_counted_and_begins_anew():
    assert after(A, A, cycles=4) == (A, 2.0)
    assert after(A, F, cycles=1) == (F, 0.0)
    assert after(A, F, cycles=3) == (F, 1.0)

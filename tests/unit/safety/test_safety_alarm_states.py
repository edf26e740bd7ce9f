"""The table of alarm states whole, against the same laws written another way (ISA-18.2; FM-32)."""

import itertools

import pytest

from coolantd.safety.alarm_states import HIDDEN, OWED, STANDING, TABLE, Event, State, next_state

TABLE_OF_RECORD = """
                 raised  changed cleared clr_latch acked   shelved suppr   removed rel_act rel_norm rel_expl
normal           unack   normal  normal  normal    normal  shelved suppr   out     normal  normal   normal
unacknowledged   unack   unack   return  latched   acked   shelved suppr   out     unack   unack    unack
acknowledged     acked   unack   normal  latched   acked   shelved suppr   out     acked   acked    acked
returned         unack   return  return  return    normal  shelved suppr   out     return  return   return
latched          unack   latched latched latched   normal  latched latched latched latched latched  latched
shelved          shelved shelved shelved shelved   shelved shelved shelved out     unack   normal   suppr
suppressed       suppr   suppr   normal  normal    suppr   shelved suppr   out     unack   normal   suppr
out_of_service   out     out     out     out       out     out     out     out     unack   normal   suppr
"""
SHORT = {
    "unack": State.UNACKNOWLEDGED,
    "acked": State.ACKNOWLEDGED,
    "return": State.RETURNED,
    "suppr": State.SUPPRESSED,
    "out": State.OUT_OF_SERVICE,
    "normal": State.NORMAL,
    "latched": State.LATCHED,
    "shelved": State.SHELVED,
}
ROWS = {row.split()[0]: row.split()[1:] for row in TABLE_OF_RECORD.strip().splitlines()[1:]}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)), ids=lambda each: each.label)
def test_every_event_in_every_state_is_answered(state, event):
    assert next_state(state, event) is SHORT[ROWS[state.label][event]]
    assert len(TABLE) == len(State)
    assert all(len(row) == len(Event) for row in TABLE.values())


def test_what_waits_for_an_operator_is_left_only_by_an_operator_or_by_being_there_again():
    for state, event in itertools.product((State.RETURNED, State.LATCHED), Event):
        if next_state(state, event) is State.NORMAL:
            assert event is Event.ACKNOWLEDGED
    assert next_state(State.UNACKNOWLEDGED, Event.CLEARED) in OWED


def test_i7_a_latched_alarm_cannot_be_hidden_nor_cleared_by_itself():
    reachable = {next_state(State.LATCHED, event) for event in Event}
    assert reachable == {State.LATCHED, State.UNACKNOWLEDGED, State.NORMAL}


def test_every_state_is_either_normal_or_shown_or_hidden():
    assert frozenset({State.NORMAL}) | STANDING | HIDDEN == frozenset(State)
    assert not STANDING & HIDDEN
    assert OWED < STANDING


def test_every_state_can_be_reached_and_left():
    for state in State:
        assert any(next_state(other, event) is state for other in State for event in Event if other is not state)
        assert any(next_state(state, event) is not state for event in Event)

"""A unit that is there, gone, or talking nonsense; and how long a probe of it may take."""

import pytest

from coolantd.protocol.presence import FULL_PROBE_EVERY, MISSED_MAX, PROBE_FLOOR_S, Presence


def gone(presence):
    for _ in range(MISSED_MAX):
        presence.missed()
    return presence


def test_fm_37_one_missed_reply_is_nothing_and_the_second_in_a_row_begins_a_dormancy_once():
    presence = Presence()
    assert not presence.missed()
    assert not presence.answered(0.02)
    assert [presence.missed() for _ in range(4)] == [False, True, False, False]
    assert presence.dormant
    assert presence.lost
    assert presence.answered(0.02)
    assert (presence.dormant, presence.lost) == (False, False)


def test_nonsense_loses_a_unit_but_makes_it_no_dormant_one():
    presence = Presence()
    presence.garbled()
    presence.garbled()
    assert (presence.lost, presence.dormant) == (True, False)


def test_a_probe_waits_as_long_as_the_slowest_reply_suggests_and_now_and_then_in_full():
    presence = Presence()
    presence.answered(0.2)
    presence.answered(0.01)
    deadlines = [gone(presence).probe_deadline_s(1.0) for _ in range(2 * FULL_PROBE_EVERY)]
    assert deadlines == pytest.approx(([0.3] * (FULL_PROBE_EVERY - 1) + [1.0]) * 2)


def test_a_probe_has_a_floor_and_a_unit_never_heard_is_waited_for_in_full():
    assert gone(Presence()).probe_deadline_s(1.0) == 1.0
    presence = Presence()
    presence.answered(0.001)
    assert gone(presence).probe_deadline_s(1.0) == PROBE_FLOOR_S
    assert gone(presence).probe_deadline_s(0.05) == 0.05

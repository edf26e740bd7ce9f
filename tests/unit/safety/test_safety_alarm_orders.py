"""What operators do to alarms, what is refused, and what survives a restart (A5, A6; FM-24)."""

import json
import math

import pytest
from alarm_rig import DEFINITIONS, Course, define, key_of

from coolantd.safety.alarm_book import AlarmBook, Hold
from coolantd.safety.alarm_definition import Definitions, Priority
from coolantd.safety.alarm_memory import WAIT_S, keep, restore
from coolantd.safety.alarm_orders import HIDDEN_MAX, SHELVE_MAX_S, acknowledge, release, remove, shelve
from coolantd.safety.alarm_states import State

FOULING = "cdu1/fouling"


def hold(course, for_s=600.0, owner="ana", reason="cleaning on Monday"):
    return Hold(owner, 7, reason, course.now_s + for_s)


def shelve_it(course, tag=FOULING, **fields):
    return course.order(shelve(DEFINITIONS, course.book, key_of(tag), hold(course, **fields), course.now_s))


def remove_it(course, tag=FOULING, **fields):
    return course.order(remove(DEFINITIONS, course.book, key_of(tag), hold(course, **fields), course.now_s))


def release_it(course, state, tag=FOULING):
    return course.order(release(course.book, key_of(tag), state, course.now_s, uid=7))


def ack(course, tag):
    return course.order(acknowledge(course.book, [key_of(tag)], course.now_s, uid=7))


@pytest.fixture
def course():
    course = Course()
    course.tick(FOULING)
    return course


def test_a5_a_shelved_alarm_is_hidden_until_its_time_and_then_called_again(course):
    assert shelve_it(course, for_s=600.0) == ""
    assert course.last[0].alarm.hold == Hold("ana", 7, "cleaning on Monday", course.now_s + 600.0)
    course.tick(FOULING, dt_s=599.0)
    assert course.state(FOULING) == "shelved"
    course.tick(FOULING)
    assert course.state(FOULING) == "unacknowledged"
    assert course.alarm(FOULING).hold is None


def test_a_shelved_alarm_whose_condition_goes_ends_normal(course):
    shelve_it(course)
    course.tick()
    assert course.state(FOULING) == "shelved"
    course.tick(dt_s=600.0)
    assert course.state(FOULING) == "normal"


def test_a_shelved_alarm_whose_cause_is_explained_by_a_parent_is_suppressed_at_its_end(course):
    course.tick("cdu1/sensor_stuck")
    shelve_it(course, "cdu1/sensor_stuck", for_s=10.0)
    course.tick("cdu1/sensor_stuck", "cdu1/device_down", dt_s=20.0)
    assert course.state("cdu1/sensor_stuck") == "suppressed"
    assert not any(change.event.label == "released_active" for change in course.changes)


@pytest.mark.parametrize("for_s", [0.0, -1.0, SHELVE_MAX_S + 1.0, math.inf, math.nan])
def test_a5_fm_24_nothing_is_shelved_for_longer_than_a_shift_nor_for_no_time(course, for_s):
    assert "for_s is" in shelve_it(course, for_s=for_s)
    assert course.state(FOULING) == "unacknowledged"
    assert shelve_it(course, for_s=SHELVE_MAX_S) == ""


def test_shelving_again_moves_the_time(course):
    shelve_it(course, for_s=60.0)
    shelve_it(course, for_s=600.0, owner="bo")
    course.tick(FOULING, dt_s=500.0)
    assert (course.state(FOULING), course.alarm(FOULING).hold.owner) == ("shelved", "bo")


def test_a_normal_alarm_may_be_shelved_before_the_work_begins(course):
    assert shelve_it(course, "cdu2/fouling") == ""
    course.tick("cdu2/fouling")
    assert course.state("cdu2/fouling") == "shelved"


@pytest.mark.parametrize("tag", ["cdu1/flow_lost", "cdu1/leak", "site/alarm_flood"])
def test_a6_what_is_critical_latching_or_the_flood_itself_is_never_hidden(course, tag):
    course.tick(tag)
    assert "may not be hidden" in shelve_it(course, tag)
    assert "may not be hidden" in remove_it(course, tag)
    assert course.alarm(tag).hold is None


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"owner": " "}, "owner"),
        ({"owner": "x" * 201}, "owner"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_owner_and_reason_must_be_given(course, fields, word):
    problem = shelve_it(course, **fields)
    assert problem.startswith(f"{word} has ")
    assert remove_it(course, **fields) == problem


def test_an_unknown_kind_is_refused(course):
    assert shelve_it(course, "cdu1/nonsense") == "there is no kind of alarm called 'nonsense'"


def test_no_more_than_a_bounded_number_is_hidden(course):
    for i in range(HIDDEN_MAX):
        assert shelve_it(course, f"x{i}/fouling") == ""
    assert shelve_it(course) == f"{HIDDEN_MAX} alarms are hidden already, allowed: {HIDDEN_MAX}"
    assert remove_it(course) == f"{HIDDEN_MAX} alarms are hidden already, allowed: {HIDDEN_MAX}"
    assert shelve_it(course, "x0/fouling", for_s=60.0) == "", "one that is hidden may be hidden for longer"


def test_out_of_service_lasts_until_somebody_ends_it(course):
    assert remove_it(course) == ""
    course.tick(FOULING, dt_s=1e6)
    assert course.state(FOULING) == "out_of_service"
    assert shelve_it(course) == f"{FOULING} is out of service already"
    assert release_it(course, State.SHELVED) == f"{FOULING} is not shelved"
    assert release_it(course, State.OUT_OF_SERVICE) == ""
    assert course.state(FOULING) == "unacknowledged"
    course.tick()
    assert release_it(course, State.OUT_OF_SERVICE) == f"{FOULING} is not out of service"


def test_a_shelved_alarm_may_be_put_out_of_service_and_unshelving_shows_what_is_so(course):
    shelve_it(course)
    assert remove_it(course) == ""
    course.tick()
    assert release_it(course, State.OUT_OF_SERVICE) == ""
    assert course.state(FOULING) == "normal"
    shelve_it(course)
    assert release_it(course, State.SHELVED) == ""
    assert course.state(FOULING) == "normal"


def test_an_acknowledgement_of_what_waits_for_none_changes_nothing(course):
    ack(course, FOULING)
    for tag in (FOULING, "cdu9/fouling"):
        ack(course, tag)
        assert course.last == ()


def restarted(course, age_s=10.0, definitions=DEFINITIONS):
    """A new daemon that finds what the old one kept, on a clock of its own."""
    kept = json.loads(json.dumps(keep(course.book, course.now_s)))
    after = Course(definitions)
    after.now_s = 5000.0
    after.book = restore(definitions, AlarmBook(5000.0), kept, age_s, 5000.0)
    return after


def test_a_restart_keeps_what_is_shelved_for_the_rest_of_its_time(course):
    shelve_it(course, for_s=100.0)
    after = restarted(course, age_s=40.0)
    after.tick(FOULING, dt_s=59.0)
    assert (after.state(FOULING), after.alarm(FOULING).hold.owner, after.alarm(FOULING).hold.uid) == (
        "shelved",
        "ana",
        7,
    )
    after.tick(FOULING)
    assert after.state(FOULING) == "unacknowledged"
    assert restarted(course, age_s=100.0).state(FOULING) == "normal"


def test_a_restart_keeps_what_is_out_of_service(course):
    remove_it(course)
    after = restarted(course, age_s=1e6)
    after.tick(FOULING)
    assert (after.state(FOULING), after.alarm(FOULING).hold.reason) == ("out_of_service", "cleaning on Monday")


def test_a_restart_announces_nothing_twice_and_forgets_nothing_unacknowledged(course):
    course.tick(FOULING, "cdu1/pump_tripped", "cdu1/leak", "cdu2/pump_tripped")
    ack(course, FOULING)
    course.tick(FOULING, "cdu1/pump_tripped")
    after = restarted(course)
    states = {key.tag: alarm.state.label for key, alarm in after.book.alarms.items()}
    assert states == {
        FOULING: "acknowledged",
        "cdu1/pump_tripped": "unacknowledged",
        "cdu1/leak": "latched",
        "cdu2/pump_tripped": "returned",
    }
    for _ in range(100):
        after.tick()
    after.tick(FOULING)
    assert after.changes == [], "devices are being read again"
    assert after.state(FOULING) == "acknowledged"
    after.tick(FOULING, dt_s=WAIT_S)
    assert after.state("cdu1/pump_tripped") == "returned"


def test_a_restart_knows_better_than_its_memory_and_hides_nothing_that_became_critical(course):
    shelve_it(course)
    now_critical = Definitions({"fouling": define(Priority.CRITICAL), "alarm_flood": define()})
    assert restarted(course, definitions=now_critical).book.alarms == {}
    after = Course()
    after.tick(FOULING)
    book = restore(DEFINITIONS, after.book, keep(course.book, course.now_s), 1.0, after.now_s)
    assert book.alarms == after.book.alarms


GOOD = {"kind": "fouling", "subject": "cdu1", "state": "shelved", "left_s": 60.0, "owner": "a", "reason": "b", "uid": 1}


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        {"alarms": 7},
        {"alarms": [7, None, {}]},
        {"alarms": [GOOD | {"kind": 7}]},
        {"alarms": [GOOD | {"kind": "nonsense"}]},
        {"alarms": [GOOD | {"subject": None}]},
        {"alarms": [GOOD | {"state": "normal"}]},
        {"alarms": [GOOD | {"state": "suppressed"}]},
        {"alarms": [GOOD | {"left_s": "long"}]},
        {"alarms": [GOOD | {"left_s": True}]},
        {"alarms": [GOOD | {"kind": "leak"}]},
    ],
)
def test_fm_48_what_cannot_have_been_kept_is_left_out(kept):
    assert restore(DEFINITIONS, AlarmBook(0.0), kept, 1.0, 10.0).alarms == {}


def test_fm_48_what_is_odd_but_harmless_is_limited():
    odd = GOOD | {"left_s": 1e12, "owner": 7, "uid": True, "since_s": -5.0, "raised_s": "x", "detail": "d" * 999}
    book = restore(DEFINITIONS, AlarmBook(0.0), {"alarms": [odd, odd]}, -1.0, 10.0)
    alarm = book.alarms[key_of(FOULING)]
    assert alarm.hold == Hold("", -1, "b", 10.0 + SHELVE_MAX_S)
    assert (alarm.since_s, len(alarm.detail)) == (10.0, 200)
    many = [GOOD | {"subject": f"x{i}"} for i in range(2 * HIDDEN_MAX)]
    assert len(restore(DEFINITIONS, AlarmBook(0.0), {"alarms": many}, 0.0, 0.0).alarms) == HIDDEN_MAX
    assert restore(DEFINITIONS, AlarmBook(0.0), {"alarms": [GOOD]}, math.nan, 0.0).alarms == {}

"""Alarms as their conditions come and go: delays, chatter, parents, first-out, flood, bounds (FM-32; A1 to A6)."""

import dataclasses

import pytest
from alarm_rig import DEFINITIONS, Course, define, events, key_of

from coolantd.safety import alarms
from coolantd.safety.alarm_book import DETAILS_MAX, Signal
from coolantd.safety.alarm_definition import Definitions, Priority
from coolantd.safety.alarm_orders import acknowledge
from coolantd.safety.alarm_relations import ANNOUNCED_MAX, FLOOD_BEGIN, FLOOD_END, FLOOD_WINDOW_S, FOLLOW_S, collapsed
from coolantd.safety.alarm_states import State


def ack(course, *tags):
    return course.order(acknowledge(course.book, [key_of(tag) for tag in tags], course.now_s, uid=7))


def test_an_alarm_comes_is_acknowledged_and_goes():
    course = Course()
    assert events(course.tick("cdu1/pump_tripped")) == [("cdu1/pump_tripped", "raised")]
    assert course.tick("cdu1/pump_tripped") == ()
    ack(course, "cdu1/pump_tripped")
    assert course.last[0].uid == 7
    assert course.state("cdu1/pump_tripped") == "acknowledged"
    assert events(course.tick()) == [("cdu1/pump_tripped", "cleared")]
    assert course.state("cdu1/pump_tripped") == "normal"


def test_one_that_went_unseen_waits_for_its_acknowledgement():
    course = Course()
    course.tick("cdu1/pump_tripped")
    course.tick()
    assert course.state("cdu1/pump_tripped") == "returned"
    course.tick(dt_s=1e6)
    assert course.state("cdu1/pump_tripped") == "returned"
    ack(course, "cdu1/pump_tripped", "cdu2/pump_tripped")
    assert course.state("cdu1/pump_tripped") == "normal"
    assert len(course.last) == 1


def test_what_came_again_is_announced_again():
    course = Course()
    for _ in range(2):
        course.tick("cdu1/fouling")
        course.tick()
    assert [event for _, event in events(course.changes)] == ["raised", "cleared"] * 2
    assert course.alarm("cdu1/fouling").count == 2


def test_i7_a_latching_alarm_stays_until_it_is_acknowledged_after_its_return():
    course = Course()
    course.tick("cdu1/leak")
    ack(course, "cdu1/leak")
    course.tick()
    assert course.state("cdu1/leak") == "latched"
    course.tick("cdu1/leak")
    assert course.state("cdu1/leak") == "unacknowledged"
    course.tick()
    assert course.state("cdu1/leak") == "latched"
    ack(course, "cdu1/leak")
    assert course.state("cdu1/leak") == "normal"


def test_a1_there_is_one_alarm_however_often_its_condition_is_signalled():
    course = Course()
    for _ in range(50):
        course.tick("cdu1/flow_lost")
    assert events(course.changes) == [("cdu1/flow_lost", "raised")]
    assert list(course.book.alarms) == [key_of("cdu1/flow_lost")]


@pytest.mark.parametrize(("held_s", "state"), [(9.0, "normal"), (10.0, "unacknowledged")])
def test_a2_the_on_delay_holds_on_both_sides_of_its_limit(held_s, state):
    course = Course()
    course.tick("cdu1/too_warm")
    course.tick("cdu1/too_warm", dt_s=held_s)
    assert course.state("cdu1/too_warm") == state


def test_a2_an_on_delay_begins_anew_after_any_interruption():
    course = Course()
    for _ in range(10):
        course.tick("cdu1/too_warm")
    course.tick()
    for _ in range(10):
        course.tick("cdu1/too_warm")
    assert course.changes == []


@pytest.mark.parametrize(("gone_s", "state"), [(4.0, "unacknowledged"), (5.0, "returned")])
def test_a2_the_off_delay_holds_on_both_sides_of_its_limit(gone_s, state):
    course = Course()
    course.tick("cdu1/device_down")
    course.tick()
    course.tick(dt_s=gone_s)
    assert course.state("cdu1/device_down") == state


def test_a_chattering_alarm_is_held_until_it_has_been_quiet_for_a_minute():
    course = Course()
    for _ in range(3):
        course.tick("cdu1/fouling")
        course.tick()
    assert course.alarm("cdu1/fouling").chatters
    for _ in range(20):
        course.tick("cdu1/fouling")
        course.tick()
    assert [event for _, event in events(course.changes)] == ["raised", "cleared"] * 2 + ["raised"]
    course.tick(dt_s=59.0)
    assert course.state("cdu1/fouling") == "unacknowledged"
    course.tick(dt_s=1.0)
    assert course.state("cdu1/fouling") == "returned"
    assert not course.alarm("cdu1/fouling").chatters
    course.tick("cdu1/fouling")
    course.tick()
    assert course.state("cdu1/fouling") == "returned", "the spell is over"


def test_what_comes_three_times_in_more_than_a_minute_does_not_chatter():
    course = Course()
    for _ in range(3):
        course.tick("cdu1/fouling")
        course.tick(dt_s=30.0)
    assert not course.alarm("cdu1/fouling").chatters


def test_at_the_start_an_inhibited_alarm_waits():
    course = Course()
    course.tick("cdu1/slow_start", dt_s=59.0)
    assert course.state("cdu1/slow_start") == "normal"
    course.tick("cdu1/slow_start")
    assert course.state("cdu1/slow_start") == "unacknowledged"


def test_a_second_part_calls_again_whoever_has_acknowledged_the_first():
    course = Course()
    course.tick(pump_tripped=Signal("pump 1"))
    ack(course, "cdu1/pump_tripped")
    course.tick(pump_tripped=Signal("pump 1"))
    assert course.state("cdu1/pump_tripped") == "acknowledged"
    assert events(course.tick(pump_tripped=Signal("pump 2"))) == [("cdu1/pump_tripped", "changed")]
    assert course.state("cdu1/pump_tripped") == "unacknowledged"
    ack(course, "cdu1/pump_tripped")
    course.tick(pump_tripped=Signal("pump 1"))
    course.tick(pump_tripped=Signal(""))
    assert course.state("cdu1/pump_tripped") == "acknowledged", "it was told of both"
    assert course.alarm("cdu1/pump_tripped").detail == "pump 1"


def test_parts_of_one_occurrence_are_bounded_and_forgotten_with_it():
    course = Course()
    for part in range(3 * DETAILS_MAX):
        course.tick(pump_tripped=Signal(f"{part}" * 300))
    details = course.alarm("cdu1/pump_tripped").details
    assert (len(details), max(map(len, details))) == (DETAILS_MAX, 200)
    course.tick()
    course.tick(pump_tripped=Signal("another"))
    assert course.alarm("cdu1/pump_tripped").details == ("another",)


def test_fm_32_a_dead_device_suppresses_what_follows_from_it_and_gives_it_back():
    course = Course()
    course.tick("cdu1/sensor_stuck")
    course.tick("cdu1/sensor_stuck", "cdu1/device_down")
    assert course.state("cdu1/sensor_stuck") == "suppressed"
    assert course.state("cdu1/device_down") == "unacknowledged"
    course.tick("cdu1/sensor_stuck")
    course.tick("cdu1/sensor_stuck", dt_s=4.9)
    assert course.state("cdu1/sensor_stuck") == "suppressed", "the parent still counts as there"
    course.tick("cdu1/sensor_stuck")
    assert events(course.last) == [("cdu1/device_down", "cleared"), ("cdu1/sensor_stuck", "released_active")]
    course.tick("cdu1/sensor_stuck", "cdu1/device_down")
    course.tick("cdu1/device_down")
    assert course.state("cdu1/sensor_stuck") == "normal", "gone while it was hidden: nobody need hear of it"


def test_a_parent_is_found_by_any_subject_the_signal_names_and_only_by_those():
    course = Course()
    course.tick("plc/device_down", sensor_stuck=Signal(parents=("gateway", "plc")))
    assert course.state("cdu1/sensor_stuck") == "suppressed"
    course.tick("plc/device_down")
    course.tick("plc/device_down", sensor_stuck=Signal(parents=("gateway",)))
    assert course.state("cdu1/sensor_stuck") == "unacknowledged"


def test_a_cause_whose_delay_still_runs_keeps_back_what_is_new_and_takes_away_nothing():
    kinds = {"alarm_flood": define(), "down": define(on_delay_s=10.0), "odd": define(suppressed_by=("down",))}
    course = Course(Definitions(kinds))
    course.tick("cdu1/odd")
    course.tick("cdu1/odd", "cdu1/down", "cdu2/odd", "cdu2/down")
    assert (course.state("cdu1/odd"), course.state("cdu2/odd")) == ("unacknowledged", "suppressed")
    course.tick("cdu1/odd", "cdu2/odd")
    assert course.state("cdu2/odd") == "unacknowledged"
    for _ in range(12):
        course.tick("cdu1/odd", "cdu1/down")
    assert (course.state("cdu1/down"), course.state("cdu1/odd")) == ("unacknowledged", "suppressed")


def test_what_ends_together_with_what_explained_it_is_no_news():
    course = Course()
    course.tick("plc/device_down", too_warm=Signal(parents=("plc",)))
    course.tick("plc/device_down", dt_s=20.0, too_warm=Signal(parents=("plc",)))
    course.tick()
    course.tick(dt_s=5.0)
    assert course.state("cdu1/too_warm") == "normal"
    assert [event for tag, event in events(course.changes) if tag == "cdu1/too_warm"] == ["suppressed", "cleared"]
    course = Course(
        Definitions(
            {
                **{k: DEFINITIONS[k] for k in DEFINITIONS},
                "slow": define(off_delay_s=60.0, suppressed_by=("device_down",)),
            }
        )
    )
    course.tick("cdu1/device_down", "cdu1/slow")
    course.tick()
    course.tick(dt_s=30.0)
    assert (course.state("cdu1/device_down"), course.state("cdu1/slow")) == ("returned", "suppressed")
    course.tick("cdu1/slow")
    assert course.state("cdu1/slow") == "unacknowledged", "it is there after all"


def test_what_is_hidden_stays_so_while_only_its_off_delay_runs():
    course = Course()
    course.tick("plc/device_down", dt_s=20.0)
    course.tick("plc/device_down", too_warm=Signal(parents=("plc",)))
    course.tick("plc/device_down", dt_s=20.0, too_warm=Signal(parents=("plc",)))
    assert course.state("cdu1/too_warm") == "suppressed"
    course.tick("plc/device_down")
    assert course.state("cdu1/too_warm") == "suppressed"
    course.tick("plc/device_down", dt_s=5.0)
    assert course.state("cdu1/too_warm") == "normal"


def test_a6_a_critical_alarm_is_not_suppressed_and_no_definition_may_ask_for_it():
    assert DEFINITIONS.problems == ()
    wrong = Definitions(
        {"device_down": define(Priority.HIGH), "fire": define(Priority.CRITICAL, suppressed_by=("device_down",))}
        | {"alarm_flood": define()}
    )
    assert wrong.problems == ("fire: suppressed by device_down, allowed: nothing, as it is critical or latching (A6)",)
    course = Course(wrong)
    course.tick("cdu1/device_down", "cdu1/fire")
    assert course.state("cdu1/fire") == "unacknowledged"


def test_a4_the_first_of_a_group_is_marked_and_those_soon_after_follow_it():
    course = Course()
    course.tick("cdu1/pump_tripped", "cdu2/pump_tripped")
    course.tick("cdu1/pump_tripped", "cdu1/flow_lost", "cdu2/pump_tripped")
    first, after, other = (
        course.alarm(f"{tag}") for tag in ("cdu1/pump_tripped", "cdu1/flow_lost", "cdu2/pump_tripped")
    )
    assert (first.first_out, first.follows) == (True, None)
    assert (after.first_out, after.follows) == (False, key_of("cdu1/pump_tripped"))
    assert other.first_out, "another CDU is another story"
    assert not course.alarm("cdu1/sensor_stuck").first_out


def test_a4_the_first_is_kept_until_the_group_is_clear():
    course = Course()
    course.tick("cdu1/pump_tripped")
    course.tick("cdu1/pump_tripped", "cdu1/flow_lost")
    course.tick("cdu1/flow_lost")
    assert course.alarm("cdu1/pump_tripped").first_out
    assert course.alarm("cdu1/flow_lost").follows == key_of("cdu1/pump_tripped")
    course.tick()
    assert course.book.groups == {}
    course.tick("cdu1/flow_lost")
    assert course.alarm("cdu1/flow_lost").first_out


def test_a4_the_condition_that_began_first_counts_not_the_shorter_delay():
    course = Course()
    course.tick("cdu1/too_warm", dt_s=1.0)
    course.tick("cdu1/too_warm", "cdu1/pump_tripped", dt_s=5.0)
    assert course.alarm("cdu1/pump_tripped").first_out
    course.tick("cdu1/too_warm", "cdu1/pump_tripped", dt_s=5.0)
    assert course.alarm("cdu1/too_warm").first_out
    assert course.alarm("cdu1/pump_tripped").follows == key_of("cdu1/too_warm")


def test_a4_of_two_that_begin_together_the_cause_goes_before_its_consequence():
    course = Course()
    course.tick("cdu1/flow_lost", "cdu1/pump_tripped")
    assert course.alarm("cdu1/pump_tripped").first_out
    assert [change.alarm.first_out for change in course.last] == [True, False]


def test_what_comes_long_after_the_first_does_not_follow_it():
    course = Course()
    course.tick("cdu1/pump_tripped")
    course.tick("cdu1/pump_tripped", "cdu1/flow_lost", dt_s=FOLLOW_S)
    assert course.alarm("cdu1/flow_lost").follows
    course = Course()
    course.tick("cdu1/pump_tripped")
    course.tick("cdu1/pump_tripped", "cdu1/flow_lost", dt_s=FOLLOW_S + 0.5)
    assert (course.alarm("cdu1/flow_lost").follows, course.alarm("cdu1/flow_lost").first_out) == (None, False)


def tags(count):
    return [f"cdu{i}/fouling" for i in range(count)]


def test_a3_ten_alarms_in_ten_minutes_become_one_and_critical_ones_are_still_shown():
    course = Course()
    course.tick(*tags(FLOOD_BEGIN - 1))
    assert not course.book.flood.on
    course.tick(*tags(FLOOD_BEGIN), "cdu1/flow_lost")
    assert course.book.flood.on
    assert course.flood.state is State.UNACKNOWLEDGED
    assert course.flood.detail == "began with cdu0/fouling"
    shown = [
        key.tag
        for key, alarm in course.book.alarms.items()
        if not collapsed(DEFINITIONS[key.kind], alarm, course.book.flood) or key.kind == "alarm_flood"
    ]
    assert shown == ["cdu1/flow_lost", "site/alarm_flood"]


def test_a3_a_flood_ends_when_fewer_than_five_are_left_in_the_window():
    course = Course()
    for count in range(1, FLOOD_BEGIN + 1):
        course.tick(*tags(count))
    course.tick(*tags(FLOOD_BEGIN), dt_s=FLOOD_WINDOW_S - FLOOD_END)
    assert course.book.flood.on
    assert len(course.book.flood.announced) == FLOOD_END
    course.tick(*tags(FLOOD_BEGIN))
    assert not course.book.flood.on
    assert course.flood.state is State.RETURNED
    assert not any(collapsed(DEFINITIONS[k.kind], a, course.book.flood) for k, a in course.book.alarms.items())


def test_a3_what_stood_long_before_the_flood_stays_visible():
    course = Course()
    course.tick("old/fouling")
    course.tick("old/fouling", dt_s=FLOOD_WINDOW_S)
    course.tick("old/fouling", *tags(FLOOD_BEGIN))
    assert not collapsed(DEFINITIONS["fouling"], course.alarm("old/fouling"), course.book.flood)
    assert collapsed(DEFINITIONS["fouling"], course.alarm("cdu1/fouling"), course.book.flood)


def test_the_flood_alarm_does_not_count_itself_and_goes_when_it_is_over():
    course = Course()
    course.tick(*tags(FLOOD_BEGIN))
    assert len(course.book.flood.announced) == FLOOD_BEGIN
    ack(course, "site/alarm_flood")
    course.tick(*tags(FLOOD_BEGIN), dt_s=FLOOD_WINDOW_S)
    course.tick(*tags(FLOOD_BEGIN))
    assert course.flood.state is State.NORMAL
    assert len(course.book.flood.announced) == 0


def test_the_number_of_entries_and_of_what_is_counted_is_bounded_and_critical_ones_find_room(monkeypatch):
    monkeypatch.setattr(alarms, "ALARMS_MAX", 20)
    course = Course()
    course.tick(*tags(50))
    assert len(course.book.alarms) == 21, "the flood alarm besides"
    assert course.book.turned_away == 30
    course.tick(*tags(50), *(f"cdu{i}/leak" for i in range(25)))
    assert sum(key.kind == "leak" for key in course.book.alarms) == 20
    assert course.book.turned_away == 30 + 30 + 5
    for _ in range(100):
        course.tick(*tags(20))
        course.tick()
    assert len(course.book.flood.announced) <= ANNOUNCED_MAX


def test_a_signal_of_no_known_kind_is_counted_and_left_alone():
    course = Course()
    course.tick("cdu1/nonsense")
    assert course.book.alarms == {}
    assert course.book.turned_away == 1


def test_what_is_normal_again_is_forgotten():
    course = Course()
    course.tick("cdu1/fouling")
    course.tick()
    ack(course, "cdu1/fouling")
    course.tick(dt_s=100.0)
    assert course.book.alarms == {}


def test_the_arguments_stay_as_they_were():
    course = Course()
    course.tick("cdu1/pump_tripped")
    before, copy = course.book, dict(course.book.alarms)
    course.tick("cdu1/flow_lost")
    assert before.alarms == copy
    assert course.book is not before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"on_delay_s": -1.0}, "x: on_delay_s is -1.0, allowed: 0 to 3600"),
        ({"off_delay_s": float("nan")}, "x: off_delay_s is nan, allowed: 0 to 3600"),
        ({"inhibit_s": 3601.0}, "x: inhibit_s is 3601.0, allowed: 0 to 3600"),
        ({"cause": ""}, "x: cause has 0 characters, allowed: 1 to 200"),
        ({"suppressed_by": ("y",)}, "x: suppressed by y, allowed: a kind that stands before it"),
        ({"suppressed_by": ("z",)}, "x: suppressed by z, allowed: a kind that stands before it"),
        ({"suppressed_by": ("x",)}, "x: suppressed by x, allowed: a kind that stands before it"),
    ],
)
def test_a_wrong_definition_is_told_in_a_sentence(fields, sentence):
    x = dataclasses.replace(define(), **fields)
    kinds = {"w": define(), "x": x, "z": define(suppressed_by=("w",))}
    assert Definitions(kinds).problems == (sentence,)
    assert [priority.label for priority in Priority] == ["critical", "high", "medium", "low"]
    assert (list(Definitions(kinds)), len(Definitions(kinds)), "q" in Definitions(kinds)) == (["w", "x", "z"], 3, False)

"""The daemon's state over MQTT: what a subscriber may rely on."""

import dataclasses
from collections import Counter

import orjson
from service_view_factory import ALARM, FOULED, make_snapshot, make_view, uncertain

from coolantd.point import Reason, bad, good
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.state_publisher import ALARMS_MAX, POINTS_PER_TICK_MAX, StatePublisher

TICK_S = 0.5


class Outbox:
    """Keeps what was published."""

    def __init__(self):
        self.messages = []

    def __call__(self, topic, payload, qos=0, retain=False):
        assert not retain, "an old value must never reach a new subscriber as a present one"
        self.messages.append((topic, orjson.loads(payload)))

    def take(self, prefix=""):
        taken, self.messages = [m for m in self.messages if m[0].startswith(prefix)], []
        return taken


def make_publisher():
    outbox = Outbox()
    return outbox, StatePublisher(outbox, "coolantd/row", wall_s=lambda: 1_700_000_000.5)


def run(publisher, view, duration_s, begin_s):
    for k in range(int(duration_s / TICK_S)):
        publisher.tick(view, begin_s + k * TICK_S)


def test_state_is_told_at_once_then_every_ten_seconds_while_nothing_changes():
    outbox, publisher = make_publisher()
    run(publisher, make_view(), 30.0, begin_s=100.0)
    states = outbox.take("coolantd/row/state")
    assert len(states) == 3
    state = states[0][1]
    assert state["ready"] is True
    assert state["cdus"] == [{"name": "cdu1", "mode": "automatic", "cause": ""}]
    assert state["loops"][0]["process_variable"] == 34.5
    assert state["timestamp_ms"] == 1_700_000_000_500


def test_a_changed_state_is_told_within_a_second_but_not_more_often():
    outbox, publisher = make_publisher()
    view = make_view()
    run(publisher, view, 5.0, begin_s=0.0)
    outbox.take()
    for k in range(20):
        loop = dataclasses.replace(view.loops[0], process_variable=34.0 + 0.01 * k)
        publisher.tick(dataclasses.replace(view, loops=(loop,)), 5.0 + k * TICK_S)
    assert len(outbox.take("coolantd/row/state")) == 10


def test_every_point_is_told_at_least_every_ten_seconds_and_evenly():
    outbox, publisher = make_publisher()
    view = make_view([good(1.0, 0.0)] * 60)
    run(publisher, view, 1.0, begin_s=0.0)
    outbox.take()
    sizes = []
    for k in range(20):
        publisher.tick(view, 1.0 + k * TICK_S)
        sizes.append(len(outbox.take("coolantd/row/points/")))
    assert sum(sizes) == 60
    assert max(sizes) <= 4


def test_a_quality_change_is_told_at_the_next_tick_without_a_value():
    outbox, publisher = make_publisher()
    view = make_view([good(1.0, 0.0)] * 40)
    run(publisher, view, 2.0, begin_s=0.0)
    outbox.take()
    samples = [good(1.0, 0.0)] * 40
    samples[39] = bad(Reason.NO_COMMUNICATION, 0.0)
    publisher.tick(dataclasses.replace(view, snapshot=make_snapshot(samples)), 2.0)
    told = dict(outbox.take("coolantd/row/points/cdu1/"))
    assert told["coolantd/row/points/cdu1/temp_39_c"] == {
        "value": None,
        "quality": "bad",
        "reason": "no_communication",
        "age_s": 0.25,
        "timestamp_ms": 1_700_000_000_500,
    }


def test_stale_and_then_bad_for_the_same_reason_is_a_change():
    outbox, publisher = make_publisher()
    publisher.tick(make_view([good(1.0, 0.0)] * 2), 0.0)
    view = make_view([good(1.0, 0.0), uncertain(1.0, Reason.STALE)])
    publisher.tick(view, 0.0)
    outbox.take()
    stale = make_snapshot([good(1.0, 0.0), bad(Reason.STALE, 0.0)])
    publisher.tick(dataclasses.replace(view, snapshot=stale), 0.0)
    assert [payload["quality"] for _, payload in outbox.take()] == ["bad"]


def test_a_tick_is_bounded_and_nobody_is_left_out_when_everything_changes():
    outbox, publisher = make_publisher()
    count = 3 * POINTS_PER_TICK_MAX + 7
    view = make_view([bad(Reason.WAITING_FOR_INITIAL_DATA, 0.0)] * count)
    seen = Counter()
    for k in range(4):
        publisher.tick(view, k * TICK_S)
        told = outbox.take("coolantd/row/points/")
        assert len(told) <= POINTS_PER_TICK_MAX
        assert all(payload["value"] is None and payload["age_s"] is None for _, payload in told)
        seen.update(topic for topic, _ in told)
    assert len(seen) == count


def test_a_reload_that_changes_the_points_starts_over():
    outbox, publisher = make_publisher()
    publisher.tick(make_view([good(1.0, 0.0)] * 5), 0.0)
    outbox.take()
    publisher.tick(make_view([good(1.0, 0.0)] * 3), 0.5)
    assert len(outbox.take("coolantd/row/points/")) == 3


def test_a_site_without_points_publishes_its_state():
    outbox, publisher = make_publisher()
    run(publisher, make_view([]), 2.0, begin_s=0.0)
    assert [topic for topic, _ in outbox.take()] == ["coolantd/row/state"]


def test_the_state_tells_the_conditions_without_an_age_that_would_change_all_the_time():
    outbox, publisher = make_publisher()
    run(publisher, make_view(conditions=(FOULED,)), 1.0, begin_s=0.0)
    state = outbox.take("coolantd/row/state")[0][1]
    assert state["conditions"] == [{"cdu": "cdu1", "condition": "fouling", "detail": ""}]


def test_the_state_tells_what_an_operator_is_to_see_with_its_age_which_alone_is_no_news():
    outbox, publisher = make_publisher()

    def view(*states, age_s=12.0, flood=False):
        alarms = tuple(dataclasses.replace(ALARM, state=state, age_s=age_s) for state in states)
        return make_view(alarms=AlarmsView(alarms=alarms, flood=flood))

    run(publisher, view("unacknowledged", "shelved", "suppressed"), 1.0, begin_s=0.0)
    ((_, state),) = outbox.take("coolantd/row/state")
    told = {"subject": "cdu1", "kind": "fouling", "priority": "low", "state": "unacknowledged", "detail": ""}
    assert (state["alarms"], state["alarm_flood"]) == ([told | {"age_s": 12.0}], False)
    run(publisher, view("unacknowledged", age_s=15.0), 5.0, begin_s=2.0)
    assert outbox.take("coolantd/row/state") == []
    run(publisher, view("acknowledged"), 1.0, begin_s=8.0)
    assert outbox.take("coolantd/row/state")[0][1]["alarms"][0]["state"] == "acknowledged"
    run(publisher, view(*["unacknowledged"] * 200), 1.0, begin_s=10.0)
    assert len(outbox.take("coolantd/row/state")[0][1]["alarms"]) == ALARMS_MAX

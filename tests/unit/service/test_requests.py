"""Requests to others: sent at once, repeated until confirmed, withdrawn; nothing stale or foreign confirms (FM-34)."""

import orjson
import pytest

from coolantd.device.mqtt import Message
from coolantd.safety.requests import Request
from coolantd.service.metrics import Metrics
from coolantd.service.requests import CDU, LEAK_ZONE, PATIENCE_S, QUICK_S, SLOW_S, RequestDesk, Wanted

TOPIC = "coolantd/site/request/power_off/leak_zone/rack1"
WALL_S = 1_700_000_000.0


class Link:
    def __init__(self):
        self.sent = []

    def publish(self, topic, payload, *, qos, retain=False, keep=False):
        assert (qos, retain, keep) == (1, False, False)
        self.sent.append((topic, orjson.loads(payload)))


class Clock:
    def wall_s(self):
        return WALL_S


class Desk:
    """A desk with everything around it replaced."""

    def __init__(self):
        self.link, self.events, self.files, self.heard, self.confirmed = Link(), [], {}, {}, []
        self.laid, self.way = [], True
        self.metrics = Metrics()
        self.desk = RequestDesk(
            clock=Clock(),
            journal=self,
            metrics=self.metrics,
            broker=lambda: (self.link, "coolantd/site") if self.way else None,
            attend=self.attend,
            files=self,
            confirmed=self.confirmed.append,
        )

    def record(self, event, **fields):
        self.events.append((event, fields))

    def attend(self, topics):
        self.heard = dict(topics)

    def put(self, name, data):
        self.laid.append(name)
        self.files[name] = orjson.loads(data)

    def remove(self, name):
        del self.files[name]

    def follow(self, now_s, *wanted):
        self.desk.follow(wanted, now_s)

    def names(self):
        return [event for event, _ in self.events]

    def answer(self, payload=None, *, retained=False, topic=f"{TOPIC}/confirm"):
        said = {"id": self.link.sent[-1][1]["id"], "done": True} if payload is None else payload
        raw = said if isinstance(said, bytes) else orjson.dumps(said)
        self.heard[topic](Message(topic, raw, retained, 0.0))


def power_off(*, confirmed=False, name="rack1"):
    return Wanted(Request.POWER_OFF, LEAK_ZONE, name, confirmed, judged=True, facts={"place": "r7", "cause": "leak"})


REDUCE = Wanted(Request.REDUCE_LOAD, CDU, "cdu1", confirmed=False, judged=False)


def test_a_request_goes_out_in_the_cycle_in_which_it_is_wanted():
    desk = Desk()
    desk.follow(100.0, power_off())
    ((topic, sent),) = desk.link.sent
    assert topic == TOPIC
    assert sent == {
        "place": "r7", "cause": "leak", "id": "1700000000000-1", "kind": "power_off", "about": "leak_zone",
        "name": "rack1", "wanted": True, "attempt": 1, "timestamp_ms": 1_700_000_000_000,
    }  # fmt: skip
    assert desk.files == {"power_off.leak_zone.rack1": sent}
    assert desk.events == [
        ("request_began", {"kind": "power_off", "about": "leak_zone", "name": "rack1", "id": "1700000000000-1",
                           "place": "r7", "cause": "leak"}),
    ]  # fmt: skip
    (view,) = desk.desk.views(101.0)
    assert (view.kind, view.about, view.name, view.confirmed, view.attempts, view.age_s) == (
        "power_off", "leak_zone", "rack1", False, 1, 1.0,
    )  # fmt: skip


def test_it_is_repeated_quickly_at_first_then_slowly_and_that_nobody_answers_is_told_once():
    desk = Desk()
    times = []
    for tenth in range(3000):
        before = len(desk.link.sent)
        desk.follow(tenth / 10.0, power_off())
        times += [tenth / 10.0] * (len(desk.link.sent) - before)
    quick = [QUICK_S * k for k in range(round(PATIENCE_S / QUICK_S) + 1)]
    assert times == pytest.approx([*quick, *(PATIENCE_S + SLOW_S * k for k in (1, 2, 3, 4))])
    assert desk.names() == ["request_began", "request_unanswered"]
    assert desk.laid == ["power_off.leak_zone.rack1"] * 5
    assert {sent["id"] for _, sent in desk.link.sent} == {"1700000000000-1"}
    assert [sent["attempt"] for _, sent in desk.link.sent] == list(range(1, len(times) + 1))


def test_what_is_measured_to_be_so_is_not_asked_for_again_until_it_is_so_no_longer():
    desk = Desk()
    desk.follow(0.0, power_off())
    desk.follow(10.0, power_off(confirmed=True))
    desk.follow(1000.0, power_off(confirmed=True))
    assert (len(desk.link.sent), desk.names()) == (1, ["request_began", "request_confirmed"])
    assert desk.desk.views(1000.0)[0].confirmed
    desk.follow(1001.0, power_off())
    assert len(desk.link.sent) == 2
    desk.follow(1002.0, power_off())
    assert len(desk.link.sent) == 2
    desk.follow(1003.0, power_off())
    assert (len(desk.link.sent), desk.names()[2:]) == (3, [])


def test_a_request_that_ends_is_withdrawn_both_ways():
    desk = Desk()
    desk.follow(0.0, power_off())
    desk.follow(1.0)
    assert desk.link.sent[-1][1]["wanted"] is False
    assert desk.files == {}
    assert desk.events[-1][0] == "request_ended"
    assert (desk.heard, desk.desk.views(1.0)) == ({}, ())
    desk.follow(2.0)
    assert len(desk.link.sent) == 2
    desk.follow(3.0, power_off())
    assert desk.link.sent[-1][1]["id"] == "1700000000000-2"


def test_an_answer_about_a_zone_goes_to_the_law_which_judges_it():
    desk = Desk()
    desk.follow(0.0, power_off())
    desk.answer()
    assert [wanted.name for wanted in desk.confirmed] == ["rack1"]
    desk.follow(2.0, power_off())
    assert len(desk.link.sent) == 2  # measured power says otherwise, and it alone counts


def test_an_answer_about_a_cdu_is_the_last_word():
    desk = Desk()
    desk.follow(0.0, REDUCE)
    assert desk.link.sent[0][0] == "coolantd/site/request/reduce_load/cdu/cdu1"
    desk.answer(topic="coolantd/site/request/reduce_load/cdu/cdu1/confirm")
    desk.follow(100.0, REDUCE)
    assert (len(desk.link.sent), desk.names()) == (1, ["request_began", "request_confirmed"])


@pytest.mark.parametrize(
    "payload",
    [{"id": "1700000000000-9", "done": True}, {"id": "1700000000000-1"}, {"id": "1700000000000-1", "done": 1},
     {"id": "1700000000000-1", "done": False}, {}, [], "done", b"not json", b"\xff", b'{"id": "' + b"x" * 2000 + b'"}'],
)  # fmt: skip
def test_fm_35_nothing_else_is_an_answer(payload):
    desk = Desk()
    desk.follow(0.0, power_off())
    desk.answer(payload)
    assert (desk.confirmed, desk.metrics.request_answers_refused._value.get()) == ([], 1.0)


def test_fm_34_a_retained_answer_is_none_and_neither_is_one_that_comes_too_late():
    desk = Desk()
    desk.follow(0.0, power_off())
    desk.answer(retained=True)
    late = desk.heard[f"{TOPIC}/confirm"]
    desk.follow(1.0)
    late(Message(TOPIC, b'{"id": "1700000000000-1", "done": true}', retained=False, received_s=0.0))
    assert desk.confirmed == []


def test_an_answer_counts_once():
    desk = Desk()
    desk.follow(0.0, REDUCE)
    for _ in range(2):
        desk.answer(topic="coolantd/site/request/reduce_load/cdu/cdu1/confirm")
    assert len(desk.confirmed) == 1


def test_fm_33_without_a_broker_the_file_is_laid_down_all_the_same():
    desk = Desk()
    desk.way = False
    desk.follow(0.0, power_off())
    assert (desk.link.sent, list(desk.files)) == ([], ["power_off.leak_zone.rack1"])
    desk.way = True
    desk.follow(QUICK_S, power_off())
    assert len(desk.link.sent) == 1
    assert list(desk.heard) == [f"{TOPIC}/confirm"]


def test_another_broker_is_listened_to_as_well():
    desk = Desk()
    desk.follow(0.0, power_off(), REDUCE)
    desk.heard, desk.link = {}, Link()
    desk.follow(0.5, power_off(), REDUCE)
    assert len(desk.heard) == 2
    desk.heard = {}
    desk.follow(1.0, power_off(), REDUCE)
    assert desk.heard == {}  # heard already


def test_requests_stand_beside_each_other():
    desk = Desk()
    desk.follow(0.0, power_off(), power_off(name="rack2"), REDUCE)
    assert sorted(desk.files) == ["power_off.leak_zone.rack1", "power_off.leak_zone.rack2", "reduce_load.cdu.cdu1"]
    desk.follow(1.0, power_off(name="rack2"))
    assert sorted(desk.files) == ["power_off.leak_zone.rack2"]
    assert desk.metrics.request_attempts.labels("power_off")._value.get() == 2.0

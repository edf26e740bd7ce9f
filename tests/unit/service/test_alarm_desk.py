"""The desk: fed once a cycle, asked by operators over a real socket, and never in the way of control (I13, FM-32)."""

import asyncio
import contextlib
import json
import os

import pytest

from coolantd.errors import CoolantdError
from coolantd.safety.alarm_book import Signal
from coolantd.safety.alarm_definition import Key
from coolantd.service.alarm_desk import AlarmDesk
from coolantd.service.alarm_requests import AlarmRequests
from coolantd.service.alarm_sources import value_of
from coolantd.service.alarm_table import DEFINITIONS
from coolantd.service.alarm_view import alarm_families, visible
from coolantd.service.control_client import request
from coolantd.service.control_socket import ControlSocket
from coolantd.service.metrics import Metrics

FOULING, PUMP, FLOW = "cdu1/fouling", "cdu1/pump_tripped", "cdu1/no_flow"


class Rig:
    """A desk with conditions that a test switches, a history in memory and a journal."""

    def __init__(self):
        self.there = {}
        self.rows = []
        self.orders = []
        self.metrics = Metrics()
        self.now_s = 10_000.0
        self.latched = {}
        self.desk = AlarmDesk(
            definitions=DEFINITIONS,
            signals=self.signals,
            history=self,
            metrics=self.metrics,
            wall_s=lambda: 1_700_000_000.0,
            begun_s=0.0,
        )
        self.requests = AlarmRequests(
            self.desk,
            self,
            journal=type("J", (), {"record": lambda _, event, **fields: self.orders.append(fields)})(),
            now_s=lambda: self.now_s,
            subjects=lambda: frozenset({"cdu1", "site"}),
            release_latch=self.release,
        )

    def signals(self, now_s):
        if isinstance(self.there, Exception):
            raise self.there
        return {key_of(tag): Signal(detail, scope="cdu1") for tag, detail in self.there.items()}

    def release(self, key):
        return self.latched.get(key.tag)

    def record(self, rows):
        self.rows += rows

    async def read(self, query):
        self.query = query
        return [{"id": 1}]

    def tick(self, *tags, dt_s=0.5, **details):
        self.now_s += dt_s
        self.there = dict.fromkeys(tags, "") | {f"cdu1/{kind}": detail for kind, detail in details.items()}
        self.desk.look(self.now_s)

    def alarm(self, tag):
        return next((each for each in self.desk.view(self.now_s).alarms if each.tag == tag), None)


def key_of(tag):
    subject, _, kind = tag.rpartition("/")
    return Key(kind, subject)


@pytest.fixture
def rig():
    return Rig()


def test_an_alarm_is_shown_with_cause_consequence_and_action_and_written_down(rig):
    rig.tick(pump_tripped="pump1")
    alarm = rig.alarm(PUMP)
    assert (alarm.priority, alarm.state, alarm.detail, alarm.first_out) == ("high", "unacknowledged", "pump1", True)
    assert alarm.cause.startswith("a pump does not turn")
    assert alarm.consequence
    assert alarm.action
    (row,) = rig.rows
    assert (row.event, row.state_before, row.state, row.detail, row.uid) == (
        "raised",
        "normal",
        "unacknowledged",
        "pump1",
        None,
    )
    assert value_of(rig.metrics.alarms_announced.labels("high")) == 1.0


def test_i13_whatever_goes_wrong_ends_at_the_desk_and_is_counted(rig):
    rig.tick(FOULING)
    rig.there = RuntimeError("a bug")
    rig.desk.look(rig.now_s + 1.0)
    assert value_of(rig.metrics.alarm_failures) == 1.0
    assert rig.alarm(FOULING).state == "unacknowledged"
    rig.tick(FOULING)
    assert value_of(rig.metrics.alarm_failures) == 1.0


def test_a3_a_flood_shows_one_alarm_and_every_critical_one(rig):
    rig.tick(*(f"cdu{i}/pump_tripped" for i in range(12)), FLOW)
    view = rig.desk.view(rig.now_s)
    assert [each.tag for each in visible(view)] == [FLOW, "site/alarm_flood"]
    assert (view.flood, view.announced_10min, len(view.alarms)) == (True, 13, 14)


def test_the_most_urgent_stands_first_and_what_is_hidden_last(rig):
    rig.tick(FOULING, PUMP, FLOW, "cdu1/sensor_stuck")
    ask(rig, "suppress", tag="cdu1/sensor_stuck", owner="ana", reason="mending")
    assert [each.kind for each in rig.desk.view(rig.now_s).alarms] == [
        "no_flow",
        "pump_tripped",
        "fouling",
        "sensor_stuck",
    ]


def test_series_are_bounded_and_say_state_and_priority(rig):
    rig.tick(FOULING, FLOW)
    families = {name: rows for name, _, rows in alarm_families(rig.desk.view(rig.now_s))}
    assert len(families["coolantd_alarm_active"]) == 4 * 7
    active = {tuple(value for _, value in labels): number for labels, number in families["coolantd_alarm_active"]}
    assert (active["critical", "unacknowledged"], active["low", "unacknowledged"], active["low", "shelved"]) == (
        1,
        1,
        0,
    )
    assert len(families["coolantd_alarm_state"]) == 2
    rig.now_s += 86_400.0
    later = {name: rows for name, _, rows in alarm_families(rig.desk.view(rig.now_s))}
    assert later["coolantd_alarms_stale"] == [((), 2)]
    assert later["coolantd_alarm_unacknowledged_seconds"] == [((), 86_400.0)]


def ask(rig, command, uid=7, **order):
    peer = type("Peer", (), {"uid": uid, "pid": 1})()
    handler = rig.requests.handlers()[f"alarm_{command}"]
    return asyncio.run(handler({"command": f"alarm_{command}", **order}, peer))


def test_an_acknowledgement_is_recorded_with_who_gave_it(rig):
    rig.tick(PUMP, FOULING)
    reply = ask(rig, "ack", uid=1001, tags=[PUMP])
    assert reply == {"ok": True, "acknowledged": [PUMP], "released": [], "not_released": {}}
    assert rig.orders[-1] == {"command": "alarm_ack", "uid": 1001, "pid": 1, "tags": [PUMP], "all": False}
    assert (rig.rows[-1].event, rig.rows[-1].uid) == ("acknowledged", 1001)
    assert rig.alarm(PUMP).state == "acknowledged"
    assert rig.alarm(FOULING).state == "unacknowledged"
    assert ask(rig, "ack", all=True)["acknowledged"] == [FOULING]


def test_i7_only_an_acknowledgement_by_name_opens_a_latch_and_its_refusal_is_told(rig):
    rig.tick(PUMP, FLOW)
    rig.latched = {PUMP: "", FLOW: "it is still wet"}
    assert ask(rig, "ack", all=True)["released"] == []
    reply = ask(rig, "ack", tags=[PUMP, FLOW])
    assert (reply["released"], reply["not_released"]) == ([PUMP], {FLOW: "it is still wet"})


def test_shelving_needs_owner_and_reason_ends_by_itself_and_can_be_ended(rig):
    rig.tick(FOULING)
    assert ask(rig, "shelve", tag=FOULING, owner="ana", reason="Monday", for_s=60)["for_s"] == 60.0
    alarm = rig.alarm(FOULING)
    assert (alarm.state, alarm.owner, alarm.reason, alarm.hidden_left_s) == ("shelved", "ana", "Monday", 60.0)
    assert (rig.rows[-1].owner, rig.rows[-1].uid) == ("ana", 7)
    ask(rig, "unshelve", tag=FOULING)
    assert rig.alarm(FOULING).state == "unacknowledged"
    assert ask(rig, "shelve", tag=FOULING, owner="ana", reason="Monday")["for_s"] == 1800.0
    rig.tick(FOULING, dt_s=1800.0)
    assert rig.alarm(FOULING).state == "unacknowledged"


def test_out_of_service_and_back(rig):
    rig.tick(FOULING)
    ask(rig, "suppress", tag=FOULING, owner="ana", reason="no exchanger yet")
    assert rig.alarm(FOULING).state == "out_of_service"
    ask(rig, "unsuppress", tag=FOULING)
    assert rig.alarm(FOULING).state == "unacknowledged"


@pytest.mark.parametrize(
    ("command", "order", "sentence"),
    [
        ("ack", {}, "tags must be a list of 1 to 100 texts such as cdu1/pump_tripped, or all be true"),
        ("ack", {"tags": ["nonsense"]}, "tag is 'nonsense', allowed: subject/kind, for example cdu1/pump_tripped"),
        (
            "ack",
            {"tags": ["cdu9/fouling"]},
            "'cdu9/fouling' is no alarm now; coolantd alarm list --all shows those there are",
        ),
        ("ack", {"tags": [7]}, "tags must be a list of 1 to 100 texts such as cdu1/pump_tripped, or all be true"),
        ("shelve", {"tag": 7}, "tag is '7', allowed: a text"),
        ("shelve", {"tag": FOULING, "owner": "a", "reason": ""}, "reason has 0 characters, allowed: 1 to 200"),
        (
            "shelve",
            {"tag": FOULING, "owner": "a", "reason": "b", "for_s": 28801},
            "for_s is 28801, allowed: above 0, at most 28800 (8 h)",
        ),
        (
            "shelve",
            {"tag": FOULING, "owner": "a", "reason": "b", "for_s": "x"},
            "for_s is 'x', allowed: a number of seconds",
        ),
        (
            "shelve",
            {"tag": FLOW, "owner": "a", "reason": "b"},
            f"{FLOW} may not be hidden: it is critical, latching or the flood alarm; acknowledge it",
        ),
        (
            "suppress",
            {"tag": "cdu7/fouling", "owner": "a", "reason": "b"},
            "there is nothing called 'cdu7' here that an alarm could be about",
        ),
        ("unshelve", {"tag": FOULING}, f"{FOULING} is not shelved"),
        ("unsuppress", {"tag": FOULING}, f"{FOULING} is not out of service"),
        ("history", {"rows": 0}, "rows is '0', allowed: a whole number from 1 to 5000"),
        ("history", {"rows": True}, "rows is 'True', allowed: a whole number from 1 to 5000"),
        ("history", {"subject": 7}, "subject is '7', allowed: a text"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(rig, command, order, sentence):
    rig.tick(FOULING)
    with pytest.raises(CoolantdError) as refusal:
        ask(rig, command, **order)
    assert str(refusal.value) == sentence
    assert rig.alarm(FOULING).state == "unacknowledged"


def test_the_history_is_asked_for_what_was_ordered(rig):
    assert ask(rig, "history", rows=5, since_s=1.5, subject="cdu1", kind="fouling", before_id=9) == {
        "events": [{"id": 1}]
    }
    query = rig.query
    assert (query.rows, query.since_s, query.subject, query.kind, query.before_id) == (5, 1.5, "cdu1", "fouling", 9)


async def test_over_a_real_socket_an_operator_lists_acknowledges_and_shelves(rig, tmp_path):
    control = ControlSocket(tmp_path / "c.sock", handlers=rig.requests.handlers())
    await control.start()
    try:
        rig.tick(pump_tripped="pump1")

        async def order(command, **fields):
            return await asyncio.to_thread(request, control.path, {"command": command, **fields})

        view = await order("alarm_list")
        assert [each["tag"] for each in view["alarms"]] == [PUMP]
        assert (await order("alarm_ack", tags=[PUMP]))["acknowledged"] == [PUMP]
        assert rig.orders[-1]["uid"] == os.getuid()
        assert (await order("alarm_shelve", tag=PUMP, owner="ana", reason="new seal"))["ok"]
        assert (await order("alarm_list"))["alarms"][0]["state"] == "shelved"
        with pytest.raises(CoolantdError, match="8 h"):
            await order("alarm_shelve", tag=PUMP, owner="ana", reason="new seal", for_s=1e9)
    finally:
        await control.stop()


def test_a_restart_remembers_and_what_is_kept_is_equal_while_nothing_changes(rig):
    rig.tick(FOULING, PUMP)
    ask(rig, "shelve", tag=FOULING, owner="ana", reason="Monday", for_s=3600)
    kept = json.loads(json.dumps(rig.desk.keep()))
    rig.tick(FOULING, PUMP, dt_s=5.0)
    assert rig.desk.keep() == kept, "a disk is not written for nothing"
    rig.tick(FOULING, PUMP, dt_s=60.0)
    assert rig.desk.keep() != kept
    after = Rig()
    after.desk.restore(kept, 600.0)
    after.now_s = 0.0
    assert after.alarm(FOULING).hidden_left_s == pytest.approx(3000.0)
    assert after.alarm(PUMP).state == "unacknowledged"
    other = Rig()
    other.desk.restore(kept, float("nan"))
    assert {each.tag for each in other.desk.view(0.0).alarms} == {FOULING, PUMP}
    with contextlib.suppress(Exception):
        other.desk.restore({"alarms": [[]]}, 0.0)
    assert {each.tag for each in other.desk.view(0.0).alarms} == {FOULING, PUMP}

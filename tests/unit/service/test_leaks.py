"""The shell of the leak policy: what is shown, told, ordered, kept, asked of others and refused at a reload (I7)."""

import asyncio
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from coolantd.cli.leak_tables import leak_notes, leaks_table, render_leaks
from coolantd.control.golden import golden_plan
from coolantd.control.step import initial_state
from coolantd.errors import CoolantdError
from coolantd.safety.leak_layout import (
    D_FAULT,
    D_WET,
    Z_BLIND,
    Z_FIRST,
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_LEVEL,
    Z_POWER,
    Z_POWER_TOLD,
    Z_STEP,
    Z_TEST_S,
    Z_UNSEEN,
    Z_WORST,
    Kind,
    Level,
    Step,
    StepState,
)
from coolantd.safety.leak_plan import DetectorParameters, ZoneParameters, pack_leaks
from coolantd.safety.requests import REQUESTS, Request
from coolantd.service.exposition import _family
from coolantd.service.leak_series import leak_families
from coolantd.service.leak_view import leak_zone_views
from coolantd.service.leaks import Leaks
from coolantd.service.metrics import Metrics

PEER = SimpleNamespace(uid=1000, pid=7)


def zone(name, **more):
    detectors = tuple(
        DetectorParameters(tag=f"m.{name}_{k}", point=0, level=Level.MAJOR, wet_above=0.5) for k in ("a", "b")
    )
    given = {"kind": Kind.BRANCH, "place": f"place {name}", "detectors": detectors, "isolate_at": Level.MAJOR}
    return ZoneParameters(name=name, **(given | more))


class Shell:
    """A shell around a state that the test sets by hand; no step runs."""

    def __init__(self, *zones):
        plan = dataclasses.replace(golden_plan(), leaks=pack_leaks(zones or (zone("rack1", valve=1), zone("rack2"))))
        requests = np.zeros((1, REQUESTS), dtype=np.int64), np.zeros((len(plan.leaks.zones), REQUESTS), dtype=np.int64)
        self.cycle = SimpleNamespace(plan=plan, state=initial_state(plan), watchers=[], decision=None)
        self.decision = SimpleNamespace(requests=requests[0], zone_requests=requests[1])
        self.events, self.sent, self.laid = [], [], {}
        self.leaks = Leaks(
            cycle=self.cycle,
            fleet=SimpleNamespace(broker=lambda: (self, "site"), attend=lambda topics: None),
            clock=SimpleNamespace(wall_s=lambda: 1.0),
            journal=self,
            metrics=Metrics(),
            files=self,
        )
        self.cycle.decision = self.decision

    def record(self, event, **fields):
        self.events.append((event, fields))

    def publish(self, topic, payload, *, qos):
        self.sent.append((topic, payload))

    def put(self, name, data):
        self.laid[name] = data

    def remove(self, name):
        self.laid.pop(name, None)

    @property
    def z(self):
        return self.cycle.state.leak_z

    @property
    def d(self):
        return self.cycle.state.leak_d

    def follow(self, now_s=0.0):
        self.events.clear()
        for watch in self.cycle.watchers:
            watch(now_s)
        return self.events

    def views(self):
        return leak_zone_views(self.cycle.plan.leaks, (self.z, self.d))

    def ask(self, command, **order):
        return asyncio.run(self.leaks.handlers[command](order, PEER))


def leaking(shell, row=0):
    shell.d[[0, 1], D_WET] = 1.0
    shell.z[row, [Z_LEVEL, Z_WORST]] = Level.MAJOR
    shell.z[row, [Z_ISOLATE, Z_POWER]] = 1.0
    shell.z[row, Z_FIRST] = 1.0
    shell.z[row, Z_STEP + Step.POWER] = StepState.UNDER_WAY
    shell.decision.zone_requests[row, Request.POWER_OFF] = 1


def test_a_zone_is_shown_as_it_is():
    shell = Shell()
    leaking(shell)
    shell.d[2, D_FAULT] = shell.z[1, Z_BLIND] = 1.0
    shell.z[1, Z_TEST_S] = 30.0
    first, second = shell.views()
    assert (first.zone, first.kind, first.place, first.level, first.worst) == (
        "rack1", "branch", "place rack1", "major", "major",
    )  # fmt: skip
    assert (first.isolated, first.power_cut, first.first, first.blind) == (True, True, "m.rack1_b", False)
    assert (first.power, first.bypass, first.valve, first.pumps) == ("under_way", "idle", "idle", "idle")
    assert [(each.point, each.wet, each.fault) for each in first.detectors] == [
        ("m.rack1_a", True, False), ("m.rack1_b", True, False),
    ]  # fmt: skip
    assert (second.level, second.worst, second.first, second.blind, second.test_left_s) == (
        "dry",
        "dry",
        "",
        True,
        30.0,
    )
    assert [(each.wet, each.fault) for each in second.detectors] == [(False, True), (False, False)]


def test_what_changes_is_told_once():
    shell = Shell()
    assert shell.follow() == []
    leaking(shell)
    told = shell.follow()
    assert [event for event, _ in told if not event.startswith("request")] == [
        "leak_level", "leak_isolated", "leak_power_cut", "leak_step", "leak_detector_wet", "leak_detector_wet",
    ]  # fmt: skip
    assert told[0][1] == {"zone": "rack1", "place": "place rack1", "leak": "major", "previous": "dry",
                          "first": "m.rack1_b", "found_shut": False}  # fmt: skip
    assert told[3][1] == {"zone": "rack1", "place": "place rack1", "power": "under_way", "previous": "idle"}
    assert shell.follow() == []
    shell.d[0, D_FAULT] = shell.z[0, Z_BLIND] = 1.0
    shell.z[1, Z_TEST_S] = 5.0
    assert [event for event, _ in shell.follow()] == ["leak_blind", "leak_detector_fault", "leak_test_began"]
    shell.z[1, Z_TEST_S] = 0.0
    assert [event for event, _ in shell.follow()] == ["leak_test_ended"]


def test_a_request_of_a_zone_or_a_cdu_goes_out_with_what_it_is_about():
    shell = Shell()
    leaking(shell)
    shell.decision.requests[0, Request.REDUCE_LOAD] = 1
    shell.follow()
    assert [topic for topic, _ in shell.sent] == [
        "site/request/reduce_load/cdu/golden", "site/request/power_off/leak_zone/rack1",
    ]  # fmt: skip
    assert b'"place":"place rack1","cause":"major leak","first":"m.rack1_b"' in shell.sent[1][1]
    assert set(shell.laid) == {"reduce_load.cdu.golden", "power_off.leak_zone.rack1"}
    shell.z[0, Z_STEP + Step.POWER] = StepState.CONFIRMED
    shell.follow(10.0)
    assert [each.confirmed for each in shell.leaks.requests.views(10.0)] == [False, True]


def test_before_the_first_decision_nothing_is_asked_of_anybody():
    shell = Shell()
    shell.cycle.decision = None
    shell.follow()
    assert shell.sent == []


def test_i7_an_acknowledgement_is_recorded_with_who_gave_it_and_applied_between_two_cycles():
    shell = Shell()
    leaking(shell)
    with pytest.raises(
        CoolantdError, match=r"leak zone rack1: m\.rack1_a is still wet; dry it, then acknowledge again"
    ):
        shell.ask("leak_acknowledge", zone="rack1")
    refused = {"refusal": "m.rack1_a is still wet; dry it, then acknowledge again", "uid": 1000, "pid": 7}
    assert shell.events[-1] == ("order", {"command": "leak_acknowledge", "zone": "rack1"} | refused)
    assert shell.z[0, Z_ISOLATE] == 1.0
    shell.d[:, D_WET] = 0.0
    before = shell.cycle.state
    reply = shell.ask("leak_acknowledge", zone="rack1")
    assert reply == {"ok": True, "zone": "rack1", "was": "major", "isolated": True, "power_cut": True}
    assert shell.events[-1][1]["refusal"] == ""
    assert (before.leak_z[0, Z_ISOLATE], shell.z[0, Z_ISOLATE]) == (1.0, 0.0)


@pytest.mark.parametrize("name", ["rack9", None, 3, ["rack1"]])
def test_an_order_about_no_zone_names_those_there_are(name):
    with pytest.raises(CoolantdError, match=r"no leak zone .*, allowed: rack1, rack2$"):
        Shell().ask("leak_acknowledge", zone=name)
    many = Shell(*(zone(f"z{k}") for k in range(25)))
    with pytest.raises(CoolantdError, match=r"z19 and 5 more$"):
        many.ask("leak_test", zone=name)
    none = Shell()
    none.cycle.plan = dataclasses.replace(none.cycle.plan, leaks=pack_leaks())
    with pytest.raises(CoolantdError, match=r"allowed: a \[\[leak_zone\]\] in the configuration"):
        none.ask("leak_power_off", zone=name)


def test_a_test_begins_and_ends_by_order():
    shell = Shell()
    assert shell.ask("leak_test", zone="rack2") == {"ok": True, "zone": "rack2", "for_s": 600.0}
    assert shell.z[1, Z_TEST_S] == 600.0
    assert shell.ask("leak_test", zone="rack2", for_s=0)["for_s"] == 0
    assert shell.z[1, Z_TEST_S] == 0.0
    for odd in (True, "10", None, float("nan"), float("inf")):
        with pytest.raises(CoolantdError, match="allowed: seconds"):
            shell.ask("leak_test", zone="rack2", for_s=odd)
    with pytest.raises(CoolantdError, match="a test of 7200 s, allowed: 0 to 3600 s"):
        shell.ask("leak_test", zone="rack2", for_s=7200)


def test_an_operator_or_a_message_tells_that_the_power_is_off():
    shell = Shell()
    with pytest.raises(CoolantdError, match="nobody was asked to cut its power"):
        shell.ask("leak_power_off", zone="rack1")
    leaking(shell)
    assert shell.ask("leak_power_off", zone="rack1")["ok"]
    assert shell.z[0, Z_POWER_TOLD] == 1.0
    shell.z[0, Z_POWER_TOLD] = 0.0
    shell.leaks.orders.confirmed("rack1")
    shell.leaks.orders.confirmed("rack9")
    assert shell.z[0, Z_POWER_TOLD] == 1.0


def test_i7_the_latches_survive_a_restart_whatever_their_age():
    shell = Shell()
    leaking(shell)
    section = shell.leaks.section
    kept = section.keep()
    after = Shell()
    after.leaks.section.restore(kept, float("nan"))
    assert after.z[:, Z_ISOLATE].tolist() == [1.0, 0.0]
    assert after.z[:, Z_UNSEEN].tolist() == [0.0, 1.0]
    assert section.age_max_s == float("inf")
    gone = Shell(zone("rack2"))
    gone.leaks.section.restore(kept, 1.0)
    assert not gone.z[:, Z_ISOLATE].any()


def test_i7_a_reload_that_would_forget_a_latch_is_refused():
    shell = Shell()
    other = dataclasses.replace(golden_plan(), leaks=pack_leaks([zone("rack2")]))
    assert shell.leaks.refusals(lambda: pytest.fail("nothing is latched, so no plan is needed")) == []
    leaking(shell)
    assert shell.leaks.refusals(lambda: other) == [
        "leak zone rack1 is latched, and its branch would open: acknowledge it first"
    ]
    assert shell.leaks.refusals(lambda: shell.cycle.plan) == []


def test_metrics_have_a_series_for_each_zone_state_and_detector():
    shell = Shell()
    leaking(shell)
    shell.follow()
    text = "".join(_family(*each) for each in leak_families(shell.views(), shell.leaks.requests.views(1.0)))
    samples = {
        (s.name, *sorted(s.labels.items())): s.value for f in text_string_to_metric_families(text) for s in f.samples
    }
    levels = {word: samples["coolantd_leak_zone_level", ("level", word), ("zone", "rack1")] for word in
              ("dry", "unconfirmed", "minor", "major", "critical")}  # fmt: skip
    assert levels == {"dry": 0.0, "unconfirmed": 0.0, "minor": 0.0, "major": 1.0, "critical": 0.0}
    for name, value in (("isolated", 1.0), ("power_cut", 1.0), ("blind", 0.0), ("test_active", 0.0)):
        assert samples[f"coolantd_leak_zone_{name}", ("zone", "rack1")] == value
    key = "coolantd_leak_zone_step", ("state", "under_way"), ("step", "power"), ("zone", "rack1")
    assert samples[key] == 1.0
    assert samples["coolantd_leak_detector_wet", ("point", "m.rack1_a"), ("zone", "rack1")] == 1.0
    assert samples["coolantd_leak_detector_fault", ("point", "m.rack1_a"), ("zone", "rack1")] == 0.0
    asked = ("about", "leak_zone"), ("kind", "power_off"), ("name", "rack1")
    assert samples["coolantd_request_active", *asked] == 1.0
    assert samples["coolantd_request_confirmed", *asked] == 0.0
    assert not any("leak" in name for name, *_ in leak_families((), ()))


def status_of(shell):
    zones = [dataclasses.asdict(view) for view in shell.views()]
    return {"leak_zones": zones, "requests": [dataclasses.asdict(each) for each in shell.leaks.requests.views(0.0)]}


LATCHED = (
    "leak zone rack1: place rack1 is latched, as there was a major leak; when it is dry and mended: "
    "coolantd leak ack rack1"
)


def test_people_read_what_to_do():
    shell = Shell()
    assert leak_notes(status_of(shell)) == []
    leaking(shell)
    shell.z[0, Z_STEP + Step.VALVE] = shell.z[0, Z_STEP + Step.BYPASS] = StepState.UNCONFIRMED
    shell.z[0, Z_STEP + Step.POWER] = StepState.UNCONFIRMED
    shell.d[2, D_FAULT] = shell.z[1, Z_BLIND] = 1.0
    shell.z[1, Z_TEST_S] = 30.0
    shell.follow()
    assert leak_notes(status_of(shell)) == [
        "leak zone rack1: major leak at place rack1, first at m.rack1_b: look there now",
        LATCHED,
        "leak zone rack1: its power is not known to be off",
        "leak zone rack1: its valve is not seen to shut",
        "leak zone rack1: the bypass is not seen to open",
        "leak zone rack2: detector in fault: m.rack2_a; a leak could not be confirmed; mend its wire",
        "leak zone rack2: its detectors are being tested for 30s more; a leak would not be acted upon",
        "power off of rack1: asked 1 times, not confirmed",
    ]
    shell.z[0, Z_LEVEL], shell.z[0, Z_FOUND_SHUT], shell.z[0, Z_FIRST] = Level.UNCONFIRMED, 1.0, -1.0
    notes = leak_notes(status_of(shell))
    assert notes[0] == "leak zone rack1: one detector is wet and no other agrees at place rack1: look there now"
    assert "as it was found shut at the start" in notes[1]


def test_the_table_has_a_row_for_each_zone():
    shell = Shell()
    leaking(shell)
    table = leaks_table(status_of(shell))
    assert table.row_count == 2
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert cells[2:] == [["major", "dry"], ["latched", ""], ["off under way", ""], ["rack1_a wet, rack1_b wet", "dry"]]
    shell.z[0, Z_STEP + Step.VALVE] = StepState.CONFIRMED
    shell.d[0, D_FAULT] = 1.0
    cells = [[str(cell) for cell in column.cells] for column in render_leaks(status_of(shell)).columns]
    assert (cells[3][0], cells[5][0]) == ("valve confirmed", "rack1_a wet, rack1_b wet, rack1_a in fault")
    assert leaks_table({}).row_count == 0

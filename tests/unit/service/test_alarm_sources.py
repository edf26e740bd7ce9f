"""What is so becomes a signal, by its own name: conditions, hazards, modes, writing, devices and the daemon itself."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from service_view_factory import make_labels

from coolantd.control.conditions import CONDITIONS, Condition
from coolantd.control.golden import golden_plan
from coolantd.control.step import initial_state
from coolantd.safety.alarm_book import Signal
from coolantd.safety.envelope_layout import DEVICE_STATES, Refusal
from coolantd.safety.hazards import HAZARDS, Hazard
from coolantd.safety.interlocks import RULES
from coolantd.safety.latch import H_ACKNOWLEDGED, H_ACTIVE, H_GONE_S
from coolantd.safety.modes import Mode
from coolantd.service import alarm_sources
from coolantd.service.alarm_latches import Latches
from coolantd.service.alarm_sources import CERTIFICATE_S, ECHO_S, AlarmSources, Sources
from coolantd.service.condition_watch import ConditionWatch
from coolantd.service.metrics import Metrics
from coolantd.service.request_view import RequestView
from coolantd.service.view import DeviceView, ReloadView
from coolantd.service.vitals import ServiceFault

PLAN = golden_plan()
CDU = PLAN.cdus[0]
DEVICE = DeviceView(name=CDU.device, transport="modbus_tcp", endpoint="x", up=True, fault="")
WALL_S = 1.7e9


class Silent:
    def record(self, event, **fields):
        pass


class Rig:
    """A daemon in which all is well until a test says otherwise."""

    def __init__(self):
        n, m = len(PLAN.cdus), len(PLAN.actuators)
        self.decision = SimpleNamespace(
            conditions=np.zeros((n, CONDITIONS), dtype=np.int64),
            details=np.full((n, CONDITIONS), -1, dtype=np.int64),
            hazards=np.zeros((n, HAZARDS), dtype=np.int64),
            hazard_details=np.full((n, HAZARDS), -1, dtype=np.int64),
            modes=np.full(n, int(Mode.AUTOMATIC)),
        )
        self.outlets = [SimpleNamespace(parameters=PLAN.actuators[i], lease=None, refusal=0) for i in range(m)]
        self.cycle = SimpleNamespace(
            plan=PLAN,
            state=initial_state(PLAN),
            decision=self.decision,
            conditions=ConditionWatch(Silent()),
            writer=SimpleNamespace(actuators=self.outlets, left_to_local=lambda name: name in self.local),
            table=SimpleNamespace(labels=make_labels(9)),
        )
        self.local: set[str] = set()
        self.devices = [DEVICE]
        self.reload = ReloadView(successful=True, success_time_s=0.0, digest="", error="")
        self.broker = True
        self.faults: tuple[ServiceFault, ...] = ()
        self.requests: tuple[RequestView, ...] = ()
        self.metrics = Metrics()
        self.now_s = 100.0
        self.sources = AlarmSources(
            Sources(
                cycle=self.cycle,
                devices=lambda now_s: tuple(self.devices),
                reload=lambda: self.reload,
                broker=lambda: self.broker,
                requests=lambda now_s: self.requests,
                faults=lambda: self.faults,
                metrics=self.metrics,
                wall_s=lambda: WALL_S,
                memory_bytes=lambda: 100 << 20,
            )
        )

    def look(self, dt_s=1.0):
        self.now_s += dt_s
        self.cycle.conditions.follow(PLAN, self.decision, self.cycle.table.labels, self.now_s)
        return {key.tag: signal for key, signal in self.sources.collect(self.now_s).items()}


@pytest.fixture
def rig():
    rig = Rig()
    assert rig.look() == {}, "all is well"
    return rig


def test_a_condition_names_its_part_and_the_devices_that_may_explain_it(rig):
    rig.decision.conditions[0, Condition.PUMP_TRIPPED] = 1
    rig.decision.details[0, Condition.PUMP_TRIPPED] = 0
    pump = PLAN.actuators[CDU.pumps[0]].name
    assert rig.look() == {f"{CDU.name}/pump_tripped": Signal(pump, (CDU.device,), CDU.name)}
    rig.decision.conditions[:] = 0
    rig.decision.conditions[0, Condition.SENSOR_STUCK] = 1
    rig.decision.details[0, Condition.SENSOR_STUCK] = 3
    rig.cycle.table.labels = replace(make_labels(9), devices=("rack9",) * 9)
    assert rig.look()[f"{CDU.name}/sensor_stuck"].parents == (CDU.device, "rack9")


def test_a_hazard_is_a_signal_unless_another_alarm_tells_it(rig):
    rig.decision.hazards[0, [Hazard.NO_FLOW, Hazard.SENSOR_STUCK, Hazard.PUMP_NOT_TURNING]] = 1
    rig.decision.hazard_details[0, Hazard.PUMP_NOT_TURNING] = 0
    pump = PLAN.actuators[CDU.pumps[0]].name
    assert rig.look() == {
        f"{CDU.name}/no_flow": Signal("", (CDU.device,), CDU.name),
        f"{CDU.name}/pump_not_turning": Signal(pump, (CDU.device,), CDU.name),
    }


def test_before_the_first_decision_nothing_is_said_of_hazards_and_modes(rig):
    rig.cycle.decision = None
    assert rig.look() == {}


def test_a_cdu_in_failsafe(rig):
    rig.decision.modes[0] = int(Mode.FAILSAFE)
    assert rig.look() == {f"{CDU.name}/cdu_failsafe": Signal("", (CDU.device,), CDU.name)}


def test_fm_22_registers_left_to_others_and_refused_writes(rig):
    rig.outlets[0].lease = object()
    rig.outlets[1].refusal = int(Refusal.OUT_OF_RANGE)
    first, second = (f"{each.device}.{each.name}" for each in PLAN.actuators[:2])
    found = rig.look()
    assert set(found) == {f"{first}/actuator_yielded", f"{second}/write_refused"}
    assert found[f"{second}/write_refused"].detail == "out of range"


@pytest.mark.parametrize("refusal", sorted(DEVICE_STATES), ids=lambda each: each.name.lower())
def test_a1_what_the_gate_refuses_for_the_devices_own_state_is_told_as_that_state(rig, refusal):
    rig.outlets[1].refusal = int(refusal)
    assert rig.look() == {}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"up": False, "fault": "timeout"}, {"device_down"}),
        ({"up": False, "wrong": True}, {"device_wrong"}),
        ({"up": False, "paused_left_s": 60.0}, {"device_paused"}),
        ({"settings_wrong": ("timeout_s",)}, {"setting_wrong"}),
    ],
)
def test_devices(rig, changes, kinds):
    rig.devices = [replace(DEVICE, **changes)]
    assert set(rig.look()) == {f"{DEVICE.name}/{kind}" for kind in kinds}
    rig.local = {DEVICE.name}
    expected = kinds if "device_paused" in kinds else kinds | {"device_local"}
    assert set(rig.look()) == {f"{DEVICE.name}/{kind}" for kind in expected}


def test_what_costs_something_is_looked_at_once_a_second(rig):
    rig.devices = [replace(DEVICE, up=False)]
    assert rig.look(dt_s=0.5) == {}
    assert set(rig.look(dt_s=0.5)) == {f"{DEVICE.name}/device_down"}
    rig.devices = [replace(DEVICE, up=False, transport="mqtt")]
    assert rig.look()[f"{DEVICE.name}/device_down"].parents == ("site",), "a broker that is gone explains it"


def test_the_daemon_itself(rig):
    rig.broker = False
    rig.reload = replace(rig.reload, successful=False)
    rig.faults = (ServiceFault("loop_stalled", active=True, detail="for 1.2 s"), ServiceFault("suspended", False, ""))
    rig.metrics.mqtt_certificate_expiry_s.set(WALL_S + CERTIFICATE_S - 1.0)
    kinds = ("broker_gone", "reload_failed", "loop_stalled", "certificate_ends")
    assert rig.look() == {f"site/{kind}": Signal() for kind in kinds}
    rig.broker = None
    assert "site/broker_gone" not in rig.look(), "none is configured"


def test_fm_30_a_loss_that_was_counted_stands_for_a_while(rig):
    rig.metrics.journal_dropped.inc()
    rig.metrics.alarm_events_lost.inc(3)
    rig.metrics.state_failed.inc()
    rig.metrics.state_discarded.set(1)
    kinds = {"site/journal_failing", "site/alarm_journal_failing", "site/state_not_kept", "site/state_discarded"}
    assert set(rig.look()) == kinds
    assert set(rig.look(dt_s=ECHO_S - 0.1)) == kinds
    assert set(rig.look()) == set()


def test_an_alarm_may_be_about_what_there_is(rig):
    actuators = {f"{each.device}.{each.name}" for each in PLAN.actuators}
    assert rig.sources.subjects() == {"site", CDU.name, CDU.device} | actuators | set(make_labels(9).devices) | {
        name for cdu in PLAN.cdus for name in (cdu.name, cdu.device)
    }


def test_i7_an_acknowledgement_by_name_releases_a_latched_hazard_whose_cause_is_gone(rig):
    latches, key = Latches(rig.cycle), next(iter(rig.sources.collect(0.0)), None)
    assert key is None
    lost = SimpleNamespace(kind="level_lost", subject=CDU.name)
    assert latches.release(lost) is None, "nothing is latched"
    hz = rig.cycle.state.hz.copy()
    hz[0, Hazard.LEVEL_LOST, H_ACTIVE] = 1.0
    rig.cycle.state = replace(rig.cycle.state, hz=hz)
    assert "ends when its cause has been gone" in latches.release(lost)
    assert rig.cycle.state.hz[0, Hazard.LEVEL_LOST, H_ACKNOWLEDGED] == 1.0
    hz[0, Hazard.LEVEL_LOST, H_GONE_S] = RULES[Hazard.LEVEL_LOST].off_s
    rig.cycle.state = replace(rig.cycle.state, hz=hz)
    assert latches.release(lost) == ""
    assert latches.release(SimpleNamespace(kind="no_flow", subject=CDU.name)) is None
    assert latches.release(SimpleNamespace(kind="level_lost", subject="cdu99")) is None


def test_a_request_that_nobody_answers(rig):
    request = RequestView(kind="power_off", about="leak_zone", name="rack1", confirmed=False, attempts=4, age_s=29.0)
    rig.requests = (request, replace(request, name="rack2", age_s=30.0), replace(request, confirmed=True, age_s=99.0))
    assert rig.look() == {"rack2/request_unanswered": Signal("power off", scope="rack2")}


@pytest.mark.parametrize(
    ("age_s", "left_s", "expires"),
    [(1500.0, 299.0, True), (1500.0, 301.0, False), (10.0, 50.0, False), (49.0, 11.0, True), (0.0, 60.0, False)],
)
def test_fm_24_an_override_about_to_end_is_told_while_there_is_time_to_renew_it(
    rig, monkeypatch, age_s, left_s, expires
):
    held = SimpleNamespace(target="cdu1/pressure", owner="ana", age_s=age_s, left_s=left_s)
    monkeypatch.setattr(alarm_sources, "override_views", lambda overrides, now_s: (held,))
    assert rig.look() == ({"cdu1/pressure/override_expires": Signal("held by ana")} if expires else {})

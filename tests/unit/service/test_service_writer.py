"""The writer: on change or lease, once at a time, checked by readback; words only as the profile names them."""

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest
from fake_clock import settle

from coolantd.control.conditions import CONDITIONS
from coolantd.control.plan import ActuatorParameters
from coolantd.control.step import Decision
from coolantd.errors import Fault
from coolantd.point import Quality, Reason, Snapshot
from coolantd.protocol.profile import Heartbeat, RemoteControl, Role, WriteRule
from coolantd.safety.envelope import Refusal
from coolantd.safety.hazards import HAZARDS
from coolantd.safety.modes import Mode
from coolantd.safety.requests import REQUESTS
from coolantd.service.metrics import Metrics
from coolantd.service.writer import REMOTE_RETRY_S, RETRY_S, VERIFY_AGE_S, ActuatorOutlet, DeviceOutlet, Writer

NAN = float("nan")
RULE = WriteRule(role=Role.FWS_VALVE, minimum=0.0, maximum=100.0, position="p", deadband=0.1, refresh_s=30.0)
HEARTBEAT = Heartbeat(ours="ours", theirs="theirs", wrap_count=3, period_s=1.0, timeout_s=5.0)
REMOTE = RemoteControl(point="remote", remote_value=1, local_value=0)


class FakeOutlet:
    """Takes values; answers when told, or at once."""

    waits = False

    def __init__(self, answer="later"):
        self.answer = answer
        self.sent = []
        self.waiting = []
        self.withdrawn = 0

    def submit(self, value, done):
        self.sent.append(value)
        if self.answer == "later":
            self.waiting.append(done)
        else:
            done(self.answer)

    def withdraw(self):
        self.withdrawn += 1
        for done in self.waiting:
            done(Fault.WITHDRAWN)
        self.waiting.clear()

    def settle(self, fault=None):
        self.waiting.pop(0)(fault)


class FakeJournal:
    def __init__(self):
        self.records = []

    def record(self, event, **fields):
        self.records.append((event, fields))

    def count(self, event):
        return sum(name == event for name, _ in self.records)


class Plan:
    """As much of a plan as the writer reads: one CDU on ``cdu1``, its remote-control point in row 1."""

    class _Cdu:
        device = "cdu1"
        remote = 1

    cdus = (_Cdu(),)


class Bench:
    """A writer with one actuator (readback in row 0) and one device (remote control in row 1)."""

    def __init__(self, answer=None, *, heartbeat=HEARTBEAT, **rule):
        self.metrics, self.journal = Metrics(), FakeJournal()
        self.outlet, self.beat, self.remote = FakeOutlet(answer), FakeOutlet(None), FakeOutlet(answer)
        parameters = ActuatorParameters(
            device="cdu1",
            name="valve",
            role="fws_valve",
            minimum=0.0,
            maximum=100.0,
            zero_allowed=False,
            slew_pct_per_s=5.0,
            position=0,
            readback=0,
            cdu=0,
        )
        self.actuator = ActuatorOutlet(parameters, replace(RULE, **rule), self.outlet)
        self.device = DeviceOutlet("cdu1", heartbeat, self.beat, remote=REMOTE, remote_outlet=self.remote)
        self.device.restarts = lambda: self.restarts
        self.restarts = 0
        self.marks = {}
        self.writer = Writer(
            self.metrics,
            self.journal,
            [self.actuator],
            {"cdu1": self.device},
            mark=lambda row, *, value: self.marks.__setitem__(row, value),
        )

    def carry_out(
        self,
        command,
        now_s,
        *,
        readback=NAN,
        age_s=0.0,
        wants_remote=False,
        refusal=0,
        demand=NAN,
        mode=Mode.AUTOMATIC,
        remote=1.0,
        reason=Reason.NONE,
    ):
        decision = Decision(
            commands=np.array([command]),
            demands=np.array([demand]),
            refusals=np.array([int(refusal)]),
            modes=np.array([int(mode)]),
            causes=np.zeros(1, dtype=np.int64),
            setpoints=np.zeros((1, 2)),
            outputs=np.zeros((1, 2)),
            wants_remote=np.array([wants_remote]),
            conditions=np.zeros((1, CONDITIONS), dtype=np.int64),
            details=np.full((1, CONDITIONS), -1, dtype=np.int64),
            hazards=np.zeros((1, HAZARDS), dtype=np.int64),
            hazard_details=np.full((1, HAZARDS), -1, dtype=np.int64),
            requests=np.zeros((1, REQUESTS), dtype=np.int64),
            zone_requests=np.zeros((0, REQUESTS), dtype=np.int64),
            actuator_modes=np.zeros(1, dtype=np.int64),
            forced=np.zeros(1, dtype=np.int64),
            seen=Snapshot(*(np.zeros(0) for _ in range(4))),
        )
        value = np.array([readback, remote])
        quality = np.where(np.isnan(value), int(Quality.BAD), int(Quality.GOOD))
        reasons = np.array([int(reason), int(Reason.NONE)])
        self.writer.carry_out(Plan(), decision, Snapshot(value, quality, reasons, np.array([age_s, 0.0])), now_s)

    def events(self, name):
        return [fields for event, fields in self.journal.records if event == name]

    def counter(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_value_is_written_when_it_first_comes_and_then_on_change_only():
    bench = Bench()
    for k, value in enumerate((50.0, 50.0, 50.05, 50.099, 50.1, 50.15, 49.9)):
        bench.carry_out(value, 10.0 + k)
    assert bench.outlet.sent == [50.0, 50.1, 49.9]


def test_fm_50_small_steps_add_up_against_the_written_value():
    bench = Bench()
    for k in range(100):
        bench.carry_out(50.0 + 0.01 * k, 10.0 + 0.1 * k)
    assert len(bench.outlet.sent) in (10, 11)


def test_the_lease_is_renewed_after_its_time_and_not_before():
    bench = Bench()
    bench.carry_out(50.0, 100.0)
    bench.carry_out(50.0, 129.9)
    assert len(bench.outlet.sent) == 1
    bench.carry_out(50.0, 130.0)
    bench.carry_out(50.0, 131.0)
    assert len(bench.outlet.sent) == 2


def test_no_command_is_no_write_not_even_for_the_lease():
    bench = Bench()
    bench.carry_out(50.0, 100.0)
    bench.carry_out(NAN, 500.0)
    assert bench.outlet.sent == [50.0]


def test_one_write_is_in_flight_at_a_time_and_the_newest_value_follows():
    bench = Bench("later")
    for k, value in enumerate((50.0, 55.0, 60.0)):
        bench.carry_out(value, 10.0 + k)
    assert bench.outlet.sent == [50.0]
    bench.outlet.settle()
    bench.carry_out(60.0, 13.0)
    assert bench.outlet.sent == [50.0, 60.0]


def test_a_failed_write_is_tried_again_after_a_pause_and_recorded():
    bench = Bench(Fault.TIMEOUT)
    for k in range(5):
        bench.carry_out(50.0, 10.0 + k * RETRY_S / 2)
    assert len(bench.outlet.sent) == 3
    assert bench.journal.count("write_failed") == 1
    assert math.isnan(bench.actuator.written)


def test_a_write_is_recorded_with_what_was_there_before():
    bench = Bench()
    bench.carry_out(50.0, 10.0)
    bench.carry_out(51.0, 11.0)
    writes = [fields for event, fields in bench.journal.records if event == "write"]
    assert [(fields["value"], fields["previous"]) for fields in writes] == [(50.0, None), (51.0, 50.0)]


@pytest.mark.parametrize("refusal", [r for r in Refusal if r is not Refusal.NONE])
def test_every_refusal_is_counted_and_recorded(refusal):
    bench = Bench()
    bench.carry_out(NAN, 10.0, refusal=refusal, demand=140.0)
    assert bench.counter("coolantd_writes_refused_total", device="cdu1", point="valve", reason=refusal.label) == 1
    assert bench.journal.records == [
        ("write_refused", {"device": "cdu1", "point": "valve", "demand": 140.0, "reason": refusal.label})
    ]
    assert bench.outlet.sent == []


def test_fm_30_a_lasting_refusal_is_counted_at_every_cycle_but_recorded_when_it_changes():
    bench = Bench()
    for k in range(20):
        bench.carry_out(NAN, 10.0 + k, refusal=Refusal.SLEW, demand=140.0)
    bench.carry_out(NAN, 30.0, refusal=Refusal.OUT_OF_RANGE, demand=140.0)
    bench.carry_out(50.0, 31.0)
    bench.carry_out(NAN, 32.0, refusal=Refusal.OUT_OF_RANGE, demand=140.0)
    assert bench.counter("coolantd_writes_refused_total", device="cdu1", point="valve", reason="slew") == 20
    reasons = [fields["reason"] for event, fields in bench.journal.records if event == "write_refused"]
    assert reasons == ["slew", "out_of_range", "out_of_range"]


def mismatches(bench):
    return bench.counter("coolantd_write_mismatches_total", device="cdu1", point="valve")


def test_fm_22_a_value_nobody_here_wrote_is_left_alone_from_the_first_readback_that_shows_it():
    bench = Bench()
    bench.carry_out(50.0, 10.0, readback=40.0)
    bench.carry_out(50.0, 13.0, readback=50.0)
    for k in range(10):
        bench.carry_out(50.0 + 3.0 * k, 14.0 + k, readback=70.0)
    assert (mismatches(bench), bench.journal.count("yielded"), bench.outlet.sent) == (1, 1, [50.0])
    assert bench.marks == {0: True}
    assert bench.counter("coolantd_actuator_yielded", device="cdu1", point="valve") == 1
    assert bench.counter("coolantd_yields_total", device="cdu1", point="valve") == 1


def test_fm_41_while_starting_a_setpoint_the_device_has_lost_is_sent_again_but_not_at_every_cycle():
    bench = Bench()
    for k in range(12):
        bench.carry_out(50.0, 10.0 + 0.5 * k, readback=0.0, mode=Mode.STARTING)
    assert bench.outlet.sent == [50.0, 50.0, 50.0]
    bench.carry_out(50.0, 17.0, readback=50.0, mode=Mode.STARTING)
    bench.carry_out(50.0, 20.0, readback=50.0, mode=Mode.AUTOMATIC)
    assert len(bench.outlet.sent) == 3


@pytest.mark.parametrize(
    ("readback", "later_s", "age_s", "counted"),
    [
        (45.0, 0.5, 0.0, 0),
        (50.5, 5.0, 0.0, 0),
        (50.51, 5.0, 0.0, 1),
        (70.0, VERIFY_AGE_S - 0.01, 0.0, 0),
        (70.0, VERIFY_AGE_S, 0.0, 1),
        (70.0, VERIFY_AGE_S + 1.0, 1.01, 0),
        (NAN, 5.0, 0.0, 0),
    ],
)
def test_a_readback_is_judged_by_its_tolerance_and_only_if_asked_for_late_enough(readback, later_s, age_s, counted):
    bench = Bench()
    bench.carry_out(50.0, 10.0)
    bench.carry_out(50.0, 10.0 + later_s, readback=readback, age_s=age_s)
    assert mismatches(bench) == counted


def test_a_readback_is_not_judged_while_a_write_is_on_its_way():
    bench = Bench()
    bench.carry_out(50.0, 10.0)
    bench.outlet.answer = "later"
    bench.carry_out(60.0, 20.0)
    bench.carry_out(60.0, 25.0, readback=60.0)
    assert mismatches(bench) == 0


def test_fm_44_the_heartbeat_counts_wraps_and_comes_at_its_period():
    bench = Bench()
    for k in range(12):
        bench.carry_out(50.0, 10.0 + 0.5 * k)
    assert bench.beat.sent == [1, 2, 3, 0, 1, 2]


def test_fm_44_no_heartbeat_for_a_device_in_which_nothing_is_commanded():
    """Its own controller then takes over; with a heartbeat it would obey setpoints that nobody looks after."""
    bench = Bench()
    for k in range(10):
        bench.carry_out(NAN, 10.0 + k)
    assert bench.beat.sent == []
    bench.carry_out(50.0, 30.0)
    assert bench.beat.sent == [1]


def test_no_heartbeat_for_a_device_that_is_only_watched():
    bench = Bench()
    watched = FakeOutlet(None)
    bench.writer.devices = {**bench.writer.devices, "cdu2": DeviceOutlet("cdu2", HEARTBEAT, watched)}
    bench.carry_out(50.0, 10.0)
    assert (bench.beat.sent, watched.sent) == ([1], [])


def test_a_device_is_asked_to_obey_only_when_wanted_and_not_at_every_cycle():
    bench = Bench()
    bench.carry_out(50.0, 10.0)
    assert bench.remote.sent == []
    for k in range(9):
        bench.carry_out(50.0, 20.0 + k * REMOTE_RETRY_S / 4, wants_remote=True)
    assert bench.remote.sent == [1, 1, 1]
    assert bench.journal.count("take_over") == 3


async def test_hand_over_writes_the_local_word_and_waits_for_the_acknowledgement():
    bench = Bench("later")
    task = asyncio.create_task(bench.writer.hand_over(["cdu1", "unknown"], 5.0))
    await settle()
    assert bench.remote.sent == [0]
    bench.remote.settle()
    assert await task == []
    assert bench.journal.records == [("handed_over", {"device": "cdu1", "acknowledged": True})]


@pytest.mark.parametrize("answer", ["later", Fault.NOT_CONNECTED])
async def test_hand_over_ends_in_time_and_names_who_did_not_acknowledge(answer):
    bench = Bench(answer)
    assert await bench.writer.hand_over(["cdu1"], 0.02) == ["cdu1"]
    assert bench.journal.records == [("handed_over", {"device": "cdu1", "acknowledged": False})]
    if answer == "later":
        bench.remote.settle()  # an acknowledgement after the deadline harms nobody


async def test_hand_over_of_a_device_without_remote_control_writes_nothing():
    bench = Bench()
    bench.writer.devices = {"cdu1": DeviceOutlet("cdu1", HEARTBEAT, bench.beat)}
    assert await bench.writer.hand_over(["cdu1"], 1.0) == []


def test_fm_42_a_reload_writes_nothing_anew_and_goes_on_counting():
    old, new = Bench(), Bench()
    for k in range(3):
        old.carry_out(50.0, 10.0 + k)
    new.writer.carry(old.writer)
    new.carry_out(50.0, 13.0)
    assert new.outlet.sent == []
    assert new.beat.sent == [0]

"""A leak zone is one alarm from the first drop until somebody has opened it again (FM-04, FM-05, FM-06, I7)."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from coolantd.control.golden import golden_plan
from coolantd.control.step import initial_state
from coolantd.safety.alarm_book import AlarmBook, Signal
from coolantd.safety.alarm_definition import Key
from coolantd.safety.alarm_orders import acknowledge
from coolantd.safety.alarms import advance
from coolantd.safety.leak_layout import D_WET, Z_ISOLATE, Z_LEVEL, Z_WORST, Kind, Level
from coolantd.safety.leak_plan import DetectorParameters, ZoneParameters, pack_leaks
from coolantd.service.alarm_latches import Latches
from coolantd.service.alarm_leaks import DRY_AGAIN, HEARD_S, leak_signals
from coolantd.service.alarm_table import DEFINITIONS
from coolantd.service.leak_view import LeakDetectorView, LeakZoneView

DRY = LeakZoneView(
    zone="rack1",
    kind="branch",
    place="rack 1",
    level="dry",
    worst="dry",
    isolated=False,
    power_cut=False,
    found_shut=False,
    blind=False,
    first="",
    test_left_s=0.0,
    power="idle",
    bypass="idle",
    valve="idle",
    pumps="idle",
    detectors=(LeakDetectorView(point="m.rope1", level="major", wet=False, fault=False),),
)
WET = replace(DRY, level="major", worst="major", isolated=True, power_cut=True, first="m.rope1")


def kinds(zone):
    return {key.kind: signal.detail for key, signal in leak_signals(zone, "cdu1")}


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        (DRY, {}),
        (WET, dict.fromkeys(("leak_major", "leak_minor", "leak_unconfirmed"), "m.rope1")),
        (replace(WET, level="critical"), dict.fromkeys(("leak_major", "leak_minor", "leak_unconfirmed"), "m.rope1")),
        (replace(DRY, level="minor", first="m.a"), dict.fromkeys(("leak_minor", "leak_unconfirmed"), "m.a")),
        (replace(DRY, level="unconfirmed", first="m.a"), {"leak_unconfirmed": "m.a"}),
        (replace(WET, level="dry"), dict.fromkeys(("leak_major", "leak_minor", "leak_unconfirmed"), DRY_AGAIN)),
        (replace(DRY, isolated=True, found_shut=True), {"leak_found_shut": ""}),
        (replace(DRY, power="unconfirmed", valve="unconfirmed"), {"leak_step_unconfirmed": "power, valve"}),
        (replace(DRY, test_left_s=60.0), {"leak_test": ""}),
        (replace(DRY, blind=True), {"leak_zone_blind": ""}),
    ],
)
def test_what_a_zone_has_come_to(zone, found):
    assert kinds(zone) == found


def test_fm_06_detectors_in_fault_are_named_with_the_devices_that_may_explain_them():
    faulty = tuple(LeakDetectorView(point=f"m{n}.rope", level="major", wet=False, fault=True) for n in range(5))
    (found,) = leak_signals(replace(DRY, detectors=faulty), "cdu1")
    assert found == (
        Key("leak_detector_fault", "rack1"),
        Signal("m0.rope, m1.rope, m2.rope and 2 more", ("m0", "m1", "m2", "m3", "m4"), "cdu1"),
    )


class Course:
    """The alarms of one zone."""

    def __init__(self):
        self.book, self.now_s = AlarmBook(0.0), HEARD_S + 1.0

    def see(self, zone, dt_s=1.0):
        self.now_s += dt_s
        self.book, _ = advance(DEFINITIONS, self.book, dict(leak_signals(zone, "cdu1")), self.now_s)
        return {key.kind: alarm.state.label for key, alarm in self.book.alarms.items() if alarm.state.label != "normal"}

    def ack(self):
        key = Key("leak_major", "rack1")
        self.book = acknowledge(self.book, [key], self.now_s, uid=1).book


def test_fm_04_i7_a_leak_is_one_alarm_that_calls_again_when_it_is_dry_and_ends_when_it_is_opened():
    course, lesser = Course(), {"leak_minor": "suppressed", "leak_unconfirmed": "suppressed"}
    assert course.see(replace(DRY, level="unconfirmed", first="m.rope1")) == {"leak_unconfirmed": "unacknowledged"}
    assert course.see(WET) == {"leak_major": "unacknowledged", **lesser}, "what it became explains what it was"
    course.ack()
    assert course.see(WET) == {"leak_major": "acknowledged", **lesser}
    dry = replace(WET, level="dry")
    assert course.see(dry)["leak_major"] == "unacknowledged", "now somebody has to decide"
    course.ack()
    assert course.see(dry, dt_s=1e5)["leak_major"] == "acknowledged"
    course.see(DRY)
    assert course.see(DRY, dt_s=60.0) == {}


def zone(name):
    detectors = (DetectorParameters(tag="m.rope1", point=0, level=Level.MAJOR, wet_above=0.5),)
    return ZoneParameters(
        name=name, kind=Kind.BRANCH, place="rack", detectors=detectors, isolate_at=Level.MAJOR, valve=1
    )


def test_i7_the_acknowledgement_by_name_opens_a_dry_zone_and_says_why_not_a_wet_one():
    plan = replace(golden_plan(), leaks=pack_leaks((zone("rack1"), zone("rack2"))))
    cycle = SimpleNamespace(plan=plan, state=initial_state(plan))
    latches, key = Latches(cycle), Key("leak_major", "rack1")
    assert latches.release(key) is None, "nothing is latched"
    assert latches.release(Key("leak_major", "rack9")) is None
    z, d = cycle.state.leak_z.copy(), cycle.state.leak_d.copy()
    z[:, Z_ISOLATE], z[:, Z_LEVEL], z[:, Z_WORST], d[0, D_WET] = 1.0, Level.MAJOR, Level.MAJOR, 1.0
    cycle.state = replace(cycle.state, leak_z=z, leak_d=d)
    assert latches.release(key) == "m.rope1 is still wet; dry it, then acknowledge again"
    assert cycle.state.leak_z[0, Z_ISOLATE] == 1.0
    d[0, D_WET] = 0.0
    assert latches.release(key) == ""
    assert cycle.state.leak_z[:, Z_ISOLATE].tolist() == [0.0, 1.0], "and no other zone"

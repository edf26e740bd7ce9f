"""The judges of leaks and alarms can fail: each is shown what a broken daemon would show, and what a sound one does."""

from dataclasses import dataclass, field

import orjson
import pytest
from dst_rig import plan, run

from coolantd.service.alarm_history import Row
from coolantd.service.alarm_table import DEFINITIONS
from coolantd.service.alarm_view import AlarmsView, AlarmView
from coolantd.sim.dst import site_judges
from coolantd.sim.dst.faults import Fault, Kind
from coolantd.sim.dst.scene import Leaked
from coolantd.sim.dst.site_judges import SiteSight

KIND = next(kind for kind in DEFINITIONS if DEFINITIONS[kind].off_delay_s >= 10.0 and DEFINITIONS[kind].group)
BEGAN_S = -1000.0


class Manifold:
    branches = range(1, 3)

    def setpoint_topic(self, branch):
        return f"m/branch/{branch}/valve_setpoint"


@dataclass
class Scene:
    manifold: Manifold = field(default_factory=Manifold)
    leaked: dict = field(default_factory=dict)
    suspected: set = field(default_factory=set)


def event(time_s, name, *, before="normal", state="unacknowledged", subject="cdu1"):
    rest = {"detail": "", "first_out": False, "uid": None, "owner": "", "reason": ""}
    told = {"time_s": time_s, "kind": KIND, "subject": subject, "priority": "medium", "event": name}
    return time_s, Row(**told, state_before=before, state=state, **rest)


def alarm(kind=KIND, **more):
    words = {"cause": "", "consequence": "", "action": "", "detail": ""}
    shown = {"subject": "cdu1", "priority": "medium", "state": "unacknowledged", "age_s": 1.0, "raised_age_s": 1.0}
    shown |= more
    return AlarmView(tag=f"{shown['subject']}/{kind}", kind=kind, **shown, **words)


def sight(now_s=100.0, *, events=(), shown=(), flood=False, **more):
    view = AlarmsView(alarms=tuple(shown), flood=flood)
    return SiteSight(now_s=now_s, began_s=BEGAN_S, events=list(events), alarms=view, **more)


def sent(time_s, value, branch=1):
    return time_s, f"m/branch/{branch}/valve_setpoint", orjson.dumps({"value": value})


def test_i7_a_latched_branch_that_opens_is_found_and_one_that_was_acknowledged_is_not():
    for opened_s, wrong in ((float("nan"), True), (25.0, False)):
        judge, scene = site_judges.I7Latch(), Scene(leaked={1: Leaked(0.0, opened_s)})
        assert judge.look(sight(scenes=[scene], commands=[sent(20.0, 0.0)])) is None
        assert bool(judge.look(sight(scenes=[scene], commands=[sent(30.0, 100.0)]))) is wrong


def test_i7_fm_06_one_detector_that_shuts_a_branch_is_found():
    scene = Scene(suspected={1})
    assert site_judges.I7Latch().look(sight(scenes=[scene], commands=[sent(20.0, 0.0)]))
    assert site_judges.I7Latch().look(sight(scenes=[scene], commands=[sent(20.0, 0.0, branch=2)])) is None


def test_a1_an_alarm_that_is_raised_twice_is_found():
    again = event(9.0, "raised", before="unacknowledged")
    assert site_judges.A1Once().look(sight(events=[event(1.0, "raised"), again]))
    cleared = event(5.0, "cleared", before="unacknowledged", state="returned")
    assert site_judges.A1Once().look(sight(events=[event(1.0, "raised"), cleared, event(9.0, "raised")])) is None
    assert site_judges.A1Once().look(sight(shown=[alarm(), alarm()]))


def test_a2_an_alarm_that_clears_before_its_delay_is_found():
    early = event(2.0, "cleared", before="unacknowledged", state="returned")
    assert site_judges.A2Delays().look(sight(events=[event(1.0, "raised"), early]))
    late = event(1.0 + DEFINITIONS[KIND].off_delay_s, "cleared", before="unacknowledged", state="returned")
    assert site_judges.A2Delays().look(sight(events=[event(1.0, "raised"), late])) is None


def test_a3_fm_32_a_flood_that_is_not_called_one_is_found():
    many = [event(float(k), "raised", subject=f"cdu{k}") for k in range(12)]
    assert site_judges.A3Flood().look(sight(events=many))
    assert site_judges.A3Flood().look(sight(events=many, flood=True)) is None
    assert site_judges.A3Flood().look(sight(events=many, flood=True, shown=[alarm()]))
    assert site_judges.A3Flood().look(sight(events=many[:5])) is None


def test_a4_two_firsts_of_a_group_are_found():
    other = next(kind for kind in DEFINITIONS if DEFINITIONS[kind].group == DEFINITIONS[KIND].group and kind != KIND)
    first, second = alarm(first_out=True), alarm(other, first_out=True)
    assert site_judges.A4FirstOut().look(sight(shown=[first, second]))
    assert site_judges.A4FirstOut().look(sight(shown=[first, alarm(other, follows=first.tag)])) is None


def test_a5_a_shelf_of_more_than_a_shift_is_found():
    assert site_judges.A5Shelf().look(sight(shown=[alarm(state="shelved", hidden_left_s=9.0 * 3600.0)]))
    assert site_judges.A5Shelf().look(sight(shown=[alarm(state="shelved", hidden_left_s=3600.0)])) is None


@pytest.mark.parametrize("hidden", [{"collapsed": True}, {"state": "shelved"}, {"state": "suppressed"}])
def test_a6_a_critical_alarm_that_is_hidden_is_found(hidden):
    assert site_judges.A6Critical().look(sight(shown=[alarm(priority="critical", **hidden)]))
    assert site_judges.A6Critical().look(sight(shown=[alarm(priority="critical")])) is None


def test_fm_04_i7_two_wet_detectors_shut_their_branch_and_a_restart_opens_nothing(stages, advance):
    """The real daemon on the virtual broker: the branch stays shut, SIGKILL or not, until somebody acknowledges."""
    leak = Fault(kind=Kind.LEAK_TWO, start_s=60.0, duration_s=30.0, pick=0)
    kill = Fault(kind=Kind.KILL, start_s=130.0, duration_s=0.0, size=0.2)
    outcome = run(plan(site=(leak, kill), manifold=True), (stages, advance))
    assert not outcome.violations
    assert outcome.branches_pct[1] == [0.0, 100.0]
    acknowledged = Fault(kind=Kind.LEAK_TWO, start_s=60.0, duration_s=30.0, pick=3)
    opened = run(plan(site=(acknowledged,), manifold=True), (stages, advance))
    assert not opened.violations
    assert opened.branches_pct[1] == [100.0, 100.0]

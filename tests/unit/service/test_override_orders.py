"""Orders of ``coolantd override``: what they refuse, what they record, and what follows from cycle to cycle."""

import asyncio
import dataclasses
from types import SimpleNamespace

import pytest
from test_tune_orders import ORDER as TUNE
from test_tune_orders import Site as TuneSite

from coolantd.control.golden import golden_plan
from coolantd.control.override_order import Standing
from coolantd.control.step import carry_state
from coolantd.errors import CoolantdError
from coolantd.point import Reason, bad
from coolantd.service.kept_overrides import OTHER_BOOT, override_section
from coolantd.service.override_orders import OverrideOrders
from coolantd.service.override_view import override_families, override_views

ANN = SimpleNamespace(uid=1000, pid=7)
BOB = SimpleNamespace(uid=1001, pid=8)
HOLD = {"target": "golden.valve", "value": 60.0, "reason": "flushing", "owner": "ann"}


class Site(TuneSite):
    """A cycle in automatic whose device does what it is told."""

    def __init__(self):
        super().__init__()
        self.overriding = OverrideOrders(
            cycle=self.rig.cycle,
            journal=self.rig.journal,
            clock=self.rig.clock,
            lock=asyncio.Lock(),
            stopping=lambda: False,
        )

    def order(self, name, peer=ANN, **order):
        return asyncio.run(getattr(self.overriding, name)(order, peer))

    def hold(self, peer=ANN, **changes):
        return self.order("set", peer, **HOLD | changes)

    def events(self, *names):
        return [(event, fields) for event, fields in self.rig.journal.records if event in names]

    @property
    def state(self):
        return self.rig.cycle.state

    def commands(self):
        return self.rig.cycle.decision.commands


@pytest.fixture
def site():
    return Site()


def test_an_order_holds_is_recorded_with_the_peer_and_shown(site):
    reply = site.hold(lease_s=600.0)
    assert (reply["ok"], reply["unit"], reply["lease_s"]) == (True, "%", 600.0)
    assert reply["until_time_s"] == pytest.approx(site.rig.clock.wall_s() + 600.0)
    site.run(60)
    assert site.commands()[0] == 60.0
    (view,) = override_views(site.state.overrides, site.now_s)
    assert (view.target, view.owner, view.uid, view.in_force, view.standing) == ("golden.valve", "ann", 1000, True, "")
    assert view.left_s == pytest.approx(570.0)
    ((_, order),) = site.events("order")
    assert order == {
        "command": "override_set",
        "target": "golden.valve",
        "value": 60.0,
        "owner": "ann",
        "reason": "flushing",
        "lease_s": 600.0,
        "replaced": "",
        "uid": 1000,
        "pid": 7,
    }


def test_a_release_is_recorded_and_its_end_told_once(site):
    site.hold()
    site.run(20)
    site.order("release", target="golden.valve", owner="ann")
    site.run(100)
    assert site.state.overrides == ()
    assert [fields["command"] for _, fields in site.events("order")] == ["override_set", "override_release"]
    ended = site.events("override_ended")
    assert [fields["why"] for _, fields in ended] == ["released"]
    assert site.rig.metrics.registry.get_sample_value("coolantd_overrides_ended_total", {"why": "released"}) == 1.0


def test_fm_24_the_end_of_a_lease_is_told(site):
    site.hold(lease_s=10.0)
    site.run(30)
    assert [fields["why"] for _, fields in site.events("override_ended")] == ["lease"]
    assert override_views(site.state.overrides, site.now_s) == ()


def test_i9_somebody_elses_is_changed_and_released_only_by_taking_over(site):
    site.hold()
    for name, order in (("set", HOLD | {"owner": "bob"}), ("release", {"target": "golden.valve", "owner": "bob"})):
        with pytest.raises(CoolantdError, match=r"held by ann \(uid 1000\): flushing; allowed: with take-over"):
            site.order(name, BOB, **order)
    reply = site.hold(BOB, owner="bob", value=40.0, take_over=True)
    assert reply["replaced"] == "ann"
    site.run(2)
    assert [each.owner for each in site.state.overrides] == ["bob"]
    assert site.events("override_ended") == [], "it was replaced, and the order says so"
    site.order("release", ANN, target="golden.valve", owner="ann", take_over=True)


def test_ones_own_is_changed_and_its_lease_renewed_without_more_ado(site):
    site.hold(lease_s=60.0)
    site.run(40)
    site.hold(value=65.0, lease_s=60.0)
    site.run(60)
    assert site.commands()[0] == 65.0
    assert override_views(site.state.overrides, site.now_s)[0].left_s == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target": "golden.pump9"}, "no target 'golden.pump9', allowed: golden.valve, golden.pump"),
        ({"target": 7}, "no target 7"),
        ({"value": 101.0}, "allowed: 0 to 100 %"),
        ({"value": "60"}, "value = '60', allowed: a finite number"),
        ({"value": True}, "allowed: a finite number"),
        ({"value": None}, "allowed: a finite number"),
        ({"value": float("inf")}, "allowed: a finite number"),
        ({"reason": ""}, "3 to 200 characters"),
        ({"reason": None}, "allowed: a text"),
        ({"owner": 5}, "allowed: a text"),
        ({"lease_s": 9.0}, "10 to 28800 s"),
        ({"lease_s": 28801.0}, "8 h"),
        ({"lease_s": "1h"}, "allowed: a finite number"),
        ({"take_over": 1}, "allowed: true or false"),
    ],
)
def test_a_bad_order_is_one_sentence_and_changes_nothing(site, change, sentence):
    with pytest.raises(CoolantdError, match=sentence.replace("(", r"\(")):
        site.hold(**change)
    assert site.state.overrides == ()
    assert site.events("order") == []


def test_nothing_is_held_in_failsafe_nor_while_the_daemon_stops(site):
    site.rig.table.put(0, bad(Reason.NO_COMMUNICATION, site.now_s))
    site.rig.cycle.once(site.now_s + 0.5)
    with pytest.raises(CoolantdError, match="golden is in failsafe"):
        site.hold()
    site.overriding._stopping = lambda: True
    with pytest.raises(CoolantdError, match="stopping"):
        site.hold()


def test_a_release_of_nothing_says_what_is_held(site):
    with pytest.raises(CoolantdError, match=r"nobody holds golden\.valve, allowed: nothing is held now"):
        site.order("release", target="golden.valve", owner="ann")
    site.hold()
    with pytest.raises(CoolantdError, match=r"allowed: golden\.valve"):
        site.order("release", target="golden/pressure", owner="ann")


def test_an_override_ends_a_test_of_the_same_cdu(site):
    site.ask("begin", **TUNE)
    site.hold()
    site.run(2)
    assert all(trial.over for trial in site.state.trials)


def test_being_outranked_and_in_force_again_are_told(site):
    site.hold()
    site.run(2)
    site.rig.cycle.state = dataclasses.replace(site.state, d=site.state.d.copy())
    site.rig.table.put(0, bad(Reason.NO_COMMUNICATION, site.now_s))
    site.rig.cycle.once(site.now_s + 0.5)
    site.run(20)
    told = [event for event, _ in site.events("override_outranked", "override_in_force")]
    assert told == ["override_outranked", "override_in_force"]


def test_a_reload_without_the_actuator_ends_its_override_and_says_so(site):
    site.hold()
    site.run(2)
    plan = golden_plan()
    renamed = dataclasses.replace(
        plan, actuators=tuple(dataclasses.replace(a, name=f"new_{a.name}") for a in plan.actuators)
    )
    cycle = site.rig.cycle
    cycle.swap(renamed, carry_state(cycle.plan, cycle.state, renamed), cycle.table, cycle.writer)
    site.run(1)
    assert [fields["why"] for _, fields in site.events("override_ended")] == ["gone"]


def test_everything_that_can_be_held_is_listed_with_its_limits(site):
    found = {each["target"]: each for each in site.order("targets")["targets"]}
    assert found["golden.valve"]["greatest"] == 100.0
    assert found["golden/supply_temp"]["unit"] == "degC"
    assert found["golden/pressure/output"]["now"] is not None


def test_the_series_name_every_override_that_stands(site):
    site.hold(lease_s=600.0)
    site.run(1)
    families = {name: rows for name, _, rows in override_families(override_views(site.state.overrides, site.now_s))}
    label = (("target", "golden.valve"),)
    assert families["coolantd_override_remaining_seconds"] == [(label, pytest.approx(599.5))]
    assert families["coolantd_override_in_force"] == [(label, 1.0)]


def section(site, boot_id="b1"):
    return override_section(site.rig.cycle, clock=site.rig.clock, journal=site.rig.journal, boot_id=boot_id)


def test_fm_24_over_a_restart_within_a_boot_the_rest_of_the_lease_is_left(site):
    site.hold(lease_s=600.0)
    site.run(2)
    kept, again = section(site).keep(), Site()
    section(again).restore(kept, 60.0)
    again.run(60)
    assert again.commands()[0] == 60.0
    assert 450.0 < again.state.overrides[0].left_s(again.now_s) <= 539.0
    assert [event for event, _ in again.events("override_restored")] == ["override_restored"]


@pytest.mark.parametrize(("boot_id", "age_s"), [("b2", 60.0), ("", 60.0), ("b1", float("nan"))])
def test_fm_25_over_a_switching_off_or_an_unknown_time_nothing_comes_back(site, boot_id, age_s):
    site.hold(lease_s=600.0)
    kept, again = section(site).keep(), Site()
    section(again, boot_id).restore(kept, age_s)
    assert again.state.overrides == ()
    ((_, fields),) = again.events("override_not_restored")
    assert (fields["why"] == OTHER_BOOT) == (boot_id != "b1")


def test_a_restored_override_waits_for_its_cdu(site):
    site.hold(lease_s=600.0)
    kept = section(site).keep()
    again = Site()
    section(again).restore(kept, 1.0)
    again.rig.table.put(0, bad(Reason.NO_COMMUNICATION, again.now_s))
    again.rig.cycle.once(again.now_s + 0.5)
    assert again.state.overrides[0].standing is Standing.CDU_NOT_CONTROLLED

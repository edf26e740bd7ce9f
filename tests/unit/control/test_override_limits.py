"""What an order for an override is refused for, in the sentence that whoever gives it reads."""

from dataclasses import replace

import pytest
from control_rig import Rig, controlling, site
from override_rig import hold, refusal, seen, wanted

from coolantd.control.override_limits import owner_refusal, state_refusal, wording_refusal
from coolantd.control.override_order import LEASE_DEFAULT_S, LEASE_MAX_S, End, Standing
from coolantd.control.override_targets import all_targets
from coolantd.control.overrides import ended
from coolantd.point import Reason
from coolantd.safety.envelope_layout import L_PATHS
from coolantd.safety.modes import Mode


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("cdu0.valve", 101.0, "cdu0.valve = 101 %, allowed: 0 to 100 %"),
        ("cdu0.valve", -0.1, "cdu0.valve = -0.1 %, allowed: 0 to 100 %"),
        ("cdu0.valve", float("nan"), "cdu0.valve = nan %, allowed: 0 to 100 %"),
        ("cdu0.pump1", 24.9, "cdu0.pump1 = 24.9 %, allowed: 25 to 100 % or 0 (off)"),
        ("cdu0/supply_temp", 19.9, "cdu0/supply_temp = 19.9 degC, allowed: 20 to 45 degC"),
        ("cdu0/supply_temp", 45.1, "cdu0/supply_temp = 45.1 degC, allowed: 20 to 45 degC"),
        ("cdu0/pressure", float("inf"), "cdu0/pressure = inf kPa, allowed: 10 to 200 kPa"),
        ("cdu0/pressure/output", 29.0, "cdu0/pressure/output = 29 %, allowed: 30 to 100 %"),
    ],
)
def test_i1_a_value_outside_its_range_is_refused_with_what_is_allowed(key, value, sentence):
    limits = {"setpoint_min": 10.0, "setpoint_max": 200.0}
    rig = controlling(site(supply_temp={"setpoint_min": 5.0, "setpoint_max": 45.0}, pressure=limits))
    assert refusal(rig, key, value) == sentence


@pytest.mark.parametrize(("key", "value"), [("cdu0.valve", 0.0), ("cdu0.valve", 100.0), ("cdu0.pump1", 25.0)])
def test_the_limits_themselves_are_allowed(key, value):
    assert refusal(controlling(), key, value) == ""


def test_every_loop_and_actuator_has_a_key_and_the_supply_loops_output_is_its_valve():
    targets = all_targets(site(2, branches=1))
    assert list(targets)[:7] == [
        *(f"cdu{n}.{name}" for n in (0, 1) for name in ("valve", "pump1", "pump2")),
        "manifold.branch0",
    ]
    assert targets["cdu1/supply_temp/output"] == targets["cdu1.valve"]
    assert {"cdu1/supply_temp", "cdu1/pressure", "cdu1/pressure/output"} <= set(targets)


def test_a_cdu_that_is_not_under_control_refuses_and_says_why():
    rig = controlling()
    rig.silence("supply")
    rig.step()
    text = "cdu0 is in failsafe (supply temp bad), which outranks an operator; allowed: automatic or manual"
    assert refusal(rig, "cdu0.valve", 50.0) == text


def test_a_setpoint_that_nothing_would_follow_is_refused_in_manual():
    rig = Rig(site(cdu={"wants_manual": True})).until(Mode.MANUAL)
    assert "no setpoint is followed" in refusal(rig, "cdu0/supply_temp", 35.0)
    assert refusal(rig, "cdu0.valve", 50.0) == ""


def test_i3_the_last_pump_is_not_stopped_however_it_is_asked_for():
    rig = controlling()
    text = "cdu0.pump2 = 0 would stop the last pump of cdu0; allowed: at least 25 % or another pump"
    hold(rig, "cdu0.pump1", 0.0)
    assert refusal(rig, "cdu0.pump2", 0.0) == text  # before the first has even stopped
    rig.step(60)
    assert refusal(rig, "cdu0.pump2", 0.0) == text
    assert refusal(rig, "cdu0.pump2", 25.0) == ""


def test_fm_08_the_last_open_way_is_not_shut():
    plan = site(branches=3)
    plan.limits[3:, L_PATHS] = 0.0
    rig = Rig(plan).until(Mode.AUTOMATIC)
    rig.step(4)
    hold(rig, "manifold.branch0", 0.0)
    hold(rig, "manifold.branch1", 0.0)
    rig.step(5)
    told = "manifold.branch2 = 24.9 % would leave the pumps no way"
    assert refusal(rig, "manifold.branch2", 24.9) == f"{told}; allowed: while 25 % of all branches together stays open"
    assert refusal(rig, "manifold.branch2", 25.0) == ""
    assert refusal(rig, "manifold.branch0", 100.0) == "", "opening is always allowed"


def test_fm_22_a_register_of_another_writer_and_an_actuator_out_of_touch_are_refused():
    rig = controlling()
    rig.reason[rig.row("valve_rb")] = int(Reason.LOCAL_OVERRIDE)
    assert "coolantd device resume" in refusal(rig, "cdu0.valve", 50.0)
    rig.silence("valve_rb")
    order = wanted(rig, "cdu0.valve", 50.0)
    assert "out of touch" in state_refusal(order, (), rig.plan, rig.state.arrays(), seen(rig))


@pytest.mark.parametrize(
    ("owner", "reason", "lease_s", "part"),
    [
        ("", "filter", 600.0, "owner = ''"),
        ("a" * 65, "filter", 600.0, "at most 64"),
        ("a\nb", "filter", 600.0, "owner"),
        ("ann", "  ", 600.0, "reason = '  '"),
        ("ann", "no", 600.0, "3 to 200"),
        ("ann", "x" * 201, 600.0, "3 to 200"),
        ("ann", "two\nlines", 600.0, "one line"),
        ("ann", "filter", 9.9, "10 to 28800"),
        ("ann", "filter", LEASE_MAX_S + 1.0, "8 h"),
        ("ann", "filter", float("nan"), "8 h"),
        ("ann", "filter", float("inf"), "8 h"),
    ],
)
def test_fm_24_owner_reason_and_lease_are_bounded(owner, reason, lease_s, part):
    assert part in wording_refusal(owner, reason, lease_s)


@pytest.mark.parametrize("lease_s", [10.0, LEASE_DEFAULT_S, LEASE_MAX_S])
def test_fm_24_leases_within_a_shift_are_granted(lease_s):
    assert wording_refusal("ann", "filter", lease_s) == ""


def test_i9_anothers_override_is_changed_only_by_taking_it_over():
    rig = hold(controlling(), "cdu0.valve", 50.0)
    stands = rig.state.overrides[0]
    text = "cdu0.valve is held by ann (uid 1000): flushing the filter; allowed: with take-over"
    assert owner_refusal(stands, 1000, "ann", take_over=False) == ""
    assert owner_refusal(stands, 1001, "ann", take_over=False) == text
    assert owner_refusal(stands, 1000, "bob", take_over=False) == text
    assert owner_refusal(stands, 1001, "bob", take_over=True) == ""
    assert owner_refusal(ended(stands, End.RELEASED, rig.now_s), 1001, "bob", take_over=False) == ""
    assert owner_refusal(None, 1001, "bob", take_over=False) == ""


def test_every_standing_but_in_force_has_a_sentence():
    assert [each for each in Standing if not each.sentence] == [Standing.IN_FORCE]
    assert replace(wanted(controlling(), "cdu0.valve", 1.0), standing=Standing.LAST_PUMP).standing.sentence

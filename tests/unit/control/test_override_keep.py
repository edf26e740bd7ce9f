"""Overrides over a restart: what comes back never outlives its lease, and nothing odd comes back at all."""

import math

import pytest
from control_rig import controlling, site
from override_rig import hold, release

from coolantd.control.override_keep import keep_overrides, kept_left_s, restore_overrides


@pytest.fixture
def kept():
    rig = hold(controlling(), "cdu0.valve", 70.0, lease_s=600.0)
    hold(rig, "cdu0/pressure", 95.0, lease_s=100.0)
    hold(rig, "cdu0.pump1", 60.0)
    rig.step(40)
    release(rig, "cdu0.pump1")
    return keep_overrides(rig.state.overrides, rig.now_s)


def restored(kept, age_s, now_s=9000.0):
    return restore_overrides(kept, age_s, site(), now_s)


def test_fm_24_what_was_left_of_a_lease_is_left_less_the_time_gone_by(kept):
    found, dropped = restored(kept, 30.0)
    assert dropped == ()
    assert [each.target.key for each in found] == ["cdu0.valve", "cdu0/pressure"]
    assert [each.left_s(9000.0) for each in found] == pytest.approx([540.0, 45.0])
    assert (found[0].value, found[0].uid, found[0].owner, found[0].reason) == (70.0, 1000, "ann", "flushing the filter")
    assert keep_overrides(found, 9000.0)[0]["left_s"] == 510.0


def test_one_whose_lease_has_run_out_meanwhile_stays_ended(kept):
    found, dropped = restored(kept, 80.0)
    assert [each.target.key for each in found] == ["cdu0.valve"]
    assert dropped == (("cdu0/pressure", "its lease has run out"),)


@pytest.mark.parametrize("left_s", [0.0, 0.4, 1.0, 6.0, 9.9, 119.0, 120.9, 121.0, 151.0, 28800.0])
def test_fm_24_what_is_kept_is_never_more_than_is_left_a_second_later(left_s):
    kept_s = kept_left_s(left_s)
    assert 0.0 <= kept_s <= max(left_s - 1.0, 0.0)
    assert kept_s >= left_s - 31.0


def test_what_is_kept_stays_the_same_for_half_a_minute():
    assert len({kept_left_s(1800.0 - 0.5 * k) for k in range(240)}) <= 5


@pytest.mark.parametrize("age_s", [-0.1, math.nan, math.inf, -math.inf, 600.0])
def test_fm_25_nothing_comes_back_whose_age_nobody_knows(kept, age_s):
    found, dropped = restored(kept, age_s)
    assert found == ()
    assert len(dropped) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"target": "cdu9.valve"}, "no longer"),
        ({"unit": "kPa"}, "no longer"),
        ({"value": 101.0}, "allowed: 0 to 100 %"),
        ({"value": math.nan}, "allowed: 0 to 100 %"),
        ({"value": "70"}, "not an override"),
        ({"value": True}, "not an override"),
        ({"left_s": None}, "not an override"),
        ({"left_s": math.nan}, "run out"),
        ({"lease_s": 1e9}, "8 h"),
        ({"uid": 1.5}, "not an override"),
        ({"owner": 7}, "not an override"),
        ({"reason": ""}, "3 to 200"),
        ({"target": ["x"]}, "not an override"),
    ],
)
def test_fm_48_whatever_a_file_says_instead_ends_nothing_but_itself(kept, change, why):
    kept[0] |= change
    found, dropped = restored(kept, 0.0)
    assert [each.target.key for each in found] == ["cdu0/pressure"]
    assert why in dropped[0][1]


def test_more_left_than_was_granted_is_not_believed(kept):
    kept[0]["left_s"] = 1e6
    assert restored(kept, 0.0)[0][0].left_s(9000.0) == 600.0


@pytest.mark.parametrize("odd", [None, {}, "x", 7, [None], [[]], ["x"]])
def test_fm_48_another_shape_is_no_override(odd):
    assert restored(odd, 0.0)[0] == ()

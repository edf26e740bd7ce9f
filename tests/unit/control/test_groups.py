"""Groups of CDUs, rule by rule, over the state that ``step`` leaves."""

import pytest
from control_rig import PERIOD_S, SLEW, Rig, site

from coolantd.control.conditions import Condition
from coolantd.control.group_layout import G_CALM_PCT, G_PENDING_PCT, G_STATE, GroupState
from coolantd.control.group_plan import GroupParameters, pack_groups
from coolantd.control.groups import CALM_S, speed_ratio
from coolantd.control.layout import PRESSURE, S_OUTPUT
from coolantd.control.plan import make_plan
from coolantd.point import Reason
from coolantd.safety.modes import Mode


def group_of(count=3, **changes):
    plan = site(count, **changes)
    groups = [GroupParameters(name="header", cdus=tuple(range(count)))]
    return make_plan(plan.cdus, plan.actuators, period_s=PERIOD_S, groups=groups)


@pytest.fixture
def rig():
    made = Rig(group_of())
    made.until(Mode.AUTOMATIC)
    made.step(4)
    return made


def states(rig):
    return [GroupState(int(code)) for code in rig.state.group_d[:, G_STATE]]


def outputs(rig):
    return rig.state.s[:, PRESSURE, S_OUTPUT]


def test_all_that_come_to_automatic_together_are_members_at_once(rig):
    assert states(rig) == [GroupState.MEMBER] * 3
    assert not rig.decision.conditions[:, Condition.GROUP_SHORT].any()


def test_outputs_that_differ_come_together_without_moving_their_mean(rig):
    rig.put(cdu=0, pressure=91.0)
    rig.put(cdu=2, pressure=89.0)
    rig.step(40)
    assert outputs(rig).max() - outputs(rig).min() < 1.5
    assert outputs(rig).mean() == pytest.approx(60.0, abs=0.5)


def test_without_a_group_the_same_sensors_drive_them_apart():
    alone = Rig(site(3))
    alone.until(Mode.AUTOMATIC)
    alone.put(cdu=0, pressure=91.0)
    alone.put(cdu=2, pressure=89.0)
    alone.step(200)
    assert outputs(alone).max() - outputs(alone).min() > 8.0


@pytest.mark.parametrize(
    ("before", "after", "ratio"), [(4, 3, (0.5 + 0.5 * 16 / 9) ** 0.5), (2, 1, 2.5**0.5), (3, 3, 1.0)]
)
def test_the_others_speed_up_by_what_the_flow_inside_them_asks_for(before, after, ratio):
    assert speed_ratio(before, after) == pytest.approx(ratio)


def test_a_lost_member_is_carried_at_the_rate_of_the_pumps(rig):
    rig.step(round(3.0 * CALM_S / PERIOD_S))
    calm = rig.state.group_d[0, G_CALM_PCT]
    rig.silence("supply", "pressure", cdu=1)
    for cdu in (0, 2):
        rig.put(cdu=cdu, pressure=70.0)  # the header gives way
    rig.step()
    assert states(rig) == [GroupState.MEMBER, GroupState.OUT, GroupState.MEMBER]
    assert rig.state.group_d[0, G_PENDING_PCT] > 0.0
    assert rig.decision.conditions[:, Condition.GROUP_SHORT].tolist() == [1, 0, 1]
    before = outputs(rig)[0]
    rig.step(8)
    assert outputs(rig)[0] >= calm * speed_ratio(3, 2) - 1.0
    assert outputs(rig)[0] - before <= 8 * SLEW["pump1"] * PERIOD_S + 1e-9


def test_nothing_rises_for_a_lost_member_while_the_pressure_is_there(rig):
    before = outputs(rig)[0]
    rig.silence("supply", "pressure", cdu=1)
    rig.step(8)
    assert states(rig)[1] is GroupState.OUT
    assert outputs(rig)[0] == pytest.approx(before, abs=0.2)


def test_a_member_whose_pumps_stand_still_carries_nothing_although_it_is_in_automatic(rig):
    rig.follows = False
    rig.put(cdu=1, pump1=3.0, pump2=2.0)
    rig.step()
    assert rig.mode(1) is Mode.AUTOMATIC
    assert states(rig)[1] is GroupState.OUT


def test_a_member_left_to_another_writer_is_out_only_when_all_its_pumps_are(rig):
    rig.spoil("pump1_rb", cdu=1, quality=2, reason=Reason.LOCAL_OVERRIDE)
    rig.step()
    assert states(rig)[1] is GroupState.MEMBER
    rig.spoil("pump2_rb", cdu=1, quality=2, reason=Reason.LOCAL_OVERRIDE)
    rig.step()
    assert states(rig)[1] is GroupState.OUT


def test_a_newcomer_is_brought_to_the_members_and_moves_none_of_them_meanwhile(rig):
    rig.silence("supply", "pressure", cdu=1)
    rig.step(4)
    rig.put(cdu=1, supply=34.0, pressure=90.0, pump1=30.0, pump2=30.0, pump1_rb=30.0, pump2_rb=30.0)
    members = outputs(rig)[[0, 2]].copy()
    seen = []
    for _ in range(60):
        rig.step()
        seen.append(states(rig)[1])
        if seen[-1] is GroupState.JOINING:
            assert outputs(rig)[[0, 2]] == pytest.approx(members, abs=0.3)
    assert GroupState.JOINING in seen
    assert seen[-1] is GroupState.MEMBER
    assert outputs(rig)[1] == pytest.approx(outputs(rig)[0], abs=2.0)


def test_a_reload_keeps_the_members(rig):
    before = outputs(rig).copy()
    rig.reload(group_of())
    rig.step()
    assert states(rig) == [GroupState.MEMBER] * 3
    assert outputs(rig) == pytest.approx(before, abs=0.1)


def test_more_cdus_than_the_arrays_hold_are_a_programming_error():
    with pytest.raises(ValueError, match="too many"):
        pack_groups([GroupParameters(name="g", cdus=tuple(range(17)))])

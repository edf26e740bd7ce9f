"""Which sensors make a voted point, and why the others do not, as everybody outside is told."""

import numpy as np
import pytest
from service_view_factory import make_view

from coolantd.cli.status_tables import render
from coolantd.control.golden import voting_plan
from coolantd.control.sensor_layout import MEMBER_STATE, VM_EXCLUDED, VS_MEMBER, VS_VALUE, VS_VOTERS
from coolantd.control.step import initial_state
from coolantd.point import Quality, Reason, Snapshot
from coolantd.service.view_json import state_json
from coolantd.service.vote_view import MemberUse, vote_views

POINTS = 16


def seen():
    quality = np.full(POINTS, int(Quality.GOOD), dtype=np.int64)
    return Snapshot(np.zeros(POINTS), quality, np.zeros(POINTS, dtype=np.int64), np.zeros(POINTS))


def views(voters=0b111, excluded=None, snapshot=None):
    plan = voting_plan()
    state = initial_state(plan)
    state.vs[0, [VS_VALUE, VS_VOTERS]] = 34.0, float(voters)
    if excluded is not None:
        state.vs[0, VS_MEMBER + excluded * MEMBER_STATE + VM_EXCLUDED] = 1.0
    return vote_views(plan, state, snapshot or seen())


def test_before_the_first_cycle_there_is_nothing_to_show():
    plan = voting_plan()
    assert vote_views(plan, initial_state(plan), None) == ()


def test_every_vote_says_its_cdu_its_point_and_its_sensors():
    supply, pressure, dew = views()
    assert (supply.cdu, supply.tag, len(supply.members)) == ("golden", "supply", 3)
    assert {member.use for member in supply.members} == {MemberUse.USED}
    assert [len(each.members) for each in (pressure, dew)] == [2, 2]


@pytest.mark.parametrize(
    ("excluded", "quality", "reason", "use"),
    [
        (1, Quality.GOOD, Reason.NONE, MemberUse.EXCLUDED),
        (None, Quality.GOOD, Reason.NONE, MemberUse.SET_ASIDE),
        (None, Quality.BAD, Reason.OUT_OF_RANGE, MemberUse.BAD),
        (None, Quality.UNCERTAIN, Reason.STUCK, MemberUse.STUCK),
        (1, Quality.BAD, Reason.STUCK, MemberUse.STUCK),
    ],
)
def test_one_that_is_not_used_says_why(excluded, quality, reason, use):
    snapshot = seen()
    row = voting_plan().sensors.votes[0].member_points[1]
    snapshot.quality[row], snapshot.reason[row] = int(quality), int(reason)
    supply = views(voters=0b101, excluded=excluded, snapshot=snapshot)[0]
    assert [member.use for member in supply.members] == [MemberUse.USED, use, MemberUse.USED]


def test_without_a_voted_value_nobody_is_used():
    plan = voting_plan()
    supply = vote_views(plan, initial_state(plan), seen())[0]
    assert MemberUse.USED not in {member.use for member in supply.members}


def test_status_shows_who_is_left_out():
    from rich.console import Console

    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        view = state_json(make_view(votes=views(voters=0b101, excluded=1))) | {"points": []}
        console.print(render(view, plain=True))
    assert "9 (excluded)" in captured.get()

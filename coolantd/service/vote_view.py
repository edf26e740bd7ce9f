"""What the daemon shows of a vote: which sensors make a voted point, and why the others do not. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coolantd.control.plan import Plan
from coolantd.control.sensor_layout import MEMBER_STATE, VM_EXCLUDED, VS_MEMBER, VS_VALUE, VS_VOTERS
from coolantd.control.sensor_plan import VoteParameters
from coolantd.control.step import ControlState
from coolantd.point import FloatArray, Quality, Reason, Snapshot


class MemberUse(StrEnum):
    """Whether a sensor makes the voted value, or why it does not."""

    USED = "used"
    EXCLUDED = "excluded"
    """It contradicts the others."""
    STUCK = "stuck"
    BAD = "bad"
    SET_ASIDE = "set_aside"
    """Fit, but another is believed: older than a good one, or the less safe of two that contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """One sensor of a vote: its tag and a ``MemberUse``."""

    tag: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteView:
    """One voted point: ``device.point`` as in the table of points, its CDU and its sensors."""

    cdu: str
    tag: str
    members: tuple[MemberView, ...]


def vote_views(plan: Plan, state: ControlState, seen: Snapshot | None) -> tuple[VoteView, ...]:
    """Return every vote as the last cycle left it; nothing before the first.

    Args:
        plan: in force.
        state: after the last cycle.
        seen: the snapshot that it saw; None if there was none for this plan.
    """
    if seen is None:
        return ()
    return tuple(
        VoteView(
            cdu=plan.cdus[vote.cdu].name,
            tag=vote.tag,
            members=tuple(_members(vote, state.vs[k], seen)),
        )
        for k, vote in enumerate(plan.sensors.votes)
    )


def _members(vote: VoteParameters, vs: FloatArray, seen: Snapshot) -> Sequence[MemberView]:
    voters = int(vs[VS_VOTERS]) if vs[VS_VALUE] == vs[VS_VALUE] else 0
    return [
        MemberView(tag=tag, use=_use(vs, k, vote.member_points[k], voters, seen)) for k, tag in enumerate(vote.members)
    ]


def _use(vs: FloatArray, k: int, row: int, voters: int, seen: Snapshot) -> MemberUse:
    if (voters >> k) & 1:
        return MemberUse.USED
    if seen.reason[row] == Reason.STUCK:
        return MemberUse.STUCK
    if seen.quality[row] == Quality.BAD:
        return MemberUse.BAD
    excluded = vs[VS_MEMBER + k * MEMBER_STATE + VM_EXCLUDED] != 0.0
    return MemberUse.EXCLUDED if excluded else MemberUse.SET_ASIDE

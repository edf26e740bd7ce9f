"""What the sensor stage is told: votes and watched sensors as frozen parameters and packed arrays, and its state.

Built by config/; knows no file. Points are rows of the snapshot; tags are kept only to find the same sensor again
after a reload.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from coolantd.control.arrays import Fixed, Memory, Seen
from coolantd.control.sensor_layout import (
    MEMBER_STATE,
    MEMBERS_MAX,
    SENSOR_INDICES,
    SENSOR_PARAMETERS,
    SENSOR_STATE,
    SS_VALUE,
    VM_APART_S,
    VM_EXCLUDED,
    VM_USUAL,
    VOTE_INDICES,
    VOTE_PARAMETERS,
    VOTE_STATE,
    VS_MEMBER,
    VS_VALUE,
    VS_VOTERS,
    VX_POINT,
)
from coolantd.point import FloatArray, IntArray, Quality

OTHER_VOTERS: Final = -1.0
"""In ``VS_VOTERS``: the value was made by members that are no more, so the next one must not step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteParameters:
    """One voted point.

    Attributes:
        tag: of the voted point. members: tags of its sensors.
        point, member_points: their rows.
        rule: ``MIDDLE`` or ``HIGHEST``. safe: 1 the higher of two is the safe one to believe, -1 the lower.
        apart: further than this from the others is a contradiction. apart_s: once it has lasted as long.
        rate_per_s: how fast a change of members comes into the value.
        drift: a difference that has moved by this from what is usual is a drift.
    """

    tag: str
    members: tuple[str, ...]
    cdu: int
    point: int
    member_points: tuple[int, ...]
    rule: int
    safe: int
    apart: float
    apart_s: float
    rate_per_s: float
    drift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParameters:
    """One sensor watched for standing still; thresholds in the unit of what moves it (``stuck_sensor``).

    Attributes:
        tag: of the point.
        kind: one of the ``MOVED_BY_…``. beside: row of a supply sensor for a return temperature, else -1.
        still_s: the least time without a change that says anything. doubt, refuse: how far it should have moved.
        heat_kw: greatest heat load of the CDU.
    """

    tag: str
    cdu: int
    point: int
    kind: int
    beside: int
    still_s: float
    doubt: float
    refuse: float
    heat_kw: float


def _rows(rows: Sequence[Sequence[float]], columns: int) -> FloatArray:
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns)


def _indices(rows: Sequence[Sequence[int]], columns: int) -> IntArray:
    return np.array(rows, dtype=np.int64).reshape(len(rows), columns)


def _vote_indices(vote: VoteParameters) -> list[int]:
    if len(vote.member_points) > MEMBERS_MAX:
        raise ValueError(f"{vote.tag}: {len(vote.member_points)} members are too many")
    missing = MEMBERS_MAX - len(vote.member_points)
    return [vote.point, vote.cdu, vote.rule, vote.safe, *vote.member_points, *[-1] * missing]


@dataclass(frozen=True, slots=True)
class SensorPlan:
    """Votes, watched sensors, and the same packed.

    Attributes:
        vx: (votes, VOTE_INDICES). vp: (votes, VOTE_PARAMETERS).
        sx: (sensors, SENSOR_INDICES). sp: (sensors, SENSOR_PARAMETERS).
    """

    votes: tuple[VoteParameters, ...] = ()
    watches: tuple[WatchParameters, ...] = ()
    vx: IntArray = field(init=False, compare=False)
    vp: FloatArray = field(init=False, compare=False)
    sx: IntArray = field(init=False, compare=False)
    sp: FloatArray = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Pack.

        Raises:
            ValueError: a vote has more members than the arrays hold (configuration refuses it first).
        """
        put = object.__setattr__
        put(self, "vx", _indices([_vote_indices(v) for v in self.votes], VOTE_INDICES))
        put(self, "vp", _rows([(v.apart, v.apart_s, v.rate_per_s, v.drift) for v in self.votes], VOTE_PARAMETERS))
        put(self, "sx", _indices([(w.point, w.cdu, w.kind, w.beside) for w in self.watches], SENSOR_INDICES))
        put(self, "sp", _rows([(w.still_s, w.doubt, w.refuse, w.heat_kw) for w in self.watches], SENSOR_PARAMETERS))


@dataclass(frozen=True, slots=True)
class SensorState:
    """What the stage remembers: vs (votes, VOTE_STATE) and ss (sensors, SENSOR_STATE)."""

    vs: FloatArray
    ss: FloatArray


def initial_sensors(plan: SensorPlan) -> SensorState:
    """Return the state before the first step."""
    vs, ss = np.zeros((len(plan.votes), VOTE_STATE)), np.zeros((len(plan.watches), SENSOR_STATE))
    vs[:, VS_VALUE] = np.nan
    vs[:, VS_MEMBER + VM_USUAL :: MEMBER_STATE] = np.nan
    ss[:, SS_VALUE] = np.nan
    return SensorState(vs, ss)


def carry_sensors(old_plan: SensorPlan, old: SensorState, plan: SensorPlan) -> SensorState:
    """Return a state for a new plan: votes and sensors are found again by their tags, wherever they stand now.

    A vote whose members changed goes on from its value, so that the reload steps nothing.
    """
    new = initial_sensors(plan)
    votes = {vote.tag: k for k, vote in enumerate(old_plan.votes)}
    for k, vote in enumerate(plan.votes):
        if vote.tag in votes:
            was = old_plan.votes[votes[vote.tag]]
            _carry_vote(was, old.vs[votes[vote.tag]], vote, new.vs[k])
    sensors = {(watch.tag, watch.kind): k for k, watch in enumerate(old_plan.watches)}
    for k, watch in enumerate(plan.watches):
        if (watch.tag, watch.kind) in sensors:
            new.ss[k] = old.ss[sensors[watch.tag, watch.kind]]
    return new


def _carry_vote(was: VoteParameters, before: FloatArray, vote: VoteParameters, now: FloatArray) -> None:
    if was.members == vote.members:
        now[:] = before
        return
    now[:VS_MEMBER] = before[:VS_MEMBER]
    now[VS_VOTERS] = OTHER_VOTERS
    for k, member in enumerate(vote.members):
        if member in was.members:  # what is usual was among other members; who is excluded stays so
            old_at, at = (VS_MEMBER + j * MEMBER_STATE for j in (was.members.index(member), k))
            now[at + VM_APART_S], now[at + VM_EXCLUDED] = before[old_at + VM_APART_S], before[old_at + VM_EXCLUDED]


def show_last_votes(fixed: Fixed, memory: Memory, seen: Seen) -> None:
    """Fill the voted rows of a snapshot with the last voted values, in place, for who looks before the new vote."""
    rows = fixed.vx[:, VX_POINT]
    seen.value[rows] = memory.vs[:, VS_VALUE]
    seen.quality[rows] = np.where(np.isfinite(memory.vs[:, VS_VALUE]), int(Quality.GOOD), int(Quality.BAD))

"""Several sensors of one quantity become one derived point: who is believed, and how a change of that stays bumpless.

The voted value is the median of three or more members and the mean of two. A member that contradicts the majority for
``VP_APART_S`` is excluded, a bad one at once; it comes back after agreeing for as long. Of two that contradict each
other the one that did not jump is believed at first, and then the safe one (``VX_SAFE``), with an uncertain quality:
two cannot say which of them is right. Where a value must never be exceeded (``HIGHEST``) the highest always counts.
What a change of members would move at once is taken out at a rate.

Knows rows of points and what it remembers of them. Never decides what a loop does with an uncertain value.
"""

import math
from typing import Final

from coolantd.control.pid import clip
from coolantd.control.sensor_layout import (
    HIGHEST,
    MEMBER_STATE,
    MEMBERS_MAX,
    VM_APART_S,
    VM_DRIFT_S,
    VM_DRIFTS,
    VM_EXCLUDED,
    VM_OUT_S,
    VM_SEEN_S,
    VM_USUAL,
    VP_APART,
    VP_APART_S,
    VP_DRIFT,
    VP_RATE,
    VS_DISAGREE,
    VS_MEMBER,
    VS_OFFSET,
    VS_PARTED_S,
    VS_VALUE,
    VS_VOTERS,
    VX_MEMBER,
    VX_POINT,
    VX_RULE,
    VX_SAFE,
)
from coolantd.point import FloatArray, IntArray, Quality, Reason

_BAD: Final = int(Quality.BAD)
_UNCERTAIN: Final = int(Quality.UNCERTAIN)
_GOOD: Final = int(Quality.GOOD)
_FAILURE: Final = int(Reason.SENSOR_FAILURE)
_SILENT: Final = (int(Reason.STALE), int(Reason.NOT_CONNECTED), int(Reason.NO_COMMUNICATION))

AGREE_RATIO: Final = 0.8
"""A contradiction is over below this share of its limit, so that noise at the limit does not toggle it."""
USUAL_TIME_MAX_S: Final = 86_400.0
"""A usual difference (two sensors within their tolerance) is learnt over a day: 0.5 K in a day still stands out."""
USUAL_TIME_MIN_S: Final = 600.0
USUAL_TIME_RATIO: Final = 4.0
"""At first it is learnt over so many times what has been seen; never from one reading."""


def members_at(vx: IntArray, quality: IntArray, least: int) -> int:
    """Return the members of at least a quality, bit by bit."""
    mask = 0
    for k in range(MEMBERS_MAX):
        index = vx[VX_MEMBER + k]
        if index >= 0 and quality[index] >= least:
            mask |= 1 << k
    return mask


def not_excluded(vs: FloatArray, mask: int) -> int:
    """Return those of some members that are not excluded."""
    for k in range(MEMBERS_MAX):
        if vs[VS_MEMBER + k * MEMBER_STATE + VM_EXCLUDED] != 0.0:
            mask &= ~(1 << k)
    return mask


def count_of(mask: int) -> int:
    """Return how many members there are."""
    count = 0
    for k in range(MEMBERS_MAX):
        count += (mask >> k) & 1
    return count


def ranked(vx: IntArray, value: FloatArray, mask: int, rank: int) -> float:
    """Return the value of the member of a rank, 0 the lowest; NaN where there is none."""
    for k in range(MEMBERS_MAX):
        if (mask >> k) & 1:
            mine, below, same = value[vx[VX_MEMBER + k]], 0, 0
            for j in range(MEMBERS_MAX):
                if (mask >> j) & 1:
                    other = value[vx[VX_MEMBER + j]]
                    below += 1 if other < mine else 0
                    same += 1 if other == mine else 0
            if below <= rank < below + same:
                return mine
    return math.nan


def middle_of(vx: IntArray, value: FloatArray, mask: int) -> float:
    """Return the median of some members, the mean of the middle two of an even number; NaN of none."""
    count = count_of(mask)
    return 0.5 * (ranked(vx, value, mask, (count - 1) // 2) + ranked(vx, value, mask, count // 2))


def spread_of(vx: IntArray, value: FloatArray, mask: int) -> float:
    """Return how far the members are apart."""
    return ranked(vx, value, mask, count_of(mask) - 1) - ranked(vx, value, mask, 0)


def near_to(vx: IntArray, value: FloatArray, mask: int, place: float, reach: float) -> int:
    """Return the members within a reach of a value."""
    near = 0
    for k in range(MEMBERS_MAX):
        if (mask >> k) & 1 and abs(value[vx[VX_MEMBER + k]] - place) <= reach:
            near |= 1 << k
    return near


def time_absent(vs: FloatArray, present: int, dt_s: float) -> None:
    """Count for how long each member has not been fit to vote, in place."""
    for k in range(MEMBERS_MAX):
        m = VS_MEMBER + k * MEMBER_STATE + VM_OUT_S
        vs[m] = 0.0 if (present >> k) & 1 else vs[m] + dt_s


def judge_members(vx: IntArray, vp: FloatArray, vs: FloatArray, value: FloatArray, present: int, dt_s: float) -> None:
    """Exclude who contradicts a majority of three or more, and take back who agrees again; state in place."""
    admitted = not_excluded(vs, present)
    count = count_of(admitted)
    if count == 0:
        return
    middle = middle_of(vx, value, admitted)
    majority = 2 * count_of(near_to(vx, value, admitted, middle, vp[VP_APART])) > count
    for k in range(MEMBERS_MAX):
        m = VS_MEMBER + k * MEMBER_STATE
        if (present >> k) & 1 == 0:
            vs[m + VM_APART_S] = 0.0
            continue
        apart = abs(value[vx[VX_MEMBER + k]] - middle)
        if vs[m + VM_EXCLUDED] != 0.0:
            turning = apart <= AGREE_RATIO * vp[VP_APART]
        else:
            turning = count > 2 and majority and apart > vp[VP_APART]
        vs[m + VM_APART_S] = vs[m + VM_APART_S] + dt_s if turning else 0.0
        if vs[m + VM_APART_S] >= vp[VP_APART_S]:
            vs[m + VM_EXCLUDED] = 1.0 - vs[m + VM_EXCLUDED]
            vs[m + VM_APART_S] = 0.0


def judge_agreement(
    vx: IntArray, vp: FloatArray, vs: FloatArray, value: FloatArray, admitted: int, dt_s: float
) -> bool:
    """Return whether nobody can say now who is right, and count in ``vs`` for how long that has been so."""
    count = count_of(admitted)
    spread = spread_of(vx, value, admitted)
    if count < 2:
        parted, agreed = False, True
    elif count == 2 or vx[VX_RULE] == HIGHEST:
        parted, agreed = spread > vp[VP_APART], spread <= AGREE_RATIO * vp[VP_APART]
    else:
        near = near_to(vx, value, admitted, middle_of(vx, value, admitted), vp[VP_APART])
        parted = 2 * count_of(near) <= count
        agreed = not parted
    turning = agreed if vs[VS_DISAGREE] != 0.0 else parted
    vs[VS_PARTED_S] = vs[VS_PARTED_S] + dt_s if turning else 0.0
    if vs[VS_PARTED_S] >= vp[VP_APART_S]:
        vs[VS_DISAGREE] = 1.0 - vs[VS_DISAGREE]
        vs[VS_PARTED_S] = 0.0
    return parted


def watch_drift(vx: IntArray, vp: FloatArray, vs: FloatArray, value: FloatArray, present: int, dt_s: float) -> None:
    """Learn each member's usual difference from the others, and note where it has moved away from that."""
    for k in range(MEMBERS_MAX):
        m = VS_MEMBER + k * MEMBER_STATE
        others = present & ~(1 << k)
        if (present >> k) & 1 == 0 or others == 0:
            vs[m + VM_DRIFT_S] = 0.0
            continue
        difference = value[vx[VX_MEMBER + k]] - middle_of(vx, value, others)
        if not math.isfinite(vs[m + VM_USUAL]):
            vs[m + VM_USUAL] = difference
        unusual = abs(difference - vs[m + VM_USUAL])
        time_s = clip(USUAL_TIME_RATIO * vs[m + VM_SEEN_S], USUAL_TIME_MIN_S, USUAL_TIME_MAX_S)
        vs[m + VM_USUAL] += (difference - vs[m + VM_USUAL]) * dt_s / (time_s + dt_s)
        vs[m + VM_SEEN_S] = min(vs[m + VM_SEEN_S] + dt_s, USUAL_TIME_MAX_S)
        drifts = vs[m + VM_DRIFTS] != 0.0
        turning = unusual <= AGREE_RATIO * vp[VP_DRIFT] if drifts else unusual > vp[VP_DRIFT]
        vs[m + VM_DRIFT_S] = vs[m + VM_DRIFT_S] + dt_s if turning else 0.0
        if vs[m + VM_DRIFT_S] >= vp[VP_APART_S]:
            vs[m + VM_DRIFTS] = 1.0 - vs[m + VM_DRIFTS]
            vs[m + VM_DRIFT_S] = 0.0


def safe_member(vx: IntArray, value: FloatArray, admitted: int) -> int:
    """Return the member that is the safe one to believe."""
    rank = count_of(admitted) - 1 if vx[VX_SAFE] > 0 else 0
    return near_to(vx, value, admitted, ranked(vx, value, admitted, rank), 0.0)


def believed(vx: IntArray, vs: FloatArray, value: FloatArray, admitted: int, parted: bool) -> int:
    """Return whose values make the voted one; all of the admitted unless two of them contradict each other."""
    if vx[VX_RULE] == HIGHEST or count_of(admitted) != 2:
        return admitted
    if vs[VS_DISAGREE] != 0.0:
        return safe_member(vx, value, admitted)
    if not parted:
        return admitted
    low, high = ranked(vx, value, admitted, 0), ranked(vx, value, admitted, 1)
    before = vs[VS_VALUE]
    if not math.isfinite(before):
        return safe_member(vx, value, admitted)
    return near_to(vx, value, admitted, low if abs(low - before) < abs(high - before) else high, 0.0)


def combined(vx: IntArray, value: FloatArray, voters: int) -> float:
    """Return what some members say together."""
    if vx[VX_RULE] == HIGHEST:
        return ranked(vx, value, voters, count_of(voters) - 1)
    return middle_of(vx, value, voters)


def bumpless(
    vx: IntArray,
    vp: FloatArray,
    vs: FloatArray,
    told: float,
    voters: int,
    value: FloatArray,
    present: int,
    dt_s: float,
) -> float:
    """Return the voted value: a change of voters leaves it where it was, and is then taken out at ``VP_RATE``.

    It is never farther than the limit of a contradiction from every member that reads: voters that change again and
    again, as with a noisy sensor, would otherwise carry it away step by step (FM-15).
    """
    if vx[VX_RULE] == HIGHEST or not math.isfinite(vs[VS_VALUE]):
        vs[VS_OFFSET] = 0.0
    elif voters != int(vs[VS_VOTERS]):
        vs[VS_OFFSET] = vs[VS_VALUE] - told
    step = vp[VP_RATE] * dt_s
    vs[VS_OFFSET] = clip(0.0, vs[VS_OFFSET] - step, vs[VS_OFFSET] + step)
    low = ranked(vx, value, present, 0) - vp[VP_APART]
    high = ranked(vx, value, present, count_of(present) - 1) + vp[VP_APART]
    vs[VS_OFFSET] = clip(vs[VS_OFFSET], low - told, high - told)
    vs[VS_VOTERS] = float(voters)
    vs[VS_VALUE] = told + vs[VS_OFFSET]
    return vs[VS_VALUE]


def nobody(vx: IntArray, vs: FloatArray, value: FloatArray, quality: IntArray, reason: IntArray) -> None:
    """Make the voted point bad; a reading merely refused counts before a silence, for the next may be good."""
    point = vx[VX_POINT]
    said, refused = _FAILURE, False
    for k in range(MEMBERS_MAX):
        index = vx[VX_MEMBER + k]
        if index >= 0 and not refused:
            said = reason[index] if quality[index] == _BAD else _FAILURE
            refused = said not in _SILENT
    value[point], quality[point], reason[point] = math.nan, _BAD, said
    vs[VS_VALUE] = math.nan
    vs[VS_PARTED_S] = vs[VS_DISAGREE] = 0.0


def write_quality(
    vx: IntArray, vs: FloatArray, voters: int, quality: IntArray, reason: IntArray, age_s: FloatArray
) -> None:
    """Give the voted point the best quality among its voters, and the age of the oldest."""
    point, best, oldest_s = vx[VX_POINT], _BAD, 0.0
    for k in range(MEMBERS_MAX):
        if (voters >> k) & 1:
            index = vx[VX_MEMBER + k]
            oldest_s = max(oldest_s, age_s[index])
            if quality[index] > best:
                best, reason[point] = quality[index], reason[index]
    quality[point], age_s[point] = best, oldest_s
    if vs[VS_DISAGREE] != 0.0 and vx[VX_RULE] != HIGHEST:
        quality[point], reason[point] = _UNCERTAIN, _FAILURE


def vote_one(
    vx: IntArray,
    vp: FloatArray,
    vs: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    age_s: FloatArray,
    dt_s: float,
) -> None:
    """Fill one voted row of the snapshot from its members, in place.

    Uncertain members count only where no good one is left, except under ``HIGHEST``, where an old reading still bounds.

    Args:
        vx: (VOTE_INDICES,).
        vp: (VOTE_PARAMETERS,).
        vs: (VOTE_STATE,).
        value: (points,) of the snapshot, like the three below.
        quality: ``Quality``.
        reason: ``Reason``.
        age_s: seconds.
        dt_s: seconds since the last step.
    """
    present = members_at(vx, quality, _GOOD)
    if present == 0 or vx[VX_RULE] == HIGHEST:
        present = members_at(vx, quality, _UNCERTAIN)
    time_absent(vs, present, dt_s)
    if vx[VX_RULE] != HIGHEST:
        judge_members(vx, vp, vs, value, present, dt_s)
    watch_drift(vx, vp, vs, value, present, dt_s)
    admitted = not_excluded(vs, present)
    if admitted == 0:
        nobody(vx, vs, value, quality, reason)
        return
    parted = judge_agreement(vx, vp, vs, value, admitted, dt_s)
    voters = believed(vx, vs, value, admitted, parted)
    value[vx[VX_POINT]] = bumpless(vx, vp, vs, combined(vx, value, voters), voters, value, present, dt_s)
    write_quality(vx, vs, voters, quality, reason, age_s)


HELPERS: Final = (
    members_at,
    not_excluded,
    count_of,
    ranked,
    middle_of,
    spread_of,
    near_to,
    time_absent,
    judge_members,
    judge_agreement,
    watch_drift,
    safe_member,
    believed,
    combined,
    bumpless,
    nobody,
    write_quality,
    vote_one,
)
"""Every plain function above, callees before callers."""

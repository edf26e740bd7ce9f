"""The first stage of a step: which sensors are believed, and what of them a person should know.

Sensors that stand still are found first, then the votes are taken, then each CDU's dew-point floor follows. Changes the
copied snapshot of the step and its own state; knows no mode, no setpoint and no actuator's command.
"""

from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.conditions import Condition
from coolantd.control.dew_floor import HELPERS as FLOOR_HELPERS
from coolantd.control.dew_floor import follow_floor
from coolantd.control.filters import HELPERS as FILTER_HELPERS
from coolantd.control.layout import D_DEW_BAD_S
from coolantd.control.pid import clip
from coolantd.control.sensor_layout import (
    FREE,
    MEMBER_STATE,
    MEMBERS_MAX,
    SS_VERDICT,
    SX_CDU,
    SX_POINT,
    VM_DRIFTS,
    VM_EXCLUDED,
    VM_OUT_S,
    VS_DISAGREE,
    VS_MEMBER,
    VX_CDU,
    VX_MEMBER,
    VX_POINT,
)
from coolantd.control.stuck_sensor import HELPERS as STUCK_HELPERS
from coolantd.control.stuck_sensor import watch_sensor
from coolantd.control.voting import HELPERS as VOTE_HELPERS
from coolantd.control.voting import vote_one
from coolantd.point import FloatArray, IntArray

_STUCK: Final = int(Condition.SENSOR_STUCK)
_EXCLUDED: Final = int(Condition.SENSOR_EXCLUDED)
_DISAGREE: Final = int(Condition.SENSORS_DISAGREE)
_DRIFTS: Final = int(Condition.SENSOR_DRIFTS)
_DEW_UNKNOWN: Final = int(Condition.DEW_POINT_UNKNOWN)

TOLD_AFTER_S: Final = 10.0
"""A sensor that is away for less is no news: a few lost polls."""


def notice(conditions: IntArray, details: IntArray, n: int, condition: int, point: int) -> None:
    """Note a condition of CDU ``n`` and its first point."""
    if conditions[n, condition] == 0:
        conditions[n, condition], details[n, condition] = 1, point


def notice_vote(vx: IntArray, vs: FloatArray, conditions: IntArray, details: IntArray) -> None:
    """Note what is wrong among the members of one vote."""
    n = vx[VX_CDU]
    if vs[VS_DISAGREE] != 0.0:
        notice(conditions, details, n, _DISAGREE, vx[VX_POINT])
    for k in range(MEMBERS_MAX):
        index, m = vx[VX_MEMBER + k], VS_MEMBER + k * MEMBER_STATE
        if index >= 0:
            if vs[m + VM_EXCLUDED] != 0.0 or vs[m + VM_OUT_S] >= TOLD_AFTER_S:
                notice(conditions, details, n, _EXCLUDED, index)
            if vs[m + VM_DRIFTS] != 0.0:
                notice(conditions, details, n, _DRIFTS, index)


def judge_sensors(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Judge every watched sensor, take every vote and move every dew-point floor, in place.

    The voted rows of ``seen`` are filled, and watched ones may be marked in it.
    """
    value, quality, reason = seen.value, seen.quality, seen.reason
    for k in range(fixed.sx.shape[0]):
        sx, ss, n = fixed.sx[k], memory.ss[k], fixed.sx[k, SX_CDU]
        watch_sensor(sx, fixed.sp[k], ss, fixed.x[n], fixed.y, fixed.c[n], memory.d[n], value, quality, reason, dt_s)
        if ss[SS_VERDICT] != FREE:
            notice(result.conditions, result.details, n, _STUCK, sx[SX_POINT])
    for k in range(fixed.vx.shape[0]):
        vote_one(fixed.vx[k], fixed.vp[k], memory.vs[k], value, quality, reason, seen.age_s, dt_s)
        notice_vote(fixed.vx[k], memory.vs[k], result.conditions, result.details)
    for n in range(fixed.x.shape[0]):
        follow_floor(fixed.x[n], fixed.c[n], memory.d[n], value, quality, dt_s)
        if memory.d[n, D_DEW_BAD_S] >= TOLD_AFTER_S:
            result.conditions[n, _DEW_UNKNOWN] = 1


HELPERS: Final = (clip, *FILTER_HELPERS, *STUCK_HELPERS, *VOTE_HELPERS, *FLOOR_HELPERS, notice, notice_vote)
"""Every plain function ``judge_sensors`` calls, callees before callers."""

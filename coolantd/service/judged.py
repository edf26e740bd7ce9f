"""The point table as control judged it: voted points filled in, sensors that stand still marked. Knows arrays.

Pollers write the table and nobody else does, so what a step made of its snapshot is laid over it when it is shown.
"""

import dataclasses

import numpy as np

from coolantd.control.sensor_layout import SX_POINT, VX_POINT
from coolantd.control.sensor_plan import SensorPlan
from coolantd.point import STALE_BAD_PERIODS, Quality, Reason, Snapshot


def as_judged(snapshot: Snapshot, plan: SensorPlan, seen: Snapshot, since_s: float, period_s: float) -> Snapshot:
    """Return a snapshot with the judgement of the last step.

    Args:
        snapshot: of the table now; not changed.
        plan: of the step.
        seen: what the step saw, of the same points.
        since_s: seconds since the step.
        period_s: between two steps: what was voted longer ago than three of them is bad, for nobody votes any more.
    """
    if not plan.votes and not plan.watches:
        return snapshot
    value, quality, reason = snapshot.value.copy(), snapshot.quality.copy(), snapshot.reason.copy()
    age_s = snapshot.age_s.copy()
    voted = plan.vx[:, VX_POINT]
    value[voted], quality[voted], reason[voted] = seen.value[voted], seen.quality[voted], seen.reason[voted]
    age_s[voted] = seen.age_s[voted] + since_s
    if since_s > STALE_BAD_PERIODS * period_s:
        value[voted], quality[voted], reason[voted] = np.nan, int(Quality.BAD), int(Reason.STALE)
    watched = plan.sx[:, SX_POINT]
    stuck = watched[(seen.reason[watched] == Reason.STUCK) & (seen.quality[watched] < quality[watched])]
    quality[stuck], reason[stuck] = seen.quality[stuck], int(Reason.STUCK)
    value[stuck] = np.where(quality[stuck] == int(Quality.BAD), np.nan, value[stuck])
    return dataclasses.replace(snapshot, value=value, quality=quality, reason=reason, age_s=age_s)

"""More sensors for the golden plan, and what they live through: every branch of votes and of stuck sensors.

Knows the rows of the golden run; see ``golden``.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from coolantd.control.plan import CduParameters
from coolantd.control.sensor_layout import (
    HIGHEST,
    MIDDLE,
    MOVED_BY_HEAT,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    MOVED_BY_VALVE,
)
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, WatchParameters
from coolantd.point import Quality, Reason, Snapshot

MORE: Final = 7
"""Rows behind the golden nine: two more supply sensors, another pressure, another dew point, three voted points."""
_KINDS: Final = (MOVED_BY_VALVE, MOVED_BY_SUPPLY, MOVED_BY_PUMPS, MOVED_BY_HEAT)


def _vote(tag: str, point: int, members: tuple[int, ...], rule: int, safe: int) -> VoteParameters:
    return VoteParameters(
        tag=tag,
        members=tuple(str(row) for row in members),
        cdu=0,
        point=point,
        member_points=members,
        rule=rule,
        safe=safe,
        apart=1.0,
        apart_s=3.0,
        rate_per_s=0.02,
        drift=0.4,
    )


def more_sensors(first: int, supply: int, pressure: int, dew: int) -> SensorPlan:
    """Return votes of three supply temperatures, two pressures and two dew points; ``first`` is the first new row."""
    votes = (
        _vote("supply", first + 4, (supply, first, first + 1), MIDDLE, 1),
        _vote("pressure", first + 5, (pressure, first + 2), MIDDLE, -1),
        _vote("dew", first + 6, (dew, first + 3), HIGHEST, 1),
    )
    watched = (supply, first, first + 2, first)
    watches = tuple(
        WatchParameters(
            tag=str(row), cdu=0, point=row, kind=kind, beside=supply, still_s=2.0, doubt=0.2, refuse=0.4, heat_kw=100.0
        )
        for row, kind in zip(watched, _KINDS, strict=True)
    )
    return SensorPlan(votes, watches)


def voting(cdu: CduParameters, first: int) -> CduParameters:
    """Return the golden CDU with its loops on the voted points."""
    return replace(
        cdu,
        supply_temp=replace(cdu.supply_temp, point=first + 4),
        pressure=replace(cdu.pressure, point=first + 5),
        dew_point=first + 6,
    )


def with_more_sensors(snapshot: Snapshot, k: int, supply: int, dew: int) -> Snapshot:
    """Return the snapshot of step ``k`` with the new rows: one drifts away and returns, one rests, one is old."""
    value, quality, reason, age_s = snapshot.value, snapshot.quality, snapshot.reason, snapshot.age_s
    away_k = 1.5 if 10 <= k < 30 else 0.0
    more = [34.0 + away_k, value[supply] - 0.1, 90.0 + (2.0 if 20 <= k < 40 else 0.0), value[dew] + 1.0]
    more_quality = [int(Quality.GOOD)] * len(more) + [int(Quality.BAD)] * (MORE - len(more))
    if k % 16 == 15:
        more_quality[1] = int(Quality.UNCERTAIN)
    return Snapshot(
        np.array([*value, *more, *[np.nan] * (MORE - len(more))]),
        np.array([*quality, *more_quality], dtype=np.int64),
        np.array([*reason, *[int(Reason.NONE)] * MORE], dtype=np.int64),
        np.array([*age_s, *[0.25] * MORE]),
    )

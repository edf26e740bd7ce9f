"""What a trial saw: a row of named columns per cycle, bounded. Knows plan, snapshot and state; no order, no socket."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from coolantd.control.layout import LOOPS, S_OUTPUT, S_SETPOINT_USED
from coolantd.control.plan import CduParameters, Plan
from coolantd.control.step import ControlState
from coolantd.control.trial_order import Trial
from coolantd.point import Quality, Snapshot

ROWS_MAX: Final = 7200
"""An hour at half a second, and a trial is at most half of one: the rest shows how the loop goes on."""
LOOP_NAMES: Final = ("supply_temp", "pressure")

Row = list[float | None]


@dataclass(slots=True)
class TrialRecord:
    """Columns and rows of one trial; a reading that is bad, or that the CDU has not, is None.

    Attributes:
        number: counts the trials of this daemon; a client names it, so that it never reads another's rows.
        cdu: index in the plan.
    """

    number: int
    cdu: int
    columns: tuple[str, ...]
    points: tuple[tuple[int, ...], ...]
    rows: list[Row] = field(default_factory=list)

    def take(self, state: ControlState, snapshot: Snapshot, now_s: float) -> None:
        """Add the row of this cycle; a full record keeps what it has."""
        if len(self.rows) >= ROWS_MAX:
            return
        s = state.s[self.cdu]
        own = [now_s, *(s[k, S_OUTPUT] for k in range(LOOPS)), *(s[k, S_SETPOINT_USED] for k in range(LOOPS))]
        own += [snapshot.age_s[self.points[k][0]] for k in range(LOOPS)]
        measured = [sum(_reading(snapshot, row) for row in rows) for rows in self.points]
        self.rows.append([float(each) if math.isfinite(each) else None for each in (*own, *measured)])


def record_of(number: int, plan: Plan, n: int) -> TrialRecord:
    """Return an empty record for a CDU."""
    named = _points(plan, plan.cdus[n])
    own = [f"{loop}_{what}" for what in ("output_pct", "setpoint", "age_s") for loop in LOOP_NAMES]
    return TrialRecord(number, n, ("time_s", *own, *named), tuple(named.values()))


def _points(plan: Plan, cdu: CduParameters) -> dict[str, tuple[int, ...]]:
    """Return the points of each measured column; those of one column are added up."""
    named: dict[str, tuple[int, ...]] = {
        "supply_temp": (cdu.supply_temp.point,),
        "pressure": (cdu.pressure.point,),
        "valve_pct": (plan.actuators[cdu.valve].position,),
    }
    for k, i in enumerate(cdu.pumps, 1):
        named[f"pump{k}_pct"] = (plan.actuators[i].position,)
    for name, point in (("dew_point", cdu.dew_point), ("heat_kw", cdu.heat)):
        if point is not None:
            named[name] = (point,)
    if cdu.model is not None:
        model = cdu.model
        named |= {"return_temp": (model.return_temp,), "fws_temp": (model.fws_supply_temp,), "flow_lpm": (model.flow,)}
        if model.fws_pressure is not None:
            named["fws_pressure_kpa"] = (model.fws_pressure,)
        if model.power:
            named["power_kw"] = model.power
    return named


def _reading(snapshot: Snapshot, row: int) -> float:
    return float(snapshot.value[row]) if snapshot.quality[row] != Quality.BAD else math.nan


def loop_under_trial(trials: Sequence[Trial], n: int) -> str:
    """Return the loop of a CDU that a trial holds now; empty while none does."""
    return next((LOOP_NAMES[each.order.loop] for each in trials if each.order.cdu == n and not each.over), "")

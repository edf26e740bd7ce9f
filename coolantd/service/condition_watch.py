"""Follows control's conditions from cycle to cycle: since when each is so, and a word when it begins or ends.

Knows decisions and the names of what they count. Must never know why a stage noticed something.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog

from coolantd.control.conditions import MEANINGS, Condition
from coolantd.control.plan import Plan
from coolantd.control.step import Decision
from coolantd.safety.meaning import NOTHING, Detail
from coolantd.service.journal import Recorder
from coolantd.service.view import ConditionView, PointLabels

log: Final = structlog.get_logger()

Key = tuple[str, Condition]


@dataclass(frozen=True, slots=True)
class _Active:
    since_s: float
    detail: str


class ConditionWatch:
    """Remembers what is so and tells the journal and the log of changes; a change of detail is one too."""

    def __init__(self, journal: Recorder) -> None:
        self._journal = journal
        self._active: dict[Key, _Active] = {}

    def follow(self, plan: Plan, decision: Decision, labels: PointLabels, now_s: float) -> None:
        """Take one decision.

        Args:
            plan: which the decision belongs to.
            decision: of this cycle.
            labels: names of the snapshot's rows.
            now_s: monotonic seconds.
        """
        before, self._active = self._active, {}
        for n, column in zip(*(axis.tolist() for axis in np.nonzero(decision.conditions)), strict=True):
            condition = Condition(column)
            detail = name_detail(plan, n, condition, int(decision.details[n, column]), labels)
            key = (plan.cdus[n].name, condition)
            known = before.pop(key, None)
            if known is None or known.detail != detail:
                self._tell("condition_began", key, detail)
            self._active[key] = _Active(now_s if known is None else known.since_s, detail)
        for key, gone in before.items():
            self._tell("condition_ended", key, gone.detail)

    def active(self) -> Iterator[tuple[str, Condition, str]]:
        """Yield (CDU, condition, detail) of everything that is so now."""
        for (cdu, condition), active in self._active.items():
            yield cdu, condition, active.detail

    def views(self, now_s: float) -> tuple[ConditionView, ...]:
        """Return what is so, CDU by CDU in the order of the plan."""
        return tuple(
            ConditionView(
                cdu=cdu,
                condition=condition.label,
                detail=active.detail,
                age_s=now_s - active.since_s,
                cause=MEANINGS[condition].cause,
                consequence=MEANINGS[condition].consequence,
                action=MEANINGS[condition].action,
            )
            for (cdu, condition), active in self._active.items()
        )

    def _tell(self, event: str, key: Key, detail: str) -> None:
        cdu, condition = key
        tell = log.warning if event == "condition_began" else log.info
        tell(event, cdu=cdu, condition=condition.label, detail=detail)
        self._journal.record(event, cdu=cdu, condition=condition.label, detail=detail)


def name_detail(plan: Plan, n: int, condition: Condition, number: int, labels: PointLabels) -> str:
    """Return in words which pump, branch or point a condition of CDU ``n`` is about; empty for none."""
    if number == NOTHING:
        return ""
    match MEANINGS[condition].detail:
        case Detail.PUMP:
            return plan.actuators[plan.cdus[n].pumps[number]].name
        case Detail.ACTUATOR:
            return f"{plan.actuators[number].device}.{plan.actuators[number].name}"
        case Detail.BRANCH:
            return f"branch {number + 1}"
        case Detail.POINT:
            return f"{labels.devices[number]}.{labels.points[number]}"
        case Detail.NONE:
            return ""

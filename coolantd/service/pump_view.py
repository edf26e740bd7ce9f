"""What the daemon shows of each pump: what it does in its group, and for how long it has run. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coolantd.control.plan import Plan
from coolantd.control.pump_layout import U_HOURS_H, U_ROLE, U_TRIPPED, Role
from coolantd.control.step import ControlState
from coolantd.service.journal import Recorder

SECONDS_PER_HOUR: Final = 3600.0

Labels = tuple[tuple[str, str], ...]


class PumpRole(StrEnum):
    """What a pump does: its role in control, or that it is excluded."""

    UNKNOWN = Role.UNKNOWN.label
    DUTY = Role.DUTY.label
    STANDBY = Role.STANDBY.label
    ARRIVING = Role.ARRIVING.label
    LEAVING = Role.LEAVING.label
    TRIPPED = "tripped"
    """It does not do as it is told, or says that it is out of order; nothing is expected of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpView:
    """One pump: ``role`` is a ``PumpRole``; ``run_h`` its device's count, or what was seen since the daemon's start."""

    cdu: str
    device: str
    point: str
    role: str
    run_h: float


def pump_views(plan: Plan, state: ControlState) -> tuple[PumpView, ...]:
    """Return every pump of every CDU, as the last cycle left it."""
    return tuple(
        PumpView(
            cdu=cdu.name,
            device=plan.actuators[i].device,
            point=plan.actuators[i].name,
            role=_role(state, n, k).value,
            run_h=float(state.u[n, k, U_HOURS_H]),
        )
        for n, cdu in enumerate(plan.cdus)
        for k, i in enumerate(cdu.pumps)
    )


def _role(state: ControlState, n: int, k: int) -> PumpRole:
    if state.u[n, k, U_TRIPPED] > 0.0:
        return PumpRole.TRIPPED
    return PumpRole(Role(int(state.u[n, k, U_ROLE])).label)


def pump_families(views: tuple[PumpView, ...]) -> Iterator[tuple[str, str, list[tuple[Labels, float]]]]:
    """Yield (name, documentation, rows) of the series about pumps."""
    named: list[tuple[Labels, PumpView]] = [((("device", each.device), ("point", each.point)), each) for each in views]
    yield (
        "coolantd_pump_role",
        "1 for what a pump does in its group, or for its being tripped, 0 for every other",
        [((*labels, ("role", role.value)), int(each.role == role)) for labels, each in named for role in PumpRole],
    )
    yield (
        "coolantd_pump_run_seconds",
        "How long a pump has run: as its device counts it, else as seen since the daemon started",
        [(labels, each.run_h * SECONDS_PER_HOUR) for labels, each in named],
    )


class PumpWatch:
    """Records every change of what a pump does."""

    def __init__(self, journal: Recorder) -> None:
        self._journal = journal
        self._roles: dict[tuple[str, str], str] = {}

    def follow(self, views: tuple[PumpView, ...]) -> None:
        """Take down what has changed since the last cycle; what is found at first is no change."""
        roles = {(each.device, each.point): each.role for each in views}
        for each in views:
            before = self._roles.get((each.device, each.point), PumpRole.UNKNOWN)
            if before not in (each.role, PumpRole.UNKNOWN):
                self._journal.record(
                    "pump_role", cdu=each.cdu, device=each.device, point=each.point, role=each.role, previous=before
                )
        self._roles = roles

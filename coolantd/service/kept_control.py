"""What control knows and a restart should not cost: run hours, what was learnt of the exchangers, latched hazards.

Knows the cycle, whose state it takes and gives back. Nothing here moves an actuator but a latch, which keeps its pumps
from running again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from coolantd.control.kept_exchangers import kept_exchangers, with_exchangers
from coolantd.control.kept_hours import kept_hours, with_hours
from coolantd.control.latches import keep_latches, with_latches
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState
from coolantd.service.cycle import Cycle
from coolantd.service.keeper import EVERY_S, Section

SLOW_S: Final = 300.0
"""Run hours and learnt numbers change all the time: a crash may cost five minutes of them, and a memory card is
written 105 000 times a year for their sake, a thousandth of what it stands."""

Kept = dict[str, Any]


def control_sections(cycle: Cycle) -> tuple[Section, ...]:
    """Return the sections of a cycle's own state."""

    def section(
        name: str,
        keep: Callable[[Plan, ControlState], Kept],
        take_back: Callable[[Plan, ControlState, Mapping[str, object], float], ControlState],
        every_s: float = SLOW_S,
    ) -> Section:
        def restore(kept: Kept, age_s: float) -> None:
            cycle.state = take_back(cycle.plan, cycle.state, kept, age_s)

        return Section(name=name, keep=lambda: keep(cycle.plan, cycle.state), restore=restore, every_s=every_s)

    return (
        section("pump_run_s", kept_hours, lambda plan, state, kept, _: with_hours(plan, state, kept)),
        section("exchangers", kept_exchangers, with_exchangers),
        section("hazards", keep_latches, lambda plan, state, kept, _: with_latches(plan, state, kept), EVERY_S),
    )

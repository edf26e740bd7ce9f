"""The control cycle: at each due time one snapshot, one step, one hand-off to the writer. Touches no wire.

It owns the control state. A reload exchanges plan, state, table and writer between two cycles, never within one.
"""

from collections.abc import Callable, Collection
from typing import Final

import structlog

from coolantd.clock import Clock
from coolantd.control.plan import Plan
from coolantd.control.stages import Stages
from coolantd.control.step import ControlState, Decision, step
from coolantd.point import IntArray, Snapshot
from coolantd.safety.modes import Cause, Mode
from coolantd.service.condition_watch import ConditionWatch
from coolantd.service.hush import hushed, unheard
from coolantd.service.journal import Recorder
from coolantd.service.judged import as_judged
from coolantd.service.metrics import Metrics
from coolantd.service.override_watch import OverrideWatch
from coolantd.service.pump_view import PumpWatch, pump_views
from coolantd.service.table import PointTable
from coolantd.service.writer import Writer

log: Final = structlog.get_logger()


class Cycle:
    """Decides every ``plan.period_s``.

    Args:
        silent_devices: returns the devices from which nothing counts and to which nothing may be written now.
        facts: returns what the protection is to know of the daemon itself (``ShellFacts``).

    Attributes:
        plan, state, table, writer: what the next cycle works with.
        decision, snapshot: of the last completed cycle; None before the first.
        seen: that snapshot as control judged it; None too once other points are in force.
        completed: cycles completed.
        conditions: what control has noticed and is so now.
        watchers: called after every cycle with its time; they look, and change no command of it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        journal: Recorder,
        plan: Plan,
        state: ControlState,
        table: PointTable,
        writer: Writer,
        silent_devices: Callable[[], Collection[str]] = frozenset,
        facts: Callable[[Plan, Writer, float], IntArray | None] = lambda *_: None,
    ) -> None:
        self.plan = plan
        self.state = state
        self.table = table
        self.writer = writer
        self.decision: Decision | None = None
        self.snapshot: Snapshot | None = None
        self.seen: Snapshot | None = None
        self.completed = 0
        self.conditions = ConditionWatch(journal)
        self._pumps = PumpWatch(journal)
        self._overrides = OverrideWatch(journal, metrics)
        self.watchers: list[Callable[[float], None]] = []
        self._clock = clock
        self._metrics = metrics
        self._journal = journal
        self._silent_devices = silent_devices
        self._facts = facts
        self._modes: dict[str, int] = {}

    def swap(self, plan: Plan, state: ControlState, table: PointTable, writer: Writer) -> None:
        """Work with these, and the kernels in use, from the next cycle on.

        The last decision still stands if it speaks of the same things.
        """
        if _rows(plan) != _rows(self.plan):
            self.decision = None
        if table.index != self.table.index or plan.sensors != self.plan.sensors:
            self.seen = None
        self.plan = plan.with_kernels(self.plan.stages)
        self.state, self.table, self.writer = state, table, writer

    def use_kernels(self, stages: Stages) -> None:
        """Decide with other forms of the same law from the next cycle on."""
        self.plan = self.plan.with_kernels(stages)

    async def run(self, on_completed: Callable[[], None]) -> None:
        """Run until cancelled; due times are absolute, so lateness never adds up, and missed ones are skipped."""
        due_s = self._clock.now_s()
        while True:
            await self._clock.sleep(due_s - self._clock.now_s())
            begun_s = self._clock.now_s()
            self._metrics.cycle_lateness_s.observe(max(begun_s - due_s, 0.0))
            self.once(begun_s)
            ended_s = self._clock.now_s()
            self._metrics.cycle_duration_s.observe(ended_s - begun_s)
            on_completed()
            due_s += self.plan.period_s
            if due_s < ended_s:
                due_s = ended_s + self.plan.period_s

    def once(self, now_s: float) -> Decision:
        """Carry out one cycle."""
        silent = self._silent_devices()
        self.snapshot = unheard(self.table.snapshot(now_s), self.table.labels.devices, silent)
        facts, permits = self._facts(self.plan, self.writer, now_s), self.writer.permits(silent)
        self.state, decision = step(self.plan, self.state, self.snapshot, now_s, facts, permits)
        self.decision, self.seen = decision, decision.seen
        self.writer.carry_out(self.plan, hushed(self.plan, decision, silent), self.snapshot, now_s)
        self.completed += 1
        self._metrics.cycles.inc()
        self._tell_mode_changes(decision)
        self.conditions.follow(self.plan, decision, self.table.labels, now_s)
        self._pumps.follow(pump_views(self.plan, self.state))
        self._overrides.follow(self.state.overrides)
        for watch in self.watchers:
            watch(now_s)
        return decision

    def judged(self, now_s: float) -> Snapshot:
        """Return every point now, as control judged it in the last cycle: what people are shown."""
        snapshot = self.table.snapshot(now_s)
        if self.seen is None:
            return snapshot
        since_s = max(now_s - self.state.time_s, 0.0)
        return as_judged(snapshot, self.plan.sensors, self.seen, since_s, self.plan.period_s)

    def _tell_mode_changes(self, decision: Decision) -> None:
        for n, cdu in enumerate(self.plan.cdus):
            mode = int(decision.modes[n])
            before = self._modes.get(cdu.name)
            if before != mode:
                self._modes[cdu.name] = mode
                now, cause = Mode(mode).label, Cause(int(decision.causes[n])).label
                was = "" if before is None else Mode(before).label
                tell = log.warning if mode in (Mode.FAILSAFE, Mode.TRIPPED) and was else log.info
                tell("mode_changed", cdu=cdu.name, mode=now, previous=was, cause=cause)
                self._journal.record("mode_changed", cdu=cdu.name, mode=now, previous=was, cause=cause)


def _rows(plan: Plan) -> tuple[list[str], list[tuple[str, str]]]:
    return [cdu.name for cdu in plan.cdus], [(a.device, a.name) for a in plan.actuators]

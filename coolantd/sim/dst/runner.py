"""Runs many seeds on several processes and says which fail, and with how little. Knows plans, processes and text."""

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from coolantd.control.stages import Stages, compiled_stages
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE
from coolantd.sim.dst.drawing import Plan, drawn_plan
from coolantd.sim.dst.faults import OUTSIDE_KINDS, Fault
from coolantd.sim.dst.shrink import shrunk
from coolantd.sim.dst.universe import Outcome, Universe, Violation

BAYS: Final = 4
"""CDUs of one daemon: what a cycle costs is shared, and a failing site is still small."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Control's and the plant's, in one form."""

    stages: Stages
    advance: KernelFunction


def compiled() -> Kernels:
    """Return machine code, compiled now: numba's own cache does not see a change in a file that a kernel calls."""
    return Kernels(compiled_stages(cache=False), ADVANCE.compiled(cache=False))


def run_plan(plan: Plan, kernels: Kernels) -> Outcome:
    """Run one plan."""
    return Universe(plan, stages=kernels.stages, advance=kernels.advance).run()


def plans(seeds: range, *, hours: float, bays: int = BAYS) -> list[Plan]:
    """Return the plans of a range of seeds, ``bays`` to a site."""
    duration_s = hours * 3600.0
    return [
        drawn_plan(first, min(bays, seeds.stop - first), duration_s=duration_s)
        for first in range(seeds.start, seeds.stop, bays)
    ]


@dataclass(frozen=True, slots=True)
class Report:
    """One plan, what it showed, and how long that took in seconds of a processor."""

    plan: Plan
    violations: tuple[Violation, ...]
    cpu_s: float


def run_all(todo: Sequence[Plan], *, jobs: int) -> Iterator[Report]:
    """Yield the reports of plans as they come."""
    if jobs <= 1:
        _begin()
        yield from map(_report, todo)
        return
    with multiprocessing.get_context("fork").Pool(jobs, _begin) as pool:
        yield from pool.imap_unordered(_report, todo)


def least(report: Report) -> Plan:
    """Return the least plan in which the first invariant of a report still fails."""
    first = report.violations[0]
    kernels = _kernels()

    def fails(plan: Plan) -> bool:
        found = run_plan(plan, kernels).violations
        return any((v.invariant, v.seed) == (first.invariant, first.seed) for v in found)

    return shrunk(report.plan, fails)


def without_outside(plan: Plan) -> Plan:
    """Return a plan without the troubles that may not change a command."""
    return replace(plan, site=tuple(fault for fault in plan.site if fault.kind not in OUTSIDE_KINDS))


def with_outside(plan: Plan, troubles: Iterable[Fault]) -> Plan:
    """Return a plan with these troubles besides."""
    return replace(plan, site=(*plan.site, *troubles))


_ready: list[Kernels] = []


def _kernels() -> Kernels:
    if not _ready:
        _begin()
    return _ready[0]


def _begin() -> None:
    if not _ready:
        _ready.append(compiled())


def _report(plan: Plan) -> Report:
    begun_s = time.process_time()
    outcome = run_plan(plan, _kernels())
    return Report(plan, tuple(outcome.violations), time.process_time() - begun_s)

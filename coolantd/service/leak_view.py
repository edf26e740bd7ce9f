"""What the daemon shows of leak zones: what each detector says, what a zone has come to, what is done. Plain data.

Knows the columns of the leak policy. Must never know who reads it.
"""

from dataclasses import dataclass

from coolantd.safety.leak_layout import (
    D_FAULT,
    D_WET,
    Z_BLIND,
    Z_FIRST,
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_LEVEL,
    Z_POWER,
    Z_STEP,
    Z_TEST_S,
    Z_WORST,
    Level,
    Step,
    StepState,
)
from coolantd.safety.leak_plan import LeakMemory, LeakPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakDetectorView:
    """One detector: ``level`` of a leak at it, whether it counts as wet, and whether it is in fault."""

    point: str
    level: str
    wet: bool
    fault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakZoneView:
    """One zone.

    Attributes:
        place: what it is, for people.
        level: ``Level`` label now. worst: the greatest since a latch closed; ``dry`` while none has.
        isolated, power_cut: whether that is latched.
        found_shut: its branch was found shut at the start, and nothing remembers why.
        blind: too many detectors are in fault for the others to confirm a leak.
        first: the detector that was wet first; empty while none is.
        test_left_s: rest of a test; 0 outside.
        power, bypass, valve, pumps: ``StepState`` labels of the steps.
    """

    zone: str
    kind: str
    place: str
    level: str
    worst: str
    isolated: bool
    power_cut: bool
    found_shut: bool
    blind: bool
    first: str
    test_left_s: float
    power: str
    bypass: str
    valve: str
    pumps: str
    detectors: tuple[LeakDetectorView, ...]


def leak_zone_views(plan: LeakPlan, memory: LeakMemory) -> tuple[LeakZoneView, ...]:
    """Return every zone, as the last cycle left it."""
    return tuple(_view(plan, memory, n) for n in range(len(plan.zones)))


def _view(plan: LeakPlan, memory: LeakMemory, n: int) -> LeakZoneView:
    zone, rows, z = plan.zones[n], plan.rows(n), memory[0][n]
    first = int(z[Z_FIRST])
    steps = {step.label: StepState(int(z[Z_STEP + step])).label for step in Step}
    return LeakZoneView(
        zone=zone.name,
        kind=zone.kind.label,
        place=zone.place,
        level=Level(int(z[Z_LEVEL])).label,
        worst=Level(int(z[Z_WORST])).label,
        isolated=bool(z[Z_ISOLATE]),
        power_cut=bool(z[Z_POWER]),
        found_shut=bool(z[Z_FOUND_SHUT]),
        blind=bool(z[Z_BLIND]),
        first=zone.detectors[first - rows.start].tag if first in rows else "",
        test_left_s=float(z[Z_TEST_S]),
        detectors=tuple(
            LeakDetectorView(
                point=each.tag,
                level=each.level.label,
                wet=bool(memory[1][row, D_WET]),
                fault=bool(memory[1][row, D_FAULT]),
            )
            for each, row in zip(zone.detectors, rows, strict=True)
        ),
        **steps,
    )

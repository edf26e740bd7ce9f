"""Rows 12, 13 and 19 of the scenario table: sensors that drift, stand still, fall out or lie, and a line that stalls.

What is done to a sensor is done to its reading alone: the true supply temperature is what counts.

Usage: ``python bench/scenario_sensor_cases.py [--json] [--nominal]``
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scenario_control import DATA_SHEET, SETPOINT_C
from scenario_plant import NOMINAL, PERTURBED, Perturbation, Rig
from scenario_sensors import (
    PERIOD_S,
    READ,
    Disturb,
    Fault,
    Figures,
    Seen,
    Sensing,
    Wire,
    at_rest,
    live,
    sensing_plan,
    untouched,
)

from coolantd.control.conditions import Condition
from coolantd.control.stages import Stages, compiled_stages
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE

MARGIN_K: Final = 2.0
DRIFT_K_PER_S: Final = 0.1 / 60.0


def drifting(wire: Wire, time_s: float) -> None:
    """Let the second supply sensor rise by 0.1 K a minute."""
    wire.readings["supply2"] += DRIFT_K_PER_S * time_s


def frozen(*names: str) -> Fault:
    """Return a fault that repeats what some sensors showed first."""
    kept: dict[str, float] = {}

    def fault(wire: Wire, _time_s: float) -> None:
        for name in names:
            wire.readings[name] = kept.setdefault(name, wire.readings[name])

    return fault


def refused(name: str, duration_s: float) -> Fault:
    """Return a fault that makes a reading bad for some time."""

    def fault(wire: Wire, time_s: float) -> None:
        if time_s < duration_s:
            wire.bad.add(name)

    return fault


def not_a_number(name: str, duration_s: float) -> Fault:
    """Return a fault that makes a reading NaN, and good as far as its device says."""

    def fault(wire: Wire, time_s: float) -> None:
        if time_s < duration_s:
            wire.readings[name] = float("nan")

    return fault


def stalled(duration_s: float) -> Fault:
    """Return a fault in which nothing is read and nothing is written for some time."""
    hold = frozen(*READ)

    def fault(wire: Wire, time_s: float) -> None:
        if time_s < duration_s:
            hold(wire, time_s)
            wire.age_s, wire.deaf = time_s + PERIOD_S, True

    return fault


def deafened(duration_s: float) -> Fault:
    """Return a fault in which writes are lost for some time."""

    def fault(wire: Wire, time_s: float) -> None:
        wire.deaf = time_s < duration_s

    return fault


def load_step(ratio: float) -> Disturb:
    """Return a change of every rack's heat at once."""
    return lambda rig, _time_s: rig.load(ratio)


def load_ramp(start: float, end: float, over_s: float) -> Disturb:
    """Return a change of every rack's heat over some time."""
    return lambda rig, time_s: rig.load(start + (end - start) * min(1.0, time_s / over_s))


def damper(rig: Rig, time_s: float) -> None:
    """Let the dew point rise by 6 K in 10 min."""
    rig.dew_point_c = 28.0 + 6.0 * min(1.0, time_s / 600.0)


def found(*conditions: Condition) -> Callable[[Seen], Figures]:
    """Return a measure of when something was noticed, and of the true supply meanwhile."""
    return lambda seen: {"found_s": seen.found_s(*conditions), "off_k": seen.off_k}


def moved(seen: Seen) -> Figures:
    """Return the greatest move of the valve's command, and of the true supply."""
    return {"moved_pct": seen.moved_pct, "off_k": seen.off_k, "away_s": seen.left_automatic_s}


def dew_margin(seen: Seen) -> Figures:
    """Return by how much the margin over the dew point fell short of 2 K, and the overshoot over the floor."""
    floor_c = seen.dew_c + MARGIN_K
    over_k = seen.supply_c - np.maximum(floor_c, SETPOINT_C)
    return {"short_k": max(0.0, float((floor_c - seen.supply_c).max())), "over_k": float(over_k.max())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that happens to sensors or the line.

    Attributes:
        load: before. disturb: what happens to the plant. fault: makes what happens to the wire.
        two: whether there are two supply and two dew-point sensors.
        figures: measures it. must: greatest allowed, figure by figure; others are only told.
        extra: whether the deviation without the fault is taken off.
    """

    key: str
    number: str
    title: str
    load: float
    fault: Callable[[], Fault]
    figures: Callable[[Seen], Figures]
    must: Figures
    disturb: Disturb = at_rest
    two: bool = True
    duration_s: float = 300.0
    extra: bool = False


def cases() -> tuple[Case, ...]:
    """Return every case, by row of the table."""
    drift = found(Condition.SENSOR_DRIFTS, Condition.SENSORS_DISAGREE)
    stuck = found(Condition.SENSOR_STUCK)
    up, supply = load_step(0.9), "supply2"
    ramp = load_ramp(0.5, 0.75, 60.0)
    return (
        Case(key="drift", number="12", title="one of two drifts 0.1 K/min", load=0.6, fault=lambda: drifting,
             figures=drift, must={"found_s": 300.0}),
        Case(key="stuck", number="12", title="one of two stands still, load 30 to 90 %", load=0.3, disturb=up,
             fault=lambda: frozen(supply), figures=stuck, must={"found_s": 120.0}),
        Case(key="stuck_only", number="12", title="the only one stands still, the same", load=0.3, disturb=up,
             two=False, fault=lambda: frozen("supply"), figures=stuck, must={"found_s": 120.0}),
        Case(key="stuck_return", number="12", title="the return stands still, the same", load=0.3, disturb=up,
             fault=lambda: frozen("return"), figures=stuck, must={"found_s": 120.0}),
        Case(key="dropout", number="12", title="one of two falls out for 30 s", load=0.6,
             fault=lambda: refused(supply, 30.0), figures=moved, must={"moved_pct": 2.0, "away_s": 0.0}),
        Case(key="dropout_only", number="12", title="the only one falls out for 30 s", load=0.6, two=False,
             fault=lambda: refused("supply", 30.0), figures=moved, must={}),
        Case(key="nan", number="12", title="one of two shows NaN for 30 s", load=0.6,
             fault=lambda: not_a_number(supply, 30.0), figures=moved, must={"moved_pct": 2.0, "away_s": 0.0}),
        Case(key="nan_only", number="12", title="the only one shows NaN once", load=0.6, two=False,
             fault=lambda: not_a_number("supply", 0.4), figures=moved, must={"moved_pct": 2.0, "away_s": 0.0}),
        Case(key="nan_return", number="12", title="the return shows NaN for 30 s", load=0.6,
             fault=lambda: not_a_number("return", 30.0), figures=moved, must={"moved_pct": 2.0, "away_s": 0.0}),
        Case(key="dew", number="13", title="dew point +6 K in 10 min", load=0.5, disturb=damper, duration_s=900.0,
             fault=lambda: untouched, figures=dew_margin, must={"short_k": 0.0, "over_k": 1.0}),
        Case(key="dew_stuck", number="13", title="the same, one of two sensors stuck low", load=0.5, disturb=damper,
             duration_s=900.0, fault=lambda: frozen("dew2"), figures=dew_margin, must={"short_k": 0.0, "over_k": 1.0}),
        Case(key="stall", number="19", title="line stalls 5 s in a load ramp", load=0.5, disturb=ramp, extra=True,
             fault=lambda: stalled(5.0), figures=moved, must={"off_k": 0.2}),
        Case(key="stall_rest", number="19", title="line stalls 5 s at rest", load=0.6, extra=True,
             fault=lambda: stalled(5.0), figures=moved, must={"off_k": 0.2, "moved_pct": 2.0}),
        Case(key="deaf", number="19", title="writes are lost for 5 s in a load ramp", load=0.5, disturb=ramp,
             extra=True, fault=lambda: deafened(5.0), figures=moved, must={"off_k": 0.2, "away_s": 0.0}),
    )  # fmt: skip


class Bench:
    """Compiled once, asked case by case."""

    def __init__(self, stages: Stages, advance: KernelFunction) -> None:
        self.stages, self.advance = stages, advance

    def seen(self, case: Case, plant: Perturbation = NOMINAL, *, faulty: bool = True, resolution: float = 0.0) -> Seen:
        """Return one run of a case."""
        rig = Rig(plant, 30.0, self.advance)
        rig.load(case.load)
        rig.dew_point_c = 28.0 if case.disturb is damper else rig.dew_point_c
        fault = case.fault() if faulty else untouched
        plan = sensing_plan(30.0, DATA_SHEET, two=case.two)
        return live(rig, Sensing(plan, self.stages, fault=fault, resolution=resolution), case.duration_s, case.disturb)

    def measure(self, case: Case, plant: Perturbation = NOMINAL) -> Figures:
        """Return the figures of a case on one plant."""
        figures = case.figures(self.seen(case, plant))
        if case.extra:
            figures["off_k"] -= case.figures(self.seen(case, plant, faulty=False))["off_k"]
        return figures


def meets(case: Case, figures: Figures) -> bool:
    """Return whether every figure is within what must be shown."""
    return all(figures[name] <= limit + 1e-9 for name, limit in case.must.items())


def main() -> None:
    """Print every case, on the nominal plant and the worst of the perturbed ones."""
    parser = argparse.ArgumentParser(description="Faults of sensors and of the line, rows 12, 13 and 19.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nominal", action="store_true", help="leave the perturbed plants out")
    arguments = parser.parse_args()
    bench = Bench(compiled_stages(cache=False), ADVANCE.compiled(cache=False))
    plants = (NOMINAL,) if arguments.nominal else (NOMINAL, *PERTURBED)
    result: dict[str, Any] = {}
    for case in cases():
        each = {plant.name: bench.measure(case, plant) for plant in plants}
        worst = {name: max(figures[name] for figures in each.values()) for name in each[NOMINAL.name]}
        result[case.key] = {
            "number": case.number,
            "title": case.title,
            "nominal": {name: round(value, 3) for name, value in each[NOMINAL.name].items()},
            "worst": {name: round(value, 3) for name, value in worst.items()},
            "must": case.must,
            "meets": meets(case, each[NOMINAL.name]),
            "worst_meets": all(meets(case, figures) for figures in each.values()),
        }
        if not arguments.json:
            print(
                f"{case.number:>3}  {case.title:<44}", result[case.key]["nominal"], "worst", result[case.key]["worst"]
            )
    if arguments.json:
        print(json.dumps({"bench": "scenario_sensors", "plants": len(plants), "cases": result}))


if __name__ == "__main__":
    main()

"""What no plan can be made from: figures that contradict each other. Knows no file; names the keys that disagree."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from coolantd.planning.demand import demand_at
from coolantd.planning.inputs import PlanInputs
from coolantd.planning.machine import rated_conductance_kw_k

TRANSIT_MIN_S: Final = 0.5
"""No pipe to racks is shorter at any usual velocity, and the simulation's work grows as its content shrinks."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that cannot be.

    Attributes:
        path: the key it is said of, as in the file.
        what: what is wrong, lower case.
        value: the value as a person would write it.
        allowed: what is allowed.
    """

    path: Path
    what: str
    value: str
    allowed: str


def contradictions(inputs: PlanInputs) -> tuple[Contradiction, ...]:
    """Return everything that cannot be, in the order of the sections; empty when a plan can be made."""
    found = (*_temperatures(inputs), *_demand(inputs), *_pumps(inputs), *_rating(inputs))
    return found or tuple(_pipes(inputs))


def _temperatures(inputs: PlanInputs) -> list[Contradiction]:
    found = []
    facility, racks = inputs.facility, inputs.racks
    if facility.supply_temp_min_c > facility.supply_temp_max_c:
        allowed = f"at most supply_temp_max_c, {facility.supply_temp_max_c:g}"
        found.append(_said("facility", "supply_temp_min_c", "above the hottest", facility.supply_temp_min_c, allowed))
    if racks.case_temp_max_c <= inputs.supply_temp_c:
        allowed = f"above supply_temp_c, {inputs.supply_temp_c:g}"
        found.append(_said("racks", "case_temp_max_c", "no warmer than the coolant", racks.case_temp_max_c, allowed))
    first, last = racks.demand[0].inlet_temp_c, racks.demand[-1].inlet_temp_c
    if len(racks.demand) > 1 and not first <= inputs.supply_temp_c <= last:
        what = "outside the racks' flow table"
        found.append(Contradiction(("supply_temp_c",), what, f"{inputs.supply_temp_c:g}", f"{first:g} to {last:g}"))
    return found


def _demand(inputs: PlanInputs) -> list[Contradiction]:
    found = []
    for index, (before, after) in enumerate(pairwise(inputs.racks.demand), 1):
        for key in ("inlet_temp_c", "flow_lpm", "pressure_kpa"):
            low, high = getattr(before, key), getattr(after, key)
            if high <= low:
                path = ("racks", "demand", index, key)
                found.append(Contradiction(path, "does not rise from row to row", f"{high:g}", f"above {low:g}"))
    return found


def _pumps(inputs: PlanInputs) -> list[Contradiction]:
    found = []
    for index, (before, after) in enumerate(pairwise(inputs.cdu.pump_curve), 1):
        path: Path = ("cdu", "pump_curve", index)
        if after.flow_lpm <= before.flow_lpm:
            allowed = f"above {before.flow_lpm:g}"
            what = "does not rise from point to point"
            found.append(Contradiction((*path, "flow_lpm"), what, f"{after.flow_lpm:g}", allowed))
        if after.head_kpa >= before.head_kpa:
            allowed = f"below {before.head_kpa:g}"
            what = "does not fall from point to point"
            found.append(Contradiction((*path, "head_kpa"), what, f"{after.head_kpa:g}", allowed))
    return found


def _rating(inputs: PlanInputs) -> list[Contradiction]:
    if not math.isnan(rated_conductance_kw_k(inputs)):
        return []
    cdu = inputs.cdu
    what = "no exchanger does this with the rated flows and approach"
    allowed = "less heat, more facility flow, or a wider approach_rated_k"
    return [_said("cdu", "heat_rated_kw", what, cdu.heat_rated_kw, allowed)]


def _pipes(inputs: PlanInputs) -> list[Contradiction]:
    flow_lpm = demand_at(inputs, inputs.supply_temp_c).flow_lpm
    least_l = flow_lpm / 60.0 * TRANSIT_MIN_S
    what = f"emptied in less than {TRANSIT_MIN_S:g} s by the {flow_lpm:.0f} L/min of the racks"
    pipes = (("supply_pipe_l", inputs.cdu.supply_pipe_l), ("return_pipe_l", inputs.cdu.return_pipe_l))
    return [_said("cdu", key, what, held_l, f"{least_l:.3g} or more") for key, held_l in pipes if held_l < least_l]


def _said(section: str, key: str, what: str, value: float, allowed: str) -> Contradiction:
    return Contradiction((section, key), what, f"{value:g}", allowed)

"""Whether the right points move when an actuator is nudged: each contradiction is one sentence for an operator.

Looks at the readings of nudges with both loops held, so that whatever moves was moved by the nudge. Knows what a valve
and a pump do to a loop, and no CDU's size: plausible amounts are wide.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.tuning.trace import Trace

BEFORE_S: Final = 8.0
AT_END_S: Final = 5.0
"""Means over these times are compared: noise then counts a third of its size."""
FOLLOWS_RATIO: Final = 0.5
"""A position that has moved by half of what it was told follows: deadband and stiction take up to 1 % of 3 %."""
SPEED_MOVES_PCT: Final = 0.8
SUPPLY_MOVES_K: Final = 0.06
"""Ten times the standard error of a mean over 5 s with sensors of 0.02 K."""
PLAUSIBLE_K_PER_PCT: Final = (0.02, 2.0)
"""Supply per % of valve: 0.08 to 0.4 within 40 s on every load of the reference plant, a quarter to five times that."""
FIRST_S: Final = 10.0
"""Before this the racks' return has not noticed: the shortest loop in public data takes 10 s to come round."""
RISES_RATIO: Final = 0.004
"""Flow and pressure rise by 1 to 2 % for a pump of two that turns 3 % faster, by twice that if it is the only one."""
MIXED_K: Final = 0.3
HEAT_LEAST_KW: Final = 10.0
SCALE_RATIO_MAX: Final = 3.0
"""Flow times temperature difference over the heat that is measured otherwise: twice off is a poor sensor, ten times off
a wrong scale."""
TENFOLD: Final = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One contradiction: ``key`` for programs, ``sentence`` for people."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """One nudge.

    Attributes:
        actuator: tag of what was moved.
        pump: its place among the pumps from 1; None for the valve.
        moved_pct: by how much it was told to move.
        from_s, to_s: when it was held there.
        trace: readings from some seconds before.
    """

    actuator: str
    pump: int | None
    moved_pct: float
    from_s: float
    to_s: float
    trace: Trace

    def change(self, column: str, end_s: float | None = None) -> float:
        """Return by how much a column moved from before the nudge to its end; NaN where it has no readings."""
        until_s = self.to_s if end_s is None else self.from_s + end_s
        before = self.trace.mean(column, max(self.from_s - BEFORE_S, 0.0), self.from_s)
        return self.trace.mean(column, until_s - AT_END_S, until_s) - before

    def before(self, column: str) -> float:
        """Return the mean of a column before the nudge."""
        return self.trace.mean(column, max(self.from_s - BEFORE_S, 0.0), self.from_s)


def valve_findings(nudge: Nudge, pumps: int) -> list[Finding]:
    """Return what contradicts that this is the facility valve of this loop.

    Args:
        nudge: of the valve.
        pumps: how many pumps the loop has.
    """
    position, supply_k = nudge.change("valve_pct"), nudge.change("supply_temp")
    per_pct = -supply_k / nudge.moved_pct
    found = _follows(nudge, "valve", "the facility valve", position)
    found += _swapped_temperatures(nudge)
    if not found and abs(supply_k) < SUPPLY_MOVES_K:
        found.append(
            Finding(
                key="valve_dead",
                sentence=f"{nudge.actuator} moved by {nudge.moved_pct:.1f} % and the supply temperature did not answer "
                f"({supply_k:+.2f} K): look for a closed shut-off valve, missing facility water or a sensor elsewhere",
            )
        )
    elif not found and per_pct < 0.0:
        found.append(
            Finding(
                key="valve_reversed",
                sentence=f"opening {nudge.actuator} by {nudge.moved_pct:.1f} % warmed the supply by {supply_k:+.2f} K: "
                "the valve acts the wrong way round",
            )
        )
    elif not found and not PLAUSIBLE_K_PER_PCT[0] / 4.0 <= per_pct <= PLAUSIBLE_K_PER_PCT[1]:
        low, high = PLAUSIBLE_K_PER_PCT
        found.append(
            Finding(
                key="supply_scale",
                sentence=f"the supply moved by {supply_k:+.2f} K for {nudge.moved_pct:.1f} % of {nudge.actuator}, "
                f"plausible: {low:g} to {high:g} K for each per cent; look at the scale of both",
            )
        )
    for pump in range(1, pumps + 1):
        speed = nudge.change(f"pump{pump}_pct")
        if abs(speed) > SPEED_MOVES_PCT:
            found.append(
                Finding(
                    key="valve_moves_pump",
                    sentence=f"moving {nudge.actuator} moved the speed of pump {pump} by {speed:+.1f} %: "
                    "their setpoints are swapped",
                )
            )
    return found


def pump_findings(nudge: Nudge, pumps: int) -> list[Finding]:
    """Return what contradicts that this is the pump it is said to be."""
    speeds = [nudge.change(f"pump{k}_pct") for k in range(1, pumps + 1)]
    own, name = nudge.pump or 1, f"pump {nudge.pump}"
    others = [k for k in range(1, pumps + 1) if k != own and abs(speeds[k - 1]) > SPEED_MOVES_PCT]
    if others:
        return [
            Finding(
                key="pumps_swapped",
                sentence=f"{nudge.actuator} moved the speed of pump {others[0]} by {speeds[others[0] - 1]:+.1f} % "
                f"and its own by {speeds[own - 1]:+.1f} %: the pumps are swapped",
            )
        ]
    found = _follows(nudge, "pump", name, speeds[own - 1])
    valve = nudge.change("valve_pct")
    if abs(valve) > SPEED_MOVES_PCT:
        found.append(
            Finding(
                key="pump_moves_valve",
                sentence=f"{nudge.actuator} moved the facility valve by {valve:+.1f} %: their setpoints are swapped",
            )
        )
    rises = {column: _relative(nudge, column) for column in ("pressure", "flow_lpm")}
    for column, word in (("pressure", "the loop's process variable"), ("flow_lpm", "the flow")):
        rise = rises[column] * math.copysign(1.0, nudge.moved_pct)
        if not found and math.isfinite(rise) and rise < RISES_RATIO:
            way = "fell" if rise < -RISES_RATIO else "did not rise"
            found.append(
                Finding(
                    key="pump_reversed" if rise < -RISES_RATIO else "pump_dead",
                    sentence=f"{name} turned {speeds[own - 1]:+.1f} % and {word} {way} "
                    f"({100.0 * rises[column]:+.1f} %): look at its direction of rotation, its check valve and where "
                    "the sensor stands",
                )
            )
    return found


def flow_findings(trace: Trace, heat_capacity_kj_l_k: float, rated_lpm: float) -> list[Finding]:
    """Return what contradicts the scale of the flow.

    Args:
        trace: at rest.
        heat_capacity_kj_l_k: rho cp of the coolant.
        rated_lpm: flow of the data sheet; NaN where unknown.
    """
    flow = _mean(trace, "flow_lpm")
    if not math.isfinite(flow):
        unread = "flow_lpm" in trace.columns
        return [
            Finding(key="flow_bad", sentence="the flow has no good reading: look at its scale and its range")
        ] * unread
    heat_kw = _mean(trace, "heat_kw")
    rise_k = _mean(trace, "return_temp") - _mean(trace, "supply_temp")
    carried_kw = flow / 60.0 * heat_capacity_kj_l_k * rise_k
    ratio = math.nan
    if heat_kw > HEAT_LEAST_KW and rise_k > MIXED_K:
        ratio, what = carried_kw / heat_kw, f"it would carry {carried_kw:.0f} kW where {heat_kw:.0f} kW are measured"
    elif math.isfinite(rated_lpm):
        ratio, what = flow / rated_lpm, f"the data sheet says {rated_lpm:.0f} L/min"
    if not math.isfinite(ratio) or 1.0 / SCALE_RATIO_MAX <= ratio <= SCALE_RATIO_MAX:
        return []
    near = min(TENFOLD, key=lambda factor: abs(math.log(ratio / factor))) if ratio > 0.0 else math.nan
    times = f"about {near:g} times" if math.isfinite(near) else "not"
    return [Finding(key="flow_scale", sentence=f"the flow reads {flow:.0f} L/min, {times} what it is: {what}")]


def static_findings(trace: Trace) -> list[Finding]:
    """Return what the temperatures at rest contradict: heat cannot flow the other way."""
    supply_c, return_c, fws_c = (_mean(trace, name) for name in ("supply_temp", "return_temp", "fws_temp"))
    heat_kw = _mean(trace, "heat_kw")
    found = []
    if supply_c - return_c > MIXED_K and not heat_kw < HEAT_LEAST_KW:
        found.append(
            Finding(
                key="temperatures_swapped",
                sentence=f"the supply reads {supply_c:.1f} degC and the return {return_c:.1f} degC while the racks "
                "give heat: supply and return are swapped",
            )
        )
    if fws_c - supply_c > MIXED_K and not heat_kw < HEAT_LEAST_KW and not found:
        found.append(
            Finding(
                key="facility_warmer",
                sentence=f"the facility water reads {fws_c:.1f} degC, warmer than the supply at {supply_c:.1f} degC: "
                "facility supply and return are swapped, or the sensor stands elsewhere",
            )
        )
    return found


def _follows(nudge: Nudge, key: str, name: str, moved: float) -> list[Finding]:
    share = moved / nudge.moved_pct
    if share >= FOLLOWS_RATIO:
        return []
    if share <= -FOLLOWS_RATIO:
        return [
            Finding(
                key=f"{key}_position_reversed",
                sentence=f"{name} moved by {moved:+.1f} % when told {nudge.moved_pct:+.1f} %: position and setpoint of "
                f"{nudge.actuator} run against each other",
            )
        ]
    return [
        Finding(
            key=f"{key}_does_not_follow",
            sentence=f"{name} moved by {moved:+.1f} % when {nudge.actuator} was told {nudge.moved_pct:+.1f} %: "
            "it is dead, local, or its position is read elsewhere",
        )
    ]


def _swapped_temperatures(nudge: Nudge) -> list[Finding]:
    """Return a finding if the return moved before the supply: what a valve cools first is the supply."""
    supply_k, return_k = nudge.change("supply_temp", FIRST_S), nudge.change("return_temp", FIRST_S)
    noise = SUPPLY_MOVES_K
    if math.isfinite(return_k) and abs(return_k) > max(noise, 2.0 * abs(supply_k)):
        return [
            Finding(
                key="temperatures_swapped",
                sentence=f"{FIRST_S:g} s after {nudge.actuator} moved the return had moved by {return_k:+.2f} K and "
                f"the supply by {supply_k:+.2f} K: supply and return are swapped",
            )
        ]
    return []


def _relative(nudge: Nudge, column: str) -> float:
    before = nudge.before(column)
    return nudge.change(column) / before if before else math.nan


def _mean(trace: Trace, name: str) -> float:
    return float(np.mean(trace[name])) if trace.has(name) else math.nan

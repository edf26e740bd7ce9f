"""More sensors for the scenarios, behind a wire that can be tampered with; see ``scenario_sensor_cases``.

The plant and its controller are those of the other rows; there is a second supply and a second dew-point sensor, and
all of them show what they see or tenths of a kelvin. Knows no case.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from scenario_control import NAMES, POINT, SETPOINT_C, Ours, make_scenario_plan
from scenario_plant import Rig

from coolantd.config.sensor_build import DRIFT_RATIO, RAMP_S, STILL_S, evidence
from coolantd.control.conditions import Condition
from coolantd.control.plan import ModelParameters, Plan, make_plan
from coolantd.control.sensor_layout import (
    HIGHEST,
    MIDDLE,
    MOVED_BY_HEAT,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    MOVED_BY_VALVE,
)
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, WatchParameters
from coolantd.control.step import step
from coolantd.point import STALE_BAD_PERIODS, STALE_UNCERTAIN_PERIODS, FloatArray, Quality, Reason, Snapshot
from coolantd.safety.modes import Mode

PERIOD_S: Final = 0.5
SETTLE_S: Final = 900.0
HEAT_KW: Final = 1040.0
"""The last row of the scenarios' failsafe table."""
BESIDE_K: Final = 0.2
"""The second supply sensor shows so much more than the first: both within their tolerance."""
MORE: Final = ("supply2", "dew2", "voted_supply", "voted_dew")
ROW: Final = {name: k for k, name in enumerate((*NAMES, *MORE))}
READ: Final = (*NAMES, "supply2", "dew2")
ACTUATORS: Final = ("valve", "pump1", "pump2")


def sensing_plan(stroke_s: float, model: ModelParameters | None, *, two: bool) -> Plan:
    """Return the scenarios' plan with its sensors watched, and voting if there are ``two``."""
    plain = make_scenario_plan(stroke_s, PERIOD_S, model)
    supplies, dews = (("supply", "supply2"), ("dew", "dew2")) if two else (("supply",), ("dew",))
    votes = [_vote("voted_supply", supplies, MIDDLE, 1.0), _vote("voted_dew", dews, HIGHEST, 2.0)] if two else []
    kinds = [(name, kind) for name in supplies for kind in (MOVED_BY_VALVE, MOVED_BY_HEAT)]
    kinds += [("flow", MOVED_BY_PUMPS), ("pressure", MOVED_BY_PUMPS)]
    kinds += [("return", MOVED_BY_SUPPLY)] if model is not None else []
    cdu = plain.cdus[0]
    if two:
        loop = replace(cdu.supply_temp, point=ROW["voted_supply"])
        required = tuple(loop.point if row == POINT["supply"] else row for row in cdu.required)
        cdu = replace(cdu, supply_temp=loop, dew_point=ROW["voted_dew"], required=required)
    sensors = SensorPlan(tuple(votes), tuple(_watch(name, kind, model is not None) for name, kind in kinds))
    return make_plan([cdu], plain.actuators, period_s=PERIOD_S, sensors=sensors)


def _vote(name: str, members: tuple[str, ...], rule: int, apart: float) -> VoteParameters:
    return VoteParameters(
        tag=name,
        members=members,
        cdu=0,
        point=ROW[name],
        member_points=tuple(ROW[each] for each in members),
        rule=rule,
        safe=1,
        apart=apart,
        apart_s=30.0,
        rate_per_s=apart / RAMP_S,
        drift=DRIFT_RATIO * apart,
    )


def _watch(name: str, kind: int, model: bool) -> WatchParameters:  # noqa: FBT001 - one of two
    doubt, refuse = evidence(kind, model=model)
    return WatchParameters(
        tag=name,
        cdu=0,
        point=ROW[name],
        kind=kind,
        beside=ROW["supply"] if kind == MOVED_BY_SUPPLY else -1,
        still_s=STILL_S,
        doubt=doubt,
        refuse=refuse,
        heat_kw=HEAT_KW,
    )


Fault = Callable[["Wire", float], None]
"""Called once per cycle with what arrives, and the seconds since the disturbance."""


@dataclass(slots=True)
class Wire:
    """What arrives from the instruments and what goes back in one cycle.

    Attributes:
        readings: by name. bad: names of readings that are refused.
        age_s: of every reading. deaf: no command reaches an actuator.
    """

    readings: dict[str, float]
    bad: set[str] = field(default_factory=set)
    age_s: float = 0.0
    deaf: bool = False


Disturb = Callable[[Rig, float], None]
"""Called once per cycle with the rig and the seconds since the disturbance."""
Figures = dict[str, float]


def at_rest(_rig: Rig, _time_s: float) -> None:
    """Leave the plant as it is."""


def untouched(_wire: Wire, _time_s: float) -> None:
    """Leave everything as it is."""


class Sensing(Ours):
    """``step()`` on a plan with more sensors, behind a wire that can be tampered with.

    Attributes:
        fault: what happens to the wire. since_s: seconds since the disturbance; NaN before it.
        resolution: of the temperature sensors; 0 for none.
    """

    def __init__(self, plan: Plan, kernels: Any, *, fault: Fault = untouched, resolution: float = 0.0) -> None:
        super().__init__(plan, kernels)
        self.fault, self.resolution, self.since_s = fault, resolution, float("nan")
        self._last: dict[str, float] = {}

    def __call__(self, readings: dict[str, float], now_s: float) -> tuple[float, tuple[float, float]]:
        """Decide once."""
        shown = {**readings, "supply2": readings["supply"] + BESIDE_K, "dew2": readings["dew"]}
        if self.resolution:
            for name in ("supply", "supply2", "return", "fws"):
                shown[name] = round(shown[name] / self.resolution) * self.resolution
        shown |= {f"{name}_rb": self.registers.get(f"{name}_rb", readings[name]) for name in ACTUATORS}
        wire = Wire(shown)
        if self.since_s >= 0.0:
            self.fault(wire, self.since_s)
            self.since_s += PERIOD_S
        self.state, self.decision = step(self.plan, self.state, self._snapshot(wire), now_s)
        if not wire.deaf:
            for name, command in zip(ACTUATORS, self.decision.commands, strict=True):
                self.registers[f"{name}_rb"] = shown[f"{name}_rb"] if np.isnan(command) else float(command)
        return self.registers["valve_rb"], (self.registers["pump1_rb"], self.registers["pump2_rb"])

    def _snapshot(self, wire: Wire) -> Snapshot:
        value = np.array([*(wire.readings[name] for name in READ), np.nan, np.nan])
        quality = np.full(value.size, int(Quality.GOOD), dtype=np.int64)
        reason = np.zeros(value.size, dtype=np.int64)
        if wire.age_s > STALE_UNCERTAIN_PERIODS * PERIOD_S:
            quality[:], reason[:] = int(Quality.UNCERTAIN), int(Reason.STALE)
        if wire.age_s > STALE_BAD_PERIODS * PERIOD_S:
            value[:], quality[:] = np.nan, int(Quality.BAD)
        for name in wire.bad:
            value[ROW[name]], quality[ROW[name]] = np.nan, int(Quality.BAD)
            reason[ROW[name]] = int(Reason.OUT_OF_RANGE)
        quality[[ROW["voted_supply"], ROW["voted_dew"]]] = int(Quality.BAD)
        return Snapshot(value, quality, reason, np.full(value.size, wire.age_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of a run, one row per cycle after the disturbance.

    Attributes:
        supply_c: true supply. valve_pct: command. dew_c: true dew point.
        conditions: (cycles, CONDITIONS). modes: of the CDU. before_pct: valve command before.
    """

    supply_c: FloatArray
    valve_pct: FloatArray
    dew_c: FloatArray
    conditions: FloatArray
    modes: FloatArray
    before_pct: float

    @property
    def off_k(self) -> float:
        """Greatest deviation of the true supply from its setpoint."""
        return float(np.abs(self.supply_c - SETPOINT_C).max())

    @property
    def moved_pct(self) -> float:
        """Greatest move of the valve command from where it was."""
        return float(np.abs(self.valve_pct - self.before_pct).max())

    def found_s(self, *conditions: Condition) -> float:
        """Return when one of some conditions was first noticed; infinite if never."""
        at = np.flatnonzero(self.conditions[:, [int(each) for each in conditions]].any(axis=1))
        return float((at[0] + 1) * PERIOD_S) if at.size else float("inf")

    @property
    def left_automatic_s(self) -> float:
        """Seconds outside automatic."""
        return float((self.modes != int(Mode.AUTOMATIC)).sum()) * PERIOD_S


def live(rig: Rig, control: Sensing, duration_s: float, disturb: Disturb = at_rest) -> Seen:
    """Let everything settle, then disturb the plant and the wire, and record."""
    now_s = 0.0
    rows = []
    for k in range(-round(SETTLE_S / PERIOD_S), round(duration_s / PERIOD_S)):
        if k >= 0:
            disturb(rig, k * PERIOD_S)
        if k == 0:
            control.since_s = 0.0
            before_pct = control.registers["valve_rb"]
        rig.command(*control(rig.measure(), now_s))
        rig.advance(PERIOD_S)
        now_s += PERIOD_S
        decision = control.decision
        if k >= 0 and decision is not None:
            told = (rig.plant.tcs_supply_temp_c, decision.commands[0], rig.dew_point_c, decision.modes[0])
            rows.append((*told, *decision.conditions[0]))
    supply_c, valve_pct, dew_c, modes, *conditions = np.array(rows).T
    held = np.where(np.isnan(valve_pct), before_pct, valve_pct)
    return Seen(
        supply_c=supply_c,
        valve_pct=held,
        dew_c=dew_c,
        conditions=np.array(conditions).T,
        modes=modes,
        before_pct=before_pct,
    )

"""A CDU of the scenario bench with limits for its protection, and a level; ``step()`` on it, watched cycle by cycle."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from coolantd.control.plan import make_plan
from coolantd.control.step import initial_state, step
from coolantd.control.watch_plan import WatchParameters
from coolantd.point import Quality, Snapshot
from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Mode

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, NAMES, POINT, make_scenario_plan
from scenario_plant import Rig

PERIOD_S = 0.5
ALL = (*NAMES, "level")
WATCH = WatchParameters(
    supply_max_c=44.0,
    return_max_c=65.0,
    flow_full_lpm=1650.0,
    nothing_lpm=33.0,
    head_kpa=460.0,
    level_low=20.0,
    level_lost=5.0,
    suction_speed_pct=60.0,
    returns=POINT["return"],
    flow=POINT["flow"],
    level=len(NAMES),
    fws_supply=POINT["fws"],
)
"""What an integrator would fill in for the nominal plant; the level is a percentage."""


def protected_plan(watch=WATCH, **changes):
    plan = make_scenario_plan(30.0, PERIOD_S, DATA_SHEET)
    return make_plan([replace(plan.cdus[0], watch=watch, **changes)], plan.actuators, period_s=PERIOD_S)


class Protected:
    """The loop closed over a plant whose devices obey at once.

    Attributes:
        shown: readings that show something else than the truth; NaN is a bad one.
        commands: (cycles, 3) of valve and pumps, as written.
        hazards: of the last cycle.
    """

    def __init__(self, plant, advance, kernels, load, *, plan=None, settle_s=300.0):
        self.rig = Rig(plant, 30.0, advance)
        self.rig.load(load)
        self.plan = (plan or protected_plan()).with_kernels(kernels)
        self.state = initial_state(self.plan)
        self.shown, self.level = {}, 80.0
        self.registers, self.commands, self.now_s = {}, [], 0.0
        self.hazards, self.ever, self.decision = set(), set(), None
        self.run(settle_s)
        self.commands.clear()
        self.ever = set()

    def cycle(self):
        readings = self.rig.measure() | {"level": self.level} | self.shown
        value = np.array(
            [self.registers.get(n, readings.get(n[:-3])) if n.endswith("_rb") else readings[n] for n in ALL]
        )
        quality = np.where(np.isfinite(value), int(Quality.GOOD), int(Quality.BAD)).astype(np.int64)
        snapshot = Snapshot(value, quality, np.zeros(value.size, dtype=np.int64), np.zeros(value.size))
        self.state, self.decision = step(self.plan, self.state, snapshot, self.now_s)
        for name, command in zip(("valve", "pump1", "pump2"), self.decision.commands, strict=True):
            self.registers[f"{name}_rb"] = readings[name] if np.isnan(command) else float(command)
        written = [self.registers[f"{name}_rb"] for name in ("valve", "pump1", "pump2")]
        self.commands.append(written)
        self.rig.command(written[0], tuple(written[1:]))
        self.rig.advance(PERIOD_S)
        self.now_s += PERIOD_S
        self.hazards = {Hazard(int(k)) for k in np.flatnonzero(self.decision.hazards[0])}
        self.ever |= self.hazards

    def run(self, duration_s):
        for _ in range(round(duration_s / PERIOD_S)):
            self.cycle()
        return self

    def until(self, hazard, patience_s, *, over=False):
        """Return the seconds until a hazard is in force, or over; inf when patience ends first."""
        begun_s = self.now_s
        while self.now_s - begun_s < patience_s:
            self.cycle()
            if (hazard in self.hazards) is not over:
                return self.now_s - begun_s
        return float("inf")

    @property
    def mode(self):
        return Mode(int(self.decision.modes[0]))

    @property
    def steps(self):
        """(cycles - 1, 3) moves of the commands from cycle to cycle."""
        return np.diff(np.array(self.commands), axis=0)

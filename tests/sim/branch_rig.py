"""A CDU under the model law and a balanced manifold of eight branches on one plant, one cycle at a time."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from coolantd.control.branch_layout import B_HAD_RATIO, B_WANTED_RATIO
from coolantd.control.branch_plan import BalanceParameters, BranchParameters
from coolantd.control.plan import ActuatorParameters, make_plan
from coolantd.control.step import initial_state, step
from coolantd.point import Quality, Reason, Snapshot
from coolantd.units import lpm_from_m3_s

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, NAMES, POINT, make_scenario_plan
from scenario_demand import PRESSURE_RESET, pressure_plan
from scenario_plant import NOMINAL, Perturbation, Rig

PERIOD_S = 0.5
RACKS = 8
FIRST = len(NAMES)
ABOUT = ("flow", "supply", "return", "position", "power")
"""What is measured of each branch."""
RATE_PCT_PER_S = 2.0
UNEVEN_KW = np.array([20.0, 120.0, 80.0, 45.0, 100.0, 60.0, 30.0, 110.0])
NOISY = Perturbation(name="noise", noise_ratio=1.0)


def branch_point(rack, what):
    return FIRST + rack * len(ABOUT) + ABOUT.index(what)


def branch_plan(*, power=False, flow_lpm=None, balanced=True, reset=False, **changes):
    """Return the scenario plan with a manifold; ``flow_lpm`` holds a flow instead of 90 kPa."""
    scenario = make_scenario_plan(30.0, PERIOD_S, DATA_SHEET)
    if reset:
        returns = tuple(branch_point(rack, "return") for rack in range(RACKS))
        scenario = pressure_plan(30.0, PERIOD_S, DATA_SHEET, replace(PRESSURE_RESET, returns=returns))
    cdu, actuators = scenario.cdus[0], list(scenario.actuators)
    if flow_lpm is not None:
        pressure = replace(
            cdu.pressure, point=POINT["flow"], unit="L/min", gain=0.01, setpoint=flow_lpm, setpoint_rate_per_s=15.0
        )
        cdu = replace(cdu, pressure=pressure)
    branches = []
    for rack in range(RACKS):
        actuators.append(
            ActuatorParameters(
                device="manifold",
                name=f"branch{rack + 1}",
                role="branch_valve",
                minimum=0.0,
                maximum=100.0,
                zero_allowed=False,
                slew_pct_per_s=RATE_PCT_PER_S,
                position=branch_point(rack, "position"),
                readback=None,
                cdu=None,
                fixed_pct=float("nan") if balanced else 100.0,
            )
        )
        branches.append(
            BranchParameters(
                name=f"r{rack + 1}",
                actuator=len(actuators) - 1,
                flow=branch_point(rack, "flow"),
                supply_temp=branch_point(rack, "supply"),
                return_temp=branch_point(rack, "return"),
                power=branch_point(rack, "power") if power else None,
            )
        )
    options = {"minimum_pct": 10.0, **changes}
    manifold = BalanceParameters(name="manifold", cdu=0, branches=tuple(branches), **options)
    return make_plan([cdu], actuators, period_s=PERIOD_S, manifolds=[manifold] if balanced else [])


class BranchLoop:
    """Plant, instruments, ``step`` and actuators that obey at once or at their own rate.

    Attributes:
        lost: (rack, what) readings that are bad; ``silent`` makes all of the manifold's.
    """

    def __init__(self, plan, advance, stages, *, perturbation=NOMINAL, seed=1):
        self.plan = plan.with_kernels(stages)
        self.state, self.decision = initial_state(plan), None
        self.rig = Rig(perturbation, 30.0, advance, seed)
        self.random = np.random.default_rng(seed)
        self.registers = {}
        self.lost, self.silent = set(), False
        self.now_s = 0.0

    @property
    def plant(self):
        return self.rig.plant

    def load_kw(self, kw):
        self.plant.inputs.rack_heat_w[:] = np.asarray(kw) * 1000.0

    def snapshot(self):
        readings = self.rig.measure()
        value = np.full(FIRST + RACKS * len(ABOUT), np.nan)
        for name in NAMES:
            value[POINT[name]] = self.registers.get(name, readings[name.removesuffix("_rb")])
        scale = self.rig.perturbation.noise_ratio
        for rack in range(RACKS):
            truth = {
                "flow": lpm_from_m3_s(self.plant.rack_flow_m3_s[rack]) + 0.5 * scale * self.random.standard_normal(),
                "supply": self.plant.rack_supply_temp_c[rack] + 0.03 * scale * self.random.standard_normal(),
                "return": self.plant.rack_return_temp_c[rack] + 0.03 * scale * self.random.standard_normal(),
                "position": self.plant.branch_valve_ratio[rack] * 100.0,
                "power": self.plant.inputs.rack_heat_w[rack] / 1000.0,
            }
            for what, reading in truth.items():
                if not self.silent and (rack, what) not in self.lost:
                    value[branch_point(rack, what)] = reading
        good = np.isfinite(value)
        quality = np.where(good, int(Quality.GOOD), int(Quality.BAD)).astype(np.int64)
        reason = np.where(good, int(Reason.NONE), int(Reason.NO_COMMUNICATION)).astype(np.int64)
        return Snapshot(value, quality, reason, np.zeros(value.size))

    def run(self, duration_s):
        """Return a dict of arrays, one row per cycle."""
        rows = []
        for _ in range(round(duration_s / PERIOD_S)):
            self.state, self.decision = step(self.plan, self.state, self.snapshot(), self.now_s)
            assert not self.decision.refusals.any()
            self._obey()
            self.rig.advance(PERIOD_S)
            self.now_s += PERIOD_S
            rows.append(self._seen())
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _obey(self):
        for actuator, command in zip(self.plan.actuators, self.decision.commands, strict=True):
            if not np.isfinite(command):
                continue
            if actuator.role == "branch_valve":
                self.plant.inputs.branch_valve_ratio[int(actuator.name[6:]) - 1] = command / 100.0
            else:
                self.registers[f"{actuator.name}_rb"] = float(command)
        if "valve_rb" in self.registers:
            self.rig.command(self.registers["valve_rb"], self.registers["pump1_rb"])

    def _seen(self):
        plant, branches = self.plant, self.state.branch_b
        seen = {
            "rise_k": plant.rack_return_temp_c - plant.rack_supply_temp_c,
            "case_c": plant.rack_case_temp_c,
            "valve_pct": plant.branch_valve_ratio * 100.0,
            "supply_c": plant.tcs_supply_temp_c,
            "flow_lpm": lpm_from_m3_s(plant.tcs_flow_m3_s),
            "pressure_kpa": plant.rack_differential_pressure_pa / 1000.0,
            "pump_kw": plant.pump_power_w / 1000.0,
            "conditions": self.decision.conditions[0],
        }
        if self.plan.branches.manifolds:
            seen |= {"wanted": branches[:, B_WANTED_RATIO].copy(), "had": branches[:, B_HAD_RATIO].copy()}
        return seen


def spread(rise_k):
    """Return the greatest deviation of any branch's coolant rise from their mean, as a share of it; per cycle."""
    mean = rise_k.mean(axis=-1, keepdims=True)
    return (np.abs(rise_k - mean) / mean).max(axis=-1)

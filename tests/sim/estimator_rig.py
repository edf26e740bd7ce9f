"""A plant with more instruments than the scenario bench has, and ``step()`` on a plan that knows them.

What the instruments show may be changed on its way (``mangle``): sensors swapped, scaled, stuck, or lost.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from coolantd.control.conditions import Condition
from coolantd.control.estimate_plan import EstimateParameters, PumpCurve
from coolantd.control.plan import Plan, make_plan
from coolantd.control.stages import Stages
from coolantd.control.step import Decision, initial_state, step
from coolantd.kernel import KernelFunction
from coolantd.plant.exchanger import conductance_w_k
from coolantd.point import Quality, Snapshot
from coolantd.units import PA_PER_KPA, lpm_from_m3_s

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, NAMES, make_scenario_plan
from scenario_plant import FLOW_NOISE_LPM, PRESSURE_NOISE_KPA, RACKS, TEMP_NOISE_K, Perturbation, Rig

PERIOD_S = 0.5
BRANCH_NOISE_LPM = 0.5
"""1 % of a rack's meter span of 50 L/min... good, not excellent."""
MORE = (
    "fws_return",
    "fws_flow",
    "static",
    *(f"branch{k}_flow" for k in range(RACKS)),
    *(f"branch{k}_return" for k in range(RACKS)),
    *(f"branch{k}_valve" for k in range(RACKS)),
    *(f"rack{k}_power" for k in range(RACKS)),
)
ALL = (*NAMES, *MORE)
AT = {name: k for k, name in enumerate(ALL)}

CURVE = PumpCurve(head_kpa=460.0, point_lpm=1200.0, point_kpa=165.0, cdu_loss_kpa=90.0)
"""Of the imaginary data sheet: the plant has 480 kPa, 180 kPa there, and 82 kPa."""
INSTRUMENTS = EstimateParameters(
    fws_return=AT["fws_return"],
    fws_flow=AT["fws_flow"],
    pumps=CURVE,
    branch_flow=tuple(AT[f"branch{k}_flow"] for k in range(RACKS)),
    branch_position=tuple(AT[f"branch{k}_valve"] for k in range(RACKS)),
    static_pressure=AT["static"],
    gas_l=24.0,
    gas_kpa=60.0,
)
"""Everything a well equipped CDU has."""
POWER = tuple(AT[f"rack{k}_power"] for k in range(RACKS))

Readings = dict[str, float]


class Instrumented(Rig):
    """The bench's rig with facility flow and return, static pressure and the manifold's branches.

    Args:
        fws_return_bias_k: constant error of that sensor.
    """

    def __init__(
        self, perturbation: Perturbation, kernel: KernelFunction, seed: int = 1, fws_return_bias_k: float = 0.0
    ) -> None:
        super().__init__(perturbation, 30.0, kernel, seed)
        self.fws_return_bias_k = fws_return_bias_k
        self._fws_return_c = self.plant.fws_return_temp_c
        self._more = np.random.default_rng(seed + 1000)
        self._branch_return_c = self.plant.rack_return_temp_c.copy()

    def advance(self, duration_s: float) -> None:
        """Let plant and sensors live on."""
        super().advance(duration_s)
        share = 1.0 - np.exp(-duration_s / self.perturbation.sensor_lag_s)
        self._fws_return_c += (self.plant.fws_return_temp_c - self._fws_return_c) * share
        self._branch_return_c += (self.plant.rack_return_temp_c - self._branch_return_c) * share

    def more(self) -> Readings:
        """Return one reading of the further instruments."""
        plant, noise = self.plant, self.perturbation.noise_ratio * self._more.standard_normal(3 + 2 * RACKS)
        flows = [lpm_from_m3_s(flow) for flow in plant.rack_flow_m3_s] + BRANCH_NOISE_LPM * noise[3 : 3 + RACKS]
        returns = self._branch_return_c + TEMP_NOISE_K * noise[3 + RACKS :]
        more = {
            "fws_return": self._fws_return_c + self.fws_return_bias_k + TEMP_NOISE_K * noise[0],
            "fws_flow": lpm_from_m3_s(plant.fws_flow_m3_s) + FLOW_NOISE_LPM * noise[1],
            "static": plant.static_pressure_pa / PA_PER_KPA + PRESSURE_NOISE_KPA * noise[2],
        }
        for k in range(RACKS):
            more[f"branch{k}_flow"], more[f"branch{k}_return"] = flows[k], returns[k]
            more[f"branch{k}_valve"] = 100.0 * plant.branch_valve_ratio[k]
            more[f"rack{k}_power"] = plant.inputs.rack_heat_w[k] / 1000.0 / 0.945
        return more

    @property
    def true_ua_kw_k(self) -> float:
        """The exchanger's conductance now."""
        plant = self.plant
        fouling = plant.inputs.fouling_k_w
        return conductance_w_k(plant.params.packed(), plant.tcs_flow_m3_s, plant.fws_flow_m3_s, fouling) / 1000.0


def as_they_are(readings: Readings) -> Readings:
    """Change nothing."""
    return readings


def instrumented_plan(instruments: EstimateParameters = INSTRUMENTS, *, power: bool = False) -> Plan:
    """Return the scenario plan whose CDU has these instruments, and the racks' power where asked for."""
    plan = make_scenario_plan(30.0, PERIOD_S, replace(DATA_SHEET, power=POWER if power else ()))
    return make_plan([replace(plan.cdus[0], estimate=instruments)], plan.actuators, period_s=PERIOD_S)


class Controlled:
    """``step()`` on an instrumented rig.

    Attributes:
        mangle: what becomes of the readings on their way; may be exchanged at any time.
        decision: of the last cycle.
        since_s: when each condition that is so began.
    """

    def __init__(self, rig: Instrumented, kernels: Stages, plan: Plan | None = None) -> None:
        self.rig = rig
        self.plan = (plan or instrumented_plan()).with_kernels(kernels)
        self.state = initial_state(self.plan)
        self.mangle: Callable[[Readings], Readings] = as_they_are
        self.registers: Readings = {}
        self.decision: Decision | None = None
        self.now_s = 0.0
        self.since_s: dict[Condition, float] = {}
        self.ever: set[Condition] = set()

    def cycle(self) -> None:
        """Decide once and let half a second pass."""
        shown = self.mangle(self.rig.measure() | self.rig.more())
        value = np.array([self.registers.get(n, shown[n[:-3]]) if n.endswith("_rb") else shown[n] for n in ALL])
        quality = np.where(np.isfinite(value), int(Quality.GOOD), int(Quality.BAD)).astype(np.int64)
        snapshot = Snapshot(value, quality, np.zeros(value.size, dtype=np.int64), np.zeros(value.size))
        self.state, self.decision = step(self.plan, self.state, snapshot, self.now_s)
        for name, command in zip(("valve", "pump1", "pump2"), self.decision.commands, strict=True):
            self.registers[f"{name}_rb"] = shown[name] if np.isnan(command) else float(command)
        self._follow()
        if np.isfinite(self.decision.commands).all():  # else the device goes on by itself
            self.rig.command(self.registers["valve_rb"], self.registers["pump1_rb"])
        self.rig.advance(PERIOD_S)
        self.now_s += PERIOD_S

    def run(self, duration_s: float) -> None:
        """Decide for some time."""
        for _ in range(round(duration_s / PERIOD_S)):
            self.cycle()

    def run_until(self, condition: Condition, patience_s: float) -> float:
        """Run until a condition is told and return how long that took; inf when patience ends first."""
        begun_s = self.now_s
        while self.now_s - begun_s < patience_s:
            self.cycle()
            if condition in self.since_s:
                return self.now_s - PERIOD_S - begun_s
        return float("inf")

    @property
    def told(self) -> set[Condition]:
        """What is so now."""
        return set(self.since_s)

    def _follow(self) -> None:
        assert self.decision is not None
        active = {Condition(int(k)) for k in np.flatnonzero(self.decision.conditions[0])}
        self.since_s = {each: self.since_s.get(each, self.now_s) for each in active}
        self.ever |= active

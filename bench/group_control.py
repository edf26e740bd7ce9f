"""``step()`` on several CDUs of one header: the scenario table's CDU once for each unit, with sensors of its own.

Knows the plant's instruments and the plan; nothing of what happens to the plant.
"""

from dataclasses import replace

import numpy as np
from group_plant import GroupPlant
from scenario_control import DATA_SHEET, NAMES, make_scenario_plan
from scenario_plant import PRESSURE_NOISE_KPA

from coolantd.control.group_plan import GroupParameters
from coolantd.control.plan import ActuatorParameters, CduParameters, Plan, make_plan
from coolantd.control.stages import Stages
from coolantd.control.step import Decision, initial_state, step
from coolantd.point import FloatArray, IntArray, Quality, Reason, Snapshot
from coolantd.units import PA_PER_KPA, W_PER_KW, lpm_from_m3_s

SILENT_AFTER_S = 1.5
"""Three polls: from then on the points of a unit without power are bad."""
ACTUATORS = ("valve", "pump1", "pump2")


def one_of(cdu: CduParameters, actuators: list[ActuatorParameters], number: int) -> CduParameters:
    """Return the scenario's CDU as the ``number``-th of a group; its actuators are appended."""
    points, first = number * len(NAMES), number * len(ACTUATORS)
    model = cdu.model
    for actuator in make_scenario_plan(30.0, 0.5, None).actuators:
        readback = None if actuator.readback is None else actuator.readback + points
        moved = replace(actuator, device=f"cdu{number}", position=actuator.position + points, readback=readback)
        actuators.append(replace(moved, cdu=number))
    return replace(
        cdu,
        name=f"cdu{number}",
        device=f"cdu{number}",
        supply_temp=replace(cdu.supply_temp, point=cdu.supply_temp.point + points),
        pressure=replace(cdu.pressure, point=cdu.pressure.point + points),
        valve=first,
        pumps=(first + 1, first + 2),
        dew_point=None if cdu.dew_point is None else cdu.dew_point + points,
        heat=None if cdu.heat is None else cdu.heat + points,
        required=tuple(row + points for row in cdu.required),
        model=None
        if model is None
        else replace(
            model,
            return_temp=model.return_temp + points,
            fws_supply_temp=model.fws_supply_temp + points,
            flow=model.flow + points,
            fws_pressure=None if model.fws_pressure is None else model.fws_pressure + points,
        ),
    )


def group_plan(count: int, *, grouped: bool, period_s: float = 0.5) -> Plan:
    """Return a plan of ``count`` CDUs; ``grouped`` makes them one group."""
    cdu = make_scenario_plan(30.0, period_s, DATA_SHEET).cdus[0]
    actuators: list[ActuatorParameters] = []
    cdus = [one_of(cdu, actuators, number) for number in range(count)]
    groups = (GroupParameters(name="header", cdus=tuple(range(count))),) if grouped else ()
    return make_plan(cdus, actuators, period_s=period_s, groups=groups)


class GroupControl:
    """One daemon with all units of a header.

    Args:
        plan, stages: of ``group_plan``.
        bias_kpa: error of each unit's pressure sensor.
        seed: of the sensors' noise; None for none.

    Attributes:
        silence: units that are out of touch although they run.
    """

    def __init__(self, plan: Plan, stages: Stages, bias_kpa: FloatArray, seed: int | None = 1) -> None:
        self.plan = plan.with_kernels(stages)
        self.state = initial_state(plan)
        self.decision: Decision | None = None
        self.bias_kpa = bias_kpa
        self.now_s = 0.0
        self._random = np.random.default_rng(seed) if seed is not None else None
        self._registers: dict[str, float] = {}
        self._dark_s = np.zeros(len(plan.cdus))
        self.silence: set[int] = set()

    def run(self, plant: GroupPlant, duration_s: float) -> list[tuple[float, ...]]:
        """Return (header kPa, case degC, share of each unit) once per cycle."""
        rows = []
        for _ in range(round(duration_s / self.plan.period_s)):
            self._once(plant)
            plant.advance(self.plan.period_s)
            self.now_s += self.plan.period_s
            rows.append((plant.header_pa / PA_PER_KPA, plant.case_c, plant.rack_in_c, *plant.shares))
        return rows

    def _once(self, plant: GroupPlant) -> None:
        self.state, self.decision = step(self.plan, self.state, self._snapshot(plant), self.now_s)
        for i, (actuator, command) in enumerate(zip(self.plan.actuators, self.decision.commands, strict=True)):
            if np.isfinite(command):
                self._registers[f"{i // len(ACTUATORS)}{actuator.name}"] = float(command)
        for k, unit in enumerate(plant.units):
            unit.valve_command = self._registers.get(f"{k}valve", unit.valve_command * 100.0) / 100.0
            unit.speed_command = self._registers.get(f"{k}pump1", unit.speed_command * 100.0) / 100.0

    def _snapshot(self, plant: GroupPlant) -> Snapshot:
        rows = []
        for k, unit in enumerate(plant.units):
            noise = 0.0 if self._random is None else PRESSURE_NOISE_KPA * float(self._random.standard_normal())
            shown = {
                "supply": unit.supply_c,
                "pressure": plant.header_pa / PA_PER_KPA + self.bias_kpa[k] + noise,
                "valve": unit.valve * 100.0,
                "pump1": unit.speed * 100.0,
                "pump2": unit.speed * 100.0,
                "dew": 13.0,
                "heat": plant.heat_w / W_PER_KW / len(plant.units),
                "return": plant.tank_c,
                "fws": plant.fws_supply_c,
                "flow": lpm_from_m3_s(unit.flow_m3_s),
                "fws_pressure": plant.fws_pressure_pa / PA_PER_KPA,
                "power": plant.heat_w / W_PER_KW / len(plant.units),
                "rack_return": plant.rack_out_c,
                "rise": plant.tank_c - unit.supply_c,
            }
            shown |= {f"{a}_rb": self._registers.get(f"{k}{a}", shown[a]) for a in ACTUATORS}
            rows.append([shown[name] for name in NAMES])
            heard = unit.available and k not in self.silence
            self._dark_s[k] = 0.0 if heard else self._dark_s[k] + self.plan.period_s
        value = np.array(rows).ravel()
        dark = np.repeat(self._dark_s > SILENT_AFTER_S, len(NAMES))
        value[dark] = np.nan
        quality: IntArray = np.where(dark, int(Quality.BAD), int(Quality.GOOD)).astype(np.int64)
        reason: IntArray = np.where(dark, int(Reason.NO_COMMUNICATION), int(Reason.NONE)).astype(np.int64)
        return Snapshot(value, quality, reason, np.zeros(value.size))

"""The scenarios' instruments for the fast closed loop (``coolantd.sim.fastloop``): what ``Rig`` measures."""

from dataclasses import replace
from typing import Final

from scenario_control import NAMES, POINT, make_scenario_plan
from scenario_plant import FLOW_NOISE_LPM, PRESSURE_NOISE_KPA, TEMP_NOISE_K, Perturbation

from coolantd.control.plan import CduParameters, ModelParameters, Plan, make_plan
from coolantd.sim.fastloop import Instrument

DEW_POINT_C: Final = 13.0
ACTUATORS: Final = ("valve", "pump1", "pump2")
"""In the order of the scenarios' plan."""


def instruments_of(plant: Perturbation, number: int = 0) -> list[Instrument]:
    """Return one instrument per name of ``scenario_control.NAMES``, in that order, on plant ``number``."""
    temps = {
        "supply": ("tcs_supply_temp_c", plant.supply_bias_k),
        "return": ("tcs_return_temp_c", plant.return_bias_k),
        "fws": ("fws_supply_temp_c", plant.fws_bias_k),
        "rack_return": ("branch_return_temp_c", plant.return_bias_k),  # racks are alike here
    }
    others = {
        "pressure": ("tcs_differential_pressure_kpa", 0, PRESSURE_NOISE_KPA),
        "fws_pressure": ("fws_differential_pressure_kpa", 0, PRESSURE_NOISE_KPA),
        "flow": ("tcs_flow_lpm", 0, FLOW_NOISE_LPM),
        "valve": ("fws_valve_position_pct", 0, 0.0),
        "pump1": ("pump_speed_pct", 0, 0.0),
        "pump2": ("pump_speed_pct", 1, 0.0),
        "heat": ("heat_load_kw", 0, 0.0),
        "power": ("racks_power_kw", 0, 0.0),
    }
    made = []
    for name in NAMES:
        point = POINT[name] + number * len(NAMES)
        if name in temps:
            quantity, bias = temps[name]
            noise = TEMP_NOISE_K * plant.noise_ratio
            made.append(
                Instrument(
                    point=point, quantity=quantity, plant=number, lag_s=plant.sensor_lag_s, bias=bias, noise=noise
                )
            )
        elif name == "dew":
            made.append(Instrument(point=point, quantity="constant", plant=number, bias=DEW_POINT_C))
        elif name.endswith("_rb"):
            register = ACTUATORS.index(name[:-3]) + number * len(ACTUATORS)
            made.append(Instrument(point=point, quantity="register_pct", plant=number, index=register))
        elif name != "rise":  # a difference of two instruments, which no loop of these plans reads
            quantity, index, noise = others[name]
            made.append(
                Instrument(point=point, quantity=quantity, plant=number, index=index, noise=noise * plant.noise_ratio)
            )
    return made


def fleet_plan(count: int, period_s: float, model: ModelParameters | None) -> Plan:
    """Return a plan of equal CDUs; the points of each stand behind those of the one before, its actuators too."""
    one = make_scenario_plan(30.0, period_s, model)
    cdus, actuators = [], []
    for n in range(count):
        by = n * len(NAMES)
        cdus.append(_moved(one.cdus[0], f"cdu{n}", by, n * len(ACTUATORS)))
        for each in one.actuators:
            readback = None if each.readback is None else each.readback + by
            actuators.append(replace(each, device=f"cdu{n}", cdu=n, position=each.position + by, readback=readback))
    return make_plan(cdus, actuators, period_s=period_s)


def _moved(cdu: CduParameters, name: str, by: int, first: int) -> CduParameters:
    def at(index: int | None) -> int | None:
        return None if index is None else index + by

    return replace(
        cdu,
        name=name,
        device=name,
        supply_temp=replace(cdu.supply_temp, point=cdu.supply_temp.point + by),
        pressure=replace(cdu.pressure, point=cdu.pressure.point + by),
        valve=cdu.valve + first,
        pumps=tuple(pump + first for pump in cdu.pumps),
        dew_point=at(cdu.dew_point),
        heat=at(cdu.heat),
        required=tuple(index + by for index in cdu.required),
        model=None if cdu.model is None else _moved_model(cdu.model, by),
    )


def _moved_model(model: ModelParameters, by: int) -> ModelParameters:
    return replace(
        model,
        return_temp=model.return_temp + by,
        fws_supply_temp=model.fws_supply_temp + by,
        flow=model.flow + by,
        fws_pressure=None if model.fws_pressure is None else model.fws_pressure + by,
        power=tuple(point + by for point in model.power),
    )

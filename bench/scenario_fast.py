"""The scenarios' instruments for the fast closed loop (``coolantd.sim.fastloop``): what ``Rig`` measures."""

from typing import Final

from scenario_control import NAMES, POINT
from scenario_plant import FLOW_NOISE_LPM, PRESSURE_NOISE_KPA, TEMP_NOISE_K, Perturbation

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
        else:
            quantity, index, noise = others[name]
            made.append(
                Instrument(point=point, quantity=quantity, plant=number, index=index, noise=noise * plant.noise_ratio)
            )
    return made

"""What the row CDU's instruments look at: named quantities of the plant in engineering units.

The plant model knows what moves heat and what the expansion vessel holds. What a CDU also shows but nothing here
depends on (filter drops, room air, water chemistry) is filled in with plausible constants, so that no register reads a
suspicious 0.
"""

import math
from typing import Final

from coolantd.plant.dew_point import dew_point_c
from coolantd.plant.loop import Plant
from coolantd.sim.alarms import DEW_POINT_MARGIN
from coolantd.units import PA_PER_KPA, W_PER_KW, lpm_from_m3_s

FILTER_DROP_KPA: Final = 20.0
"""Clean filter at the rated flow; falls with its square."""
EXCHANGER_SIDE_DROP_KPA: Final = 30.0
"""From the filters' outlet to the supply connector at the rated flow."""
FLOW_RATED_LPM: Final = 1215.0
FWS_SUPPLY_PRESSURE_KPA: Final = 300.0
AMBIENT_TEMP_C: Final = 25.0
RELATIVE_HUMIDITY_PCT: Final = 50.0
"""Room air inside the device's own limits of 23-40 degC and 8.5-75 %."""
PH: Final = 7.5
CONDUCTIVITY_US_CM: Final = 4400.0
TURBIDITY_NTU: Final = 5.0
"""Middles of the device's factory limits."""
AUXILIARY_POWER_KW: Final = 0.4
"""Controls, screen and sensors."""
LINE_VOLTAGE_V: Final = 400.0
POWER_FACTOR: Final = 0.9


DEW_POINT_C: Final = dew_point_c(AMBIENT_TEMP_C, RELATIVE_HUMIDITY_PCT / 100.0)

CONSTANTS: Final = {
    "relative_humidity_pct": RELATIVE_HUMIDITY_PCT,
    "ambient_temp_c": AMBIENT_TEMP_C,
    "dew_point_c": DEW_POINT_C,
    "ph_ph": PH,
    "conductivity_us_cm": CONDUCTIVITY_US_CM,
    "turbidity_ntu": TURBIDITY_NTU,
}


def quantities(plant: Plant) -> dict[str, float]:
    """Return every quantity the row CDU measures, under its point's name, as it truly is."""
    flow_lpm = lpm_from_m3_s(plant.tcs_flow_m3_s)
    power_kw = plant.pump_power_w / W_PER_KW + AUXILIARY_POWER_KW
    return {
        "tcs_supply_temp_c": plant.tcs_supply_temp_c,
        "tcs_supply_spare_temp_c": plant.tcs_supply_temp_c,
        "tcs_return_temp_c": plant.tcs_return_temp_c,
        "fws_supply_temp_c": plant.inputs.fws_supply_temp_c,
        "fws_return_temp_c": plant.fws_return_temp_c,
        "fws_valve_position_pct": plant.fws_valve_ratio * 100.0,
        "tcs_flow_lpm": flow_lpm,
        "fws_flow_lpm": lpm_from_m3_s(plant.fws_flow_m3_s),
        "power_kw": power_kw,
        "pump1_speed_pct": plant.pump_speed_ratio[0] * 100.0,
        "pump2_speed_pct": plant.pump_speed_ratio[1] * 100.0,
        "current_a": power_kw * W_PER_KW / (math.sqrt(3.0) * LINE_VOLTAGE_V * POWER_FACTOR),
        "heat_load_kw": plant.heat_exchanged_w / W_PER_KW,
        DEW_POINT_MARGIN: plant.tcs_supply_temp_c - DEW_POINT_C,
        **CONSTANTS,
        **_pressures(plant, flow_lpm),
    }


def _pressures(plant: Plant, flow_lpm: float) -> dict[str, float]:
    drop_ratio = (flow_lpm / FLOW_RATED_LPM) ** 2
    return_kpa = plant.static_pressure_pa / PA_PER_KPA
    supply_kpa = return_kpa + plant.rack_differential_pressure_pa / PA_PER_KPA
    filter_out_kpa = supply_kpa + EXCHANGER_SIDE_DROP_KPA * drop_ratio
    filters = {f"filter{number}_outlet_pressure_kpa": filter_out_kpa for number in range(1, 6)}
    return {
        "tcs_supply_pressure_kpa": supply_kpa,
        "tcs_supply_spare_pressure_kpa": supply_kpa,
        "tcs_return_pressure_kpa": return_kpa,
        "tcs_return_spare_pressure_kpa": return_kpa,
        "filter_inlet_pressure_kpa": filter_out_kpa + FILTER_DROP_KPA * drop_ratio,
        **filters,
        "fws_supply_pressure_kpa": FWS_SUPPLY_PRESSURE_KPA,
        "fws_return_pressure_kpa": FWS_SUPPLY_PRESSURE_KPA - plant.inputs.fws_differential_pressure_pa / PA_PER_KPA,
    }

"""The CDU that simulations of faults are about, as configuration text: the demo's, with as much or as little as wanted.

Text, because it goes through the daemon's own reading and building. ``{name}``, ``{supply}`` and ``{setpoint_c}`` are
filled in by ``str.format``. Knows keys and figures; no fault.
"""

from typing import Final

CDU: Final = """
[[cdu]]
name = "{name}"
device = "{name}"
mode = "automatic"

[cdu.supply_temp]
process_variable = {supply}
manipulated_variable = "{name}.fws_valve_position_setpoint_pct"
setpoint_c = {setpoint_c}
setpoint_rate_k_per_min = 2.0
dew_point = "{name}.dew_point_c"
dew_point_design_c = 18.0
dew_point_margin_k = 2.0
gain_pct_per_k = 4.0
integral_time_s = 20.0
derivative_time_s = 0.0
output_min_pct = 0.0
output_max_pct = 100.0
output_rate_pct_per_s = 3.3

[cdu.pressure]
process_variable = "{name}.tcs_differential_pressure_kpa"
manipulated_variables = ["{name}.pump1_speed_setpoint_pct", "{name}.pump2_speed_setpoint_pct"]
setpoint_kpa = 90.0
setpoint_rate_kpa_per_min = 60.0
gain_pct_per_kpa = 0.1
integral_time_s = 2.0
derivative_time_s = 0.0
output_min_pct = 30.0
output_max_pct = 100.0
output_rate_pct_per_s = 5.0

[cdu.failsafe]
pump_speed_pct = 75.0
heat_load = "{name}.heat_load_kw"
valve_position_table = [
    {{ heat_load_kw = 100.0, valve_position_pct = 40.0 }},
    {{ heat_load_kw = 500.0, valve_position_pct = 68.0 }},
    {{ heat_load_kw = 1040.0, valve_position_pct = 80.0 }},
]
"""
MODEL: Final = """
[cdu.model]
return_temp = "{name}.tcs_return_temp_c"
fws_supply_temp = "{name}.fws_supply_temp_c"
flow = "{name}.tcs_flow_lpm"
fws_pressure = "{name}.fws_differential_pressure_kpa"
conductance_kw_k = 325.0
tcs_flow_rated_lpm = 1300.0
fws_flow_rated_lpm = 1300.0
fws_flow_open_lpm = 1650.0
fws_pressure_rated_kpa = 170.0
valve_authority_ratio = 0.45
exchanger_l = 32.0
pipe_l = 60.0
tank_l = 110.0

[cdu.estimate]
fws_return = "{name}.fws_return_temp_c"
fws_flow = "{name}.fws_flow_lpm"
pump_head_kpa = 460.0
pump_point_lpm = 1200.0
pump_point_kpa = 165.0
cdu_loss_kpa = 95.0
static_pressure = "{name}.tcs_return_pressure_kpa"
vessel_gas_l = 24.0
vessel_gas_kpa = 60.0
"""
"""Its exchanger and valve, and what is held against them."""


LIMITS: Final = """
[cdu.limits]
supply_temp_c = 45.0
return_temp = "{name}.tcs_return_temp_c"
return_temp_c = 65.0
flow = "{name}.tcs_flow_lpm"
flow_full_speed_lpm = 1213.0
pressure = "{name}.tcs_supply_pressure_kpa"
pressure_kpa = 330.0
suction = "{name}.tcs_return_pressure_kpa"
suction_kpa = 30.0
dead_head_kpa = 300.0
level = "{name}.tcs_return_spare_pressure_kpa"
level_low = 20.0
level_lost = 8.0
"""
"""What its protection watches; the level by the pressure of the vessel's gas."""
PUMP_TABLE: Final = """
[cdu.pumps]
"""
DRIVE_FAULTS: Final = 'faults = [["{name}.fault_pump1_drive_bool"], ["{name}.fault_pump2_drive_bool"]]\n'
"""What of its drives tells that a pump has tripped, before the pump stands still."""


def supply_points(name: str, count: int) -> str:
    """Return the supply temperature of a CDU as a process variable: one sensor, or two that vote."""
    one = f'"{name}.tcs_supply_temp_c"'
    return one if count == 1 else f'[{one}, "{name}.tcs_supply_spare_temp_c"]'

"""The site under test: one row CDU with every stage of control configured, through the daemon's own building.

Knows configuration and the fast loop's instruments. Must never know faults.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coolantd.config.build import build_plan, point_specs
from coolantd.config.load import load
from coolantd.control.plan import Plan
from coolantd.sim.fastloop import Instrument

HEAD: Final = """
[site]
name = "campaign"

[control]
period_s = {period_s}

[[device]]
name = "cdu1"
profile = "row-cdu"
modbus_tcp = {{ host = "192.0.2.1", port = 502, unit_id = 1 }}

[[cdu]]
name = "cdu1"
device = "cdu1"
mode = "automatic"

[cdu.supply_temp]
process_variable = {supply}
manipulated_variable = "cdu1.fws_valve_position_setpoint_pct"
setpoint_c = {setpoint_c}
setpoint_rate_k_per_min = 2.0
dew_point = "cdu1.dew_point_c"
dew_point_design_c = 18.0
dew_point_margin_k = 2.0
gain_pct_per_k = 4.0
integral_time_s = 20.0
derivative_time_s = 0.0
output_min_pct = 0.0
output_max_pct = 100.0
output_rate_pct_per_s = 3.3

[cdu.pressure]
process_variable = "cdu1.tcs_differential_pressure_kpa"
manipulated_variables = ["cdu1.pump1_speed_setpoint_pct", "cdu1.pump2_speed_setpoint_pct"]
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
heat_load = "cdu1.heat_load_kw"
valve_position_table = [
    {{ heat_load_kw = 100.0, valve_position_pct = 40.0 }},
    {{ heat_load_kw = 500.0, valve_position_pct = 68.0 }},
    {{ heat_load_kw = 1040.0, valve_position_pct = 80.0 }},
]
"""
LIMITS: Final = """
[cdu.limits]
supply_temp_c = 45.0
return_temp = "cdu1.tcs_return_temp_c"
return_temp_c = 65.0
flow = "cdu1.tcs_flow_lpm"
flow_full_speed_lpm = 1213.0
pressure = "cdu1.tcs_supply_pressure_kpa"
pressure_kpa = 330.0
suction = "cdu1.tcs_return_pressure_kpa"
suction_kpa = 30.0
dead_head_kpa = 300.0
level = "cdu1.tcs_return_spare_pressure_kpa"    # a vessel's level by the pressure of its gas
level_low = 20.0
level_lost = 8.0
"""
MODEL: Final = """
[cdu.model]
return_temp = "cdu1.tcs_return_temp_c"
fws_supply_temp = "cdu1.fws_supply_temp_c"
flow = "cdu1.tcs_flow_lpm"
fws_pressure = "cdu1.fws_differential_pressure_kpa"
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
fws_return = "cdu1.fws_return_temp_c"
fws_flow = "cdu1.fws_flow_lpm"
pump_head_kpa = 460.0
pump_point_lpm = 1200.0
pump_point_kpa = 165.0
cdu_loss_kpa = 95.0
static_pressure = "cdu1.tcs_return_pressure_kpa"
vessel_gas_l = 24.0
vessel_gas_kpa = 60.0
"""
STANDBY: Final = """
[cdu.pumps]
arrangement = "duty_standby"
duty = 1
rotation_h = 24.0
"""
ONE_SENSOR: Final = '"cdu1.tcs_supply_temp_c"'
TWO_SENSORS: Final = '["cdu1.tcs_supply_temp_c", "cdu1.tcs_supply_spare_temp_c"]'

VALVE: Final = "fws_valve_position_setpoint_pct"
PUMPS: Final = ("pump1_speed_setpoint_pct", "pump2_speed_setpoint_pct")
SENSOR_LAG_S: Final = 2.0
"""Of temperature sensors in a pocket."""
QUICK_LAG_S: Final = 0.05
"""Of every other instrument: next to none, and what a stuck one is made of (its lag becomes endless)."""
TEMPS: Final = (
    "tcs_supply_temp_c",
    "tcs_supply_spare_temp_c",
    "tcs_return_temp_c",
    "fws_supply_temp_c",
    "fws_return_temp_c",
)
SHOWN: Final = {
    "tcs_supply_temp_c": ("tcs_supply_temp_c", 0),
    "tcs_supply_spare_temp_c": ("tcs_supply_temp_c", 0),
    "tcs_return_temp_c": ("tcs_return_temp_c", 0),
    "fws_supply_temp_c": ("fws_supply_temp_c", 0),
    "fws_return_temp_c": ("fws_return_temp_c", 0),
    "tcs_flow_lpm": ("tcs_flow_lpm", 0),
    "fws_flow_lpm": ("fws_flow_lpm", 0),
    "tcs_differential_pressure_kpa": ("tcs_differential_pressure_kpa", 0),
    "fws_differential_pressure_kpa": ("fws_differential_pressure_kpa", 0),
    "tcs_return_pressure_kpa": ("static_pressure_kpa", 0),
    "tcs_return_spare_pressure_kpa": ("static_pressure_kpa", 0),
    "tcs_supply_pressure_kpa": ("supply_pressure_kpa", 0),
    "heat_load_kw": ("heat_load_kw", 0),
    "fws_valve_position_pct": ("fws_valve_position_pct", 0),
    "pump1_speed_pct": ("pump_speed_pct", 0),
    "pump2_speed_pct": ("pump_speed_pct", 1),
}
"""Point -> what it looks at in the plant, and which of several."""
CONSTANTS: Final = {"dew_point_c": 13.0, "manual_mode_bool": 1.0}
"""Points that nothing in the plant moves."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a seed runs on.

    Attributes:
        plan: interpreted; the fast loop has kernels of its own.
        points: length of the snapshot.
        instruments: what fills it, by point; every point that is not there stays bad.
        rows: point -> row of the snapshot.
        actuators: point -> row of the plan's actuators.
        period_s: of control.
        sensors: how many supply temperature sensors vote.
        standby: one pump rests.
    """

    plan: Plan
    points: int
    instruments: dict[str, Instrument]
    rows: dict[str, int]
    actuators: dict[str, int]
    period_s: float
    sensors: int
    standby: bool


def make_site(*, period_s: float = 0.5, setpoint_c: float = 34.0, sensors: int = 2, model: bool, standby: bool) -> Site:
    """Build one; every figure that is not an argument is the demo's."""
    supply = TWO_SENSORS if sensors == 2 else ONE_SENSOR
    text = HEAD.format(period_s=period_s, setpoint_c=setpoint_c, supply=supply)
    text += LIMITS + MODEL * model + STANDBY * standby
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "site.toml"
        file.write_text(text, encoding="utf-8")
        loaded = load(file)
    plan, specs = build_plan(loaded), point_specs(loaded)
    rows = {spec.point: row for row, spec in enumerate(specs)}
    actuators = {each.name: row for row, each in enumerate(plan.actuators)}
    return Site(plan, len(specs), _instruments(rows, actuators), rows, actuators, period_s, sensors, standby)


def _instruments(rows: dict[str, int], actuators: dict[str, int]) -> dict[str, Instrument]:
    found = {}
    for point, row in rows.items():
        if point in SHOWN:
            quantity, index = SHOWN[point]
            lag_s = SENSOR_LAG_S if point in TEMPS else QUICK_LAG_S
            found[point] = Instrument(point=row, quantity=quantity, index=index, lag_s=lag_s)
        elif point in actuators:
            found[point] = Instrument(point=row, quantity="register_pct", index=actuators[point])
        elif point in CONSTANTS:
            found[point] = Instrument(point=row, quantity="constant", bias=CONSTANTS[point])
        elif point.endswith("_bool"):
            found[point] = Instrument(point=row, quantity="constant", bias=0.0)
    return found

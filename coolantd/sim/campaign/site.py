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
from coolantd.sim.study_cdu import CDU, DRIVE_FAULTS, LIMITS, MODEL, PUMP_TABLE, supply_points

HEAD: Final = """
[site]
name = "campaign"

[control]
period_s = {period_s}

[[device]]
name = "cdu1"
profile = "row-cdu"
modbus_tcp = {{ host = "192.0.2.1", port = 502, unit_id = 1 }}
"""
STANDBY: Final = """
arrangement = "duty_standby"
duty = 1
rotation_h = 24.0
"""

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
LOST: Final = ("fault_pump1_drive_bool", "fault_pump2_drive_bool")
"""What the drives say: 1 while their pump cannot run."""
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
        drive_faults: a drive says that its pump has tripped.
    """

    plan: Plan
    points: int
    instruments: dict[str, Instrument]
    rows: dict[str, int]
    actuators: dict[str, int]
    period_s: float
    sensors: int
    standby: bool
    drive_faults: bool


def make_site(
    *,
    period_s: float = 0.5,
    setpoint_c: float = 34.0,
    sensors: int = 2,
    model: bool,
    standby: bool,
    drive_faults: bool = False,
) -> Site:
    """Build one; every figure that is not an argument is the demo's."""
    cdu = CDU + LIMITS + MODEL * model + PUMP_TABLE + STANDBY * standby + DRIVE_FAULTS * drive_faults
    supply = supply_points("cdu1", sensors)
    text = HEAD.format(period_s=period_s) + cdu.format(name="cdu1", supply=supply, setpoint_c=setpoint_c)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "site.toml"
        file.write_text(text, encoding="utf-8")
        loaded = load(file)
    plan, specs = build_plan(loaded), point_specs(loaded)
    rows = {spec.point: row for row, spec in enumerate(specs)}
    actuators = {each.name: row for row, each in enumerate(plan.actuators)}
    instruments = _instruments(rows, actuators)
    return Site(plan, len(specs), instruments, rows, actuators, period_s, sensors, standby, drive_faults)


def _instruments(rows: dict[str, int], actuators: dict[str, int]) -> dict[str, Instrument]:
    found = {}
    for point, row in rows.items():
        if point in LOST:
            found[point] = Instrument(point=row, quantity="pump_lost", index=LOST.index(point), bias=1.0)
        elif point in SHOWN:
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

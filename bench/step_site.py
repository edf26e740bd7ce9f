"""A site of many CDUs that uses every stage a CDU has, and a short story of its readings. Knows the configuration.

The demo's CDU as often as wanted, through the daemon's own loading and building, with two supply sensors that vote,
a pressure reset, two limits and a standby pump besides. No manifolds: those cost by the branch.
"""

import math
import re
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from coolantd.config.build import build_plan, point_specs
from coolantd.config.load import load
from coolantd.control.plan import Plan
from coolantd.point import Snapshot

CONFIG: Final = Path(__file__).parent.parent / "config" / "demo.toml"
SNAPSHOTS: Final = 16
HEAD: Final = '[site]\nname = "step-cost"\n[control]\nperiod_s = 0.5\n'
DEVICE: Final = """
[[device]]
name = "{name}"
profile = "row-cdu"
modbus_tcp = {{ host = "192.0.2.{host}", port = 502, unit_id = 1 }}
"""
PUMPS: Final = """[cdu.pumps]
arrangement = "duty_standby"
duty = 1
rotation_h = 168.0
"""
MORE: Final = """
[cdu.pressure.reset]
setpoint_min_kpa = 10.0
setpoint_max_kpa = 100.0
rise_limit_k = 12.0
return_temps = ["cdu1.tcs_return_temp_c"]
flow = "cdu1.tcs_flow_lpm"
return_volume_l = 100.0

[cdu.pressure.minimum_flow]
process_variable = "cdu1.tcs_flow_lpm"
limit_lpm = 360.0
gain_pct_per_lpm = 0.03
integral_time_s = 2.0

[cdu.pressure.maximum_pressure]
process_variable = "cdu1.tcs_supply_pressure_kpa"
limit_kpa = 350.0
gain_pct_per_kpa = 0.1
integral_time_s = 2.0
"""
READINGS: Final = {
    "tcs_supply_temp_c": (34.0, 0.5),
    "tcs_supply_spare_temp_c": (34.0, 0.5),
    "tcs_return_temp_c": (43.0, 0.8),
    "fws_supply_temp_c": (28.0, 0.1),
    "fws_return_temp_c": (40.0, 0.5),
    "dew_point_c": (13.0, 0.05),
    "tcs_supply_pressure_kpa": (160.0, 3.0),
    "tcs_return_pressure_kpa": (70.0, 1.0),
    "tcs_differential_pressure_kpa": (90.0, 3.0),
    "fws_differential_pressure_kpa": (170.0, 1.0),
    "tcs_flow_lpm": (1300.0, 20.0),
    "fws_flow_lpm": (970.0, 10.0),
    "heat_load_kw": (780.0, 10.0),
    "fws_valve_position_pct": (70.0, 0.5),
    "fws_valve_position_setpoint_pct": (70.0, 0.5),
    "pump1_speed_pct": (95.0, 0.5),
    "pump1_speed_setpoint_pct": (95.0, 0.5),
    "manual_mode_bool": (1.0, 0.0),
}
"""(mean, swing) of what control reads; the second pump rests, and everything else reads 0."""


def site(count: int) -> tuple[Plan, list[Snapshot]]:
    """Return a plan of ``count`` CDUs and its story of good samples, which begins anew after ``SNAPSHOTS``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "site.toml"
        file.write_text(_text(count), encoding="utf-8")
        loaded = load(file)
    return build_plan(loaded), _story([spec.point for spec in point_specs(loaded)])


def _text(count: int) -> str:
    demo = CONFIG.read_text(encoding="utf-8")
    cdu = demo[demo.index("[[cdu]]") : demo.index("[[manifold]]")] + MORE
    cdu = re.sub(r"\s+#.*", "", cdu)  # a hundred times its remarks are longer than a configuration may be
    cdu = cdu.replace('= "cdu1.tcs_supply_temp_c"', '= ["cdu1.tcs_supply_temp_c", "cdu1.tcs_supply_spare_temp_c"]', 1)
    cdu = cdu.replace("[cdu.pumps]\n", PUMPS, 1)
    names = [f"cdu{n + 1}" for n in range(count)]
    devices = [DEVICE.format(name=name, host=n + 1) for n, name in enumerate(names)]
    return HEAD + "".join(devices) + "".join(re.sub(r"\bcdu1\b", name, cdu) for name in names)


def _story(points: list[str]) -> list[Snapshot]:
    means, swings = np.array([READINGS.get(point, (0.0, 0.0)) for point in points]).T
    count = len(points)
    zeros = np.zeros(count, dtype=np.int64)
    phases = [math.sin(2.0 * math.pi * k / SNAPSHOTS) for k in range(SNAPSHOTS)]
    return [Snapshot(means + swings * phase, zeros + 2, zeros, np.zeros(count)) for phase in phases]

"""The configuration of a simulated site as text, and what differs from site to site. Knows keys and numbers.

The text goes through the daemon's own reading of files; nothing of a site is set behind its back.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BRANCHES: Final = 2
BROKER_PORT: Final = 1883
MODBUS_PORT: Final = 502
SITE_TOPIC: Final = "coolantd/dst"

_SITE = """
[site]
name = "dst"
[control]
period_s = {period_s}
[http]
host = "127.0.0.1"
port = 9470
[paths]
state = "{state}"
cache = "{state}"
runtime = "{state}"
"""

_MQTT = """
[mqtt]
host = "broker"
port = 1883
client_id = "dst"
topic = "coolantd/dst"
"""

_CDU = """
[[device]]
name = "{name}"
profile = "row-cdu"
modbus_tcp = {{ host = "{host}", port = 502, unit_id = 1 }}
poll_fast_s = {period_s}
poll_normal_s = 5.0
poll_slow_s = 60.0

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

_MODEL = """
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

_MANIFOLD = """
[[device]]
name = "manifold-{name}"
profile = "rack-manifold-leak"
mqtt = {{ topic = "manifold/{name}", branches = 2 }}

[[manifold]]
name = "manifold-{name}"
device = "manifold-{name}"
branch_valve_position_pct = 100.0
branch_valve_rate_pct_per_s = 2.0
"""

_ZONE = """
[[leak_zone]]
name = "zone-{name}-{branch}"
kind = "branch"
manifold = "manifold-{name}"
branch = {branch}
isolate = "major"
clear_s = 5.0
detector = [
    {{ point = "manifold-{name}.branch{branch}_leak_rope_v", wet_above = 5.0, fault_below = 1.0, fault_above = 9.0 }},
    {{ point = "manifold-{name}.branch{branch}_leak_tray_v", wet_above = 5.0, fault_below = 1.0, fault_above = 9.0 }},
    {{ point = "manifold-{name}.branch{branch}_leak_spot_wet_bool", {spot} }},
]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bay:
    """One CDU of a site.

    Attributes:
        seed: of its plant, its instruments and its faults.
        setpoint_c: of supply. voted: two sensors vote. model: the loop knows its exchanger.
        manifold: its racks hang on a manifold on MQTT.
    """

    seed: int
    setpoint_c: float = 34.0
    voted: bool = False
    model: bool = True
    manifold: bool = False

    @property
    def name(self) -> str:
        """Return what it is called in the configuration."""
        return f"cdu{self.seed}"

    @property
    def host(self) -> str:
        """Return where it is."""
        return f"host{self.seed}"


def drawn_bay(seed: int, *, manifold: bool) -> Bay:
    """Return the bay of a seed."""
    rng = random.Random(f"bay {seed}")  # noqa: S311 - a simulation's luck
    return Bay(
        seed=seed,
        setpoint_c=rng.choice((32.0, 34.0, 36.0)),
        voted=rng.random() < 0.5,
        model=rng.random() < 0.7,
        manifold=manifold,
    )


def site_text(bays: tuple[Bay, ...], *, period_s: float, state: Path, mqtt: bool) -> str:
    """Return the configuration file of a site."""
    parts = [_SITE.format(period_s=period_s, state=state)]
    if mqtt:
        parts.append(_MQTT)
    for bay in bays:
        sensors = ["tcs_supply_temp_c", "tcs_supply_spare_temp_c"][: 1 + bay.voted]
        supply = "[" + ", ".join(f'"{bay.name}.{sensor}"' for sensor in sensors) + "]"
        fields = {"name": bay.name, "host": bay.host, "period_s": period_s, "setpoint_c": bay.setpoint_c}
        parts.append(_CDU.format(supply=supply, **fields))
        if bay.model:
            parts.append(_MODEL.format(name=bay.name))
        if bay.manifold and mqtt:
            parts.append(_MANIFOLD.format(name=bay.name))
            for branch in range(1, BRANCHES + 1):
                spot = f'fault_point = "manifold-{bay.name}.branch{branch}_leak_spot_fault_bool"'
                parts.append(_ZONE.format(name=bay.name, branch=branch, spot=spot))
    return "\n".join(parts)

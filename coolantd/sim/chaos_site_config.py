"""Profile and configuration of a site with a row of virtual CDUs: text only. Knows no process and no socket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

PROFILE: Final = "watched-cdu"
IDENTITY_POINT: Final = "serial_number_count"
IDENTITY_ADDRESS: Final = 210
IDENTITY: Final = 4711
"""What every device of the row says it is; a toxic that plays another machine says something else."""
RATES: Final[Mapping[str, float]] = {"valve_rate_pct_per_s": 3.3, "pump_rate_pct_per_s": 5.0}
"""What the configuration below allows: one cannot be written without the other."""

_IDENTITY: Final = f"""
[identity]                      # nothing is written to a machine that says anything else
point = "{IDENTITY_POINT}"
number = {IDENTITY}

[[block]]
table = "holding"
coding = "u16"
poll = "normal"
unit = "count"
minimum = 0.0
maximum = 65535.0
point = [{{ name = "{IDENTITY_POINT}", address = {IDENTITY_ADDRESS} }}]
"""

_HEAD: Final = """
[site]
name = "chaos-row"

[control]
period_s = {period_s}

[http]
port = {http_port}

[paths]
state = "{folder}/state"
cache = "{cache}"
runtime = "{folder}/run"
profiles_dir = "{folder}/profiles"
"""

_MQTT: Final = """
[mqtt]
host = "127.0.0.1"
port = {mqtt_port}
client_id = "{client_id}"
topic = "coolantd/chaos-row"
"""

CLIENT_ID: Final = "coolantd-chaos-row"
"""Ours at the broker: somebody else who takes it throws us out."""
MANIFOLD_TOPIC: Final = "manifold/manifold1"
BRANCHES: Final = 8
_MANIFOLD: Final = f"""
[[device]]
name = "manifold1"
profile = "rack-manifold"
mqtt = {{ topic = "{MANIFOLD_TOPIC}", branches = {BRANCHES} }}

[[manifold]]
name = "manifold1"
device = "manifold1"
branch_valve_position_pct = 100.0
branch_valve_rate_pct_per_s = 2.0
"""

_CDU: Final = """
[[device]]
name = "{name}"
profile = "{profile}"
modbus_tcp = {{ host = "127.0.0.1", port = {port}, unit_id = 1 }}
poll_fast_s = {poll_fast_s}
poll_normal_s = 5.0
poll_slow_s = 60.0

[[cdu]]
name = "{name}"
device = "{name}"
mode = "automatic"

[cdu.supply_temp]
process_variable = "{name}.tcs_supply_temp_c"
manipulated_variable = "{name}.fws_valve_position_setpoint_pct"
setpoint_c = 34.0
setpoint_rate_k_per_min = 2.0
dew_point = "{name}.dew_point_c"
dew_point_design_c = 18.0
dew_point_margin_k = 2.0
gain_pct_per_k = 4.0
integral_time_s = 20.0
output_rate_pct_per_s = {valve_rate_pct_per_s}

[cdu.pressure]
process_variable = "{name}.tcs_differential_pressure_kpa"
manipulated_variables = ["{name}.pump1_speed_setpoint_pct", "{name}.pump2_speed_setpoint_pct"]
setpoint_kpa = {pressure_kpa}
setpoint_rate_kpa_per_min = 60.0
gain_pct_per_kpa = 0.1
integral_time_s = 2.0
output_min_pct = 30.0
output_rate_pct_per_s = {pump_rate_pct_per_s}

[cdu.pumps]
faults = [["{name}.fault_pump1_drive_bool"], ["{name}.fault_pump2_drive_bool"]]

[cdu.failsafe]
pump_speed_pct = 75.0
heat_load = "{name}.heat_load_kw"
valve_position_table = [
    {{ heat_load_kw = 100.0, valve_position_pct = 40.0 }},
    {{ heat_load_kw = 500.0, valve_position_pct = 68.0 }},
    {{ heat_load_kw = 1040.0, valve_position_pct = 80.0 }},
]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteText:
    """What a site is made of.

    Attributes:
        folder: for state, sockets and profiles; cache: of compiled kernels.
        ports: where each CDU is reached, in order.
        period_s: between two decisions. poll_fast_s: between two readings.
        mqtt_port: of a broker on loopback, to which the first CDU's rack manifold talks; None for neither.
        cdu_extra: more tables of every CDU; ``CDU`` stands for its name.
        pressure_kpa: setpoint of the pumps.
    """

    folder: Path
    cache: Path
    ports: Sequence[int]
    http_port: int
    period_s: float = 0.5
    poll_fast_s: float = 0.5
    mqtt_port: int | None = None
    cdu_extra: str = ""
    pressure_kpa: float = 90.0

    def configuration(self) -> str:
        """Return the daemon's configuration."""
        text = _HEAD.format(period_s=self.period_s, http_port=self.http_port, folder=self.folder, cache=self.cache)
        if self.mqtt_port is not None:
            text += _MQTT.format(mqtt_port=self.mqtt_port, client_id=CLIENT_ID) + _MANIFOLD
        for k, port in enumerate(self.ports):
            text += _CDU.format(
                name=cdu_name(k),
                profile=PROFILE,
                port=port,
                poll_fast_s=self.poll_fast_s,
                pressure_kpa=self.pressure_kpa,
                **RATES,
            )
            text += self.cdu_extra.replace("CDU", cdu_name(k))
        return text


def cdu_name(number: int) -> str:
    """Return the name of a CDU of the row, from 0."""
    return f"cdu{number:02d}"


def profile_text() -> str:
    """Return the shipped row CDU's profile with a register that tells the device."""
    return resources.files("coolantd.profiles").joinpath("row-cdu.toml").read_text(encoding="utf-8") + _IDENTITY

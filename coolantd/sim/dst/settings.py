"""The configuration of a simulated site as text, and what differs from site to site. Knows keys and numbers.

The text goes through the daemon's own reading of files; nothing of a site is set behind its back.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coolantd.sim.study_cdu import CDU, DRIVE_FAULTS, LIMITS, MODEL, PUMP_TABLE, supply_points

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

_DEVICE = """
[[device]]
name = "{name}"
profile = "row-cdu"
modbus_tcp = {{ host = "{host}", port = 502, unit_id = 1 }}
poll_fast_s = {period_s}
poll_normal_s = 5.0
poll_slow_s = 60.0
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
        limits: its protection has every limit, not only that of the supply.
        manifold: its racks hang on a manifold on MQTT.
        drive_faults: its drives tell that a pump has tripped.
    """

    seed: int
    setpoint_c: float = 34.0
    voted: bool = False
    model: bool = True
    limits: bool = False
    manifold: bool = False
    drive_faults: bool = False

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
        limits=rng.random() < 0.5,
        manifold=manifold,
        drive_faults=rng.random() < 0.5,
    )


def site_text(bays: tuple[Bay, ...], *, period_s: float, state: Path, mqtt: bool) -> str:
    """Return the configuration file of a site."""
    parts = [_SITE.format(period_s=period_s, state=state)]
    if mqtt:
        parts.append(_MQTT)
    for bay in bays:
        parts.append(_DEVICE.format(name=bay.name, host=bay.host, period_s=period_s))
        cdu = CDU + LIMITS * bay.limits + MODEL * bay.model + (PUMP_TABLE + DRIVE_FAULTS) * bay.drive_faults
        supply = supply_points(bay.name, 1 + bay.voted)
        parts.append(cdu.format(name=bay.name, supply=supply, setpoint_c=bay.setpoint_c))
        if bay.manifold and mqtt:
            parts.append(_MANIFOLD.format(name=bay.name))
            for branch in range(1, BRANCHES + 1):
                spot = f'fault_point = "manifold-{bay.name}.branch{branch}_leak_spot_fault_bool"'
                parts.append(_ZONE.format(name=bay.name, branch=branch, spot=spot))
    return "\n".join(parts)

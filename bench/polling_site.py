"""The site that ``polling.py`` polls, and its two Python contestants: the daemon itself and a plain pymodbus loop.

    python bench/polling_site.py daemon CONFIG
    python bench/polling_site.py pymodbus POINTS PERIOD_S PORT...

Each prints ``ready`` when every device answers, and runs until SIGTERM. The daemon then prints one JSON list with an
entry for each control cycle: when it ended, how late it began, the greatest age of any point, how many were not good.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog
from pymodbus.client import AsyncModbusTcpClient

from coolantd.app import Daemon
from coolantd.point import Quality

CONTROL_PERIOD_S: Final = 0.5
CONTROL_POINTS: Final = 7
"""The first registers of every device: what the one control loop needs."""

PROFILE_HEAD: Final = """
title = "Device of a load test"
source = "made up"
verified = false

[[block]]
table = "holding"
coding = "i16"
scale = 0.1
unit = "degC"
minimum = -50.0
maximum = 150.0
poll = "fast"
point = [
    { name = "supply_temp_c", address = 0 },
    { name = "differential_pressure_kpa", address = 1, unit = "kPa" },
    { name = "valve_position_pct", address = 4, unit = "%", maximum = 100.0 },
    { name = "pump_speed_pct", address = 5, unit = "%", maximum = 100.0 },
    { name = "heat_load_kw", address = 6, unit = "kW" },
"""
PROFILE_ACTUATOR: Final = """
[[block]]
table = "holding"
coding = "u16"
scale = 0.1
unit = "%"
minimum = 0.0
maximum = 100.0
poll = "fast"

[[block.point]]
name = "{name}"
address = {address}

[block.point.write]
role = "{role}"
minimum = {minimum}
maximum = 100.0
position = "{position}"
"""
CONFIG_HEAD: Final = """
[site]
name = "load-test"

[control]
period_s = {control_period_s}

[http]
port = {http_port}

[paths]
state = "{folder}"
cache = "{cache}"
runtime = "{folder}"
profiles_dir = "{folder}"

[[cdu]]
name = "cdu0"
device = "device0"
mode = "automatic"

[cdu.supply_temp]
process_variable = "device0.supply_temp_c"
manipulated_variable = "device0.valve_setpoint_pct"
setpoint_c = 34.0
setpoint_rate_k_per_min = 2.0
dew_point = "device0.supply_temp_c"
dew_point_design_c = 18.0
dew_point_margin_k = 2.0
gain_pct_per_k = 4.0
integral_time_s = 20.0
output_rate_pct_per_s = 3.3

[cdu.pressure]
process_variable = "device0.differential_pressure_kpa"
manipulated_variables = ["device0.pump_setpoint_pct"]
setpoint_kpa = 90.0
setpoint_rate_kpa_per_min = 60.0
gain_pct_per_kpa = 0.1
integral_time_s = 2.0
output_min_pct = 20.0
output_rate_pct_per_s = 5.0

[cdu.failsafe]
pump_speed_pct = 75.0
heat_load = "device0.heat_load_kw"
valve_position_table = [{{ heat_load_kw = 100.0, valve_position_pct = 40.0 }}]
"""
CONFIG_DEVICE: Final = """
[[device]]
name = "device{k}"
profile = "load-test-device"
modbus_tcp = {{ host = "127.0.0.1", port = {port}, unit_id = 1 }}
poll_fast_s = {period_s}
monitor_only = {monitor_only}
"""


def write_site(folder: Path, cache: Path, *, ports: list[int], points: int, period_s: float, http_port: int) -> Path:
    """Write a profile with so many points and a configuration with a device on each port; return the latter's path."""
    more = [f'    {{ name = "t{k}_temp_c", address = {k} }},' for k in range(CONTROL_POINTS, points)]
    actuators = [
        {
            "name": "valve_setpoint_pct",
            "address": 2,
            "role": "fws_valve",
            "minimum": 0.0,
            "position": "valve_position_pct",
        },
        {"name": "pump_setpoint_pct", "address": 3, "role": "pump", "minimum": 20.0, "position": "pump_speed_pct"},
    ]
    profile = PROFILE_HEAD + "\n".join(more) + "\n]\n"
    profile += "".join(PROFILE_ACTUATOR.format(**actuator) for actuator in actuators)
    (folder / "load-test-device.toml").write_text(profile, encoding="utf-8")
    config = CONFIG_HEAD.format(control_period_s=CONTROL_PERIOD_S, http_port=http_port, folder=folder, cache=cache)
    for k, port in enumerate(ports):
        config += CONFIG_DEVICE.format(k=k, port=port, period_s=period_s, monitor_only=str(k > 0).lower())
    path = folder / "coolantd.toml"
    path.write_text(config, encoding="utf-8")
    return path


class WatchedDaemon(Daemon):
    """The daemon as it is, with a note of every cycle."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.cycles: list[dict[str, float]] = []
        self._late_s = 0.0
        self._told = False
        histogram: Any = self._metrics.cycle_lateness_s
        observe = histogram.observe

        def noted(late_s: float) -> None:
            self._late_s = late_s
            observe(late_s)

        histogram.observe = noted

    def _completed(self) -> None:
        super()._completed()
        snapshot = self._cycle.snapshot
        if snapshot is None:
            return
        not_good = int(np.count_nonzero(snapshot.quality != Quality.GOOD))
        self.cycles.append(
            {
                "ended_s": time.monotonic(),
                "late_s": self._late_s,
                "age_max_s": float(snapshot.age_s.max()),
                "not_good": not_good,
            }
        )
        if not_good == 0 and self._compiled and not self._told:
            self._told = True
            print("ready", flush=True)


async def serve_daemon(path: Path) -> None:
    """Run the daemon until it is told to stop."""
    daemon = WatchedDaemon(path)
    await daemon.run()
    print(json.dumps(daemon.cycles), flush=True)


async def poll_with_pymodbus(points: int, period_s: float, ports: list[int]) -> None:
    """Run what one would write first: a client and a task for each device: read, convert, sleep until due."""
    begun_s = time.monotonic()
    values: list[list[float]] = [[] for _ in ports]
    failed = 0

    async def poll(k: int, port: int) -> None:
        nonlocal failed
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        due_s = begun_s + period_s * (1.0 + k / len(ports))
        while True:
            await asyncio.sleep(due_s - time.monotonic())
            reply = await client.read_holding_registers(0, count=points, device_id=1)
            if reply.isError():
                failed += 1
            else:
                words: Any = client.convert_from_registers(reply.registers, client.DATATYPE.INT16)
                values[k] = [word * 0.1 for word in words]
            due_s += period_s

    async with asyncio.TaskGroup() as group:
        for k, port in enumerate(ports):
            group.create_task(poll(k, port))
        while not all(values):  # noqa: ASYNC110 (a bench looks twice a second and is done)
            await asyncio.sleep(0.5)
        print("ready", flush=True)


def main() -> None:
    """Run the contestant named on the command line."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    contestant, *rest = sys.argv[1:]
    if contestant == "daemon":
        asyncio.run(serve_daemon(Path(rest[0])))
    else:
        asyncio.run(poll_with_pymodbus(int(rest[0]), float(rest[1]), [int(port) for port in rest[2:]]))


if __name__ == "__main__":
    main()

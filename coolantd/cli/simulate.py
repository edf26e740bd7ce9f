"""``coolantd simulate``: serve a virtual row CDU and rack manifold until told to stop. Parses, shows, exits."""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from coolantd.cli.usage import FAILED, SPEED_MIN_RATIO, WRONG_USAGE, check_range
from coolantd.clock import RATE_MAX_RATIO
from coolantd.errors import CoolantdError

if TYPE_CHECKING:
    from rich.table import Table

    from coolantd.sim.scenario import Scenario
    from coolantd.sim.simulator import Simulator, SimulatorSettings

SHOW_PERIOD_S: Final = 1.0
"""Real seconds between two lines."""
PORT_MAX: Final = 65_535
NOISE_MAX_RATIO: Final = 100.0
STROKE_MIN_S: Final = 1.0
STROKE_MAX_S: Final = 600.0
REFRESH_MIN_S: Final = 0.1
REFRESH_MAX_S: Final = 60.0


def simulate(  # noqa: PLR0917 - typer turns each parameter into an option
    modbus_port: Annotated[int, typer.Option(help="Port of the row CDU; 0 picks a free one.")] = 5020,
    modbus_host: Annotated[str, typer.Option(help="Address the row CDU listens on.")] = "127.0.0.1",
    mqtt_host: Annotated[str, typer.Option(help="Broker the rack manifold talks to.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(help="Port of that broker.")] = 1883,
    no_mqtt: Annotated[bool, typer.Option("--no-mqtt", help="No rack manifold.")] = False,
    topic: Annotated[str, typer.Option(help="Topic of the rack manifold.")] = "manifold/manifold1",
    bypass: Annotated[bool, typer.Option("--bypass", help="Give the rack manifold a bypass valve.")] = False,
    speed: Annotated[float, typer.Option(help="Device seconds per real second.")] = 1.0,
    scenario: Annotated[Path | None, typer.Option(help="TOML file of what happens.")] = None,
    steps: Annotated[str | None, typer.Option(help="Heat load, as in 0:10,60:100/30,300:500kW (s:% or kW).")] = None,
    trace: Annotated[Path | None, typer.Option(help="CSV of heat load over time.")] = None,
    trace_column: Annotated[str | None, typer.Option(help="Its power column (W).")] = None,
    noise_ratio: Annotated[float, typer.Option(help="Scale of the sensors' noise; 0 for none.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    valve_stroke_s: Annotated[float, typer.Option(help="Facility valve, shut to open.")] = 30.0,
    plant: Annotated[str, typer.Option(help="How it differs: ua=0.8,kv=0.9,volume=1.2,head=1.1,sensor=1.5.")] = "",
    miswired: Annotated[str, typer.Option(help="Actuators connected wrongly, as in swapped-pumps,dead-valve.")] = "",
    refresh_s: Annotated[float, typer.Option(help="Period of the CDU's status block.")] = 0.5,
    rpu: Annotated[bool, typer.Option("--rpu", help="Serve an ORv3 RPU on a serial line of its own.")] = False,
    rpu_link: Annotated[Path | None, typer.Option(help="Name for that line's port; implies --rpu.")] = None,
    compiled: Annotated[bool, typer.Option("--compiled", help="Move to the compiled plant once it is ready.")] = False,
    control: Annotated[Path | None, typer.Option(help="Make a control socket (JSON lines) here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the state as one JSON object a second.")] = False,
) -> None:
    """Serve a virtual row CDU over Modbus TCP and its rack manifold over MQTT, driven by the plant model.

    With --rpu also a virtual ORv3 pumping unit over Modbus RTU, on a pseudo terminal as slow as 19200 baud.
    """
    # The plant, numpy and the wire libraries take half a second to import: --help and the other commands do without.
    from coolantd.sim.oddities import parse_oddities
    from coolantd.sim.simulator import SimulatorSettings

    try:
        check_range("--modbus-port", modbus_port, 0, PORT_MAX)
        check_range("--mqtt-port", mqtt_port, 1, PORT_MAX)
        check_range("--speed", speed, SPEED_MIN_RATIO, RATE_MAX_RATIO)
        check_range("--noise-ratio", noise_ratio, 0.0, NOISE_MAX_RATIO)
        check_range("--valve-stroke-s", valve_stroke_s, STROKE_MIN_S, STROKE_MAX_S)
        check_range("--refresh-s", refresh_s, REFRESH_MIN_S, REFRESH_MAX_S)
        _check_topic(topic)
        settings = SimulatorSettings(
            modbus_host=modbus_host,
            modbus_port=modbus_port,
            mqtt_host=None if no_mqtt else mqtt_host,
            mqtt_port=mqtt_port,
            topic=topic,
            bypass=bypass,
            scenario=_scenario(scenario, steps, trace, trace_column),
            speed_ratio=speed,
            refresh_s=refresh_s,
            noise_ratio=noise_ratio,
            seed=seed,
            valve_stroke_s=valve_stroke_s,
            oddities=parse_oddities(plant, miswired),
            rpu=rpu or rpu_link is not None,
            rpu_link=rpu_link,
            control_path=control,
            compiled=compiled,
        )
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from error
    try:
        asyncio.run(_serve(settings, as_json=as_json))
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error


def _check_topic(topic: str) -> None:
    if not topic or topic.startswith("/") or topic.endswith("/") or any(sign in topic for sign in "+#\0"):
        raise CoolantdError(f"--topic = {topic!r}, allowed: a topic without wildcards and outer slashes")


def _scenario(file: Path | None, steps: str | None, trace: Path | None, column: str | None) -> "Scenario":
    from coolantd.sim.scenario import Scenario, parse_steps
    from coolantd.sim.scenario_file import read_scenario, read_trace
    from coolantd.sim.simulator import RATED_HEAT_KW

    if sum(source is not None for source in (file, steps, trace)) > 1:
        raise CoolantdError("--scenario, --steps and --trace: more than one given, allowed: one of them")
    if (trace is None) != (column is None):
        raise CoolantdError("--trace and --trace-column: allowed: both or none")
    if file is not None:
        return read_scenario(file, RATED_HEAT_KW)
    if steps is not None:
        return replace(Scenario(), load_ratio=parse_steps(steps, RATED_HEAT_KW))
    if trace is not None and column is not None:
        return replace(Scenario(), load_ratio=read_trace(trace, column))
    return Scenario()


async def _serve(settings: "SimulatorSettings", *, as_json: bool) -> None:
    from coolantd.sim.simulator import Simulator

    simulator = Simulator(settings)
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, simulator.stop)
    async with simulator:
        showing = asyncio.create_task(_show(simulator, as_json=as_json), name="simulate-show")
        try:
            await simulator.wait()
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


async def _show(simulator: "Simulator", *, as_json: bool) -> None:
    if as_json:
        await _show_lines(simulator, _json_line)
        return
    print("\n".join(_addresses(simulator)), flush=True)
    if sys.stdout.isatty():
        await _show_live(simulator)
    else:
        await _show_lines(simulator, _plain_line)


async def _show_lines(simulator: "Simulator", line: Callable[[dict[str, Any]], str]) -> None:
    while True:
        print(line(simulator.state()), flush=True)
        await asyncio.sleep(SHOW_PERIOD_S)


async def _show_live(simulator: "Simulator") -> None:
    # Rich takes 0.1 s to import; only a terminal needs it.
    from rich.live import Live

    with Live(_table(simulator.state()), auto_refresh=False) as live:
        while True:
            await asyncio.sleep(SHOW_PERIOD_S)
            live.update(_table(simulator.state()), refresh=True)


def _addresses(simulator: "Simulator") -> list[str]:
    from coolantd.sim.rpu import UNIT_ID

    settings = simulator.settings
    lines = [f"row CDU: Modbus TCP {settings.modbus_host}:{simulator.modbus_port} unit 1, profile row-cdu"]
    if simulator.manifold is not None:
        where = f"{settings.mqtt_host}:{settings.mqtt_port}"
        count = len(simulator.manifold.branches)
        profile = "rack-manifold-bypass" if simulator.manifold.has_bypass else "rack-manifold"
        lines.append(f"manifold: MQTT {where} topic {settings.topic}, {count} branches, profile {profile}")
    if simulator.line is not None:
        lines.append(f"RPU: Modbus RTU {simulator.line.port.path} 19200 8N1 unit {UNIT_ID}, profile orv3-rpu")
    if settings.control_path is not None:
        lines.append(f"control socket: {settings.control_path}")
    lines.append(f"{settings.speed_ratio:g}x real time; Ctrl-C ends it")
    return lines


def _figures(state: dict[str, Any]) -> list[tuple[str, str]]:
    rpu = state["rpu"]
    pumps = " ".join(f"{speed_pct:.1f}" for speed_pct in state["pump_speeds_pct"])
    modbus = state["modbus"]
    return [
        ("time", f"{state['time_s']:.0f} s"),
        ("load", f"{state['heat_load_kw']:.0f} kW"),
        ("supply", f"{state['tcs_supply_temp_c']:.2f} degC"),
        ("return", f"{state['tcs_return_temp_c']:.2f} degC"),
        ("rack dp", f"{state['rack_differential_pressure_kpa']:.1f} kPa"),
        ("valve", f"{state['fws_valve_position_pct']:.1f} %"),
        ("pumps", f"{pumps} %"),
        ("command", "remote" if state["obeying"] else "local"),
        ("writes", f"{state['writes_total']} ({state['writes_refused']} refused)"),
        ("modbus", f"{modbus['connections']} open, {modbus['requests']} requests"),
        ("alarms", str(len(state["alarms"]))),
        *([] if rpu is None else [("RPU", f"{rpu['flow_lpm']:.1f} L/min, {rpu['requests']} requests")]),
    ]


def _json_line(state: dict[str, Any]) -> str:
    return orjson.dumps(state).decode()


def _plain_line(state: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in _figures(state))


def _table(state: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table(show_header=False, title="coolantd simulate")
    for name, value in _figures(state):
        table.add_row(name, value)
    return table

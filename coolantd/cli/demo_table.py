"""The demo's live table: what the plant does beside what the daemon makes of it."""

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from coolantd.sim.demo import Tick

WARN_K = 2.0
"""Makers of CDUs warn at this supply deviation."""


def demo_table(tick: "Tick", truth: dict[str, Any], status: dict[str, Any]) -> Group:
    """Return one picture of a tick at which both answered; grey where all is well, colour only for what is not."""
    loops = {loop["loop"]: loop for loop in status["loops"]}
    cdu = status["cdus"][0]
    table = Table(box=None, pad_edge=False)
    for heading in ("", "setpoint", "measured", "true", "output", "position"):
        table.add_column(heading, justify="left" if not heading else "right")
    supply, pressure = loops["supply_temp"], loops["pressure"]
    deviation_k = truth["tcs_supply_temp_c"] - supply["setpoint_target"]
    table.add_row(
        "supply temperature -> facility valve",
        _number(supply["setpoint"], "degC"),
        _number(supply["process_variable"], "degC"),
        Text(f"{truth['tcs_supply_temp_c']:.2f} degC", style="bold yellow" if abs(deviation_k) > WARN_K else ""),
        _number(supply["output_pct"], "%"),
        f"{truth['fws_valve_position_pct']:.1f} %",
    )
    table.add_row(
        "differential pressure -> pumps",
        _number(pressure["setpoint"], "kPa"),
        _number(pressure["process_variable"], "kPa"),
        f"{truth['rack_differential_pressure_kpa']:.1f} kPa",
        _number(pressure["output_pct"], "%"),
        " / ".join(f"{speed:.1f}" for speed in truth["pump_speeds_pct"]) + " %",
    )
    mode = Text.assemble(
        f"load {truth['heat_load_kw']:.0f} kW   flow {truth['tcs_flow_lpm']:.0f} L/min   "
        f"hottest case {truth['case_temp_max_c']:.1f} degC   mode ",
        (cdu["mode"], "" if cdu["mode"] == "automatic" else "bold red"),
        f"   {status['kernel']} law   broker {'connected' if status['broker_connected'] else 'gone'}",
    )
    bar = ProgressBar(total=tick.duration_s, completed=tick.elapsed_s, width=60)
    return Group(mode, table, bar, Text(f"{tick.elapsed_s:.0f} of {tick.duration_s:.0f} s", style="dim"))


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f} {unit}"

"""The daemon's status as tables for people. Knows rich and the JSON of the view; reaches nobody."""

from collections.abc import Sequence
from typing import Any, Final

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH_CHARS: Final = 160
"""Width where there is no terminal to ask: lines of a file or a pipe must not be folded."""

UNKNOWN: Final = "-"

MODEL_USE_WORDS: Final = {
    "in_use": "in use",
    "inputs_bad": "fixed gains: an input is bad",
    "bias_large": "fixed gains: its bias is beyond 4 K",
}

_COLOURS: Final = {
    "automatic": "green",
    "manual": "yellow",
    "starting": "yellow",
    "failsafe": "red",
    "good": "green",
    "uncertain": "yellow",
    "bad": "red",
    "up": "green",
    "down": "red",
    "ready": "green",
}

Json = dict[str, Any]


def status_console() -> Console:
    """Return a console on stdout: the terminal's own width and colours, or wide and plain."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH_CHARS, no_color=True)


def render(view: Json, *, plain: bool) -> Group:
    """Return everything to be shown.

    Args:
        view: the JSON of ``/api/v1/status``.
        plain: columns without lines, for files and pipes.
    """
    tables = (_cdus(view), _loops(view), _models(view), _actuators(view), _devices(view), _points(view))
    shown = [table for table in tables if table.row_count]
    for table in shown:
        table.box = None if plain else box.SIMPLE_HEAD
        table.title_justify = "left"
    return Group(*_heading(view), *shown)


def render_devices(devices: Sequence[Json]) -> Table:
    """Return the devices of a view alone, in columns without lines."""
    table = _devices({"devices": devices})
    table.box, table.title = None, None
    return table


def _heading(view: Json) -> list[Text]:
    ready = _coloured("ready") if view["ready"] else Text(f"not ready: {view['ready_cause']}", "red")
    broker = {None: "no broker", True: "broker connected", False: "broker not connected"}[view["broker_connected"]]
    site = f"{view['site']}  coolantd {view['version']}  up {duration(view['uptime_s'])}  "
    lines = [Text(site).append_text(ready).append(f"  {broker}  {view['kernel']} kernel")]
    if not view["reload"]["successful"]:
        lines.append(Text(f"last reload failed: {view['reload']['error']}", "red"))
    return lines


def _table(title: str, columns: Sequence[str]) -> Table:
    """Return an empty table; the columns of figures, marked by a trailing ``>``, are right-aligned."""
    table = Table(title=title, title_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left")
    return table


def _cdus(view: Json) -> Table:
    table = _table("CDUs", ("cdu", "mode", "since>", "cause"))
    for cdu in view["cdus"]:
        table.add_row(escape(cdu["name"]), _coloured(cdu["mode"]), duration(cdu["mode_age_s"]), escape(cdu["cause"]))
    return table


def _loops(view: Json) -> Table:
    table = _table("Loops", ("cdu", "loop", "setpoint>", "process variable>", "unit", "output %>"))
    for loop in view["loops"]:
        table.add_row(
            escape(loop["cdu"]),
            escape(loop["loop"]),
            _figure(loop["setpoint"]),
            _figure(loop["process_variable"]),
            escape(loop["unit"]),
            _figure(loop["output_pct"]),
        )
    return table


def _models(view: Json) -> Table:
    table = _table("Models", ("cdu", "use", "bias K>", "expected supply C>", "wanted valve %>"))
    for model in view.get("models", ()):
        table.add_row(
            escape(model["cdu"]),
            escape(MODEL_USE_WORDS.get(model["use"], model["use"])),
            _figure(model["bias_k"]),
            _figure(model["supply_temp_c"]),
            _figure(model["valve_wanted_pct"]),
        )
    return table


def _actuators(view: Json) -> Table:
    table = _table("Actuators", ("device", "point", "command %>", "position %>", "refused"))
    for actuator in view["actuators"]:
        table.add_row(
            escape(actuator["device"]),
            escape(actuator["point"]),
            _figure(actuator["command_pct"]),
            _figure(actuator["position_pct"]),
            escape(actuator["refusal"]),
        )
    return table


def _devices(view: Json) -> Table:
    table = _table("Devices", ("device", "transport", "endpoint", "state", "fault", "says"))
    for device in view["devices"]:
        state = _coloured("up" if device["up"] else "down")
        names = (device["name"], device["transport"], device["endpoint"])
        says = ", ".join(f"{point} {text}" for point, text in device.get("texts", {}).items())
        table.add_row(*map(escape, names), state, escape(fault_text(device)), escape(says))
    return table


def _points(view: Json) -> Table:
    table = _table("Points", ("device", "point", "value>", "unit", "quality", "reason", "age s>"))
    for point in view["points"]:
        table.add_row(
            escape(point["device"]),
            escape(point["point"]),
            _figure(point["value"]),
            escape(point["unit"]),
            _coloured(point["quality"]),
            "" if point["reason"] == "none" else point["reason"],
            _figure(point["age_s"]),
        )
    return table


def fault_text(device: Json) -> str:
    """Return what is wrong with a device, and for a paused one how long that will last."""
    left_s = device.get("paused_left_s", 0.0)
    fault = f"{device['fault']}, {duration(left_s)} left" if left_s else str(device["fault"])
    return "; ".join(filter(None, (fault, *device.get("problems", ()))))


def _coloured(word: str) -> Text:
    return Text(word, _COLOURS.get(word, ""))


def _figure(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:.2f}"


def duration(duration_s: float | None) -> str:
    """Return a duration to the second, as ``1d02h``, ``3h04m``, ``5m06s`` or ``7s``."""
    if duration_s is None:
        return UNKNOWN
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"

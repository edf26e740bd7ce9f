"""The daemon's status as tables for people. Knows rich and the JSON of the view; reaches nobody."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from coolantd.cli.alarm_lines import alarm_lines
from coolantd.cli.durations import duration
from coolantd.cli.estimate_table import COLUMNS, estimate_rows, limit_notes
from coolantd.cli.leak_tables import leak_notes, leaks_table
from coolantd.cli.override_table import holder, override_notes

PLAIN_WIDTH_CHARS: Final = 160
"""Width where there is no terminal to ask: lines of a file or a pipe must not be folded."""

UNKNOWN: Final = "-"

MODEL_USE_WORDS: Final = {
    "in_use": "in use",
    "inputs_bad": "fixed gains: an input is bad",
    "bias_large": "fixed gains: its bias is beyond 4 K",
}

PCT_PER_RATIO: Final = 100.0

TELLING_TEXTS: Final = ("model", "serial", "firmware")
"""What to quote when reporting a device; profiles read up to a dozen more, which ``--json`` has."""

BUSY_RATIO_MAX: Final = 0.9
"""Above it a bus has no time left for a retry; the alert's limit too."""
BUDGET_RATIO_MAX: Final = 0.9
"""Above it hardly anything but the reserve for urgent writes is left; the alert's limit too."""

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
    "paused": "yellow",
    "wrong device": "red",
    "local": "yellow",
    "dormant": "red",
    "tripped": "red",
    "arriving": "yellow",
    "leaving": "yellow",
}

BRANCH_COLOURS: Final = {"balanced": "green", "open": "yellow", "short": "red", "held": "yellow"}

_NAMES: Final = frozenset(
    {"device", "point", "endpoint", "bus", "cdu", "group", "loop", "manifold", "branch", "command %", "position %"}
)
"""Columns that are never folded or cut: half a name cannot be typed into an order."""

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
    tables = (
        _cdus(view),
        leaks_table(view),
        _loops(view),
        _models(view),
        _groups(view),
        _estimates(view),
        _branches(view),
        _votes(view),
        _resets(view),
        _pump_limits(view),
        _pumps(view),
        _actuators(view),
        _devices(view),
        _buses(view),
        _points(view),
    )
    shown = [table for table in tables if table.row_count]
    for table in shown:
        table.box = None if plain else box.SIMPLE_HEAD
        table.title_justify = "left"
    return Group(*_heading(view), *_attention(view), *alarm_lines(view), *shown)


def render_devices(devices: Sequence[Json]) -> Table:
    """Return the devices of a view alone, with their problems, in columns without lines."""
    table = _devices({"devices": devices}, fault=fault_text)
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


def _attention(view: Json) -> list[Text]:
    """Return what wants a person, a sentence each: nothing that a column could fold or a hurried eye could miss."""
    lines = [f"{device['name']}: {sentence}" for device in view["devices"] for sentence in _device_notes(device)]
    for actuator in view["actuators"]:
        lines += [f"{actuator['device']} {actuator['point']}: {note}" for note in _actuator_notes(actuator)]
    lines += [
        f"{cdu['name']}: coolantd tune tests its {cdu['trial'].replace('_', ' ')} loop"
        for cdu in view["cdus"]
        if cdu.get("trial")
    ]
    lines += [*leak_notes(view), *override_notes(view), *limit_notes(view)]
    lines += [_condition_note(condition) for condition in view.get("conditions", ())]
    return [Text(f"! {line}", "yellow") for line in lines]


def _condition_note(condition: Json) -> str:
    """Return what control has noticed, what comes of it and what to do."""
    name = condition["condition"].replace("_", " ")
    what = f"{name}, {condition['detail']}" if condition["detail"] else name
    told = "; ".join(condition[key] for key in ("cause", "consequence", "action"))
    return f"{condition['cdu']}: {what} for {duration(condition['age_s'])}: {told}"


def _device_notes(device: Json) -> list[str]:
    name, left_s = device["name"], device.get("paused_left_s", 0.0)
    notes = [f"paused for {duration(left_s)} more; to end it: coolantd device resume {name}"] if left_s else []
    if device.get("put_local"):
        notes.append(f"somebody put it to local, so it is left alone; to take it back: coolantd device resume {name}")
    return [*notes, *device.get("problems", ())]


def _actuator_notes(actuator: Json) -> list[str]:
    left_s, used_ratio = actuator.get("yield_left_s"), actuator.get("budget_used_ratio")
    notes = []
    if left_s is not None:
        resume = f"coolantd device resume {actuator['device']}"
        notes.append(f"left to another writer for {duration(left_s)} more; to take it back: {resume}")
    if used_ratio is not None and used_ratio > BUDGET_RATIO_MAX:
        notes.append(f"{_share(used_ratio)} % of this hour's writes are used up")
    return notes


def _table(title: str, columns: Sequence[str]) -> Table:
    """Return an empty table; the columns of figures, marked by a trailing ``>``, are right-aligned."""
    table = Table(title=title, title_style="bold", pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.endswith(">") else "left"
        table.add_column(column.rstrip(">"), justify=justify, no_wrap=column in _NAMES)
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


def _groups(view: Json) -> Table:
    table = _table("Groups", ("group", "cdu", "state", "output %>"))
    for member in view.get("groups", ()):
        state = Text(member["state"], "green" if member["state"] == "member" else "yellow")
        table.add_row(escape(member["group"]), escape(member["cdu"]), state, _figure(member["output_pct"]))
    return table


def _branches(view: Json) -> Table:
    columns = ("manifold", "branch", "state", "heat kW>", "share wanted %>", "share %>", "rise K>", "valve %>")
    table = _table("Branches", columns)
    for branch in view.get("branches", ()):
        table.add_row(
            escape(branch["manifold"]),
            escape(branch["branch"]),
            Text(branch["state"], BRANCH_COLOURS.get(branch["state"], "")),
            _figure(branch["heat_kw"]),
            _figure_pct(branch["share_wanted_ratio"]),
            _figure_pct(branch["share_ratio"]),
            _figure(branch["coolant_rise_k"]),
            _figure(branch["valve_target_pct"]),
        )
    return table


def _votes(view: Json) -> Table:
    table = _table("Votes", ("cdu", "voted point", "used", "not used"))
    for vote in view.get("votes", ()):
        used = [member["tag"] for member in vote["members"] if member["use"] == "used"]
        others = [f"{m['tag']} ({m['use'].replace('_', ' ')})" for m in vote["members"] if m["use"] != "used"]
        table.add_row(
            escape(vote["cdu"]), escape(vote["tag"]), escape(", ".join(used)), Text(", ".join(others), "yellow")
        )
    return table


def _estimates(view: Json) -> Table:
    table = _table("Estimates", COLUMNS)
    for row in estimate_rows(view):
        table.add_row(*map(escape, row))
    return table


def _resets(view: Json) -> Table:
    table = _table("Resets", ("cdu", "loop", "state", "setpoint>", "configured>", "needed>", "unit", "requests>"))
    for reset in view.get("resets", ()):
        table.add_row(
            escape(reset["cdu"]),
            escape(reset["loop"]),
            escape(reset["use"].replace("_", " ")),
            *(_figure(reset[key]) for key in ("setpoint", "configured", "needed")),
            escape(reset["unit"]),
            str(reset["requests"]),
        )
    return table


def _pump_limits(view: Json) -> Table:
    table = _table("Pumps", ("cdu", "in charge", "since>", "from %>", "to %>"))
    for limit in view.get("pump_limits", ()):
        charge = limit["in_charge"].replace("_", " ")
        table.add_row(
            escape(limit["cdu"]),
            Text(charge, "" if charge == "loop" else "yellow"),
            duration(limit["age_s"]),
            _figure(limit["low_pct"]),
            _figure(limit["high_pct"]),
        )
    return table


def _pumps(view: Json) -> Table:
    table = _table("Pump duty", ("cdu", "device", "point", "role", "run h>"))
    for pump in view.get("pumps", ()):
        names = (pump["cdu"], pump["device"], pump["point"])
        table.add_row(*map(escape, names), _coloured(pump["role"]), _figure(pump["run_h"]))
    return table


def _actuators(view: Json) -> Table:
    budgets = any(actuator.get("budget_used_ratio") is not None for actuator in view["actuators"])
    table = _table("Actuators", ("device", "point", "command %>", "position %>", *["budget %>"] * budgets, "held by"))
    local = {device["name"] for device in view["devices"] if device.get("put_local")}
    for actuator in view["actuators"]:
        left_s = actuator.get("yield_left_s")
        other = "local" if actuator["device"] in local else "" if left_s is None else f"other {duration(left_s)}"
        used_ratio = actuator.get("budget_used_ratio")
        table.add_row(
            escape(actuator["device"]),
            escape(actuator["point"]),
            _figure(actuator["command_pct"]),
            _figure(actuator["position_pct"]),
            *["" if used_ratio is None else _share(used_ratio)] * budgets,
            Text(other or holder(actuator) or actuator["refusal"], "yellow"),
        )
    return table


def _devices(view: Json, *, fault: Callable[[Json], str] | None = None) -> Table:
    table = _table("Devices", ("device", "transport", "endpoint", "state", "fault", "says"))
    for device in view["devices"]:
        names = (device["name"], device["transport"], device["endpoint"])
        shown = (fault or _fault)(device)
        table.add_row(*map(escape, names), _coloured(_state(device)), escape(shown), escape(_says(device)))
    return table


def _state(device: Json) -> str:
    """Return one word for how a device stands: the cause rather than the effect, where it is known."""
    if device["up"]:
        return "local" if device.get("put_local") else "up"
    if device.get("paused_left_s", 0.0):
        return "paused"
    if device.get("wrong"):
        return "wrong device"
    return "dormant" if device.get("dormant") else "down"


def _says(device: Json) -> str:
    texts = device.get("texts", {})
    said = [f"{name} {texts[name]}" for name in TELLING_TEXTS if name in texts]
    return ", ".join(said)


def _buses(view: Json) -> Table:
    columns = ("bus", "link", "busy %>", "quiet>", "discarded B>", "loopbacks>", "missed>", "devices")
    table = _table("Buses and lines", columns)
    for bus in view.get("buses", ()):
        counts = [bus[key] for key in ("quiet_times", "discarded_bytes", "loopbacks", "loopbacks_missed")]
        table.add_row(
            escape(bus["name"]),
            _coloured("up" if bus["connected"] else "down"),
            Text(_share(bus["busy_ratio"]), "yellow" if bus["busy_ratio"] > BUSY_RATIO_MAX else ""),
            *(str(count) if bus["line"] else UNKNOWN for count in counts),
            escape(", ".join(bus["devices"])),
        )
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
    return "; ".join(filter(None, (_fault(device), *device.get("problems", ()))))


def _fault(device: Json) -> str:
    """Return the fault unless the state says it already."""
    left_s = device.get("paused_left_s", 0.0)
    if left_s:
        return f"{duration(left_s)} left"
    return "" if device.get("wrong") else str(device["fault"])


def _coloured(word: str) -> Text:
    return Text(word, _COLOURS.get(word, ""))


def _share(ratio: float) -> str:
    return f"{ratio * PCT_PER_RATIO:.0f}"


def _figure(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:.2f}"


def _figure_pct(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else _figure(ratio * PCT_PER_RATIO)

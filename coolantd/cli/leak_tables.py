"""Leak zones and requests as a table and as sentences. Knows the status JSON; prints nothing."""

from typing import Any, Final

from rich.table import Table
from rich.text import Text

from coolantd.cli.durations import duration

Json = dict[str, Any]

COLUMNS: Final = ("zone", "place", "level", "liquid", "power", "detectors")
LEVEL_COLOURS: Final = {"unconfirmed": "yellow", "minor": "yellow", "major": "red", "critical": "red"}


def leaks_table(view: Json) -> Table:
    """Return a row for each zone: how bad, what is latched and how far, and what its detectors say."""
    table = Table(title="Leak zones", title_style="bold", pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, no_wrap=column == "zone")
    for zone in view.get("leak_zones", ()):
        level = Text(zone["level"], LEVEL_COLOURS.get(zone["level"], ""))
        table.add_row(zone["zone"], zone["place"], level, _liquid(zone), _power(zone), _detectors(zone))
    return table


def leak_notes(view: Json) -> list[str]:
    """Return a sentence for everything about leaks and requests that wants a person."""
    notes = [f"leak zone {zone['zone']}: {note}" for zone in view.get("leak_zones", ()) for note in _notes(zone)]
    return notes + [
        f"{request['kind'].replace('_', ' ')} of {request['name']}: asked {request['attempts']} times, not confirmed"
        for request in view.get("requests", ())
        if not request["confirmed"]
    ]


def render_leaks(view: Json) -> Table:
    """Return the zones alone, in columns without lines."""
    table = leaks_table(view)
    table.box, table.title = None, None
    return table


def _notes(zone: Json) -> list[str]:
    place, notes = zone["place"], []
    if zone["level"] != "dry":
        first = f", first at {zone['first']}" if zone["first"] else ""
        doubt = "one detector is wet and no other agrees" if zone["level"] == "unconfirmed" else f"{zone['level']} leak"
        notes.append(f"{doubt} at {place}{first}: look there now")
    if zone["isolated"] or zone["power_cut"]:
        why = "it was found shut at the start" if zone["found_shut"] else f"there was a {zone['worst']} leak"
        notes.append(f"{place} is latched, as {why}; when it is dry and mended: coolantd leak ack {zone['zone']}")
    for step, what in (("power", "its power is not known to be off"), ("valve", "its valve is not seen to shut"),
                       ("bypass", "the bypass is not seen to open")):  # fmt: skip
        if zone[step] == "unconfirmed":
            notes.append(what)
    broken = [each["point"] for each in zone["detectors"] if each["fault"]]
    if broken:
        unable = "; a leak could not be confirmed" if zone["blind"] else ""
        notes.append(f"detector in fault: {', '.join(broken)}{unable}; mend its wire")
    if zone["test_left_s"] > 0.0:
        left = duration(zone["test_left_s"])
        notes.append(f"its detectors are being tested for {left} more; a leak would not be acted upon")
    return notes


def _liquid(zone: Json) -> str:
    if not zone["isolated"]:
        return ""
    steps = [f"{step} {zone[step].replace('_', ' ')}" for step in ("bypass", "valve", "pumps") if zone[step] != "idle"]
    return ", ".join(steps) or "latched"


def _power(zone: Json) -> str:
    return f"off {zone['power'].replace('_', ' ')}" if zone["power_cut"] else ""


def _detectors(zone: Json) -> str:
    words = [f"{each['point'].partition('.')[2]} wet" for each in zone["detectors"] if each["wet"]]
    words += [f"{each['point'].partition('.')[2]} in fault" for each in zone["detectors"] if each["fault"]]
    return ", ".join(words) or "dry"

"""Overrides and what could be overridden as tables and sentences for people. Knows the JSON of the view and rich."""

from collections.abc import Sequence
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

Json = dict[str, Any]

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_COLUMNS: Final = ("target", "value>", "unit", "left>", "owner", "uid>", "reason", "standing")


def time_left(seconds: float) -> str:
    """Return a rest of a lease as ``1h20m``, ``12m`` or ``45s``."""
    if seconds >= _HOUR_S:
        return f"{int(seconds // _HOUR_S)}h{int(seconds % _HOUR_S // _MINUTE_S):02d}m"
    return f"{int(seconds // _MINUTE_S)}m" if seconds >= _MINUTE_S else f"{int(seconds)}s"


def override_notes(view: Json) -> list[str]:
    """Return a sentence for every override, for whoever looks at the status without having given it."""
    return [_note(each) for each in view.get("overrides", ())]


def _note(override: Json) -> str:
    held = f"{override['target']} held at {override['value']:g} {override['unit']} by {override['owner']}"
    told = f"{held} for {time_left(override['left_s'])} more: {override['reason']}"
    return f"{told} ({override['standing']})" if override["standing"] else told


def holder(actuator: Json) -> str:
    """Return who has an actuator, for a column; empty while its loop has."""
    claim = actuator.get("claim", "loop")
    if claim == "operator":
        left_s = actuator.get("claim_left_s") or 0.0
        return f"{actuator['claim_owner']} {time_left(left_s)}"
    return claim if claim in ("interlock", "trip", "outside") else ""


def render_overrides(overrides: Sequence[Json]) -> Table:
    """Return the overrides of a view, in columns without lines."""
    table = _plain(_COLUMNS)
    for each in overrides:
        table.add_row(
            escape(each["target"]),
            f"{each['value']:g}",
            each["unit"],
            time_left(each["left_s"]),
            escape(each["owner"]),
            str(each["uid"]),
            escape(each["reason"]),
            each["standing"] or "in force",
        )
    return table


def render_targets(targets: Sequence[Json]) -> Table:
    """Return what can be held, its range and where it is now, in columns without lines."""
    table = _plain(("target", "now>", "allowed", "unit"))
    for each in targets:
        off = "0, " if each["off"] and each["least"] > 0.0 else ""
        now = "-" if each["now"] is None else f"{each['now']:.1f}"
        table.add_row(escape(each["target"]), now, f"{off}{each['least']:g} to {each['greatest']:g}", each["unit"])
    return table


def _plain(columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", no_wrap=True)
    return table

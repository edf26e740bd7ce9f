"""The whole history of alarms as text, page by page from the daemon. Knows events; no socket."""

import csv
import io
from collections.abc import Callable
from typing import Any, Final

import orjson

PAGE_ROWS: Final = 5000
"""What the daemon gives at most at once."""
PAGES_MAX: Final = 100
"""Five times as many events as the daemon keeps: an end for whoever answers without one."""

Event = dict[str, Any]

COLUMNS: Final = (
    *("id", "time_s", "subject", "kind", "priority", "event", "state_before", "state", "detail", "first_out"),
    *("uid", "owner", "reason"),
)


def all_events(ask: Callable[[dict[str, Any]], dict[str, Any]], since_s: float | None) -> list[Event]:
    """Return every event, the oldest first.

    Args:
        ask: sends an order and returns the reply.
        since_s: seconds since the epoch; None for all.
    """
    events: list[Event] = []
    for _ in range(PAGES_MAX):
        before_id = events[-1]["id"] if events else None
        order = {"command": "alarm_history", "rows": PAGE_ROWS, "since_s": since_s, "before_id": before_id}
        page: list[Event] = ask(order)["events"]
        events += page
        if len(page) < PAGE_ROWS:
            break
    return events[::-1]


def as_csv(events: list[Event]) -> str:
    """Return a table with a heading; times in seconds since the epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in event.items()} for event in events)
    return text.getvalue()


def _cell(value: object) -> object:
    """Return what stands in a cell; no text that a spreadsheet would take for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return int(value) if isinstance(value, bool) else value


def as_json(events: list[Event]) -> str:
    """Return a JSON list, one event a line."""
    return "[\n" + ",\n".join(orjson.dumps(event).decode() for event in events) + "\n]\n"


FORMATS: Final[dict[str, Callable[[list[Event]], str]]] = {"csv": as_csv, "json": as_json}

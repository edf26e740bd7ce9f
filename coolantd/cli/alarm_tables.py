"""Alarms and their history on a terminal: colour only for what needs somebody. Knows the daemon's JSON."""

import time
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from coolantd.cli.alarm_lines import COLOURS, OWED
from coolantd.cli.durations import duration
from coolantd.cli.status_tables import status_console

Json = dict[str, Any]


def print_alarms(view: Json, shown: list[Json]) -> None:
    """Print alarms, each with its words, and how many are not shown."""
    console = status_console()
    if not shown:
        console.print("no alarms")
    for each in shown:
        console.print(_headline(each))
        console.print(Padding(escape(_words(each)), (0, 0, 0, 4)))
    hidden = len(view["alarms"]) - len(shown)
    if hidden:
        console.print(f"{hidden} more with --all" + (", of a flood" if view["flood"] else ""), style="dim")


def print_events(events: list[Json]) -> None:
    """Print events, one a line."""
    table = Table("time", "alarm", "priority", "event", "state", "detail", "by")
    for each in events:
        by = " ".join(
            str(part) for part in (each["owner"], f"uid {each['uid']}" if each["uid"] is not None else "") if part
        )
        table.add_row(
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["time_s"])),
            escape(f"{each['subject']}/{each['kind']}"),
            Text(each["priority"], COLOURS.get(each["priority"], "")),
            each["event"].replace("_", " "),
            each["state"].replace("_", " "),
            escape(" ".join(part for part in (each["detail"], each["reason"]) if part)),
            escape(by),
        )
    status_console().print(table)


def _headline(each: Json) -> Text:
    line = Text()
    line.append(f" {each['priority']} ", COLOURS[each["priority"]] if each["state"] in OWED else "dim")
    line.append(f" {each['tag']}", "bold" if each["state"] in OWED else "")
    line.append(f"  {_state(each)} for {duration(each['age_s'])}")
    notes = [
        each["detail"],
        "first of its group" if each["first_out"] else "",
        f"follows {each['follows']}" if each["follows"] else "",
        "comes and goes" if each["chatters"] else "",
        f"by {each['owner']}: {each['reason']}" if each["owner"] else "",
    ]
    line.append("".join(f"  ({note})" for note in notes if note))
    return line


def _words(each: Json) -> str:
    return f"cause: {each['cause']}\nconsequence: {each['consequence']}\naction: {each['action']}"


def _state(each: Json) -> str:
    return str(each["state"]).replace("_", " ")

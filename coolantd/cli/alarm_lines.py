"""Alarms in one or a few lines, as the status shows them above everything else. Knows the JSON of the view."""

from typing import Any, Final

from rich.markup import escape
from rich.text import Text

COLOURS: Final = {"critical": "bold white on red", "high": "red", "medium": "yellow", "low": "cyan"}
OWED: Final = ("unacknowledged", "returned", "latched")
HIDDEN: Final = ("shelved", "suppressed", "out_of_service")
LINES_MAX: Final = 8
"""The most urgent; more are only counted."""

Json = dict[str, Any]


def is_shown(each: Json) -> bool:
    """Return whether an alarm is one to bother an operator with now."""
    return not each["collapsed"] and each["state"] not in HIDDEN


def alarm_lines(view: Json) -> list[Text]:
    """Return a line for each alarm that is shown, and one for those that are not; none where there are none."""
    alarms = view.get("alarms", {}).get("alarms", [])
    shown = [each for each in alarms if is_shown(each)]
    lines = [_line(each) for each in shown[:LINES_MAX]]
    rest = len(alarms) - len(lines)
    if rest:
        lines.append(Text(f"alarms not shown: {rest}; coolantd alarm list --all", "dim"))
    return lines


def _line(each: Json) -> Text:
    owed = each["state"] in OWED
    line = Text(f"{each['priority']} alarm {escape(each['tag'])}", COLOURS[each["priority"]] if owed else "")
    detail = f" ({escape(each['detail'])})" if each["detail"] else ""
    return line.append(f"{detail}: {each['state']}; {escape(each['cause'])}", "")

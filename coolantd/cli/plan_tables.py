"""A plan in the terminal. Knows rich; computes nothing."""

from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from coolantd.cli.status_tables import status_console
from coolantd.planning.assess import Plan
from coolantd.planning.figures import sections
from coolantd.planning.findings import Severity, findings

_COLOURS: Final = {Severity.SHORTFALL: "bold red", Severity.WARNING: "yellow"}


def show_plan(plan: Plan, name: str) -> None:
    """Print a plan's figures and what is to be said about them."""
    console = status_console()
    table = Table(title=f"Plan {escape(name)}", title_style="bold", title_justify="left")
    table.box = box.SIMPLE_HEAD if console.is_terminal else None
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("", style="dim")
    for section in sections(plan):
        table.add_row(Text(section.title, "bold cyan"), "", "", "")
        for one in section.figures:
            table.add_row(f"  {escape(one.title)}", one.text, one.unit, _note(one.note))
        table.add_section()
    console.print(table)
    for said in findings(plan):
        console.print(
            Text(f"{said.severity}: ", _COLOURS[said.severity]).append(said.sentence, "default"), soft_wrap=True
        )
    console.print(verdict(plan), soft_wrap=True)


def verdict(plan: Plan) -> Text:
    """Return the last line: whether the plan holds."""
    short = sum(one.severity is Severity.SHORTFALL for one in findings(plan))
    if short:
        return Text(f"The plan does not hold: {short} shortfall{'s' if short > 1 else ''}.", "bold red")
    return Text("The plan holds.", "bold green")


def _note(note: str) -> Text:
    return Text(note, {"enough": "green", "short": "bold red"}.get(note, ""))

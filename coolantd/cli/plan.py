"""``coolantd plan``: a liquid cooling loop sized from data sheets, before anything is built. Contacts nothing."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coolantd.cli.usage import FAILED, WRONG_USAGE
from coolantd.errors import ConfigError

if TYPE_CHECKING:
    from coolantd.planning.assess import Plan


def plan(
    file: Annotated[Path, typer.Argument(help="Racks, coolant, CDU and facility; see config/plan.example.toml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Directory to write plan.html, plan.md and plots to.")
    ] = None,
) -> None:
    """Size a loop: flow, pressure, pumps, exchanger, valve, dew margin, and seconds to the limits when something fails.

    Exit code 0 if the plan holds, 1 if it does not, 2 if the file cannot be used.
    """
    from coolantd.cli.plan_file import read_plan
    from coolantd.planning.assess import make_plan
    from coolantd.planning.findings import Severity, findings

    try:
        made = make_plan(read_plan(file))
    except ConfigError as error:
        _complain(*map(str, error.problems))
        raise typer.Exit(WRONG_USAGE) from error
    if as_json:
        typer.echo(json.dumps(plan_json(made), ensure_ascii=False))
    else:
        from coolantd.cli.plan_tables import show_plan

        show_plan(made, file.name)
    if report is not None:
        _report(made, file.name, report)
    if any(one.severity is Severity.SHORTFALL for one in findings(made)):
        raise typer.Exit(FAILED)


def plan_json(made: "Plan") -> dict[str, Any]:
    """Return a plan as JSON types; a figure that does not exist is null."""
    from coolantd.planning.figures import sections
    from coolantd.planning.findings import Severity, findings

    said = findings(made)
    return {
        "ok": not any(one.severity is Severity.SHORTFALL for one in said),
        "figures": {
            one.key: {
                "value": one.value if math.isfinite(one.value) else None,
                "unit": one.unit,
                "title": one.title,
                "note": one.note,
            }
            for section in sections(made)
            for one in section.figures
        },
        "findings": [{"severity": str(one.severity), "key": one.key, "sentence": one.sentence} for one in said],
    }


def _report(made: "Plan", name: str, directory: Path) -> None:
    from coolantd.cli.plan_report import write_report

    try:
        written, drawn = write_report(made, name, directory)
    except OSError as error:
        _complain(f"{error.filename or directory} cannot be written: {error.strerror or error}")
        raise typer.Exit(WRONG_USAGE) from error
    if not drawn:
        _complain("the report has no plots: matplotlib is not installed; pip install 'coolantd[tune]' brings it")
    _complain(*(f"written: {path}" for path in written))


def _complain(*lines: str) -> None:
    """Say lines on stderr, which any terminal takes: a file's name may hold bytes that are no characters."""
    for line in lines:
        print(line.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)

"""A plan as files: one page of HTML that carries its plots, and Markdown beside SVG files. Computes nothing."""

from html import escape
from pathlib import Path
from typing import Final

from coolantd.cli.plan_plots import drawn
from coolantd.planning.assess import Plan
from coolantd.planning.curves import Chart, charts
from coolantd.planning.figures import sections
from coolantd.planning.findings import Severity, findings

ASSUMPTIONS: Final = (
    "Steady figures come from closed formulas.",
    "Times come from the plant model that the simulator runs as well; it is not validated against a real CDU.",
    "All racks are alike and share the flow equally; pipes lose no heat; the pumps' own work is not counted as heat.",
    "The exchanger is clean; its two films share the resistance equally and follow flow to the power of 0.8.",
    "Pump efficiency is the same at every speed and with any number of pumps.",
    "Drive ramps, coast-down (1 s) and valve leak are assumed; data sheets do not give them.",
)
_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%}td{padding:.15em .8em .15em 0;border-bottom:1px solid #eee}"
    "td.value{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.note{color:#666}"
    "svg{width:100%;height:auto;max-width:44em}.shortfall{color:#b00020;font-weight:600}.warning{color:#8a5a00}"
)


def write_report(plan: Plan, name: str, directory: Path) -> tuple[list[Path], bool]:
    """Write ``plan.html``, ``plan.md`` and the plots; existing ones are replaced.

    Args:
        plan: what to tell.
        name: of the file it was made from.
        directory: made if it is not there.

    Returns:
        The files written, and whether there are plots (not without matplotlib).

    Raises:
        OSError: the directory or a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = charts(plan)
    pictures = drawn(made)
    texts = {"plan.html": html(plan, name, made, pictures or {}), "plan.md": markdown(plan, name, made, pictures or {})}
    texts |= {f"plan-{key}.svg": f"{text.rstrip()}\n" for key, text in (pictures or {}).items()}
    written = []
    for file, text in texts.items():
        path = directory / file
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written, pictures is not None


def verdict(plan: Plan) -> str:
    """Return whether the plan holds, as a sentence."""
    short = any(one.severity is Severity.SHORTFALL for one in findings(plan))
    return "The plan does not hold." if short else "The plan holds."


def markdown(plan: Plan, name: str, made: tuple[Chart, ...], pictures: dict[str, str]) -> str:
    """Return the report as Markdown; plots are named as files beside it."""
    lines = [f"# Plan {_cell(name)}", "", f"**{verdict(plan)}**", ""]
    lines += [f"- **{one.severity}**: {_cell(one.sentence)}" for one in findings(plan)]
    for section in sections(plan):
        lines += ["", f"## {section.title}", "", "| figure | value | unit | |", "|---|---:|---|---|"]
        lines += [f"| {one.title} | {one.text} | {one.unit} | {one.note} |" for one in section.figures]
    for chart in made:
        if chart.key in pictures:
            lines += ["", f"![{chart.title}](plan-{chart.key}.svg)"]
    lines += ["", "## What this rests on", "", *(f"- {line}" for line in ASSUMPTIONS), ""]
    return "\n".join(lines)


def html(plan: Plan, name: str, made: tuple[Chart, ...], pictures: dict[str, str]) -> str:
    """Return the report as one page that needs no other file."""
    title = f"Plan {escape(_printable(name))}"
    said = "".join(f'<li><span class="{one.severity}">{one.severity}</span>: {escape(one.sentence)}</li>'
                   for one in findings(plan))  # fmt: skip
    parts = [f"<h1>{title}</h1><p><strong>{verdict(plan)}</strong></p><ul>{said}</ul>"]
    for section in sections(plan):
        rows = "".join(
            f'<tr data-key="{one.key}"><td>{escape(one.title)}</td><td class="value">{one.text}</td>'
            f'<td>{escape(one.unit)}</td><td class="note">{escape(one.note)}</td></tr>\n'
            for one in section.figures
        )
        parts.append(f"<h2>{escape(section.title)}</h2><table>\n{rows}</table>")
    parts += [f"<figure>{pictures[chart.key]}</figure>" for chart in made if chart.key in pictures]
    rests = "".join(f"<li>{escape(line)}</li>" for line in ASSUMPTIONS)
    parts.append(f"<h2>What this rests on</h2><ul>{rests}</ul>")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{"".join(parts)}\n</body></html>\n'


def _cell(text: str) -> str:
    return _printable(text).replace("|", "\\|")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)

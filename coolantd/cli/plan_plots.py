"""A plan's charts as SVG. The only file of the command that knows matplotlib, which is an optional extra."""

import io
from collections.abc import Sequence
from typing import Any, Final

from coolantd.planning.curves import Chart

SIZE_IN: Final = (6.4, 3.6)


def drawn(charts: Sequence[Chart]) -> dict[str, str] | None:
    """Return an SVG per chart, by its key, or None where matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return None
    found = {}
    # The salt and the missing date make the same plan the same bytes; text stays text, to be found and read aloud.
    with rc_context({"svg.hashsalt": "coolantd", "svg.fonttype": "none", "font.size": 9}):
        for chart in charts:
            figure = Figure(figsize=SIZE_IN, layout="constrained")
            _draw(chart, figure.subplots())
            target = io.StringIO()
            figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
            text = target.getvalue()
            found[chart.key] = text[text.index("<svg") :]
    return found


def _draw(chart: Chart, axes: Any) -> None:
    for curve in chart.curves:
        axes.plot([x for x, _ in curve.line], [y for _, y in curve.line], label=curve.name)
    if chart.marks:
        axes.plot([x for x, _ in chart.marks], [y for _, y in chart.marks], "o", color="black", label="plan")
    if chart.limit is not None:
        axes.axhline(chart.limit, color="tab:red", linestyle="--", label="limit")
    axes.set_title(chart.title)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()

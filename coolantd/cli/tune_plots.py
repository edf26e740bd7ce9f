"""Pictures of a tuning report as SVG. The only file of the command that knows matplotlib, an optional extra."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from coolantd.cli.tune_result import LOOP_WORDS, UNIT_WORDS, load_text
from coolantd.cli.tune_work import Outcome, Test
from coolantd.tuning.predict import predict
from coolantd.tuning.result import LoopResult, Recommendation
from coolantd.tuning.simc import MS_MAX, OMEGA, Gains, open_loop

WIDE_IN: Final = (7.6, 4.2)
SQUARE_IN: Final = (4.6, 4.2)
BLUE, ORANGE, GREEN, GREY, RED = "#1f5fa8", "#d9730d", "#2e8b57", "#8a8f98", "#b00020"
DISTURBANCE_PCT: Final = 3.0
"""What the prediction has to make up for: about a tenth of the load on the valve of the reference plant."""
PREDICT_S: Final = {"supply_temp": 240.0, "pressure": 40.0}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: ``key`` names its file, ``title`` says what it shows."""

    key: str
    title: str
    svg: str


def pictures(outcome: Outcome) -> list[Picture] | None:
    """Return every picture of a report, or None where matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return None
    made: list[Picture] = []

    def add(key: str, title: str, size: tuple[float, float], draw: Callable[[Any], None]) -> None:
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
        text = target.getvalue()
        made.append(Picture(key, title, text[text.index("<svg") :]))

    style: Any = {
        "svg.hashsalt": "coolantd",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "font.family": "sans-serif",
    }
    with rc_context(style):
        for test in outcome.tests:
            title = f"{test.method.capitalize()} test of {LOOP_WORDS[test.loop]}"
            if test.trial.phase != "done":
                title += ", aborted"
            add(f"{test.loop}-{test.method}", title, WIDE_IN, partial(_draw_test, test, outcome))
        for each in outcome.recommendations:
            words = LOOP_WORDS[each.loop]
            title = f"{words.capitalize()} after a disturbance worth {DISTURBANCE_PCT:g} % of its output"
            add(f"{each.loop}-prediction", title, WIDE_IN, partial(_draw_prediction, each, outcome))
            title = f"Open loop of {words}: it keeps out of the circle for a sensitivity below {MS_MAX:g}"
            add(f"{each.loop}-margins", title, SQUARE_IN, partial(_draw_margins, each))
    return made


def _draw_test(test: Test, outcome: Outcome, figure: Any) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    trace, loop = test.trace, test.loop
    unit = outcome.facts["loops"][loop]["unit"]
    upper.plot(trace.time_s, trace[loop], color=BLUE, lw=1.0, label="measured")
    if test.found is not None:
        fitted = test.found.fitted
        upper.plot(trace.time_s[: fitted.size], fitted, color=ORANGE, lw=1.4, label="identified plant")
    setpoint = trace[f"{loop}_setpoint"]
    upper.plot(trace.time_s, setpoint, color=GREY, lw=1.0, ls=":", label="setpoint")
    _limits(upper, test, setpoint, loop)
    upper.axvspan(test.trial.ended_s, float(trace.time_s[-1]), color=GREY, alpha=0.12, lw=0)
    lower.axvspan(test.trial.ended_s, float(trace.time_s[-1]), color=GREY, alpha=0.12, lw=0)
    upper.annotate(
        "the loop goes on", (test.trial.ended_s, 0.0), xycoords=("data", "axes fraction"), xytext=(4, 4),
        textcoords="offset points", fontsize=8, color=GREY,
    )  # fmt: skip
    upper.set_ylabel(f"{LOOP_WORDS[loop]}, {unit}")
    upper.legend(loc="lower left", ncols=4, bbox_to_anchor=(0.0, 1.0), fontsize=8)
    lower.step(trace.time_s, trace[f"{loop}_output_pct"], where="post", color=BLUE, lw=1.2, label="output")
    positions = ["valve_pct"] if loop == "supply_temp" else [name for name in trace.columns if name.startswith("pump")]
    for name in positions:
        label = "measured position" if loop == "supply_temp" else f"pump {name[4:-4]}"
        colour = ORANGE if name == "pump2_pct" else GREEN
        lower.plot(trace.time_s, trace[name], lw=0.9, alpha=0.8, label=label, color=colour)
    lower.set_ylabel("%")
    lower.set_xlabel("s")
    lower.legend(loc="lower left", ncols=3, bbox_to_anchor=(0.0, 1.0), fontsize=8, borderaxespad=0.1)
    for axes in (upper, lower):
        axes.grid(visible=True, alpha=0.25)


def _limits(axes: Any, test: Test, setpoint: Any, loop: str) -> None:
    order, middle = test.trial.order, float(np.nanmean(setpoint))
    size = order["supply_limit_k"] if loop == "supply_temp" else order["pressure_limit_ratio"] * middle
    low, high = axes.get_ylim()
    reach = max(high - middle, middle - low)
    if not math.isfinite(middle) or size > 3.0 * reach:
        return  # far outside of what was seen: the picture would be empty
    for k, at in enumerate((middle - size, middle + size)):
        axes.axhline(at, color=RED, lw=1.0, ls="--", label="abort limit" if k == 0 else None)


def _draw_prediction(each: Recommendation, outcome: Outcome, figure: Any) -> None:
    axes = figure.subplots(1, len(each.results), sharey=True, squeeze=False)[0]
    loop = outcome.facts["loops"][each.loop]
    for axis, result in zip(axes, each.results, strict=True):
        for gains, colour, word in ((result.present, GREY, "now"), (each.gains, BLUE, "recommended")):
            seen = _predicted(result, gains, loop["output_rate_pct_per_s"])
            axis.plot(seen.time_s, seen.deviation, color=colour, lw=1.4, label=f"{word}: {seen.peak:.2f} at most")
        axis.set_title(f"at {load_text(result)}", fontsize=9)
        axis.set_xlabel("s")
        axis.grid(visible=True, alpha=0.25)
        axis.legend(loc="best", fontsize=8)
    axes[0].set_ylabel(f"off the setpoint, {UNIT_WORDS.get(each.results[0].unit, each.results[0].unit)}")


def _predicted(result: LoopResult, gains: Gains, rate_pct_per_s: float) -> Any:
    return predict(
        result.process,
        gains,
        period_s=result.period_s,
        rate_pct_per_s=rate_pct_per_s,
        disturbance_pct=-DISTURBANCE_PCT,
        duration_s=PREDICT_S[result.loop],
    )


def _draw_margins(each: Recommendation, figure: Any) -> None:
    axes = figure.subplots()
    turn = np.linspace(0.0, 2.0 * np.pi, 200)
    axes.fill(-1.0 + np.cos(turn) / MS_MAX, np.sin(turn) / MS_MAX, color=RED, alpha=0.12, lw=0)
    axes.plot([-1.0], [0.0], "+", color=RED)
    for result in each.results:
        now = open_loop(result.process, result.present, result.late_s, OMEGA)
        axes.plot(now.real, now.imag, color=GREY, lw=1.0, ls=":")
        then = open_loop(result.process, each.gains, result.late_s, OMEGA)
        axes.plot(then.real, then.imag, lw=1.4, label=f"recommended, {load_text(result)}")
    axes.plot([], [], color=GREY, lw=1.0, ls=":", label="now")
    axes.set_xlim(-2.0, 0.6)
    axes.set_ylim(-2.0, 0.8)
    axes.set_aspect("equal")
    axes.set_xlabel("real")
    axes.set_ylabel("imaginary")
    axes.grid(visible=True, alpha=0.25)
    axes.legend(loc="lower right", fontsize=8)

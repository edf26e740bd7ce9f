"""A tuning report as files: a page that needs no other, Markdown with pictures, fragment, JSON. Computes nothing."""

from html import escape
from pathlib import Path
from time import localtime, strftime
from typing import Any, Final

import orjson

from coolantd.cli.tune_plots import Picture, pictures
from coolantd.cli.tune_result import LOOP_WORDS, UNIT_WORDS, load_text, recommendation_text, sentences, verdict
from coolantd.cli.tune_work import Outcome
from coolantd.tuning.result import LoopResult
from coolantd.tuning.simc import MS_MAX, Margins

NOTES: Final = (
    "The plant is two lags side by side, past the exchanger and once round the loop, a common lag and a dead time.",
    "SIMC gains are for a plant of one lag and a dead time that answers alike where the loop crosses over.",
    f"Its wanted time constant is the dead time, made longer until the sensitivity stays below {MS_MAX:g}.",
    "Recommended are the gains with the least deviation over time that keep to this at every load tested.",
    "With [cdu.model] in force the model moves the valve; these gains stand in when its inputs fail.",
)
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:56em;margin:2em auto;padding:0 1.2em;color:#1d2126}"
    "h1{font-size:1.7em;margin-bottom:.1em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #d9dde3}"
    "h3{font-size:1em;margin:1.4em 0 .3em}.when{color:#667}"
    ".verdict{padding:.7em 1em;border-left:5px solid #2e8b57;background:#eef6f1;font-weight:600}"
    ".verdict.bad{border-color:#b00020;background:#fbeef0}"
    "table{border-collapse:collapse;margin:.6em 0}td,th{padding:.22em 1.1em .22em 0;text-align:left;"
    "border-bottom:1px solid #e8ebef;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "th{font-weight:600;color:#445}li.bad{color:#b00020}pre{background:#f5f6f8;padding:.8em 1em;overflow-x:auto;"
    "border-radius:4px;white-space:pre-wrap}"
    "figure{margin:1em 0}figcaption{color:#445;font-size:.93em}svg{width:100%;height:auto}"
    "figure.square svg{max-width:27em}@media print{body{margin:0}}"
)


def write_report(outcome: Outcome, result: dict[str, Any], directory: Path) -> tuple[list[Path], bool]:
    """Write ``tune.html``, ``tune.md`` with its pictures, ``tune.toml`` and ``tune.json``; existing ones are replaced.

    Returns:
        The files written, and whether there are pictures (not without matplotlib).

    Raises:
        OSError: the directory or a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = pictures(outcome)
    shown = made or []
    files = {
        "tune.html": html(outcome, result, shown),
        "tune.md": markdown(outcome, result, shown),
        "tune.json": orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n",
    }
    if result["fragment"]:
        files["tune.toml"] = result["fragment"]
    files |= {f"tune-{each.key}.svg": f"{each.svg.rstrip()}\n" for each in shown}
    written = []
    for name, text in files.items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written, made is not None


def rows_of(result: LoopResult) -> list[tuple[str, str, str]]:
    """Return (figure, now, SIMC) of one test."""
    unit = UNIT_WORDS.get(result.unit, result.unit)
    now, then = result.present_margins, result.margins
    relay = result.relay
    rows = [
        ("load", load_text(result), ""),
        ("gain of the plant at rest", f"{result.process.gain:+.3g} {unit} per %", ""),
        ("lag, dead time at crossover", _lags(result), ""),
        ("explained, known to", f"{100.0 * result.fit_ratio:.0f} %, ±{100.0 * result.error_ratio:.0f} %", ""),
        ("noise of the reading", f"{result.noise:.3g} {unit}", ""),
        ("load moved during the test", _share(result.load_change_ratio), ""),
        ("gain of the loop", f"{result.present.gain:.3g} %/{unit}", f"{result.gains.gain:.3g} %/{unit}"),
        ("integral time", f"{result.present.integral_time_s:.1f} s", f"{result.gains.integral_time_s:.1f} s"),
        ("sensitivity peak", f"{now.ms:.2f}", f"{then.ms:.2f}"),
        ("gain margin", _margin(now), _margin(then)),
        ("phase margin", f"{now.phase_deg:.0f}°", f"{then.phase_deg:.0f}°"),
    ]
    if relay is not None:
        agreement = f"{relay.predicted_ratio:.2f} times the step test's answer, {relay.predicted_deg:+.0f}° apart"
        rows.append(("relay: period, gain", f"{relay.period_s:.1f} s, {relay.gain:.3g} %/{unit}", agreement))
    return rows


def _lags(result: LoopResult) -> str:
    data = result.json()["reduced"]
    return f"{data['tau_s']:.1f} s, {data['delay_s']:.1f} s"


def _share(ratio: float) -> str:
    return "not measured" if ratio != ratio else f"{100.0 * ratio:+.1f} %"  # noqa: PLR0124 - the NaN test


def _margin(margins: Margins) -> str:
    return f"{margins.gain_db:.1f} dB"


def markdown(outcome: Outcome, result: dict[str, Any], shown: list[Picture]) -> str:
    """Return the report as Markdown; pictures are named as files beside it."""
    lines = [f"# Tuning of {result['cdu']}", "", _when(result), "", f"**{verdict(outcome)}**", ""]
    lines += [f"- {line.removeprefix('! ')}" for line in sentences(outcome)[1:]]
    for each in outcome.results:
        lines += ["", f"## {LOOP_WORDS[each.loop].capitalize()} at {load_text(each)}", ""]
        lines += ["| figure | now | SIMC |", "|---|---|---|"]
        lines += [f"| {name} | {now} | {then} |" for name, now, then in rows_of(each)]
    for picture in shown:
        lines += ["", f"![{picture.title}](tune-{picture.key}.svg)"]
    if result["fragment"]:
        lines += ["", "## For the configuration", "", "```toml", result["fragment"].rstrip(), "```"]
    lines += ["", "## What this rests on", "", *(f"- {note}" for note in NOTES), ""]
    return "\n".join(lines)


def html(outcome: Outcome, result: dict[str, Any], shown: list[Picture]) -> str:
    """Return the report as one page that needs no other file."""
    title = f"Tuning of {escape(result['cdu'])}"
    mood = "" if outcome.ok else " bad"
    parts = [
        f'<h1>{title}</h1><p class="when">{_when(result)}</p><p class="verdict{mood}">{escape(verdict(outcome))}</p>'
    ]
    said = [line for line in sentences(outcome)[1:] if not line.startswith("recommended")]
    parts.append(f"<ul>{''.join(map(_item, said))}</ul>")
    best = [escape(recommendation_text(each)) for each in outcome.recommendations]
    parts += [f"<p><strong>{text[:1].upper()}{text[1:]}.</strong></p>" for text in best]
    if result["fragment"]:
        parts.append(f"<h2>For the configuration</h2><pre>{escape(result['fragment'].rstrip())}</pre>")
    for loop, words in LOOP_WORDS.items():
        parts += _section(outcome, loop, words, shown)
    notes = "".join(f"<li>{escape(note)}</li>" for note in NOTES)
    parts.append(f"<h2>What this rests on</h2><ul>{notes}</ul>")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{"".join(parts)}\n</body></html>\n'


def _item(line: str) -> str:
    return f'<li class="bad">{escape(line[2:])}</li>' if line.startswith("! ") else f"<li>{escape(line)}</li>"


def _section(outcome: Outcome, loop: str, words: str, shown: list[Picture]) -> list[str]:
    results = [each for each in outcome.results if each.loop == loop]
    figures = [each for each in shown if each.key.startswith(f"{loop}-")]
    if not results and not figures:
        return []
    parts = [f"<h2>{escape(words.capitalize())}</h2>"]
    for result in results:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(now)}</td><td>{escape(then)}</td></tr>\n"
            for name, now, then in rows_of(result)
        )
        heading = "<tr><th></th><th>now</th><th>SIMC, this test alone</th></tr>"
        parts.append(f"<h3>At {escape(load_text(result))}</h3><table>{heading}\n{rows}</table>")
    for each in figures:
        kind = ' class="square"' if each.key.endswith("-margins") else ""
        parts.append(f"<figure{kind}><figcaption>{escape(each.title)}</figcaption>{each.svg}</figure>")
    return parts


def _when(result: dict[str, Any]) -> str:
    return strftime("%Y-%m-%d %H:%M", localtime(result["time_s"]))

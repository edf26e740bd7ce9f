"""What ``coolantd tune`` found, as sentences, as JSON and as a fragment of configuration. Reaches nobody."""

import dataclasses
import math
import time
from typing import Any, Final

from coolantd.cli.tune_work import Outcome, sheet_of
from coolantd.tuning.result import LoopResult, Recommendation

OLD_GAINS: Final = "The gains that were in force before are in force."
LOOP_WORDS: Final = {"supply_temp": "supply temperature", "pressure": "pump loop"}
GAIN_KEYS: Final = {"degC": "gain_pct_per_k", "kPa": "gain_pct_per_kpa", "L/min": "gain_pct_per_lpm"}
UNIT_WORDS: Final = {"degC": "K", "kPa": "kPa", "L/min": "(L/min)"}


def result_json(outcome: Outcome, cdu: str) -> dict[str, Any]:
    """Return everything as JSON types; a later run reads it with ``--with``."""
    model = outcome.model
    return {
        "cdu": cdu,
        "time_s": time.time(),
        "ok": outcome.ok,
        "aborted": outcome.aborted,
        "paired": outcome.paired and not outcome.findings,
        "findings": [dataclasses.asdict(each) for each in outcome.findings],
        "loops": [each.json() for each in outcome.results],
        "points": [dataclasses.asdict(each) for each in outcome.points],
        "recommendations": [_recommendation(each) for each in outcome.recommendations],
        "model": None if model is None else dataclasses.asdict(model),
        "fragment": fragment(outcome, cdu),
    }


def _recommendation(each: Recommendation) -> dict[str, Any]:
    return {
        "loop": each.loop,
        "gain": each.gains.gain,
        "integral_time_s": each.gains.integral_time_s,
        "loads": each.loads,
        "heats_kw": [result.heat_kw for result in each.results],
        "ms": [margin.ms for margin in each.margins],
        "gain_margin_db": [margin.gain_db for margin in each.margins],
        "phase_margin_deg": [margin.phase_deg for margin in each.margins],
    }


def verdict(outcome: Outcome) -> str:
    """Return what it came to, in one sentence."""
    if outcome.findings:
        return "The pairing of sensors and actuators is wrong: no test was made, and automatic is not recommended."
    if outcome.aborted:
        return f"{outcome.aborted[:1].upper()}{outcome.aborted[1:]}. {OLD_GAINS}"
    if any(each.doubts for each in outcome.results):
        return f"A test is in doubt, and its gains are not recommended. {OLD_GAINS}"
    if not outcome.recommendations:
        return "Every actuator moves what it should."
    return f"Gains are recommended; nothing was changed. {OLD_GAINS}"


def sentences(outcome: Outcome) -> list[str]:
    """Return what an operator should know, a line each."""
    lines = [verdict(outcome)]
    lines += [f"! {each.sentence}" for each in outcome.findings]
    if outcome.paired and not outcome.findings:
        moved = ", ".join("the valve" if each.pump is None else f"pump {each.pump}" for each in outcome.nudges)
        lines.append(f"paired: {moved} moved what they should, and nothing else")
    for result in outcome.results:
        lines.append(f"{LOOP_WORDS[result.loop]} at {load_text(result)}: {plant_text(result)}")
        lines += [f"! {LOOP_WORDS[result.loop]}: {doubt}" for doubt in result.doubts]
    for each in outcome.recommendations:
        lines.append(recommendation_text(each))
        if each.loads < 2 and each.loop == "supply_temp":
            lines.append("! one load only: test again where it is clearly different, with --with tune.json of this one")
    model = outcome.model
    if model is not None:
        lines.append(
            f"[cdu.model]: conductance {model.conductance_kw_k:.0f} kW/K and open valve {model.fws_flow_open_lpm:.0f} "
            f"L/min would bring what it expects from {model.bias_before_k:.2f} to {model.bias_after_k:.2f} K of the "
            "supply"
        )
    return lines


def load_text(result: LoopResult) -> str:
    """Return the load of a test."""
    return "unknown load" if math.isnan(result.heat_kw) else f"{result.heat_kw:.0f} kW"


def plant_text(result: LoopResult) -> str:
    """Return an identified plant in words."""
    data = result.json()["reduced"]
    unit = UNIT_WORDS.get(result.unit, result.unit)
    return (
        f"{result.process.gain:+.3g} {unit} per %, lag {data['tau_s']:.1f} s, dead time {data['delay_s']:.1f} s; "
        f"SIMC gain {result.gains.gain:.3g} %/{unit}, integral time {result.gains.integral_time_s:.1f} s "
        f"(now {result.present.gain:.3g}, {result.present.integral_time_s:.1f} s)"
    )


def recommendation_text(each: Recommendation) -> str:
    """Return a recommendation in words."""
    result = each.results[0]
    unit = UNIT_WORDS.get(result.unit, result.unit)
    worst = max(margin.ms for margin in each.margins)
    loads = "one load" if each.loads == 1 else f"{each.loads} loads"
    return (
        f"recommended for {LOOP_WORDS[each.loop]}: gain {each.gains.gain:.3g} %/{unit}, integral time "
        f"{each.gains.integral_time_s:.1f} s, from {len(each.results)} test{'s' * (len(each.results) > 1)} at {loads}; "
        f"sensitivity peak {worst:.2f} at most"
    )


def fragment(outcome: Outcome, cdu: str) -> str:
    """Return the keys to replace in the configuration; empty where nothing is recommended."""
    tables = []
    for each in outcome.recommendations:
        key = GAIN_KEYS.get(each.results[0].unit)
        if key is not None:
            heats = ", ".join(load_text(result) for result in each.results)
            worst = max(margin.ms for margin in each.margins)
            tables.append(
                f"[cdu.{each.loop}]  # tested at {heats}; sensitivity peak {worst:.2f}\n"
                f"{key} = {each.gains.gain:.3g}\nintegral_time_s = {each.gains.integral_time_s:.1f}\n"
            )
    model, sheet = outcome.model, sheet_of(outcome.facts)
    if model is not None and sheet is not None and outcome.recommendations:
        was = f"was {sheet.conductance_kw_k:g} and {sheet.fws_flow_open_lpm:g}"
        tables.append(
            f"[cdu.model]  # {was}; from {model.points} readings\n"
            f"conductance_kw_k = {model.conductance_kw_k:.1f}\nfws_flow_open_lpm = {model.fws_flow_open_lpm:.0f}\n"
        )
    if not tables:
        return ""
    head = (
        f"# From coolantd tune: replace these keys in the tables of the [[cdu]] named {cdu!r}, then coolantd check\n"
        "# and coolantd reload. Keys not named here stay as they are.\n\n"
    )
    return head + "\n".join(tables)

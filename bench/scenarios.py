"""The scenario table: coolantd's model law against its own fixed PI and simple-pid, on the same plants in the same run.

The plant is the reference plant of ``coolantd.plant`` behind sensors with 2 s lag; 15 perturbed ones differ in
exchanger (20 %), valve (10 %), sensor bias (0.2 K), sensor lag and noise. The controller's model is a data
sheet that agrees with none of them. Figures are ratios between contestants on one unvalidated plant, no promise about
a machine.

``ours`` measures return and facility temperature, flow and facility pressure; ``ours_power`` also the racks' power.

Usage: ``python bench/scenarios.py [--json] [--rows up,down,...] [--nominal] [--period S] [--day] [--plot FILE]``
"""

import argparse
import json
import math
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from scenario_control import DATA_SHEET, Controller, Ours, contestants, make_scenario_plan
from scenario_day import live_through, optimum_kwh, recorded_day, synthetic_day
from scenario_demand import demands
from scenario_plant import NOMINAL, PERTURBED, Perturbation, Rig
from scenario_pumps import pump_rows
from scenario_rows import Figures, Row, least_peak_k, rows
from scenario_run import Trace, run

from coolantd.control.pump_plan import ALL_RUN
from coolantd.control.stages import compiled_stages
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE
from coolantd.point import FloatArray

OURS: Final = ("ours", "ours_power", "ours_reset")
POWER_ROWS: Final = ("up", "up60", "up120", "down", "ramp", "gpu0.05")
"""Rows in which the racks' power changes; elsewhere ours with power is ours."""
KNOW_STANDBY: Final = ("fixed_pi", "ours")
PLOT_ROWS: Final = ("up", "down", "facility_step", "up60")


class Bench:
    """Compiled once, asked row by row."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.kernels = compiled_stages(cache=False)
        self.advance: KernelFunction = ADVANCE.compiled(cache=False)
        pumps = demands(self.kernels)
        self.makers = contestants(self.kernels) | {"ours_reset": pumps["ours_reset"]}
        self.day_makers = self.makers | pumps

    def trace(self, row: Row, who: str, plant: Perturbation) -> Trace:
        """Return one contestant's run on one plant."""
        plant = replace(plant, stiction_ratio=max(plant.stiction_ratio, row.stiction_ratio))
        rig = Rig(plant, row.stroke_s, self.advance)
        row.prepare(rig)
        return run(rig, self.controller(row, who), self.period_s, row.disturb, row.duration_s)

    def controller(self, row: Row, who: str) -> Controller:
        """Return a contestant for a row; where pumps rest only those that know how."""
        if row.pumps is ALL_RUN:
            return self.makers[who](row.stroke_s, self.period_s)
        model = None if who == "fixed_pi" else DATA_SHEET
        return Ours(make_scenario_plan(row.stroke_s, self.period_s, model, row.pumps), self.kernels)

    def bound_k(self, row: Row) -> float:
        """Return the least possible peak of a load step."""
        rig = Rig(NOMINAL, row.stroke_s, self.advance)
        row.prepare(rig)
        controller = Ours(make_scenario_plan(row.stroke_s, self.period_s, DATA_SHEET), self.kernels)
        run(rig, controller, self.period_s, lambda _rig, _time: None, self.period_s)
        return least_peak_k(row, self.advance, rig.plant.fws_valve_ratio)

    def measure(self, row: Row, plants: tuple[Perturbation, ...], progress: Callable[[str], None]) -> dict[str, Any]:
        """Return every figure of a row."""
        allowed = dict(row.must)
        result: dict[str, Any] = {"number": row.number, "title": row.title, "stroke_s": row.stroke_s}
        if row.bound:
            result["bound_k"] = round(self.bound_k(row), 3)
            allowed["peak_k"] += result["bound_k"]
        for who in self.makers:
            if who == "ours_power" and row.key not in POWER_ROWS:
                continue
            if row.pumps is not ALL_RUN and who not in KNOW_STANDBY:
                continue
            progress(f"{row.key}: {who}")
            nominal = row.figures(self.trace(row, who, NOMINAL))
            result[who] = {"nominal": _rounded(nominal), "meets": _meets(nominal, allowed)}
            if plants and who in OURS:
                each = {plant.name: row.figures(self.trace(row, who, plant)) for plant in plants}
                result[who] |= _worst_of(each, row)
        result["must"] = _rounded(allowed)
        return result

    def day(
        self, loads: FloatArray, plants: tuple[Perturbation, ...], progress: Callable[[str], None]
    ) -> dict[str, Any]:
        """Return every contestant's 24 h, the pumps' static optimum, and the reset's worst figures on other plants."""
        optimum = optimum_kwh(loads, self.advance)
        result: dict[str, Any] = {"number": "18", "optimum_pump_kwh": round(optimum, 2)}

        def lived(who: str, plant: Perturbation) -> Figures:
            progress(f"day: {who} {plant.name}")
            controller = self.day_makers[who](30.0, self.period_s)
            figures = live_through(loads, controller, self.period_s, self.advance, plant)
            return _rounded({**figures, "pump_over_optimum_ratio": figures["pump_kwh"] / optimum})

        for who in self.day_makers:
            result[who] = lived(who, NOMINAL)
        each = {plant.name: lived("ours_reset", plant) for plant in plants}
        if each:
            result["ours_reset_plants"] = each
        return result


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 3) for name, value in figures.items()}


def _meets(figures: Figures, allowed: Figures) -> bool:
    return all(figures[name] <= limit for name, limit in allowed.items())


def _worst_of(each: dict[str, Figures], row: Row) -> dict[str, Any]:
    """Return the greatest of each figure over the perturbed plants, and on which it was."""
    worst: dict[str, Any] = {}
    for name in row.must:
        plant = max(each, key=lambda key: each[key][name])
        worst[name] = {"value": round(each[plant][name], 3), "plant": plant}
    verdict = {} if row.worst is None else {"worst_meets": all(_meets(f, row.worst) for f in each.values())}
    return {"worst": worst, **verdict}


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [
        f"{'row':<44}{'figure':<17}{'fixed PI':>9}{'simple-pid':>11}"
        + "".join(f"{name:>8}" for name in ("ours", "+power", "+reset", "worst", "must"))
    ]
    for row in result["rows"].values():
        title = f"{row['number']:>2}  {row['title']}"
        for name, limit in row["must"].items():
            cells = [row[who]["nominal"][name] if who in row else math.nan for who in ("fixed_pi", "simple_pid", *OURS)]
            worst = row["ours"].get("worst", {}).get(name, {}).get("value", math.nan)
            shown = [f"{cell:>{width}.2f}" for cell, width in zip(cells, (9, 11, 8, 8, 8), strict=True)]
            mark = "" if min(cells[2], cells[3] if cells[3] == cells[3] else cells[2]) <= limit else "  missed"
            lines.append(f"{title:<44}{name:<17}{''.join(shown)}{worst:>8.2f}{limit:>8.2f}{mark}".replace("nan", "  -"))
            title = ""
    return "\n".join([*lines, *day_table(result["day"])] if "day" in result else lines)


def day_table(day: dict[str, Any]) -> list[str]:
    """Return the day's figures for people: contestants below each other, then the reset on every other plant."""
    names = [name for name in day["ours"] if name not in ("wall_s", "racks")]
    lines = ["", f"18  24 h, least pump energy {day['optimum_pump_kwh']:.1f} kWh"]
    lines.append(f"{'':<24}{''.join(f'{name:>24}' for name in names)}")
    parts = {who: figures for who, figures in day.items() if isinstance(figures, dict) and who != "ours_reset_plants"}
    for who, figures in (parts | day.get("ours_reset_plants", {})).items():
        lines.append(f"{who:<24}{''.join(f'{figures[name]:>24.3f}' for name in names)}")
    return lines


def plot(bench: Bench, path: str) -> None:
    """Draw the supply temperature of four rows for every contestant into a file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 7), sharex=True)
    chosen = [row for row in rows() if row.key in PLOT_ROWS]
    for axis, row in zip(axes.flat, chosen, strict=True):
        for who in bench.makers:
            if who == "ours_power" and row.key not in POWER_ROWS:
                continue
            trace = bench.trace(row, who, NOMINAL)
            axis.plot(trace.time_s, trace.supply_c, label=who.replace("_", " "))
        axis.set_title(row.title)
        axis.set_ylabel("supply, degC")
        axis.set_xlim(0.0, 240.0)
        axis.grid(visible=True, alpha=0.3)
    axes[0, 0].legend()
    axes[1, 0].set_xlabel("s")
    axes[1, 1].set_xlabel("s")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    table_rows = (*rows(), *pump_rows())
    names = [row.key for row in table_rows]
    parser = argparse.ArgumentParser(description="Scenario table: the model law, a fixed PI and simple-pid.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rows", default=",".join(names), help=f"which, of {', '.join(names)}")
    parser.add_argument("--nominal", action="store_true", help="leave the perturbed plants out")
    parser.add_argument("--period", type=float, default=0.5, metavar="S", help="of the control cycle, 0.1 to 5")
    parser.add_argument("--plot", metavar="FILE", help="draw four rows into a PNG or SVG")
    parser.add_argument("--day", action="store_true", help="24 h of load too (two to six minutes)")
    parser.add_argument("--day-file", type=Path, metavar="FILE", help="a recorded day: a number per line, every 15 s")
    parser.add_argument("--day-column", metavar="NAME", help="the file is a CSV, and this its column")
    arguments = parser.parse_args()
    wanted = arguments.rows.split(",")
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"--rows: no row {unknown[0]!r}, allowed: {', '.join(names)}")
    if not 0.1 <= arguments.period <= 5.0:
        parser.error(f"--period is {arguments.period}, allowed: 0.1 to 5")

    def progress(what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{what:<60}", end="", file=sys.stderr, flush=True)

    progress("compiling")
    bench = Bench(arguments.period)
    plants = () if arguments.nominal else PERTURBED
    result: dict[str, Any] = {
        "bench": "scenarios",
        "machine": platform.machine(),
        "peer": f"simple-pid {metadata.version('simple-pid')}",
        "period_s": arguments.period,
        "perturbed_plants": len(plants),
        "rows": {row.key: bench.measure(row, plants, progress) for row in table_rows if row.key in wanted},
    }
    if arguments.day or arguments.day_file:
        file = arguments.day_file
        loads = synthetic_day() if file is None else recorded_day(file, arguments.day_column)
        result["day"] = bench.day(loads, plants, progress)
    progress("")
    if arguments.plot:
        plot(bench, arguments.plot)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()

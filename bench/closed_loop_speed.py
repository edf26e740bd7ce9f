"""How fast plants and control run together in closed loop: a day of one CDU with 8 racks, and a fleet of 64 CDUs.

Plants at 0.1 s, control at 0.5 s with its model, the racks' power and noisy instruments: the same ``step`` sequence as
the daemon. Beside it the slow path in the same run (``step()`` and ``Plant.advance`` from Python, both compiled), and
what others publish of their closed loops. A published FMU is more detailed than this plant: a factor between the two
says what a study costs, not who models better. Targets are judged by the processor's time, which on an idle machine is
the wall clock's and on any other is what one core would take.

Usage: ``python bench/closed_loop_speed.py [--json] [--repeats N] [--fleet N]``
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import numpy as np
from scenario_control import DATA_SHEET, NAMES, POINT, Ours, make_scenario_plan
from scenario_day import SAMPLE_S, synthetic_day
from scenario_fast import fleet_plan, instruments_of
from scenario_plant import PERTURBED, RACKS, Rig

from coolantd.control.stages import compiled_stages
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant
from coolantd.sim import fast_layout as on
from coolantd.sim.fast_kernel import LIVE
from coolantd.sim.fastloop import FastLoop

PERIOD_S: Final = 0.5
DAY_S: Final = 86_400.0
FLEET_S: Final = 1800.0
SLOW_S: Final = 600.0
THREADS: Final = 2
DAY_TARGET_S: Final = 5.0
FLEET_TARGET_RATIO: Final = 1000.0
NOISY: Final = next(plant for plant in PERTURBED if plant.name == "noise")
PUBLISHED: Final = {
    "lc_opt_fmu_5_cdus": (720.0, 920.0),
    "summit_fmu_257_cdus": (0.46, 0.46),
}
"""Simulated seconds per second: the LC-Opt notebook's progress bars (15 s steps), and a rollout table of the Summit
model."""


class Fleet:
    """CDUs with a plant each, all on the same day but each with its own noise, in as many loops as threads."""

    def __init__(self, count: int, threads: int, live: KernelFunction, advance: KernelFunction) -> None:
        model = replace(DATA_SHEET, power=(POINT["power"],))
        rated_w = reference_plant().rack_heat_rated_w
        self.loops = []
        for thread in range(threads):
            size = count // threads + (thread < count % threads)
            plants = [Plant(reference_plant(), kernel=advance) for _ in range(size)]
            heat_w = np.broadcast_to(synthetic_day()[:, None, None] * rated_w, (int(DAY_S / SAMPLE_S), size, RACKS))
            self.loops.append(
                FastLoop(
                    fleet_plan(size, PERIOD_S, model),
                    plants,
                    [each for n in range(size) for each in instruments_of(NOISY, n)],
                    points=size * len(NAMES),
                    heat_w=heat_w,
                    sample_s=SAMPLE_S,
                    seed=thread,
                    kernel=live,
                )
            )

    def run(self, duration_s: float) -> tuple[float, float]:
        """Return the wall and processor seconds of a duration; every loop in a thread of its own."""
        begun_s, processor_s = time.perf_counter(), time.process_time()
        if len(self.loops) == 1:
            self.loops[0].run(duration_s)
        else:
            with ThreadPoolExecutor(len(self.loops)) as pool:
                list(pool.map(lambda loop: loop.run(duration_s), self.loops))
        return time.perf_counter() - begun_s, time.process_time() - processor_s


def day_of_one(live: KernelFunction, advance: KernelFunction) -> tuple[float, float, float]:
    """Return a day's wall and processor seconds, and the supply's greatest deviation once it had settled, in K."""
    loop = Fleet(1, 1, live, advance).loops[0]
    begun_s, processor_s = time.perf_counter(), time.process_time()
    record = loop.run(DAY_S, record_every=2)
    wall_s, processor_s = time.perf_counter() - begun_s, time.process_time() - processor_s
    return wall_s, processor_s, float(np.abs(record[1200:, 0, on.R_SUPPLY_TEMP_C] - 34.0).max())


def slow_path_s(advance: KernelFunction) -> float:
    """Return the wall seconds of ``SLOW_S`` of one CDU, cycle by cycle from Python."""
    stages = compiled_stages(cache=False)
    model = replace(DATA_SHEET, power=(POINT["power"],))
    rig, control = Rig(NOISY, 30.0, advance), Ours(make_scenario_plan(30.0, PERIOD_S, model), stages)
    control(rig.measure(), 0.0)
    begun_s = time.perf_counter()
    for k in range(round(SLOW_S / PERIOD_S)):
        rig.command(*control(rig.measure(), (k + 1) * PERIOD_S))
        rig.advance(PERIOD_S)
    return time.perf_counter() - begun_s


def figures(repeats: int, fleet: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; each figure is the median of the repeats."""
    say("compiling")
    begun_s = time.perf_counter()
    live, advance = LIVE.compiled(cache=False, nogil=True), ADVANCE.compiled(cache=False)
    Fleet(1, 1, live, advance).run(PERIOD_S)
    compile_s = time.perf_counter() - begun_s
    say("a day of one CDU")
    days = [day_of_one(live, advance) for _ in range(repeats)]
    day_s, day_processor_s = (statistics.median(day[k] for day in days) for k in (0, 1))
    say("the slow path")
    slow_s = statistics.median(slow_path_s(advance) for _ in range(repeats))
    say(f"{fleet} CDUs in one thread, then in {THREADS}")
    walls_s, processor_s = {}, {}
    for threads in (1, THREADS):
        cdus = Fleet(fleet, threads, live, advance)
        cdus.run(60.0)
        times = [cdus.run(FLEET_S) for _ in range(repeats)]
        walls_s[threads], processor_s[threads] = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "bench": "closed_loop_speed",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "repeats": repeats,
        "racks": RACKS,
        "compile_s": round(compile_s, 1),
        "day_wall_s": round(day_s, 2),
        "day_rtf": round(DAY_S / day_s),
        "day_us_per_cycle": round(day_s / (DAY_S / PERIOD_S) * 1e6, 2),
        "day_processor_s": round(day_processor_s, 2),
        "day_greatest_deviation_k": round(days[0][2], 3),
        "day_target_s": DAY_TARGET_S,
        "day_target_met": day_processor_s <= DAY_TARGET_S,
        "slow_path_rtf": round(SLOW_S / slow_s),
        "slow_path_over_fast_ratio": round((slow_s / SLOW_S) / (day_s / DAY_S), 1),
        "fleet": fleet,
        "fleet_rtf_1_thread": round(FLEET_S / walls_s[1]),
        f"fleet_rtf_{THREADS}_threads": round(FLEET_S / walls_s[THREADS]),
        "fleet_processor_us_per_cdu_cycle": round(processor_s[1] / (FLEET_S / PERIOD_S) / fleet * 1e6, 2),
        f"fleet_rtf_{THREADS}_idle_cores": round(FLEET_S / processor_s[1] * THREADS),
        "fleet_target_rtf": FLEET_TARGET_RATIO,
        "fleet_target_met": FLEET_S / processor_s[1] * THREADS >= FLEET_TARGET_RATIO,
        "published_rtf": PUBLISHED,
    }


def show(result: dict[str, Any]) -> None:
    """Print the table for people."""
    met = {True: "met", False: "MISSED"}
    fleet = f"{result['fleet']} CDUs"
    rows = [
        (f"24 h of one CDU with {result['racks']} racks, one core", result["day_rtf"]),
        ("one CDU by step() and Plant.advance", result["slow_path_rtf"]),
        (f"{fleet}, one thread", result["fleet_rtf_1_thread"]),
        (f"{fleet}, {THREADS} threads", result[f"fleet_rtf_{THREADS}_threads"]),
        (f"{fleet}, {THREADS} idle cores, by processor time", result[f"fleet_rtf_{THREADS}_idle_cores"]),
    ]
    print(f"closed loop, plants at 0.1 s, control at 0.5 s, median of {result['repeats']}")
    for title, speed in rows:
        print(f"  {title:<46}{speed:>9,} x real time")
    for name, (low, high) in result["published_rtf"].items():
        print(f"  published, {name.replace('_', ' '):<35}{low:g} to {high:g} x real time")
    print(f"  the day took {result['day_wall_s']:.2f} s, {result['day_processor_s']:.2f} s of the processor")
    print(f"  compiling before it took {result['compile_s']:.0f} s")
    print(f"  target {result['day_target_s']:g} s for the day: {met[result['day_target_met']]}")
    print(f"  target {result['fleet_target_rtf']:,.0f} x for the fleet: {met[result['fleet_target_met']]}")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Speed of plants and control in closed loop.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, default=3, choices=range(1, 101), metavar="1..100")
    parser.add_argument("--fleet", type=int, default=64, choices=range(2, 1001), metavar="2..1000", help="CDUs")
    options = parser.parse_args()

    def say(line: str) -> None:
        if sys.stderr.isatty():
            print(f"closed_loop_speed: {line}", file=sys.stderr, flush=True)

    result = figures(options.repeats, options.fleet, say)
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()

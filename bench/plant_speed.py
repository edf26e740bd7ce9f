"""How fast the virtual plant runs: simulated seconds per wall second, compiled against the same law uncompiled.

    python bench/plant_speed.py [--json] [--repeats N]

Figures are medians of N repeats (the best one beside them), with the load swinging all the while so that no
step is a repetition of the last. The wall clock includes the call from Python.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from coolantd.kernel import Kernel
from coolantd.plant import layout as at
from coolantd.plant import step
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant
from coolantd.point import FloatArray

STEPS_S: Final = (0.05, 0.1, 0.5)
CALL_S: Final = 60.0
"""Simulated time of one call, then the inputs change."""
COMPILED_CALLS: Final = 200
UNCOMPILED_CALLS: Final = 2
TARGET_RTF: Final = 100_000.0
"""What a virtual plant must reach at a step of 0.1 s."""


def closed_loop(
    plant: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray],
    memory: FloatArray,
    dt_s: float,
    steps: int,
) -> None:
    """Advance the plant's five arrays with both plain PI loops deciding before every step, inside the compiled code."""
    params, state, supply_ring, return_ring, inputs = plant
    for _ in range(steps):
        error_k = state[at.S_TCS_SUPPLY_TEMP_C] - 34.0
        memory[0] = min(max(memory[0] + 0.03 * error_k * dt_s / 20.0, 0.0), 1.0)
        inputs[at.I_FWS_VALVE_RATIO] = min(max(memory[0] + 0.03 * error_k, 0.0), 1.0)
        error_kpa = 90.0 - state[at.S_RACK_DIFFERENTIAL_PRESSURE_PA] * 1e-3
        memory[1] = min(max(memory[1] + 1e-3 * error_kpa * dt_s / 2.0, 0.0), 1.0)
        speed = min(max(memory[1] + 1e-3 * error_kpa, 0.0), 1.0)
        inputs[at.I_PUMP_SPEED_RATIO] = speed
        inputs[at.I_PUMP_SPEED_RATIO + 1] = speed
        step.advance(params, state, supply_ring, return_ring, inputs, dt_s, 1)


def swing(plant: Plant, number: int) -> None:
    """Move load, pumps, facility valve and branches a little, differently at every call."""
    plant.inputs.rack_heat_w[:] = 120e3 * (0.55 + 0.45 * np.sin(number + np.arange(8)))
    plant.inputs.pump_speed_ratio[:] = 0.7 + 0.1 * np.sin(0.7 * number)
    plant.inputs.fws_valve_ratio = 0.65 + 0.2 * float(np.sin(0.3 * number))
    plant.inputs.branch_valve_ratio[number % 8] = 0.7 + 0.3 * float(np.cos(number))


def wall_s(plant: Plant, dt_s: float, calls: int) -> float:
    """Return the wall time of a number of calls of ``CALL_S`` each."""
    start_s = time.perf_counter()
    for number in range(calls):
        swing(plant, number)
        plant.advance(CALL_S, dt_s)
    return time.perf_counter() - start_s


def rtf(measure: Callable[[], float], simulated_s: float, repeats: int) -> tuple[float, float]:
    """Return median and best simulated time over wall time."""
    walls_s = [measure() for _ in range(repeats)]
    return simulated_s / statistics.median(walls_s), simulated_s / min(walls_s)


def with_loops(plant: Plant, kernel: Callable[..., Any]) -> None:
    """Put a stand-in for the plant's kernel in place that runs both loops inside."""
    memory = np.array([0.777, 0.7228])

    def advance(*arguments: Any) -> None:
        *arrays, dt_s, steps = arguments
        kernel(tuple(arrays), memory, dt_s, steps)

    plant.kernel = advance


def figures(repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; takes about ten seconds, most of it compiling."""
    say("compiling the plant kernel")
    start_s = time.perf_counter()
    compiled = ADVANCE.compiled(cache=False)
    plant = Plant(reference_plant(), kernel=compiled)
    result: dict[str, Any] = {"compile_s": time.perf_counter() - start_s, "racks": plant.params.rack_count}
    simulated_s = COMPILED_CALLS * CALL_S
    for dt_s in STEPS_S:
        say(f"compiled, dt {dt_s} s")
        median, best = rtf(lambda dt_s=dt_s: wall_s(plant, dt_s, COMPILED_CALLS), simulated_s, repeats)  # type: ignore[misc]
        name = f"dt_{dt_s:g}".replace(".", "_")
        result |= {f"rtf_{name}": median, f"rtf_best_{name}": best, f"step_us_{name}": dt_s / median * 1e6}
    say("compiling the plant with both PI loops")
    looped = Kernel(closed_loop, (*step.HELPERS, step.advance)).compiled(cache=False)
    closed = Plant(reference_plant(), kernel=compiled)
    with_loops(closed, looped)
    wall_s(closed, 0.1, 1)
    median, best = rtf(lambda: wall_s(closed, 0.1, COMPILED_CALLS), simulated_s, repeats)
    result |= {"rtf_with_pi_dt_0_1": median, "rtf_best_with_pi_dt_0_1": best}
    say("the same kernel uncompiled")
    plain = Plant(reference_plant())
    median, _ = rtf(lambda: wall_s(plain, 0.1, UNCOMPILED_CALLS), UNCOMPILED_CALLS * CALL_S, repeats)
    result |= {"rtf_uncompiled_dt_0_1": median, "ratio_to_uncompiled": result["rtf_dt_0_1"] / median}
    result |= {"target_rtf_dt_0_1": TARGET_RTF, "target_met": result["rtf_dt_0_1"] >= TARGET_RTF}
    return result | {"repeats": repeats, "python": platform.python_version(), "machine": platform.machine()}


def show(result: dict[str, Any]) -> None:
    """Print the table for people."""
    print(f"plant of {result['racks']} racks, median of {result['repeats']} (best)")
    for dt_s in STEPS_S:
        name = f"dt_{dt_s:g}".replace(".", "_")
        speed, best, step_us = result[f"rtf_{name}"], result[f"rtf_best_{name}"], result[f"step_us_{name}"]
        print(f"  dt {dt_s:4} s             {speed:12,.0f} x real time ({best:,.0f})  {step_us:.3f} us/step")
    print(f"  dt  0.1 s, with PI    {result['rtf_with_pi_dt_0_1']:12,.0f} x real time")
    print(f"  dt  0.1 s, uncompiled {result['rtf_uncompiled_dt_0_1']:12,.0f} x real time")
    print(f"  compiled over uncompiled: {result['ratio_to_uncompiled']:,.0f}; compiling {result['compile_s']:.1f} s")
    met = "met" if result["target_met"] else "MISSED"
    print(f"  target {TARGET_RTF:,.0f} x real time at dt 0.1 s: {met}")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--repeats", type=int, default=5, choices=range(1, 101), metavar="1..100")
    options = parser.parse_args()
    result = figures(options.repeats, lambda line: print(f"plant_speed: {line}", file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()

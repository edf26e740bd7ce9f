"""A day of real-looking load: 24 h in 15 s steps, how long the supply leaves its band, and what the pumps use.

The synthetic day has the statistics published for one CDU of a large machine (Frontier, 7 April 2024): 59, 645 and 1286
kW least, mean and greatest; per day 127 steps above 10 % of the mean, 46 above 25 %, 4 above 50 %; scaled so that the
greatest is the plant's rated heat. A recorded day can take its place: one number every 15 s, per line or in a CSV.
"""

import csv
import time
from pathlib import Path
from typing import Final

import numpy as np
from scenario_control import SETPOINT_C, Controller
from scenario_plant import NOMINAL, RACKS, Perturbation, Rig

from coolantd.kernel import KernelFunction
from coolantd.point import FloatArray

SAMPLE_S: Final = 15.0
SAMPLES: Final = 5760
LEAST_KW: Final = 59.0
MEAN_KW: Final = 645.0
GREATEST_KW: Final = 1286.0
STEPS: Final = ((81, 0.10, 0.25), (42, 0.25, 0.50), (4, 0.50, 1.00))
"""How many per day, from and to which share of the mean."""
WANDER_RATIO: Final = 0.004
FLOW_LEAST_RATIO: Final = 0.3
RISE_MAX_K: Final = 12.0
RISE_TOLD_K: Final = 12.5
"""Rises beyond this are counted: what the saving costs the racks."""
RISE_RATED_K: Final = 11.82
"""At rated heat and flow. The least flow that keeps the coolant's rise below 12 K is the static optimum."""
SETTLE_S: Final = 1200.0


def synthetic_day(seed: int = 1) -> FloatArray:
    """Return one load ratio per sample, 0 to 1."""
    random = np.random.default_rng(seed)
    size = np.zeros(SAMPLES)
    count = sum(each[0] for each in STEPS)
    moments = random.choice(np.arange(40, SAMPLES), count, replace=False)
    shares = np.concatenate([random.uniform(low, high, n) for n, low, high in STEPS])
    size[moments] = random.permutation(shares) * MEAN_KW
    level_kw, day = MEAN_KW, np.empty(SAMPLES)
    for k in range(SAMPLES):
        up = random.random() < np.clip(0.5 + 0.9 * (MEAN_KW - level_kw) / MEAN_KW, 0.02, 0.98)
        move = size[k] if up else -size[k]
        if not LEAST_KW <= level_kw + move <= GREATEST_KW:
            move = -move
        level_kw += move + WANDER_RATIO * MEAN_KW * random.standard_normal()
        level_kw = min(max(level_kw, LEAST_KW), GREATEST_KW)
        day[k] = level_kw
    return day / GREATEST_KW


def recorded_day(path: Path, column: str | None = None) -> FloatArray:
    """Return the load ratios of a file, of which the greatest becomes 1.

    Args:
        path: one number per line; or a CSV with a line of names, where ``column`` is given.
        column: name of the CSV's column.

    Raises:
        ValueError: there is no such column.
    """
    if column is None:
        day: FloatArray = np.loadtxt(path, ndmin=1)
    else:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if column not in (rows.fieldnames or ()):
                raise ValueError(f"{path}: no column {column!r}, there are: {', '.join(rows.fieldnames or ())}")
            day = np.array([float(row[column]) for row in rows])
    return np.asarray(day / day.max(), dtype=np.float64)


def pump_table(kernel: KernelFunction) -> tuple[FloatArray, FloatArray]:
    """Return (flow ratio, pump power in kW) of the nominal plant at rest, by rising pump speed."""
    rig = Rig(NOMINAL, 30.0, kernel)
    rated = rig.plant.tcs_flow_m3_s
    flows, powers = [], []
    for speed in np.linspace(0.15, 1.0, 35):
        rig.plant.inputs.pump_speed_ratio[:] = speed
        rig.plant.settle()
        flows.append(rig.plant.tcs_flow_m3_s / rated)
        powers.append(rig.plant.pump_power_w / 1000.0)
    return np.array(flows), np.array(powers)


def optimum_kwh(day: FloatArray, kernel: KernelFunction) -> float:
    """Return the pump energy of the least flow that each load needs: the lower bound of any control."""
    flows, powers = pump_table(kernel)
    needed = np.maximum(FLOW_LEAST_RATIO, day * RISE_RATED_K / RISE_MAX_K)
    return float(np.interp(needed, flows, powers).sum() * SAMPLE_S / 3600.0)


def live_through(
    day: FloatArray, control: Controller, period_s: float, kernel: KernelFunction, plant: Perturbation = NOMINAL
) -> dict[str, float]:
    """Return what a controller makes of a day on a plant."""
    rig = Rig(plant, 30.0, kernel)
    rig.load(float(day[0]))
    now_s, error_k, pump_kw, valve_pct, rise_k, case_c = 0.0, [], 0.0, [], [], 0.0
    started_s = time.perf_counter()
    for k in range(-round(SETTLE_S / period_s), round(day.size * SAMPLE_S / period_s)):
        if k >= 0:
            rig.plant.inputs.rack_heat_w[:] = day[int(k * period_s / SAMPLE_S)] * rig.plant.params.rack_heat_rated_w
        rig.command(*control(rig.measure(), now_s))
        rig.advance(period_s)
        now_s += period_s
        if k >= 0:
            error_k.append(rig.shown_supply_c - SETPOINT_C)
            rise_k.append(float((rig.plant.rack_return_temp_c - rig.plant.rack_supply_temp_c).max()))
            case_c = max(case_c, float(rig.plant.rack_case_temp_c.max()))
            valve_pct.append(rig.plant.fws_valve_ratio * 100.0)
            pump_kw += rig.plant.pump_power_w / 1000.0
    size_k = np.abs(error_k)
    hours = day.size * SAMPLE_S / 3600.0
    return {
        **{f"outside_{band:g}_k_pct": 100.0 * float((size_k > band).mean()) for band in (0.5, 1.0, 2.0)},
        "greatest_k": float(size_k.max()),
        "rise_above_12.5_k_pct": 100.0 * float((np.array(rise_k) > RISE_TOLD_K).mean()),
        "case_c": case_c,
        "strokes_per_h": float(np.abs(np.diff(valve_pct)).sum() / 100.0 / hours),
        "pump_kwh": pump_kw * period_s / 3600.0,
        "wall_s": time.perf_counter() - started_s,
        "racks": float(RACKS),
    }

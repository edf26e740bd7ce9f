"""Laws of the leak policy under seeded readings, cut wires, tests, reloads and restarts (FM-04, FM-06, I7)."""

import math

import numpy as np
import pytest
from leak_bench import BYPASS, VALVE, Bench, at, branch_zone, rope, wire

from coolantd.safety.leak_keep import keep_leaks, restore_leaks
from coolantd.safety.leak_layout import D_FAULT, D_WET, Z_ISOLATE, Z_LEVEL, Z_POWER, Level
from coolantd.safety.leak_orders import acknowledge, set_test
from coolantd.safety.leak_plan import carry_leaks, pack_leaks

ROPES = ("r1", "r2", "r3")
CYCLES = 300
WATER = {name: ((6.0, 14.0, 0.0, 22.0, math.nan) if name == "r3" else (0.0, 1.0, math.nan)) for name in ROPES}
"""What each detector may say: dry, wet, open, short, nothing."""


def zone(levels):
    detectors = (rope("r1", levels[0]), rope("r2", levels[1]), wire("r3", levels[2]))
    more = {"bypass": BYPASS, "bypass_position": at("bypass"), "power_at": Level.MAJOR, "power": (at("kw1"),)}
    return branch_zone(detectors=detectors, on_s=0.5, off_s=2.0, power_timeout_s=3.0, bypass_timeout_s=3.0, **more)


def disturb(bench, random):
    """Let something happen; return whether an acknowledgement was taken."""
    what = random.integers(12)
    if what < 6:
        name = ROPES[random.integers(3)]
        bench.set(**{name: float(random.choice(WATER[name]))})
    elif what == 6:
        bench.set(kw1=float(random.choice([0.0, 40.0, math.nan])))
    elif what == 7:
        bench.memory, _ = set_test(bench.memory, 0, float(random.choice([0.0, 5.0])))
    elif what == 8:  # a reload that drops a detector, and the next that brings it back
        for plan in (pack_leaks([branch_zone(detectors=bench.plan.zones[0].detectors[:2])]), bench.plan):
            bench.memory, bench.plan = carry_leaks(bench.plan, bench.memory, plan), plan
    elif what == 9:
        after = Bench(*bench.plan.zones)
        bench.memory = restore_leaks(bench.plan, after.memory, keep_leaks(bench.plan, bench.memory))
    elif what == 10 and random.integers(4) == 0:
        bench.memory, refusal = acknowledge(bench.plan, bench.memory, 0)
        return not refusal
    return False


@pytest.mark.parametrize("seed", range(12))
def test_i7_nothing_but_an_acknowledgement_ever_opens_a_latched_branch(seed):
    random = np.random.default_rng(seed)
    levels = random.choice([Level.MINOR, Level.MAJOR, Level.CRITICAL], 3)
    bench = Bench(zone([Level(int(level)) for level in levels]))
    latched = acknowledged = 0
    for _ in range(CYCLES):
        before, position = bench.z(Z_ISOLATE), bench.last[VALVE]
        opened = random.random() < 0.3 and disturb(bench, random)
        acknowledged += opened
        bench.cycle()
        if before == 1.0 and not opened:
            latched += 1
            assert bench.z(Z_ISOLATE) == 1.0
            assert bench.demands[VALVE] <= position
    assert latched > 0


@pytest.mark.parametrize("seed", range(12))
def test_fm_04_fm_06_no_latch_closes_without_two_wet_detectors_or_a_critical_one(seed):
    random = np.random.default_rng(1000 + seed)
    levels = [Level.MAJOR, Level.MAJOR, Level.CRITICAL if seed % 2 else Level.MAJOR]
    bench = Bench(zone(levels))
    for _ in range(CYCLES):
        before = bench.z(Z_ISOLATE), bench.z(Z_POWER)
        if random.random() < 0.3:
            disturb(bench, random)
        bench.cycle()
        wet = [level for level, each in zip(levels, bench.memory[1], strict=True) if each[D_WET] == 1.0]
        if (bench.z(Z_ISOLATE), bench.z(Z_POWER)) > before:
            assert len(wet) >= 2 or Level.CRITICAL in wet
        assert (bench.z(Z_LEVEL) == Level.DRY) == (not wet)
        for name, each in zip(ROPES, bench.memory[1], strict=True):
            reading = bench.value[at(name)]
            broken = math.isnan(reading) or (name == "r3" and not 3.6 <= reading <= 21.0)
            assert (each[D_FAULT] == 1.0) == broken

"""Overrides in closed loop: what the plant does meanwhile, and how the loops take back what an operator had."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trial_rig import PERIOD_S, TrialRig

from coolantd.control.override_order import End, Override, Standing
from coolantd.control.override_targets import all_targets
from coolantd.control.overrides import ended
from coolantd.control.stages import INTERPRETED
from coolantd.plant.loop import ADVANCE

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET

SEEDS = 40 if os.environ.get("COOLANTD_FULL") == "1" else 3
FIRST_STEP_MAX_PCT = 1.0
NORMAL_MAX_S = 300.0


def rig(model, load=0.6):
    return TrialRig(INTERPRETED, ADVANCE.function, load=load, model=model, settle_s=300.0)


def hold(site, key, value, lease_s=3600.0):
    state, target = site.control.state, all_targets(site.control.plan)[key]
    order = Override(
        target=target,
        value=value,
        uid=0,
        owner="ann",
        reason="a test",
        begun_s=site.now_s,
        until_s=site.now_s + lease_s,
        lease_s=lease_s,
    )
    others = tuple(each for each in state.overrides if each.target.key != key)
    site.control.state = replace(state, overrides=(*others, order))


def release(site):
    state = site.control.state
    overrides = tuple(ended(each, End.RELEASED, site.now_s) for each in state.overrides)
    site.control.state = replace(state, overrides=overrides)


@pytest.mark.parametrize("model", [DATA_SHEET, None], ids=["model", "fixed gains"])
@pytest.mark.parametrize("away_pct", [-6.0, 12.0])
def test_fm_24_fm_46_a_valve_let_go_moves_by_one_percent_a_cycle_at_most_and_is_normal_soon(model, away_pct):
    site = rig(model)
    before_pct = site.run(PERIOD_S)[1][-1]
    hold(site, "cdu.valve", before_pct + away_pct)
    _, valve_pct, _, _ = site.run(240.0)
    assert valve_pct[-1] == pytest.approx(before_pct + away_pct)
    assert site.control.state.overrides[0].standing is Standing.IN_FORCE
    release(site)
    supply_c, after_pct, _, _ = site.run(NORMAL_MAX_S)
    steps = np.abs(np.diff([valve_pct[-1], *after_pct]))
    assert steps[0] <= FIRST_STEP_MAX_PCT + 1e-9
    assert steps[: round(30.0 / PERIOD_S)].max() <= FIRST_STEP_MAX_PCT + 1e-9
    assert np.abs(supply_c[-60:] - 34.0).max() < 0.3
    assert site.control.state.overrides == ()


def test_a_load_step_while_the_valve_is_held_winds_nothing_up():
    """FM-55: the loop has followed for ten minutes what it could not move."""
    site = rig(DATA_SHEET)
    before_pct = site.run(PERIOD_S)[1][-1]
    hold(site, "cdu.valve", before_pct)
    site.rig.load(0.68)
    site.run(600.0)
    release(site)
    supply_c, _, _, _ = site.run(NORMAL_MAX_S)
    assert supply_c.min() > 34.0 - 1.0, "an integral wound up would carry the supply far below"
    assert np.abs(supply_c[-60:] - 34.0).max() < 0.3


@pytest.mark.parametrize("seed", range(SEEDS))
def test_i9_whatever_is_held_and_whenever_it_ends_the_first_step_is_small(seed):
    random = np.random.default_rng(seed)
    site = rig(DATA_SHEET if seed % 2 else None, load=float(random.uniform(0.3, 0.9)))
    for _ in range(4):
        state = site.control.state
        pump_pct, valve_pct = float(state.a[1, 0]), float(state.a[0, 0])
        key = str(random.choice(["cdu.valve", "cdu.pump1", "cdu/pressure/output", "cdu/supply_temp"]))
        value = {"cdu.valve": valve_pct, "cdu/supply_temp": 34.0}.get(key, pump_pct) + float(random.uniform(-5.0, 5.0))
        hold(site, key, min(max(value, 25.0), 100.0), lease_s=float(random.uniform(20.0, 90.0)))
        ends_s = site.control.state.overrides[-1].until_s
        rows = np.hstack([site.run(PERIOD_S) for _ in range(round(150.0 / PERIOD_S))])
        at = round((ends_s - (site.now_s - 150.0)) / PERIOD_S)
        for column in (1, 2):
            near = np.abs(np.diff(rows[column]))[max(at - 2, 0) : at + 3]
            assert near.max() <= FIRST_STEP_MAX_PCT + 1e-9, (key, column)
        assert all(each.over for each in site.control.state.overrides)

"""Thousands of hours of faults through control, interlocks and envelope: every invariant holds in every cycle."""

import os
from dataclasses import replace

import numpy as np
import pytest

from coolantd.plant.loop import ADVANCE
from coolantd.safety.modes import Mode
from coolantd.sim import fast_layout as on
from coolantd.sim.campaign import judge as judging
from coolantd.sim.campaign.kinds import KINDS
from coolantd.sim.campaign.play import play, play_seed, sites
from coolantd.sim.campaign.run import Kernels, run, smallest
from coolantd.sim.campaign.shrink import shrink
from coolantd.sim.campaign.site import PUMPS, VALVE
from coolantd.sim.campaign.story import VARIANTS, Fault, draw

FULL = os.environ.get("COOLANTD_FULL") == "1"
SEEDS = range(50_000 if FULL else 2_000)
THREADS = 2
ONCE_BROKEN = (48, 67, 72, 184, 13563, 20054, 20672, 29813, 39051)
"""Seeds that showed a fault, since mended: a trip stopped the last pump and the envelope started it, over and over;
a noisy sensor carried the voted supply temperature 17 K away from both of its members (13563); noise moved the pumps
in the very cycle of a hand-over (20054); after both pumps had stood, a command went to and fro below the minimum
(20672); over-pressure in a loop filled too full sent the pumps up and down for ever (29813)."""


@pytest.fixture(scope="module")
def kernels(live):
    return Kernels(live, ADVANCE.compiled(cache=False, nogil=True))


@pytest.mark.slow
@pytest.mark.timeout(3600.0 * 8 if FULL else 1500.0)
def test_fm_01_i1_i2_i3_i4_i5_i6_every_seeds_hour_keeps_the_invariants(kernels):
    """FM-02, FM-03, FM-07, FM-08, FM-09, FM-13, FM-15, FM-41, FM-46, FM-49: up to three faults an hour."""
    broken = {
        each.seed: each.violations for each in run([*SEEDS, *ONCE_BROKEN], kernels, jobs=THREADS) if each.violations
    }
    assert broken == {}


def test_there_are_more_than_forty_kinds_and_each_does_something():
    assert len(KINDS) >= 40
    idle = [kind for kind, make in KINDS.items() if not make(sites()[7], 300.0, 400.0, 0.7)]
    assert idle == []


def test_a_seed_is_the_same_hour_every_time(kernels):
    one = play_seed(11, live=kernels.live, advance=kernels.advance)
    play_seed(12, live=kernels.live, advance=kernels.advance)
    again = play_seed(11, live=kernels.live, advance=kernels.advance)
    assert np.array_equal(one.orders, again.orders, equal_nan=True)
    assert np.array_equal(one.record, again.record, equal_nan=True)


def test_seeds_use_every_site():
    assert {draw(seed, sites()).variant for seed in range(300)} == set(range(VARIANTS))


@pytest.fixture(scope="module")
def calm(kernels):
    """An hour of the fullest site without a fault."""
    story = replace(draw(1, sites()), variant=VARIANTS - 1, faults=(), loads=(), load_ratio=0.6)
    return play(story, live=kernels.live, advance=kernels.advance)


def test_a_calm_hour_is_automatic_and_breaks_nothing(calm):
    assert judging.judge(calm) == []
    assert calm.record[-1, on.R_MODE] == Mode.AUTOMATIC


def spoiled(seen, change):
    copy = replace(seen, record=seen.record.copy(), orders=seen.orders.copy())
    change(copy)
    return copy


def command(name, row, value):
    def change(seen):
        seen.orders[row, seen.site.actuators[name], on.O_COMMAND_PCT] = value

    return change


def rows(column, value, first=1000, last=-1):
    def change(seen):
        seen.record[first:last, column] = value

    return change


def pumps_off(seen):
    for name in PUMPS:
        command(name, slice(1000, None), 0.0)(seen)


def hunting(seen):
    seen.orders[200::2, seen.site.actuators[VALVE], on.O_COMMAND_PCT] += 1.0


def bumped(seen):
    seen.record[1999, on.R_MODE] = Mode.FAILSAFE
    command(VALVE, slice(2000, None), 90.0)(seen)


@pytest.mark.parametrize(
    ("check", "change"),
    [
        pytest.param(judging.finite, rows(on.R_SUPPLY_TEMP_C, np.nan), id="I1 not a number"),
        pytest.param(judging.in_range, command(VALVE, 2000, 100.1), id="I1 range"),
        pytest.param(judging.in_range, command(PUMPS[0], 2000, 12.0), id="I1 below a pump's minimum"),
        pytest.param(judging.in_range, command(VALVE, 2000, np.inf), id="I1 infinite"),
        pytest.param(judging.in_slew, command(VALVE, 2000, 99.0), id="I1 slew"),
        pytest.param(judging.a_pump_runs, pumps_off, id="I3"),
        pytest.param(judging.above_dew_point, rows(on.R_SETPOINT_C, 14.9), id="I4"),
        pytest.param(judging.within_travel, hunting, id="I5"),
        pytest.param(judging.re_enters_gently, bumped, id="I6 step"),
        pytest.param(judging.normal_again, rows(on.R_MODE, float(Mode.FAILSAFE)), id="I6 not automatic"),
        pytest.param(judging.holds_again, rows(on.R_SUPPLY_TEMP_C, 40.0, last=None), id="I6 not at its setpoint"),
    ],
)
def test_every_check_can_fail(calm, check, change):
    assert check(calm) is None
    assert check(spoiled(calm, change)) is not None


def hour(kernels, fault):
    story = replace(draw(1, sites()), variant=7, faults=(fault,), loads=(), load_ratio=0.8)
    return play(story, live=kernels.live, advance=kernels.advance)


def test_fm_02_a_protection_that_leaves_the_pumps_to_the_loops_is_found(kernels):
    seen = hour(kernels, Fault("facility_flow_lost", 400.0, 900.0, 0.5))
    assert judging.cools_when_hot(seen) is None
    lazy = spoiled(seen, lambda each: [command(name, slice(800, 1800), 60.0)(each) for name in PUMPS])
    assert judging.cools_when_hot(lazy) is not None


def test_fm_05_a_trip_that_does_not_stop_the_pumps_is_found(kernels):
    seen = hour(kernels, Fault("leak_fast", 400.0, 2000.0, 0.9))
    assert seen.record[-1, on.R_MODE] == Mode.TRIPPED
    assert judging.judge(seen) == []
    assert judging.stops_when_dry(spoiled(seen, command(PUMPS[0], slice(-20, None), 30.0))) is not None


def test_i2_a_cdu_that_stays_automatic_without_its_sensor_is_found(calm):
    blind = replace(calm.story, faults=(Fault("supply_all_fail", 600.0, 700.0, 0.5),))
    assert judging.blind_is_failsafe(replace(calm, story=blind)) is not None


def test_a_step_that_an_interlock_makes_is_no_bump(calm):
    bump = spoiled(calm, bumped)
    bump.orders[2000, :, on.O_FORCED] = 1.0
    assert judging.re_enters_gently(bump) is None


def test_a_failing_story_shrinks_to_the_fault_that_matters(calm):
    culprit = Fault("air", 900.0, 1500.0, 0.5)
    crowd = (Fault("dew_fails", 300.0, 320.0, 0.1), culprit, Fault("heat_fails", 400.0, 900.0, 0.9))
    story = replace(calm.story, faults=crowd, loads=((500.0, 0.3),))
    least = shrink(story, lambda each: any(f.kind == "air" and f.end_s > 1000.0 for f in each.faults))
    assert [fault.kind for fault in least.faults] == ["air"]
    assert least.loads == ()
    assert 1000.0 < least.faults[0].end_s <= 1100.0


def test_a_broken_invariant_is_reported_with_its_least_story(kernels, monkeypatch):
    monkeypatch.setattr(judging, "RE_ENTRY_PCT", -1.0)
    monkeypatch.setattr(judging, "CHECKS", (judging.re_enters_gently,))
    assert smallest(1, "I6", kernels).faults == ()

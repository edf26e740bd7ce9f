"""The whole daemon on virtual time, seed by seed: faults alone and in pairs, and no invariant broken.

Here a sample; ``COOLANTD_FULL=1`` runs what a release is judged by, ``python -m coolantd.sim.dst`` any number by hand.
"""

import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from coolantd.sim.dst.drawing import drawn_plan
from coolantd.sim.dst.faults import BAY_KINDS, BROKER_KINDS, SITE_KINDS, Fault, Kind
from coolantd.sim.dst.injection import BAY_TABLE
from coolantd.sim.dst.runner import Kernels, run_plan, with_outside, without_outside
from coolantd.sim.dst.shrink import shrunk
from coolantd.sim.dst.site_injection import SITE_TABLE

FULL = bool(os.environ.get("COOLANTD_FULL"))
SITES = 250 if FULL else 4
"""Of four CDU-hours each."""
DIFFERENTIAL = 100 if FULL else 4
ONCE_DIFFERENT = () if FULL else (1008, 1027, 1068)
"""A heartbeat that never left was counted. All three are among the hundred."""
SEEDS = tomllib.loads((Path(__file__).parent / "dst_seeds.toml").read_text())["seed"]


@pytest.fixture(scope="module")
def kernels(stages, advance):
    return Kernels(stages, advance)


def told(outcome):
    return "\n".join(map(str, outcome.violations))


def test_there_are_forty_kinds_and_each_can_be_made():
    assert len(Kind) >= 40
    assert set(BAY_TABLE) == set(BAY_KINDS)
    assert set(SITE_TABLE) == set(SITE_KINDS)


def test_a_plan_is_drawn_the_same_again():
    assert drawn_plan(7, 4) == drawn_plan(7, 4)
    assert drawn_plan(7, 4) != drawn_plan(8, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 4 * SITES, 4))
def test_no_fault_or_pair_of_faults_breaks_an_invariant_i1_to_i12(kernels, seed):
    plan = drawn_plan(seed, 4)
    assert not told(run_plan(plan, kernels)), plan


@pytest.mark.slow
@pytest.mark.parametrize("case", SEEDS, ids=lambda case: str(case["seed"]))
def test_a_seed_that_once_failed_stays_well(kernels, case):
    plan = drawn_plan(case["seed"], case["bays"], duration_s=case["duration_s"])
    assert not told(run_plan(plan, kernels)), case["showed"]


def test_the_same_seed_gives_the_same_commands_to_the_last_byte(kernels):
    plan = drawn_plan(3, 2, duration_s=300.0)
    first, second = run_plan(plan, kernels), run_plan(plan, kernels)
    assert first.traces == second.traces
    assert first.writes == second.writes > 0
    assert run_plan(drawn_plan(5, 2, duration_s=300.0), kernels).traces != first.traces


OUTSIDE = (
    Fault(kind=Kind.CLOCK_BACK, start_s=70.0, duration_s=0.0),
    Fault(kind=Kind.DISK_FULL, start_s=80.0, duration_s=300.0),
    Fault(kind=Kind.BROKER_OFF, start_s=100.0, duration_s=60.0),
    Fault(kind=Kind.HTTP_FLOOD, start_s=110.0, duration_s=10.0),
    Fault(kind=Kind.CLOCK_FORWARD, start_s=130.0, duration_s=0.0),
    Fault(kind=Kind.BROKER_GARBAGE, start_s=200.0, duration_s=20.0, size=0.2),
)


def alone(plan):
    """Return a plan in which nothing that control looks at hangs on the broker."""
    bays = tuple(replace(bay, manifold=False) for bay in plan.bays)
    return replace(plan, bays=bays, mqtt=False, site=tuple(f for f in plan.site if f.kind not in BROKER_KINDS))


@pytest.mark.parametrize("seed", [*range(1000, 1000 + DIFFERENTIAL), *ONCE_DIFFERENT])
def test_i10_i13_broker_disk_http_and_clock_change_no_command(kernels, seed):
    """FM-25, FM-30, FM-33, FM-52: the same seed with and without their trouble, command for command the same."""
    plan = alone(without_outside(drawn_plan(seed, 1, duration_s=400.0)))
    with_broker = with_outside(plan, OUTSIDE)
    calm = run_plan(plan, kernels)
    troubled = run_plan(with_broker.with_broker(), kernels)
    assert calm.traces == troubled.traces
    assert calm.writes > 0


def test_a_failing_plan_is_cut_down_to_what_makes_it_fail():
    plan = drawn_plan(12, 3)
    wanted = plan.faults[1][0].kind

    def fails(each):
        return any(fault.kind is wanted for faults in each.faults for fault in faults)

    least = shrunk(plan, fails)
    assert len(least.bays) == 1
    assert [fault.kind for fault in least.faults[0]] == [wanted]
    assert not least.site

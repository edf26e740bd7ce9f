"""A bypass opens as the branches beside it close (FM-07, FM-08, I3)."""

import numpy as np
import pytest

from coolantd.control.plan import ActuatorParameters, make_plan
from coolantd.control.step import initial_state, step
from coolantd.point import Quality, Reason, Snapshot

PERIOD_S = 0.5
RATE = 4.0
BRANCHES = 2
BYPASS = BRANCHES


def plan_of(least_pct=0.0, branch_pct=100.0):
    def valve(k, role, fixed_pct=float("nan"), least_pct=0.0):
        return ActuatorParameters(
            device="manifold",
            name=f"valve{k}",
            role=role,
            minimum=0.0,
            maximum=100.0,
            zero_allowed=False,
            slew_pct_per_s=RATE,
            position=k,
            readback=None,
            cdu=None,
            fixed_pct=fixed_pct,
            least_pct=least_pct,
            paths=0,
        )

    branches = [valve(k, "branch_valve", branch_pct) for k in range(BRANCHES)]
    return make_plan([], [*branches, valve(BYPASS, "bypass_valve", least_pct=least_pct)], period_s=PERIOD_S)


class Rig:
    """Valves that are where they were told, unless they are held somewhere."""

    def __init__(self, plan, positions):
        self.plan, self.state, self.time_s = plan, initial_state(plan), 100.0
        self.positions = np.array(positions, dtype=float)
        self.held, self.bad = {}, set()

    def run(self, seconds, each=lambda: None):
        for _ in range(round(seconds / PERIOD_S)):
            for k, position in self.held.items():
                self.positions[k] = position
            quality = np.array(
                [Quality.BAD if k in self.bad else Quality.GOOD for k in range(BRANCHES + 1)], dtype=np.int64
            )
            value = np.where(quality == Quality.BAD, np.nan, self.positions)
            reason = np.full(BRANCHES + 1, int(Reason.NONE), dtype=np.int64)
            self.time_s += PERIOD_S
            snapshot = Snapshot(value, quality, reason, np.zeros(BRANCHES + 1))
            self.state, decision = step(self.plan, self.state, snapshot, self.time_s)
            self.decision = decision
            moved = np.isfinite(decision.commands)
            self.positions[moved] = decision.commands[moved]
            each()
        return self


def test_it_stays_shut_while_one_branch_is_wide_open():
    rig = Rig(plan_of(branch_pct=50.0), [50.0, 50.0, 0.0]).run(60.0)
    assert rig.positions[BYPASS] == 0.0


def test_it_never_closes_below_its_configured_position():
    rig = Rig(plan_of(least_pct=15.0), [100.0, 100.0, 40.0]).run(60.0)
    assert rig.positions[BYPASS] == 15.0


@pytest.mark.parametrize(("branch_pct", "bypass_pct"), [(45.0, 20.0), (30.0, 80.0), (25.0, 100.0), (5.0, 100.0)])
def test_fm_08_it_opens_by_twice_what_the_branches_lack(branch_pct, bypass_pct):
    rig = Rig(plan_of(branch_pct=branch_pct), [branch_pct, branch_pct, 0.0]).run(60.0)
    assert rig.positions[BYPASS] == pytest.approx(bypass_pct)


def test_fm_08_a_branch_that_others_hold_shut_counts_as_shut_whatever_it_was_told():
    rig = Rig(plan_of(), [100.0, 100.0, 0.0])
    rig.held = {0: 0.0, 1: 20.0}
    assert rig.run(60.0).positions[BYPASS] == 100.0


def test_fm_08_branches_of_unknown_position_count_as_shut_and_the_bypass_closes_when_they_are_known():
    rig = Rig(plan_of(), [100.0, 100.0, 0.0])
    rig.bad = {0, 1}
    assert rig.run(60.0).positions[BYPASS] == 100.0
    rig.bad = set()
    assert rig.run(60.0).positions[BYPASS] == 0.0


def test_fm_11_it_moves_within_its_rate():
    rig, seen = Rig(plan_of(branch_pct=10.0), [10.0, 10.0, 0.0]), []
    rig.run(60.0, lambda: seen.append(rig.positions[BYPASS]))
    assert np.abs(np.diff(seen)).max() <= RATE * PERIOD_S + 1e-9


def test_fm_46_it_is_adopted_where_it_is_and_left_alone_while_it_is_out_of_touch():
    rig = Rig(plan_of(), [0.0, 0.0, 63.0])
    rig.bad = {BYPASS}
    rig.run(5.0)
    assert np.isnan(rig.decision.commands[BYPASS])
    rig.bad = set()
    rig.run(PERIOD_S)
    assert rig.decision.commands[BYPASS] == 63.0


def test_a_bypass_looks_at_the_branches_beside_it_alone():
    plan = plan_of(branch_pct=20.0)
    plan.limits[BYPASS, 6] = 1.0  # another manifold's, which has no branches of ours
    assert Rig(plan, [100.0, 100.0, 0.0]).run(60.0).positions[BYPASS] == 100.0

"""The balancing of branches, rule by rule, on two branches whose flow follows their valves."""

import math

import numpy as np
import pytest

from coolantd.control.branch_layout import (
    B_HAD_RATIO,
    B_RISE_K,
    B_STATE,
    B_TARGET_PCT,
    B_WANTED_RATIO,
    BranchState,
)
from coolantd.control.branch_plan import BalanceParameters, BranchParameters, pump_requests
from coolantd.control.branch_shares import HOLD_S, LEAST_FLOW_LPM
from coolantd.control.branches import SHORT_DELAY_S, moved_pct, opening_for
from coolantd.control.plan import ActuatorParameters, make_plan
from coolantd.control.step import carry_state, initial_state, step
from coolantd.point import Quality, Reason, Snapshot

PERIOD_S = 0.5
RATE = 2.0
FULL_LPM = 100.0
"""Flow of a clean branch with its valve open."""
CAPACITY = 4.0
BRANCHES = 2
WHAT = ("flow", "supply", "return", "position", "power")


def row(branch, what):
    return branch * len(WHAT) + WHAT.index(what)


def plan_of(*, power=False, **options):
    actuators = [
        ActuatorParameters(
            device="manifold",
            name=f"valve{k}",
            role="branch_valve",
            minimum=0.0,
            maximum=100.0,
            zero_allowed=False,
            slew_pct_per_s=RATE,
            position=row(k, "position"),
            readback=None,
            cdu=None,
        )
        for k in range(BRANCHES)
    ]
    branches = tuple(
        BranchParameters(
            name=str(k + 1),
            actuator=k,
            flow=row(k, "flow"),
            supply_temp=row(k, "supply"),
            return_temp=row(k, "return"),
            power=row(k, "power") if power else None,
        )
        for k in range(BRANCHES)
    )
    defaults = {"period_s": 30.0, "capacity_kj_l_k": CAPACITY, "minimum_pct": 20.0}
    manifold = BalanceParameters(name="manifold", cdu=None, branches=branches, **(defaults | options))
    return make_plan([], actuators, period_s=PERIOD_S, manifolds=[manifold])


class Manifold:
    """Two branches under a constant pressure: flow follows the valve at once, coolant rise follows the flow."""

    def __init__(self, plan, heat_kw=(50.0, 50.0), resistance=(1.0, 1.0), characteristic=lambda x: x):
        self.plan, self.state = plan, initial_state(plan)
        self.heat_kw, self.resistance, self.characteristic = list(heat_kw), list(resistance), characteristic
        self.valve_pct = [100.0, 100.0]
        self.lost, self.now_s, self.decision = set(), 100.0, None
        self.stuck = {}

    def snapshot(self):
        value = np.empty(BRANCHES * len(WHAT))
        for k in range(BRANCHES):
            flow_lpm = FULL_LPM * self.characteristic(self.valve_pct[k] / 100.0) / self.resistance[k]
            rise_k = self.heat_kw[k] * 60.0 / (CAPACITY * flow_lpm)
            value[row(k, "flow") : row(k, "power") + 1] = (
                flow_lpm,
                34.0,
                34.0 + rise_k,
                self.valve_pct[k],
                self.heat_kw[k],
            )
        quality = np.full(value.size, int(Quality.GOOD), dtype=np.int64)
        reason = np.zeros(value.size, dtype=np.int64)
        for branch, what in self.lost:
            value[row(branch, what)] = math.nan
            quality[row(branch, what)], reason[row(branch, what)] = int(Quality.BAD), int(Reason.SENSOR_FAILURE)
        return Snapshot(value, quality, reason, np.zeros(value.size))

    def run(self, duration_s):
        """Return the commands, one row per cycle."""
        rows = []
        for _ in range(round(duration_s / PERIOD_S)):
            self.now_s += PERIOD_S
            self.state, self.decision = step(self.plan, self.state, self.snapshot(), self.now_s)
            assert not self.decision.refusals.any()
            rows.append(self.decision.commands.copy())
            for k, command in enumerate(self.decision.commands):
                if np.isfinite(command):
                    self.valve_pct[k] = self.stuck.get(k, command)
        return np.array(rows)

    def of(self, column):
        return self.state.branch_b[:, column]

    def states(self):
        return [BranchState(int(code)) for code in self.of(B_STATE)]


@pytest.mark.parametrize("power", [False, True])
def test_the_branch_with_less_heat_closes_to_its_share_and_the_other_stays_open(power):
    manifold = Manifold(plan_of(power=power), heat_kw=(30.0, 50.0))
    manifold.run(600.0)
    assert manifold.valve_pct[1] == 100.0
    assert manifold.valve_pct[0] == pytest.approx(60.0, rel=0.04)
    assert manifold.of(B_HAD_RATIO) == pytest.approx(manifold.of(B_WANTED_RATIO), rel=0.04)
    assert manifold.of(B_RISE_K) == pytest.approx([7.5, 7.5], rel=0.04)
    assert manifold.states() == [BranchState.BALANCED] * 2


def test_the_neediest_valve_opens_fully_wherever_both_began():
    manifold = Manifold(plan_of(), heat_kw=(40.0, 40.0))
    manifold.valve_pct = [50.0, 70.0]
    manifold.run(900.0)
    assert max(manifold.valve_pct) >= 97.0
    assert manifold.valve_pct[0] == pytest.approx(manifold.valve_pct[1], rel=0.05)


def test_nothing_moves_before_a_whole_period_has_been_watched_nor_inside_the_deadband():
    manifold = Manifold(plan_of(), heat_kw=(30.0, 50.0))
    assert (manifold.run(29.5) == 100.0).all()
    assert manifold.run(1.5)[-1, 0] < 100.0
    rested = Manifold(plan_of(deadband_ratio=0.1), heat_kw=(46.0, 50.0))
    assert (rested.run(300.0) == 100.0).all()


def test_a_move_is_limited_in_size_and_in_rate():
    manifold = Manifold(plan_of(step_pct=10.0), heat_kw=(10.0, 50.0))
    commands = manifold.run(59.5)[:, 0]
    assert commands.min() == pytest.approx(90.0)
    assert np.abs(np.diff(commands)).max() <= RATE * PERIOD_S + 1e-9


def test_no_valve_closes_beyond_its_minimum_however_little_its_rack_does():
    manifold = Manifold(plan_of(minimum_pct=35.0), heat_kw=(0.0, 50.0))
    assert manifold.run(1800.0).min() >= 35.0
    assert manifold.valve_pct[0] == pytest.approx(35.0, rel=0.03)


def test_no_branch_is_throttled_for_a_blocked_one_beyond_the_largest_coolant_rise():
    manifold = Manifold(plan_of(coolant_rise_max_k=12.0), heat_kw=(60.0, 60.0), resistance=(1.0, 3.0))
    manifold.run(1200.0)
    assert manifold.valve_pct[1] == 100.0
    assert manifold.of(B_RISE_K)[0] == pytest.approx(12.0, rel=0.04)
    assert manifold.states() == [BranchState.BALANCED, BranchState.SHORT]
    assert pump_requests(manifold.plan.branches, manifold.state.branch_b, 0).size == 0


def test_a_branch_is_called_short_only_after_its_time():
    manifold = Manifold(plan_of(coolant_rise_max_k=12.0), heat_kw=(60.0, 60.0), resistance=(1.0, 3.0))
    manifold.run(SHORT_DELAY_S - 1.0)
    assert manifold.states()[1] is BranchState.BALANCED
    manifold.run(3.0)
    assert manifold.states()[1] is BranchState.SHORT


def test_a_rack_that_wakes_up_behind_a_throttled_valve_is_not_left_waiting_for_the_period():
    manifold = Manifold(plan_of(coolant_rise_max_k=12.0, period_s=300.0), heat_kw=(5.0, 60.0))
    manifold.valve_pct = [25.0, 100.0]
    manifold.run(5.0)
    manifold.heat_kw[0] = 60.0
    commands = manifold.run(60.0)[:, 0]
    assert commands[20] == pytest.approx(25.0 + RATE * PERIOD_S * 21, abs=2.0)
    assert commands[-1] == 100.0


@pytest.mark.parametrize("what", ["flow", "supply", "return"])
def test_a_branch_without_a_good_sensor_opens_after_a_moment_and_the_other_goes_on(what):
    manifold = Manifold(plan_of(), heat_kw=(30.0, 50.0))
    manifold.run(600.0)
    at_pct = manifold.valve_pct[0]
    manifold.lost = {(0, what)}
    assert (manifold.run(HOLD_S - 0.5)[:, 0] == at_pct).all()
    manifold.run(60.0)
    assert manifold.valve_pct == [100.0, 100.0]
    assert manifold.states() == [BranchState.OPEN, BranchState.BALANCED]
    assert np.isnan(manifold.of(B_WANTED_RATIO)[0])
    manifold.lost = set()
    manifold.run(600.0)
    assert manifold.valve_pct[0] == pytest.approx(60.0, rel=0.04)


def test_a_rack_of_unknown_power_opens_although_its_temperatures_are_good():
    manifold = Manifold(plan_of(power=True), heat_kw=(30.0, 50.0))
    manifold.run(600.0)
    manifold.lost = {(0, "power")}
    manifold.run(60.0)
    assert manifold.valve_pct[0] == 100.0


def test_a_manifold_out_of_touch_is_left_where_it_is_and_adopted_when_it_returns():
    manifold = Manifold(plan_of(), heat_kw=(30.0, 50.0))
    manifold.run(600.0)
    manifold.lost = {(k, what) for k in range(BRANCHES) for what in WHAT}
    assert np.isnan(manifold.run(120.0)).all()
    assert manifold.states() == [BranchState.HELD] * 2
    manifold.valve_pct = [70.0, 80.0]  # somebody moved them meanwhile
    manifold.lost = set()
    assert manifold.run(PERIOD_S)[0] == pytest.approx([70.0, 80.0])


def test_one_branch_that_is_out_of_touch_alone_does_not_hold_the_others():
    manifold = Manifold(plan_of(), heat_kw=(30.0, 50.0))
    manifold.lost = {(1, what) for what in WHAT}
    commands = manifold.run(300.0)
    assert np.isnan(commands[:, 1]).all()
    assert manifold.states() == [BranchState.BALANCED, BranchState.HELD]


def test_without_any_heat_every_valve_opens():
    manifold = Manifold(plan_of(), heat_kw=(0.1, 0.2))
    manifold.valve_pct = [40.0, 60.0]
    manifold.run(1200.0)
    assert min(manifold.valve_pct) >= 97.0


def test_a_stuck_valve_is_judged_where_it_is_and_closes_nobody_for_good():
    manifold = Manifold(plan_of(coolant_rise_max_k=12.0), heat_kw=(60.0, 60.0))
    manifold.stuck = {1: 30.0}
    manifold.valve_pct[1] = 30.0
    commands = manifold.run(1200.0)
    assert commands[-1, 1] == 100.0
    assert manifold.of(B_RISE_K)[0] <= 12.5


def test_an_equal_percentage_valve_settles_without_swinging():
    """R = 50: near open, flow moves by 3.9 % per % of valve; taken for linear it would swing."""
    curve = lambda x: 50.0 ** (x - 1.0)  # noqa: E731 - a formula
    manifold = Manifold(plan_of(rangeability_ratio=50.0), heat_kw=(10.0, 50.0), characteristic=curve)
    manifold.run(600.0)
    assert manifold.of(B_HAD_RATIO) == pytest.approx(manifold.of(B_WANTED_RATIO), rel=0.05)
    assert np.ptp(manifold.run(600.0), axis=0).max() == 0.0


@pytest.mark.parametrize("opening", [0.2, 0.45, 1.0])
def test_a_valve_is_turned_by_what_its_characteristic_says(opening):
    assert opening_for(80.0, opening, math.nan) == pytest.approx(80.0 * opening)
    curved_pct = opening_for(80.0, opening, math.log(50.0))
    assert 50.0 ** (curved_pct / 100.0 - 1.0) == pytest.approx(opening * 50.0 ** (0.8 - 1.0))


def test_a_target_beyond_open_is_never_asked_for():
    plan = plan_of(open_pct=90.0)
    assert moved_pct(plan.branches.m[0], 88.0, 120.0) <= 90.0
    manifold = Manifold(plan)
    manifold.run(300.0)
    assert max(manifold.valve_pct) == pytest.approx(90.0, rel=0.03)


def test_a_flow_of_nothing_is_not_divided_by():
    manifold = Manifold(plan_of(), resistance=(1.0, 2.0 * FULL_LPM / LEAST_FLOW_LPM))
    manifold.run(60.0)
    assert manifold.states() == [BranchState.BALANCED, BranchState.OPEN]


def test_a_reload_keeps_what_is_known_and_moves_nothing():
    manifold = Manifold(plan_of(), heat_kw=(30.0, 50.0))
    manifold.run(600.0)
    before = manifold.of(B_TARGET_PCT).copy()
    plan = plan_of(period_s=60.0)
    manifold.state, manifold.plan = carry_state(manifold.plan, manifold.state, plan), plan
    manifold.run(20.0)
    assert manifold.of(B_TARGET_PCT) == pytest.approx(before)
    other = plan_of()
    renamed = make_plan(
        [], other.actuators, period_s=PERIOD_S,
        manifolds=[BalanceParameters(name="other", cdu=None, branches=other.branches.manifolds[0].branches)],
    )  # fmt: skip
    assert np.isnan(carry_state(manifold.plan, manifold.state, renamed).branch_b[:, B_WANTED_RATIO]).all()

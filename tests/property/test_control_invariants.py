"""No input whatever makes ``step`` command what it must not: I1, I2, I3, and compiled code that is the same law.

The device is an adversary: every value, quality, reason and time step is drawn, with ordinary values in between so
that every mode is reached.
"""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.control.branch_plan import BalanceParameters, BranchParameters
from coolantd.control.golden import golden_plan, golden_plans, golden_trace, model_plan
from coolantd.control.plan import make_plan
from coolantd.control.pump_plan import PumpGroupParameters
from coolantd.control.sensor_layout import MIDDLE, MOVED_BY_HEAT
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, WatchParameters
from coolantd.control.stages import compiled_stages
from coolantd.control.step import DT_MAX_PERIODS, initial_state, step
from coolantd.point import Quality, Reason, Snapshot
from coolantd.safety.envelope import Refusal
from coolantd.safety.hazards import Force
from coolantd.safety.modes import Mode

EXAMPLES = int(os.environ.get("COOLANTD_EXAMPLES", "150"))
POINTS = 15
SUPPLY, PRESSURE, VALVE, PUMP, VALVE_RB, PUMP_RB, DEW, HEAT, REMOTE, PUMP2, PUMP2_RB, BRANCH, SPARE = range(13)
SECOND, VOTED = 13, 14
ORDINARY = np.array([34.0, 90.0, 50.0, 70.0, 50.0, 70.0, 17.0, 400.0, 1.0, 70.0, 70.0, 80.0, 0.0, 34.2, np.nan])
READBACKS = {0: VALVE_RB, 1: PUMP_RB, 2: PUMP2_RB}


def plan_of(**changes):
    """Return the golden plan with a second pump and a branch valve."""
    golden = golden_plan()
    valve, pump = golden.actuators
    pump2 = replace(pump, name="pump2", position=PUMP2, readback=PUMP2_RB)
    branch = replace(valve, device="manifold", name="branch", role="branch_valve", position=BRANCH, readback=None)
    cdu = replace(golden.cdus[0], pumps=(1, 2), required=(*golden.cdus[0].required, PUMP2, PUMP2_RB), **changes)
    return make_plan([cdu], [valve, pump, pump2, replace(branch, cdu=None, fixed_pct=100.0)], period_s=0.5)


def balanced_plan(**options):
    """Return the same with its branch valve balanced, measured by points whose numbers pass for a branch's."""
    plan = plan_of()
    *others, valve = plan.actuators
    branch = BranchParameters(name="1", actuator=3, flow=HEAT, supply_temp=DEW, return_temp=SUPPLY)
    manifold = BalanceParameters(name="manifold", cdu=0, branches=(branch,), period_s=10.0, **options)
    actuators = [*others, replace(valve, fixed_pct=float("nan"))]
    return make_plan(plan.cdus, actuators, period_s=0.5, manifolds=[manifold])


def voting_plan():
    """Return the same with a second supply sensor that votes, and both watched for standing still."""
    plan = plan_of()
    vote = VoteParameters(
        tag="voted", members=("a", "b"), cdu=0, point=VOTED, member_points=(SUPPLY, SECOND), rule=MIDDLE, safe=1,
        apart=1.0, apart_s=3.0, rate_per_s=0.02, drift=0.4,
    )  # fmt: skip
    watches = tuple(
        WatchParameters(tag=str(row), cdu=0, point=row, kind=MOVED_BY_HEAT, beside=-1, still_s=2.0, doubt=10.0,
                        refuse=20.0, heat_kw=1000.0)
        for row in (SUPPLY, SECOND)
    )  # fmt: skip
    cdu = plan.cdus[0]
    required = tuple(VOTED if row == SUPPLY else row for row in cdu.required)
    cdu = replace(cdu, supply_temp=replace(cdu.supply_temp, point=VOTED), required=required)
    return make_plan([cdu], plan.actuators, period_s=0.5, sensors=SensorPlan((vote,), watches))


AUTOMATIC = plan_of()
MODELLED = plan_of(model=model_plan().cdus[0].model)
GROUP = PumpGroupParameters(duty=1, rotation_s=60.0, run_times=(HEAT, SPARE), faults=((SPARE,), (DEW,)))
STANDBY = plan_of(pump_group=GROUP)
RESET = plan_of(model=model_plan().cdus[0].model, reset=model_plan().cdus[0].reset)
PLANS = [
    AUTOMATIC,
    plan_of(wants_manual=True),
    plan_of(remote=None),
    MODELLED,
    STANDBY,
    RESET,
    balanced_plan(),
    balanced_plan(rangeability_ratio=50.0),
    voting_plan(),
]

nasty = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 0.0, -0.0, 1e9, -1e6])
value = st.one_of(st.floats(allow_nan=True, allow_infinity=True), nasty, st.floats(-5.0, 110.0))
disturbance = st.tuples(
    st.integers(0, POINTS - 1),
    value,
    st.sampled_from([int(q) for q in Quality]),
    st.sampled_from([int(r) for r in Reason]),
)
time_step = st.one_of(st.just(0.5), st.floats(-1.0, 20.0), st.sampled_from([0.0, 1e-12, 1e6]))
cycle = st.tuples(st.lists(disturbance, max_size=4), time_step, st.integers(1, 4))
story = st.lists(cycle, min_size=1, max_size=25)


class World:
    """Points that return to ordinary values between disturbances; actuators that follow their commands."""

    def __init__(self, plan):
        self.plan, self.state, self.now_s = plan, initial_state(plan), 100.0
        self.noise = 0.01  # a sensor that never moves is refused, and rightly so
        self.value = ORDINARY.copy()

    def step(self, disturbances, dt_s):
        self.noise = -self.noise
        value = self.value.copy()
        value[[SUPPLY, SECOND]] += self.noise
        quality = np.full(POINTS, int(Quality.GOOD), dtype=np.int64)
        reason = np.zeros(POINTS, dtype=np.int64)
        for row, number, its_quality, its_reason in disturbances:
            value[row], quality[row], reason[row] = number, its_quality, its_reason
        self.now_s += dt_s
        snapshot = Snapshot(value, quality, reason, np.zeros(POINTS))
        self.before = self.state
        self.state, decision = step(self.plan, self.state, snapshot, self.now_s)
        self._follow(decision)
        return snapshot, decision

    def _follow(self, decision):
        for i, command in enumerate(decision.commands):
            if np.isfinite(command):
                self.value[self.plan.actuators[i].position] = command
                if i in READBACKS:
                    self.value[READBACKS[i]] = command


def in_range(actuator, command):
    off = command == 0.0 and actuator.zero_allowed
    return off or actuator.minimum - 1e-6 <= command <= actuator.maximum + 1e-6


def slew_kept(world, i, command, snapshot, *, starting, forced):
    """A command is within slew of the last one, or it is the measured position being adopted, or a start or stop.

    An interlock moves an actuator from where it was adopted in the same cycle.
    """
    actuator, last = world.plan.actuators[i], world.before.a[i, 0]
    reach = actuator.slew_pct_per_s * DT_MAX_PERIODS * world.plan.period_s + 1e-5
    if np.isfinite(last) and abs(command - last) <= reach:
        return True
    if actuator.zero_allowed and last < actuator.minimum:
        fastest = np.nanmax([*world.before.a[1:3, 0], actuator.minimum])
        return command == actuator.failsafe_pct or actuator.minimum <= command <= fastest
    if actuator.zero_allowed and command == 0.0 and last <= actuator.minimum:
        return True
    measured = snapshot.value[actuator.position]
    adopts = starting or not np.isfinite(last)
    off = command == 0.0 and measured < actuator.minimum
    away = abs(command - np.clip(measured, actuator.minimum, actuator.maximum))
    return adopts and (off or away <= (reach if forced else 1e-6))


@settings(max_examples=EXAMPLES, deadline=None)
@given(story, st.sampled_from(PLANS))
def test_i1_i3_no_input_whatever_yields_a_command_outside_its_limits(events, plan):
    world = World(plan)
    for disturbances, dt_s, times in events:
        for _ in range(times):
            snapshot, decision = world.step(disturbances, dt_s)
            starting = decision.modes[0] == Mode.STARTING
            for i, command in enumerate(decision.commands):
                if not np.isfinite(command):
                    assert np.isnan(command)
                    continue
                assert in_range(plan.actuators[i], command)
                substituted = decision.refusals[i] == Refusal.LAST_PUMP
                forced = decision.forced[i] != Force.NONE
                assert substituted or slew_kept(world, i, command, snapshot, starting=starting, forced=forced)
            pumps = [decision.commands[i] for i in (1, 2)]
            if np.isfinite(pumps).all():
                assert max(pumps) >= plan.actuators[1].minimum
            assert np.isfinite(world.state.d[0, :2]).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(story)
def test_i2_inputs_bad_beyond_their_hold_time_always_end_in_failsafe(events):
    world = World(AUTOMATIC)
    bad_s = {SUPPLY: 0.0, PRESSURE: 0.0}
    for disturbances, dt_s, times in events:
        for _ in range(times):
            before_s = world.now_s
            snapshot, decision = world.step(disturbances, dt_s)
            counted_s = min(max(world.now_s - before_s, 1e-3), DT_MAX_PERIODS * AUTOMATIC.period_s)
            for row, so_far_s in bad_s.items():
                usable = snapshot.quality[row] != Quality.BAD and abs(snapshot.value[row]) < 1e9
                bad_s[row] = 0.0 if usable else so_far_s + counted_s
            if max(bad_s.values()) > AUTOMATIC.cdus[0].supply_temp.hold_s + 1e-9:
                assert decision.modes[0] == Mode.FAILSAFE


@settings(max_examples=EXAMPLES, deadline=None)
@given(story, st.sampled_from([AUTOMATIC, MODELLED, STANDBY, RESET, PLANS[-1]]))
def test_i6_whatever_came_before_ordinary_inputs_lead_back_to_control(events, plan):
    world = World(plan)
    for disturbances, dt_s, times in events:
        for _ in range(times):
            world.step(disturbances, dt_s)
    for _ in range(10):
        _, decision = world.step([], 0.5)
    assert decision.modes[0] == Mode.AUTOMATIC
    assert np.isfinite(decision.commands).all()
    assert np.isfinite(world.state.s).all()
    assert np.isfinite(world.state.branch_b).all()


@pytest.fixture(scope="module")
def compiled(stages):
    return stages


@pytest.fixture(scope="module")
def bounds_checked():
    return compiled_stages(cache=False, boundscheck=True)


@pytest.mark.parametrize("plan", golden_plans(), ids=("plain", "model", "branches", "votes", "group", "pumps"))
def test_fm_29_the_compiled_law_reproduces_the_golden_run_to_the_bit(compiled, plan):
    found, expected = golden_trace(plan.with_kernels(compiled)), golden_trace(plan)
    assert np.array_equal(found, expected, equal_nan=True)


@settings(max_examples=EXAMPLES, deadline=None)
@given(story, st.sampled_from(PLANS))
def test_the_compiled_law_is_the_interpreted_one_to_the_bit(compiled, events, plan):
    same_law(plan, compiled, events)


@pytest.mark.timeout(600)  # compiling with bounds checks, on a busy machine
@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(story, st.sampled_from(PLANS))
def test_the_compiled_law_never_reaches_outside_its_arrays(bounds_checked, events, plan):
    same_law(plan, bounds_checked, events)


def same_law(plan, kernels, events):
    ours, theirs = World(plan), World(plan.with_kernels(kernels))
    for disturbances, dt_s, times in events:
        for _ in range(times):
            a, b = ours.step(disturbances, dt_s)[1], theirs.step(disturbances, dt_s)[1]
            for name in ("commands", "demands", "refusals", "modes", "causes", "setpoints", "outputs"):
                assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True), name
            for name in ("s", "branch_b", "g", "u", "reset"):
                assert np.array_equal(getattr(ours.state, name), getattr(theirs.state, name), equal_nan=True), name

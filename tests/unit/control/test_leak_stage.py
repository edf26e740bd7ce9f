"""Leaks in the whole step: above operators, behind control, before the envelope; two zones on a manifold of three."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from test_branches import FULL_LPM

from coolantd.control.branch_layout import B_STATE, BranchState
from coolantd.control.branch_plan import BalanceParameters, BranchParameters
from coolantd.control.conditions import Condition
from coolantd.control.golden import golden_plan
from coolantd.control.plan import ActuatorParameters, make_plan
from coolantd.control.step import carry_state, initial_state, step
from coolantd.point import Quality, Reason, Snapshot
from coolantd.safety.hazards import Force
from coolantd.safety.leak_layout import Z_ISOLATE, Z_STEP, Kind, Level, Step, StepState
from coolantd.safety.leak_orders import acknowledge
from coolantd.safety.leak_plan import DetectorParameters, ZoneParameters, pack_leaks
from coolantd.safety.modes import Mode
from coolantd.safety.requests import Request

PERIOD_S, RATE = 0.5, 5.0
BRANCHES = 3
POSITION, BYPASS_POSITION, ROPE, SPOT, KW, FLOW, SUPPLY, RETURN = 0, 3, 4, 6, 8, 9, 12, 13
POINTS = 16


def valve(name, role, position, **more):
    given = {"minimum": 0.0, "maximum": 100.0, "zero_allowed": False, "slew_pct_per_s": RATE, "readback": None,
             "cdu": None, "paths": 0}  # fmt: skip
    return ActuatorParameters(device="manifold", name=name, role=role, position=position, **(given | more))


def zone(branch, **more):
    spots = [DetectorParameters(tag=f"m.{k}", point=k, level=Level.MAJOR, wet_above=0.5) for k in (ROPE, SPOT)]
    spots = [replace(each, point=each.point + branch) for each in spots] if branch < 2 else spots
    given = {"isolate_at": Level.MAJOR, "valve": branch, "valve_position": POSITION + branch, "bypass": BRANCHES,
             "bypass_position": BYPASS_POSITION, "bypass_timeout_s": 2.0, "off_s": 0.0}  # fmt: skip
    return ZoneParameters(
        name=f"rack{branch}", kind=Kind.BRANCH, place=f"rack{branch}", detectors=tuple(spots), **(given | more)
    )


def plan_of(*zones, balanced=False):
    fixed = {} if balanced else {"fixed_pct": 100.0}
    actuators = [valve(f"v{k}", "branch_valve", POSITION + k, **fixed) for k in range(BRANCHES)]
    actuators.append(valve("bypass", "bypass_valve", BYPASS_POSITION))
    branches = tuple(
        BranchParameters(name=str(k), actuator=k, flow=FLOW + k, supply_temp=SUPPLY, return_temp=RETURN + k)
        for k in range(BRANCHES)
    )
    manifolds = [BalanceParameters(name="m", cdu=None, branches=branches)] if balanced else []
    plan = make_plan([], actuators, period_s=PERIOD_S, manifolds=manifolds)
    return replace(plan, leaks=pack_leaks(zones))


class Plant:
    """Valves that go where they are told."""

    def __init__(self, plan):
        self.plan, self.state = plan, initial_state(plan)
        self.value = np.zeros(POINTS)
        self.value[POSITION : POSITION + BRANCHES] = 100.0
        self.value[SUPPLY], self.value[RETURN : RETURN + BRANCHES] = 20.0, 30.0
        self.now_s = 100.0

    def run(self, cycles=1):
        for _ in range(cycles):
            self.value[FLOW : FLOW + BRANCHES] = self.value[:BRANCHES] / 100.0 * FULL_LPM
            good = np.full(POINTS, int(Quality.GOOD))
            snapshot = Snapshot(self.value.copy(), good, np.full(POINTS, int(Reason.NONE)), np.zeros(POINTS))
            self.state, self.decision = step(self.plan, self.state, snapshot, self.now_s)
            self.now_s += PERIOD_S
            told = np.isfinite(self.decision.commands)
            self.value[:4][told] = self.decision.commands[told]
        return self.decision

    def leak(self, branch, wet=1.0):
        self.value[[ROPE + branch, SPOT + branch]] = wet


def test_fm_04_the_bypass_opens_then_the_branch_shuts_and_the_others_stay():
    plant = Plant(plan_of(zone(0)))
    plant.run(3)
    plant.leak(0)
    first = plant.run()
    assert first.commands[:3].tolist() == [100.0, 100.0, 100.0]
    assert first.commands[3] == RATE * PERIOD_S
    assert first.forced.tolist() == [Force.NONE, Force.NONE, Force.NONE, Force.INTERLOCK]
    plant.run(4)
    assert plant.decision.commands[0] == 100.0 - RATE * PERIOD_S
    plant.run(60)
    assert plant.decision.commands.tolist() == [0.0, 100.0, 100.0, 100.0]
    assert not plant.decision.refusals.any()
    plant.leak(0, 0.0)
    plant.run(100)
    assert plant.decision.commands[0] == 0.0


def test_i7_after_an_acknowledgement_control_opens_the_branch_at_its_slew_and_shuts_the_bypass():
    plant = Plant(plan_of(zone(0)))
    plant.run(3)
    plant.leak(0)
    plant.run(80)
    plant.leak(0, 0.0)
    plant.run(2)
    (z, d), refusal = acknowledge(plant.plan.leaks, (plant.state.leak_z, plant.state.leak_d), 0)
    assert refusal == ""
    plant.state = replace(plant.state, leak_z=z, leak_d=d)
    positions = [float(plant.run().commands[0]) for _ in range(60)]
    assert np.diff([0.0, *positions]).max() <= RATE * PERIOD_S + 1e-9
    assert positions[-1] == 100.0
    assert (plant.decision.commands[3], plant.decision.forced.any()) == (0.0, False)


def test_a_request_stands_beside_those_of_the_cdus():
    plant = Plant(plan_of(zone(0, power_at=Level.MAJOR, power=(KW,)), zone(1)))
    plant.value[KW] = 50.0
    plant.run(2)
    plant.leak(0)
    decision = plant.run()
    assert decision.requests.shape == (0, len(Request))
    assert decision.zone_requests[:, Request.POWER_OFF].tolist() == [1, 0]
    assert decision.zone_requests[:, Request.REDUCE_LOAD].tolist() == [0, 0]
    plant.run(5)
    assert plant.decision.commands[0] == 100.0
    plant.value[KW] = 0.0
    plant.run(6)
    assert plant.decision.commands[0] < 100.0


def test_i7_a_latch_goes_over_a_reload_and_into_the_arrays_of_a_new_plan():
    plant = Plant(plan_of(zone(0)))
    plant.run(3)
    plant.leak(0)
    plant.run(80)
    new = plan_of(zone(1), zone(0))
    plant.state, plant.plan = carry_state(plant.plan, plant.state, new), new
    plant.leak(0, 0.0)
    plant.run(20)
    assert plant.state.leak_z[:, Z_ISOLATE].tolist() == [0.0, 1.0]
    assert plant.state.leak_z[1, Z_STEP + Step.VALVE] == StepState.CONFIRMED
    assert plant.decision.commands[:2].tolist() == [0.0, 100.0]


@pytest.mark.parametrize("zones", [(), (zone(0),)])
def test_without_a_leak_nothing_is_forced(zones):
    plant = Plant(plan_of(*zones))
    decision = plant.run(10)
    assert (decision.forced.any(), decision.zone_requests.any()) == (False, False)
    assert decision.commands[:3].tolist() == [100.0] * 3


def test_a_branch_that_is_shut_off_throttles_no_other_and_is_not_called_starved():
    plant = Plant(plan_of(zone(0, bypass=None), balanced=True))
    plant.run(20)
    plant.leak(0)
    conditions = set()
    for _ in range(1000):
        decision = plant.run()
        conditions |= {Condition(k) for _, k in np.argwhere(decision.conditions)}
    assert decision.commands[:3].tolist() == [0.0, 100.0, 100.0]
    assert plant.state.branch_b[:, B_STATE].tolist() == [BranchState.HELD, BranchState.BALANCED, BranchState.BALANCED]
    assert conditions == set()


class CduPlant:
    """The golden CDU, adopted and obedient, with two leak detectors and a power meter behind its points."""

    def __init__(self):
        detectors = tuple(
            DetectorParameters(tag=f"m.{k}", point=k, level=Level.MAJOR, wet_above=0.5) for k in (WET_A, WET_B)
        )
        zone = ZoneParameters(name="skid", kind=Kind.CDU, place="skid", detectors=detectors, cdu=0, power=(METER,),
                              isolate_at=Level.MAJOR, power_at=Level.MAJOR, power_timeout_s=2.0)  # fmt: skip
        self.plan = replace(golden_plan(), leaks=pack_leaks([zone]))
        self.state, self.now_s = initial_state(self.plan), 1000.0
        self.value = np.array([34.0, 90.0, 50.0, 70.0, 50.0, 70.0, 17.0, 400.0, 1.0, 0.0, 0.0, 80.0])
        self.speeds = []

    def run(self, cycles):
        for _ in range(cycles):
            n = len(self.value)
            good = np.full(n, int(Quality.GOOD)), np.full(n, int(Reason.NONE)), np.zeros(n)
            self.state, self.decision = step(self.plan, self.state, Snapshot(self.value.copy(), *good), self.now_s)
            self.now_s += self.plan.period_s
            for rows, command in zip(((2, 4), (3, 5)), self.decision.commands, strict=True):
                if np.isfinite(command):
                    self.value[list(rows)] = command
            self.speeds.append(float(self.value[3]))


WET_A, WET_B, METER = 9, 10, 11
PUMP = 1


def test_fm_05_i3_the_gate_lets_a_leak_stop_the_last_pump_once_the_power_is_off_and_not_before():
    plant = CduPlant()
    plant.run(10)
    assert plant.decision.modes[0] == Mode.AUTOMATIC
    plant.value[[WET_A, WET_B]] = 1.0
    plant.run(40)
    assert plant.decision.zone_requests[0, Request.POWER_OFF] == 1
    assert (plant.decision.modes[0], plant.value[3] > 0.0) == (Mode.AUTOMATIC, True)
    plant.value[METER] = 0.0
    plant.run(100)
    assert (plant.value[3], plant.decision.forced[PUMP], plant.decision.refusals[PUMP]) == (0.0, Force.TRIP, 0)
    assert plant.decision.modes[0] == Mode.TRIPPED
    slew = plant.plan.actuators[PUMP].slew_pct_per_s * plant.plan.period_s
    least = plant.plan.actuators[PUMP].minimum
    assert all(a - b <= slew + 1e-6 or a <= least + 1e-6 for a, b in itertools.pairwise(plant.speeds))
    plant.value[[WET_A, WET_B]] = 0.0
    plant.run(100)
    assert plant.value[3] == 0.0
    (z, d), refusal = acknowledge(plant.plan.leaks, (plant.state.leak_z, plant.state.leak_d), 0)
    plant.state = replace(plant.state, leak_z=z, leak_d=d)
    plant.run(200)
    assert (refusal, plant.decision.modes[0], plant.value[3] >= least) == ("", Mode.AUTOMATIC, True)

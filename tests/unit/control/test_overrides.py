"""Overrides in force: what an operator has, the loops leave alone, the last gate bounds, and failsafe outranks."""

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from control_rig import PERIOD_S, PUMP1, PUMP2, SLEW, VALVE, Rig, controlling, site
from override_rig import hold, release, standing, trace

from coolantd.control.layout import A_LAST, D_OVERRIDDEN, P_SETPOINT, PRESSURE, S_TRIAL, SUPPLY_TEMP
from coolantd.control.loops import FAILSAFE_HOLD_S
from coolantd.control.override_order import End, Kind, Standing
from coolantd.point import Quality, Reason
from coolantd.safety.hazards import Force
from coolantd.safety.modes import Cause, Mode


def test_i9_an_overridden_valve_goes_to_its_value_at_slew_and_nothing_moves_it_from_there():
    rig = hold(controlling(), "cdu0.valve", 80.0)
    moves = trace(rig, 60)
    assert np.abs(np.diff([55.0, *moves])).max() <= SLEW["valve"] * PERIOD_S + 1e-9
    rig.put(supply=25.0)  # far too cold: the loop would close it
    assert set(trace(rig, 100)) == {80.0}
    assert not rig.decision.refusals.any()
    assert (rig.mode(), rig.cause(), standing(rig)) == (Mode.OVERRIDE, Cause.OPERATOR_OVERRIDE, Standing.IN_FORCE)


def test_the_rest_of_the_cdu_goes_on_as_in_automatic():
    rig = hold(controlling(), "cdu0.valve", 80.0)
    rig.put(pressure=70.0)
    before = rig.command(PUMP1)
    rig.step(20)
    assert rig.command(PUMP1) > before + 1.0


@pytest.mark.parametrize("value", [20.0, 95.0])
@pytest.mark.parametrize("end", ["release", "lease"])
def test_fm_24_the_end_is_bumpless_from_wherever_the_valve_was_held(value, end):
    rig = hold(controlling(), "cdu0.valve", value, lease_s=60.0)
    rig.put(supply=39.0)
    rig.step(119 if end == "lease" else 100)
    assert rig.command() == value
    if end == "release":
        release(rig, "cdu0.valve")
    moves = np.diff([value, *trace(rig, 60)])
    assert np.abs(moves).max() <= 1.0 + 1e-9
    assert moves.max() > 0.0 or value == 95.0, "the loop has it back"
    rig.step(300)
    assert rig.state.overrides == ()
    assert rig.cause() is Cause.NONE


def test_fm_24_a_lease_counts_in_time_and_not_in_cycles():
    rig = hold(controlling(), "cdu0.valve", 80.0, lease_s=600.0)
    rig.step(dt_s=1000.0)  # the process was stopped meanwhile
    assert rig.state.overrides[0].end is End.LEASE
    assert rig.state.overrides[0].left_s(rig.now_s) == 0.0


def test_after_the_end_it_says_why_for_a_cycle_even_if_there_was_nothing_to_return_from():
    rig = hold(controlling(), "cdu0.valve", 80.0, lease_s=10.0)
    rig.silence("valve_rb")
    rig.step(19)
    assert standing(rig) is Standing.CDU_NOT_CONTROLLED or standing(rig) is Standing.OUT_OF_TOUCH
    rig.step()
    assert rig.state.overrides[0].end is End.LEASE
    rig.step()
    assert rig.state.overrides == ()


def test_failsafe_outranks_an_override_in_the_very_cycle_in_which_it_begins():
    """The order of claims: bad data is no operator's business, and costs no cycle more than without an override."""
    rig, plain = hold(controlling(), "cdu0.valve", 5.0), controlling()
    hold(rig, "cdu0.pump1", 30.0)
    rig.step(100)
    for each in (rig, plain):
        each.silence("supply")
        each.step()
    assert rig.mode() is Mode.FAILSAFE
    assert standing(rig) is Standing.CDU_NOT_CONTROLLED
    assert rig.command(PUMP1) == pytest.approx(30.0 + SLEW["pump1"] * PERIOD_S)
    assert rig.cause() is plain.cause()
    rig.step(round(FAILSAFE_HOLD_S / PERIOD_S) + 1)
    assert rig.command(VALVE) > 5.0  # it rests first, as in every failsafe without a supply temperature


def test_an_override_that_was_outranked_is_in_force_again_afterwards_from_the_measured_position():
    rig = hold(controlling(), "cdu0.valve", 20.0)
    rig.step(60)
    rig.silence("supply")
    rig.step(20)
    rig.put(supply=34.0)
    rig.until(Mode.AUTOMATIC)
    last = rig.get("valve")
    moves = np.diff([last, *trace(rig, 60)])
    assert np.abs(moves).max() <= SLEW["valve"] * PERIOD_S + 1e-9
    assert rig.command() == 20.0


def test_fm_22_a_register_left_to_another_writer_is_theirs_and_not_the_operators():
    rig = hold(controlling(), "cdu0.valve", 80.0)
    rig.step(60)
    row = rig.row("valve_rb")
    rig.reason[row] = int(Reason.LOCAL_OVERRIDE)
    rig.step()
    assert math.isnan(rig.command())
    assert (standing(rig), rig.cause()) == (Standing.OTHER_WRITER, Cause.OTHER_WRITER)
    rig.put(valve=33.0, valve_rb=33.0)
    rig.follows = False
    assert rig.step().commands[VALVE] == 33.0, "adopted where it is measured"


def test_a_stopped_pump_is_replaced_and_comes_back_when_it_is_the_last_that_could_run():
    """I3: what would stop the only pump that could run is outranked."""
    rig = controlling()
    hold(rig, "cdu0.pump1", 0.0)
    rig.step(60)
    assert rig.command(PUMP1) == 0.0
    assert rig.command(PUMP2) > 25.0
    rig.follows = False
    for _ in range(40):
        rig.put(pump2=0.0, pump2_rb=rig.command(PUMP2) if math.isfinite(rig.command(PUMP2)) else 0.0)
        rig.step()
    assert standing(rig) is Standing.LAST_PUMP
    assert rig.command(PUMP1) >= 25.0


def test_with_every_pump_held_the_loop_follows_and_one_let_go_returns_gently():
    rig = hold(controlling(), "cdu0.pump1", 90.0)
    hold(rig, "cdu0.pump2", 80.0)
    rig.put(pressure=130.0)
    rig.step(100)
    assert list(rig.decision.commands[[PUMP1, PUMP2]]) == [90.0, 80.0]
    release(rig, "cdu0.pump2")
    moves = np.diff([80.0, *trace(rig, 100, PUMP2)])
    assert np.abs(moves).max() <= 1.0 + 1e-9
    assert moves.sum() < -5.0
    assert rig.command(PUMP1) == 90.0


def test_the_pressure_loops_output_is_shared_by_its_pumps_and_its_integral_follows():
    rig = hold(controlling(), "cdu0/pressure/output", 75.0)
    rig.put(pressure=40.0)
    rig.step(100)
    assert list(rig.decision.commands[[PUMP1, PUMP2]]) == [75.0, 75.0]
    assert rig.decision.outputs[0, PRESSURE] == 75.0
    release(rig, "cdu0/pressure/output")
    assert abs(rig.step().commands[PUMP1] - 75.0) <= 1.0


@pytest.mark.parametrize(
    ("key", "loop", "value"), [("cdu0/supply_temp", SUPPLY_TEMP, 30.0), ("cdu0/pressure", PRESSURE, 60.0)]
)
def test_an_overridden_setpoint_takes_the_configured_ones_place_by_its_ramp(key, loop, value):
    rig = controlling()
    before = rig.decision.setpoints[0, loop]
    hold(rig, key, value)
    rate = rig.plan.cdus[0].supply_temp.setpoint_rate_per_s if loop == SUPPLY_TEMP else 1.0
    assert abs(rig.step().setpoints[0, loop] - before) == pytest.approx(rate * PERIOD_S)
    rig.step(400)
    assert rig.decision.setpoints[0, loop] == pytest.approx(value)
    release(rig, key)
    rig.step(2)
    assert rig.state.overrides == ()
    rig.step(400)
    assert rig.decision.setpoints[0, loop] == pytest.approx(rig.plan.p[0, loop, P_SETPOINT])


def test_i4_the_dew_point_floor_stands_above_an_operators_setpoint():
    rig = hold(controlling(), "cdu0/supply_temp", 21.0)
    rig.put(dew=24.0)
    rig.step(800)
    assert rig.decision.setpoints[0, SUPPLY_TEMP] == pytest.approx(26.0)


def test_a_branch_valve_and_an_actuator_without_a_readback_are_held_too():
    plan = site(branches=2)
    rig = Rig(plan).until(Mode.AUTOMATIC)
    rig.step(4)
    hold(rig, "manifold.branch1", 40.0)
    moves = np.diff([100.0, *trace(rig, 100, 4)])
    assert np.abs(moves).max() <= SLEW["branch"] * PERIOD_S + 1e-9
    assert list(rig.decision.commands[3:]) == [100.0, 40.0]
    release(rig, "manifold.branch1")
    moves = np.diff([40.0, *trace(rig, 200, 4)])
    assert np.abs(moves).max() <= 1.0 + 1e-9
    assert rig.command(4) == 100.0


def test_manual_takes_an_override_of_an_actuator_and_stays_there_afterwards():
    rig = Rig(site(cdu={"wants_manual": True})).until(Mode.MANUAL)
    hold(rig, "cdu0.valve", 70.0)
    rig.step(60)
    assert (rig.command(), rig.cause()) == (70.0, Cause.OPERATOR_OVERRIDE)
    release(rig, "cdu0.valve")
    rig.step(300)
    assert rig.command() == 70.0
    assert rig.cause() is Cause.CONFIGURED_MANUAL


def test_a_reload_carries_an_override_and_drops_one_whose_target_or_range_is_gone():
    rig = hold(controlling(site(2)), "cdu1.valve", 70.0)
    hold(rig, "cdu0.valve", 60.0)
    hold(rig, "cdu1/pressure", 95.0)
    rig.step(40)
    other = site(2, pressure={"setpoint_max": 92.0})
    rig.reload(replace_first(other))
    assert [each.target.key for each in rig.state.overrides] == ["cdu1.valve"]
    assert rig.state.overrides[0].target.row == 0
    rig.value, rig.quality, rig.reason = rig.value[11:], rig.quality[11:], rig.reason[11:]
    assert rig.step().commands[0] == 70.0


def replace_first(plan):
    """Return a plan with its second CDU alone, at the first one's rows."""
    from control_rig import assemble, cdu_parts

    del plan
    return assemble([cdu_parts(0, name="cdu1", device="cdu1", pressure={"setpoint_max": 92.0})])


def test_quality_of_what_is_held_stays_what_it_is_and_its_reason_says_who_has_it():
    rig = hold(controlling(), "cdu0.valve", 70.0)
    rig.step()
    row = rig.row("valve_rb")
    assert rig.decision.seen.quality[row] == Quality.GOOD
    assert rig.decision.seen.reason[row] == Reason.OPERATOR_OVERRIDE


def test_a_step_changes_none_of_its_arguments():
    rig = hold(controlling(), "cdu0.valve", 70.0)
    hold(rig, "cdu0/pressure", 95.0)
    before = {name: array.copy() for name, array in rig.state.arrays()._asdict().items()}
    p, state = rig.plan.p.copy(), rig.state
    rig.step()
    assert all(np.array_equal(getattr(state, name), array, equal_nan=True) for name, array in before.items())
    assert np.array_equal(rig.plan.p, p, equal_nan=True)


SEEDS = 200 if os.environ.get("COOLANTD_FULL") == "1" else 6


@pytest.mark.parametrize("seed", range(SEEDS))
def test_i1_i9_random_orders_never_leave_range_or_slew_and_are_never_overwritten(seed):
    """FM-11, FM-46: whatever is ordered, released and lost meanwhile."""
    random = np.random.default_rng(seed)
    rig = controlling(site(branches=1))
    keys = ["cdu0.valve", "cdu0.pump1", "cdu0.pump2", "cdu0/pressure/output", "cdu0/supply_temp", "manifold.branch0"]
    limits, last, held_s = rig.plan.limits, rig.decision.commands.copy(), {}
    for _ in range(300):
        _disturb(rig, random, keys)
        commands = rig.step().commands
        for i, command in enumerate(commands):
            if math.isfinite(command):
                starts = last[i] < limits[i, 0] or command < limits[i, 0]
                assert abs(command - last[i]) <= limits[i, 3] * PERIOD_S + 1e-6 or starts
                assert limits[i, 0] <= command <= limits[i, 1] or (command == 0.0 and limits[i, 2])
                last[i] = command
        for each in rig.state.overrides:
            key = each.target.key
            held_s[key] = held_s.get(key, 0.0) + PERIOD_S if each.standing is Standing.IN_FORCE else 0.0
            if held_s[key] > 60.0 and rig.now_s - each.begun_s > 60.0 and each.target.kind is Kind.ACTUATOR:
                assert commands[each.target.row] == each.value
        assert np.nanmax(np.where(np.isfinite(commands[1:3]), commands[1:3], last[1:3])) > 0.0, "I3"


def _disturb(rig, random, keys):
    from override_rig import refusal

    if random.random() < 0.05:
        key = keys[random.integers(len(keys))]
        value = float(random.choice([0.0, 30.0, 55.0, 100.0])) if "supply" not in key else float(random.uniform(20, 40))
        if refusal(rig, key, value) == "":
            hold(rig, key, value, lease_s=float(random.uniform(10.0, 200.0)))
    if random.random() < 0.02 and rig.state.overrides:
        release(rig, rig.state.overrides[0].target.key)
    if random.random() < 0.03:
        rig.put(supply=float(random.uniform(30, 40)), pressure=float(random.uniform(60, 120)))
    if random.random() < 0.01:
        rig.silence("supply")


def test_an_interlock_outranks_an_operator_who_has_it_again_afterwards():
    """The order of claims, at the seam: what protects forces a demand behind the override, within slew."""
    rig = hold(controlling(), "cdu0.valve", 20.0)
    rig.step(60)
    protect = rig.plan.stages.protect

    def forcing(fixed, memory, seen, result, dt_s):
        protect(fixed, memory, seen, result, dt_s)
        result.forced[VALVE] = int(Force.INTERLOCK)
        result.demands[VALVE] = memory.a[VALVE, A_LAST] + SLEW["valve"] * dt_s

    plain = rig.plan.stages
    rig.plan = rig.plan.with_kernels(replace(plain, protect=forcing))
    rig.step(10)
    assert rig.command() == pytest.approx(20.0 + 10 * SLEW["valve"] * PERIOD_S)
    assert standing(rig) is Standing.FORCED
    rig.plan = rig.plan.with_kernels(plain)
    rig.step(30)
    assert (rig.command(), standing(rig)) == (20.0, Standing.IN_FORCE)


def test_the_mark_of_an_output_is_taken_off_even_when_its_cdu_leaves_control_at_its_end():
    rig = hold(controlling(), "cdu0/pressure/output", 75.0)
    rig.step(20)
    release(rig, "cdu0/pressure/output")
    rig.silence("supply")
    rig.step(3)
    assert rig.state.overrides == ()
    assert rig.state.s[0, PRESSURE, S_TRIAL] == 0.0
    assert rig.state.d[0, D_OVERRIDDEN] == 0.0

"""The pump stage: trips found apart from the controller, a standby in the same cycle, hand-over by run hours."""

import math
from dataclasses import replace

import numpy as np
import pytest
from control_rig import NAMES, PERIOD_S, PUMP1, PUMP2, SLEW, VALVE, Rig, cdu_parts, controlling, site

from coolantd.control.conditions import Condition
from coolantd.control.layout import C_WANTS_MANUAL, PRESSURE, S_TRIAL, S_TRIAL_PCT
from coolantd.control.plan import make_plan
from coolantd.control.pump_drive import CREEP_PCT_PER_S, FALL_S
from coolantd.control.pump_layout import G_DUTY_S, U_ROLE, U_TRIPPED, Role
from coolantd.control.pump_plan import ALL_RUN, PumpGroupParameters
from coolantd.control.pump_roles import ROTATION_CALM_S
from coolantd.control.pump_trips import WELL_S
from coolantd.point import Quality, Reason
from coolantd.safety.modes import Mode

STANDBY = PumpGroupParameters(duty=1)
CALM = math.ceil(ROTATION_CALM_S / PERIOD_S) + 2


def plan_of(group=STANDBY, **changes):
    return site(cdu={"pump_group": group}, **changes)


def found(plan=None, **values):
    """Return a rig in automatic that was found with pump 1 running and pump 2 at rest."""
    rig = Rig(plan or plan_of())
    rig.put(**{"pump2": 0.0, "pump2_rb": 0.0} | values)
    rig.until(Mode.AUTOMATIC)
    rig.step(4)
    return rig


def roles(rig):
    return [Role(int(role)) for role in rig.state.u[0, :2, U_ROLE]]


def told(rig, condition):
    return bool(rig.decision.conditions[0, condition])


def trip(rig, pump="pump1", speed_pct=20.0, cycles=2):
    """Let a pump turn at a speed whatever it is told, for some cycles."""
    for _ in range(cycles):
        rig.put(**{pump: speed_pct})
        rig.step()
    rig.put(**{pump: speed_pct})


def test_a_pump_at_rest_stays_at_rest():
    rig = found()
    assert roles(rig) == [Role.DUTY, Role.STANDBY]
    assert rig.command(PUMP1) == pytest.approx(60.0, abs=1.0)
    assert rig.step(200).commands[PUMP2] == 0.0
    assert not rig.decision.refusals.any()
    assert not rig.decision.conditions[0].any()


def test_fm_01_the_standby_starts_in_the_cycle_that_finds_the_trip_at_the_speed_that_was_in_force():
    rig = found()
    before = rig.command(PUMP1)
    trip(rig, cycles=1)
    assert rig.command(PUMP2) == 0.0
    assert not told(rig, Condition.PUMP_TRIPPED)
    rig.step()
    assert told(rig, Condition.PUMP_TRIPPED)
    assert rig.decision.details[0, Condition.PUMP_TRIPPED] == 0
    assert rig.command(PUMP2) == pytest.approx(before, abs=SLEW["pump1"] * PERIOD_S)
    assert roles(rig) == [Role.STANDBY, Role.DUTY]
    assert told(rig, Condition.NO_STANDBY_LEFT)
    assert not rig.decision.refusals.any()


def test_the_pump_that_has_tripped_goes_to_its_minimum_within_slew():
    rig = found()
    trip(rig)
    last = rig.command(PUMP1)
    for _ in range(60):
        rig.put(pump1=0.0)
        command = rig.step().commands[PUMP1]
        assert last - SLEW["pump1"] * PERIOD_S - 1e-9 <= command <= last
        last = command
    assert last == 25.0


@pytest.mark.parametrize(("speed_pct", "trips"), [(43.0, False), (41.0, True)])
def test_fm_55_a_limited_pump_is_no_tripped_one_but_one_far_below_its_speed_is(speed_pct, trips):
    rig = found()
    trip(rig, speed_pct=speed_pct, cycles=2)
    assert told(rig, Condition.PUMP_TRIPPED) is trips


def test_one_reading_alone_trips_nothing():
    rig = found()
    for _ in range(10):
        trip(rig, cycles=1)
        rig.put(pump1=rig.command(PUMP1))
        rig.step()
    assert not told(rig, Condition.PUMP_TRIPPED)


@pytest.mark.parametrize("reason", [Reason.STALE, Reason.NO_COMMUNICATION, Reason.OUT_OF_RANGE])
def test_a_silent_position_is_no_trip(reason):
    rig = found()
    rig.spoil("pump1", reason=reason)
    rig.step(60)
    assert not told(rig, Condition.PUMP_TRIPPED)
    assert roles(rig) == [Role.DUTY, Role.STANDBY]


def test_an_uncertain_speed_neither_counts_nor_clears():
    rig = found()
    trip(rig, cycles=1)
    rig.spoil("pump1", quality=Quality.UNCERTAIN, reason=Reason.STALE)
    rig.step(6)
    assert not told(rig, Condition.PUMP_TRIPPED)
    trip(rig, cycles=1)
    assert told(rig, Condition.PUMP_TRIPPED)


def test_a_command_that_never_reached_the_register_is_no_trip():
    rig = found()
    rig.follows = False
    rig.put(pump1=60.0, pump1_rb=60.0, pressure=20.0)
    rig.step(60)
    assert rig.command(PUMP1) > 60.5
    assert not told(rig, Condition.PUMP_TRIPPED)


@pytest.mark.parametrize("ramp_s", [5.0, 10.0, 30.0])
def test_a_start_at_the_drives_own_ramp_is_no_trip(ramp_s):
    rig = found(plan_of(replace(STANDBY, drive_ramp_s=ramp_s)))
    trip(rig)
    speed_pct = 0.0
    for _ in range(round(2.0 * ramp_s / PERIOD_S)):
        rig.put(pump1=0.0, pump2=speed_pct)
        rig.step()
        speed_pct = min(speed_pct + 100.0 / ramp_s * PERIOD_S, rig.command(PUMP2))
        assert rig.state.u[0, 1, U_TRIPPED] == 0.0


def test_a_standby_that_does_not_start_is_found_too_and_then_every_pump_is_asked_for_all():
    rig = found()
    trip(rig)
    for _ in range(16):
        rig.put(pump1=0.0, pump2=0.0)
        rig.step()
    assert rig.state.u[0, 1, U_TRIPPED] == 1.0
    for _ in range(40):
        rig.put(pump1=0.0, pump2=0.0)
        rig.step()
    assert rig.command(PUMP1) == pytest.approx(rig.decision.outputs[0, 1])
    assert rig.command(PUMP2) == pytest.approx(rig.decision.outputs[0, 1])


def test_a_pump_back_from_a_trip_counts_after_a_while_at_its_minimum_and_stands_by():
    rig = found()
    trip(rig)
    for _ in range(40):
        rig.put(pump1=0.0)
        rig.step()
    waits = round(WELL_S / PERIOD_S)
    for _ in range(waits - 1):
        rig.put(pump1=25.0)
        rig.step()
    assert told(rig, Condition.PUMP_TRIPPED)
    rig.put(pump1=25.0)
    rig.step(2)
    assert not told(rig, Condition.PUMP_TRIPPED)
    assert rig.command(PUMP1) == 0.0
    assert not told(rig, Condition.NO_STANDBY_LEFT)
    assert roles(rig) == [Role.STANDBY, Role.DUTY]


FAULT = len(NAMES)


def with_fault_point(pump=0, group=STANDBY):
    """Return a plan whose pump has a fault point behind all others."""
    cdu, actuators = cdu_parts(0)
    faults = tuple((FAULT,) if k == pump else () for k in range(2))
    return make_plan([replace(cdu, pump_group=replace(group, faults=faults))], actuators, period_s=PERIOD_S)


class FaultRig(Rig):
    def __init__(self, plan):
        super().__init__(plan)
        self.value = np.append(self.value, 0.0)
        self.quality = np.append(self.quality, int(Quality.GOOD))
        self.reason = np.append(self.reason, 0)


@pytest.mark.parametrize(("quality", "trips"), [(Quality.GOOD, True), (Quality.UNCERTAIN, False), (Quality.BAD, False)])
def test_a_fault_of_its_drive_trips_a_pump_at_once_but_only_a_good_one(quality, trips):
    rig = FaultRig(with_fault_point())
    rig.put(pump2=0.0, pump2_rb=0.0)
    rig.until(Mode.AUTOMATIC).step(4)
    rig.value[FAULT], rig.quality[FAULT] = 1.0, int(quality)
    rig.step()
    assert told(rig, Condition.PUMP_TRIPPED) is trips
    assert (rig.command(PUMP2) > 50.0) is trips


def test_a_fault_of_a_pump_at_rest_excludes_it_and_starts_nothing():
    rig = FaultRig(with_fault_point(pump=1))
    rig.put(pump2=0.0, pump2_rb=0.0)
    rig.until(Mode.AUTOMATIC).step(4)
    rig.value[FAULT] = 1.0
    for _ in range(60):
        assert rig.step().commands[PUMP2] == 0.0
    assert told(rig, Condition.PUMP_TRIPPED)
    assert told(rig, Condition.NO_STANDBY_LEFT)
    rig.value[FAULT] = 0.0
    rig.step(round(WELL_S / PERIOD_S) + 1)
    assert not rig.decision.conditions[0].any()


def test_with_all_running_the_others_take_the_load_at_the_loops_rate_and_none_jumps():
    rig = controlling()
    rig.put(pressure=50.0)
    trip(rig, cycles=1)
    rig.put(pressure=50.0)
    last, start = rig.command(PUMP2), rig.command(PUMP2)
    for _ in range(8):
        rig.put(pump1=0.0)
        command = rig.step().commands[PUMP2]
        assert command == pytest.approx(last + SLEW["pump2"] * PERIOD_S, abs=1e-6)
        last = command
    assert last > start + 15.0
    assert not told(rig, Condition.NO_STANDBY_LEFT)


RISE_PCT = SLEW["pump2"] * PERIOD_S
FALL_CYCLES = math.ceil(FALL_S / PERIOD_S)


def told_of_a_fault(group, **values):
    """Return a rig in automatic in the cycle after pump 1's drive has said that it tripped, and pump 2's command."""
    rig = FaultRig(with_fault_point(group=group))
    rig.put(**values)
    rig.until(Mode.AUTOMATIC).step(4)
    before = rig.command(PUMP1)
    rig.value[FAULT] = 1.0
    rig.step()
    return rig, before


def test_fm_01_a_fault_of_a_drive_raises_the_others_before_the_pressure_has_fallen():
    rig, before = told_of_a_fault(ALL_RUN)
    for cycle in range(1, FALL_CYCLES - 1):
        assert rig.command(PUMP2) == pytest.approx(before + cycle * RISE_PCT, abs=1e-6)
        rig.step()
    for pressure in (60.0, 50.0, 45.0):
        last = rig.command(PUMP2)
        rig.put(pressure=pressure)
        assert rig.step().commands[PUMP2] == pytest.approx(last + RISE_PCT, abs=1e-6)


def test_a_fault_of_a_drive_without_a_fall_of_pressure_gives_the_loop_its_output_back():
    rig, before = told_of_a_fault(ALL_RUN)
    rig.step(FALL_CYCLES)
    assert before + RISE_PCT < rig.command(PUMP2) <= before + FALL_CYCLES * RISE_PCT
    risen = rig.command(PUMP2)
    assert rig.step(4).commands[PUMP2] == pytest.approx(risen, abs=1.0)


def test_fm_01_a_lost_pump_is_made_up_for_from_a_pressure_above_the_setpoint_too():
    rig, before = told_of_a_fault(ALL_RUN)
    for cycle in range(1, FALL_CYCLES):
        assert rig.command(PUMP2) == pytest.approx(before + cycle * RISE_PCT, abs=1e-6)
        rig.put(pressure=99.0)
        rig.step()


def test_the_loop_waits_for_a_standby_started_before_the_pressure_fell():
    rig, before = told_of_a_fault(STANDBY, pump2=0.0, pump2_rb=0.0)
    assert rig.command(PUMP2) == pytest.approx(before, abs=RISE_PCT)
    started = rig.command(PUMP2)
    rig.put(pressure=90.5)
    for _ in range(FALL_CYCLES - 1):
        rig.put(pump2=40.0)  # on its ramp
        assert rig.step().commands[PUMP2] == pytest.approx(started, abs=1e-6)


def hours(rig, first_h, second_h):
    rig.put(dew=first_h, heat=second_h)


def rotating(rotation_s=30.0):
    point = {name: k for k, name in enumerate(NAMES)}
    group = PumpGroupParameters(duty=1, rotation_s=rotation_s, run_times=(point["dew"], point["heat"]))
    return plan_of(group, supply_temp={"setpoint": 60.0})


def until_roles(rig, wanted, limit=1000):
    for _ in range(limit):
        rig.step()
        if roles(rig) == wanted:
            return
    raise AssertionError(roles(rig))


def test_the_pump_with_fewer_hours_comes_up_slowly_then_the_other_goes_and_never_are_both_at_rest():
    rig = found(rotating(600.0))
    hours(rig, 30.0, 20.0)
    until_roles(rig, [Role.DUTY, Role.ARRIVING], limit=1500)
    assert rig.command(PUMP2) == pytest.approx(25.0 + CREEP_PCT_PER_S * PERIOD_S)
    seen = []
    for _ in range(600):
        before = rig.decision.commands.copy()
        rig.step()
        assert max(rig.decision.commands[[PUMP1, PUMP2]]) >= 55.0
        moved = rig.command(PUMP2) - before[PUMP2]
        assert abs(moved) <= SLEW["pump1"] * PERIOD_S + 1e-9
        seen.append(tuple(roles(rig)))
    assert list(dict.fromkeys(seen)) == [
        (Role.DUTY, Role.ARRIVING),
        (Role.DUTY, Role.DUTY),
        (Role.LEAVING, Role.DUTY),
        (Role.STANDBY, Role.DUTY),
    ]
    assert rig.command(PUMP1) == 0.0
    assert not rig.decision.refusals.any()


def test_a_pump_with_fewer_hours_stays_on_but_not_for_ever():
    rig = found(rotating(60.0))
    hours(rig, 10.0, 20.0)
    changes = 0
    for _ in range(round(3.9 * 60.0 / PERIOD_S)):
        rig.step()
        changes += roles(rig) != [Role.DUTY, Role.STANDBY]
    assert changes == 0
    until_roles(rig, [Role.DUTY, Role.ARRIVING], limit=round(60.0 / PERIOD_S))


@pytest.mark.parametrize("pressure", [86.0, 94.0])
def test_nothing_is_handed_over_while_the_loop_is_off_its_setpoint(pressure):
    rig = found(rotating())
    hours(rig, 30.0, 20.0)
    rig.put(pressure=pressure)
    rig.step(3 * CALM)
    assert roles(rig) == [Role.DUTY, Role.STANDBY]
    rig.put(pressure=90.0)
    until_roles(rig, [Role.DUTY, Role.ARRIVING])


def test_nothing_is_handed_over_in_manual_and_an_hour_later_that_is_said():
    rig = found(rotating())
    hours(rig, 30.0, 20.0)
    rig.plan.c[0, C_WANTS_MANUAL] = 1.0
    rig.until(Mode.MANUAL)
    rig.step(2000, dt_s=1.9)
    assert roles(rig) == [Role.DUTY, Role.STANDBY]
    assert told(rig, Condition.ROTATION_OVERDUE)


def test_nothing_is_handed_over_to_a_tripped_pump():
    rig = found(rotating())
    hours(rig, 30.0, 20.0)
    rig.state.u[0, 1, U_TRIPPED] = 1.0
    for _ in range(3 * CALM):
        rig.put(pump2=0.0)
        rig.step()
    assert roles(rig) == [Role.DUTY, Role.STANDBY]


def test_the_time_on_duty_before_the_daemon_is_taken_from_the_hours():
    rig = Rig(rotating(rotation_s=7200.0))
    hours(rig, 21.0, 20.0)
    rig.put(pump2=0.0, pump2_rb=0.0)
    rig.until(Mode.AUTOMATIC)
    assert rig.state.g[0, G_DUTY_S] == pytest.approx(3600.0, abs=5.0)


def test_a_pump_leaving_is_called_back_when_the_other_trips():
    rig = found(rotating())
    hours(rig, 30.0, 20.0)
    until_roles(rig, [Role.LEAVING, Role.DUTY])
    rig.step(20)
    trip(rig, "pump2", 0.0)
    assert roles(rig) == [Role.DUTY, Role.STANDBY]
    before = rig.command(PUMP1)
    rig.put(pump2=0.0)
    assert rig.step().commands[PUMP1] <= before + SLEW["pump1"] * PERIOD_S + 1e-9


def test_too_many_found_running_one_goes_once_the_loop_is_calm():
    rig = Rig(plan_of()).until(Mode.AUTOMATIC)
    assert roles(rig) == [Role.DUTY, Role.DUTY]
    until_roles(rig, [Role.STANDBY, Role.DUTY])
    assert rig.step().commands[PUMP1] == 0.0


def test_fm_12_in_failsafe_every_pump_runs_and_afterwards_one_goes_again():
    rig = found()
    rig.silence("supply")
    rig.step(20)
    assert rig.mode() is Mode.FAILSAFE
    assert min(rig.decision.commands[[PUMP1, PUMP2]]) >= 60.0
    rig.put(supply=34.0)
    rig.until(Mode.AUTOMATIC)
    assert roles(rig) == [Role.DUTY, Role.DUTY]
    until_roles(rig, [Role.STANDBY, Role.DUTY])


@pytest.mark.parametrize("position", [None, 50.0])
def test_in_manual_a_lost_pump_is_replaced_all_the_same(position):
    rig = found(plan_of(pressure={"manual_pct": position}))
    rig.plan.c[0, C_WANTS_MANUAL] = 1.0
    rig.until(Mode.MANUAL)
    rig.step(10)
    before = rig.command(PUMP1)
    trip(rig)
    assert rig.command(PUMP2) == pytest.approx(before, abs=3.0)
    for _ in range(20):
        rig.put(pump1=0.0)
        rig.step()
    assert rig.command(PUMP2) == pytest.approx(before, abs=3.0)


def yielded(rig, name):
    row = rig.row(f"{name}_rb")
    rig.quality[row], rig.reason[row] = int(Quality.GOOD), int(Reason.LOCAL_OVERRIDE)


def test_fm_22_a_pump_that_another_writer_runs_counts_as_on_duty_and_one_they_stop_is_replaced_without_a_jump():
    rig = found()
    yielded(rig, "pump1")
    rig.step(20)
    assert np.isnan(rig.decision.commands[[PUMP1, PUMP2]]).all()
    assert rig.get("pump2") == 0.0
    assert told(rig, Condition.NO_STANDBY_LEFT) is False
    rig.put(pump1=0.0)
    yielded(rig, "pump1")
    assert rig.step().commands[PUMP2] == 25.0
    assert not told(rig, Condition.PUMP_TRIPPED)


def test_fm_22_a_standby_that_another_writer_has_is_no_standby():
    rig = found()
    yielded(rig, "pump2")
    rig.step(4)
    assert told(rig, Condition.NO_STANDBY_LEFT)


def test_fm_42_a_reload_keeps_what_is_known_of_each_pump_and_moves_nothing():
    rig = found()
    trip(rig)
    rig.put(pump1=0.0)
    before = rig.decision.commands.copy()
    rig.reload(plan_of(supply_temp={"gain": 2.0}))
    assert roles(rig) == [Role.STANDBY, Role.DUTY]
    rig.step()
    assert rig.state.u[0, 0, U_TRIPPED] == 1.0
    assert np.abs(rig.decision.commands - before).max() <= SLEW["pump1"] * PERIOD_S + 1e-9


def test_fm_42_from_all_to_one_on_duty_the_other_goes_slowly():
    rig = controlling()
    rig.reload(plan_of())
    last = rig.decision.commands.copy()
    for _ in range(20):
        rig.step()
        assert np.abs(rig.decision.commands - last).max() < 1.0
        last = rig.decision.commands.copy()
    until_roles(rig, [Role.STANDBY, Role.DUTY])


def test_fm_42_from_one_on_duty_to_all_the_other_comes_slowly():
    rig = found()
    rig.reload(site())
    assert rig.step().commands[PUMP2] == pytest.approx(25.25)
    until_roles(rig, [Role.DUTY, Role.DUTY])


def more_pumps(count, group):
    """Return a rig of one CDU with so many pumps; pump 1's points serve the first, own ones the others."""
    cdu, (valve, pump, _) = cdu_parts(0)
    first = len(NAMES)
    others = [
        replace(pump, name=f"pump{k + 1}", position=first + 2 * (k - 1), readback=first + 2 * (k - 1) + 1)
        for k in range(1, count)
    ]
    pumps = tuple(range(1, 1 + count))
    plan = make_plan([replace(cdu, pumps=pumps, pump_group=group)], [valve, pump, *others], period_s=PERIOD_S)
    rig = Rig(plan)
    extra = 2 * (count - 1)
    rig.value = np.append(rig.value, np.full(extra, 60.0))
    rig.quality = np.append(rig.quality, np.full(extra, int(Quality.GOOD)))
    rig.reason = np.append(rig.reason, np.zeros(extra, dtype=np.int64))
    return rig


def test_a_single_pump_that_trips_goes_on_being_asked_for_all():
    rig = more_pumps(1, PumpGroupParameters())
    rig.until(Mode.AUTOMATIC).step(4)
    trip(rig, cycles=4)
    assert told(rig, Condition.PUMP_TRIPPED)
    assert rig.command(PUMP1) == pytest.approx(rig.decision.outputs[0, 1])


def test_of_three_pumps_two_run_and_the_third_takes_the_place_of_either():
    rig = more_pumps(3, PumpGroupParameters(duty=2))
    third = rig.plan.actuators[3].position
    rig.value[[third, third + 1]] = 0.0
    rig.until(Mode.AUTOMATIC).step(4)
    assert list(rig.decision.commands[1:] > 0.0) == [True, True, False]
    trip(rig)
    assert rig.command(3) == pytest.approx(60.0, abs=3.0)
    assert list(rig.state.u[0, :3, U_ROLE]) == [Role.STANDBY, Role.DUTY, Role.DUTY]
    assert rig.command(2) == pytest.approx(60.0, abs=3.0)


def test_the_valve_never_notices():
    plain, standby = controlling(), found()
    for rig in (plain, standby):
        rig.put(supply=35.0)
        rig.step(20)
    assert standby.command(VALVE) == pytest.approx(plain.command(VALVE), abs=0.5)


def test_nothing_is_handed_over_during_a_trial():
    rig = found(rotating())
    hours(rig, 30.0, 20.0)
    for _ in range(3 * CALM):
        rig.state.s[0, PRESSURE, S_TRIAL] = 1.0
        rig.state.s[0, PRESSURE, S_TRIAL_PCT] = 60.0
        rig.step()
    assert roles(rig) == [Role.DUTY, Role.STANDBY]
    rig.state.s[0, PRESSURE, S_TRIAL] = 0.0
    until_roles(rig, [Role.DUTY, Role.ARRIVING])

"""What a CDU does from the first scan on: start, take over, automatic, manual, and back when the device goes local."""

import math
from dataclasses import replace

import numpy as np
import pytest
from control_rig import NAMES, PERIOD_S, PUMP1, PUMP2, SLEW, VALVE, Rig, assemble, cdu_parts, controlling, site

from coolantd.point import Quality, Reason
from coolantd.safety.modes import Cause, Mode


def test_begins_in_failsafe_and_says_that_it_waits_for_a_scan():
    rig = Rig(site())
    rig.spoil("dew")
    rig.spoil("valve_rb", reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.step()
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, Cause.WAITING_FOR_SCAN)


@pytest.mark.parametrize("missing", [name for name in NAMES if name not in ("dew", "heat")])
@pytest.mark.parametrize("quality", [Quality.BAD, Quality.UNCERTAIN])
def test_fm_44_writes_nothing_before_one_full_valid_scan(missing, quality):
    rig = Rig(site())
    rig.spoil(missing, quality=quality)
    for _ in range(20):
        assert np.isnan(rig.step().commands).all()
        assert rig.mode() is Mode.FAILSAFE


@pytest.mark.parametrize("optional", ["dew", "heat"])
def test_a_missing_dew_point_or_heat_load_does_not_keep_it_from_starting(optional):
    rig = Rig(site())
    rig.spoil(optional)
    rig.until(Mode.AUTOMATIC)


@pytest.mark.parametrize(("valve", "pump1", "pump2"), [(55.0, 60.0, 60.0), (0.0, 30.0, 45.0), (100.0, 100.0, 98.0)])
def test_fm_46_the_first_commands_are_the_measured_positions(valve, pump1, pump2):
    rig = Rig(site(), follows=False)
    rig.put(valve=valve, pump1=pump1, pump2=pump2, valve_rb=12.0, pump1_rb=80.0, pump2_rb=80.0, supply=38.0)
    first = rig.step().commands
    assert rig.mode() is Mode.STARTING
    assert first == pytest.approx([valve, pump1, pump2], abs=1.0)


def test_i6_the_cycle_of_the_hand_over_moves_nothing_whatever_the_sensors_show_in_it():
    rig = Rig(site())
    rig.put(valve=50.0, pump1=60.0, pump2=60.0, supply=34.0, pressure=90.0)
    before = rig.step().commands
    assert rig.mode() is Mode.STARTING
    rig.put(supply=39.0, pressure=40.0)
    assert rig.step().commands == pytest.approx(before)
    assert rig.mode() is Mode.AUTOMATIC
    rig.step(2)
    after = rig.decision.commands
    assert (after[[PUMP1, PUMP2]] > before[[PUMP1, PUMP2]]).all()


def test_fm_12_pumps_that_stood_at_the_hand_over_are_started_and_stay_on():
    rig = Rig(site())
    rig.put(pump1=0.0, pump2=0.0, pressure=0.0)
    rig.until(Mode.AUTOMATIC)
    told = np.array([rig.step().commands[[PUMP1, PUMP2]] for _ in range(20)]).max(axis=1)
    assert (told >= 25.0).all()
    assert (np.diff(told) >= 0.0).all()


def test_fm_46_no_actuator_moves_faster_than_its_slew_after_the_take_over():
    rig = Rig(site())
    rig.put(valve=20.0, pump1=40.0, pump2=55.0, supply=39.0, pressure=60.0)
    last = np.array([20.0, 40.0, 55.0])
    for _ in range(40):
        commands = rig.step().commands
        assert (
            np.abs(commands - last) <= np.array([SLEW["valve"], SLEW["pump1"], SLEW["pump2"]]) * PERIOD_S + 1e-6
        ).all()
        last = commands
    assert rig.mode() is Mode.AUTOMATIC


def test_positions_measured_just_outside_the_limits_are_adopted_at_the_limit():
    rig = Rig(site(), follows=False)
    rig.put(valve=-1.2, pump1=101.5, pump2=24.0)
    assert list(rig.step().commands) == [0.0, 100.0, 25.0]


def test_an_actuator_that_may_not_be_off_is_adopted_at_its_minimum():
    cdu, (valve, *pumps) = cdu_parts(0)
    rig = Rig(assemble([(cdu, [replace(valve, minimum=10.0), *pumps])]))
    rig.put(valve=4.0)
    rig.step()
    assert (rig.command(VALVE), rig.decision.refusals.any()) == (10.0, False)
    rig.until(Mode.AUTOMATIC)


def test_starting_waits_for_the_readbacks():
    rig = Rig(site(), follows=False)
    rig.put(valve_rb=70.0)
    rig.step(10)
    assert (rig.mode(), rig.cause()) == (Mode.STARTING, Cause.WAITING_FOR_READBACK)
    assert not rig.decision.wants_remote[0]
    rig.put(valve_rb=55.5)
    rig.step()
    assert rig.mode() is Mode.AUTOMATIC


@pytest.mark.parametrize("state", ["refused", "bad", "uncertain"])
def test_starting_waits_until_the_device_obeys_and_asks_it_to(state):
    rig = Rig(site()).until(Mode.STARTING)
    if state == "refused":
        rig.put(remote=0.0)
    else:
        rig.spoil("remote", quality=Quality.BAD if state == "bad" else Quality.UNCERTAIN)
    rig.step(3)
    assert (rig.mode(), rig.cause()) == (Mode.STARTING, Cause.WAITING_FOR_REMOTE)
    assert rig.decision.wants_remote[0]
    rig.put(remote=1.0)
    rig.step()
    assert rig.mode() is Mode.AUTOMATIC
    assert not rig.decision.wants_remote[0]


def test_a_device_without_remote_control_needs_no_permission():
    rig = Rig(site(cdu={"remote": None}))
    rig.spoil("remote")
    rig.plan = site(cdu={"remote": None, "required": rig.plan.cdus[0].required[:-1]})
    rig.until(Mode.AUTOMATIC)


def test_starting_adopts_anew_while_the_device_moves_by_itself():
    rig = Rig(site(), follows=False)
    rig.put(remote=0.0)
    rig.step()
    for position in (50.0, 45.0, 30.0):
        rig.put(valve=position)
        assert rig.step().commands[VALVE] == position
    assert rig.decision.outputs[0, 0] == 30.0


def test_i1_starting_with_a_command_in_force_goes_to_the_measured_position_at_the_actuators_rate():
    """A device that obeys follows its register: what is measured is only behind it, and a poll old."""
    rig = controlling()
    rig.spoil("supply", reason=Reason.NO_COMMUNICATION)
    rig.step()
    last = rig.decision.commands.copy()
    rig.put(supply=34.0, valve=last[VALVE] - 12.0)
    commands = rig.step().commands
    assert rig.mode() is Mode.STARTING
    assert commands[VALVE] == pytest.approx(last[VALVE] - SLEW["valve"] * PERIOD_S)


def test_starting_holds_an_actuator_whose_position_has_failed():
    rig = Rig(site(), follows=False)
    rig.put(remote=0.0)
    rig.step()
    rig.spoil("valve")
    assert rig.step().commands[VALVE] == 55.0


def test_automatic_opens_the_valve_when_hot_and_speeds_up_when_pressure_is_low():
    rig = controlling()
    before = rig.decision.commands.copy()
    rig.put(supply=36.0, pressure=70.0)
    rig.step(6)
    assert (rig.decision.commands > before + 2.0).all()
    rig.put(supply=31.0, pressure=120.0)
    rig.step(30)
    assert (rig.decision.commands < before).all()


def test_both_pumps_go_to_the_same_speed():
    rig = Rig(site())
    rig.put(pump1=40.0, pump2=50.0)
    rig.until(Mode.AUTOMATIC).step(10)
    assert rig.command(PUMP1) == pytest.approx(rig.command(PUMP2))


def test_a_stopped_pump_starts_at_its_minimum_and_creeps_up_to_the_others_while_the_pressure_is_right():
    rig = Rig(site())
    rig.put(pump2=0.0, pump2_rb=0.0)
    commands = [rig.step().commands[PUMP2] for _ in range(5)]
    assert commands[0] == 0.0
    assert commands[1:] == pytest.approx([25.25, 25.5, 25.75, 26.0])
    assert not rig.decision.refusals.any()


def test_a_stopped_pump_that_is_needed_comes_up_within_its_slew():
    rig = Rig(site())
    rig.put(pump2=0.0, pump2_rb=0.0)
    rig.step()
    rig.put(pressure=80.0)
    assert [rig.step().commands[PUMP2] for _ in range(4)] == pytest.approx([27.5, 30.0, 32.5, 35.0])
    assert not rig.decision.refusals.any()


def test_i3_a_plant_found_with_every_pump_off_is_given_a_running_one():
    rig = Rig(site())
    rig.put(pump1=0.0, pump2=0.0, pump1_rb=0.0, pump2_rb=0.0)
    for _ in range(100):
        commands = rig.step().commands
        assert commands[[PUMP1, PUMP2]].max() >= 25.0


def test_manual_without_positions_holds_every_actuator_where_it_is():
    rig = Rig(site(cdu={"wants_manual": True}))
    rig.put(pump1=60.0, pump2=45.0, supply=38.0)
    rig.until(Mode.MANUAL).step(40)
    assert list(rig.decision.commands) == [55.0, 60.0, 45.0]
    assert rig.cause() is Cause.CONFIGURED_MANUAL


@pytest.mark.parametrize(("name", "position"), [("pump1", 24.0), ("valve", -1.0), ("valve", 101.0)])
def test_manual_holds_a_position_outside_the_limits_at_the_limit_without_a_refusal(name, position):
    rig = Rig(site(cdu={"wants_manual": True}), follows=False)
    rig.put(**{name: position, f"{name}_rb": position})
    rig.until(Mode.MANUAL)
    for _ in range(5):
        rig.step()
        assert not rig.decision.refusals.any()
        assert np.isfinite(rig.decision.commands).all()


def test_manual_leaves_a_stopped_standby_pump_stopped():
    rig = Rig(site(cdu={"wants_manual": True}))
    rig.put(pump2=0.0, pump2_rb=0.0)
    rig.until(Mode.MANUAL).step(20)
    assert list(rig.decision.commands) == [55.0, 60.0, 0.0]


def test_manual_goes_to_the_configured_positions_at_slew():
    plan = site(cdu={"wants_manual": True}, supply_temp={"manual_pct": 65.0}, pressure={"manual_pct": 50.0})
    rig = Rig(plan).until(Mode.MANUAL)
    last = rig.decision.commands
    for _ in range(20):
        rig.step()
        assert abs(rig.command(VALVE) - last[VALVE]) <= SLEW["valve"] * PERIOD_S + 1e-9
        last = rig.decision.commands
    assert list(last) == pytest.approx([65.0, 50.0, 50.0])


def test_automatic_to_manual_and_back_is_bumpless():
    rig = controlling()
    rig.put(supply=34.8, pressure=86.0)
    rig.step(20)
    before = rig.decision.commands
    manual = site(cdu={"wants_manual": True})
    automatic = rig.plan
    rig.reload(manual)
    rig.step()
    assert rig.mode() is Mode.MANUAL
    assert rig.decision.commands == pytest.approx(before, abs=1e-9)
    rig.put(supply=36.5, pressure=80.0)
    rig.step(20)
    rig.reload(automatic)
    rig.step()
    assert rig.mode() is Mode.AUTOMATIC
    assert rig.decision.commands == pytest.approx(before, abs=1.0)


def test_a_device_that_goes_local_is_adopted_again_before_it_is_moved():
    rig = controlling()
    rig.put(remote=0.0)
    rig.step()
    assert (rig.mode(), rig.cause()) == (Mode.STARTING, Cause.NONE)
    rig.put(valve=31.0, pump1=77.0, pump2=77.0)
    rig.step()
    assert list(rig.decision.commands) == [31.0, 77.0, 77.0]
    rig.step()
    assert rig.cause() is Cause.WAITING_FOR_REMOTE
    rig.put(remote=1.0)
    rig.step()
    assert rig.mode() is Mode.AUTOMATIC
    assert rig.decision.commands == pytest.approx([31.0, 77.0, 77.0], abs=1.0)


def test_fm_41_an_actuator_lost_from_touch_is_adopted_where_it_is_found():
    rig = controlling()
    rig.silence("valve_rb")
    rig.step(3)
    assert math.isnan(rig.command(VALVE))
    rig.put(valve=20.0, valve_rb=20.0)
    assert rig.step().commands[VALVE] == pytest.approx(20.0)
    assert rig.step().commands[VALVE] == pytest.approx(20.0, abs=SLEW["valve"] * PERIOD_S + 1e-9)


def test_cdus_do_not_know_of_each_other():
    alone, together = controlling(site()), Rig(assemble([cdu_parts(0), cdu_parts(1)]))
    together.put(cdu=1, remote=0.0, supply=50.0)
    together.until(Mode.AUTOMATIC).step(4)
    for k in range(30):
        for rig in (alone, together):
            rig.put(supply=34.0 + math.sin(k / 3.0), pressure=90.0 + 5.0 * math.cos(k / 2.0))
            rig.step()
        if k == 12:
            together.silence("supply", cdu=1)
        assert list(together.decision.commands[:3]) == list(alone.decision.commands)
    assert together.mode(1) is Mode.FAILSAFE

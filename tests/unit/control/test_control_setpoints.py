"""Setpoint ramp, dew-point floor, reload, fixed actuators, irregular time, and what step leaves alone."""

import math

import numpy as np
import pytest
from control_rig import PERIOD_S, SLEW, VALVE, Rig, assemble, cdu_parts, controlling, site

from coolantd.control.conditions import Condition
from coolantd.control.step import carry_state, step
from coolantd.point import Quality, Reason, Snapshot
from coolantd.safety.modes import Cause, Mode


def setpoint(rig, loop=0):
    return float(rig.decision.setpoints[0, loop])


def test_the_setpoint_ramp_begins_at_the_first_good_process_variable():
    rig = Rig(site())
    rig.put(supply=37.0)
    rig.step()
    assert setpoint(rig) == pytest.approx(37.0, abs=2.0 / 60.0 * PERIOD_S)
    rig.step(59)
    assert setpoint(rig) == pytest.approx(36.0)
    rig.step(180)
    assert setpoint(rig) == 34.0


def test_there_is_no_setpoint_before_the_first_good_process_variable():
    rig = Rig(site())
    rig.spoil("supply", "pressure", reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.step()
    assert np.isnan(rig.decision.setpoints).all()


def test_a_changed_setpoint_is_ramped_and_moves_the_output_by_less_than_a_percent():
    rig = controlling()
    before = rig.command(VALVE)
    rig.reload(site(supply_temp={"setpoint": 30.0}))
    rig.step()
    assert rig.command(VALVE) == pytest.approx(before, abs=1.0)
    assert setpoint(rig) == pytest.approx(34.0 - 2.0 / 60.0 * PERIOD_S)
    rig.step(119)
    assert setpoint(rig) == pytest.approx(32.0)


def test_fm_03_i4_the_setpoint_never_falls_under_the_measured_dew_point_plus_margin():
    rig = controlling()
    dew_c = 31.5
    rig.put(dew=dew_c)
    rig.step(400)
    for _ in range(1200):  # 6 K in 10 min
        dew_c += 6.0 / 1200.0
        rig.put(dew=dew_c)
        rig.step()
        assert setpoint(rig) >= max(34.0, dew_c + 2.0) - 1e-9
    rig.put(dew=13.0)
    rig.step(800)
    assert setpoint(rig) == 34.0


def test_fm_03_a_dew_point_from_another_world_does_not_step_the_loop():
    rig = controlling()
    rig.put(dew=31.0)
    rig.step(400)
    rig.put(dew=45.0)
    rig.step()
    assert setpoint(rig) == 34.0
    rig.put(dew=31.0)
    rig.step()
    assert setpoint(rig) == 34.0
    rig.put(dew=40.0)
    rig.step(18)
    assert setpoint(rig) == 34.0
    rig.step(400)
    assert setpoint(rig) == pytest.approx(42.0)
    rig.put(dew=31.0)
    rig.step(120)
    assert setpoint(rig) == pytest.approx(41.0)


def test_fm_03_without_a_dew_point_the_worst_case_of_the_site_comes_into_force():
    rig = controlling(cdu={"dew_point_design_c": 33.0})
    assert setpoint(rig) == 34.0
    rig.spoil("dew")
    before = setpoint(rig)
    for _ in range(500):
        rig.step()
        assert setpoint(rig) - before <= 0.1 * PERIOD_S + 1e-9
        before = setpoint(rig)
    assert setpoint(rig) == 35.0
    assert rig.decision.conditions[0, Condition.DEW_POINT_UNKNOWN] == 1


def test_fm_03_an_old_dew_point_holds_with_more_margin():
    rig = controlling(cdu={"dew_point_design_c": 18.0})
    rig.put(dew=32.0)
    rig.step(500)
    assert setpoint(rig) == 34.0
    rig.spoil("dew", quality=Quality.UNCERTAIN, reason=Reason.STALE)
    rig.step(100)
    assert setpoint(rig) == 35.0
    assert rig.decision.conditions[0, Condition.DEW_POINT_UNKNOWN] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"supply_temp": {"gain": 12.0}, "pressure": {"gain": 0.5}},
        {"supply_temp": {"integral_time_s": 200.0, "derivative_time_s": 4.0}},
        {"supply_temp": {"setpoint_weight_ratio": 0.2}, "pressure": {"setpoint_weight_ratio": 0.0}},
        {"supply_temp": {"setpoint": 31.0}, "pressure": {"setpoint": 110.0}},
        {"cdu": {"failsafe_speed_pct": 80.0, "valve_table": ((0.0, 50.0),)}},
    ],
)
def test_fm_42_a_reload_under_load_moves_no_output_by_more_than_a_percent(changes):
    rig = controlling()
    rig.put(supply=34.2, pressure=88.0)
    rig.step(20)
    before = rig.decision.commands
    rig.reload(site(**changes))
    assert rig.step().commands == pytest.approx(before, abs=1.0)
    assert rig.mode() is Mode.AUTOMATIC


def wave(rig, k, names=("a", "b", "c")):
    for n, cdu in enumerate(rig.plan.cdus):
        phase = names.index(cdu.name)
        rig.put(cdu=n, supply=34.0 + math.sin(k / 4.0 + phase), pressure=90.0 + 4.0 * math.cos(k / 3.0 + phase))


def trace(rig, first, count, name):
    rows = []
    for k in range(first, first + count):
        wave(rig, k)
        rig.step()
        n = [cdu.name for cdu in rig.plan.cdus].index(name)
        rows.append([*rig.decision.commands[3 * n : 3 * n + 3], *rig.decision.setpoints[n], float(rig.mode(n))])
    return rows


def moved(rig, plan):
    """Return a rig for another plan whose CDUs of the same name keep their points and state."""
    new = Rig(plan)
    new.state, new.now_s = carry_state(rig.plan, rig.state, plan), rig.now_s
    old = {cdu.name: n for n, cdu in enumerate(rig.plan.cdus)}
    width = 11
    for n, cdu in enumerate(plan.cdus):
        if cdu.name in old:
            m = old[cdu.name]
            new.value[n * width : (n + 1) * width] = rig.value[m * width : (m + 1) * width]
    return new


def plan_of(*names):
    return assemble([cdu_parts(n, name=name) for n, name in enumerate(names)])


def test_fm_42_i11_adding_and_removing_a_cdu_leaves_the_others_bit_identical():
    undisturbed = Rig(plan_of("b"))
    expected = trace(undisturbed, 0, 90, "b")
    rig = Rig(plan_of("a", "b"))
    found = trace(rig, 0, 30, "b")
    rig = moved(rig, plan_of("a", "b", "c"))
    found += trace(rig, 30, 30, "b")
    rig = moved(rig, plan_of("b", "c"))
    found += trace(rig, 60, 30, "b")
    assert found == expected


def test_an_added_cdu_begins_in_failsafe_and_a_known_one_goes_on():
    rig = moved(controlling(plan_of("a")), plan_of("c", "a"))
    rig.spoil("supply", cdu=0, reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.step()
    assert [rig.mode(0), rig.mode(1)] == [Mode.FAILSAFE, Mode.AUTOMATIC]


def test_the_same_name_on_another_device_is_another_cdu():
    rig = controlling(plan_of("a"))
    rig.reload(assemble([cdu_parts(0, name="a", device="elsewhere")]))
    rig.spoil("valve_rb", reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.step(5)
    assert (rig.mode(), np.isnan(rig.decision.commands).all()) == (Mode.FAILSAFE, True)


FLOW = {"pressure": {"unit": "L/min", "setpoint": 1200.0, "gain": 0.01, "setpoint_rate_per_s": 10.0}}


def test_a_loop_whose_process_variable_changes_unit_is_adopted_anew():
    rig = controlling()
    before = rig.decision.commands
    rig.reload(site(**FLOW))
    rig.put(pressure=1000.0)
    rig.step()
    assert setpoint(rig, 1) == pytest.approx(1000.0, abs=5.0)
    assert rig.decision.commands == pytest.approx(before, abs=1.0)


def test_fm_44_a_change_of_unit_does_not_lead_out_of_failsafe():
    rig = Rig(site())
    rig.spoil("valve_rb", reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.step()
    rig.reload(site(**FLOW))
    rig.step(3)
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, Cause.WAITING_FOR_SCAN)
    assert np.isnan(rig.decision.commands).all()


def test_fixed_actuators_adopt_their_position_then_go_to_their_place_at_slew():
    rig = Rig(site(branches=2))
    rig.put(branch0=40.0, branch1=99.5)
    commands = [list(rig.step().commands[3:]) for _ in range(3)]
    step_pct = SLEW["branch"] * PERIOD_S
    assert commands == [[40.0, 99.5], [40.0 + step_pct, 100.0], [40.0 + 2 * step_pct, 100.0]]


def test_fixed_actuators_move_although_a_cdu_is_in_failsafe():
    rig = Rig(site(branches=1))
    rig.silence("supply")
    rig.put(branch0=40.0)
    rig.step(3)
    assert rig.mode() is Mode.FAILSAFE
    assert rig.command(3) == 40.0 + 2 * SLEW["branch"] * PERIOD_S


def test_fm_33_fixed_actuators_hold_while_their_position_is_bad_and_adopt_again():
    rig = Rig(site(branches=1))
    rig.put(branch0=60.0)
    rig.step(5)
    rig.spoil("branch0", reason=Reason.NOT_CONNECTED)
    for _ in range(10):
        assert math.isnan(rig.step().commands[3])
    rig.put(branch0=80.0)
    assert rig.step().commands[3] == 80.0
    assert rig.step().commands[3] == 80.0 + SLEW["branch"] * PERIOD_S


def test_measured_time_counts_not_the_configured_period():
    """Irregular steps of the same sum end where regular ones do."""
    regular, irregular = controlling(), controlling()
    for rig in (regular, irregular):
        rig.put(supply=34.3)
        rig.step()
    regular.step(16)
    for dt_s in (0.1, 0.9, 0.45, 0.55, 0.02, 0.98, 0.5, 0.5) * 2:
        irregular.step(dt_s=dt_s)
    assert irregular.command(VALVE) == pytest.approx(regular.command(VALVE), abs=0.15)


def test_arguments_are_left_as_they_were():
    rig = Rig(site(branches=1)).until(Mode.AUTOMATIC)
    state, snapshot = rig.state, rig.snapshot()
    arrays = [state.s, state.d, state.a, snapshot.value, snapshot.quality, snapshot.reason, snapshot.age_s]
    plan = rig.plan
    arrays += [plan.p, plan.c, plan.x, plan.tables, plan.y, plan.f, plan.limits]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    after, _ = step(plan, state, snapshot, rig.now_s + PERIOD_S)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True))
    assert not any(np.shares_memory(a, b) for a in (after.s, after.d, after.a) for b in arrays)


def test_the_same_inputs_give_the_same_decision():
    rig = controlling()
    snapshot = rig.snapshot()
    first, second = (step(rig.plan, rig.state, snapshot, rig.now_s + PERIOD_S)[1] for _ in range(2))
    assert list(first.commands) == list(second.commands)


def test_a_site_without_cdus_decides_nothing():
    plan = assemble([])
    state, decision = step(plan, Rig(plan).state, Snapshot(*(np.zeros(0) for _ in range(4))), 0.0)
    assert decision.commands.size == decision.modes.size == state.a.size == 0


@pytest.mark.parametrize("changes", [{"pumps": tuple(range(9))}, {"required": tuple(range(25))}])
def test_a_plan_refuses_more_than_its_arrays_hold(changes):
    with pytest.raises(ValueError, match="too many"):
        site(cdu=changes)

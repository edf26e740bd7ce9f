"""What the pumps are asked for, through ``step``: limits and their order, flow by table, rise, resets, a reload."""

from dataclasses import replace

import numpy as np
import pytest
from control_rig import PUMP1, Rig, assemble, cdu_parts, controlling

from coolantd.control.conditions import Condition
from coolantd.control.layout import PRESSURE, SUPPLY_TEMP
from coolantd.control.plan import make_plan
from coolantd.control.reset import flow_by_table
from coolantd.control.reset_layout import U_SETPOINT, W_IN_CHARGE, W_NEEDED, InCharge
from coolantd.control.reset_plan import LimitParameters, ResetParameters, TrimParameters
from coolantd.point import Quality
from coolantd.safety.modes import Mode

NAN = float("nan")
FLOW, RETURN = "branch0", "branch1"
"""Points of the rig that no loop uses: here a flow meter and a return temperature."""
FLOW_ROW, RETURN_ROW = 11, 12


def limit(point, at, gain, integral_time_s=5.0):
    return LimitParameters(point=point, limit=at, gain=gain, integral_time_s=integral_time_s)


def trim(least, greatest, **changes):
    parameters = TrimParameters(
        least=least,
        greatest=greatest,
        period_s=10.0,
        trim=2.0,
        respond=3.0,
        requests_max=3.0,
        ignored_requests=0.0,
        delay_s=0.0,
    )
    return replace(parameters, **changes)


def rig_of(reset=None, pv=90.0, dew=13.0, **changes):
    """Return a rig in automatic whose CDU has a reset, with a flow meter and a return sensor beside its points."""
    plan = assemble([cdu_parts(0, cdu={"reset": reset or ResetParameters()}, **changes)], branches=2)
    rig = Rig(plan)
    rig.put(**{FLOW: 600.0, RETURN: 44.0, "pressure": pv, "dew": dew})
    rig.until(Mode.AUTOMATIC)
    return rig


def charge(rig):
    return InCharge(int(rig.state.reset[0, W_IN_CHARGE]))


def run(rig, times, **values):
    """Step with the same readings in every cycle; return the pump's outputs."""
    outputs = []
    for _ in range(times):
        rig.put(**values)
        rig.step()
        outputs.append(float(rig.decision.outputs[0, PRESSURE]))
    return np.array(outputs)


READINGS = {FLOW: 600.0, RETURN: 44.0, "supply": 34.0}


def test_without_limits_the_loop_is_in_charge_and_goes_where_it_wants():
    rig = rig_of()
    outputs = run(rig, 40, **READINGS, pressure=100.0)
    assert outputs[-1] < outputs[0] - 9.0
    assert charge(rig) is InCharge.LOOP


def test_minimum_flow_takes_over_and_hands_back_without_a_bump():
    rig = rig_of(ResetParameters(minimum_flow=limit(FLOW_ROW, 500.0, 0.02)))
    before = run(rig, 10, **READINGS, pressure=90.0)[-1]
    taken = run(rig, 80, **(READINGS | {FLOW: 450.0}), pressure=100.0)
    assert charge(rig) is InCharge.MINIMUM_FLOW
    assert taken[-1] > before
    assert np.abs(np.diff(taken)).max() <= 5.0 * 0.5 + 1e-9
    back = run(rig, 3, **READINGS, pressure=100.0)
    assert charge(rig) is InCharge.LOOP
    assert (np.diff(back) <= 0.0).all()
    assert abs(back[0] - taken[-1]) <= 5.0 * 0.5 + 1e-9


def test_maximum_pressure_holds_the_pumps_back_and_nothing_winds_up_behind_it():
    rig = rig_of(ResetParameters(maximum_pressure=limit(FLOW_ROW, 600.0, 0.05)))
    held = run(rig, 200, **(READINGS | {FLOW: 640.0}), pressure=80.0)
    assert charge(rig) is InCharge.MAXIMUM_PRESSURE
    assert held[-1] == 30.0
    free = run(rig, 4, **(READINGS | {FLOW: 300.0}), pressure=95.0)
    assert charge(rig) is InCharge.LOOP
    assert (np.diff(free) <= 0.0).all()


def test_pressure_wins_over_everything_that_raises():
    reset = ResetParameters(
        minimum_flow=limit(FLOW_ROW, 900.0, 0.05),
        maximum_pressure=limit(1, 95.0, 1.0),
        maximum_return_temp=limit(RETURN_ROW, 40.0, 1.0),
    )
    rig = rig_of(reset)
    outputs = run(rig, 60, **READINGS, pressure=99.0)
    assert charge(rig) is InCharge.MAXIMUM_PRESSURE
    assert (np.diff(outputs) < 0.0).all()
    run(rig, 60, **READINGS, pressure=80.0)
    assert charge(rig) in (InCharge.MINIMUM_FLOW, InCharge.MAXIMUM_RETURN_TEMP)


def test_a_return_that_is_hot_because_the_supply_is_raises_no_pump():
    reset = ResetParameters(maximum_return_temp=limit(RETURN_ROW, 46.0, 1.0))
    rig = rig_of(reset)
    hot = run(rig, 40, **(READINGS | {RETURN: 48.0}), pressure=90.0)
    assert charge(rig) is InCharge.MAXIMUM_RETURN_TEMP
    assert hot[-1] > hot[0]
    rig = rig_of(reset)
    lost = run(rig, 40, **(READINGS | {RETURN: 50.0, "supply": 40.0}), pressure=90.0)
    assert charge(rig) is InCharge.LOOP
    assert lost[-1] <= lost[0]


def test_fm_17_a_limit_whose_sensor_fails_holds_for_a_moment_and_lets_go_and_says_so():
    rig = rig_of(ResetParameters(maximum_pressure=limit(FLOW_ROW, 600.0, 0.05)))
    held = run(rig, 200, **(READINGS | {FLOW: 610.0}), pressure=80.0)[-1]
    for k in range(14):
        rig.put(pressure=80.0)
        rig.spoil(FLOW)
        rig.step()
        told = rig.decision.conditions[0, Condition.PUMP_LIMIT_UNWATCHED]
        assert told == (k >= 10), k
    assert rig.decision.outputs[0, PRESSURE] > held


def test_a_limit_long_in_charge_is_told():
    rig = rig_of(ResetParameters(maximum_pressure=limit(FLOW_ROW, 600.0, 0.05)))
    run(rig, 500, **(READINGS | {FLOW: 640.0}), pressure=80.0)
    assert not rig.decision.conditions[0, Condition.PRESSURE_LIMITS_PUMPS]
    run(rig, 300, **(READINGS | {FLOW: 640.0}), pressure=80.0)
    assert rig.decision.conditions[0, Condition.PRESSURE_LIMITS_PUMPS]


def test_no_limit_acts_in_manual():
    parts = cdu_parts(
        0,
        cdu={"wants_manual": True, "reset": ResetParameters(minimum_flow=limit(FLOW_ROW, 900.0, 0.05))},
        pressure={"manual_pct": 40.0},
    )
    rig = Rig(assemble([parts], branches=2)).until(Mode.MANUAL)
    run(rig, 40, **READINGS)
    assert rig.decision.outputs[0, PRESSURE] == 40.0


@pytest.mark.parametrize(
    ("inlet_c", "flow_lpm"),
    [(20.0, 472.0), (25.0, 472.0), (27.5, 520.0), (45.0, 1416.0), (50.0, 1416.0), (NAN, 1500.0)],
)
def test_the_racks_table_is_linear_between_its_rows_held_outside_and_replaced_when_blind(inlet_c, flow_lpm):
    table = np.array([[25.0, 472.0], [30.0, 568.0], [45.0, 1416.0], [NAN, NAN]])
    assert flow_by_table(table, inlet_c, 1500.0) == flow_lpm


def test_a_flow_loop_follows_the_table_at_its_setpoints_rate():
    reset = ResetParameters(flow_table=((25.0, 60.0), (45.0, 140.0)), inlet=0)
    rig = rig_of(reset, pressure={"unit": "L/min", "setpoint": 150.0})
    run(rig, 400, **READINGS, pressure=96.0)
    assert rig.decision.setpoints[0, PRESSURE] == 96.0
    run(rig, 10, **(READINGS | {"supply": 36.0}), pressure=96.0)
    assert rig.decision.setpoints[0, PRESSURE] == 101.0


def test_a_rise_above_its_setpoint_speeds_the_pumps_up():
    rig = rig_of(pv=10.0, pressure={"unit": "K", "setpoint": 10.0, "gain": 0.9, "integral_time_s": 30.0})
    warm = run(rig, 20, **READINGS, pressure=12.0)
    assert (np.diff(warm[1:]) > 0.0).all()
    cool = run(rig, 60, **READINGS, pressure=8.0)
    assert cool[-1] < warm[-1]


RISE = ResetParameters(pump=trim(30.0, 120.0), rise_limit_k=12.0, volume_l=100.0, flow=FLOW_ROW, returns=(RETURN_ROW,))


def test_the_flow_that_a_rise_needs_is_heat_over_rise():
    rig = rig_of(replace(RISE, pump=trim(300.0, 1300.0)), pressure={"unit": "L/min", "setpoint": 1215.0})
    run(rig, 200, **READINGS, pressure=600.0)
    assert rig.state.reset[0, W_NEEDED] == pytest.approx(600.0 * 10.0 / 12.0, rel=1e-3)


def test_the_pressure_that_a_rise_needs_follows_the_racks_exponent():
    rig = rig_of(RISE)
    run(rig, 200, **READINGS, pressure=60.0)
    assert rig.state.reset[0, W_NEEDED] == pytest.approx(60.0 * (10.0 / 12.0) ** 1.85, rel=1e-3)


def test_heat_still_being_stored_counts_before_it_arrives():
    rig = rig_of(replace(RISE, pump=trim(300.0, 1300.0)), pressure={"unit": "L/min", "setpoint": 1215.0})
    run(rig, 200, **READINGS, pressure=600.0)
    for k in range(12):
        run(rig, 1, **(READINGS | {RETURN: 44.0 + 0.25 * k}), pressure=600.0)
    arriving = 600.0 * (46.75 - 34.0) / 12.0
    assert rig.state.reset[0, W_NEEDED] > arriving + 150.0


def test_a_supply_that_is_off_trims_nothing_and_raises_nothing():
    rig = rig_of(RISE)
    run(rig, 40, **READINGS, pressure=90.0)
    before = rig.state.reset[0, 10 + U_SETPOINT]
    lagged_c = supply_c = 34.0
    for _ in range(100):  # facility water is lost: the supply warms, and the racks' outlets after it
        supply_c = min(supply_c + 0.25, 42.0)
        lagged_c += (supply_c - lagged_c) * 0.5 / (10.0 + 0.5)
        run(rig, 1, **(READINGS | {"supply": supply_c, RETURN: lagged_c + 10.0}), pressure=90.0)
    assert rig.state.reset[0, 10 + U_SETPOINT] == before


def test_the_supplys_reset_warms_it_by_and_by_and_cools_it_for_a_hot_point():
    hot = trim(30.0, 38.0, trim=0.1, respond=0.3, hot_limit_c=50.0)
    rig = rig_of(ResetParameters(supply_temp=hot, hot=(RETURN_ROW,)))

    def follow(cycles, return_c):
        for _ in range(cycles):
            setpoint = rig.decision.setpoints[0, SUPPLY_TEMP]
            run(rig, 1, **(READINGS | {"supply": setpoint, RETURN: return_c}), pressure=90.0)
        return rig.decision.setpoints[0, SUPPLY_TEMP]

    assert follow(200, 44.0) == pytest.approx(35.0, abs=0.11)
    assert follow(1600, 44.0) == pytest.approx(38.0)
    assert follow(240, 52.0) < 35.0


def test_the_dew_point_floor_stays_above_any_reset():
    hot = trim(30.0, 38.0, trim=0.1, respond=0.9, hot_limit_c=40.0)
    rig = rig_of(ResetParameters(supply_temp=hot, hot=(RETURN_ROW,)), dew=31.0)
    for _ in range(300):
        run(rig, 1, **READINGS, pressure=90.0)
    assert rig.decision.setpoints[0, SUPPLY_TEMP] == pytest.approx(33.0)


def test_bad_inputs_are_told_and_the_configured_setpoint_returns():
    rig = rig_of(RISE)
    run(rig, 400, **(READINGS | {RETURN: 37.0}), pressure=90.0)
    assert rig.decision.setpoints[0, PRESSURE] < 60.0
    for _ in range(200):
        rig.put(pressure=90.0)
        rig.spoil(RETURN)
        rig.step()
    assert rig.decision.conditions[0, Condition.RESET_SUSPENDED]
    assert rig.decision.setpoints[0, PRESSURE] == 90.0


def test_a_reload_keeps_the_setpoint_where_it_is_and_forgets_what_belongs_to_changed_parameters():
    rig = rig_of(RISE)
    run(rig, 400, **(READINGS | {RETURN: 37.0}), pressure=90.0)
    before = rig.state.reset[0].copy()
    cdu = rig.plan.cdus[0]
    rig.reload(make_plan([cdu], rig.plan.actuators, period_s=0.5))
    assert np.array_equal(rig.state.reset[0], before, equal_nan=True)
    other = replace(cdu, reset=replace(RISE, rise_limit_k=10.0))
    rig.reload(make_plan([other], rig.plan.actuators, period_s=0.5))
    assert rig.state.reset[0, 10 + U_SETPOINT] == before[10 + U_SETPOINT]
    assert np.isnan(rig.state.reset[0, W_NEEDED])


def test_the_quality_of_an_uncertain_reading_is_enough():
    rig = rig_of(RISE)
    rig.spoil(RETURN, quality=Quality.UNCERTAIN)
    rig.step(10)
    assert np.isfinite(rig.state.reset[0, W_NEEDED])


def test_pumps_are_commanded_what_the_selection_says():
    rig = controlling()
    assert np.isfinite(rig.command(PUMP1))

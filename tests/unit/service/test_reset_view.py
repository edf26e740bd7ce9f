"""What everybody outside is told of resets and pump limits."""

from coolantd.control.golden import golden_plan, model_plan
from coolantd.control.reset_layout import U_SETPOINT, U_USE, W_IN_CHARGE, InCharge, ResetUse
from coolantd.control.step import initial_state
from coolantd.service.reset_view import pump_limit_views, reset_views


def test_a_cdu_without_resets_and_limits_shows_none():
    plan = golden_plan()
    state = initial_state(plan)
    assert reset_views(plan, state) == ()
    assert pump_limit_views(plan, state) == ()


def test_each_setpoint_that_is_reset_is_shown_with_what_it_goes_back_to():
    plan = model_plan()
    state = initial_state(plan)
    state.reset[0, [10 + U_SETPOINT, 10 + U_USE]] = 71.5, ResetUse.HOLDING
    supply, pump = reset_views(plan, state)
    assert (supply.loop, supply.unit, supply.configured) == ("supply_temp", "degC", 34.0)
    assert (pump.loop, pump.use, pump.setpoint, pump.configured) == ("pressure", "holding", 71.5, 90.0)


def test_who_is_in_charge_is_shown_by_name():
    plan = model_plan()
    state = initial_state(plan)
    state.reset[0, W_IN_CHARGE] = InCharge.MAXIMUM_PRESSURE
    assert pump_limit_views(plan, state)[0].in_charge == "maximum_pressure"

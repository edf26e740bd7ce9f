"""Registers left to another writer (FM-22): nothing is demanded of them, and they are taken back without a bump."""

import math

import numpy as np
import pytest
from control_rig import PERIOD_S, PUMP1, PUMP2, SLEW, VALVE, Rig, controlling, site

from coolantd.point import Quality, Reason
from coolantd.safety.modes import Cause, Mode


def yielded(rig, *names, on=True):
    for name in names:
        row = rig.row(f"{name}_rb")
        rig.quality[row], rig.reason[row] = int(Quality.GOOD), int(Reason.LOCAL_OVERRIDE if on else Reason.NONE)


def test_nothing_is_demanded_of_a_yielded_valve_and_the_pumps_go_on():
    rig = controlling()
    yielded(rig, "valve")
    rig.put(supply=37.0, pressure=70.0)
    before = rig.decision.commands.copy()
    for _ in range(20):
        rig.step()
        assert math.isnan(rig.command(VALVE))
        assert not rig.decision.refusals.any()
    assert (rig.decision.commands[[PUMP1, PUMP2]] > before[[PUMP1, PUMP2]]).all()
    assert (rig.mode(), rig.cause()) == (Mode.AUTOMATIC, Cause.OTHER_WRITER)


@pytest.mark.parametrize("found_pct", [20.0, 55.0, 90.0])
def test_the_end_of_a_yield_begins_where_the_valve_was_left_and_moves_on_at_slew(found_pct):
    rig = controlling()
    yielded(rig, "valve")
    rig.put(supply=36.0, valve=found_pct, valve_rb=found_pct)
    yielded(rig, "valve")
    rig.step(200)
    assert rig.decision.outputs[0, 0] == pytest.approx(found_pct)
    rig.put(valve_rb=found_pct)
    assert rig.step().commands[VALVE] == pytest.approx(found_pct)
    last = found_pct
    for _ in range(10):
        command = rig.step().commands[VALVE]
        assert abs(command - last) <= SLEW["valve"] * PERIOD_S + 1e-9
        last = command
    assert rig.cause() is Cause.NONE


def test_with_one_pump_yielded_the_loop_goes_on_with_the_other():
    rig = controlling()
    rig.put(pump1=95.0, pump1_rb=95.0, pressure=120.0)
    yielded(rig, "pump1")
    rig.step(20)
    assert math.isnan(rig.command(PUMP1))
    assert rig.command(PUMP2) < 55.0, "the yielded pump's own speed must not hold the loop"


def test_with_every_pump_yielded_the_loop_follows_them():
    rig = controlling()
    rig.put(pump1=80.0, pump2=70.0, pump1_rb=80.0, pump2_rb=70.0, pressure=120.0)
    yielded(rig, "pump1", "pump2")
    rig.step(20)
    assert rig.decision.outputs[0, 1] == pytest.approx(80.0)
    yielded(rig, "pump1", "pump2", on=False)
    assert list(rig.step().commands[[PUMP1, PUMP2]]) == pytest.approx([80.0, 70.0])


def test_starting_does_not_wait_for_a_yielded_readback():
    rig = Rig(site(), follows=False)
    rig.put(valve_rb=12.0)
    yielded(rig, "valve")
    rig.until(Mode.AUTOMATIC)


def test_failsafe_leaves_a_yielded_register_alone_and_keeps_its_cause():
    rig = controlling()
    yielded(rig, "valve")
    rig.silence("supply")
    rig.step(5)
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, Cause.SUPPLY_TEMP_BAD)
    assert math.isnan(rig.command(VALVE))
    assert rig.command(PUMP1) > 60.0


def test_manual_says_that_somebody_else_writes():
    rig = Rig(site(cdu={"wants_manual": True})).until(Mode.MANUAL)
    yielded(rig, "pump2")
    rig.step()
    assert rig.cause() is Cause.OTHER_WRITER


def test_fm_50_an_integral_follows_what_the_register_holds_when_writes_are_held_back():
    """A register written every 40 s would else be hunted against: the output stays near what it holds."""
    rig = Rig(site(), follows=True).until(Mode.AUTOMATIC)
    rig.step(4)
    rig.follows = False
    rig.put(valve=55.0, valve_rb=55.0, supply=34.3)
    rig.step(240)
    held_back = rig.decision.outputs[0, 0]
    assert 55.0 < held_back < 62.0
    rig.put(supply=34.0)
    rig.step(2)
    assert abs(rig.decision.outputs[0, 0] - 55.0) < 7.0
    assert np.isfinite(rig.state.s).all()

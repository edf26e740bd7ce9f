"""The stage that protects, seen from ``step``: who outranks whom, and how everything comes back."""

import numpy as np
import pytest
from control_rig import PUMP1, VALVE, Rig, controlling, site

from coolantd.point import Reason
from coolantd.safety.modes import Cause, Mode


def actuator_modes(rig):
    return [Mode(int(code)) for code in rig.decision.actuator_modes]


def test_actuators_follow_their_cdu_into_control():
    rig = Rig(site())
    rig.step()
    assert set(actuator_modes(rig)) == {Mode.STARTING}
    rig.until(Mode.AUTOMATIC).step()
    assert set(actuator_modes(rig)) == {Mode.AUTOMATIC}


def test_fm_22_an_actuator_left_to_another_writer_is_in_starting_alone():
    rig = controlling()
    rig.reason[rig.row("valve_rb")] = int(Reason.LOCAL_OVERRIDE)
    rig.step()
    assert actuator_modes(rig) == [Mode.STARTING, Mode.AUTOMATIC, Mode.AUTOMATIC]


def test_bad_input_puts_every_actuator_into_failsafe_and_back():
    rig = controlling()
    rig.silence("supply")
    rig.step(2)
    assert set(actuator_modes(rig)) == {Mode.FAILSAFE}
    rig.put(supply=34.0)
    rig.until(Mode.AUTOMATIC).step(3)
    assert set(actuator_modes(rig)) == {Mode.AUTOMATIC}


def test_a_disabled_cdu_is_watched_and_never_written():
    rig = Rig(site(cdu={"disabled": True}))
    rig.step(20)
    assert (rig.mode(), rig.cause()) == (Mode.DISABLED, Cause.CONFIGURED_DISABLED)
    assert np.isnan(rig.decision.commands).all()
    assert not rig.decision.wants_remote.any()
    assert set(actuator_modes(rig)) == {Mode.DISABLED}
    assert not rig.decision.refusals.any()


def test_fm_46_enabled_again_it_starts_from_what_is_measured():
    rig = controlling()
    rig.reload(site(cdu={"disabled": True}))
    rig.step(3)
    rig.put(valve=20.0, valve_rb=20.0, pump1=80.0, pump1_rb=80.0)
    rig.step(3)
    rig.reload(site())
    rig.until(Mode.AUTOMATIC)
    assert rig.command(VALVE) == pytest.approx(20.0, abs=2.0)
    assert rig.command(PUMP1) == pytest.approx(80.0, abs=2.0)

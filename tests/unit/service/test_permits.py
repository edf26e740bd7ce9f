"""What the envelope is told of an actuator before anything is written to it: each permit by itself (I8)."""

from dataclasses import replace

import pytest

from coolantd.control.plan import ActuatorParameters
from coolantd.protocol.profile import Role, WriteRule
from coolantd.safety.permits import EVERY_PERMIT, Permit
from coolantd.safety.yielding import YieldLease
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.device_outlet import DeviceOutlet
from coolantd.service.metrics import Metrics
from coolantd.service.writer import Writer

RULE = WriteRule(role=Role.FWS_VALVE, minimum=0.0, maximum=100.0, position="position")
VALVE = ActuatorParameters(
    device="cdu1", name="valve", role="fws_valve", minimum=0.0, maximum=100.0, zero_allowed=False, slew_pct_per_s=5.0,
    position=0, readback=0, cdu=0,
)  # fmt: skip


class Journal:
    def record(self, event, **details):
        pass


def permits(actuator, device=None, silent=()):
    devices = {} if device is None else {"cdu1": device}
    (flags,) = Writer(Metrics(), Journal(), [actuator], devices).permits(silent)
    return Permit(int(flags))


def outlet(rule=RULE, parameters=VALVE, **options):
    return ActuatorOutlet(parameters, rule, None, **({"verified": lambda: True} | options))


def without(permit):
    return Permit(EVERY_PERMIT) & ~permit


def test_a_sound_actuator_has_every_permit_with_and_without_a_device_that_can_be_put_to_local():
    assert permits(outlet()) == EVERY_PERMIT
    assert permits(outlet(), DeviceOutlet("cdu1")) == EVERY_PERMIT


def test_fm_20_a_device_of_which_nobody_says_that_it_is_verified_is_not():
    assert permits(ActuatorOutlet(VALVE, RULE, None)) == without(Permit.VERIFIED)
    assert permits(outlet(verified=lambda: False)) == without(Permit.VERIFIED)


@pytest.mark.parametrize("change", [{"role": Role.PUMP}, {"minimum": 0.1}, {"maximum": 99.9}])
def test_a_point_whose_profile_allows_less_than_the_plan_may_want_is_not_writable(change):
    assert permits(outlet(rule=replace(RULE, **change))) == without(Permit.WRITABLE)


def test_a_range_upside_down_is_not_writable():
    assert permits(outlet(parameters=replace(VALVE, minimum=60.0, maximum=40.0))) == without(Permit.WRITABLE)


def test_fm_22_a_device_put_to_local_does_not_obey():
    assert permits(outlet(), DeviceOutlet("cdu1", put_local=True)) == without(Permit.OBEYING)


def test_a_paused_device_does_not_obey_and_others_do():
    assert permits(outlet(), silent={"cdu1"}) == without(Permit.OBEYING)
    assert permits(outlet(), silent={"cdu2"}) == EVERY_PERMIT


def test_fm_22_a_register_left_to_another_writer_is_not_ours():
    assert permits(outlet(lease=YieldLease(foreign=40.0, begun_s=0.0, until_s=9.0))) == without(Permit.OWNED)


def test_a_writer_without_actuators_has_nothing_to_say():
    assert Writer(Metrics(), Journal()).permits(()).tolist() == []

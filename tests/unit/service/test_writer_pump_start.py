"""A pump that starts is an urgent write whatever the mode: a standby must not wait for its write budget."""

from types import SimpleNamespace

import pytest

from coolantd.safety.modes import Mode
from coolantd.service.writer import _urgent


@pytest.mark.parametrize(
    ("role", "held", "urgent"),
    [("pump", 0.0, True), ("pump", 25.0, False), ("fws_valve", 0.0, False), ("pump", float("nan"), True)],
)
def test_fm_01_a_write_to_a_pump_whose_register_holds_zero_is_urgent(role, held, urgent):
    actuator = SimpleNamespace(
        urgent=False, parameters=SimpleNamespace(role=role, cdu=0), state=SimpleNamespace(held=held)
    )
    decision = SimpleNamespace(modes=[Mode.AUTOMATIC], actuator_modes=[Mode.AUTOMATIC])
    assert _urgent(0, actuator, decision) is urgent


@pytest.mark.parametrize(("mode", "urgent"), [(Mode.OVERRIDE, True), (Mode.FAILSAFE, True), (Mode.AUTOMATIC, False)])
def test_fm_50_what_an_operator_or_an_interlock_wants_waits_for_no_budget(mode, urgent):
    actuator = SimpleNamespace(
        urgent=False, parameters=SimpleNamespace(role="fws_valve", cdu=0), state=SimpleNamespace(held=50.0)
    )
    assert _urgent(0, actuator, SimpleNamespace(modes=[Mode.OVERRIDE], actuator_modes=[mode])) is urgent

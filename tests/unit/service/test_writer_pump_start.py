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
    assert _urgent(actuator, SimpleNamespace(modes=[Mode.AUTOMATIC])) is urgent

"""What a bus that falls behind says of itself: who costs it its time, and that no more than once a minute."""

import structlog
from modbus_rig import BusRig, fault

from coolantd.errors import Fault


def late_warning(rig):
    """Send one read three seconds late and return what was logged."""
    rig.device.connected(rig.clock.now_s())
    ask = rig.device.spans[0]
    with structlog.testing.capture_logs() as logs:
        rig.bus.load.sent(rig.device, ask, ask.due_s + ask.period_s + 3.0)
        rig.bus.load.sent(rig.device, ask, ask.due_s + ask.period_s + 4.0)
    return [each for each in logs if each["event"] == "bus_overloaded"]


def test_fm_37_units_that_do_not_answer_are_named_and_not_the_slowest_of_those_that_do():
    rig = BusRig(names=("cdu1", "rpu1", "rpu2"))
    for name in ("rpu1", "rpu2"):
        rig.devices[name].connected(rig.clock.now_s())
        for _ in range(2):
            ask = rig.devices[name].agenda.asks[0]
            rig.devices[name].failed(ask, fault(Fault.TIMEOUT), rig.clock.now_s())
    (told,) = late_warning(rig)
    assert told["hint"] == "rpu1, rpu2 cannot be read, which costs the others their time"


def test_a_bus_on_which_all_answer_names_the_slowest():
    rig = BusRig(names=("cdu1", "rpu1"))
    rig.devices["rpu1"].presence.answered(0.4)
    (told,) = late_warning(rig)
    assert told["hint"].startswith("rpu1 is the slowest, it takes 0.400 s for a reply")

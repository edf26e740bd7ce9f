"""What only the service can know reaches the protection: stalls, clock steps, writes that nobody acknowledges."""

from types import SimpleNamespace

import pytest

from coolantd.control.golden import group_plan
from coolantd.safety.hazards import FACTS, Fact
from coolantd.safety.writing import WriteState
from coolantd.service.shell_facts import WRITES_LOST_S, ShellFacts
from coolantd.service.vitals import CLOCK_STEPPED, LOOP_STALLED, SUSPENDED, ServiceFault


def outlet(cdu, name="valve"):
    parameters = SimpleNamespace(cdu=cdu)
    return SimpleNamespace(parameters=parameters, tag=("d", name), state=WriteState(), lease=None)


class Rig:
    def __init__(self, *outlets):
        self.plan, self.active = group_plan(), set()
        self.writer = SimpleNamespace(actuators=outlets)
        self.facts = ShellFacts(
            lambda: tuple(ServiceFault(key, key in self.active, "") for key in (LOOP_STALLED, CLOCK_STEPPED, SUSPENDED))
        )

    def at(self, now_s):
        found = self.facts(self.plan, self.writer, now_s)
        assert found.shape == (2, FACTS)
        return {(n, Fact(k)) for n in range(2) for k in range(FACTS) if found[n, k]}


@pytest.mark.parametrize(("key", "fact"), [(LOOP_STALLED, Fact.LOOP_STALL), (CLOCK_STEPPED, Fact.CLOCK_STEP)])
def test_fm_25_fm_26_a_stall_and_a_step_of_the_clock_are_told_of_every_cdu(key, fact):
    rig = Rig()
    assert rig.at(0.0) == set()
    rig.active = {key}
    assert rig.at(1.0) == {(0, fact), (1, fact)}
    rig.active = {SUSPENDED}
    assert rig.at(2.0) == set()


def test_fm_36_fm_37_writes_that_nobody_acknowledges_are_told_of_their_cdu_and_no_other():
    deaf, well = outlet(0), outlet(1)
    rig = Rig(deaf, well)
    for second in range(10):
        deaf.state.attempt_s = well.state.attempt_s = well.state.written_s = 100.0 + second
        lost = rig.at(100.0 + second)
        assert lost == ({(0, Fact.WRITES_LOST)} if second > WRITES_LOST_S else set()), second
    deaf.state.written_s = deaf.state.attempt_s
    assert rig.at(110.0) == set()
    deaf.state.attempt_s = 111.0
    assert rig.at(111.0) == set(), "a new silence begins anew"


def test_a_register_left_to_another_writer_and_one_of_no_cdu_are_not_missed():
    left, nobody = outlet(0), outlet(None, "branch")
    left.lease = object()
    for each in (left, nobody):
        each.state.attempt_s = 0.0
    rig = Rig(left, nobody)
    assert rig.at(0.0) == rig.at(100.0) == set()

"""What the picture says of a CDU whose device or register is somebody else's (FM-22)."""

from types import SimpleNamespace

import numpy as np
import pytest

from coolantd.control.golden import golden_plan
from coolantd.control.layout import D_CAUSE, D_MODE
from coolantd.control.step import initial_state
from coolantd.safety.modes import Cause, Mode
from coolantd.service import portrait


def cycle_of(mode, cause, *, local):
    plan = golden_plan()
    state = initial_state(plan)
    state.d[0, [D_MODE, D_CAUSE]] = [float(mode), float(cause)]
    writer = SimpleNamespace(left_to_local=lambda device: local and device == plan.cdus[0].device)
    return SimpleNamespace(plan=plan, state=state, writer=writer)


@pytest.mark.parametrize(
    ("mode", "cause", "local", "label"),
    [
        (Mode.STARTING, Cause.WAITING_FOR_READBACK, True, "put to local"),
        (Mode.STARTING, Cause.WAITING_FOR_READBACK, False, "waiting for readback"),
        (Mode.AUTOMATIC, Cause.OTHER_WRITER, False, "other writer"),
        (Mode.AUTOMATIC, Cause.NONE, False, ""),
    ],
)
def test_the_cause_names_who_has_it(mode, cause, local, label):
    (cdu,) = portrait._cdus(cycle_of(mode, cause, local=local))
    assert (cdu.mode, cdu.cause) == (mode.label, label)
    assert np.isfinite(cdu.mode_age_s)

"""What all tests share: the compiled control law, once for a run, and who may run beside whom."""

import os

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from coolantd.control.stages import compiled_stages
from coolantd.plant.loop import ADVANCE
from coolantd.sim.fast_kernel import LIVE

settings.register_profile("same", derandomize=True)
if "COOLANTD_EXAMPLES" not in os.environ:
    settings.load_profile("same")  # every run tries the same inputs; whoever asks for more of them gets new ones

COMPILE_TIMEOUT_S = 600.0
"""Half a minute on an idle core, several on a busy one; whoever asks first waits for it."""


@pytest.fixture(scope="session")
def stages():
    """The compiled kernels of a step."""
    return compiled_stages(cache=False)


@pytest.fixture(scope="session")
def advance():
    """The compiled plant step."""
    return ADVANCE.compiled(cache=False)


@pytest.fixture(scope="session")
def live():
    """The compiled fast closed loop (``coolantd.sim.fastloop``)."""
    return LIVE.compiled(cache=False, nogil=True)


REAL_TIME = "real time"
REAL_TIME_PLACES = (
    *("tests/chaos/", "tests/e2e/"),
    *("tests/contract/test_fleet_lines", "tests/contract/test_gateway_", "tests/contract/test_illegal_register"),
)
"""What is there runs one after the other: it keeps time by the clock, to a fraction of a second."""
PATIENT = tuple(f"tests/e2e/test_{name}.py" for name in ("alert_rules", "nspawn_unit", "profile_tutorial"))
"""Those of them that wait for a program to end and mind no neighbour."""


class RealTimeApart(LoadScopeScheduling):
    """One worker gets every test that keeps real time, the others the rest, a test at a time; the first helps later.

    Not ``--dist loadgroup``: pytest-xdist 3.8 marks groups in a way that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid):
        apart = nodeid.startswith(REAL_TIME_PLACES) and not nodeid.startswith(PATIENT)
        return REAL_TIME if apart else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return RealTimeApart(config, log)


def pytest_collection_modifyitems(items):
    for item in items:
        compiled = {"stages", "live", "advance"} & set(getattr(item, "fixturenames", ()))
        if compiled and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(COMPILE_TIMEOUT_S))

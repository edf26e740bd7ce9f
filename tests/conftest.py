"""What all tests share: the compiled control law, once for a run, and who may run beside whom."""

from pathlib import Path

import pytest

from coolantd.control.stages import compiled_stages
from coolantd.plant.loop import ADVANCE
from coolantd.sim.fast_kernel import LIVE

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


REAL_TIME = "real-time"
"""The tests of these folders run one after the other: they keep time by the clock, with programs of the machine."""
REAL_TIME_FOLDERS = tuple(Path(__file__).parent / name for name in ("chaos", "contract", "e2e"))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    for item in items:
        if any(folder in item.path.parents for folder in REAL_TIME_FOLDERS):
            item.add_marker(pytest.mark.xdist_group(REAL_TIME))
        compiled = {"stages", "live", "advance"} & set(getattr(item, "fixturenames", ()))
        if compiled and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(COMPILE_TIMEOUT_S))

"""What many tests need and what takes long to make: the compiled control law, once for a whole run."""

import pytest

from coolantd.control.stages import compiled_stages
from coolantd.sim.fast_kernel import LIVE

COMPILE_TIMEOUT_S = 600.0
"""Half a minute on an idle core, several on a busy one; whoever asks first waits for it."""


@pytest.fixture(scope="session")
def stages():
    """The compiled kernels of a step."""
    return compiled_stages(cache=False)


@pytest.fixture(scope="session")
def live():
    """The compiled fast closed loop (``coolantd.sim.fastloop``)."""
    return LIVE.compiled(cache=False, nogil=True)


def pytest_collection_modifyitems(items):
    for item in items:
        compiled = {"stages", "live"} & set(getattr(item, "fixturenames", ()))
        if compiled and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(COMPILE_TIMEOUT_S))

"""What many tests need and what takes long to make: the compiled control law, once for a whole run."""

import pytest

from coolantd.control.stages import compiled_stages

COMPILE_TIMEOUT_S = 600.0
"""Half a minute on an idle core, several on a busy one; whoever asks first waits for it."""


@pytest.fixture(scope="session")
def stages():
    """The compiled kernels of a step."""
    return compiled_stages(cache=False)


def pytest_collection_modifyitems(items):
    for item in items:
        if "stages" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(COMPILE_TIMEOUT_S))

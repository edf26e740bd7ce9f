"""What every closed loop needs, made once."""

import pytest

from coolantd.control.stages import compiled_stages


@pytest.fixture(scope="session")
def stages():
    """The compiled control law."""
    return compiled_stages(cache=False)

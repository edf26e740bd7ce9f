import pytest

from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE


@pytest.fixture(scope="session")
def compiled_advance() -> KernelFunction:
    """The plant's step, compiled once for all plant tests; nothing is cached on disk."""
    return ADVANCE.compiled(cache=False)

"""The unit booted in a Debian tree: start to READY, reload, watchdog, crash, stop, a configuration that is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("nspawn_unit.sh")
CANNOT = 77
"""The script's exit status for "not here", as automake has it."""


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(1200)  # the first run makes a Debian tree; the script limits each of its own steps
def test_the_unit_in_a_booted_debian() -> None:
    """FM-26, FM-42, FM-44, FM-47."""
    done = subprocess.run(
        [str(SCRIPT)], env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1140, check=False,
    )  # fmt: skip
    if done.returncode == CANNOT:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    plan = re.search(r"^1\.\.(\d+)$", done.stdout, re.MULTILINE)
    assert plan is not None
    assert len(re.findall(r"^ok \d+ - ", done.stdout, re.MULTILINE)) == int(plan[1]) > 30

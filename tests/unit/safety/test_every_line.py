"""Every line and every branch of what stands between a mistake and a rack is run by its unit tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
WHOLE = (
    "actuator_modes",
    "alarms",
    "detect",
    "envelope",
    "envelope_layout",
    "envelope_pairs",
    "force",
    "guard",
    "interlocks",
    "latch",
    "leak",
    "leak_detect",
    "leak_orders",
    "leak_steps",
    "modes",
    "permits",
    "respond",
    "rights",
    "travel",
)
"""Envelope, interlocks, modes, alarms and leak policy, and all that decides within them."""
WITHIN_S = 240.0


@pytest.mark.timeout(WITHIN_S + 30.0)
def test_every_line_and_branch_of_envelope_interlocks_and_modes_is_run(tmp_path):
    data, told = tmp_path / "data", tmp_path / "told.json"
    coverage = [sys.executable, "-m", "coverage"]
    tests = ["-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", f"--ignore={__file__}", str(Path(__file__).parent)]
    tests += [str(REPOSITORY / "tests/unit/control/test_leak_stage.py")]
    subprocess.run(
        [*coverage, "run", "--branch", f"--data-file={data}", "--source=coolantd/safety", *tests],
        cwd=REPOSITORY,
        check=True,
        timeout=WITHIN_S,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run([*coverage, "json", f"--data-file={data}", "-q", "-o", str(told)], cwd=REPOSITORY, check=True)
    files = {Path(name).stem: facts for name, facts in json.loads(told.read_text())["files"].items()}
    assert set(WHOLE) <= set(files)
    missed = {name: (files[name]["missing_lines"], files[name]["missing_branches"]) for name in WHOLE}
    assert {name: lines for name, lines in missed.items() if any(lines)} == {}

"""What is mutated and by which tests it has to be found, and the survivors that may live. Knows no mutant."""

from pathlib import Path
from typing import Final

TESTS: Final = {
    "coolantd/safety/envelope.py": [
        "tests/unit/safety/test_safety_envelope.py",
        "tests/unit/safety/test_envelope_*.py",
        "tests/unit/safety/test_travel.py",
    ],
    "coolantd/safety/envelope_pairs.py": ["tests/unit/safety/test_envelope_pairs.py"],
    "coolantd/safety/travel.py": ["tests/unit/safety/test_travel.py"],
    "coolantd/safety/rights.py": ["tests/unit/safety/test_envelope_rights.py"],
    "coolantd/safety/modes.py": ["tests/unit/safety/test_safety_modes.py"],
    "coolantd/safety/interlocks.py": ["tests/unit/safety/test_interlocks.py", "tests/unit/safety/test_force.py"],
    "coolantd/safety/force.py": ["tests/unit/safety/test_force.py", "tests/unit/safety/test_interlocks.py"],
    "coolantd/safety/latch.py": ["tests/unit/safety/test_latch.py"],
    "coolantd/safety/guard.py": ["tests/unit/safety/test_guard.py"],
    "coolantd/safety/actuator_modes.py": ["tests/unit/safety/test_actuator_modes.py"],
    "coolantd/safety/detect.py": ["tests/unit/safety/test_detect.py"],
    "coolantd/safety/respond.py": ["tests/unit/safety/test_respond.py"],
    "coolantd/safety/leak.py": ["tests/unit/safety/test_leak_*.py"],
    "coolantd/safety/leak_detect.py": ["tests/unit/safety/test_leak_detect.py", "tests/unit/safety/test_leak_*.py"],
    "coolantd/safety/leak_steps.py": ["tests/unit/safety/test_leak_steps.py", "tests/unit/safety/test_leak_*.py"],
    "coolantd/safety/leak_orders.py": ["tests/unit/safety/test_leak_orders.py"],
    "coolantd/protocol/codec.py": [
        "tests/unit/protocol/test_protocol_codec.py",
        "tests/unit/protocol/test_protocol_codec_forms.py",
        "tests/unit/protocol/test_bits.py",
    ],
}
"""Module -> its tests; every survivor is one that these alone do not find."""

SAMPLED: Final = ("coolantd/safety/envelope_pairs.py", "coolantd/safety/rights.py")
"""Tried in every run of the tests; the whole list takes hours of a busy core and is run by hand."""

REPOSITORY: Final = Path(__file__).parents[2]
SURVIVORS_FILE: Final = Path(__file__).with_name("survivors.txt")


def files_for(path: str) -> list[str]:
    """Return the files of a module's tests, each once, in order."""
    files = [str(file) for pattern in TESTS[path] for file in sorted(REPOSITORY.glob(pattern))]
    return list(dict.fromkeys(files))


def justified() -> dict[tuple[str, str], str]:
    """Return (module, mutant's key) -> why it may live.

    Raises:
        ValueError: a line is not ``module | key | reason``.
    """
    found: dict[tuple[str, str], str] = {}
    for number, line in enumerate(SURVIVORS_FILE.read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            parts = [part.strip() for part in line.split(" || ")]
            if len(parts) != 3 or not all(parts):
                raise ValueError(f"{SURVIVORS_FILE.name}:{number}: {line!r}, allowed: module || mutant || reason")
            found[parts[0], parts[1]] = parts[2]
    return found

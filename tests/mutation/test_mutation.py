"""The mutation tool: its mutants, that it finds what tests miss, and a sample of the safety logic's in every run.

The whole of it by hand: ``python tests/mutation``; with ``COOLANTD_FULL=1`` here as well.
"""

import ast
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from implant import implanted
from mutants import mutants_of
from targets import SAMPLED, TESTS, files_for, justified

REPOSITORY = Path(__file__).parents[2]
WITHIN_S = 45
SAMPLE = 40
"""Mutants of each module in a run."""

SOURCE = '''
"""Says what it is."""
LIMIT = 5.0
ROWS = dict(first=1, second=2), (LIMIT,)

class Gate:
    """One."""
    def opens(self, value: float = 3.0) -> bool:
        return value < LIMIT

def least(values: list) -> float:
    """Return the least."""
    best = values[0]
    for value in values:
        if value < best and not value == -1:
            best = value
    return best + 0.0
'''


def changes(source):
    return [(mutant.place, mutant.change) for mutant in mutants_of(source)]


def module():
    made = types.ModuleType("small")
    made.__file__ = "small.py"
    exec(SOURCE, vars(made))
    return made


def test_every_kind_of_mistake_is_made_and_docstrings_and_types_are_left_alone():
    found = changes(SOURCE)
    assert ("", "5.0 -> 6.0") in found
    assert ("", "dict(first=1, second=2) without second") in found
    assert ("", "(LIMIT,) without LIMIT") in found
    assert ("Gate.opens", "value < LIMIT -> value <= LIMIT") in found
    assert ("least", "value < best and (not value == -1) -> value < best or not value == -1") in found
    assert ("least", "not value == -1 -> value == -1") in found
    assert ("least", "best + 0.0 -> best - 0.0") in found
    assert ("least", "dropped") in found
    assert not any("Return the least" in change or "list" in change for _, change in found)


def test_every_mutant_differs_from_the_original_and_has_a_key_of_its_own():
    found = mutants_of(SOURCE)
    plain = ast.unparse(ast.parse(SOURCE))
    assert all(ast.unparse(mutant.tree) != plain for mutant in found)
    assert len({mutant.key for mutant in found}) == len(found)


def test_a_mutant_runs_for_whoever_imported_the_function_and_is_gone_afterwards():
    small = module()
    least, opens = small.least, small.Gate().opens
    for mutant in mutants_of(SOURCE):
        with implanted(small, mutant.tree, mutant.place) as loaded:
            assert loaded
            if mutant.change == "value < LIMIT -> value >= LIMIT":
                assert not opens(4.0)
            if mutant.change == "5.0 -> 6.0":
                assert small.LIMIT == 6.0
    assert (least([3.0, 2.0]), opens(4.0), opens(), small.LIMIT) == (2.0, True, True, 5.0)


def test_the_tool_finds_what_a_weak_test_misses(tmp_path):
    """The module of travel with a test that only looks: nearly everything survives, and it says so."""
    (tmp_path / "test_weak.py").write_text(
        "from coolantd.safety import travel\n\ndef test_weak():\n    assert travel\n"
    )
    code = (
        "import sys, time; sys.path.insert(0, 'tests/mutation'); from trial import Trial, run;"
        "t = Trial('coolantd/safety/travel.py', sample=5, seed=0, until_s=1e18);"
        f"run(t, [{str(tmp_path / 'test_weak.py')!r}]); print(t.unharmed, t.tried, len(t.survivors))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "5", "5"]


def test_every_target_and_every_justified_survivor_is_still_there():
    for path in TESTS:
        assert (REPOSITORY / path).exists()
        assert files_for(path), path
    for path, key in justified():
        assert key in {mutant.key for mutant in mutants_of((REPOSITORY / path).read_text(encoding="utf-8"))}, key


@pytest.mark.slow
@pytest.mark.timeout(7200 if os.environ.get("COOLANTD_FULL") else 300)
def test_i1_i3_i8_a_sample_of_small_mistakes_in_the_safety_logic_is_found():
    full = bool(os.environ.get("COOLANTD_FULL"))
    limits = [] if full else ["--sample", str(SAMPLE), "--seed", "1", "--within-s", str(WITHIN_S), *SAMPLED]
    done = subprocess.run(
        [sys.executable, "tests/mutation", *limits], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

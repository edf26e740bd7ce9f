"""Every hazard and invariant that HAZARDS.md lists is cited by a test, and nothing is cited that it does not list."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLES = TESTS.parent / "HAZARDS.md"
ROW = re.compile(r"^\| (FM-\d\d|[IA]\d{1,2}) \|", re.MULTILINE)
CITED = re.compile(r"(?<![a-z0-9])(?:fm[-_]?(\d\d)|([ia]\d{1,2}))(?![a-z0-9])", re.IGNORECASE)
INVARIANT = re.compile(r"(?<![A-Za-z0-9])([IA]\d{1,2})(?![A-Za-z0-9])")

LISTED = ROW.findall(TABLES.read_text(encoding="utf-8"))


def functions() -> Iterator[tuple[str, str]]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name, ast.get_docstring(node) or ""


def citations(name: str, docstring: str) -> set[str]:
    """In a name an id may stand in small letters; in a docstring an invariant is written in capitals."""
    words = f"_{name}_".replace("_", " ").replace("fm ", "fm-")
    found = {f"FM-{m[1]}" if m[1] else m[2].upper() for m in CITED.finditer(words)}
    found |= {f"FM-{m[1]}" for m in CITED.finditer(docstring) if m[1]}
    return found | set(INVARIANT.findall(docstring))


CITATIONS = {name: citations(name, docstring) for name, docstring in functions()}
ALL_CITED = set().union(*CITATIONS.values())


def test_the_tables_are_whole_and_in_order() -> None:
    expected = [f"FM-{n:02}" for n in range(1, 57)] + [f"I{n}" for n in range(1, 14)] + [f"A{n}" for n in range(1, 7)]
    assert expected == LISTED


@pytest.mark.parametrize("row", LISTED)
def test_a_test_cites_every_row(row: str) -> None:
    assert row in ALL_CITED, f"no test under tests/ cites {row} in its name or docstring"


@pytest.mark.parametrize(
    ("name", "docstring", "cited"),
    [
        ("test_fm_16_i1_nothing", "", {"FM-16", "I1"}),
        ("test_nothing", "FM-04, I7: latched.", {"FM-04", "I7"}),
        ("test_nothing_of_a_kind", "i is an index, a2b too.", set()),
        ("test_fm_1_is_no_id", "", set()),
    ],
)
def test_what_counts_as_a_citation(name: str, docstring: str, cited: set[str]) -> None:
    assert citations(name, docstring) == cited


def test_no_test_cites_what_is_not_listed() -> None:
    strangers = {
        name: ids - set(LISTED) for name, ids in CITATIONS.items() if any(i.startswith("FM") for i in ids - set(LISTED))
    }
    assert strangers == {}

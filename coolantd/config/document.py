"""Several TOML files as one document. Knows how they merge and where each key came from; not what the keys mean.

Tables merge, arrays of tables append, and anything else said twice is a problem that names both places.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coolantd.config.locate import KeyPath
from coolantd.config.source import Source, Table, dotted
from coolantd.errors import Problem

Place = tuple[str, int]
"""File and 1-based line."""


@dataclass(frozen=True, slots=True)
class Document:
    """The merged files.

    Attributes:
        file: the first file, to which everything without a better place is ascribed.
        table: root table of the merged document.
        places: where each key path of it stands.
        problems: keys that were set twice.
    """

    file: str
    table: Table
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]

    def place_of(self, path: KeyPath) -> Place:
        """Return file and line of a key path, or of its nearest known enclosing table."""
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place
        return self.file, 1

    def problem(self, path: KeyPath, what: str, *, value: str | None = None, allowed: str = "") -> Problem:
        """Return a problem at a key path."""
        file, line = self.place_of(path)
        return Problem(file=file, line=line, key=dotted(path), what=what, value=value, allowed=allowed)


def merge(sources: Iterable[Source]) -> Document:
    """Return one document made of the sources, in order; where they contradict each other the first one stands."""
    merger = _Merger()
    names = [merger.add(source) for source in sources]
    return Document(names[0], merger.table, merger.places, tuple(merger.problems))


class _Merger:
    """Folds sources into one table."""

    def __init__(self) -> None:
        self.table: Table = {}
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []

    def add(self, source: Source) -> str:
        shifts: dict[KeyPath, int] = {}
        self._tables((), self.table, source.table, source, shifts)
        for path, line in source.locations.lines.items():
            self.places.setdefault(_shifted(path, shifts), (source.file, line))
        return source.file

    def _tables(self, path: KeyPath, into: Table, table: Table, source: Source, shifts: dict[KeyPath, int]) -> None:
        for key, value in table.items():
            here = (*path, key)
            known = into.get(key)
            if key not in into:
                into[key] = value
            elif isinstance(known, dict) and isinstance(value, dict):
                self._tables(here, known, value, source, shifts)
            elif isinstance(known, list) and _is_table_array(known) and _is_table_array(value):
                shifts[here] = len(known)
                into[key] = [*known, *value]
            else:
                self._twice(here, source)

    def _twice(self, path: KeyPath, source: Source) -> None:
        file, line = self.places.get(path, (source.file, 1))
        self.problems.append(
            Problem(
                file=source.file,
                line=source.locations.line_of(path),
                key=dotted(path),
                what=f"already set at {file}:{line}",
                allowed="one place for each key",
            )
        )


def _is_table_array(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _shifted(path: KeyPath, shifts: Mapping[KeyPath, int]) -> KeyPath:
    for length in range(1, len(path)):
        shift, index = shifts.get(path[:length]), path[length]
        if shift is not None and isinstance(index, int):
            return (*path[:length], index + shift, *path[length + 1 :])
    return path

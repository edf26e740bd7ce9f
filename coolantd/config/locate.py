"""Where each key of a TOML document stands. Knows the grammar's shape, not its values: tomllib reads those.

tomllib tells no line numbers, so this scanner walks a document that tomllib has already accepted and notes the
line on which every key path begins. On anything else it stops early and what it has not seen is unknown.
"""

import contextlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KeyPath = tuple[str | int, ...]
"""Keys and array indexes from the root, for example ``("cdu", 0, "supply_temp", "setpoint_c")``."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # a closing run may carry up to two quotes of the text itself
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR: Final = re.compile(r"[^,\]}\n#]+")


@dataclass(frozen=True, slots=True)
class Locations:
    """The lines of one document.

    Attributes:
        lines: 1-based line of each key path; a table's is that of its header or of the key that made it.
    """

    lines: Mapping[KeyPath, int]

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest known enclosing table; 1 for the document itself."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return 1


def locate(text: str) -> Locations:
    """Return the lines of a document that tomllib accepts. Never raises on any other text."""
    scanner = _Scanner(text)
    with contextlib.suppress(_LostError):  # what was seen so far stands; the rest falls back to enclosing tables
        scanner.document()
    return Locations(scanner.lines)


class _LostError(Exception):
    """The text is not TOML as this scanner knows it."""


class _Scanner:
    """One pass over one document."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._counts: dict[KeyPath, int] = {}
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip_blank():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        line = self._line
        array = self._text.startswith("[[", self._at)
        self._advance(2 if array else 1)
        *parents, last = self._key()
        self._expect("]]" if array else "]")
        path: KeyPath = ()
        for part in parents:
            path = self._current((*path, part), line)
        path = (*path, last)
        self._note(path, line)
        if array:
            self._counts[path] = self._counts.get(path, 0) + 1
        return self._current(path, line)

    def _current(self, path: KeyPath, line: int) -> KeyPath:
        """Note a path; for an array of tables, return the path of its latest table."""
        self._note(path, line)
        count = self._counts.get(path)
        if count is None:
            return path
        path = (*path, count - 1)
        self._note(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self._expect("=")
        self._skip_space()
        self._value(path)

    def _key(self) -> list[str]:
        parts = [self._key_part()]
        while self._text.startswith(".", self._at):
            self._advance(1)
            parts.append(self._key_part())
        return parts

    def _key_part(self) -> str:
        self._skip_space()
        match = _BARE_KEY.match(self._text, self._at)
        if match:
            part = match[0]
        else:
            match = _STRING.match(self._text, self._at)
            if not match:
                raise _LostError
            part = _unquoted(match[0])
        self._at = match.end()
        self._skip_space()
        return part

    def _value(self, path: KeyPath) -> None:
        start = self._text[self._at : self._at + 1]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        elif start in ('"', "'"):
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._advance(1)
        index = 0
        while self._skip_blank() and not self._text.startswith("]", self._at):
            self._note((*path, index), self._line)
            self._value((*path, index))
            index += 1
            self._skip_blank()
            if self._text.startswith(",", self._at):
                self._advance(1)
        self._expect("]")

    def _inline_table(self, path: KeyPath) -> None:
        self._advance(1)
        while self._skip_blank() and not self._text.startswith("}", self._at):
            self._pair(path)
            self._skip_blank()
            if self._text.startswith(",", self._at):
                self._advance(1)
        self._expect("}")

    def _note(self, path: KeyPath, line: int) -> None:
        self.lines.setdefault(path, line)

    def _skip_blank(self) -> bool:
        """Skip white space, newlines and comments; return whether anything is left."""
        self._take(_BLANK)
        return self._at < len(self._text)

    def _skip_space(self) -> None:
        self._take(_SPACE)

    def _expect(self, token: str) -> None:
        if not self._text.startswith(token, self._at):
            raise _LostError
        self._advance(len(token))

    def _advance(self, count: int) -> None:
        self._at += count

    def _take(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if not match:
            raise _LostError
        self._line += match[0].count("\n")
        self._at = match.end()


def _unquoted(literal: str) -> str:
    try:
        return str(tomllib.loads(f"key = {literal}")["key"])
    except tomllib.TOMLDecodeError as error:
        raise _LostError from error

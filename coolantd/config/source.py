"""Files as read once: their bytes, their TOML, and where each key stands. Knows nothing of what the keys mean.

A file is opened once and what was read then is what everything after works with, so that an editor writing to it
meanwhile cannot make us apply what we did not check (FM-43).
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coolantd.config.locate import KeyPath, Locations, locate
from coolantd.errors import Problem

FILE_BYTES_MAX: Final = 262_144
"""A site of a hundred CDUs needs about 150 KiB; more is not a configuration."""
DEPTH_MAX: Final = 12
"""The deepest key we know has six levels; a bound keeps every walk over the data short."""
FILES_MAX: Final = 64
"""Fragments in conf.d, or profiles in a directory."""

Table = dict[str, Any]
_ENDLESS_KEY: Final = re.compile(r"""(?:[A-Za-z0-9_"'-]{1,64}[ \t]{0,4}\.[ \t]{0,4}){33}""")
"""A dotted key of so many parts is noise; tomllib's time grows with the square of their number (20 000: 4 s)."""
_SYNTAX_LINE: Final = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")
_SYNTAX_END: Final = re.compile(r"\s*\(at end of document\)$")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, parsed.

    Attributes:
        file: its name, as the user would write it.
        data: its bytes.
        table: its root table; empty when it could not be parsed.
        locations: lines of its keys.
        problems: what made it unusable as TOML; empty when it is usable.
    """

    file: str
    data: bytes
    table: Table
    locations: Locations
    problems: tuple[Problem, ...]


def read_source(path: Path) -> Source:
    """Read and parse one file; whatever is wrong with it is in ``problems``, nothing is raised."""
    try:
        data = read_bytes(path, FILE_BYTES_MAX)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        return _unusable(str(path), b"", f"cannot be read: {reason}", 0)
    if len(data) > FILE_BYTES_MAX:
        return _unusable(str(path), data, f"longer than {FILE_BYTES_MAX} bytes", 0)
    return parse_source(str(path), data)


def parse_source(file: str, data: bytes) -> Source:
    """Parse the bytes of one file; whatever is wrong with them is in ``problems``, nothing is raised."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _unusable(file, data, f"not UTF-8 text at byte {error.start}", line, f"0x{data[error.start]:02x}")
    if endless := _ENDLESS_KEY.search(text):
        line = text.count("\n", 0, endless.start()) + 1
        return _unusable(file, data, "a dotted key of more than 32 parts", line)
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        # Besides its own error tomllib lets through: integers beyond the interpreter's digit limit, impossible
        # dates, and arrays nested deeper than the stack.
        what, line = _syntax_problem(str(error), text)
        return _unusable(file, data, what, line)
    if data and not data.endswith(b"\n"):
        # Editors end a file with a newline; one that stops earlier may be half of what it should be, and half a
        # number is a number (FM-43).
        line = data.count(b"\n") + 1
        return _unusable(file, data, "does not end with a newline: half written?", line)
    deep = _too_deep(table)
    if deep is not None:
        return _unusable(file, data, f"tables nested deeper than {DEPTH_MAX} levels below {deep}", 1)
    return Source(file, data, table, locate(text), ())


def _unusable(file: str, data: bytes, what: str, line: int, value: str | None = None) -> Source:
    return Source(file, data, {}, Locations({}), (Problem(file=file, line=line, key="", what=what, value=value),))


def read_bytes(path: Path, allowed_bytes: int) -> bytes:
    """Read a regular file, at most one byte more than allowed. O_NONBLOCK: opening a pipe must not hang a reload.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: the path cannot be one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return stream.read(allowed_bytes + 1)


def _syntax_problem(message: str, text: str) -> tuple[str, int]:
    what, line = message, 1
    if match := _SYNTAX_LINE.search(message):
        what, line = f"{message[: match.start()]} at column {match[2]}", int(match[1])
    elif match := _SYNTAX_END.search(message):
        what, line = f"{message[: match.start()]} at the end of the file", text.rstrip().count("\n") + 1
    # tomllib quotes what it met; a message is one line of printable text.
    printable = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in what[:200])
    return f"not TOML: {printable[:1].lower()}{printable[1:]}", line


def _too_deep(table: Table) -> str | None:
    """Return the top-level key below which the nesting passes ``DEPTH_MAX``; walks without recursion."""
    for key, value in table.items():
        level = [value]
        for _ in range(DEPTH_MAX):
            level = [child for node in level for child in _children(node)]
        if level:
            return ascii(key[:40])
    return None


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def dotted(path: KeyPath) -> str:
    """Return a key path as people read it: ``cdu[0].supply_temp.setpoint_c``; odd keys quoted, always one line."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{_key_text(part)}"
    return text


def _key_text(key: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key):
        return key
    return ascii(key if len(key) <= 64 else key[:60] + "...")

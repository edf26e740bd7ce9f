"""JSON with the line of every object. Knows the text only; not what it means."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from coolantd.lab.draft import NotAMap

LINE_KEY: Final = "\0line"
"""Where an object keeps the line of its opening brace; no JSON text of a map has a key with a NUL."""
DEPTH_MAX: Final = 16
"""The deepest known map has five levels."""
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\]\n]', re.DOTALL)
"""A string that never ends takes the rest with it, or looking for its end again from every quote in it would take
time that grows with the square of the file."""

Json = dict[str, Any]


def parse(text: str) -> Json:
    """Return a JSON object, each object in it knowing its line.

    Raises:
        NotAMap: not JSON, no object at the root, nested too deep, or a value JSON does not have.
    """
    lines = _closing_order(text)

    def build(pairs: list[tuple[str, Any]]) -> Json:
        return dict(pairs) | {LINE_KEY: next(lines, 0)}

    try:
        root = json.loads(text, object_pairs_hook=build, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise NotAMap(f"not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise NotAMap(f"not JSON: {str(error)[:100]}") from None
    if not isinstance(root, dict):
        raise NotAMap("the JSON is not an object at its root")
    return root


def line_of(table: Json) -> int:
    """Return the line on which an object opens."""
    line: int = table[LINE_KEY]
    return line


def objects(table: Json, key: str) -> Iterator[Json]:
    """Yield the objects of an array, leaving out whatever is none; nothing if there is no such array."""
    value = table.get(key)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def text_of(table: Json, key: str) -> str:
    """Return a string, or an empty one where there is none."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def number_of(table: Json, key: str, default: float) -> float:
    """Return a number, or the default where the key is missing or null.

    Raises:
        ValueError: anything else.
    """
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is not a number")  # noqa: TRY004 (the caller's one kind of trouble)
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{key} is too large") from None


def integer_of(table: Json, key: str, default: int | None = None) -> int:
    """Return an integer, also one written as ``"0x9002"``.

    Raises:
        ValueError: anything else, or missing without a default.
    """
    value = table.get(key, default)
    if isinstance(value, str) and len(value) <= 20:
        try:
            return int(value, 0)
        except ValueError:
            raise ValueError(f"{key} is not an integer") from None
    if isinstance(value, bool) or not isinstance(value, int):
        what = "missing" if value is None else "not an integer"
        raise ValueError(f"{key} is {what}")  # noqa: TRY004 (the caller's one kind of trouble)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _closing_order(text: str) -> Iterator[int]:
    """Yield the opening lines of the objects in the order in which they close, which is that of the parser's hook.

    Raises:
        NotAMap: nested too deep.
    """
    found: list[int] = []
    opened: list[int] = []
    line = 1
    for match in _TOKENS.finditer(text):
        mark = match[0]
        if mark == "\n":
            line += 1
        elif mark in "{[":
            opened.append(line)
            if len(opened) > DEPTH_MAX:
                raise NotAMap(f"nested deeper than {DEPTH_MAX} levels at line {line}")
        elif mark in "}]" and opened:
            at = opened.pop()
            if mark == "}":
                found.append(at)
        else:
            line += mark.count("\n")
    return iter(found)

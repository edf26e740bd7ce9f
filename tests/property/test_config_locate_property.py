"""The line scanner against tomllib, on documents generated together with the line of each of their keys."""

import json
import tomllib
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.config.locate import KeyPath, locate

KEYS = st.one_of(
    st.from_regex(r"\A[A-Za-z0-9_-]{1,6}\Z"),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
)
STRINGS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


def multi_line_basic(text: str) -> str:
    """A multi-line basic string that looks like more TOML, with quotes at its end."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}\n[x]\ny = 1 # """""'


DATES = ["1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "1979-05-27", "07:32:00"]
SCALARS = st.one_of(
    st.integers(-(2**40), 2**40).map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(["true", "false", "inf", "-nan", "0xDEAD", *DATES]),
    STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    STRINGS.filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
    STRINGS.map(multi_line_basic),
    STRINGS.filter(lambda text: "'" not in text).map(lambda text: f"'''\n{text}\n# ]}}'''"),
)
BLANKS = st.sampled_from(["", " ", "\n", "\n# [c] = {\n", "\t", " \n\n "])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(st.tuples(BLANKS, inner, BLANKS), max_size=4),
        st.dictionaries(KEYS, inner.filter(lambda value: "\n" not in str(value)), max_size=3),
    ),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=5)
DOCUMENTS = st.tuples(
    TABLES,
    st.lists(st.tuples(st.lists(KEYS, min_size=1, max_size=2), st.booleans(), TABLES), max_size=5),
)


class Writer:
    """Writes TOML and notes on which line each key path begins."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def key(self, key: str) -> None:
        bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
        self.put(key if bare else json.dumps(key, ensure_ascii=False))

    def value(self, path: KeyPath, value: object) -> None:
        if isinstance(value, str):
            self.put(value)
        elif isinstance(value, list):
            self.put("[")
            for index, (before, item, after) in enumerate(value):
                self.put(before)
                self.note((*path, index))
                self.value((*path, index), item)
                self.put(f"{after},")
            self.put("]")
        elif isinstance(value, dict):
            self.put("{ ")
            for index, (key, item) in enumerate(value.items()):
                self.put(", " if index else "")
                self.pair(path, key, item)
            self.put(" }")

    def pair(self, path: KeyPath, key: str, value: object) -> None:
        self.note((*path, key))
        self.key(key)
        self.put(" = ")
        self.value((*path, key), value)

    def table(self, path: KeyPath, table: dict[str, object]) -> None:
        for key, value in table.items():
            self.pair(path, key, value)
            self.put(" # end\n")

    def header(self, names: list[str], counts: dict[str, int], *, array: bool) -> KeyPath:
        """Write a header below a name of its own, so that no two tables clash."""
        name = f"{'list' if array else 'table'}{len(names)}"
        index = counts.get(name, 0)
        counts[name] = index + 1
        parts = [name] if array else [f"{name}_{index}", *names]
        for length in range(1, len(parts) + 1):
            self.note(tuple(parts[:length]))
        path: KeyPath = (name, index) if array else tuple(parts)
        self.note(path)
        self.put("[[" if array else "[ ")
        for number, part in enumerate(parts):
            self.put("." if number else "")
            self.key(part)
        self.put("]] # c\n" if array else " ]\n")
        return path


def leaves(path: KeyPath, value: object) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves((*path, index), inner)
    yield path


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS)
def test_every_key_is_found_on_its_line(document):
    root, tables = document
    writer, counts = Writer(), {}
    writer.table((), {f"r_{key}": value for key, value in root.items()})
    for names, array, table in tables:
        path = writer.header(names, counts, array=array)
        writer.table(path, {f"k_{key}": value for key, value in table.items()})
    parsed = tomllib.loads(writer.text)
    found = locate(writer.text)
    assert {path: found.lines.get(path) for path in writer.lines} == writer.lines
    assert set(leaves((), parsed)) - {()} <= set(found.lines)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("[]{}=.,\"'#\n\\ ab1"), max_size=60))
def test_no_text_breaks_the_scanner(text):
    """Whatever tomllib accepts is located whole; whatever it does not still ends."""
    found = locate(text)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(leaves((), parsed)) - {()} <= set(found.lines)

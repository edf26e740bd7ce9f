"""A valid site to start from, and ways to spoil it."""

from pathlib import Path

from coolantd.config.load import Loaded, load
from coolantd.errors import ConfigError, Problem

REPOSITORY = Path(__file__).parents[3]
DEMO = (REPOSITORY / "config" / "demo.toml").read_text(encoding="utf-8")


def edited(*edits: tuple[str, str], text: str = DEMO) -> str:
    """The demo configuration with pieces of text replaced; each must be there, exactly once unless it is a header."""
    for old, new in edits:
        assert old in text, f"{old!r} is not in the configuration"
        text = text.replace(old, new, 1)
    return text


def loaded(directory: Path, text: str, **fragments: str) -> Loaded:
    """Write a main file, and fragments by name, and load them."""
    main = directory / "coolantd.toml"
    main.write_text(text, encoding="utf-8")
    for name, fragment in fragments.items():
        (directory / "conf.d").mkdir(exist_ok=True)
        (directory / "conf.d" / f"{name}.toml").write_text(fragment, encoding="utf-8")
    return load(main)


def problems(directory: Path, text: str, **fragments: str) -> tuple[Problem, ...]:
    """What loading complains about; nothing if it does not."""
    try:
        loaded(directory, text, **fragments)
    except ConfigError as error:
        return error.problems
    return ()


def line_of(text: str, snippet: str) -> int:
    """1-based line of the first occurrence of a snippet."""
    assert snippet in text, f"{snippet!r} is not in the text"
    return text[: text.index(snippet)].count("\n") + 1

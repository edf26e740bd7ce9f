"""pydantic's errors as sentences. Knows models and documents; reads no file."""

import difflib
from collections.abc import Sequence
from datetime import date, time
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from coolantd.config.document import Document
from coolantd.config.locate import KeyPath
from coolantd.errors import Problem

MISSING: Final = "missing"
"""What is wrong with a required key that is not there."""
VALUE_LENGTH_MAX: Final = 60
"""A message stays one readable line."""
SECRET_KEYS: Final = frozenset({"password", "passwd", "pass", "secret", "token", "api_key"})
"""Keys whose value must not stand in a configuration, nor in a message about it."""
_INTEGER_BITS_MAX: Final = 128
"""Longer integers are described, not written out: Python refuses to print very long ones."""

_KINDS: Final = {
    "float_type": ("wrong type", "a number"),
    "finite_number": ("not a finite number", "a finite number"),
    "int_type": ("wrong type", "an integer"),
    "bool_type": ("wrong type", "true or false"),
    "string_type": ("wrong type", "a string"),
    "tuple_type": ("wrong type", "an array"),
    "model_type": ("wrong type", "a table"),
    "model_attributes_type": ("wrong type", "a table"),
    "string_too_short": ("empty", "at least one character"),
    "string_too_long": ("too long", "at most {max_length} characters"),
    "too_short": ("too few entries", "at least {min_length}"),
    "too_long": ("too many entries", "at most {max_length}"),
    "literal_error": ("unknown value", "{expected}"),
    "enum": ("unknown value", "{expected}"),
}
"""pydantic's error types -> (what, allowed), the latter formatted with the error's context."""


def explain(error: ValidationError, model: type[BaseModel], document: Document, root: KeyPath = ()) -> list[Problem]:
    """Return a problem for each thing pydantic found wrong.

    Args:
        error: what it raised.
        model: what it was validating; needed to name the keys that are allowed.
        document: where the keys stand.
        root: where the validated value stands in the document.
    """
    found = [one for one in error.errors(include_url=False) if one["type"] != "default_factory_not_called"]
    wrong = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    # pydantic counts only entries that are well: an array with a wrong one is not short as well.
    kept = (one for one in found if one["type"] != "too_short" or one["loc"] not in wrong)
    return [_problem(dict(one), model, document, root) for one in kept]


def _problem(one: dict[str, Any], model: type[BaseModel], document: Document, root: KeyPath) -> Problem:
    path: KeyPath = (*root, *one["loc"])
    if one["type"] == "extra_forbidden":
        return _unknown_key(one["loc"], one["input"], model, document, path)
    if one["type"] == "missing":
        return document.problem(path, MISSING)
    context = one.get("ctx", {})
    what, allowed = _KINDS.get(one["type"], (one["msg"], context.get("allowed", "")))
    # Errors between the keys of a table have no value of their own to show.
    value = None if one["type"] in ("together", "too_short", "too_long") else shown(one["input"])
    return document.problem(path, what, value=value, allowed=allowed.format(**context))


def _unknown_key(loc: Sequence[Any], value: Any, model: type[BaseModel], document: Document, path: KeyPath) -> Problem:
    key = str(loc[-1])
    if key.lower() in SECRET_KEYS:
        return document.problem(
            path,
            "a secret does not belong in the configuration",
            allowed="password_file (a file only the daemon can read) or password_credential (systemd)",
        )
    keys = _keys_at(model, loc[:-1])
    near = difflib.get_close_matches(key[:64], keys, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    return document.problem(path, f"unknown key{hint}", value=shown(value), allowed="" if near else ", ".join(keys))


def _keys_at(model: type[BaseModel], loc: Sequence[Any]) -> list[str]:
    """Return the keys of the (sub)model that a location leads to."""
    for part in loc:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _model_in(fields[part].annotation) if part in fields else None
        if inner is None:
            return []
        model = inner
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def shown(value: Any) -> str:
    """Return a value as a message shows it: TOML's spelling where short, one line, printable, bounded."""
    text = _spelled(value)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[: VALUE_LENGTH_MAX - 3]}..."


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return ascii(value[:VALUE_LENGTH_MAX])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS_MAX:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, dict):
        return f"a table of {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"an array of {len(value)} values"
    return value.isoformat() if isinstance(value, date | time) else repr(value)

"""Puts a mutant into the place of the module that is loaded, and takes it out again. Knows no test.

Functions keep their identity and get other code, so that whoever imported them by name runs the mutant. Constants are
replaced in the module and wherever they were imported from it, arrays and dictionaries in place; those that a changed
function made while its module was loaded, too.
"""

import ast
import functools
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[2]
Undo = Callable[[], None]


def functions_of(module: types.ModuleType) -> dict[str, types.FunctionType]:
    """Return the plain functions that a module defines, methods too, by ``Class.method``."""
    found: dict[str, types.FunctionType] = {}
    for name, value in vars(module).items():
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            found[name] = value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            found |= {f"{name}.{key}": each for key, each in _methods(value)}
    return found


def _methods(owner: type) -> Iterator[tuple[str, types.FunctionType]]:
    for key, value in vars(owner).items():
        inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(inner, types.FunctionType) and inner.__qualname__.startswith(f"{owner.__qualname__}."):
            yield key, inner


@contextmanager
def implanted(module: types.ModuleType, tree: ast.Module, place: str) -> Iterator[bool]:
    """Run with a mutant in a module's place; yield whether it is in, as one that cannot even be loaded is not.

    Args:
        module: loaded.
        tree: of the whole mutant.
        place: of the function that differs; empty for the module's own constants.
    """
    fresh = types.ModuleType(module.__name__)
    fresh.__file__ = module.__file__
    try:
        exec(compile(tree, str(module.__file__), "exec"), vars(fresh))
    except Exception:
        yield False
        return
    undo = _functions_in(module, fresh, place) + _constants_in(module, fresh)
    try:
        yield True
    finally:
        for put_back in reversed(undo):
            put_back()


def _functions_in(module: types.ModuleType, fresh: types.ModuleType, place: str) -> list[Undo]:
    old, new = functions_of(module).get(place), functions_of(fresh).get(place)
    if old is None or new is None:
        return []
    code, defaults, keyword_defaults = old.__code__, old.__defaults__, old.__kwdefaults__

    def put_back() -> None:
        old.__code__, old.__defaults__, old.__kwdefaults__ = code, defaults, keyword_defaults

    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    return [put_back]


def _constants_in(module: types.ModuleType, fresh: types.ModuleType) -> list[Undo]:
    undo: list[Undo] = []
    for name, new in vars(fresh).items():
        old = vars(module).get(name)
        if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.shape == new.shape:
            undo.append(_array_in(old, new))
        elif isinstance(old, dict) and isinstance(new, dict) and not name.startswith("__"):
            undo += _entries_in(old, new)
        elif isinstance(new, int | float | tuple | frozenset | np.ndarray) and repr(old) != repr(new):
            undo += [_constant_in(each, name, new) for each in (module, *importers(module.__name__, name))]
    return undo


def _constant_in(module: types.ModuleType, name: str, new: object) -> Undo:
    old = vars(module)[name]
    vars(module)[name] = new
    return functools.partial(vars(module).__setitem__, name, old)


def _entries_in(old: dict[object, object], new: dict[object, object]) -> list[Undo]:
    """Replace only entries that differ: the others belong to classes that a test may compare by identity."""
    undo: list[Undo] = []
    for key, value in new.items():
        if key in old and repr(old[key]) != repr(value):
            undo.append(functools.partial(old.__setitem__, key, old[key]))
            old[key] = value
    return undo


def importers(source: str, name: str) -> list[types.ModuleType]:
    """Return the loaded modules of the project and its tests that have a name of another by importing it."""
    return [
        each
        for each in list(sys.modules.values())
        if name in vars(each) and (source, name) in _imports_of(getattr(each, "__file__", None) or "")
    ]


@functools.cache
def _imports_of(file: str) -> frozenset[tuple[str, str]]:
    if not file.startswith(str(REPOSITORY)) or "site-packages" in file:
        return frozenset()
    nodes = ast.walk(ast.parse(Path(file).read_text(encoding="utf-8")))
    return frozenset(
        (node.module or "", alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    )


def _array_in(old: np.ndarray, new: np.ndarray) -> Undo:
    kept, writeable = old.copy(), old.flags.writeable
    old.flags.writeable = True
    old[...] = new

    def put_back() -> None:
        old.flags.writeable = True
        old[...] = kept
        old.flags.writeable = writeable

    return put_back

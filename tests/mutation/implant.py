"""Puts a mutant into the place of the module that is loaded, and takes it out again. Knows no test.

Functions keep their identity and get other code, so that whoever imported them by name runs the mutant. Constants are
replaced in the module, and arrays in place.
"""

import ast
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

Kept = list[tuple[types.FunctionType, types.CodeType, object, object]]


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
    undo = _functions_in(module, fresh, place) if place else _constants_in(module, fresh)
    try:
        yield True
    finally:
        for put_back in reversed(undo):
            put_back()


def _functions_in(module: types.ModuleType, fresh: types.ModuleType, place: str) -> list[types.FunctionType]:
    old, new = functions_of(module).get(place), functions_of(fresh).get(place)
    if old is None or new is None:
        return []
    code, defaults, keyword_defaults = old.__code__, old.__defaults__, old.__kwdefaults__

    def put_back() -> None:
        old.__code__, old.__defaults__, old.__kwdefaults__ = code, defaults, keyword_defaults

    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    return [put_back]


def _constants_in(module: types.ModuleType, fresh: types.ModuleType) -> list[types.FunctionType]:
    undo = []
    for name, new in vars(fresh).items():
        old = vars(module).get(name)
        if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.shape == new.shape:
            undo.append(_array_in(old, new))
        elif isinstance(new, int | float | tuple | frozenset) and old != new:
            undo.append(lambda name=name, old=old: vars(module).__setitem__(name, old))
            vars(module)[name] = new
    return undo


def _array_in(old: np.ndarray, new: np.ndarray) -> types.FunctionType:
    kept, writeable = old.copy(), old.flags.writeable
    old.flags.writeable = True
    old[...] = new

    def put_back() -> None:
        old.flags.writeable = True
        old[...] = kept
        old.flags.writeable = writeable

    return put_back

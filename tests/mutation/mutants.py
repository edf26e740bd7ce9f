"""Makes mutants of a module: its syntax tree with one small thing wrong. Knows no test.

A mutant is told by its function, the line it changes and what becomes of it, never by a line number, so that what is
written down of it outlives edits elsewhere. Types, docstrings, messages and enum members are left alone: no test of a
decision could tell.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
WORDS: Final = {"min": "max", "max": "min"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing wrong.

    Attributes:
        place: of the function, ``Class.method`` for one of a class; empty for the module itself.
        line: the source line as it stands, stripped.
        change: what becomes of a part of it.
        number: which of the like changes of that line, from 0.
        tree: the whole module with it.
    """

    place: str
    line: str
    change: str
    number: int
    tree: ast.Module

    @property
    def key(self) -> str:
        """Return what a survivor is written down under."""
        which = f" #{self.number + 1}" if self.number else ""
        return f"{self.place or '<module>'}: `{self.line}`: {self.change}{which}"


def variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (what changes, the node instead of this one)."""
    if isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            for other in COMPARISONS.get(type(op), ()):
                new = copy.deepcopy(node)
                new.ops[k] = other()
                yield f"{ast.unparse(node)} -> {ast.unparse(new)}", new
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        new = copy.deepcopy(node)
        new.op = ARITHMETIC[type(node.op)]()
        yield f"{ast.unparse(node)} -> {ast.unparse(new)}", new
    elif isinstance(node, ast.BoolOp):
        new = copy.deepcopy(node)
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{ast.unparse(node)} -> {ast.unparse(new)}", new
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"{ast.unparse(node)} -> {ast.unparse(node.operand)}", copy.deepcopy(node.operand)
    elif isinstance(node, ast.Constant) and not isinstance(node.value, str | bytes | type(None) | type(...)):
        for value in _other_values(node.value):
            yield f"{ast.unparse(node)} -> {value!r}", ast.Constant(value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORDS:
        new = copy.deepcopy(node)
        new.func = ast.Name(WORDS[node.func.id], ast.Load())
        yield f"{ast.unparse(node)} -> {ast.unparse(new)}", new
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        new = copy.deepcopy(node)
        new.test = ast.UnaryOp(ast.Not(), new.test)
        yield f"not {ast.unparse(node.test)}", new
    elif isinstance(node, ast.IfExp):
        new = copy.deepcopy(node)
        new.body, new.orelse = new.orelse, new.body
        yield "branches exchanged", new
    elif isinstance(node, ast.Break | ast.Continue):
        yield f"{ast.unparse(node)} dropped", ast.Pass()
    elif isinstance(node, ast.Assign | ast.AugAssign) or _is_call(node):
        yield "dropped", ast.Pass()


def table_variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may be wrong in a table of a module: an entry is missing."""
    if isinstance(node, ast.Call):
        for k, keyword in enumerate(node.keywords):
            if keyword.arg == "dtype":
                continue
            new = copy.deepcopy(node)
            del new.keywords[k]
            yield f"{ast.unparse(node)[:60]} without {keyword.arg}", new
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        for k, element in enumerate(node.elts):
            new = copy.deepcopy(node)
            del new.elts[k]
            yield f"{ast.unparse(node)[:60]} without {ast.unparse(element)[:60]}", new


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _other_values(value: complex) -> tuple[object, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1,)
    return (value + 1.0, value * 2.0) if value else (1.0,)


def _skipped(node: ast.AST) -> bool:
    """Return whether nothing below a node is a decision: annotations, messages of errors, doc strings."""
    return isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _is_list_of_names(node: ast.AST) -> bool:
    """Return whether a statement lists a module's functions: for importers, or for the compiler, which tests run."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    kernel = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "Kernel"
    return kernel or (isinstance(target, ast.Name) and target.id in {"__all__", "HELPERS"})


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    if isinstance(node, ast.Module):
        yield from (("body", k, each) for k, each in enumerate(node.body) if not _is_list_of_names(each))
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases", "keywords"} and not isinstance(
            node, ast.Call
        ):
            continue
        if isinstance(value, list):
            yield from ((name, k, each) for k, each in enumerate(value) if isinstance(each, ast.AST))
        elif isinstance(value, ast.AST):
            yield name, None, value


def _sites(node: ast.AST, place: str, *, inside: bool) -> Iterator[tuple[str, ast.AST, str, int | None, ast.AST]]:
    """Yield (place, parent, field, index, node) of everything in functions, and of a module's own constants."""
    for field, index, child in _children(node):
        if _skipped(child):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            below = f"{place}.{child.name}" if place else child.name
            yield from _sites(child, below, inside=isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))
            continue
        if inside or not place:
            yield place, node, field, index, child
        yield from _sites(child, place, inside=inside)


def mutants_of(source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of its lines."""
    tree, lines = ast.parse(source), source.splitlines()
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    for place, parent, field, index, node in list(_sites(tree, "", inside=False)):
        for change, new in (*variants(node), *(() if place else table_variants(node))):
            if not place and isinstance(node, ast.Assign | ast.Expr):
                continue  # a name that is missing is found by the import
            line = lines[getattr(node, "lineno", getattr(parent, "lineno", 1)) - 1].strip()
            number = seen.get((place, line, change), 0)
            seen[place, line, change] = number + 1
            found.append(Mutant(place, line, change, number, _with(tree, parent, field, index, new)))
    return found


def _with(tree: ast.Module, parent: ast.AST, field: str, index: int | None, new: ast.AST) -> ast.Module:
    old = getattr(parent, field)
    if index is None:
        setattr(parent, field, new)
        mutated = copy.deepcopy(tree)
        setattr(parent, field, old)
    else:
        kept, old[index] = old[index], new
        mutated = copy.deepcopy(tree)
        old[index] = kept
    return ast.fix_missing_locations(mutated)

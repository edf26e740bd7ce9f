"""Two maps of what should be one device. Knows profiles; judges neither to be right.

Points are matched by the registers they live in, because names differ between any two maps; what is left is matched
by name, so that a point that moved is one change and not two.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final

from coolantd.protocol.profile import Coding, Profile, RegisterPoint


class Kind(StrEnum):
    """How a point differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


ASPECTS: Final = (
    "name", "address", "sign", "coding", "size", "bit", "order", "scale", "offset", "unit", "range", "access",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One thing that differs.

    Attributes:
        what: of ``ASPECTS``.
        before, after: as text.
    """

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A point in which two maps differ.

    Attributes:
        kind: how.
        table, address: where; of the second map where both have it.
        name: of the point; of the second map where both have it.
        aspects: what differs; empty for a point only one map has.
    """

    kind: Kind
    table: str
    address: int
    name: str
    aspects: tuple[Aspect, ...] = ()


_SIGNS: Final = {
    Coding.U16: "unsigned", Coding.U32: "unsigned", Coding.U64: "unsigned",
    Coding.I16: "signed", Coding.I32: "signed", Coding.I64: "signed",
}  # fmt: skip


def compare(before: Profile, after: Profile, *, ignored: frozenset[str] = frozenset()) -> tuple[Difference, ...]:
    """Return what differs between the points of two profiles, by table and address; empty if nothing does.

    Args:
        before: the one map.
        after: the other.
        ignored: aspects that do not count, of ``ASPECTS``; names for one differ between any two authors.
    """
    pairs, gone, new = _matched(before.registers, after.registers)
    found = [_changed(old, now) for old, now in pairs]
    found += [_only(point, Kind.REMOVED) for point in gone]
    found += [_only(point, Kind.ADDED) for point in new]
    real = [one for one in (*found, *_texts(before, after)) if one is not None]
    counting = [counted for one in real if (counted := _without(one, ignored)) is not None]
    return tuple(sorted(counting, key=lambda one: (one.table, one.address, one.name)))


def as_json(differences: Iterable[Difference]) -> list[dict[str, object]]:
    """Return differences as JSON types."""
    return [asdict(one) for one in differences]


def _without(one: Difference, ignored: frozenset[str]) -> Difference | None:
    """Return a difference without the aspects that do not count, or None if nothing is left of it."""
    if one.kind is not Kind.CHANGED:
        return one
    left = tuple(aspect for aspect in one.aspects if aspect.what not in ignored)
    return replace(one, aspects=left) if left else None


def _matched(
    before: Iterable[RegisterPoint], after: Iterable[RegisterPoint]
) -> tuple[list[tuple[RegisterPoint, RegisterPoint]], list[RegisterPoint], list[RegisterPoint]]:
    """Return the pairs, and what is left over of each side."""
    pairs: list[tuple[RegisterPoint, RegisterPoint]] = []
    gone, new = list(before), list(after)
    for key_of in (_place, _name):
        left = {key_of(point): point for point in new}
        taken: set[object] = set()
        rest = []
        for point in gone:
            key = key_of(point)
            if key in left and key not in taken:
                taken.add(key)
                pairs.append((point, left[key]))
            else:
                rest.append(point)
        matched = {id(pair[1]) for pair in pairs}
        gone, new = rest, [point for point in new if id(point) not in matched]
    return pairs, gone, new


def _place(point: RegisterPoint) -> object:
    return point.table, point.address, point.bit if point.coding is Coding.BITS else -1


def _name(point: RegisterPoint) -> object:
    return point.name


def _only(point: RegisterPoint, kind: Kind) -> Difference:
    return Difference(kind=kind, table=point.table, address=point.address, name=point.name)


def _changed(old: RegisterPoint, now: RegisterPoint) -> Difference | None:
    aspects = tuple(_aspects(old, now))
    if not aspects:
        return None
    return Difference(kind=Kind.CHANGED, table=now.table, address=now.address, name=now.name, aspects=aspects)


def _aspects(old: RegisterPoint, now: RegisterPoint) -> Iterator[Aspect]:
    facts, others = _facts(old), _facts(now)
    for what, text in facts.items():
        if text != others[what]:
            yield Aspect(what=what, before=text, after=others[what])


def _facts(point: RegisterPoint) -> Mapping[str, str]:
    """Return what matters about a point, each as text; two points alike have equal facts."""
    many = point.coding.register_count > 1 or point.word_order.swaps_bytes
    span = point.raw_span
    line = (
        f" {span.raw_minimum:g}..{span.raw_maximum:g} = {span.value_minimum:g}..{span.value_maximum:g}" if span else ""
    )
    return {
        "name": point.name,
        "address": f"{point.table} {point.address}",
        "sign": _SIGNS.get(point.coding, ""),
        "coding": _family(point.coding),
        "size": f"{point.coding.register_count} registers",
        "bit": f"{point.bit} for {point.bit_count}" if point.coding is Coding.BITS else "",
        "order": str(point.word_order) if many else "",
        "scale": f"{point.scale / 2**point.fraction_bits:.10g}{line}",
        "offset": f"{point.offset:.10g}",
        "unit": point.unit if point.source_unit is None else f"{point.unit} from {point.source_unit}",
        "range": f"{point.minimum:g} to {point.maximum:g}",
        "access": str(point.access),
    }


def _family(coding: Coding) -> str:
    if coding in _SIGNS:
        return "integer"
    return "float" if coding in (Coding.F32, Coding.F64) else str(coding)


def _texts(before: Profile, after: Profile) -> Iterator[Difference | None]:
    old = {(text.table, text.address): text for text in before.texts}
    new = {(text.table, text.address): text for text in after.texts}
    for place in sorted(old.keys() | new.keys()):
        if place not in old or place not in new:
            kind, one = (Kind.ADDED, new[place]) if place in new else (Kind.REMOVED, old[place])
            yield Difference(kind=kind, table=one.table, address=one.address, name=one.name)
            continue
        was, now = old[place], new[place]
        pairs = (
            ("name", was.name, now.name),
            ("size", f"{was.register_count} registers", f"{now.register_count} registers"),
            ("order", f"swapped {was.swapped}", f"swapped {now.swapped}"),
        )
        aspects = tuple(Aspect(what=what, before=a, after=b) for what, a, b in pairs if a != b)
        if aspects:
            yield Difference(kind=Kind.CHANGED, table=now.table, address=now.address, name=now.name, aspects=aspects)

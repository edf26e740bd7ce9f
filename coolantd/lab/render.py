"""A settled map as the text of a profile file. Knows TOML and the profile format; decides nothing.

Every remark stands as a comment beside what it is about, so that the file is also the list of what to find out.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from coolantd.config.profile_models import POINTS_MAX, REGISTER_BITS
from coolantd.lab.draft import NOTE, Draft, Remark
from coolantd.lab.settle import Settled

COMMENT_MAX: Final = 400
"""Letters of one comment: a line of the file stays readable."""
_TEXT_MAX: Final = 200


def render(draft: Draft, points: Sequence[Settled], remarks: Sequence[Remark], origin: str) -> str:
    """Return the profile file.

    Args:
        draft: the map.
        points: what ``settle`` made of it.
        remarks: all of them; those of kept points stand beside the points already.
        origin: the map's file name.
    """
    numbers = [point for point in points if point.draft.coding not in ("bits", "ascii")]
    bits = [point for point in points if point.draft.coding == "bits"]
    texts = [point for point in points if point.draft.coding == "ascii"]
    lines = [
        *_head(draft, points, remarks, origin),
        *_blocks(numbers),
        *_bits(bits),
        *_texts(texts),
        *_dropped(remarks),
    ]
    return "\n".join(lines) + "\n"


def _head(draft: Draft, points: Sequence[Settled], remarks: Sequence[Remark], origin: str) -> Iterator[str]:
    title = draft.title or origin
    yield f"# {_printable(title)}: imported from {_printable(origin)}, a register map in {draft.kind} form."
    yield "#"
    yield f"# {len(points)} points. What the map leaves open is a comment with its line: settle it before you trust the"
    yield "# point, narrow its range before control uses it, and compare with a live device: coolantd profile probe."
    yield from (f"# line {remark.line}: {_printable(remark.what)}" for remark in remarks if not remark.name)
    yield ""
    yield f"title = {quoted(title)}"
    yield f"source = {quoted(f'{origin} ({draft.kind})')}"
    yield "verified = false"


def _blocks(points: Iterable[Settled]) -> Iterator[str]:
    for (table, coding, order), group in groupby(sorted(points, key=_block_order), key=_block_of):
        found = list(group)
        for start in range(0, len(found), POINTS_MAX):
            yield ""
            yield "[[block]]"
            yield f"table = {quoted(table)}"
            yield f"coding = {quoted(coding)}"
            if order != "ABCD":
                yield f"word_order = {quoted(order)}"
            yield "point = ["
            for point in found[start : start + POINTS_MAX]:
                yield from (f"    # {comment}" for comment in _comments(point))
                yield f"    {{ {', '.join(_facts(point))} }},"
            yield "]"


def _block_of(point: Settled) -> tuple[str, str, str]:
    return point.draft.table, point.draft.coding, point.draft.word_order


def _block_order(point: Settled) -> tuple[str, str, str, int]:
    return (*_block_of(point), point.draft.address)


def _facts(point: Settled) -> Iterator[str]:
    yield f"name = {quoted(point.name)}"
    yield f"address = {point.draft.address}"
    yield f"unit = {quoted(point.unit)}"
    if point.source_unit:
        yield f"source_unit = {quoted(point.source_unit)}"
    if point.scale != 1.0:
        yield f"scale = {point.scale!r}"
    if point.offset != 0.0:
        yield f"offset = {point.offset!r}"
    if point.draft.fraction_bits:
        yield f"fraction_bits = {point.draft.fraction_bits}"
    yield f"minimum = {point.minimum!r}"
    yield f"maximum = {point.maximum!r}"
    if point.draft.access != "ro":
        yield f"access = {quoted(point.draft.access)}"


def _bits(points: Iterable[Settled]) -> Iterator[str]:
    for (table, address), group in groupby(points, key=lambda point: (point.draft.table, point.draft.address)):
        found = {point.draft.bit: point for point in group}
        yield ""
        yield "[[bits]]"
        yield f"table = {quoted(table)}"
        yield f"address = {address}"
        yield "names = ["
        for bit in range(min(max(found) + 1, REGISTER_BITS)):
            one = found.get(bit)
            if one is not None:
                yield from (f"    # {comment}" for comment in _comments(one))
            yield f"    {quoted(one.name if one else '')},"
        yield "]"


def _texts(points: Iterable[Settled]) -> Iterator[str]:
    for point in points:
        yield ""
        yield "[[text]]"
        yield from (f"# {comment}" for comment in _comments(point))
        yield f"name = {quoted(point.name)}"
        yield f"table = {quoted(point.draft.table)}"
        yield f"address = {point.draft.address}"
        yield f"register_count = {point.draft.length}"


def _dropped(remarks: Iterable[Remark]) -> Iterator[str]:
    dropped = [remark for remark in remarks if remark.dropped]
    if dropped:
        yield ""
        yield "# Not imported:"
    for remark in dropped:
        yield f"#   line {remark.line}: {_printable(remark.name)}: {_printable(remark.what)}"


def _comments(point: Settled) -> Iterator[str]:
    open_ = [remark for remark in point.remarks if not remark.startswith(NOTE)]
    if open_:
        yield _printable(f"line {point.draft.line}: {'; '.join(open_)}")
    yield from (_printable(remark) for remark in point.remarks if remark.startswith(NOTE))


def quoted(text: str) -> str:
    """Return a TOML string."""
    plain = _printable(text, _TEXT_MAX).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _printable(text: str, length: int = COMMENT_MAX) -> str:
    """Return one line of printable text: a map may hold anything."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: length + 1]).strip()
    return plain if len(plain) <= length else f"{plain[: length - 3]}..."

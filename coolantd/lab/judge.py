"""What a live device's words say, point by point. Knows decoding; must never know a socket.

A judgement is not a sample: it shows every reading of the words there is, so that a person can choose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from coolantd.protocol.codec import DecodeFault, decode, value_name
from coolantd.protocol.kinds import Coding, WordOrder
from coolantd.protocol.profile import RegisterPoint, TextPoint
from coolantd.protocol.text import decode_text

FLOAT_LEAST: Final = 1e-6
FLOAT_GREATEST: Final = 1e9
"""A float that is neither 0 nor within these is no measured quantity: swapped words look like 1e-38 or 1e30."""
_FLOATS: Final = frozenset({Coding.F32, Coding.F64})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReading:
    """What the words would be in one word order.

    Attributes:
        order: the word order.
        value: in the point's unit; NaN where it is no number.
        plausible: inside the point's range and no freak of swapped words.
    """

    order: str
    value: float
    plausible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one point's registers said.

    Attributes:
        name, table, address, unit: of the point.
        words: raw registers; empty where none came.
        value: decoded; None where there is none.
        text: of a text point, or the name of the code that ``value`` is.
        plausible: whether the value would be believed.
        reason: why not, in words; empty where plausible.
        illegal: the device has no such address.
        orders: every word order of a value of several registers.
    """

    name: str
    table: str
    address: int
    unit: str
    words: tuple[int, ...] = ()
    value: float | None = None
    text: str | None = None
    plausible: bool = False
    reason: str = ""
    illegal: bool = False
    orders: tuple[OrderReading, ...] = ()


def judge(point: RegisterPoint, words: Sequence[int], *, imperial: bool = False) -> Judgement:
    """Return what a point's registers say.

    Args:
        point: how they are coded.
        words: exactly its registers.
        imperial: the unit selector reads imperial.
    """
    value, reason = _decoded(point, words, imperial=imperial)
    many = point.coding.register_count > 1
    return Judgement(
        name=point.name,
        table=point.table,
        address=point.address,
        unit=point.unit,
        words=tuple(words),
        value=value,
        text=None if value is None else value_name(point, value),
        plausible=not reason,
        reason=reason,
        orders=tuple(_reading(point, order, words, imperial=imperial) for order in WordOrder) if many else (),
    )


def judge_text(point: TextPoint, words: Sequence[int]) -> Judgement:
    """Return what a text point's registers say."""
    here = {"name": point.name, "table": str(point.table), "address": point.address, "unit": ""}
    try:
        text = decode_text(point, words)
    except DecodeFault as fault:
        return Judgement(**here, words=tuple(words), reason=f"{fault.reason}: {fault}")  # type: ignore[arg-type]
    return Judgement(**here, words=tuple(words), text=text, plausible=True)  # type: ignore[arg-type]


def unread(point: RegisterPoint | TextPoint, why: str, *, illegal: bool = False) -> Judgement:
    """Return the judgement of a point whose registers never came, ``illegal`` where the device has none there."""
    unit = point.unit if isinstance(point, RegisterPoint) else ""
    return Judgement(name=point.name, table=point.table, address=point.address, unit=unit, reason=why, illegal=illegal)


def _decoded(point: RegisterPoint, words: Sequence[int], *, imperial: bool) -> tuple[float | None, str]:
    """Return the value, or the nearest there is to one, and why it would not be believed."""
    try:
        value = decode(point, words, imperial=imperial)
    except DecodeFault as fault:
        return _unlimited(point, words, imperial=imperial), f"{fault.reason}: {fault}"
    if point.coding in _FLOATS and not _is_measured(value):
        return value, f"{value:.3g} is no measured quantity: another word order or type?"
    return value, ""


def _unlimited(point: RegisterPoint, words: Sequence[int], *, imperial: bool) -> float | None:
    """Return the value without its plausible range, or None where there is none."""
    try:
        return decode(replace(point, minimum=-math.inf, maximum=math.inf), words, imperial=imperial)
    except DecodeFault:
        return None


def _reading(point: RegisterPoint, order: WordOrder, words: Sequence[int], *, imperial: bool) -> OrderReading:
    other = replace(point, word_order=order)
    value = _unlimited(other, words, imperial=imperial)
    _, reason = _decoded(other, words, imperial=imperial)
    return OrderReading(order=order, value=math.nan if value is None else value, plausible=not reason)


def _is_measured(value: float) -> bool:
    return value == 0.0 or FLOAT_LEAST <= abs(value) <= FLOAT_GREATEST

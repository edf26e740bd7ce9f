"""Whether a point's registers can carry every value that may be written to them. Knows codings; no file, no site.

What cannot be coded would be found out at the moment of the write, by a daemon in control: it is refused at load.
"""

import dataclasses
import math
from typing import Final

from coolantd.protocol.codec import DecodeFault, decode, encode
from coolantd.protocol.kinds import Table, WordOrder
from coolantd.protocol.profile import RegisterPoint

_WRITABLE_TABLES: Final = frozenset({Table.COIL, Table.HOLDING})
_WORD_BITS: Final = 16
_WORD_MASK: Final = 0xFFFF


def unsendable(point: RegisterPoint, low: float, high: float) -> str:
    """Return why a value from low to high, in the point's unit, cannot be sent; empty if all can."""
    if point.table not in _WRITABLE_TABLES:
        return f"nothing can write table {point.table}"
    for imperial in (False, True) if point.imperial_unit is not None else (False,):
        try:
            for value in (low, high):
                encode(point, value, imperial=imperial)
        except ValueError as error:
            return str(error)
        except ZeroDivisionError:
            return ""  # its scale is said to be wrong already
        for sentinel in point.sentinels:
            if _is_reached(point, sentinel, low, high, imperial=imperial):
                return f"{sentinel} means not available, and a value from {low:g} to {high:g} is coded so"
    return ""


def _is_reached(point: RegisterPoint, sentinel: int, low: float, high: float, *, imperial: bool) -> bool:
    """Return whether the value nearest to what a sentinel would stand for is coded as the sentinel."""
    count = point.coding.register_count
    words = tuple(sentinel >> _WORD_BITS * k & _WORD_MASK for k in reversed(range(count)))
    plain = dataclasses.replace(point, sentinels=(), word_order=WordOrder.ABCD, minimum=-math.inf, maximum=math.inf)
    try:
        value = decode(plain, words, imperial=imperial)
        return encode(plain, min(max(value, low), high), imperial=imperial) == words
    except (DecodeFault, ValueError, ZeroDivisionError):
        return False  # it stands for no number, so no number is coded so

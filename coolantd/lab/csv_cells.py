"""What the cells of a vendor's table say. Knows spellings; no columns."""

import math
import re
from dataclasses import dataclass
from typing import Final, TypeVar

_DEFAULT = TypeVar("_DEFAULT", float, None)
_CELL_MAX: Final = 40
_TABLES: Final = {
    "coil": "coil", "coils": "coil", "0x": "coil", "discrete": "discrete", "discreteinput": "discrete",
    "discreteinputs": "discrete", "inputstatus": "discrete", "1x": "discrete", "input": "input",
    "inputregister": "input", "inputregisters": "input", "3x": "input", "holding": "holding",
    "holdingregister": "holding", "holdingregisters": "holding", "4x": "holding",
}  # fmt: skip
_FUNCTIONS: Final = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_WIDTHS: Final = {"byte": 16, "word": 16, "short": 16, "dword": 32, "int": 16, "uint": 16, "long": 32, "ulong": 32}


@dataclass(frozen=True, slots=True)
class Word:
    """A type as a table writes it.

    Attributes:
        text: the cell.
        length: registers stated, 0 where none are.
        signed: the table says so in a column of its own.
        scaled_float: ``FLOAT`` means a scaled integer, as in rackmon's maps, not IEEE 754.
    """

    text: str
    length: int
    signed: bool = False
    scaled_float: bool = False

    @property
    def plain(self) -> str:
        """Return the first word, without its spelling."""
        found = re.match(r"[a-z]+[ _-]?\d*", self.text.casefold().strip())
        return re.sub(r"[ _-]", "", found[0]) if found else ""

    @property
    def is_bits(self) -> bool:
        """Return whether it is a field of bits."""
        return self.plain in ("bits", "flags", "bitfield", "bitmap", "bitmask")


def coding_of(word: Word) -> str | None:
    """Return the coding a type means, or None for a type we do not know."""
    plain = word.plain
    if word.is_bits:
        return {0: "u16", 1: "u16", 2: "u32", 4: "u64"}.get(word.length)
    if plain in ("string", "ascii", "text", "char"):
        return "ascii"
    if plain in ("float", "float32", "f32", "real", "real32", "single", "float64", "f64", "double"):
        return _float(word, plain)
    return _whole(word, plain)


def _whole(word: Word, plain: str) -> str | None:
    if plain in ("integer", "enum", "enumeration", "hex", "raw"):
        return _integer(16 * max(word.length, 1), signed=word.signed)
    found = re.fullmatch(r"(u|s|i|uint|sint|int|unsigned|signed)(16|32|64)", plain)
    if found:
        return _integer(int(found[2]), signed=not found[1].startswith("u") or word.signed)
    if plain in _WIDTHS:
        width = 16 * word.length or _WIDTHS[plain]
        return _integer(width, signed=plain in ("short", "int", "long") or word.signed)
    return None


def _float(word: Word, plain: str) -> str | None:
    if plain in ("float64", "f64", "double"):
        return "f64"
    if plain == "float" and (word.scaled_float or word.length == 1):
        return _integer(16 * max(word.length, 1), signed=word.signed)
    return "f32"


def _integer(width: int, *, signed: bool) -> str | None:
    return f"{'i' if signed else 'u'}{width}" if width in (16, 32, 64) else None


def several(text: str) -> bool:
    """Return whether a type speaks of more than one value: ``2x uint16``, ``uint32 pairs``."""
    return bool(re.search(r"\b\d+\s*x\b|\bx\s*\d+\b|\bpairs?\b|\[\d+\]", text.casefold()))


def bit_of(text: str) -> int | None:
    """Return the number of the bit that a cell names, ``3`` or ``bit3``, else None."""
    found = re.fullmatch(r"(?:bit\s?)?(\d{1,3})", text.casefold().strip())
    return int(found[1]) if found else None


def order_of(text: str) -> str | None:
    """Return the word order a cell states, or None where it states none we are sure of."""
    if found := re.search(r"\b(ABCD|CDAB|BADC|DCBA)\b", text.upper()):
        return found[1]
    lower = text.casefold()
    if re.search(r"low(er)?[- ]word[- ]first|lsw first|word[- ]swap", lower):
        return "CDAB"
    if re.search(r"high(er)?[- ]word[- ]first|msw first|big[- ]endian", lower):
        return "ABCD"
    return None


def table_of(table: str, function: str) -> str | None:
    """Return the Modbus table that a row states, else None.

    Raises:
        ValueError: it states something that is no table.
    """
    if table:
        found = _TABLES.get(re.sub(r"[^a-z0-9]", "", table.casefold()))
        if found is None:
            raise ValueError(f"unknown table {table!r:.40}, allowed: coil, discrete, input, holding")
        return found
    if function:
        code = integer(re.sub(r"^fc", "", function.casefold()))
        if code not in _FUNCTIONS:
            raise ValueError(f"function {function!r:.20} does not read, allowed: 1, 2, 3, 4")
        return _FUNCTIONS[code]
    return None


def integer(text: str, default: int | None = None) -> int:
    """Return an integer, decimal or 0x.

    Raises:
        ValueError: it is none, or missing without a default.
    """
    if not text and default is not None:
        return default
    if re.fullmatch(r"[+-]?\d{1,9}", text):
        return int(text)
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}", text):
        return int(text, 16)
    raise ValueError(f"not an integer: {text[:_CELL_MAX]!r}" if text else "a number is missing")


def number(text: str, default: _DEFAULT, what: str) -> float | _DEFAULT:
    """Return a number: ``0.1``, ``x0.1``, ``/10`` or ``1/10``; the default where the cell is empty.

    Raises:
        ValueError: it is none.
    """
    plain = text.replace(" ", "")
    if not plain:
        return default
    found = re.fullmatch(r"[x*\u00d7]?([+-]?\d{0,12}\.?\d{0,12}(?:[eE][+-]?\d{1,3})?)(?:[/\u00f7](\d{1,12}))?", plain)
    try:
        if found is None:
            raise ValueError
        value = float(found[1] or 1.0) / float(found[2] or 1.0)
        if not math.isfinite(value):
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{what} {text[:_CELL_MAX]!r} is not a number we understand") from None
    return value

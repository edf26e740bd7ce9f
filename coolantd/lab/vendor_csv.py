"""A vendor's table as CSV. Knows how such tables name their columns; reads no file.

A table has one header line with at least an address and a name; lines before it that start with # are its title.
What a cell says is taken literally or not at all.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from coolantd.lab.csv_cells import (
    Word,
    bit_of,
    coding_of,
    integer,
    number,
    order_of,
    several,
    table_of,
)
from coolantd.lab.draft import ADDRESS_MAX, NOTE, REGISTERS_OF, Draft, DraftPoint, NotAMap, Remark, flag_points, split
from coolantd.lab.rackmon import SIGN_OPEN

Notation = Literal["0-based", "4xxxx"]
HEADER_LINES_MAX: Final = 50
"""A header further down than this belongs to some other document."""
LENGTH_MAX: Final = 125
LINE_CELLS_MAX: Final = 100

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "unit_id": ("unitid", "slave", "slaveid", "deviceid", "stationid", "unitaddress"),
    "table": ("table", "registertype", "objecttype", "modbustable", "area", "space"),
    "function": ("fc", "functioncode", "function", "modbusfunction"),
    "address": ("address", "addr", "modbusaddress", "registeraddress", "startaddress", "begin", "register", "reg"),
    "length": ("length", "len", "size", "words", "quantity", "registers", "registercount", "noofregisters"),
    "name": ("name", "pointname", "signal", "tag", "parameter", "registername", "point", "description"),
    "type": ("type", "datatype", "format", "coding", "dataformat"),
    "order": ("wordorder", "order", "byteorder", "endian", "endianness"),
    "scale": ("scale", "scaling", "factor", "multiplier", "scalefactor", "gain"),
    "offset": ("shift", "valueoffset", "offset"),
    "precision": ("precision",),
    "signed": ("signed", "sign"),
    "unit": ("unit", "units", "engineeringunit", "engunit", "uom"),
    "access": ("access", "accessinferred", "rw", "readwrite", "permission"),
    "minimum": ("min", "minimum", "rangemin", "minvalue", "rangelow"),
    "maximum": ("max", "maximum", "rangemax", "maxvalue", "rangehigh"),
    "bit": ("bit", "flagbit", "flagsbit", "bitnumber", "bitposition"),
    "bit_name": ("flagname", "flagsname", "bitname"),
    "note": ("note", "notes", "comment", "comments", "remark", "remarks"),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the table itself does not say and the user does.

    Attributes:
        notation: whether addresses are 0-based wire addresses or 1-based 4xxxx, 3xxxx, 1xxxx and 0xxxx.
        table: of lines that state none; None if that is not known.
        unit_id: the unit whose lines are wanted, where the table holds several.
    """

    notation: Notation = "0-based"
    table: str | None = None
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def read_vendor_csv(text: str, title: str, choices: Choices) -> Draft:
    """Return what a table says.

    Raises:
        NotAMap: no header, or no CSV.
    """
    try:
        columns, rows = _table(text)
        points, remarks = split(_entries(columns, _wanted(rows, choices), choices))
    except csv.Error as error:
        raise NotAMap(f"not CSV: {error}") from None
    return Draft(title=title, kind="csv", points=points, remarks=remarks)


def _table(text: str) -> tuple[dict[str, int], Iterator[_Row]]:
    lines = text.replace("\r\n", "\n").split("\n")  # as editors count; splitlines knows seven more line ends
    for number_, line in enumerate(lines[:HEADER_LINES_MAX]):
        if line.startswith("#") or not line.strip():
            continue
        for delimiter in ",;\t|":
            columns = _columns(next(csv.reader([line], delimiter=delimiter), []))
            if "address" in columns and ("name" in columns or "bit_name" in columns):
                return columns, _rows(lines, number_ + 1, delimiter, columns)
    raise NotAMap("no header line that names at least an address and a name")


def _columns(cells: Sequence[str]) -> dict[str, int]:
    titles = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in cells[:LINE_CELLS_MAX]]
    found: dict[str, int] = {}
    for column, aliases in _COLUMNS.items():
        index = next((titles.index(alias) for alias in aliases if alias in titles), None)
        if index is not None and index not in found.values():
            found[column] = index
    if "begin" in titles:
        found["rackmon"] = titles.index("begin")
    return found


def _rows(lines: list[str], start: int, delimiter: str, columns: dict[str, int]) -> Iterator[_Row]:
    reader = csv.reader(lines[start:], delimiter=delimiter)
    line = start
    for cells in reader:
        line, first = start + reader.line_num, line + 1
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        yield _Row(first, {name: cells[at].strip() for name, at in columns.items() if at < len(cells)})


def _wanted(rows: Iterator[_Row], choices: Choices) -> list[_Row]:
    """Return the rows of one unit.

    Raises:
        NotAMap: there are several units and none was chosen.
    """
    found = list(rows)
    units = {row["unit_id"] for row in found}
    if choices.unit_id is not None and units != {""}:
        return [row for row in found if integer(row["unit_id"]) == choices.unit_id]
    if len(units) > 1:
        listed = "\n".join(f"  line {row.line}: unit {row['unit_id'] or '?'}: {row['name']}" for row in found[:200])
        raise NotAMap(f"lines of {len(units)} units, a profile describes one: choose with --unit\n{listed}")
    return found


def _entries(columns: dict[str, int], rows: list[_Row], choices: Choices) -> Iterator[DraftPoint | Remark]:
    field: _Row | None = None
    for row in rows:
        if row["bit"] and field is not None and row["address"] in ("", field["address"]):
            # One line for the register, then one for each of its bits, which leave out what it said.
            row.cells.update({key: row[key] or field[key] for key in ("address", "length", "table", "function")})
        else:
            field = row
        name = row["bit_name"] or row["name"] or "(no name)"
        try:
            yield from _entry(row, name, columns, choices)
        except ValueError as error:
            yield Remark(line=row.line, name=name, what=str(error), dropped=True)


def _entry(row: _Row, name: str, columns: dict[str, int], choices: Choices) -> Iterator[DraftPoint | Remark]:
    table, address = _place(row, columns, choices)
    bit = bit_of(row["bit"] or row["type"])
    if bit is not None:
        yield from flag_points(line=row.line, name=name, address=address, length=integer(row["length"], 1), bit=bit)
        return
    if "bit" in columns and row["type"].casefold() == "flags" and not row["bit"]:
        return  # the heading of the bits below it
    if several(row["type"]):
        raise ValueError(f"several values in one line (type {row['type']!r:.40}): give each its own")
    yield _point(row, name, table, address, columns)


def _place(row: _Row, columns: dict[str, int], choices: Choices) -> tuple[str, int]:
    address = integer(row["address"])
    if choices.notation == "4xxxx":
        return _from_notation(address)
    table = table_of(row["table"], row["function"]) or ("holding" if "rackmon" in columns else choices.table)
    if table is None:
        raise ValueError("table not stated: say --table, or --notation 4xxxx if addresses tell")
    if not 0 <= address <= ADDRESS_MAX:
        raise ValueError(f"no such address: {address}, allowed: 0 to {ADDRESS_MAX}, or say --notation 4xxxx")
    return table, address


def _from_notation(address: int) -> tuple[str, int]:
    """Return table and wire address of a 1-based five- or six-digit number."""
    digits = 10_000 if address < 100_000 else 100_000
    leading, number_ = divmod(address, digits)
    table = {0: "coil", 1: "discrete", 3: "input", 4: "holding"}.get(leading)
    if address < 1 or table is None or not 1 <= number_ <= ADDRESS_MAX + 1:
        raise ValueError(f"no such address in 4xxxx notation: {address}")
    return table, number_ - 1


def _point(row: _Row, name: str, table: str, address: int, columns: dict[str, int]) -> DraftPoint:
    remarks: list[str] = []
    coding, length = _coding(row, table, columns, remarks)
    order = _order(row, length, coding, columns, remarks)
    scale = number(row["scale"], 1.0, "scale")
    if not row["scale"] and row["unit"] and coding in ("u16", "i16", "u32", "i32"):
        remarks.append("scale not stated, taken as 1")
    if row["scale"] and not row["signed"] and "precision" in columns and coding in ("u16", "u32"):
        remarks.append(SIGN_OPEN)
    precision = integer(row["precision"], 0)
    if not 0 <= precision <= 62:
        raise ValueError(f"precision {precision} is outside 0 to 62")
    writable = row["access"].casefold().replace("-", "").replace(" ", "") not in ("", "r", "ro", "read", "readonly")
    if writable:
        remarks.append(f"access {row['access']!r:.20}: not written by coolantd without a write rule of its own")
    if row["note"]:
        remarks.append(f"{NOTE}{row['note'][:160]}")
    return DraftPoint(
        line=row.line,
        name=name,
        table=table,
        address=address,
        coding=coding,
        length=length,
        word_order=order,
        scale=scale,
        fraction_bits=precision,
        offset=number(row["offset"], 0.0, "offset"),
        unit=row["unit"],
        minimum=number(row["minimum"], None, "minimum"),
        maximum=number(row["maximum"], None, "maximum"),
        access="rw" if writable else "ro",
        remarks=tuple(remarks),
    )


def _coding(row: _Row, table: str, columns: dict[str, int], remarks: list[str]) -> tuple[str, int]:
    stated = integer(row["length"], 0)
    if not 0 <= stated <= LENGTH_MAX:
        raise ValueError(f"no such length: {stated}, allowed: 1 to {LENGTH_MAX}")
    if table in ("coil", "discrete"):
        if stated > 1:
            raise ValueError(f"{stated} bits in one line: give each its own")
        return "bool", 1
    if not row["type"]:
        raise ValueError("type not stated")
    signed = row["signed"].casefold() in ("true", "yes", "1", "signed", "s")
    scaled = "rackmon" in columns or "precision" in columns
    word = Word(row["type"], stated, signed=signed, scaled_float=scaled)
    coding = coding_of(word)
    if coding is None:
        raise ValueError(f"unknown type {row['type']!r:.40}")
    if word.is_bits:
        remarks.append("bits without numbers: read as one number")
    length = stated or REGISTERS_OF.get(coding, 0)
    if not stated and "length" in columns:
        remarks.append("length not stated, taken from the type")
    if length != REGISTERS_OF.get(coding, length) or not length:
        raise ValueError(f"type {row['type']!r:.40} does not fit length {stated}")
    return coding, length


def _order(row: _Row, length: int, coding: str, columns: dict[str, int], remarks: list[str]) -> str:
    if "rackmon" in columns:
        return "DCBA" if row["order"].upper() == "L" else "ABCD"
    order = order_of(f"{row['order']} {row['type']}")
    if length > 1 and coding != "ascii" and order is None:
        said = f" ({row['order']!r:.30})" if row["order"] else ""
        remarks.append(
            f"word order not stated{said}, taken as ABCD: `coolantd profile probe` shows which are plausible"
        )
    return order or "ABCD"

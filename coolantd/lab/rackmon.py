"""OpenBMC rackmon register maps (JSON). Knows their format; reads no file.

value = shift + scale * raw / 2**precision; the first register is the most significant, or with ``endian`` L the
whole value's bytes are reversed; bits count from the least significant of the whole field; function 3 throughout.
``keep``, ``changes_only`` and ``interval`` say what rackmon remembers and when, not what a register means.
"""

from collections.abc import Iterator
from typing import Final

from coolantd.lab.draft import ADDRESS_MAX, Draft, DraftPoint, Remark, flag_points, split
from coolantd.lab.located_json import Json, integer_of, line_of, number_of, objects, text_of

LENGTH_MAX: Final = 120
"""rackmon's own longest read."""
PRECISION_MAX: Final = 62
_UNSIGNED: Final = {1: "u16", 2: "u32", 4: "u64"}
_SIGNED: Final = {1: "i16", 2: "i32", 4: "i64"}
SIGN_OPEN: Final = "sign not stated, taken as unsigned: a value below zero would read as a large one"


def is_rackmon(root: Json) -> bool:
    """Return whether a JSON object looks like a rackmon map."""
    return isinstance(root.get("registers"), list) and ("address_range" in root or "probe_register" in root)


def read_rackmon(root: Json) -> Draft:
    """Return what a rackmon map says."""
    points, remarks = split(_registers(root))
    return Draft(title=text_of(root, "name"), kind="rackmon", points=points, remarks=(*_device(root), *remarks))


def _device(root: Json) -> Iterator[Remark]:
    facts = [f"{key} {root[key]}" for key in ("baudrate", "parity", "probe_register") if key in root]
    if facts:
        yield Remark(line=line_of(root), name="", what=f"serial line and probe, to be configured: {', '.join(facts)}")
    for handler in objects(root, "special_handlers"):
        what = f"register {handler.get('reg')} is written by rackmon every {handler.get('period')} s: not imported"
        yield Remark(line=line_of(handler), name="", what=what)


def _registers(root: Json) -> Iterator[DraftPoint | Remark]:
    for register in objects(root, "registers"):
        name, line = text_of(register, "name") or "(no name)", line_of(register)
        try:
            yield from _register(register, name, line)
        except ValueError as error:
            yield Remark(line=line, name=name, what=str(error), dropped=True)


def _register(register: Json, name: str, line: int) -> Iterator[DraftPoint | Remark]:
    address, length = integer_of(register, "begin"), integer_of(register, "length")
    if not 0 <= address <= ADDRESS_MAX or not 1 <= length <= LENGTH_MAX:
        raise ValueError(f"no such registers: begin {address}, length {length}")
    kind = text_of(register, "format") or "RAW"
    if kind == "FLAGS":
        yield from _flags(register, name, line, address, length)
    elif kind == "STRING":
        yield DraftPoint(line=line, name=name, table="holding", address=address, coding="ascii", length=length)
    elif kind in ("INTEGER", "LONG", "FLOAT"):
        yield _number(register, name, address, length, kind)
    else:
        raise ValueError(f"format {kind!r:.40} has no number in it")


def _number(register: Json, name: str, address: int, length: int, kind: str) -> DraftPoint:
    signed = register.get("sign")
    coding = (_SIGNED if signed is True else _UNSIGNED).get(length)
    if coding is None:
        raise ValueError(f"{kind} of {length} registers is no number we know")
    scaled = kind == "FLOAT"  # rackmon's FLOAT is a scaled integer, never IEEE 754
    precision = integer_of(register, "precision", 0) if scaled else 0
    if not 0 <= precision <= PRECISION_MAX:
        raise ValueError(f"precision {precision} is outside 0 to {PRECISION_MAX}")
    return DraftPoint(
        line=line_of(register),
        name=name,
        table="holding",
        address=address,
        coding=coding,
        length=length,
        word_order="DCBA" if register.get("endian") == "L" else "ABCD",
        scale=number_of(register, "scale", 1.0) if scaled else 1.0,
        fraction_bits=precision,
        offset=number_of(register, "shift", 0.0) if scaled else 0.0,
        remarks=(SIGN_OPEN,) if scaled and not isinstance(signed, bool) else (),
    )


def _flags(register: Json, name: str, line: int, address: int, length: int) -> Iterator[DraftPoint | Remark]:
    flags = register.get("flags")
    if not isinstance(flags, list) or not flags:
        raise ValueError("FLAGS without a list of flags")
    for flag in flags:
        match flag:
            case [int(bit), str(title)] if not isinstance(bit, bool):
                yield from flag_points(line=line, name=title, address=address, length=length, bit=bit)
            case _:
                yield Remark(line=line, name=name, what=f"a flag that is no [bit, name]: {flag!r:.60}", dropped=True)

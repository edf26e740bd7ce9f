"""OpenBMC phosphor-modbus device profiles (JSON). Knows their format; reads no file.

value = Shift + Scale * (raw / 2**Precision), the unit is the one that D-Bus sensors of that Type have.
"""

from collections.abc import Iterator
from typing import Final

from coolantd.lab.draft import ADDRESS_MAX, Draft, DraftPoint, Remark, split
from coolantd.lab.located_json import Json, integer_of, line_of, number_of, objects, text_of
from coolantd.lab.rackmon import LENGTH_MAX, PRECISION_MAX, SIGN_OPEN

UNIT_OF_TYPE: Final = {
    "Temperature": "degC", "Utilization": "%", "LiquidFlow": "L/min", "FanTach": "rpm", "Voltage": "V",
    "Current": "A", "Power": "W", "Humidity": "%RH",
}  # fmt: skip
"""Units of xyz.openbmc_project.Sensor.Value for the sensor types that carry exactly one."""
_UNSIGNED: Final = {1: "u16", 2: "u32", 4: "u64"}
_SIGNED: Final = {1: "i16", 2: "i32", 4: "i64"}
_ARRAYS: Final = ("SensorRegisters", "StatusRegisters", "InventoryRegisters", "FirmwareRegisters")


def is_phosphor(root: Json) -> bool:
    """Return whether a JSON object looks like a phosphor-modbus profile."""
    return any(isinstance(root.get(key), list) for key in _ARRAYS)


def read_phosphor(root: Json) -> Draft:
    """Return what a phosphor-modbus profile says."""
    points, remarks = split(_entries(root))
    title = f"{text_of(root, 'DeviceModel')} {text_of(root, 'DeviceType')}".strip()
    return Draft(title=title, kind="phosphor-modbus", points=points, remarks=(*_device(root), *remarks))


def _device(root: Json) -> Iterator[Remark]:
    facts = [f"{key} {root[key]}" for key in ("BaudRate", "Parity") if key in root]
    probe = root.get("ProbeRegister")
    if isinstance(probe, dict):
        facts.append(f"ProbeRegister {probe.get('Offset')} = {probe.get('ExpectedValue')}")
    if facts:
        yield Remark(line=line_of(root), name="", what=f"serial line and probe, to be configured: {', '.join(facts)}")


def _entries(root: Json) -> Iterator[DraftPoint | Remark]:
    for key in _ARRAYS:
        for entry in objects(root, key):
            name = text_of(entry, "Name") or text_of(entry, "Type") or "(no name)"
            try:
                yield from _status(entry) if key == "StatusRegisters" else (_value(entry, name),)
            except ValueError as error:
                yield Remark(line=line_of(entry), name=name, what=str(error), dropped=True)


def _address(entry: Json) -> int:
    address = integer_of(entry, "Offset")
    if not 0 <= address <= ADDRESS_MAX:
        raise ValueError(f"no such register: Offset {address}")
    return address


def _value(entry: Json, name: str) -> DraftPoint:
    line, address, length = line_of(entry), _address(entry), integer_of(entry, "Size", 1)
    if not 1 <= length <= LENGTH_MAX:
        raise ValueError(f"no such registers: Size {length}")
    kind = text_of(entry, "Format") or "String"  # inventory and firmware entries are text unless they say otherwise
    if kind == "String":
        return DraftPoint(line=line, name=name, table="holding", address=address, coding="ascii", length=length)
    if kind in ("Float", "Float32"):
        return _number(entry, name, "f32", length, ())
    if kind not in ("Integer", "FixedPoint"):
        raise ValueError(f"unknown Format {kind!r:.40}")
    signed = entry.get("IsSigned")
    coding = (_SIGNED if signed is True else _UNSIGNED).get(length)
    if coding is None:
        raise ValueError(f"{kind} of {length} registers is no number we know")
    remarks = () if isinstance(signed, bool) or kind == "Integer" else (SIGN_OPEN,)
    return _number(entry, name, coding, length, remarks)


def _number(entry: Json, name: str, coding: str, length: int, remarks: tuple[str, ...]) -> DraftPoint:
    precision = integer_of(entry, "Precision", 0)
    if not 0 <= precision <= PRECISION_MAX:
        raise ValueError(f"Precision {precision} is outside 0 to {PRECISION_MAX}")
    if coding == "f32" and length != 2:
        raise ValueError(f"a 32-bit float of {length} registers")
    return DraftPoint(
        line=line_of(entry),
        name=name,
        table="holding",
        address=_address(entry),
        coding=coding,
        length=length,
        scale=number_of(entry, "Scale", 1.0),
        fraction_bits=precision,
        offset=number_of(entry, "Shift", 0.0),
        unit=UNIT_OF_TYPE.get(text_of(entry, "Type"), ""),
        remarks=remarks,
    )


def _status(entry: Json) -> Iterator[DraftPoint | Remark]:
    address = _address(entry)
    for bit in objects(entry, "Bits"):
        name, line = text_of(bit, "Name") or "(no name)", line_of(bit)
        kind = text_of(bit, "Type")
        position = integer_of(bit, "BitPosition")
        if not 0 <= position <= 15:
            yield Remark(line=line, name=name, what=f"bit {position} is outside one register", dropped=True)
            continue
        inverted = ("active when 0: the profile shows the bit as it is",) if bit.get("Value") is False else ()
        yield DraftPoint(
            line=line,
            name=f"{name}_{kind}" if kind else name,
            table="holding",
            address=address,
            coding="bits",
            bit=position,
            remarks=inverted,
        )

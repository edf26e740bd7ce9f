"""The shape of a device profile's TOML file. Knows the file format; ``profiles`` makes protocol dataclasses of it.

A profile is one file. Modbus devices are described by ``[[block]]`` tables (points that share a table, a coding and
the like, each value overridable at the point) and ``[[bits]]`` tables (named bits of one register, bit 0 first);
MQTT devices by ``[[message]]`` tables, in which ``{branch}`` stands for 1, 2, ... of a manifold's branches.
"""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Flag, Integer, Model, Number, Text, within
from coolantd.protocol.profile import Coding, PollClass, Role, Table, WordOrder
from coolantd.protocol.spans import READ_MAX_REGISTERS
from coolantd.units import CANONICAL_UNITS, SOURCE_UNITS

POINTS_MAX: Final = 1024
"""Per block; the largest public map of a coolant device has about 300 points."""
ADDRESS_MAX: Final = 65_535
REGISTER_BITS: Final = 16


def _one_of(allowed: frozenset[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise PydanticCustomError("unit", "unknown unit", {"allowed": ", ".join(sorted(allowed - {""}))})
        return value

    return AfterValidator(check)


Name = Annotated[str, Field(strict=True, max_length=80)]
Unit = Annotated[str, Field(strict=True), _one_of(CANONICAL_UNITS)]
SourceUnit = Annotated[str, Field(strict=True), _one_of(frozenset(SOURCE_UNITS))]
Address = Annotated[Integer, within(0, ADDRESS_MAX)]
Seconds = Annotated[Number, within(0.0, 3600.0, low_open=True)]
U16 = Annotated[Integer, within(0, 65_535)]


class WriteModel(Model):
    """``protocol.profile.WriteRule`` as a table."""

    role: Role
    minimum: Number
    maximum: Number
    position: Name
    zero_allowed: Flag = False
    deadband: Annotated[Number, within(0.0, 1000.0)] = 0.1
    refresh_s: Seconds = 30.0
    verify_tolerance: Annotated[Number, within(0.0, 1000.0, low_open=True)] = 0.5


class RegisterDefaults(Model):
    """What a block may say once for all its points; each point may say otherwise."""

    table: Table | None = None
    coding: Coding | None = None
    word_order: WordOrder | None = None
    unit: Unit | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    scale: Number | None = None
    offset: Number | None = None
    sentinels: Annotated[tuple[Integer, ...], Field(max_length=16)] | None = None
    imperial_unit: SourceUnit | None = None
    poll: PollClass | None = None


class RegisterModel(RegisterDefaults):
    """One point of a block."""

    name: Name
    address: Address
    bit: Annotated[Integer, within(0, REGISTER_BITS - 1)] = 0
    bit_count: Annotated[Integer, within(1, REGISTER_BITS)] = 1
    write: WriteModel | None = None


class BlockModel(RegisterDefaults):
    """Points that share what is said at the block."""

    point: Annotated[tuple[RegisterModel, ...], Field(min_length=1, max_length=POINTS_MAX)]


class BitsModel(Model):
    """The bits of one register by name, bit 0 first, an empty name for an unused bit."""

    address: Address
    names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=REGISTER_BITS)]
    table: Table = Table.HOLDING
    poll: PollClass = PollClass.NORMAL
    alarm: Flag = False


class MessagePointModel(Model):
    """One value in a message; with ``write`` it is a setpoint that we publish as ``value``."""

    name: Name
    field: Text = "value"
    unit: Unit
    minimum: Number
    maximum: Number
    write: WriteModel | None = None


class MessageModel(Model):
    """One topic below the device's own, and what its JSON object holds."""

    topic: Text
    period_s: Seconds = 1.0
    point: Annotated[tuple[MessagePointModel, ...], Field(min_length=1, max_length=POINTS_MAX)]


class DifferenceModel(Model):
    """``protocol.profile.DifferencePoint`` as a table."""

    name: Name
    minuend: Name
    subtrahend: Name
    unit: Unit
    minimum: Number
    maximum: Number


class HeartbeatModel(Model):
    """``protocol.profile.Heartbeat`` as a table."""

    ours: Name
    theirs: Name
    wrap_count: Annotated[Integer, within(1, 65_535)]
    period_s: Seconds
    timeout_s: Seconds


class RemoteControlModel(Model):
    """``protocol.profile.RemoteControl`` as a table."""

    point: Name
    remote_value: U16
    local_value: U16


class UnitSelectorModel(Model):
    """``protocol.profile.UnitSelector`` as a table."""

    point: Name
    imperial_value: U16 = 1


class LimitsModel(Model):
    """``protocol.profile.ModbusLimits`` as a table."""

    span_max_registers: Annotated[Integer, within(2, READ_MAX_REGISTERS)] = 120
    gap_max_registers: Annotated[Integer, within(0, READ_MAX_REGISTERS)] = 0
    request_gap_s: Annotated[Number, within(0.0, 10.0)] = 0.0


class ProfileModel(Model):
    """A whole profile file; its name is the file's name without ``.toml``."""

    title: Text
    source: Text
    verified: Flag
    online_topic: Text | None = None
    limits: LimitsModel = LimitsModel()
    heartbeat: HeartbeatModel | None = None
    remote_control: RemoteControlModel | None = None
    unit_selector: UnitSelectorModel | None = None
    block: tuple[BlockModel, ...] = ()
    bits: tuple[BitsModel, ...] = ()
    message: tuple[MessageModel, ...] = ()
    difference: tuple[DifferenceModel, ...] = ()


def fields_of(model: Model, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what a table said, by key, without what it left out."""
    return {name: getattr(model, name) for name in model.model_fields_set - without}

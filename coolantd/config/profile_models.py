"""The shape of a device profile's TOML file. Knows the file format; ``profiles`` makes protocol dataclasses of it.

A profile is one file. Modbus devices are described by ``[[block]]`` tables (points that share a table, a coding and
the like, each value overridable at the point) and ``[[bits]]`` tables (named bits of one register, bit 0 first);
texts (a model, a serial number) by ``[[text]]`` tables. MQTT devices are described by ``[[message]]`` tables, in which
``{branch}`` stands for 1, 2, ... of a manifold's branches. PROFILES.md is the reference for people.
"""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Flag, Integer, Model, Number, Text, within
from coolantd.protocol.kinds import Access, Basis, Coding, PollClass, Role, Table, WordOrder, WriteClass
from coolantd.protocol.spans import READ_MAX_REGISTERS
from coolantd.units import CANONICAL_UNITS, SOURCE_UNITS

POINTS_MAX: Final = 1024
"""Per block; the largest public map of a coolant device has about 300 points."""
ADDRESS_MAX: Final = 65_535
REGISTER_BITS: Final = 16
FRACTION_BITS_MAX: Final = 32
"""Public maps use up to 12."""
CONNECTIONS_MAX: Final = 64
WRITES_PER_HOUR_MAX: Final = 3600
TRAVEL_STROKES_PER_DAY_MAX: Final = 10_000.0
"""A fast valve of 8 s a stroke that never rests."""
"""One a second: what writes more is not a setpoint."""
VALUE_NAMES_MAX: Final = 256


def _one_of(allowed: frozenset[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise PydanticCustomError("unit", "unknown unit", {"allowed": ", ".join(sorted(allowed - {""}))})
        return value

    return AfterValidator(check)


Name = Annotated[str, Field(strict=True, max_length=80)]
Note = Annotated[str, Field(strict=True, max_length=400)]
Prefix = Annotated[str, Field(strict=True, min_length=1, max_length=40)]
Unit = Annotated[str, Field(strict=True), _one_of(CANONICAL_UNITS)]
SourceUnit = Annotated[str, Field(strict=True), _one_of(frozenset(SOURCE_UNITS))]
Address = Annotated[Integer, within(0, ADDRESS_MAX)]
Seconds = Annotated[Number, within(0.0, 3600.0, low_open=True)]
SecondsOrZero = Annotated[Number, within(0.0, 3600.0)]
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
    verify_delay_s: SecondsOrZero = 0.0
    write_class: WriteClass = WriteClass.REFRESHED
    min_interval_s: SecondsOrZero = 0.0
    writes_per_hour_max: Annotated[Integer, within(1, WRITES_PER_HOUR_MAX)] | None = None
    travel_strokes_per_day_max: Annotated[Number, within(1.0, TRAVEL_STROKES_PER_DAY_MAX)] | None = None


class RawSpanModel(Model):
    """``protocol.profile.RawSpan`` as a table."""

    raw_minimum: Number
    raw_maximum: Number
    value_minimum: Number
    value_maximum: Number
    broken_below: Number | None = None
    broken_above: Number | None = None


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
    source_unit: SourceUnit | None = None
    fraction_bits: Annotated[Integer, within(0, FRACTION_BITS_MAX)] | None = None
    raw_span: RawSpanModel | None = None
    value_names: Annotated[dict[Name, Integer], Field(min_length=1, max_length=VALUE_NAMES_MAX)] | None = None
    rate_max_per_s: Annotated[Number, within(0.0, 1e9, low_open=True)] | None = None
    access: Access | None = None
    alarm: Flag | None = None
    firmware: Prefix | None = None
    basis: Basis | None = None
    note: Note | None = None


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
    word_order: WordOrder = WordOrder.ABCD
    poll: PollClass = PollClass.NORMAL
    access: Access = Access.READ
    command_bits: Annotated[tuple[Annotated[Integer, within(0, REGISTER_BITS - 1)], ...], Field(max_length=16)] = ()
    alarm: Flag = False
    firmware: Prefix | None = None
    basis: Basis = Basis.DOCUMENTED
    note: Note = ""


class TextModel(Model):
    """``protocol.profile.TextPoint`` as a table."""

    name: Name
    table: Table = Table.HOLDING
    address: Address
    register_count: Annotated[Integer, within(1, READ_MAX_REGISTERS)]
    swapped: Flag = False
    basis: Basis = Basis.DOCUMENTED
    note: Note = ""


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
    write_gap_s: Annotated[Number, within(0.0, 60.0)] = 0.0
    timeout_s: Annotated[Number, within(0.0, 60.0, low_open=True)] | None = None
    connections_max: Annotated[Integer, within(1, CONNECTIONS_MAX)] | None = None


class IdentityModel(Model):
    """``protocol.profile.Identity`` as a table."""

    point: Name
    text: Text | None = None
    number: Number | None = None


class CommunicationLossModel(Model):
    """``protocol.profile.CommunicationLoss`` as a table."""

    point: Name
    expected: Number
    sentence: Note


class ProfileModel(Model):
    """A whole profile file; its name is the file's name without ``.toml``."""

    title: Text
    source: Text
    verified: Flag
    online_topic: Text | None = None
    firmware_point: Name | None = None
    uptime_point: Name | None = None
    limits: LimitsModel = LimitsModel()
    heartbeat: HeartbeatModel | None = None
    remote_control: RemoteControlModel | None = None
    unit_selector: UnitSelectorModel | None = None
    identity: IdentityModel | None = None
    communication_loss: tuple[CommunicationLossModel, ...] = ()
    block: tuple[BlockModel, ...] = ()
    bits: tuple[BitsModel, ...] = ()
    text: tuple[TextModel, ...] = ()
    message: tuple[MessageModel, ...] = ()
    difference: tuple[DifferenceModel, ...] = ()


def fields_of(model: Model, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what a table said, by key, without what it left out."""
    return {name: getattr(model, name) for name in model.model_fields_set - without}

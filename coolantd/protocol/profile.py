"""What a device profile says, as data. Knows neither TOML nor sockets; config/ builds these from files.

A profile describes one kind of device: its points, how each is coded, and how the device wants to be treated.
Point names end in their unit; addresses are 0-based wire addresses.
"""

from dataclasses import dataclass, field

from coolantd.protocol.kinds import Access, Basis, Coding, PollClass, Role, Table, WordOrder, WriteClass

__all__ = [
    "Access",
    "Basis",
    "Coding",
    "CommunicationLoss",
    "DifferencePoint",
    "Heartbeat",
    "Identity",
    "MessagePoint",
    "ModbusLimits",
    "PollClass",
    "Profile",
    "RawSpan",
    "RegisterPoint",
    "RemoteControl",
    "Role",
    "Table",
    "TextPoint",
    "UnitSelector",
    "WordOrder",
    "WriteClass",
    "WriteRule",
    "registers_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRule:
    """What may be written to a point, and how.

    Attributes:
        role: what it moves.
        minimum: least value, in the point's unit.
        maximum: greatest value, in the point's unit.
        zero_allowed: 0 means off and is allowed although below ``minimum``.
        position: name of the point that measures what the actuator really does.
        deadband: a change smaller than this is not worth a write (register endurance, valve wear).
        refresh_s: a value is written again after this long even if unchanged (the lease), so that a device
            that lost its memory is set right; never more often.
        verify_tolerance: largest difference between what was written and what is read back.
        verify_delay_s: the device needs this long before a read shows what was written.
        write_class: how the value lives in the device.
        min_interval_s: least time between two writes of this point.
        writes_per_hour_max: how many writes an hour the point is worth (memory endurance); None for no limit.
        travel_strokes_per_day_max: how many full strokes a day its wear allows a valve, for the loops alone: safety
            and operators move it all the same; None for no limit.
    """

    role: Role
    minimum: float
    maximum: float
    position: str
    zero_allowed: bool = False
    deadband: float = 0.1
    refresh_s: float = 30.0
    verify_tolerance: float = 0.5
    verify_delay_s: float = 0.0
    write_class: WriteClass = WriteClass.REFRESHED
    min_interval_s: float = 0.0
    writes_per_hour_max: int | None = None
    travel_strokes_per_day_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSpan:
    """A straight line through two points, as the counts of a 4-20 mA input are given.

    ``value = value_minimum + (raw - raw_minimum) * (value_maximum - value_minimum) / (raw_maximum - raw_minimum)``;
    the line goes on beyond both ends.

    Attributes:
        raw_minimum, raw_maximum: two raw numbers, different.
        value_minimum, value_maximum: the values they stand for, in the point's source unit, different.
        broken_below, broken_above: a raw number beyond these is a broken wire, not a value; None for no limit.
    """

    raw_minimum: float
    raw_maximum: float
    value_minimum: float
    value_maximum: float
    broken_below: float | None = None
    broken_above: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPoint:
    """One value in a Modbus device.

    Decoding: words in order -> raw integer or float -> sentinel and broken-wire check
    -> ``raw / 2**fraction_bits * scale + offset``, or ``raw_span`` -> unit conversion (``source_unit``, or
    ``imperial_unit`` while the ``UnitSelector`` says so) -> plausible range check. Outside is bad, never clamped.

    Attributes:
        name: unique in the profile; ends in its unit.
        unit: canonical unit (``units.CANONICAL_UNITS``).
        minimum, maximum: plausible range in ``unit``, both inclusive.
        word_order: order of words and of the bytes in them.
        scale, offset: in the source unit.
        fraction_bits: binary fixed point: the raw integer counts 2^-fraction_bits.
        raw_span: instead of scale, offset and fraction_bits; None where those hold.
        sentinels: raw integers (bit patterns for f32 and f64) that mean "not available".
        source_unit: the unit on the wire (``units.SOURCE_UNITS``); None where it is ``unit``.
        imperial_unit: the unit the same register carries while the unit selector reads imperial.
        bit, bit_count: for ``Coding.BITS``: lowest bit, counted from the least significant, and how many.
        value_names: (code, name) of the codes that have one; every allowed code for ``Coding.ENUM``.
        rate_max_per_s: fastest plausible change, in ``unit`` per second; None where any is.
        poll: how often it is read.
        access: what the device lets a master do.
        write: None for a point that coolantd never writes by itself.
        firmware: the point exists only where the firmware text begins with this; None for all.
        basis, note: what the description rests on, and one sentence about it.
    """

    name: str
    table: Table
    address: int
    coding: Coding
    unit: str
    minimum: float
    maximum: float
    word_order: WordOrder = WordOrder.ABCD
    scale: float = 1.0
    offset: float = 0.0
    sentinels: tuple[int, ...] = ()
    imperial_unit: str | None = None
    bit: int = 0
    bit_count: int = 1
    poll: PollClass = PollClass.NORMAL
    write: WriteRule | None = None
    fraction_bits: int = 0
    raw_span: RawSpan | None = None
    source_unit: str | None = None
    value_names: tuple[tuple[int, str], ...] = ()
    rate_max_per_s: float | None = None
    access: Access = Access.READ
    firmware: str | None = None
    basis: Basis = Basis.DOCUMENTED
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPoint:
    """Text in registers, two ASCII characters in each: a model, a serial number, a firmware version.

    Read once per connect and kept apart from the numeric points; ``codec.decode_text`` reads it.

    Attributes:
        name: unique among all points of the profile; has no unit.
        table: ``HOLDING`` or ``INPUT``.
        address: first register, 0-based.
        register_count: how many; two characters each, padded with blanks or NULs.
        swapped: the first character of each pair is in the low byte.
        basis, note: as for ``RegisterPoint``.
    """

    name: str
    table: Table
    address: int
    register_count: int
    swapped: bool = False
    basis: Basis = Basis.DOCUMENTED
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePoint:
    """One value in a JSON message. ``topic`` is below the device's own topic; ``{branch}`` was expanded already.

    Attributes:
        topic: suffix of the topic that carries it, for example ``branch/3/telemetry``.
        field: key in the JSON object.
        period_s: how often the device says it; freshness is judged against this.
        write: not None for a setpoint that *we* publish on ``topic`` as
            ``{"value": number, "timestamp_ms": integer}``; such a point is never received.
    """

    name: str
    topic: str
    field: str
    unit: str
    minimum: float
    maximum: float
    period_s: float = 1.0
    write: WriteRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencePoint:
    """A point computed as one point minus another of the same device (worst quality, oldest time of the two)."""

    name: str
    minuend: str
    subtrahend: str
    unit: str
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A pair of counters by which device and controller each see that the other lives.

    Attributes:
        ours: point we increment (Modbus holding register, u16); not a ``WriteRule`` point.
        theirs: point the device increments; unchanged for ``timeout_s`` means its program has stopped.
        wrap_count: the counter goes from ``wrap_count`` back to 0.
        period_s: how often we write it.
        timeout_s: after this long without a change each side gives the other up.
    """

    ours: str
    theirs: str
    wrap_count: int
    period_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteControl:
    """The point (coil or register) that decides whether the device obeys our setpoints or its own controller."""

    point: str
    remote_value: int
    local_value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSelector:
    """The point that turns a block of registers imperial while it reads ``imperial_value``."""

    point: str
    imperial_value: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device must say for itself before anything is written to it, asked at every connect.

    Attributes:
        point: a ``TextPoint`` or a ``RegisterPoint``.
        text: what the text point must say; None for a register point.
        number: what the register point must say; None for a text point.
    """

    point: str
    text: str | None = None
    number: float | None = None

    def agrees(self, said: str | float) -> bool:
        """Return whether what the device said, decoded, is what this expects."""
        return said == (self.number if self.text is None else self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunicationLoss:
    """The device's own setting for what it does when it no longer hears us, to be checked at start.

    Attributes:
        point: the register point that holds the setting.
        expected: what it must read.
        sentence: what that means, and what to do when it reads otherwise; shown to the operator.
    """

    point: str
    expected: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusLimits:
    """How much a device takes at once.

    Attributes:
        span_max_registers: longest read (FC3/FC4) in registers.
        gap_max_registers: registers without a point that a read may bridge; 0 reads contiguous points only.
        request_gap_s: least silence between two requests.
        write_gap_s: least time between two writes.
        timeout_s: how long the device may take to answer; None for what the site says.
        connections_max: how many masters it serves at once; None where that is not known.
    """

    span_max_registers: int = 120
    gap_max_registers: int = 0
    request_gap_s: float = 0.0
    write_gap_s: float = 0.0
    timeout_s: float | None = None
    connections_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of device.

    Attributes:
        name: as configured, for example ``row-cdu``.
        title: one line for people.
        source: where the facts come from.
        verified: tried against the real device; False unless somebody did.
        registers: points of a Modbus device; empty for an MQTT device.
        messages: points of an MQTT device; empty for a Modbus device. ``config.profiles.load_profile`` has
            already expanded per-branch entries.
        texts: text points of a Modbus device.
        alarms: names of BITS/BOOL points that are the device's own alarms (1 = active).
        identity: what proves that the device is the one described; None where nothing does.
        communication_loss: settings of the device to be checked at start.
        firmware_point: the text point that carries the firmware version which ``RegisterPoint.firmware`` is about.
        uptime_point: the register point, in s or h, that counts from 0 at every start of the device.
        online_topic: MQTT topic suffix on which the device says ``online`` / ``offline`` (its last will).
    """

    name: str
    title: str
    source: str
    verified: bool
    registers: tuple[RegisterPoint, ...] = ()
    messages: tuple[MessagePoint, ...] = ()
    differences: tuple[DifferencePoint, ...] = ()
    alarms: tuple[str, ...] = ()
    limits: ModbusLimits = field(default_factory=ModbusLimits)
    heartbeat: Heartbeat | None = None
    remote_control: RemoteControl | None = None
    unit_selector: UnitSelector | None = None
    online_topic: str | None = None
    texts: tuple[TextPoint, ...] = ()
    identity: Identity | None = None
    communication_loss: tuple[CommunicationLoss, ...] = ()
    firmware_point: str | None = None
    uptime_point: str | None = None


def registers_of(profile: Profile, firmware: str | None = None) -> tuple[RegisterPoint, ...]:
    """Return the points that a device with this firmware has and that may be read, in the profile's order.

    Args:
        profile: the device's profile.
        firmware: what its firmware point says; None where it has not said: then only what every firmware has.
    """
    return tuple(
        point
        for point in profile.registers
        if point.access is not Access.WRITE
        and (point.firmware is None or (firmware is not None and firmware.startswith(point.firmware)))
    )

"""What a device profile says, as data. Knows neither TOML nor sockets; config/ builds these from files.

A profile describes one kind of device: its points, how each is coded, and how the device wants to be treated.
Point names end in their unit; addresses are 0-based wire addresses.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Table(StrEnum):
    """The four Modbus tables."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"


class Coding(StrEnum):
    """How a value is laid out in registers."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    F32 = "f32"
    BITS = "bits"
    """One bit, or ``bit_count`` bits from ``bit`` upwards, of one register."""
    BOOL = "bool"
    """A coil or a discrete input."""

    @property
    def register_count(self) -> int:
        """Return how many registers (or coils) the coding occupies."""
        return 2 if self in (Coding.U32, Coding.I32, Coding.F32) else 1


class WordOrder(StrEnum):
    """Order of the four bytes of a 32-bit value on the wire, the most significant named A."""

    ABCD = "ABCD"
    CDAB = "CDAB"


class PollClass(StrEnum):
    """How often a point is read; the site says how long each is in seconds."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"


class Role(StrEnum):
    """What a writable point moves; decides slew limits, failsafe and the envelope's pump rule."""

    PUMP = "pump"
    FWS_VALVE = "fws_valve"
    BRANCH_VALVE = "branch_valve"


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
    """

    role: Role
    minimum: float
    maximum: float
    position: str
    zero_allowed: bool = False
    deadband: float = 0.1
    refresh_s: float = 30.0
    verify_tolerance: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPoint:
    """One value in a Modbus device.

    Decoding: raw integer or float -> sentinel check -> ``raw * scale + offset`` -> unit conversion (imperial
    block, see ``UnitSelector``) -> plausible range check. Outside the range is bad, never clamped.

    Attributes:
        name: unique in the profile; ends in its unit.
        unit: canonical unit (``units.CANONICAL_UNITS``).
        minimum, maximum: plausible range in ``unit``, both inclusive.
        sentinels: raw integers (bit patterns for f32) that mean "not available".
        imperial_unit: the unit the same register carries while the unit selector reads imperial.
        bit, bit_count: for ``Coding.BITS``: lowest bit, counted from the least significant, and how many.
        write: None for a read-only point.
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
class ModbusLimits:
    """How much a device takes at once.

    Attributes:
        span_max_registers: longest read (FC3/FC4) in registers.
        gap_max_registers: registers without a point that a read may bridge; 0 reads contiguous points only.
        request_gap_s: least silence between two requests.
    """

    span_max_registers: int = 120
    gap_max_registers: int = 0
    request_gap_s: float = 0.0


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
        alarms: names of BITS/BOOL points that are the device's own alarms (1 = active).
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

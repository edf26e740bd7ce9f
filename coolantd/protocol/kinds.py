"""The kinds a device profile is written in. Knows words and what they mean; must never know a device.

Every value is what a profile file says, so that file, message and code use one word.
"""

from enum import StrEnum
from typing import Final


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
    U64 = "u64"
    """Above 2^53 neighbouring codes share a value: a float has no more digits."""
    I64 = "i64"
    """As ``U64``, beyond 2^53 either way."""
    F64 = "f64"
    BITS = "bits"
    """One bit, or ``bit_count`` bits from ``bit`` upwards, of one register."""
    ENUM = "enum"
    """A u16 code of which every allowed one is named; any other code is out of range."""
    BOOL = "bool"
    """A coil or a discrete input."""

    @property
    def register_count(self) -> int:
        """Return how many registers (or coils) the coding occupies."""
        return _REGISTER_COUNT.get(self, 1)


_REGISTER_COUNT: Final = {
    Coding.U32: 2,
    Coding.I32: 2,
    Coding.F32: 2,
    Coding.U64: 4,
    Coding.I64: 4,
    Coding.F64: 4,
}


class WordOrder(StrEnum):
    """Order of the four bytes of a 32-bit value on the wire, the most significant named A.

    It says two things, which hold for one and for four registers alike: whether the words come most significant
    first, and whether the two bytes of each word do. So ``BADC`` and ``DCBA`` mean a little-endian u16.
    """

    ABCD = "ABCD"
    """Most significant word first, most significant byte first: what Modbus itself prescribes."""
    CDAB = "CDAB"
    """Least significant word first."""
    BADC = "BADC"
    """Most significant word first, the bytes of each word swapped."""
    DCBA = "DCBA"
    """Little-endian throughout."""

    @property
    def swaps_words(self) -> bool:
        """Return whether the least significant word comes first."""
        return self in (WordOrder.CDAB, WordOrder.DCBA)

    @property
    def swaps_bytes(self) -> bool:
        """Return whether the bytes of each word are swapped."""
        return self in (WordOrder.BADC, WordOrder.DCBA)


class PollClass(StrEnum):
    """How often a point is read; the site says how long each is in seconds."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"
    ONCE = "once"
    """At every connect, and not again: what cannot change while a device runs."""


class Access(StrEnum):
    """What the device lets a master do with a point. It permits no write of ours: only a ``WriteRule`` does."""

    READ = "ro"
    READ_WRITE = "rw"
    WRITE = "wo"
    """Reading it is refused or means nothing: never polled."""
    COMMAND = "command"
    """Writing it *does* something once (reset, power cycle); a read-modify-write of its register must write 0 here."""


class Basis(StrEnum):
    """What a point's description rests on."""

    VERIFIED = "verified"
    """Seen right on a real device."""
    DOCUMENTED = "documented"
    """Said by the source that the profile names."""
    INFERRED = "inferred"
    """Concluded from names or from like devices; the note says what."""


class WriteClass(StrEnum):
    """How a written value lives in the device; decides when it is written again."""

    PERSISTENT = "persistent"
    """Kept, often in memory that wears out (100 000 cycles): written on change only, never repeated."""
    REFRESHED = "refreshed"
    """Held for a time (a lease): written on change and every ``refresh_s``."""
    COMMAND = "command"
    """Acts once: never repeated, neither by lease nor after a failure."""


class Role(StrEnum):
    """What a writable point moves; decides slew limits, failsafe and the envelope's pump rule."""

    PUMP = "pump"
    FWS_VALVE = "fws_valve"
    BRANCH_VALVE = "branch_valve"
    BYPASS_VALVE = "bypass_valve"
    """From supply to return past the branches of a manifold: what the pumps deliver through when those are shut."""

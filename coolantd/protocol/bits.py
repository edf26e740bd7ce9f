"""Writing some bits of a register and leaving the others as they are. Knows words; must never know a socket."""

from collections.abc import Iterable
from typing import Final

from coolantd.protocol.kinds import Access, Coding
from coolantd.protocol.profile import RegisterPoint

_WORD_MASK: Final = 0xFFFF


def field_mask(point: RegisterPoint) -> int:
    """Return the bits of the register, as it is on the wire, that a ``BITS`` point owns."""
    return _wire(point, ((1 << point.bit_count) - 1) << point.bit)


def command_mask(points: Iterable[RegisterPoint], written: RegisterPoint) -> int:
    """Return the bits of a point's register that do something when they are written as 1, the point's own left out.

    Args:
        points: all of the profile.
        written: the ``BITS`` point that is to be written.
    """
    mask = 0
    for point in points:
        same = point.table is written.table and point.address == written.address and point.coding is Coding.BITS
        if same and point.access is Access.COMMAND and point.name != written.name:
            mask |= field_mask(point)
    return mask & ~field_mask(written)


def merge_bits(current: int, point: RegisterPoint, word: int, command_mask: int) -> int:
    """Return the register with one point's bits replaced, every command bit 0 and all others as they were.

    Args:
        current: the register as it was read, 0..65535.
        point: the ``BITS`` point that is written.
        word: the point's value as ``codec.encode`` gives it, its other bits 0.
        command_mask: bits that must not be written back, see ``command_mask``.
    """
    mine = field_mask(point)
    return (current & ~mine & ~command_mask & _WORD_MASK) | (word & mine)


def others_changed(written: int, reread: int, point: RegisterPoint, command_mask: int) -> bool:
    """Return whether bits that are neither the point's nor commands differ from what was written to them."""
    return bool((written ^ reread) & ~field_mask(point) & ~command_mask & _WORD_MASK)


def _wire(point: RegisterPoint, pattern: int) -> int:
    return (pattern & 0xFF) << 8 | pattern >> 8 if point.word_order.swaps_bytes else pattern

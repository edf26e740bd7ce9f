"""Text in registers to strings and back. Knows ASCII padding; must never know what the text is about."""

from collections.abc import Sequence
from typing import Final, Literal

from coolantd.point import Reason
from coolantd.protocol.codec import DecodeFault
from coolantd.protocol.profile import TextPoint

_WORD_MAX: Final = 0xFFFF
_PADDING: Final = b"\0 "


def decode_text(point: TextPoint, words: Sequence[int]) -> str:
    """Return the text that registers carry, without the padding after it; empty where nothing was ever set.

    What follows the first NUL is a leftover of a longer text and is dropped.

    Args:
        point: how the text is laid out.
        words: (register_count,) registers, 0..65535 each, in address order.

    Raises:
        DecodeFault: not printable ASCII; all registers 0xFFFF is the commonest case.
        ValueError: the number of words or a word itself is impossible; a caller's mistake.
    """
    if len(words) != point.register_count:
        raise ValueError(f"{point.name} is {point.register_count} words long, got {len(words)}")
    for word in words:
        if not 0 <= word <= _WORD_MAX:
            raise ValueError(f"{point.name}: {word} is not a register value, allowed: 0..65535")
    text = b"".join(word.to_bytes(2, _order(point)) for word in words).split(b"\0", 1)[0].strip(_PADDING)
    if not all(0x20 <= byte < 0x7F for byte in text):
        raise DecodeFault(Reason.SENSOR_FAILURE, f"{point.name}: {text!r} is not printable ASCII")
    return text.decode("ascii")


def encode_text(point: TextPoint, text: str) -> tuple[int, ...]:
    """Return the registers that carry a text, padded with NULs; the inverse of ``decode_text``.

    Raises:
        ValueError: too long, not printable ASCII, or with blanks around it that could not be read back.
    """
    size = 2 * point.register_count
    if len(text) > size or text != text.strip() or not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError(f"{point.name} = {text!r} cannot be sent: up to {size} printable ASCII characters can")
    data = text.encode("ascii").ljust(size, b"\0")
    return tuple(int.from_bytes(data[start : start + 2], _order(point)) for start in range(0, size, 2))


def _order(point: TextPoint) -> Literal["little", "big"]:
    return "little" if point.swapped else "big"

"""Modbus TCP frames as a meddler between two masters of the trade sees them: where one ends, and how to make it a lie.

Knows bytes; no socket, no time. Both ends speak well before somebody meddles, so nothing here has to be checked.
"""

import struct
from dataclasses import dataclass
from typing import Final

HEADER_BYTES: Final = 6
"""Transaction, protocol and length; the length counts what follows."""
READ_HOLDING: Final = 3
WRITES: Final = frozenset({5, 6, 15, 16})
EXCEPTION_FLAG: Final = 0x80
WORD_BYTES: Final = 2


class FrameSplitter:
    """Cuts the stream of one well-behaved end into whole frames."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they arrive; return the frames they complete."""
        self._received += data
        frames = []
        while len(self._received) >= HEADER_BYTES:
            size = HEADER_BYTES + int.from_bytes(self._received[4:HEADER_BYTES], "big")
            if len(self._received) < size:
                break
            frames.append(bytes(self._received[:size]))
            del self._received[:size]
        return frames


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, opened.

    Attributes:
        adu: the whole frame.
        function: Modbus function code.
        address: first wire address.
        count: registers or coils it is about.
        words: what a write of registers carries; empty for anything else.
    """

    adu: bytes
    function: int
    address: int
    count: int
    words: tuple[int, ...] = ()

    @property
    def is_write(self) -> bool:
        """Return whether it changes anything."""
        return self.function in WRITES

    def covers(self, address: int) -> bool:
        """Return whether it reads or writes this address of holding registers."""
        return self.function in {READ_HOLDING, 6, 16} and self.address <= address < self.address + self.count


def opened(adu: bytes) -> Asked:
    """Return what a request asks."""
    function, address, number = struct.unpack_from(">BHH", adu, 7)
    if function == 6:
        return Asked(adu, function, address, 1, (number,))
    if function == 5:
        return Asked(adu, function, address, 1)
    if function == 16:
        return Asked(adu, function, address, number, struct.unpack_from(f">{number}H", adu, 13))
    return Asked(adu, function, address, number)


def framed(like: bytes, pdu: bytes) -> bytes:
    """Return a frame with the header of another, its length made right, around function and data."""
    return like[:4] + (len(pdu) + 1).to_bytes(2, "big") + like[6:7] + pdu


def with_bytes(adu: bytes, at: int, new: bytes) -> bytes:
    """Return a frame with some bytes replaced."""
    return adu[:at] + new + adu[at + len(new) :]


def refusal(request: bytes, code: int) -> bytes:
    """Return an exception that answers a request."""
    return framed(request, bytes([request[7] | EXCEPTION_FLAG, code]))


def with_word(request: Asked, reply: bytes, address: int, word: int) -> bytes:
    """Return a reply to a read of holding registers with one word replaced; as it was where it does not carry it."""
    if request.function != READ_HOLDING or not request.covers(address) or reply[7] != READ_HOLDING:
        return reply
    return with_bytes(reply, 9 + WORD_BYTES * (address - request.address), word.to_bytes(WORD_BYTES, "big"))

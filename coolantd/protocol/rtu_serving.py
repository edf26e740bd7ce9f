"""The other end of an RTU line: requests found in received bytes, replies made. Knows frames and times; no device.

A unit hears every master's request and every other unit's reply. It tells where a frame ends by the silence behind it
(3.5 characters; Modbus over Serial Line V1.02, 2.5.1.1), and where the length is known already by that: a frame that
is whole and has the right CRC is a request even if the next one follows it at once.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coolantd.protocol.replies import EXCEPTION_FLAG, WRITE_MAX_COILS, WRITE_MAX_REGISTERS
from coolantd.protocol.rtu import CRC_BYTES, FRAME_MAX_BYTES, LOOPBACK_FUNCTION, with_crc
from coolantd.protocol.spans import READ_MAX_COILS, READ_MAX_REGISTERS

BROADCAST_UNIT: Final = 0
"""Everybody carries it out and nobody answers; Serial Line V1.02, 2.1."""
ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
READ_BITS: Final = frozenset({1, 2})
READ_WORDS: Final = frozenset({3, 4})
WRITE_BIT: Final = 5
WRITE_WORD: Final = 6
WRITE_BITS: Final = 15
WRITE_WORDS: Final = 16
FUNCTIONS: Final = READ_BITS | READ_WORDS | {WRITE_BIT, WRITE_WORD, LOOPBACK_FUNCTION, WRITE_BITS, WRITE_WORDS}

_SHORT_BYTES: Final = 8
"""Every request of fixed length: unit, function, two fields and the CRC."""
_MANY_HEAD_BYTES: Final = 7
"""Of a request with a byte count, up to and with that count."""
_FRAME_MIN_BYTES: Final = 4
_COIL_ON: Final = 0xFF00
_ADDRESS_COUNT: Final = 0x1_0000


class RequestRefused(ValueError):  # noqa: N818 (what a unit answers, not a fault of ours)
    """A request that no device can carry out.

    Attributes:
        code: the Modbus exception that says so.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """What a master asks of a unit.

    Attributes:
        unit: 0..255; 0 is broadcast.
        function: one of ``FUNCTIONS``.
        address: first wire address; for a loopback its sub-function, always 0.
        count: registers or coils meant; for a loopback 1.
        values: words (0..65535) or coils (0 or 1) to be written; a loopback's data; empty for a read.
    """

    unit: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()


class RequestFramer:
    """Cuts received bytes into frames.

    Args:
        gap_s: silence that ends a frame.

    Attributes:
        discarded_bytes: bytes that were part of no frame with a right CRC.
    """

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._received = bytearray()
        self._last_byte_s = float("-inf")
        self.discarded_bytes = 0

    def receive(self, data: bytes, now_s: float) -> list[bytes]:
        """Take bytes as they arrive, in pieces of any size; return every frame that they complete."""
        frames = self.silent(now_s)
        self._received += data
        self._last_byte_s = now_s
        while size := _whole_frame(self._received):
            frames.append(bytes(self._received[:size]))
            del self._received[:size]
        surplus = max(len(self._received) - FRAME_MAX_BYTES, 0)
        self.discarded_bytes += surplus
        del self._received[:surplus]
        return frames

    def silent(self, now_s: float) -> list[bytes]:
        """Return the frame that ends because nothing has come since, if it is one."""
        if not self._received or now_s - self._last_byte_s < self._gap_s:
            return []
        ended = bytes(self._received)
        self._received.clear()
        if _sealed(ended):
            return [ended]
        self.discarded_bytes += len(ended)
        return []

    def waits_s(self, now_s: float) -> float | None:
        """Return how long the silence must still last that ends what was received; None when nothing waits for one."""
        if not self._received:
            return None
        return max(self._last_byte_s + self._gap_s - now_s, 0.0)


def parse_request(frame: bytes) -> ServedRequest:
    """Return what a frame with a right CRC asks.

    Raises:
        RequestRefused: exception 1 for a function there is none of, 3 for a count that no request may have or that
            its own length contradicts, 2 for addresses beyond 65535.
    """
    unit, function, data = frame[0], frame[1], frame[2:-CRC_BYTES]
    if function not in FUNCTIONS:
        raise RequestRefused(ILLEGAL_FUNCTION)
    if len(data) < 4:
        raise RequestRefused(ILLEGAL_VALUE)
    address, second = struct.unpack_from(">HH", data)
    if function in {WRITE_BITS, WRITE_WORDS}:
        return _many(unit, function, address, second, data[4:])
    if len(data) != 4:
        raise RequestRefused(ILLEGAL_VALUE)
    if function == LOOPBACK_FUNCTION:
        if address:
            raise RequestRefused(ILLEGAL_FUNCTION)  # another diagnostic than the loopback
        return ServedRequest(unit, function, 0, 1, (second,))
    if function == WRITE_BIT:
        if second not in {0, _COIL_ON}:
            raise RequestRefused(ILLEGAL_VALUE)
        return ServedRequest(unit, function, address, 1, (int(second == _COIL_ON),))
    if function == WRITE_WORD:
        return ServedRequest(unit, function, address, 1, (second,))
    _check_range(address, second, READ_MAX_COILS if function in READ_BITS else READ_MAX_REGISTERS)
    return ServedRequest(unit, function, address, second)


def read_reply(request: ServedRequest, values: Sequence[int]) -> bytes:
    """Return the reply frame to a read: ``request.count`` words, or coils as 0 or 1."""
    if len(values) != request.count:
        raise ValueError(f"{len(values)} values for a read of {request.count}")
    if request.function in READ_BITS:
        packed = sum(bool(value) << index for index, value in enumerate(values))
        data = packed.to_bytes(-(-request.count // 8), "little")
    else:
        data = struct.pack(f">{request.count}H", *values)
    return with_crc(bytes([request.unit, request.function, len(data)]) + data)


def write_reply(request: ServedRequest) -> bytes:
    """Return the reply frame that acknowledges a write or answers a loopback."""
    second = request.values[0] if request.function in {WRITE_WORD, LOOPBACK_FUNCTION} else request.count
    if request.function == WRITE_BIT:
        second = _COIL_ON if request.values[0] else 0
    return with_crc(struct.pack(">BBHH", request.unit, request.function, request.address, second))


def refusal_frame(unit: int, function: int, code: int) -> bytes:
    """Return the reply frame that says no: an exception code, 1..255."""
    return with_crc(bytes([unit, (function | EXCEPTION_FLAG) & 0xFF, code]))


def _many(unit: int, function: int, address: int, count: int, rest: bytes) -> ServedRequest:
    """Return a write of several, from its byte count on."""
    bits = function == WRITE_BITS
    _check_range(address, count, WRITE_MAX_COILS if bits else WRITE_MAX_REGISTERS)
    size = -(-count // 8) if bits else 2 * count
    if len(rest) != 1 + size or rest[0] != size:
        raise RequestRefused(ILLEGAL_VALUE)
    if bits:
        packed = int.from_bytes(rest[1:], "little")
        return ServedRequest(unit, function, address, count, tuple(packed >> index & 1 for index in range(count)))
    return ServedRequest(unit, function, address, count, struct.unpack(f">{count}H", rest[1:]))


def _check_range(address: int, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise RequestRefused(ILLEGAL_VALUE)
    if address + count > _ADDRESS_COUNT:
        raise RequestRefused(ILLEGAL_ADDRESS)


def _whole_frame(received: bytearray) -> int:
    """Return the size of the frame at the beginning if it is whole and its CRC right; 0 if not, or not yet."""
    if len(received) < _SHORT_BYTES or received[1] not in FUNCTIONS:
        return 0
    many = received[1] in {WRITE_BITS, WRITE_WORDS}
    size = _MANY_HEAD_BYTES + received[_MANY_HEAD_BYTES - 1] + CRC_BYTES if many else _SHORT_BYTES
    return size if size <= len(received) and _sealed(bytes(received[:size])) else 0


def _sealed(frame: bytes) -> bool:
    fits = _FRAME_MIN_BYTES <= len(frame) <= FRAME_MAX_BYTES
    return fits and with_crc(frame[:-CRC_BYTES]) == frame

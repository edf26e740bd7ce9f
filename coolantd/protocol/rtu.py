"""Modbus RTU frames: coding, CRC, and the check of a reply against its request. Knows bytes; no line, no time.

A frame is unit (1 byte), function (1), the function's data and a CRC-16 (2, low byte first), at most 256 bytes;
Modbus over Serial Line V1.02, 2.5.1. It names neither a transaction nor, in the reply to a read, an address: a late
reply looks exactly like the right one, and nothing in here can tell them apart. ``protocol.line`` does that.
What is the same on TCP (byte count, count, echo, exceptions) is judged by ``protocol.replies`` alone.
"""

import struct
from dataclasses import dataclass, replace
from typing import Final

from coolantd.errors import Fault
from coolantd.protocol.replies import (
    EXCEPTION_FLAG,
    HEADER_BYTES,
    ReadRequest,
    ReplyFault,
    Request,
    check_read,
    check_write,
    request_adu,
)

FRAME_MAX_BYTES: Final = 256
CRC_BYTES: Final = 2
EXCEPTION_BYTES: Final = 5
"""Unit, function, code and CRC: the shortest reply there is."""
UNIT_MIN: Final = 1
UNIT_MAX: Final = 255
"""The standard ends at 247, the field does not. 0 is broadcast, which nobody answers."""
LOOPBACK_FUNCTION: Final = 8
"""Diagnostics with sub-function 0, Return Query Data; Modbus Application Protocol V1.1b3, 6.8. It changes nothing."""
GATEWAY_CODES: Final = frozenset({10, 11})
"""Exceptions that a gateway gives in the name of a unit which has not answered (yet)."""

_CRC_POLYNOMIAL: Final = 0xA001
_CRC_START: Final = 0xFFFF
_READ_HEAD_BYTES: Final = 3
_ECHO_BYTES: Final = 8
_WIRE_BITS_PER_BYTE: Final = 11
"""Start, eight data, parity or a second stop, stop; counted so for every setting by the standard's formula."""
_FRAME_GAP_BYTES: Final = 3.5
_FRAME_GAP_FIXED_S: Final = 0.00175
_FRAME_GAP_FIXED_ABOVE_BAUD: Final = 19200


@dataclass(frozen=True, slots=True)
class LoopbackRequest:
    """A request that the unit sends back as it came: the one RTU exchange whose reply says what it answers.

    Attributes:
        unit: 1..255.
        token: 0..65535, different from that of the last one.
    """

    unit: int
    token: int

    @property
    def function(self) -> int:
        """Return the Modbus function code."""
        return LOOPBACK_FUNCTION


RtuRequest = Request | LoopbackRequest


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_CRC_POLYNOMIAL if value & 1 else 0)
    return value


_CRC_TABLE: Final = tuple(_crc_of_byte(value) for value in range(256))


def crc16(data: bytes | bytearray) -> int:
    """Return the CRC of these bytes, 0..65535; Modbus over Serial Line V1.02, 6.2.2."""
    crc = _CRC_START
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def with_crc(body: bytes) -> bytes:
    """Return unit, function and data as a frame."""
    return body + crc16(body).to_bytes(CRC_BYTES, "little")


def request_frame(request: RtuRequest) -> bytes:
    """Return the frame that carries a request.

    Raises:
        ValueError: the unit is not 1..255. A broadcast is refused for writes as well: no one would acknowledge it.
    """
    if not UNIT_MIN <= request.unit <= UNIT_MAX:
        raise ValueError(f"unit {request.unit} on a serial line, allowed: {UNIT_MIN}..{UNIT_MAX} (0 is broadcast)")
    if isinstance(request, LoopbackRequest):
        return with_crc(struct.pack(">BBHH", request.unit, LOOPBACK_FUNCTION, 0, request.token))
    return with_crc(request_adu(request)[HEADER_BYTES:])


def reply_size(request: RtuRequest) -> int:
    """Return how many bytes the reply to a request has unless it is an exception."""
    if isinstance(request, ReadRequest):
        return _READ_HEAD_BYTES + _byte_count(request) + CRC_BYTES
    return _ECHO_BYTES


def missing_bytes(request: RtuRequest, received: bytes | bytearray) -> int:
    """Return how many bytes are still to come before received bytes can be judged as the reply to a request.

    0 where they are complete, and where they can no longer become the reply. RTU has no length field: the end of
    a reply is known from the request alone.
    """
    if received and received[0] != request.unit:
        return 0
    if len(received) < EXCEPTION_BYTES:
        return EXCEPTION_BYTES - len(received)
    if received[1] == request.function | EXCEPTION_FLAG:
        return 0
    if received[1] != request.function:
        return 0
    if isinstance(request, ReadRequest) and received[2] != _byte_count(request):
        return 0
    return max(reply_size(request) - len(received), 0)


def check_reply(request: Request, frame: bytes) -> tuple[int, ...]:
    """Return the words a reply carries; none for a write.

    The CRC does not guard the length: zeros behind a right frame leave it right. Every length is checked by itself.

    Args:
        request: what was asked.
        frame: all bytes between two silences.

    Returns:
        ``request.count`` registers, or 0 or 1 per coil, in address order; empty when a write is acknowledged.

    Raises:
        ReplyFault: anything but the complete and exact answer to the request.
    """
    _check_crc(request, frame)
    # The judge of TCP replies wants a transaction; a frame that came this far is given the one it asks for.
    body = frame[:-CRC_BYTES]
    adu = struct.pack(">HHH", 1, 0, len(body)) + body
    if isinstance(request, ReadRequest):
        return check_read(replace(request, transaction=1), adu)
    check_write(replace(request, transaction=1), adu)
    return ()


def loopback_answered(request: LoopbackRequest, received: bytes | bytearray) -> bool:
    """Return whether received bytes end with the unit's answer to a loopback, whatever came before.

    A refusal counts: only a loopback can be refused with function 8, so it too comes after every earlier reply.
    Refusals by a gateway do not count, they come from elsewhere.
    """
    if received.endswith(request_frame(request)):
        return True
    refusal = bytes(received[-EXCEPTION_BYTES:])
    return (
        refusal[:2] == bytes([request.unit, LOOPBACK_FUNCTION | EXCEPTION_FLAG])
        and refusal[2] not in GATEWAY_CODES
        and with_crc(refusal[:-CRC_BYTES]) == refusal
    )


def frame_gap_s(baudrate: int) -> float:
    """Return the silence between two frames: 3.5 characters, above 19200 baud 1.75 ms; Serial Line V1.02, 2.5.1.1.

    The 1.5 characters allowed within a frame are kept by sending it whole. They are not asked of a device: an
    adapter hands bytes over in pieces many milliseconds apart, and length and CRC judge a frame better.
    """
    if baudrate > _FRAME_GAP_FIXED_ABOVE_BAUD:
        return _FRAME_GAP_FIXED_S
    return _FRAME_GAP_BYTES * _WIRE_BITS_PER_BYTE / baudrate


def _check_crc(request: Request, frame: bytes) -> None:
    size = len(frame)
    if not EXCEPTION_BYTES <= size <= FRAME_MAX_BYTES:
        raise ReplyFault(Fault.MALFORMED, f"{size} bytes, a frame has {EXCEPTION_BYTES}..{FRAME_MAX_BYTES}")
    if with_crc(frame[:-CRC_BYTES]) != frame:
        raise ReplyFault(Fault.MALFORMED, f"a wrong CRC after {size} bytes, asked for {reply_size(request)}")


def _byte_count(request: ReadRequest) -> int:
    return -(-request.count // 8) if request.is_bits else 2 * request.count

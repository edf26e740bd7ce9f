"""The server's side of Modbus TCP, reading only: what is asked, and the bytes of the answer. Knows frames.

It must never know sockets, devices or where words come from. Every frame is either answered with exactly what it
asked for or refused with the exception the standard names; nothing in here can be taken for an order to write.

Modbus Messaging on TCP/IP V1.0b, 3.1, and Modbus Application Protocol V1.1b3, 6 and 7.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from coolantd.protocol.kinds import Table
from coolantd.protocol.replies import EXCEPTION_FLAG, HEADER_BYTES, LENGTH_MAX_BYTES, READ_FUNCTION, ReadRequest
from coolantd.protocol.spans import READ_MAX_COILS, READ_MAX_REGISTERS

REQUEST_LENGTH_MIN_BYTES: Final = 2
"""The shortest request is a unit and a function."""

AGE_STEP_S: Final = 0.1
AGE_MAX_STEPS: Final = 65_534
"""Older than 6553.4 s is shown as 6553.4 s."""
AGE_UNKNOWN: Final = 65_535
"""Shown for a register that was never read, so that a master cannot take it for a new one."""

_READ_TABLE: Final = {function: table for table, function in READ_FUNCTION.items()}
_READ_DATA_BYTES: Final = 4
_ADDRESS_COUNT: Final = 0x1_0000
_WORD_MAX: Final = 0xFFFF
_DATA: Final = HEADER_BYTES + 2
"""Offset of the first byte after the function."""


class Refusal(IntEnum):
    """Exception codes that a read-only server gives; Modbus Application Protocol V1.1b3, 7."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED = 11


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The bytes are the beginning of a request."""


@dataclass(frozen=True, slots=True)
class Unintelligible:
    """The bytes are no Modbus TCP; where the next request would begin is unknown, so the connection is lost.

    Attributes:
        detail: one clause for people.
    """

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One whole request.

    Attributes:
        size_bytes: how many bytes of the buffer it took.
        transaction: 0..65535, to be repeated in the answer.
        unit: 0..255, to be repeated in the answer.
        function: 0..255.
        wanted: the read that is asked for, or why there can be no such read.
    """

    size_bytes: int
    transaction: int
    unit: int
    function: int
    wanted: ReadRequest | Refusal


def parse(buffer: bytes | bytearray) -> Incomplete | Unintelligible | Asked:
    """Return the request at the start of a buffer; more may follow it.

    Nonsense is told as early as its bytes allow. A frame that is whole but asks for what does not exist is an
    ``Asked`` that carries its refusal: a function other than 1 to 4 is ``ILLEGAL_FUNCTION``, a length or a count that
    no such read has is ``ILLEGAL_VALUE``, and a range that ends beyond the last address is ``ILLEGAL_ADDRESS``.
    """
    if any(buffer[2:4]):
        return Unintelligible(f"protocol identifier {bytes(buffer[2:4]).hex()}, allowed: 0000")
    if len(buffer) < HEADER_BYTES:
        return Incomplete()
    length = int.from_bytes(buffer[4:HEADER_BYTES], "big")
    if not REQUEST_LENGTH_MIN_BYTES <= length <= LENGTH_MAX_BYTES:
        return Unintelligible(f"a length field of {length}, allowed: {REQUEST_LENGTH_MIN_BYTES}..{LENGTH_MAX_BYTES}")
    size = HEADER_BYTES + length
    if len(buffer) < size:
        return Incomplete()
    transaction, unit, function = int.from_bytes(buffer[:2], "big"), buffer[HEADER_BYTES], buffer[HEADER_BYTES + 1]
    wanted = _wanted(transaction, unit, function, bytes(buffer[_DATA:size]))
    return Asked(size_bytes=size, transaction=transaction, unit=unit, function=function, wanted=wanted)


def reply_words(request: ReadRequest, words: Sequence[int]) -> bytes:
    """Return the frame that answers a read.

    Args:
        request: what was asked.
        words: (request.count,) registers 0..65535, or coils as 0 or 1, in address order.

    Raises:
        ValueError: the words are not those of the request, or cannot be sent; a caller's mistake.
    """
    if len(words) != request.count:
        raise ValueError(f"{request.count} words asked, {len(words)} given")
    highest = 1 if request.is_bits else _WORD_MAX
    if not all(0 <= word <= highest for word in words):
        raise ValueError(f"{request.table} {request.address}: a word outside 0..{highest}")
    payload = _packed(words) if request.is_bits else struct.pack(f">{len(words)}H", *words)
    return _frame(request.transaction, request.unit, request.function, bytes([len(payload)]) + payload)


def reply_exception(asked: Asked, refusal: Refusal) -> bytes:
    """Return the frame that refuses a request."""
    return _frame(asked.transaction, asked.unit, asked.function | EXCEPTION_FLAG, bytes([refusal]))


def age_words(sent_s: Sequence[float], now_s: float) -> tuple[int, ...]:
    """Return ages as registers: steps of 0.1 s, rounded up, at most ``AGE_MAX_STEPS``; ``AGE_UNKNOWN`` for NaN.

    Args:
        sent_s: when each word was asked for, monotonic seconds; NaN where it never was read.
        now_s: monotonic seconds.
    """
    return tuple(AGE_UNKNOWN if math.isnan(each) else _age_steps(now_s - each) for each in sent_s)


def _age_steps(age_s: float) -> int:
    if age_s >= AGE_MAX_STEPS * AGE_STEP_S:
        return AGE_MAX_STEPS
    return max(math.ceil(age_s / AGE_STEP_S), 0)


def _wanted(transaction: int, unit: int, function: int, data: bytes) -> ReadRequest | Refusal:
    table = _READ_TABLE.get(function)
    if table is None:
        return Refusal.ILLEGAL_FUNCTION
    if len(data) != _READ_DATA_BYTES:
        return Refusal.ILLEGAL_VALUE
    address, count = struct.unpack(">HH", data)
    longest = READ_MAX_COILS if table in (Table.COIL, Table.DISCRETE) else READ_MAX_REGISTERS
    if not 1 <= count <= longest:
        return Refusal.ILLEGAL_VALUE
    if address + count > _ADDRESS_COUNT:
        return Refusal.ILLEGAL_ADDRESS
    return ReadRequest(transaction, unit, table, address, count)


def _packed(bits: Sequence[int]) -> bytes:
    """Return coils eight to a byte, the first in the lowest bit, the last byte filled with 0."""
    size = -(-len(bits) // 8)
    return sum(bit << index for index, bit in enumerate(bits)).to_bytes(size, "little")


def _frame(transaction: int, unit: int, function: int, data: bytes) -> bytes:
    return struct.pack(">HHHBB", transaction, 0, len(data) + 2, unit, function) + data

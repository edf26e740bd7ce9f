"""Checks the bytes of a Modbus TCP reply against its request. Knows frames; must never know sockets or points.

A library that returns a reply has not thereby compared it with what was asked: short, long and crossed replies
and wrong write echoes look like values. Every byte of a reply is accounted for here or the reply is refused.

A frame is transaction (2 bytes), protocol (2, always 0), length (2, of all that follows), unit (1), function (1)
and the function's data; Modbus Messaging on TCP/IP V1.0b, 3.1, and Modbus Application Protocol V1.1b3, 6.
"""

import struct
from dataclasses import dataclass
from typing import Final

from coolantd.errors import CoolantdError, Fault
from coolantd.protocol.profile import Table
from coolantd.protocol.spans import READ_MAX_COILS, READ_MAX_REGISTERS

HEADER_BYTES: Final = 6
"""Transaction, protocol and length: what comes before the part that the length counts."""
LENGTH_MIN_BYTES: Final = 3
"""The shortest reply is an exception: unit, function, code."""
LENGTH_MAX_BYTES: Final = 254
"""A unit and a protocol data unit of at most 253 bytes."""
WRITE_MAX_REGISTERS: Final = 123
WRITE_MAX_COILS: Final = 1968
EXCEPTION_FLAG: Final = 0x80
COIL_ON: Final = 0xFF00

READ_FUNCTION: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
WRITE_ONE_FUNCTION: Final = {Table.COIL: 5, Table.HOLDING: 6}
WRITE_MANY_FUNCTION: Final = {Table.COIL: 15, Table.HOLDING: 16}

EXCEPTION_NAMES: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Modbus Application Protocol V1.1b3, 7."""

_BITS_PER_BYTE: Final = 8
_BYTES_PER_REGISTER: Final = 2
_ADDRESS_COUNT: Final = 0x1_0000
_UNIT_MAX: Final = 255
_DATA: Final = 8
"""Offset of the first byte after the function."""


class ReplyFault(CoolantdError):  # noqa: N818 (a fault in the data, as in errors.Fault)
    """A reply that must not be believed, or that says no.

    Attributes:
        fault: the kind.
        detail: one clause for people.
        code: the Modbus exception code for ``Fault.EXCEPTION``, else None.
    """

    def __init__(self, fault: Fault, detail: str, code: int | None = None) -> None:
        self.fault = fault
        self.detail = detail
        self.code = code
        super().__init__(f"{fault.value}: {detail}")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A read of consecutive registers or coils.

    Attributes:
        transaction: 1..65535 once sent; 0 before.
        unit: 0..255.
        table: any of the four.
        address: first wire address, 0-based.
        count: 1..125 registers or 1..2000 coils.
    """

    transaction: int
    unit: int
    table: Table
    address: int
    count: int

    def __post_init__(self) -> None:
        """Refuse a request that does not exist."""
        longest = READ_MAX_COILS if self.is_bits else READ_MAX_REGISTERS
        _check_request(self.transaction, self.unit, self.address, self.count, longest)

    @property
    def is_bits(self) -> bool:
        """Return whether the table holds single bits."""
        return self.table in (Table.COIL, Table.DISCRETE)

    @property
    def function(self) -> int:
        """Return the Modbus function code."""
        return READ_FUNCTION[self.table]


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A write of consecutive registers or coils.

    Attributes:
        transaction: 1..65535 once sent; 0 before.
        unit: 0..255.
        table: coils or holding registers.
        address: first wire address, 0-based.
        words: 1..123 registers (0..65535 each) or 1..1968 coils (0 or 1 each).
    """

    transaction: int
    unit: int
    table: Table
    address: int
    words: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse a request that does not exist."""
        if self.table not in WRITE_ONE_FUNCTION:
            raise ValueError(f"a {self.table} table cannot be written, allowed: coil, holding")
        longest, highest = (WRITE_MAX_COILS, 1) if self.table is Table.COIL else (WRITE_MAX_REGISTERS, 0xFFFF)
        _check_request(self.transaction, self.unit, self.address, len(self.words), longest)
        for word in self.words:
            if not 0 <= word <= highest:
                raise ValueError(f"{self.table} {self.address}: {word} cannot be written, allowed: 0..{highest}")

    @property
    def function(self) -> int:
        """Return the Modbus function code: 5 or 6 for one word, 15 or 16 for several."""
        return (WRITE_ONE_FUNCTION if len(self.words) == 1 else WRITE_MANY_FUNCTION)[self.table]


Request = ReadRequest | WriteRequest


def request_adu(request: Request) -> bytes:
    """Return the frame that carries a request."""
    if isinstance(request, ReadRequest):
        data = struct.pack(">HH", request.address, request.count)
    elif len(request.words) == 1:
        data = _echo(request)
    else:
        payload = _payload(request)
        data = _echo(request) + bytes([len(payload)]) + payload
    return struct.pack(">HHHBB", request.transaction, 0, len(data) + 2, request.unit, request.function) + data


def adu_size(head: bytes | bytearray) -> int | None:
    """Return how many bytes the frame that begins here has, or None while that cannot be known yet.

    Args:
        head: the bytes received from the start of a frame on; further frames may follow.

    Raises:
        ReplyFault: MALFORMED as soon as the bytes cannot be the start of a reply; where the next frame would
            begin is then unknown (FM-38).
    """
    if any(head[2:4]):
        raise ReplyFault(Fault.MALFORMED, f"protocol identifier {head[2:4].hex()} is not 0")
    if len(head) < HEADER_BYTES:
        return None
    length = int.from_bytes(head[4:HEADER_BYTES], "big")
    if not LENGTH_MIN_BYTES <= length <= LENGTH_MAX_BYTES:
        allowed = f"{LENGTH_MIN_BYTES}..{LENGTH_MAX_BYTES}"
        raise ReplyFault(Fault.MALFORMED, f"a length field of {length}, allowed: {allowed}")
    return HEADER_BYTES + length


def transaction_of(adu: bytes) -> int:
    """Return a frame's transaction identifier."""
    return int.from_bytes(adu[:2], "big")


def check_read(request: ReadRequest, adu: bytes) -> tuple[int, ...]:
    """Return the words a reply carries.

    Args:
        request: what was asked.
        adu: one whole frame.

    Returns:
        ``request.count`` registers, or 0 or 1 per coil, in address order.

    Raises:
        ReplyFault: anything but the complete and exact answer to the request.
    """
    data = _checked_data(request, adu)
    byte_count = len(data) - 1
    if data[0] != byte_count:
        raise ReplyFault(Fault.WRONG_BYTE_COUNT, f"byte count {data[0]} before {byte_count} bytes")
    return _bits(request, data[1:]) if request.is_bits else _registers(request, data[1:])


def check_write(request: WriteRequest, adu: bytes) -> None:
    """Return if a reply acknowledges exactly the write that was asked for.

    Args:
        request: what was asked.
        adu: one whole frame.

    Raises:
        ReplyFault: anything else.
    """
    data, expected = _checked_data(request, adu), _echo(request)
    if len(data) != len(expected):
        raise ReplyFault(Fault.WRONG_BYTE_COUNT, f"a write echo of {len(data)} bytes, not {len(expected)}")
    if data != expected:
        raise ReplyFault(Fault.WRONG_ECHO, f"echo {data.hex()} of a write of {expected.hex()}")


def _check_request(transaction: int, unit: int, address: int, count: int, longest: int) -> None:
    if not 0 <= transaction < _ADDRESS_COUNT:
        raise ValueError(f"transaction {transaction} is outside 0..65535")
    if not 0 <= unit <= _UNIT_MAX:
        raise ValueError(f"unit {unit} is outside 0..{_UNIT_MAX}")
    if not 1 <= count <= longest:
        raise ValueError(f"{count} words in one request, allowed: 1..{longest}")
    if not 0 <= address <= _ADDRESS_COUNT - count:
        raise ValueError(f"address {address} with {count} words leaves 0..65535")


def _checked_data(request: Request, adu: bytes) -> bytes:
    """Check all that every reply has in common; return the bytes after the function, at least one."""
    if adu_size(adu) != len(adu):
        raise ReplyFault(Fault.MALFORMED, f"{len(adu)} bytes that are not one frame")
    transaction = transaction_of(adu)
    if transaction == 0 or transaction != request.transaction:
        raise ReplyFault(Fault.WRONG_TRANSACTION, f"transaction {transaction}, asked {request.transaction}")
    unit, function, data = adu[6], adu[7], adu[_DATA:]
    if unit != request.unit:
        raise ReplyFault(Fault.WRONG_UNIT, f"unit {unit}, asked {request.unit}")
    if function == request.function | EXCEPTION_FLAG:
        raise _exception(data)
    if function != request.function:
        raise ReplyFault(Fault.WRONG_FUNCTION, f"function {function}, asked {request.function}")
    return data


def _exception(data: bytes) -> ReplyFault:
    if len(data) != 1:
        return ReplyFault(Fault.WRONG_BYTE_COUNT, f"an exception with {len(data)} code bytes")
    code = data[0]
    return ReplyFault(Fault.EXCEPTION, f"{code} ({EXCEPTION_NAMES.get(code, 'not a standard code')})", code)


def _registers(request: ReadRequest, payload: bytes) -> tuple[int, ...]:
    count, odd = divmod(len(payload), _BYTES_PER_REGISTER)
    if odd:
        raise ReplyFault(Fault.WRONG_BYTE_COUNT, f"{len(payload)} bytes are no whole number of registers")
    if count != request.count:
        raise ReplyFault(Fault.WRONG_COUNT, f"{count} registers, asked {request.count}")
    return struct.unpack(f">{count}H", payload)


def _bits(request: ReadRequest, payload: bytes) -> tuple[int, ...]:
    if len(payload) != -(-request.count // _BITS_PER_BYTE):
        raise ReplyFault(Fault.WRONG_COUNT, f"{len(payload)} bytes of coils, asked {request.count} coils")
    packed = int.from_bytes(payload, "little")
    if packed >> request.count:
        raise ReplyFault(Fault.WRONG_COUNT, f"bits set beyond the {request.count} coils asked")
    return tuple(packed >> index & 1 for index in range(request.count))


def _echo(request: WriteRequest) -> bytes:
    """Return what the device must send back: address and value, or address and count."""
    if len(request.words) > 1:
        return struct.pack(">HH", request.address, len(request.words))
    word = request.words[0]
    return struct.pack(">HH", request.address, word * COIL_ON if request.table is Table.COIL else word)


def _payload(request: WriteRequest) -> bytes:
    if request.table is Table.HOLDING:
        return struct.pack(f">{len(request.words)}H", *request.words)
    packed = sum(bit << index for index, bit in enumerate(request.words))
    return packed.to_bytes(-(-len(request.words) // _BITS_PER_BYTE), "little")

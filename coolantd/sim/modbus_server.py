"""A register image on a real Modbus TCP socket. The simulator's only home of pymodbus; knows no plant.

pymodbus frames, parses and answers; what a request may read or change is the device's to say, asked in the one
``action`` callback pymodbus offers. Facts of pymodbus 3.16 this file rests on: reads are answered from the list the
callback is handed, so the callback copies fresh words into it; an address without data is refused with exception 2
before the callback is asked; a second request sent before the first was answered may be lost, so a client keeps one
request in flight per connection. Coils lie packed in sixteens: a read that *begins* at an unmapped coil is refused,
one that merely runs across unmapped coils reads 0 for them, as from the real device's contiguous memory.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from coolantd.errors import CoolantdError

READ_COILS: Final = 1
READ_DISCRETE: Final = 2
READ_INPUT: Final = 4
COIL_WRITES: Final = (5, 15)
COIL_WORD_BITS: Final = 16


class RegisterDevice(Protocol):
    """What the server needs of a device. A write returns a Modbus exception code, 0 when accepted."""

    @property
    def holding_addresses(self) -> Sequence[int]:
        """Addresses of every holding register it has."""
        ...

    @property
    def coil_addresses(self) -> Sequence[int]:
        """Addresses of every coil it has."""
        ...

    @property
    def refuses_all(self) -> int:
        """Exception code that everything is answered with at the moment; 0 for none."""
        ...

    @property
    def silent(self) -> bool:
        """Whether nothing is answered at the moment."""
        ...

    def read_holding(self, address: int, count: int) -> list[int]:
        """Return words; every address is one of ``holding_addresses``."""
        ...

    def read_coil(self, address: int) -> bool:
        """Return one coil."""
        ...

    def write_holding(self, address: int, words: Sequence[int]) -> int:
        """Take words, or refuse them all."""
        ...

    def write_coils(self, address: int, bits: Sequence[bool]) -> int:
        """Take coils, or refuse them all."""
        ...


class ModbusServer:
    """Serves one device; counts what arrives.

    Args:
        device: what answers.
        host: address to listen on.
        port: 0 picks a free one; see ``port`` after ``start``.
        unit_id: the only unit that answers; any other gets an exception.

    Attributes:
        connections: open now.
        connections_total: ever accepted.
        connections_lost: ever closed, by whichever side.
        requests: requests received.
    """

    def __init__(self, device: RegisterDevice, *, host: str, port: int, unit_id: int = 1) -> None:
        self.device = device
        self.host = host
        self.port = port
        self.unit_id = unit_id
        self.connections = 0
        self.connections_total = 0
        self.connections_lost = 0
        self.requests = 0
        self._coils = frozenset(device.coil_addresses)
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            CoolantdError: when the address cannot be had.
        """
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs every malformed request at ERROR
        server = ModbusTcpServer(
            [_sim_device(self.device, self.unit_id, self._action), _deaf_device()],
            address=(self.host, self.port),
            trace_connect=self._on_connect,
            trace_pdu=self._on_pdu,
        )
        if not await server.listen():
            raise CoolantdError(f"cannot listen on {self.host}:{self.port} for Modbus TCP, allowed: a free port")
        self._server = server
        self.port = int(_listening_port(server))

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _on_connect(self, connected: bool) -> None:  # noqa: FBT001 - pymodbus calls it so
        self.connections += 1 if connected else -1
        self.connections_total += connected
        self.connections_lost += not connected

    def _on_pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:  # noqa: FBT001 - pymodbus calls it so
        self.requests += not sending
        return pdu

    async def _action(  # noqa: PLR0917 - pymodbus calls it so
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer one request, as pymodbus asks: ``registers[0]`` is at ``start``; ``values`` is None for a read."""
        if function in (READ_DISCRETE, READ_INPUT):
            return ExcCodes.ILLEGAL_ADDRESS
        if code := self.device.refuses_all:
            return ExcCodes(code)
        if function == READ_COILS or function in COIL_WRITES:
            return self._coil_action(start, address, registers, values)
        if values is None:
            offset = address - start
            registers[offset : offset + count] = self.device.read_holding(address, count)
            return None
        return _exception(self.device.write_holding(address, [int(word) for word in values]))

    def _coil_action(
        self, start: int, address: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        wanted = range(address, address + len(values)) if values is not None else (address,)
        if any(coil not in self._coils for coil in wanted):
            return ExcCodes.ILLEGAL_ADDRESS
        if values is not None:
            return _exception(self.device.write_coils(address, [bool(bit) for bit in values]))
        for coil in self._coils:
            index, bit = coil // COIL_WORD_BITS - start, coil % COIL_WORD_BITS
            registers[index] = registers[index] & ~(1 << bit) | self.device.read_coil(coil) << bit
        return None


def _exception(code: int) -> ExcCodes | None:
    return ExcCodes(code) if code else None


def _sim_device(device: RegisterDevice, unit_id: int, action: Any) -> SimDevice:
    holding = [
        SimData(first, count=count, datatype=DataType.REGISTERS) for first, count in _runs(device.holding_addresses)
    ]
    coils = [
        SimData(first, values=[False] * count, datatype=DataType.BITS) for first, count in _runs(device.coil_addresses)
    ]
    nothing_bits = [SimData(0, values=[False], datatype=DataType.BITS)]
    nothing = [SimData(0, datatype=DataType.INVALID)]
    return SimDevice(unit_id, (coils, nothing_bits, holding, nothing), action=action)


def _deaf_device() -> SimDevice:
    """Return what pymodbus asks on behalf of every other unit id: it has no data, so each answer is an exception."""
    return SimDevice(0, [SimData(0, datatype=DataType.INVALID)])


def _runs(addresses: Iterable[int]) -> list[tuple[int, int]]:
    """Return contiguous (first, count) runs of addresses."""
    runs: list[tuple[int, int]] = []
    for address in sorted(set(addresses)):
        if runs and address == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((address, 1))
    return runs


def _listening_port(server: ModbusTcpServer) -> int:
    sockets: Any = getattr(server.transport, "sockets", ())
    return int(sockets[0].getsockname()[1])

"""A Modbus TCP gateway with a serial line behind it, on a real socket of 127.0.0.1: units that misbehave when told to.

As in a real one there is one request at a time on the line, whoever sent it, and a unit that says nothing holds the
line for the gateway's own timeout, however soon the master has given up.
"""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from coolantd.clock import Clock

IDENTITY_ADDRESS, IDENTITY_REGISTERS = 200, 4
UPTIME_ADDRESS = 300
_READS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_WRITES = {5: 1, 6: 1, 15: 0, 16: 0}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, TARGET_SILENT = 1, 2, 0x0B


class Silence(Enum):
    """What the gateway says for a unit that does not answer it."""

    NOTHING = "nothing"
    EXCEPTION = "exception 0B"


@dataclass(frozen=True)
class Heard:
    """One request that reached a unit's line.

    Attributes:
        sent_s: when it came to its turn on the line.
        done_s: when it was answered, or given up.
        answered: with values; False for silence and for every exception.
    """

    sent_s: float
    done_s: float
    function: int
    address: int
    count: int
    answered: bool

    def covers(self, address: int) -> bool:
        return self.address <= address < self.address + self.count


@dataclass
class Unit:
    """One unit of the line, switchable while it runs.

    Attributes:
        delay_s: how long it takes to answer.
        silent: it says nothing at all.
        illegal: registers that refuse any read or write that touches them, of every table.
        starting: it answers exception 2 to everything.
        exception: it answers everything with this code; None for not.
        identity: text in the registers from ``IDENTITY_ADDRESS``.
        words: registers that hold something else than ``word_at`` says; writes land here.
        heard: every request, in order.
    """

    number: int
    delay_s: float = 0.01
    silent: bool = False
    illegal: set[int] = field(default_factory=set)
    starting: bool = False
    exception: int | None = None
    identity: str = "PUMP-A"
    words: dict[int, int] = field(default_factory=dict)
    started_s: float = 0.0
    heard: list[Heard] = field(default_factory=list)

    def word_at(self, address: int, now_s: float) -> int:
        """Return what a register holds."""
        if address in self.words:
            return self.words[address]
        if IDENTITY_ADDRESS <= address < IDENTITY_ADDRESS + IDENTITY_REGISTERS:
            text = self.identity.ljust(2 * IDENTITY_REGISTERS).encode()
            at = 2 * (address - IDENTITY_ADDRESS)
            return int.from_bytes(text[at : at + 2], "big")
        if UPTIME_ADDRESS <= address < UPTIME_ADDRESS + 2:
            uptime_s = int(now_s - self.started_s)
            return (uptime_s >> 16) if address == UPTIME_ADDRESS else uptime_s & 0xFFFF
        return (7 * address + self.number) % 1000

    def restart(self, now_s: float) -> None:
        """Begin anew: its uptime is 0 and what was written is forgotten."""
        self.started_s = now_s
        self.words.clear()

    def answers(self, address: int) -> list[Heard]:
        """Return the reads of a register that were answered with values."""
        return [heard for heard in self.heard if heard.answered and heard.function in _READS and heard.covers(address)]

    @property
    def writes(self) -> list[Heard]:
        return [heard for heard in self.heard if heard.function in _WRITES]


class Gateway:
    """The gateway and its line.

    Args:
        numbers: the units on the line.
        line_timeout_s: how long the gateway waits for a unit.

    Attributes:
        silence: what it says then.
        connections: how many masters have connected so far.
        line_busy_s: how long the line was taken in all.
    """

    def __init__(self, numbers: range, clock: Clock, *, line_timeout_s: float = 0.3, delay_s: float = 0.01) -> None:
        self.units = {number: Unit(number, delay_s=delay_s) for number in numbers}
        self.silence = Silence.NOTHING
        self.connections = 0
        self.line_busy_s = 0.0
        self.port = 0
        self._clock = clock
        self._line_timeout_s = line_timeout_s
        self._line = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        for unit in self.units.values():
            unit.started_s = self._clock.now_s() - 100_000.0
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(7)
                pdu = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                async with self._line:
                    reply = await self._exchange(head[6], pdu)
                if reply:
                    writer.write(head[:4] + struct.pack(">HB", len(reply) + 1, head[6]) + reply)
        self._writers.discard(writer)
        writer.transport.abort()

    async def _exchange(self, number: int, pdu: bytes) -> bytes:
        """Carry one request over the line; return the reply for the master, empty for none."""
        unit = self.units.get(number)
        sent_s = self._clock.now_s()
        reply = b""
        if unit is None or unit.silent:
            await self._clock.sleep(self._line_timeout_s)
            if self.silence is Silence.EXCEPTION:
                reply = bytes([pdu[0] | 0x80, TARGET_SILENT])
        else:
            await self._clock.sleep(unit.delay_s)
            reply = _answer(unit, pdu, self._clock.now_s())
        done_s = self._clock.now_s()
        self.line_busy_s += done_s - sent_s
        if unit is not None:
            function, address, count = _asked(pdu)
            answered = bool(reply) and reply[0] == function
            unit.heard.append(Heard(sent_s, done_s, function, address, count, answered))
        return reply


def _asked(pdu: bytes) -> tuple[int, int, int]:
    """Return (function, address, count)."""
    function, address, number = struct.unpack(">BHH", pdu[:5])
    return function, address, _WRITES.get(function) or number


def _answer(unit: Unit, pdu: bytes, now_s: float) -> bytes:
    function, address, count = _asked(pdu)
    code = unit.exception
    if code is None and function not in _READS | _WRITES:
        code = ILLEGAL_FUNCTION
    if code is None and (unit.starting or any(address <= illegal < address + count for illegal in unit.illegal)):
        code = ILLEGAL_ADDRESS
    if code is not None:
        return bytes([function | 0x80, code])
    if function in (1, 2):
        packed = sum((unit.word_at(address + k, now_s) & 1) << k for k in range(count))
        return bytes([function, (count + 7) // 8]) + packed.to_bytes((count + 7) // 8, "little")
    if function in (3, 4):
        words = [unit.word_at(address + k, now_s) for k in range(count)]
        return bytes([function, 2 * count]) + struct.pack(f">{count}H", *words)
    if function in (6, 16):
        sent = pdu[3:5] if function == 6 else pdu[6:]
        unit.words |= dict(enumerate(struct.unpack(f">{count}H", sent), start=address))
    return pdu[:5]

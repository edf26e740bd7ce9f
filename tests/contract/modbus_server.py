"""A Modbus TCP server whose every reply is scripted byte by byte, on a real socket of 127.0.0.1."""

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

UNIT = 1


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    adu: bytes

    @property
    def transaction(self) -> int:
        return int.from_bytes(self.adu[:2], "big")

    @property
    def function(self) -> int:
        return self.adu[7]

    @property
    def address(self) -> int:
        return int.from_bytes(self.adu[8:10], "big")

    @property
    def count(self) -> int:
        return int.from_bytes(self.adu[10:12], "big")


Send = Callable[[bytes], Awaitable[None]]
Script = Callable[["ScriptedServer", Asked, asyncio.StreamWriter], Awaitable[None]]
"""What the server does about one request instead of answering it well."""


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait until something is so; fail if it never is."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.005)


def frame(transaction: int, pdu: bytes, *, unit: int = UNIT, protocol: int = 0, length: int | None = None) -> bytes:
    """Return a reply frame, honest unless told otherwise."""
    length = len(pdu) + 1 if length is None else length
    return struct.pack(">HHHB", transaction, protocol, length, unit) + pdu


def value_at(address: int) -> int:
    """Return the register that the good server holds at an address: no two near each other are alike."""
    return (address * 7919 + 17) & 0xFFFF


def registers_pdu(asked: Asked, count: int | None = None, function: int | None = None) -> bytes:
    """Return the good reply to a register read, or one of another length or function."""
    count = asked.count if count is None else count
    words = [value_at(asked.address + index) for index in range(count)]
    return bytes([asked.function if function is None else function, 2 * count]) + struct.pack(f">{count}H", *words)


def good_pdu(asked: Asked) -> bytes:
    """Return the right answer to any request the link sends."""
    if asked.function in (3, 4):
        return registers_pdu(asked)
    if asked.function in (1, 2):
        packed = sum((value_at(asked.address + index) & 1) << index for index in range(asked.count))
        size = (asked.count + 7) // 8
        return bytes([asked.function, size]) + packed.to_bytes(size, "little")
    return bytes([asked.function]) + asked.adu[8:12]


@dataclass
class ScriptedServer:
    """Answers well, except for the next requests a test has put scripts up for.

    Attributes:
        scripts: one per request to come; taken in order, then the server answers well again.
        asked: every request so far.
        greeting: sent to each connection before it has asked anything, ``greeting_delay_s`` after it was made.
    """

    scripts: deque[Script] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    greeting: bytes = b""
    greeting_delay_s: float = 0.0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def open_connections(self) -> int:
        return len(self._writers)

    async def start(self) -> None:
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
            if self.greeting:
                if self.greeting_delay_s:
                    await asyncio.sleep(self.greeting_delay_s)
                writer.write(self.greeting)
            while True:
                head = await reader.readexactly(6)
                asked = Asked(head + await reader.readexactly(int.from_bytes(head[4:], "big")))
                self.asked.append(asked)
                if self.scripts:
                    await self.scripts.popleft()(self, asked, writer)
                else:
                    writer.write(frame(asked.transaction, good_pdu(asked)))
        self._writers.discard(writer)
        writer.transport.abort()

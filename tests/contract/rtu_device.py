"""A Modbus RTU device whose every reply can be scripted byte by byte, on a pty or behind a TCP converter.

Like a real unit it answers one request after the other, in order: while it thinks, later requests wait in its buffer.
Its frames are coded here independently of the package under test.
"""

import asyncio
import os
import struct
import termios
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

UNIT = 1


def crc_bytes(body: bytes) -> bytes:
    """Return the CRC of a frame, bit by bit as the standard's flow chart has it."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            carry = crc & 1
            crc >>= 1
            if carry:
                crc ^= 0xA001
    return bytes([crc & 0xFF, crc >> 8])


def sealed(body: bytes) -> bytes:
    return body + crc_bytes(body)


def value_at(address: int) -> int:
    """Return the register that every unit holds at an address: no two near each other are alike."""
    return (address * 7919 + 17) & 0xFFFF


def values_at(address: int, count: int) -> tuple[int, ...]:
    return tuple(value_at(address + index) for index in range(count))


@dataclass(frozen=True)
class AskedRtu:
    """One request as it arrived."""

    frame: bytes

    @property
    def unit(self) -> int:
        return self.frame[0]

    @property
    def function(self) -> int:
        return self.frame[1]

    @property
    def address(self) -> int:
        return int.from_bytes(self.frame[2:4], "big")

    @property
    def count(self) -> int:
        return int.from_bytes(self.frame[4:6], "big")


def good_reply(asked: AskedRtu) -> bytes:
    """Return the right answer to any request the link sends."""
    if asked.function in (3, 4):
        words = values_at(asked.address, asked.count)
        return sealed(asked.frame[:2] + bytes([2 * asked.count]) + struct.pack(f">{asked.count}H", *words))
    if asked.function in (1, 2):
        packed = sum((value_at(asked.address + index) & 1) << index for index in range(asked.count))
        size = (asked.count + 7) // 8
        return sealed(asked.frame[:2] + bytes([size]) + packed.to_bytes(size, "little"))
    return sealed(asked.frame[:6])


def refusal(asked: AskedRtu, code: int) -> bytes:
    return sealed(bytes([asked.unit, asked.function | 0x80, code]))


Say = Callable[[bytes], None]
RtuScript = Callable[[AskedRtu, Say], Awaitable[None]]
"""What the device does about one request instead of answering it well."""


async def silence(_asked: AskedRtu, _say: Say) -> None:
    """Say nothing."""


def says(reply: Callable[[AskedRtu], bytes], *, after_s: float = 0.0) -> RtuScript:
    """Return a script that answers with these bytes, some time later."""

    async def script(asked: AskedRtu, say: Say) -> None:
        await asyncio.sleep(after_s)
        say(reply(asked))

    return script


@dataclass
class RtuDevice:
    """Units that answer well, except for the next requests a test has put scripts up for.

    Attributes:
        scripts: one per request that is no loopback; taken in order, then answered well again.
        loopback: what is done about loopbacks; None for the right answer.
        units: those that exist.
        asked: every request so far, loopbacks too.
    """

    scripts: deque[RtuScript] = field(default_factory=deque)
    loopback: RtuScript | None = None
    units: range = range(1, 256)
    asked: list[AskedRtu] = field(default_factory=list)
    say: Say = lambda data: None
    _arrived: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _received: bytes = b""

    @property
    def plainly_asked(self) -> list[AskedRtu]:
        return [asked for asked in self.asked if asked.function != 8]

    def feed(self, data: bytes) -> None:
        self._arrived.put_nowait(data)

    async def serve(self) -> None:
        """Answer one request after the other for ever."""
        while True:
            while not (size := self._frame_size()):
                self._received += await self._arrived.get()
            frame, self._received = self._received[:size], self._received[size:]
            assert sealed(frame[:-2]) == frame, f"a request with a wrong CRC: {frame.hex()}"
            asked = AskedRtu(frame)
            self.asked.append(asked)
            if asked.unit in self.units:
                await self._script(asked)(asked, self.say)

    def _script(self, asked: AskedRtu) -> RtuScript:
        if asked.function == 8:
            return self.loopback or says(good_reply)
        return self.scripts.popleft() if self.scripts else says(good_reply)

    def _frame_size(self) -> int:
        size = 8
        if len(self._received) >= 7 and self._received[1] in (15, 16):
            size = 9 + self._received[6]
        return size if len(self._received) >= size else 0


class PtyLine:
    """A pty pair: the device holds one end, ``path`` names the other. ``unplug`` is what a vanished adapter does.

    The other end is left as a terminal that echoes, edits lines and obeys control characters: making it a serial line
    is the link's business.
    """

    def __init__(self, device: RtuDevice) -> None:
        self._device = device

    @property
    def path(self) -> str:
        return os.ttyname(self._slave)

    @property
    def settings(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    async def start(self) -> None:
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self._device.say = self._say
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._serving = asyncio.create_task(self._device.serve())

    def unplug(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    async def stop(self) -> None:
        with suppress(OSError):
            self.unplug()
        self._serving.cancel()
        with suppress(asyncio.CancelledError):
            await self._serving

    def _say(self, data: bytes) -> None:
        os.write(self._master, data)

    def _readable(self) -> None:
        with suppress(BlockingIOError):
            self._device.feed(os.read(self._master, 4096))


class TcpLine:
    """A transparent converter: what one TCP connection sends goes to the device, what the device says to it."""

    def __init__(self, device: RtuDevice) -> None:
        self._device = device
        self.port = 0
        self.connections = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._serving = asyncio.create_task(self._device.serve())

    async def stop(self) -> None:
        self._server.close()
        self._device.say = lambda data: None
        self._serving.cancel()
        with suppress(asyncio.CancelledError):
            await self._serving
        await asyncio.sleep(0.01)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._device.say = writer.write
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                self._device.feed(data)
        writer.transport.abort()

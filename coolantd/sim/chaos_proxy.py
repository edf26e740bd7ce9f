"""A TCP proxy between a master and its Modbus TCP device that does to the link what a toxic says.

Real sockets on both sides. Each reply of the device goes through the toxic in force, and becomes bytes, pauses and
ends of connections; whoever observes is told what the master asked and when the device's own answer has reached it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from coolantd.errors import CoolantdError
from coolantd.sim.chaos_deeds import HARMLESS, Accepts, Cut, Deed, Meddler, Say, Toxic
from coolantd.sim.chaos_frames import Asked, FrameSplitter, opened

READ_BYTES: Final = 65_536
PORTS: Final = range(20_000, 32_000)
"""Below those that the kernel hands out, so that a listener that was closed finds its port free again."""
PORT_ATTEMPTS: Final = 200
DRAIN_S: Final = 5.0
"""A master that takes nothing for this long is cut off."""
PENDING_MAX: Final = 256
"""Requests of one connection whose answers are awaited; a master sends one."""
LINGER_NOT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that resets its connection instead of closing it."""


class Observer(Protocol):
    """Who is told what passes."""

    def connected(self) -> None:
        """Note that a master has connected."""
        ...

    def asked(self, asked: Asked) -> None:
        """Note a request as the master sent it."""
        ...

    def answered(self, asked: Asked, reply: bytes, asked_s: float) -> None:
        """Note that an answer that passes for the device's own has reached the master whole."""
        ...


class Unobserved:
    """Nobody is told."""

    def connected(self) -> None:
        """Do nothing."""

    def asked(self, asked: Asked) -> None:
        """Do nothing."""

    def answered(self, asked: Asked, reply: bytes, asked_s: float) -> None:
        """Do nothing."""


@dataclass(slots=True, eq=False)
class _Link:
    """One master's connection and the one to the device that goes with it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: asyncio.StreamWriter
    replies: asyncio.StreamReader
    pending: dict[bytes, tuple[Asked, float]] = field(default_factory=dict)

    def abort(self, *, reset: bool) -> None:
        """End both connections; the master's with a reset if asked."""
        if reset:
            sock: socket.socket | None = self.writer.get_extra_info("socket")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self.writer.transport.abort()
        else:
            self.writer.close()
        self.upstream.transport.abort()


class ChaosProxy:
    """A proxy in front of one device.

    Args:
        upstream_port: where the device listens, on loopback.
        seed: of everything it does by chance.
        identity, sensor: addresses for toxics that lie about one register; see ``Meddler``.
        observer: who is told what passes.
        now_s: monotonic seconds.

    Attributes:
        port: where masters connect.
        upstream_port: may be changed: the next connection goes there.
        connections_total: masters accepted so far.
    """

    def __init__(
        self,
        upstream_port: int,
        *,
        seed: int,
        identity: int = -1,
        sensor: int = -1,
        observer: Observer | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.connections_total = 0
        self._rng = random.Random(seed)  # noqa: S311 - chance, not a secret
        self._identity, self._sensor = identity, sensor
        self._observer: Observer = observer or Unobserved()
        self._now_s = now_s
        self._toxic = HARMLESS
        self._meddler = self._new_meddler()
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._readable = asyncio.Event()
        self._readable.set()

    async def start(self, port: int = 0) -> None:
        """Listen on a port; on a free one if it is 0.

        Raises:
            CoolantdError: none was found.
            OSError: the port given is taken.
        """
        if port:
            self.port = port
            await self._listen()
            return
        for _ in range(PORT_ATTEMPTS):
            # Not by the seed: two rows would want the same one, and one of them after the other's end.
            self.port = random.SystemRandom().choice(PORTS)
            with contextlib.suppress(OSError):
                await self._listen()
                return
        raise CoolantdError(f"no free port on 127.0.0.1 from {PORTS.start} to {PORTS.stop}")

    async def stop(self) -> None:
        """Close everything."""
        self._close_listener()
        self.cut()
        await asyncio.sleep(0)

    async def use(self, toxic: Toxic) -> None:
        """Go wrong in this way from now on."""
        self._toxic, self._meddler = toxic, self._new_meddler()
        (self._readable.set if toxic.reads else self._readable.clear)()
        if toxic.accepts is Accepts.NOT_AT_ALL:
            self._close_listener()
        elif self._server is None:
            await self._listen()
        if toxic.cuts_at_once:
            self.cut()

    def cut(self) -> None:
        """Reset every connection, those that are still being made included."""
        for link in list(self._links):
            link.abort(reset=True)
        for writer in list(self._writers):
            _reset(writer)

    def _new_meddler(self) -> Meddler:
        return Meddler(self._rng, self._identity, self._sensor)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections_total += 1
        self._writers.add(writer)
        try:
            if self._toxic.accepts in {Accepts.RESET, Accepts.NOT_AT_ALL}:  # the second: it was in the backlog
                _reset(writer)
            elif self._toxic.accepts is Accepts.MUTE:
                while await reader.read(READ_BYTES):
                    pass
            else:
                await self._carry(reader, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        link = _Link(reader, writer, upstream, replies)
        self._links.add(link)
        self._observer.connected()
        carrying = [asyncio.create_task(self._carry_requests(link)), asyncio.create_task(self._carry_replies(link))]
        try:
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)
            upstream.transport.abort()

    async def _carry_requests(self, link: _Link) -> None:
        splitter = FrameSplitter()
        while True:
            await self._readable.wait()
            data = await link.reader.read(READ_BYTES)
            if not data:
                return
            await self._readable.wait()  # it may have stopped reading while this read was waiting
            for adu in splitter.feed(data):
                asked = opened(adu)
                self._observer.asked(asked)
                if self._toxic.hears and (self._toxic.takes_writes or not asked.is_write):
                    if len(link.pending) >= PENDING_MAX:
                        link.pending.clear()
                    link.pending[adu[:2]] = asked, self._now_s()
                    link.upstream.write(adu)
                elif self._toxic.hears:
                    link.writer.write(adu[:4] + b"\0\6" + adu[6:12])

    async def _carry_replies(self, link: _Link) -> None:
        splitter = FrameSplitter()
        while True:
            data = await link.replies.read(READ_BYTES)
            if not data:
                return
            for reply in splitter.feed(data):
                known = link.pending.pop(reply[:2], None)
                if known is not None:
                    self._meddler.count += 1
                    await self._carry_out(link, self._toxic.meddle(self._meddler, known[0], reply), *known, reply)

    async def _carry_out(self, link: _Link, deeds: Sequence[Deed], asked: Asked, asked_s: float, reply: bytes) -> None:
        for deed in deeds:
            if deed.after_s:
                await asyncio.sleep(deed.after_s)
            if isinstance(deed, Cut):
                link.abort(reset=deed.reset)
                return
            await self._say(link.writer, deed)
            if deed.true:
                heard = deed.data if len(deed.data) == len(reply) else reply
                self._observer.answered(asked, heard, asked_s)

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, deed: Say) -> None:
        writer.write(deed.data)
        async with asyncio.timeout(DRAIN_S):
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()

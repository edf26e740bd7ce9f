"""Virtual TCP between the daemon and devices: what a wire does to frames, and what it may do wrong.

Knows connections, delays and frames; a device is somebody who answers a frame with a frame. It never decides when
something goes wrong: who injects faults turns the switches of a ``Line``.
"""

import asyncio
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from coolantd.device.dial import Carrier, Dialled
from coolantd.sim.dst.loop import VirtualLoop

CONNECT_S: Final = 0.002
HEADER: Final = struct.Struct(">HHHB")
"""Transaction, protocol, length, unit."""
EXCEPTION_FLAG: Final = 0x80


class Damage(Enum):
    """What a line does to replies."""

    NONE = "none"
    TRANSACTION = "transaction"
    UNIT = "unit"
    SHORT = "short"
    COUNT = "count"
    FUNCTION = "function"
    GARBAGE = "garbage"
    TWICE = "twice"
    PREVIOUS = "previous"


class Answerer(Protocol):
    """A device behind a line."""

    def answer(self, frame: bytes) -> bytes:
        """Return the reply to a whole request; empty for none."""
        ...


class Onlooker(Protocol):
    """Somebody who sees both ends of a wire."""

    greeted: bool

    def asked(self, time_s: float, frame: bytes) -> None:
        """See a request that reaches the device."""
        ...

    def answered(self, asked_s: float, frame: bytes, reply: bytes) -> None:
        """See a reply that arrives as the device sent it."""
        ...


@dataclass(slots=True)
class Line:
    """One device's wire and its state.

    Attributes:
        device: who answers. rng: of delays and of which reply is hit; its own, so that nobody else's luck is in it.
        delay_s: how long a reply takes. jitter_s: at most so much more.
        refuses: nobody listens: connections are refused and existing ones end.
        silent: requests vanish, and so do attempts to connect: no power, or a half-open connection.
        deaf: the device takes requests and carries them out, but no reply arrives.
        exception: answered to every request; 0 for none.
        damage: what happens to replies, each with the probability ``share``.
        witness: sees what reaches the device and what arrives from it.
        tried_s: when something was last sent, or a connection was tried.
    """

    device: Answerer
    rng: random.Random
    delay_s: float = 0.004
    jitter_s: float = 0.002
    refuses: bool = False
    silent: bool = False
    deaf: bool = False
    exception: int = 0
    damage: Damage = Damage.NONE
    share: float = 1.0
    witness: "Onlooker | None" = None
    tried_s: float = 0.0
    carriers: "list[_Carrier]" = field(default_factory=list)
    previous: bytes = b""

    def cut(self) -> None:
        """End every connection, as a device does that loses power and says so."""
        for carrier in list(self.carriers):
            carrier.lose("reset by the other side")


class Network:
    """All lines of a site.

    Args:
        loop: whose time it is.

    Attributes:
        lines: by (host, port).
        dead: whoever is at our end has been killed: nothing goes out and nothing comes in.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.dead = False
        self.lines: dict[tuple[str, int], Line] = {}

    def silence(self) -> None:
        """Let every connection vanish without a word, as when our process is killed."""
        self.dead = True
        for line in self.lines.values():
            for carrier in list(line.carriers):
                carrier.close()

    def speak(self) -> None:
        """Let connections be made again."""
        self.dead = False

    async def dial(self, host: str, port: int) -> Dialled:
        """Return a connection to a device, or wait for whoever gives up first.

        Raises:
            OSError: nobody listens there.
        """
        line = self.lines.get((host, port))
        if line is None:
            raise OSError(f"no route to {host}:{port}")
        line.tried_s = self.loop.time()
        await asyncio.sleep(CONNECT_S)
        if line.silent or self.dead:
            await asyncio.Event().wait()
        if line.refuses:
            raise OSError("connection refused")
        return _Dialled(self, line)


class _Dialled:
    def __init__(self, network: Network, line: Line) -> None:
        self._network = network
        self._line = line

    def begin(self, *, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> Carrier:
        return _Carrier(self._network, self._line, on_bytes, on_lost)

    def close(self) -> None:
        """Let go of it."""


class _Carrier:
    """One connection."""

    def __init__(
        self, network: Network, line: Line, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> None:
        self._network = network
        self._line = line
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._open = True
        line.carriers.append(self)
        if line.witness is not None:
            line.witness.greeted = False

    def send(self, frame: bytes) -> None:
        line, network = self._line, self._network
        now_s = network.loop.time()
        line.tried_s = now_s
        if not self._open or line.silent:
            return
        if line.witness is not None:
            line.witness.asked(now_s, frame)
        reply = _exception(frame, line.exception) if line.exception else line.device.answer(frame)
        if not reply or line.deaf:
            return
        hit = line.damage is not Damage.NONE and line.rng.random() < line.share
        said = damaged(reply, line.damage, line.previous, line.rng) if hit else reply
        line.previous = reply
        delay_s = line.delay_s + line.jitter_s * line.rng.random()
        network.loop.call_later(delay_s, self._deliver, said, (now_s, frame) if said.startswith(reply) else None)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._line.carriers.remove(self)

    def lose(self, why: str) -> None:
        """End from the other side."""
        if self._open:
            self.close()
            self._on_lost(why)

    def _deliver(self, said: bytes, asked: tuple[float, bytes] | None) -> None:
        if not self._open or self._line.silent:
            return
        if asked is not None and self._line.witness is not None:
            self._line.witness.answered(*asked, said)
        self._on_bytes(said)


def damaged(reply: bytes, damage: Damage, previous: bytes, rng: random.Random) -> bytes:
    """Return what arrives of a reply."""
    transaction, protocol, length, unit = HEADER.unpack_from(reply)
    rest, size = reply[HEADER.size :], len(reply)
    frames: dict[Damage, Callable[[], bytes]] = {
        Damage.NONE: lambda: reply,
        Damage.TRANSACTION: lambda: (
            HEADER.pack((transaction + 1 + rng.randrange(9)) & 0xFFFF, protocol, length, unit) + rest
        ),
        Damage.UNIT: lambda: HEADER.pack(transaction, protocol, length, (unit + 1) & 0xFF) + rest,
        Damage.SHORT: lambda: reply[: rng.randrange(1, size)],
        Damage.COUNT: lambda: HEADER.pack(transaction, protocol, max(length - 2, 3), unit) + rest[:-2],
        Damage.FUNCTION: lambda: reply[: HEADER.size] + bytes([rest[0] ^ 0x07]) + rest[1:],
        Damage.GARBAGE: lambda: rng.randbytes(size),
        Damage.TWICE: lambda: reply + reply,
        Damage.PREVIOUS: lambda: previous or reply,
    }
    return frames[damage]()


def _exception(frame: bytes, code: int) -> bytes:
    transaction, protocol, _, unit = HEADER.unpack_from(frame)
    return HEADER.pack(transaction, protocol, 3, unit) + bytes([frame[HEADER.size] | EXCEPTION_FLAG, code])

"""A virtual MQTT broker and the rack manifolds on it. Knows topics and payloads; no socket, no library.

It keeps what was retained, forgets everybody when it goes down, and can be made to lie: to hand out an old message as
retained, and to let somebody publish nonsense.
"""

import asyncio
import math
import random
from typing import Final

import orjson

from coolantd.clock import Clock
from coolantd.device.mqtt import Message
from coolantd.device.mqtt_connection import BrokerAddress, Deliver, Will
from coolantd.sim.dst.loop import VirtualLoop
from coolantd.sim.manifold import Manifold

ANSWER_S: Final = 0.003


class Broker:
    """The broker.

    Attributes:
        up: it takes connections and messages.
        manifolds: by topic.
        states: the last that was published, by topic.
        commands: (time, topic, payload) of the valve setpoints since somebody last took them.
    """

    def __init__(self, loop: VirtualLoop, clock: Clock, rng: random.Random) -> None:
        self.loop = loop
        self.clock = clock
        self.rng = rng
        self.up = True
        self.manifolds: dict[str, Manifold] = {}
        self.commands: list[tuple[float, str, bytes]] = []
        self.states: dict[str, bytes] = {}
        self._connections: list[_Connection] = []

    def connect(self, address: BrokerAddress, *, will: Will, deliver: Deliver) -> "_Connection":
        """Return a connection, not dialled yet."""
        del address, will
        return _Connection(self, deliver)

    def down(self) -> None:
        """Go down: every connection ends."""
        self.up = False
        for connection in list(self._connections):
            connection.lose()

    def telemetry(self) -> None:
        """Let every manifold speak."""
        for manifold in self.manifolds.values():
            for branch in manifold.branches:
                payload = orjson.dumps(manifold.telemetry(branch, self.clock.wall_s()))
                self.spread(manifold.telemetry_topic(branch), payload, retained=False)
                said = orjson.dumps(manifold.leaks.says(branch, self.clock.wall_s()))
                self.spread(manifold.leak_topic(branch), said, retained=False)

    def spread(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Hand a message to everybody who wants it."""
        if self.up:
            for connection in list(self._connections):
                if topic in connection.wanted:
                    connection.deliver(topic, payload, retained)

    def take(self, topic: str, payload: bytes) -> None:
        """Take what the daemon publishes."""
        self.states[topic] = payload
        for base, manifold in self.manifolds.items():
            if topic.startswith(f"{base}/") and topic.endswith("/valve_setpoint"):
                self.commands.append((self.loop.time(), topic, payload))
                manifold.take(Message(topic, payload, retained=False, received_s=0.0), self.clock.wall_s())

    def take_commands(self) -> list[tuple[float, str, bytes]]:
        """Return the valve setpoints since the last call."""
        taken, self.commands = self.commands, []
        return taken

    def enter(self, connection: "_Connection") -> None:
        """Know a connection."""
        self._connections.append(connection)

    def leave(self, connection: "_Connection") -> None:
        """Forget it."""
        if connection in self._connections:
            self._connections.remove(connection)


class _Connection:
    """What the link needs of one connection."""

    def __init__(self, broker: Broker, deliver: Deliver) -> None:
        self._broker = broker
        self._gone = broker.loop.create_future()
        self.deliver = deliver
        self.wanted: set[str] = set()

    async def dial(self) -> None:
        await asyncio.sleep(ANSWER_S)
        if not self._broker.up:
            raise OSError("connection refused")
        self._broker.enter(self)

    def certificate_expires_s(self) -> float:
        return math.nan

    async def watch(self) -> None:
        await self._gone

    async def subscribe_each(self, filters: list[str]) -> set[str]:
        await self._answered()
        self.wanted.update(filters)
        return set()

    async def unsubscribe(self, topic: list[str], /) -> None:
        await self._answered()
        self.wanted.difference_update(topic)

    async def publish(self, topic: str, /, payload: bytes, qos: int, retain: bool) -> None:  # noqa: FBT001 - library's
        del qos, retain
        await self._answered()
        self._broker.take(topic, payload)

    async def hang_up(self) -> None:
        await self._answered()
        self.abandon()

    def abandon(self) -> None:
        self._broker.leave(self)
        if not self._gone.done():
            self._gone.set_result(None)
        elif not self._gone.cancelled():
            self._gone.exception()  # somebody has to have looked at it

    def lose(self) -> None:
        """End from the broker's side."""
        self._broker.leave(self)
        if not self._gone.done():
            self._gone.set_exception(OSError("connection lost"))

    async def _answered(self) -> None:
        await asyncio.sleep(ANSWER_S)
        if not self._broker.up:
            raise OSError("connection lost")

"""The daemon's link to an MQTT broker: comes up by itself and stays bounded. Knows topics and bytes.

Must never know what a message means, and never log: a broken link is a state (``connected``, ``fault``), not an
event. Nothing a broker does is raised to the caller, and nothing here can hold up a control cycle (FM-33).
"""

import asyncio
import contextlib
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from coolantd.clock import Clock
from coolantd.device.latest import LatestBox
from coolantd.device.mqtt_connection import (
    CONNECTION_ERRORS,
    BrokerAddress,
    BrokerConnection,
    Connect,
    MqttConnection,
    Will,
    checked_filter,
    checked_topic,
)
from coolantd.protocol.messages import PAYLOAD_MAX_BYTES

__all__ = ["BrokerAddress", "Message", "MqttLink"]

CLOSE_TIMEOUT_S: Final = 1.0
"""For the last publications and the farewell: the daemon has 5 s to stop in all."""
BACKOFF_FIRST_S: Final = 0.25
BACKOFF_MAX_S: Final = 3.0
"""With an attempt's own time this stays below 5 s from the broker's return to the connection."""
STABLE_S: Final = 10.0
"""A link that held this long starts again at the first back-off; two daemons that share a client id by mistake,
each throwing the other out, slow down instead."""
REFUSED_RETRY_S: Final = 5.0
"""How often a refused subscription is asked for again."""
SUBSCRIBE_BATCH_COUNT: Final = 64
"""Filters per request: keeps the packet small whatever the site's size."""
WAITING_TOPICS_MAX: Final = 4096
"""Per direction; four times the points of a large row. Only a filter matched by a flood of topics gets here."""


@dataclass(frozen=True, slots=True)
class Message:
    """One received message.

    Attributes:
        payload: as received, cut after ``PAYLOAD_MAX_BYTES + 1`` bytes so that one too large stays recognisable.
        retained: the broker stored it and sent it because we subscribed; it says nothing about now.
        received_s: monotonic arrival.
    """

    topic: str
    payload: bytes
    retained: bool
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    keep: bool


def _ignore_connection(connected: bool) -> None:  # noqa: ARG001, FBT001 -- the callback's shape
    return


class MqttLink:
    """A link that comes up by itself, stays bounded, and is simply not connected when there is no broker.

    Args:
        address: the broker.
        clock: stamps arrivals and paces the retries.
        will_topic: retained topic that says whether we live.
        will_payload: what the broker says there when we vanish.
        online_payload: what we say there after every connection.
        on_connection: called in the event loop with the new value whenever ``connected`` changes.
        rng: source of the retries' jitter.
        connect: makes each connection.

    Attributes:
        connected: the broker accepted us, our subscriptions and our online message.
        fault: why the link is down or the last attempt failed, in words; empty while connected.
        connects: connections made.
        certificate_expires_s: when the certificate of the last connection's broker ends, since the epoch; else NaN.
        received: messages received.
        dropped: messages pushed out by a flood of topics, in or out.
        unsent: publications dropped because there was no connection, or it broke before they left.
        refused: subscriptions the broker refuses at present; asked for again every ``REFUSED_RETRY_S``.
        refusals: how often a subscription was refused.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        clock: Clock,
        will_topic: str,
        will_payload: bytes,
        online_payload: bytes,
        on_connection: Callable[[bool], None] = _ignore_connection,
        rng: random.Random | None = None,
        connect: Connect = MqttConnection,
    ) -> None:
        self._connect = connect
        self._address = address
        self._clock = clock
        self._will = Will(checked_topic(will_topic), will_payload)
        self._online_payload = online_payload
        self._on_connection = on_connection
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, not a secret
        self._inbox: LatestBox[Message] = LatestBox(WAITING_TOPICS_MAX)
        self._outbox: LatestBox[_Publication] = LatestBox(WAITING_TOPICS_MAX)
        self._wanted: set[str] = set()
        self._wanted_changed = asyncio.Event()
        self._client: BrokerConnection | None = None
        self._closing = False
        self.connected = False
        self.fault = "not tried yet"
        self.connects = 0
        self.certificate_expires_s = math.nan
        self.received = 0
        self.unsent = 0
        self.refused: set[str] = set()
        self.refusals = 0

    @property
    def dropped(self) -> int:
        """Messages pushed out by a flood of topics, in or out."""
        return self._inbox.dropped + self._outbox.dropped

    def subscribe(self, topics: Iterable[str]) -> None:
        """Want topics or filters, now and after every reconnection.

        Raises:
            ValueError: one is not a valid filter; a broker would cut the connection for it, again and again.
        """
        filters = {checked_filter(topic) for topic in topics}
        self._want(self._wanted | filters)

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Want topics or filters no longer; unknown ones are passed over."""
        self._want(self._wanted - set(topics))

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, keep: bool = False) -> None:
        """Hand over a message; never waits. A newer one for the same topic replaces one not yet sent.

        Without a connection it is dropped and counted, so that no setpoint of before an outage is replayed after
        it (FM-34). What was written to a socket just before the broker froze may still arrive when it thaws: a
        device must judge a setpoint's ``timestamp_ms``.

        Args:
            topic: where to.
            payload: what.
            qos: 0 to 2.
            retain: the broker shall store it.
            keep: wait for the next connection instead; for state that is still true then.

        Raises:
            ValueError: the topic is not one to publish on, or the QoS is unknown.
        """
        if qos not in (0, 1, 2):
            raise ValueError(f"qos = {qos} is not 0, 1 or 2")
        publication = _Publication(topic=checked_topic(topic), payload=payload, qos=qos, retain=retain, keep=keep)
        if self.connected or keep:
            self._outbox.put(topic, publication)
        else:
            self.unsent += 1

    async def next_messages(self) -> list[Message]:
        """Wait for messages; return the latest of each topic, oldest first, and forget them."""
        return sorted(await self._inbox.drain(), key=lambda message: message.received_s)

    async def run(self) -> NoReturn:
        """Keep the link up until cancelled; cancelled without ``close`` the broker announces the last will."""
        delay_s = BACKOFF_FIRST_S
        while not self._closing:
            begun_s = self._clock.now_s()
            # In a task of its own: Python 3.11's TaskGroup cancels the task it runs in for a failure of its own, and
            # forgets a cancellation from outside that meets one.
            await asyncio.create_task(self._attempt(), name="mqtt-attempt")
            _heed_cancellation()
            if self._clock.now_s() - begun_s >= STABLE_S:
                delay_s = BACKOFF_FIRST_S
            await self._clock.sleep(delay_s * self._rng.uniform(0.5, 1.0))
            delay_s = min(delay_s * 2.0, BACKOFF_MAX_S)
        await asyncio.Event().wait()
        raise AssertionError("unreachable: nobody sets an event that nobody has")

    async def close(self, *, farewell: bytes) -> None:
        """Send what waits, say farewell on the will's topic (retained), disconnect; then ``run`` only waits.

        Never takes longer than ``CLOSE_TIMEOUT_S``; when that runs out the broker announces the last will.
        """
        self._closing = True
        client = self._client
        if client is None or not self.connected:
            return
        self.publish(self._will.topic, farewell, qos=1, retain=True)
        with contextlib.suppress(TimeoutError, *CONNECTION_ERRORS):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._outbox.wait_empty()
                await client.hang_up()
        client.abandon()
        self._down()

    def _want(self, filters: set[str]) -> None:
        self._wanted = filters
        self._wanted_changed.set()

    def _deliver(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 -- the callback's shape
        self.received += 1
        waiting = self._inbox.get(topic)
        if retained and waiting is not None and not waiting.retained:
            return  # what the broker stored must not push out what a device has just said
        kept = payload[: PAYLOAD_MAX_BYTES + 1]
        self._inbox.put(topic, Message(topic, kept, retained, self._clock.now_s()))

    async def _attempt(self) -> None:
        """Connect once with a client of its own and serve the connection until it breaks."""
        client = self._connect(self._address, will=self._will, deliver=self._deliver)
        try:
            await client.dial()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.watch(), name="mqtt-watch")
                await self._greet(client, tasks)
        except* CONNECTION_ERRORS as failures:
            self.fault = "connection lost: " * self.connected + _in_words(failures)
        finally:
            client.abandon()
            self._down()

    async def _greet(self, client: BrokerConnection, tasks: asyncio.TaskGroup) -> None:
        active: set[str] = set()
        await self._synchronise(client, active)
        await client.publish(self._will.topic, self._online_payload, qos=1, retain=True)
        self._up(client)
        tasks.create_task(self._send(client), name="mqtt-send")
        tasks.create_task(self._keep_subscribed(client, active), name="mqtt-subscribe")

    def _up(self, client: BrokerConnection) -> None:
        self._client, self.connected, self.fault = client, True, ""
        self.connects += 1
        self.certificate_expires_s = client.certificate_expires_s()
        self._on_connection(True)  # noqa: FBT003 -- the callback's shape

    def _down(self) -> None:
        self._client = None
        self.unsent += self._outbox.discard(lambda publication: not publication.keep)
        if self._closing:
            self.fault = "closed by us"
        if self.connected:
            self.connected = False
            self.fault = self.fault or "cancelled"
            self._on_connection(False)  # noqa: FBT003 -- the callback's shape

    async def _send(self, client: BrokerConnection) -> None:
        """Send one at a time: what a slow broker does not take waits in our box, where newer replaces older."""
        while True:
            topic, item = await self._outbox.peek()
            await client.publish(topic, item.payload, qos=item.qos, retain=item.retain)
            self._outbox.settle(topic, item)

    async def _keep_subscribed(self, client: BrokerConnection, active: set[str]) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFUSED_RETRY_S if self.refused else None):
                    await self._wanted_changed.wait()
            await self._synchronise(client, active)

    async def _synchronise(self, client: BrokerConnection, active: set[str]) -> None:
        """Bring what the broker has of us to what is wanted; ``active`` is what it has confirmed."""
        self._wanted_changed.clear()
        gone = sorted(active - self._wanted)
        for batch in _batches(gone):
            await client.unsubscribe(batch)
            active.difference_update(batch)
        refused: set[str] = set()
        for batch in _batches(sorted(self._wanted - active)):
            refused |= await client.subscribe_each(batch)
            active.update(set(batch) - refused)
        self.refused = refused
        self.refusals += len(refused)


def _batches(filters: list[str]) -> list[list[str]]:
    return [filters[i : i + SUBSCRIBE_BATCH_COUNT] for i in range(0, len(filters), SUBSCRIBE_BATCH_COUNT)]


def _heed_cancellation() -> None:
    """Raise CancelledError if this task was cancelled while a task it awaited forgot to pass that on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _in_words(failures: BaseExceptionGroup) -> str:
    """Return the cause of the first failure in a group, for people."""
    failure: BaseException = failures.exceptions[0]
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    cause = failure.__cause__ or failure
    return str(cause) or type(cause).__name__

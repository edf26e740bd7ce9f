"""The broker's side of the point table: subscribes to what devices say and turns messages into samples."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from coolantd.clock import Clock
from coolantd.config.models import DeviceConfig, MqttConfig
from coolantd.device.mqtt import BrokerAddress, Message, MqttLink
from coolantd.device.mqtt_connection import Connect, MqttConnection
from coolantd.point import Quality, Reason
from coolantd.protocol.messages import Outcome, TopicState, decode_message
from coolantd.protocol.profile import MessagePoint, Profile
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable

log: Final = structlog.get_logger()

PULSE_S: Final = 0.5
"""As for a Modbus bus."""
UP_PERIODS: Final = 3.0
"""A device is up while something it said is no older than this many periods (as for bad points)."""


@dataclass(slots=True)
class _Topic:
    device: str
    points: tuple[MessagePoint, ...]
    state: TopicState = field(default_factory=TopicState.initial)


class MqttDevice:
    """One device that speaks MQTT: its topics, and when it last said something fresh."""

    def __init__(self, config: DeviceConfig, profile: Profile) -> None:
        if config.mqtt is None:
            raise ValueError(f"{config.name} is not an MQTT device")
        self.name = config.name
        self.profile = profile
        self.base = config.mqtt.topic
        self.heard_s = float("-inf")
        received = [point for point in profile.messages if point.write is None]
        self.topics = {
            f"{self.base}/{topic}": _Topic(config.name, tuple(p for p in received if p.topic == topic))
            for topic in dict.fromkeys(point.topic for point in received)
        }
        self.period_s = max((point.period_s for point in received), default=1.0)

    def up(self, now_s: float) -> bool:
        """Return whether it has been heard lately."""
        return now_s - self.heard_s <= UP_PERIODS * self.period_s


class MqttBus:
    """Feeds the point table from one broker link.

    Attributes:
        devices: by name.
    """

    def __init__(
        self,
        link: MqttLink,
        *,
        clock: Clock,
        metrics: Metrics,
        table: PointTable,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._pulse = pulse
        self.link = link
        self.devices: dict[str, MqttDevice] = {}
        self._clock = clock
        self._metrics = metrics
        self._topics: dict[str, _Topic] = {}
        self._attended: dict[str, Callable[[Message], None]] = {}
        self.bind(table)

    def bind(self, table: PointTable) -> None:
        """Put samples into this table from now on."""
        self._table = table

    def add(self, device: MqttDevice) -> None:
        """Listen to a device."""
        self.devices[device.name] = device
        self._topics.update(device.topics)
        self.link.subscribe(device.topics)

    def remove(self, name: str) -> None:
        """Stop listening to a device."""
        device = self.devices.pop(name)
        for topic in device.topics:
            self._topics.pop(topic, None)
        self.link.unsubscribe(device.topics)

    def attend(self, topics: Mapping[str, Callable[[Message], None]]) -> None:
        """Hear these topics that are no device's, in place of those before; messages go to each one's handler."""
        self.link.unsubscribe(self._attended.keys() - topics.keys())
        self._attended = dict(topics)
        self.link.subscribe(self._attended)

    def connection_changed(self, connected: bool) -> None:  # noqa: FBT001 - the link's callback
        """Note why nothing arrives while the broker is gone."""
        if connected:
            log.info("broker_connected")
            self._metrics.mqtt_connects.inc()
            self._metrics.mqtt_certificate_expiry_s.set(self.link.certificate_expires_s)
            return
        log.warning("broker_lost", why=self.link.fault)
        for name, device in self.devices.items():
            rows = [self._table.index[name, p.name] for t in device.topics.values() for p in t.points]
            self._table.silent(rows, Reason.NOT_CONNECTED)

    async def run(self) -> None:
        """Serve link and messages until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.link.run(), name="mqtt-link")
            group.create_task(self._receive(), name="mqtt-receive")

    async def _receive(self) -> None:
        """Take what comes; a sign of life at least each ``PULSE_S`` tells waiting from hanging (FM-47)."""
        while True:
            self._pulse()
            try:
                async with self._clock.timeout(PULSE_S):
                    messages = await self.link.next_messages()
            except TimeoutError:
                continue
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        if (hear := self._attended.get(message.topic)) is not None:
            hear(message)
            return
        topic = self._topics.get(message.topic)
        if topic is None:
            self._metrics.mqtt_messages.labels("unknown_topic").inc()
            return
        topic.state, outcome, samples = decode_message(
            topic.points,
            message.payload,
            received_s=message.received_s,
            retained=message.retained,
            state=topic.state,
        )
        self._metrics.mqtt_messages.labels(outcome.value).inc()
        if outcome is Outcome.ACCEPTED:
            self.devices[topic.device].heard_s = message.received_s
        for point, sample in samples:
            if sample.quality is Quality.BAD:
                self._metrics.samples_bad.labels(topic.device, sample.reason.label).inc()
            self._table.put(self._table.index[topic.device, point.name], sample)


def make_mqtt_bus(
    config: MqttConfig,
    password: str | None,
    *,
    clock: Clock,
    metrics: Metrics,
    rng: random.Random,
    table: PointTable,
    pulse: Callable[[], None],
    connect: Connect = MqttConnection,
) -> MqttBus:
    """Return the bus of a broker with a link of its own, not connected yet; ``connect`` makes its connections."""
    address = BrokerAddress(
        host=config.host,
        port=config.port,
        client_id=config.client_id,
        username=config.username,
        password=password,
        ca_file=None if config.ca_file is None else str(config.ca_file),
    )
    link = MqttLink(
        address,
        clock=clock,
        will_topic=f"{config.topic}/status",
        will_payload=b"offline",
        online_payload=b"online",
        on_connection=lambda connected: bus.connection_changed(connected),  # noqa: PLW0108 - bus comes after link
        rng=rng,
        connect=connect,
    )
    bus = MqttBus(link, clock=clock, metrics=metrics, table=table, pulse=pulse)
    return bus

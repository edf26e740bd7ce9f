"""The MQTT link against brokers that break the rules, played by a few lines of our own (FM-33, FM-35)."""

import asyncio
import contextlib
import random
import threading
import time

import pytest

from coolantd.clock import SystemClock
from coolantd.device import mqtt, mqtt_connection
from coolantd.device.mqtt import BrokerAddress, MqttLink

CONNECT, SUBSCRIBE, PUBLISH = 0x10, 0x80, 0x30
ACCEPTED = bytes([0x20, 2, 0, 0])
PATIENCE_S = 10.0


async def read_packet(reader):
    """Return (type, body) of one packet."""
    head = (await reader.readexactly(1))[0]
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return head & 0xF0, head, await reader.readexactly(length)


class OddBroker:
    """Accepts every client; subclasses misbehave. Refuses the filters in ``refused`` with 0x80."""

    def __init__(self):
        self.refused = set()
        self.asked = []
        self.clients = 0

    async def answer(self, kind, head, body, writer):
        if kind == CONNECT:
            writer.write(ACCEPTED)
        elif kind == SUBSCRIBE:
            writer.write(self.acknowledge(body))
        elif kind == PUBLISH and head & 0x06:
            topic_length = int.from_bytes(body[:2], "big")
            writer.write(bytes([0x40, 2]) + body[2 + topic_length : 4 + topic_length])

    def acknowledge(self, body):
        mid, rest, codes = body[:2], body[2:], b""
        while rest:
            length = int.from_bytes(rest[:2], "big")
            topic = rest[2 : 2 + length].decode()
            self.asked.append(topic)
            codes += b"\x80" if topic in self.refused else b"\x00"
            rest = rest[3 + length :]
        return bytes([0x90, 2 + len(codes)]) + mid + codes

    async def serve(self, reader, writer):
        self.clients += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, head, body = await read_packet(reader)
                await self.answer(kind, head, body, writer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def linked(broker, **changes):
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = MqttLink(
        BrokerAddress(host="127.0.0.1", port=port, client_id="coolantd-test"),
        clock=SystemClock(),
        will_topic="online",
        will_payload=b"offline",
        online_payload=b"online",
        rng=random.Random(1),
        **changes,
    )
    task = asyncio.create_task(link.run())
    try:
        yield link
        assert not task.done(), "a broker's misbehaviour ended the link"
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1.0)
        assert done, "not cancelled within a second"
        server.close()
        await server.wait_closed()


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- conditions of many kinds
            await asyncio.sleep(0.01)


async def test_a_refused_subscription_is_counted_and_asked_for_again_until_granted(monkeypatch):
    monkeypatch.setattr(mqtt, "REFUSED_RETRY_S", 0.1)
    broker = OddBroker()
    broker.refused = {"secret"}
    async with linked(broker) as link:
        link.subscribe(["open", "secret"])
        await until(lambda: link.refusals >= 3)
        assert link.connected, "one refused topic must not cost the others"
        assert link.refused == {"secret"}
        assert broker.asked.count("open") == 1
        broker.refused = set()
        await until(lambda: not link.refused)
        assert link.connects == 1


async def test_every_subscription_of_a_large_site_is_asked_for(monkeypatch):
    broker = OddBroker()
    async with linked(broker) as link:
        await until(lambda: link.connected)
        topics = [f"rack/{i}/telemetry" for i in range(5 * mqtt.SUBSCRIBE_BATCH_COUNT + 1)]
        link.subscribe(topics)
        await until(lambda: len(broker.asked) == len(topics))
        assert sorted(broker.asked) == sorted(topics)


class Silent(OddBroker):
    async def answer(self, kind, head, body, writer):
        return


class DropsAfterConnect(OddBroker):
    async def answer(self, kind, head, body, writer):
        writer.write(ACCEPTED)
        await writer.drain()
        writer.close()


class NeverConfirmsSubscriptions(OddBroker):
    async def answer(self, kind, head, body, writer):
        if kind != SUBSCRIBE:
            await super().answer(kind, head, body, writer)


class TooFewConfirmations(OddBroker):
    def acknowledge(self, body):
        return bytes([0x90, 3]) + body[:2] + b"\x00"


class Garbage(OddBroker):
    async def answer(self, kind, head, body, writer):
        writer.write(random.Random(self.clients).randbytes(500))


class GarbageLater(OddBroker):
    """Behaves until the online message, then sends a message whose topic is no text."""

    async def answer(self, kind, head, body, writer):
        await super().answer(kind, head, body, writer)
        if kind == PUBLISH:
            writer.write(bytes([PUBLISH, 6, 0, 2, 0xFF, 0xFE, 0x31, 0x32]))


@pytest.mark.parametrize(
    "kind", [Silent, DropsAfterConnect, NeverConfirmsSubscriptions, TooFewConfirmations, Garbage, GarbageLater]
)
async def test_a_broker_that_breaks_the_rules_is_left_with_a_reason_and_tried_again(kind, monkeypatch):
    monkeypatch.setattr(mqtt_connection, "DIAL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(mqtt_connection, "CALL_TIMEOUT_S", 0.3)
    broker, faults = kind(), set()
    async with linked(broker) as link:
        link.subscribe(["a", "b"])
        async with asyncio.timeout(PATIENCE_S):
            while broker.clients < 3:
                faults.add(link.fault)
                await asyncio.sleep(0.01)
        assert faults - {"", "not tried yet"}


async def test_attempts_leave_neither_threads_nor_tasks_nor_sockets_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(mqtt_connection, "DIAL_TIMEOUT_S", 0.1)
    monkeypatch.setattr(mqtt, "BACKOFF_MAX_S", 0.05)
    monkeypatch.setattr(mqtt, "BACKOFF_FIRST_S", 0.05)
    tasks_before = len(asyncio.all_tasks())
    broker = Silent()
    async with linked(broker):
        await until(lambda: broker.clients >= 20)
        assert not [thread for thread in threading.enumerate() if "paho" in thread.name.lower()]
        # ours, the server's for the newest connection and the one just closing, the library's timer
        assert len(asyncio.all_tasks()) - tasks_before <= 6
    begun_s = time.monotonic()
    await until(lambda: len(asyncio.all_tasks()) <= tasks_before)
    assert time.monotonic() - begun_s < 1.0

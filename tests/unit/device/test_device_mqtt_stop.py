"""The MQTT link's task ends when it is told to, whatever its connection is doing in that very moment."""

import asyncio

import aiomqtt
import pytest

from coolantd.clock import SystemClock
from coolantd.device.mqtt import BrokerAddress, MqttLink


class FailingConnection:
    """A connection that is made at once and breaks when told to."""

    broken: asyncio.Event

    def __init__(self, address, *, will, deliver):
        pass

    async def dial(self):
        pass

    async def watch(self):
        await self.broken.wait()
        raise aiomqtt.MqttError("gone")

    def certificate_expires_s(self):
        return float("nan")

    async def subscribe_each(self, filters):
        return set()

    async def publish(self, topic, payload, *, qos, retain):
        pass

    async def hang_up(self):
        await asyncio.Event().wait()

    def abandon(self):
        self.broken.set()


@pytest.mark.parametrize("turns", range(6))
async def test_cancelled_within_turns_of_a_broken_connection_the_link_still_ends(turns):
    """A daemon that stops while its broker is frozen abandons the connection and cancels the task right after."""
    FailingConnection.broken = asyncio.Event()
    address = BrokerAddress(host="127.0.0.1", port=1883, client_id="test")
    link = MqttLink(
        address,
        clock=SystemClock(),
        will_topic="t",
        will_payload=b"off",
        online_payload=b"on",
        connect=FailingConnection,
    )
    task = asyncio.create_task(link.run())
    await asyncio.sleep(0.01)
    assert link.connected
    link._closing = True
    FailingConnection.broken.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1.0)
    task.cancel()
    assert done
    assert task.cancelled()

"""The broker's side of the table, and setpoints on topics: freshness, unknown topics, and a broker that is gone."""

import asyncio
import contextlib
import json

import pytest
from fake_clock import FakeClock, settle

from coolantd.config.build import PointSpec
from coolantd.config.models import DeviceConfig, MqttDeviceConfig
from coolantd.device.mqtt import Message
from coolantd.errors import Fault
from coolantd.point import Quality, Reason
from coolantd.protocol.profile import MessagePoint, Profile, Role, WriteRule
from coolantd.service.metrics import Metrics
from coolantd.service.mqtt_bus import UP_PERIODS, MqttBus, MqttDevice
from coolantd.service.outlet import TopicOutlet
from coolantd.service.table import PointTable

FLOW = MessagePoint(name="flow_lpm", topic="t", field="flow", unit="L/min", minimum=0.0, maximum=500.0)
VALVE = MessagePoint(name="valve_pct", topic="t", field="valve", unit="%", minimum=0.0, maximum=100.0)
RULE = WriteRule(role=Role.BRANCH_VALVE, minimum=0.0, maximum=100.0, position="valve_pct")
SETPOINT = MessagePoint(
    name="setpoint_pct", topic="set", field="value", unit="%", minimum=0.0, maximum=100.0, write=RULE
)
PROFILE = Profile(name="small", title="t", source="s", verified=False, messages=(FLOW, VALVE, SETPOINT))


class FakeLink:
    def __init__(self):
        self.connected, self.fault = True, ""
        self.queue = asyncio.Queue()
        self.subscribed, self.published = [], []

    def subscribe(self, topics):
        self.subscribed += topics

    def unsubscribe(self, topics):
        self.subscribed = [topic for topic in self.subscribed if topic not in topics]

    async def run(self):
        await asyncio.Event().wait()

    async def next_messages(self):
        return [await self.queue.get()]

    def publish(self, topic, payload, *, qos):
        self.published.append((topic, payload, qos))


class MqttRig:
    def __init__(self):
        self.clock, self.metrics, self.link = FakeClock(), Metrics(), FakeLink()
        self.table = PointTable(
            [PointSpec(device="m1", point=p.name, unit=p.unit, period_s=1.0) for p in (FLOW, VALVE)]
        )
        self.bus = MqttBus(self.link, clock=self.clock, metrics=self.metrics, table=self.table)
        config = DeviceConfig(name="m1", profile="small", mqtt=MqttDeviceConfig(topic="hall/m1"))
        self.device = MqttDevice(config, PROFILE)
        self.bus.add(self.device)

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.bus.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def say(self, topic="hall/m1/t", *, retained=False, **fields):
        fields = {"timestamp_ms": int(self.clock.wall_s() * 1000), **fields}
        self.link.queue.put_nowait(Message(topic, json.dumps(fields).encode(), retained, self.clock.now_s()))
        await settle()

    def point(self, name):
        row = self.table.index["m1", name]
        snapshot = self.table.snapshot(self.clock.now_s())
        return float(snapshot.value[row]), int(snapshot.quality[row]), int(snapshot.reason[row])

    def outcomes(self, outcome):
        return self.metrics.registry.get_sample_value("coolantd_mqtt_messages_total", {"outcome": outcome}) or 0.0


def test_only_what_a_device_says_is_subscribed_to():
    rig = MqttRig()
    assert rig.link.subscribed == ["hall/m1/t"]
    rig.bus.remove("m1")
    assert rig.link.subscribed == []
    assert rig.bus.devices == {}


async def test_a_message_becomes_samples_and_the_device_is_up_while_it_speaks():
    rig = MqttRig()
    assert not rig.device.up(rig.clock.now_s())
    async with rig.running():
        await rig.say(flow=120.0, valve=80.0)
        assert rig.point("flow_lpm") == (120.0, Quality.GOOD, Reason.NONE)
        assert rig.point("valve_pct")[0] == 80.0
        assert rig.device.up(rig.clock.now_s() + UP_PERIODS)
        assert not rig.device.up(rig.clock.now_s() + UP_PERIODS + 0.1)
    assert rig.outcomes("accepted") == 1


async def test_a_missing_or_implausible_field_is_a_bad_point_beside_a_good_one():
    rig = MqttRig()
    async with rig.running():
        await rig.say(flow=900.0, valve=80.0)
        assert rig.point("flow_lpm")[1:] == (Quality.BAD, Reason.OUT_OF_RANGE)
        rig.clock.jump(1.0)
        await rig.say(valve=81.0)
        assert rig.point("flow_lpm")[1:] == (Quality.BAD, Reason.SENSOR_FAILURE)
    assert rig.point("valve_pct")[:2] == (81.0, Quality.GOOD)


async def test_fm_34_a_retained_message_is_no_news():
    rig = MqttRig()
    async with rig.running():
        await rig.say(retained=True, flow=120.0, valve=80.0)
    assert rig.point("flow_lpm")[2] == Reason.WAITING_FOR_INITIAL_DATA
    assert not rig.device.up(rig.clock.now_s())
    assert rig.outcomes("accepted") == 0


async def test_a_topic_nobody_asked_for_is_counted_and_dropped():
    rig = MqttRig()
    async with rig.running():
        await rig.say("hall/m2/t", flow=1.0)
    assert rig.outcomes("unknown_topic") == 1


async def test_fm_33_while_the_broker_is_gone_points_go_stale_and_say_why():
    rig = MqttRig()
    async with rig.running():
        await rig.say(flow=120.0, valve=80.0)
        rig.bus.connection_changed(False)
        rig.clock.jump(2.5)
        assert rig.point("flow_lpm")[1] == Quality.UNCERTAIN
        rig.clock.jump(1.0)
        assert rig.point("flow_lpm")[1:] == (Quality.BAD, Reason.NOT_CONNECTED)


def outlet(rig):
    return TopicOutlet(rig.link, "hall/m1/set", ("m1", "setpoint_pct"), rig.clock, rig.metrics)


def counter(rig, name):
    labels = {"device": "m1", "point": "setpoint_pct"}
    return rig.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_setpoint_is_published_with_its_time():
    rig, done = MqttRig(), []
    outlet(rig).submit(42.0, done.append)
    ((topic, payload, qos),) = rig.link.published
    assert (topic, qos, done) == ("hall/m1/set", 1, [None])
    assert json.loads(payload) == {"value": 42.0, "timestamp_ms": pytest.approx(rig.clock.wall_s() * 1000, abs=1.0)}
    assert counter(rig, "coolantd_writes_total") == 1


def test_fm_34_nothing_is_queued_for_a_broker_that_is_gone():
    rig, done = MqttRig(), []
    rig.link.connected = False
    outlet(rig).submit(42.0, done.append)
    assert (rig.link.published, done) == ([], [Fault.NOT_CONNECTED])
    assert counter(rig, "coolantd_writes_failed_total") == 1

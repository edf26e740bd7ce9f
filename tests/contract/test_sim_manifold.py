"""The virtual manifold against a real broker (FM-33, FM-34)."""

import asyncio
import contextlib
import time

import aiomqtt
import orjson
import pytest
from broker import Mosquitto, needs_mosquitto

from coolantd.sim.simulator import Simulator, SimulatorSettings

pytestmark = needs_mosquitto

TOPIC = "manifold/test"
PATIENCE_S = 10.0


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def simulator(broker):
    settings = SimulatorSettings(
        modbus_port=0, mqtt_host=broker.host, mqtt_port=broker.port, topic=TOPIC, noise_ratio=0.0
    )
    async with Simulator(settings) as sim:
        async with asyncio.timeout(PATIENCE_S):
            while not (sim.manifold and sim.manifold.link and sim.manifold.link.connected):  # noqa: ASYNC110 -- what is awaited has no event
                await asyncio.sleep(0.01)
        yield sim


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- what is awaited has no event
            await asyncio.sleep(0.01)


def setpoint(value: object, age_s: float = 0.0) -> bytes:
    return orjson.dumps({"value": value, "timestamp_ms": round((time.time() - age_s) * 1000.0)})


async def test_every_branch_speaks_once_a_second_and_status_is_online_then_offline(broker):
    heard: dict[str, list[bytes]] = {}
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(f"{TOPIC}/#")
        async with simulator(broker):
            async with asyncio.timeout(PATIENCE_S):
                async for message in client.messages:
                    heard.setdefault(str(message.topic), []).append(message.payload)
                    if all(len(heard.get(f"{TOPIC}/branch/{n}/telemetry", [])) >= 2 for n in range(1, 9)):
                        break
        async with asyncio.timeout(PATIENCE_S):
            async for message in client.messages:
                if str(message.topic) == f"{TOPIC}/status":
                    break
        assert message.payload == b"offline"
    assert heard[f"{TOPIC}/status"] == [b"online"]
    for branch in range(1, 9):
        first, second = (orjson.loads(payload) for payload in heard[f"{TOPIC}/branch/{branch}/telemetry"][:2])
        assert first["flow_lpm"] == pytest.approx(1215.0 / 8.0, abs=1.0)
        assert first["supply_temp_c"] == pytest.approx(34.0, abs=0.1)
        assert first["return_temp_c"] == pytest.approx(35.18, abs=0.2)
        assert first["valve_position_pct"] == pytest.approx(100.0)
        assert abs(first["timestamp_ms"] - time.time() * 1000.0) < 10_000.0
        assert 900 <= second["timestamp_ms"] - first["timestamp_ms"] < 3000


async def test_it_obeys_live_setpoints_and_holds_at_anything_else(broker):
    async with simulator(broker) as sim, aiomqtt.Client(broker.host, broker.port) as client:
        manifold = sim.manifold
        topic = manifold.setpoint_topic(3)
        await client.publish(topic, setpoint(70.0), qos=1)
        await until(lambda: manifold.setpoints_taken == 1)
        assert list(sim.plant.inputs.branch_valve_ratio) == pytest.approx([1.0, 1.0, 0.7, 1.0, 1.0, 1.0, 1.0, 1.0])
        await until(lambda: sim.plant.branch_valve_ratio[2] < 0.99)
        nonsense = [b"", b"70", b"{", b'{"value": 5}', setpoint("5"), setpoint(True), setpoint(None), setpoint(100.1)]
        nonsense += [setpoint(-0.1), setpoint(5.0, age_s=60.0), setpoint(5.0, age_s=-60.0), b" " * 2000]
        for count, payload in enumerate(nonsense, 1):
            await client.publish(topic, payload, qos=1)
            await until(lambda count=count: manifold.setpoints_refused == count)
        assert sim.plant.inputs.branch_valve_ratio[2] == 0.7


async def test_a_retained_setpoint_is_not_obeyed(broker):
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish(f"{TOPIC}/branch/1/valve_setpoint", setpoint(5.0), qos=1, retain=True)
        async with simulator(broker) as sim:
            await until(lambda: sim.manifold.setpoints_refused == 1)
            assert sim.plant.inputs.branch_valve_ratio[0] == 1.0


async def test_without_a_broker_the_valves_hold_and_it_returns_with_the_broker(broker):
    async with simulator(broker) as sim:
        sim.plant.inputs.branch_valve_ratio[0] = 0.6
        broker.stop()
        await until(lambda: not sim.manifold.link.connected)
        before_s = sim.device.time_s
        await until(lambda: sim.device.time_s > before_s + 0.5)
        assert sim.plant.inputs.branch_valve_ratio[0] == 0.6
        broker.start()
        await until(lambda: sim.manifold.link.connected)

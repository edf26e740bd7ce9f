"""The MQTT link against a real broker: loss, return, replay, floods, refusals (FM-33, FM-34, FM-35)."""

import asyncio
import contextlib
import math
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import aiomqtt
import pytest
from broker import Mosquitto, needs_mosquitto

from coolantd.clock import SystemClock
from coolantd.device import mqtt
from coolantd.device.mqtt import BrokerAddress, MqttLink
from coolantd.protocol.messages import PAYLOAD_MAX_BYTES

pytestmark = needs_mosquitto

ONLINE_TOPIC = "coolantd/test/online"
PATIENCE_S = 10.0
RECONNECT_S = 5.0
"""What is promised, not what is usual."""


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as running:
        yield running


def make_link(broker, **changes):
    address = {"host": broker.host, "port": broker.port, "client_id": "coolantd-test", **changes.pop("address", {})}
    return MqttLink(
        BrokerAddress(**address),
        clock=SystemClock(),
        will_topic=ONLINE_TOPIC,
        will_payload=b"offline",
        online_payload=b"online",
        **changes,
    )


@contextlib.asynccontextmanager
async def running(link):
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        await cancelled(task)


async def cancelled(task):
    """Cancel a task that must end promptly, and by nothing else."""
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1.0)
    assert done, "not cancelled within a second"
    assert task.cancelled(), task.exception()


@contextlib.asynccontextmanager
async def peer(broker, *topics):
    """Another client, of the library's own making, for what the world sees."""
    async with aiomqtt.Client(broker.host, broker.port, timeout=5.0) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield client


async def until(condition, timeout_s=PATIENCE_S):
    """Wait for a condition; return how long that took."""
    begun_s = time.monotonic()
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- conditions of many kinds
            await asyncio.sleep(0.01)
    return time.monotonic() - begun_s


async def messages(link, timeout_s=PATIENCE_S):
    async with asyncio.timeout(timeout_s):
        return {message.topic: message for message in await link.next_messages()}


async def next_payload(client, timeout_s=PATIENCE_S):
    async with asyncio.timeout(timeout_s):
        return bytes((await anext(client.messages)).payload)


async def test_a_message_arrives_with_topic_payload_and_arrival_time(broker):
    link, clock = make_link(broker), SystemClock()
    link.subscribe(["rack/+/telemetry"])
    async with running(link), peer(broker) as device:
        await until(lambda: link.connected)
        before_s = clock.now_s()
        await device.publish("rack/1/telemetry", b'{"flow_lpm": 1}')
        received = (await messages(link))["rack/1/telemetry"]
        assert (received.payload, received.retained) == (b'{"flow_lpm": 1}', False)
        assert before_s <= received.received_s <= clock.now_s()
    assert (link.connects, link.dropped, link.unsent) == (1, 0, 0)


async def test_fm34_what_the_broker_stored_says_so_and_never_hides_what_is_live(broker):
    async with peer(broker) as device:
        await device.publish("rack/1", b"stored", qos=1, retain=True)
        link = make_link(broker)
        link.subscribe(["rack/1"])
        async with running(link):
            received = (await messages(link))["rack/1"]
            assert (received.payload, received.retained) == (b"stored", True)
            await until(lambda: link.connected)
            await device.publish("rack/1", b"live", qos=1, retain=True)
            await until(lambda: link.received == 2)
            link.subscribe(["rack/+"])  # makes the broker send what it stored once more
            await until(lambda: link.received == 3)
            received = (await messages(link))["rack/1"]
            assert (received.payload, received.retained) == (b"live", False)


async def test_a_burst_of_ten_thousand_leaves_the_latest_of_each_topic(broker):
    link = make_link(broker)
    link.subscribe(["rack/#"])
    async with running(link), peer(broker) as device:
        await until(lambda: link.connected)
        for i in range(10_000):
            await device.publish(f"rack/{i % 8}", b"%d" % i)
        await device.publish("rack/end", b"", qos=1)
        seen, order = {}, []
        while "rack/end" not in seen:
            batch = await messages(link)
            assert len(batch) <= 9
            order += [message.received_s for message in batch.values()]
            seen |= batch
        assert {topic: int(seen[topic].payload) for topic in seen if topic != "rack/end"} == {
            f"rack/{i % 8}": i for i in range(9_992, 10_000)
        }
        assert order == sorted(order)
    assert link.dropped == 0


async def test_fm35_a_flood_of_topics_stays_bounded_and_is_counted(broker, monkeypatch):
    monkeypatch.setattr(mqtt, "WAITING_TOPICS_MAX", 100)
    link = make_link(broker)
    link.subscribe(["rack/#"])
    async with running(link), peer(broker) as device:
        await until(lambda: link.connected)
        for i in range(300):
            await device.publish(f"rack/{i}", b"x")
        await until(lambda: link.received == 300)
        assert len(await messages(link)) == 100
        assert link.dropped == 200


async def test_fm35_a_message_too_large_is_cut_but_stays_recognisable(broker):
    link = make_link(broker)
    link.subscribe(["rack/1"])
    async with running(link), peer(broker) as device:
        await until(lambda: link.connected)
        await device.publish("rack/1", bytes(3 * PAYLOAD_MAX_BYTES), qos=1)
        assert len((await messages(link))["rack/1"].payload) == PAYLOAD_MAX_BYTES + 1


async def test_topics_come_and_go_without_a_new_connection(broker):
    link = make_link(broker)
    async with running(link), peer(broker) as device:
        await until(lambda: link.connected)
        await device.publish("a", b"unwanted", qos=1)
        link.subscribe(["a", "b"])
        await asyncio.sleep(0.2)
        await device.publish("a", b"1", qos=1)
        assert set(await messages(link)) == {"a"}
        link.unsubscribe(["a", "never/wanted"])
        await asyncio.sleep(0.2)
        await device.publish("a", b"2", qos=1)
        await device.publish("b", b"3", qos=1)
        assert set(await messages(link)) == {"b"}
        assert link.connects == 1


@pytest.mark.parametrize("topic", ["", "a/#/b", "a+", "#x"])
def test_a_filter_no_broker_would_take_is_refused_at_once(topic):
    link = MqttLink(
        BrokerAddress(host="127.0.0.1", port=1, client_id="x"),
        clock=SystemClock(),
        will_topic="t",
        will_payload=b"",
        online_payload=b"",
    )
    with pytest.raises(ValueError, match=r"[Ii]nvalid"):
        link.subscribe([topic])
    with pytest.raises(ValueError, match=r"[Ii]nvalid"):
        link.publish(topic, b"")


async def test_fm33_a_broker_that_returns_is_found_within_five_seconds_and_data_flows_again(broker):
    seen = []
    link = make_link(broker, on_connection=seen.append)
    link.subscribe(["rack/1"])
    async with running(link) as task:
        await until(lambda: link.connected)
        broker.kill()
        await until(lambda: not link.connected)
        assert link.fault.startswith("connection lost")
        await asyncio.sleep(4.0)  # long enough for the back-off to reach its cap
        assert "refused" in link.fault.lower()
        broker.start()
        assert await until(lambda: link.connected) <= RECONNECT_S
        async with peer(broker) as device:
            await device.publish("rack/1", b"again", qos=1)
            assert (await messages(link))["rack/1"].payload == b"again"
        assert not task.done()
    assert seen == [True, False, True, False]
    assert link.connects == 2


async def test_fm34_nothing_said_to_nobody_is_replayed_unless_it_was_to_be_kept(broker):
    link = make_link(broker)
    async with running(link):
        await until(lambda: link.connected)
        broker.stop()
        await until(lambda: not link.connected)
        link.publish("rack/1/setpoint", b"stale")
        link.publish("site/state", b"older", retain=True, keep=True)
        link.publish("site/state", b"still true", retain=True, keep=True)
        assert link.unsent == 1
        broker.start()
        async with peer(broker, "#") as world:
            await until(lambda: link.connected)
            link.publish("end", b"end", qos=1)
            seen = {}
            while "end" not in seen:
                async with asyncio.timeout(PATIENCE_S):
                    message = await anext(world.messages)
                seen[str(message.topic)] = message.payload
    assert seen["site/state"] == b"still true"
    assert "rack/1/setpoint" not in seen


async def test_a_thousand_publications_at_once_never_wait_and_all_topics_arrive(broker):
    link = make_link(broker)
    async with peer(broker, "out/#") as world, running(link):
        await until(lambda: link.connected)
        for i in range(1_000):
            link.publish(f"out/{i % 50}", b"%d" % i)
        seen = {}
        while len(seen) < 50:
            async with asyncio.timeout(PATIENCE_S):
                message = await anext(world.messages)
            seen[str(message.topic)] = int(message.payload)
    assert seen == {f"out/{i % 50}": i for i in range(950, 1_000)}


async def test_online_on_connection_and_farewell_on_closing_are_stored_by_the_broker(broker):
    link = make_link(broker)
    async with running(link) as task:
        await until(lambda: link.connected)
        async with peer(broker, ONLINE_TOPIC) as world:
            assert await next_payload(world) == b"online"
            link.publish("rack/1/setpoint", b"last")
            await world.subscribe("rack/#", qos=1)
            begun_s = time.monotonic()
            await link.close(farewell=b"stopped")
            assert time.monotonic() - begun_s < 2 * mqtt.CLOSE_TIMEOUT_S
            assert not link.connected
            assert await next_payload(world) == b"stopped"
            with pytest.raises(TimeoutError):  # a proper farewell: the broker forgets the will
                await next_payload(world, timeout_s=0.5)
        assert not task.done()
    async with peer(broker, ONLINE_TOPIC) as late:
        assert await next_payload(late) == b"stopped"


async def test_what_waits_is_sent_before_the_farewell(broker):
    link = make_link(broker)
    async with peer(broker, "#") as world, running(link):
        await until(lambda: link.connected)
        for i in range(100):
            link.publish(f"rack/{i}/setpoint", b"100")
        await link.close(farewell=b"stopped")
        seen = []
        while seen[-1:] != [b"stopped"]:
            seen.append(await next_payload(world))
    assert seen.count(b"100") == 100


async def test_the_last_will_is_announced_when_the_link_is_cut_without_a_farewell(broker):
    link = make_link(broker)
    async with peer(broker, ONLINE_TOPIC) as world:
        async with running(link):
            assert await next_payload(world) == b"online"
            await until(lambda: link.connected)
        assert await next_payload(world) == b"offline"


async def test_the_last_will_is_announced_when_the_daemons_process_is_killed(broker):
    program = textwrap.dedent(f"""
        import asyncio
        from coolantd.clock import SystemClock
        from coolantd.device.mqtt import BrokerAddress, MqttLink
        link = MqttLink(BrokerAddress(host="{broker.host}", port={broker.port}, client_id="victim"),
                        clock=SystemClock(), will_topic="{ONLINE_TOPIC}",
                        will_payload=b"offline", online_payload=b"online")
        asyncio.run(link.run())
    """)
    async with peer(broker, ONLINE_TOPIC) as world:
        victim = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        try:
            assert await next_payload(world) == b"online"
            victim.send_signal(signal.SIGKILL)
            assert await next_payload(world, timeout_s=5.0) == b"offline"
        finally:
            with contextlib.suppress(ProcessLookupError):
                victim.kill()
            await victim.wait()


async def test_a_wrong_password_is_retried_and_never_called_connected(tmp_path):
    with Mosquitto(tmp_path, users={"coolantd": "right"}) as broker:
        seen = []
        wrong = make_link(broker, address={"username": "coolantd", "password": "wrong"}, on_connection=seen.append)
        async with running(wrong) as task:
            await until(lambda: broker.log.read_text().count("disconnected, not authorised") >= 2)
            assert (wrong.connected, wrong.connects, seen) == (False, 0, [])
            assert "authori" in wrong.fault.lower()
            assert not task.done()
        right = make_link(broker, address={"username": "coolantd", "password": "right"})
        async with running(right):
            await until(lambda: right.connected)


async def test_cancelled_while_there_is_no_broker_it_ends_at_once(broker):
    broker.stop()
    link = make_link(broker)
    task = asyncio.create_task(link.run())
    await until(lambda: "refused" in link.fault.lower())
    await cancelled(task)
    await link.close(farewell=b"stopped")


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_cancelled_at_any_moment_it_ends_at_once(tmp_path, password):
    """A cancellation that meets an answer of the broker must not get lost."""
    with Mosquitto(tmp_path, users={"coolantd": "right"}) as broker:
        rng = random.Random(1)
        for _ in range(100):
            link = make_link(broker, address={"username": "coolantd", "password": password})
            link.subscribe(["#"])
            task = asyncio.create_task(link.run())
            await asyncio.sleep(rng.uniform(0.0, 0.06))
            for _ in range(rng.randrange(5)):
                link.publish("out", b"", qos=1, keep=True)
                await asyncio.sleep(0)
            await cancelled(task)
            assert not link.connected


async def test_cancelled_while_a_broker_does_not_answer_it_ends_at_once_and_lets_go_of_the_socket(broker):
    broker.freeze()
    link = make_link(broker)
    task = asyncio.create_task(link.run())
    await asyncio.sleep(0.3)
    await cancelled(task)
    broker.thaw()
    async with peer(broker, ONLINE_TOPIC) as world:
        said = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while True:
                    said.append(await next_payload(world))
        assert b"online" not in said  # no leftover connection lives on in our name; its will is welcome


async def test_fm33_a_frozen_broker_is_noticed_and_its_thaw_too(broker):
    keepalive_s = 2  # the rule is the same at 5; the test is shorter
    link = make_link(broker, address={"keepalive_s": keepalive_s})
    link.subscribe(["rack/1"])
    async with running(link):
        await until(lambda: link.connected)
        broker.freeze()
        assert await until(lambda: not link.connected) <= 2 * keepalive_s + 2.0
        broker.thaw()
        assert await until(lambda: link.connected) <= RECONNECT_S
        async with peer(broker, ONLINE_TOPIC) as device:
            await device.publish("rack/1", b"again", qos=1)
            assert (await messages(link))["rack/1"].payload == b"again"
            await asyncio.sleep(0.5)  # the will of the abandoned connection must not be the last word
            link.publish("end", b"")
        async with peer(broker, ONLINE_TOPIC) as late:
            assert await next_payload(late) == b"online"


async def test_fm33_publishing_to_a_frozen_broker_neither_waits_nor_grows(broker):
    link = make_link(broker)
    async with running(link):
        await until(lambda: link.connected)
        broker.freeze()
        begun_s = time.monotonic()
        for _ in range(200):
            for topic in range(20):
                link.publish(f"out/{topic}", bytes(60_000))
            await asyncio.sleep(0)
        assert time.monotonic() - begun_s < 5.0
        assert len(link._outbox) <= 20
        await until(lambda: not link.connected)  # the stuck write betrays it before the keepalive does
        broker.thaw()
        await until(lambda: link.connected)


async def test_a_clients_id_taken_by_another_does_not_become_a_storm(broker):
    one, two = make_link(broker), make_link(broker)
    async with running(one), running(two):
        await asyncio.sleep(6.0)
    assert one.connects + two.connects < 20


def make_certificate(folder, name):
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(request, check=True, capture_output=True, timeout=30)
    return certificate, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_over_tls_only_a_broker_with_the_right_certificate_is_talked_to(tmp_path):
    """FM-53: the date on which its certificate ends is known from the first connection on."""
    certificate, key = make_certificate(tmp_path, "broker")
    other, _ = make_certificate(tmp_path, "other")
    with Mosquitto(tmp_path, certificate=certificate, key=key) as broker:
        link = make_link(broker, address={"ca_file": str(certificate)})
        link.subscribe(["a"])
        async with running(link):
            await until(lambda: link.connected)
            assert link.certificate_expires_s - time.time() == pytest.approx(86_400.0, abs=120.0)
            link.publish("a", bytes(100_000))
            assert len((await messages(link))["a"].payload) == PAYLOAD_MAX_BYTES + 1
        deceived = make_link(broker, address={"ca_file": str(other)})
        async with running(deceived) as task:
            await until(lambda: "certificate" in deceived.fault.lower())
            assert not deceived.connected
            assert not task.done()


async def test_a_useless_certificate_file_is_a_fault_that_names_it(broker, tmp_path):
    useless = tmp_path / "useless.pem"
    useless.write_text("not a certificate")
    for path in (tmp_path / "missing.pem", useless):
        link = make_link(broker, address={"ca_file": str(path)})
        async with running(link) as task:
            await until(lambda link=link: link.fault != "not tried yet")
            assert str(path) in link.fault
            assert not link.connected
            assert math.isnan(link.certificate_expires_s)
            assert not task.done()


async def test_an_unknown_host_is_a_fault_not_an_exception(broker):
    for host in ("nowhere.invalid", "x" * 70 + ".invalid"):
        link = make_link(broker, address={"host": host})
        async with running(link) as task:
            await until(lambda link=link: link.fault != "not tried yet")
            assert not link.connected
            assert not task.done()

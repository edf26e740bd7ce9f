"""The HTTP face, over real sockets on the loopback."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import NamedTuple

import orjson
import pytest
from service_view_factory import ALARM, NAN, make_view

from coolantd.errors import CoolantdError
from coolantd.point import Reason, bad, good
from coolantd.service import http_listener
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.http import HttpFace
from coolantd.service.http_listener import CONNECTIONS_MAX
from coolantd.service.metrics import Metrics

HOST = "127.0.0.1"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.asynccontextmanager
async def face(view=None) -> AsyncIterator[HttpFace]:
    shown = make_view() if view is None else view
    http = HttpFace(view=lambda: shown, metrics=Metrics(), host=HOST, port=0)
    await http.start()
    try:
        yield http
    finally:
        await http.stop()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(head[0].split()[1]), headers, body)


async def assert_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The other end is gone: an end of file, or a reset where it left something unread."""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.transport.abort()


async def ask(http: HttpFace, path: str, method: str = "GET", extra: str = "") -> Answer:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(HOST, http.port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
        answer = await read_answer(reader)
        writer.close()
        await writer.wait_closed()
        return answer


async def test_metrics_are_prometheus_text():
    async with face() as http:
        answer = await ask(http, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"\ncoolantd_ready 1\n" in answer.body
    assert b"\ncoolantd_cycles_total 0.0\n" in answer.body


async def test_the_server_does_not_tell_what_it_is_made_of():
    async with face() as http:
        answers = [await ask(http, "/healthz"), await ask(http, "/nothing"), await ask(http, "/", "NON SENSE")]
    assert [answer.headers["server"] for answer in answers] == ["coolantd"] * 3
    assert [answer.status for answer in answers] == [200, 404, 400]


async def test_health_is_ok_while_not_ready_and_ready_says_why_not():
    async with face(make_view(ready=False, ready_cause="cdu1: waiting for the first scan")) as http:
        health, ready = await ask(http, "/healthz"), await ask(http, "/readyz")
    assert health.status == 200
    assert ready.status == 503
    assert b"cdu1: waiting for the first scan" in ready.body


async def test_ready():
    async with face() as http:
        assert (await ask(http, "/readyz")).status == 200


async def test_status_is_the_view_with_null_for_what_is_unknown():
    view = make_view([good(34.5, 0.0), bad(Reason.WAITING_FOR_INITIAL_DATA, 0.0)])
    view.snapshot.value[1] = 12.0
    async with face(view) as http:
        answer = await ask(http, "/api/v1/status")
    status = orjson.loads(answer.body)
    assert answer.headers["content-type"] == "application/json"
    cdu = {"name": "cdu1", "mode": "automatic", "cause": "", "mode_age_s": 600.0, "hazards": [], "trial": ""}
    assert status["cdus"] == [cdu]
    assert status["points"][1] == {
        "device": "cdu1",
        "point": "temp_1_c",
        "unit": "degC",
        "value": None,
        "quality": "bad",
        "reason": "waiting_for_initial_data",
        "age_s": None,
    }
    assert set(status) >= {"version", "site", "ready", "loops", "actuators", "devices", "reload", "broker_connected"}


async def test_points_are_a_list():
    async with face() as http:
        points = orjson.loads((await ask(http, "/api/v1/points")).body)
    assert [point["value"] for point in points] == [34.5, 90.0]


async def test_nan_in_a_loop_is_null():
    view = make_view([good(NAN, 0.0)])
    async with face(view) as http:
        status = orjson.loads((await ask(http, "/api/v1/status")).body)
    assert status["points"][0]["value"] is None


@pytest.mark.parametrize("path", ["/", "/metricsX", "/metrics/", "/../etc/passwd", "/api/v1"])
async def test_any_other_path_is_not_found(path):
    async with face() as http:
        assert (await ask(http, path)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
async def test_nothing_can_be_changed(method):
    async with face() as http:
        answer = await ask(http, "/metrics", method, "Content-Length: 0\r\n") if method != "HEAD" else None
        if answer is not None:
            assert answer.status == 405
            assert answer.headers["allow"] == "GET"
        else:
            reader, writer = await asyncio.open_connection(HOST, http.port)
            writer.write(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 405 " in await reader.readline()
            writer.close()
            await writer.wait_closed()


async def test_a_query_is_ignored_and_a_connection_serves_many_requests():
    async with face() as http:
        reader, writer = await asyncio.open_connection(HOST, http.port)
        for _ in range(3):
            writer.write(b"GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_answer(reader)).status == 200
        writer.close()
        await writer.wait_closed()


async def test_concurrent_scrapes_share_one_render():
    calls = 0

    def view():
        nonlocal calls
        calls += 1
        return make_view([good(1.0, 0.0)] * 2000)

    http = HttpFace(view=view, metrics=Metrics(), host=HOST, port=0)
    await http.start()
    bodies = await asyncio.gather(*(ask(http, "/metrics") for _ in range(10)))
    await http.stop()
    assert len({answer.body for answer in bodies}) == 1
    assert calls == 1


async def test_an_old_render_is_not_shown_again(monkeypatch):
    monkeypatch.setattr("coolantd.service.http.CACHE_S", 0.0)
    metrics = Metrics()
    http = HttpFace(view=make_view, metrics=metrics, host=HOST, port=0)
    await http.start()
    await ask(http, "/metrics")
    metrics.cycles.inc()
    answer = await ask(http, "/metrics")
    await http.stop()
    assert b"\ncoolantd_cycles_total 1.0\n" in answer.body


async def test_a_taken_port_is_one_clear_sentence():
    async with face() as http:
        second = HttpFace(view=make_view, metrics=Metrics(), host=HOST, port=http.port)
        with pytest.raises(CoolantdError, match=rf"http: cannot listen on 127\.0\.0\.1:{http.port}: .*in use"):
            await second.start()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"y" * 10_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: 1\r\n" % k for k in range(500)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["line", "field", "fields", "tls"],
)
async def test_an_oversized_or_alien_head_is_refused_without_a_log_line(head, caplog):
    async with face() as http:
        reader, writer = await asyncio.open_connection(HOST, http.port)
        writer.write(head)
        async with asyncio.timeout(5):
            answer = await read_answer(reader)
            assert await reader.read() == b""
        writer.close()
    assert answer.status == 400
    assert caplog.text == ""


async def test_fm52_400_stalled_clients_do_not_keep_a_scraper_out(caplog):
    """FM-52: the library's own server would now have 400 threads and no time limit."""
    async with face() as http:
        threads, stalled = threading.active_count(), []
        try:
            for k in range(400):
                client = socket.socket()
                client.setblocking(False)
                stalled.append(client)
                await asyncio.get_running_loop().sock_connect(client, (HOST, http.port))
                if k % 2:
                    client.send(b"GET /metrics HTTP/1.1\r\nHos")
            answer = await ask(http, "/metrics")
            assert answer.status == 200
            assert len(http._listener._server.open) <= CONNECTIONS_MAX
            assert len(http._listener._server.connections) <= 2 * CONNECTIONS_MAX
            assert len(asyncio.all_tasks()) <= 2 * CONNECTIONS_MAX + 2
            assert threading.active_count() == threads
            assert caplog.text == ""
        finally:
            for client in stalled:
                client.close()


async def test_fm52_a_client_that_sends_no_request_is_cut_after_the_deadline(monkeypatch):
    monkeypatch.setattr(http_listener, "REQUEST_TIMEOUT_S", 0.1)
    async with face() as http:
        reader, writer = await asyncio.open_connection(HOST, http.port)
        writer.write(b"GET /metrics HTTP/1.1\r\n")
        await assert_cut(reader, writer)
        assert http._listener._server.open == {}


async def test_fm52_a_client_that_does_not_read_is_cut_and_holds_little_memory(monkeypatch):
    monkeypatch.setattr(http_listener, "REQUEST_TIMEOUT_S", 2.0)
    async with face(make_view([good(1.0 / 3.0, 0.0)] * 60_000)) as http:
        reply = await http._routes["/metrics"]()  # made beforehand: a slow machine needs all of the deadline for it

        async def ready():
            return reply

        http._routes["/metrics"] = ready
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (HOST, http.port))
            client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            transports = http._listener._server.open
            async with asyncio.timeout(10):
                while not transports:  # noqa: ASYNC110 -- the listener has no reason to tell
                    await asyncio.sleep(0.01)
                connection = next(iter(transports.values()))
                most = 0
                while transports:
                    most = max(most, connection.transport.get_write_buffer_size())
                    await asyncio.sleep(0.01)
            assert 0 < most <= 3 * http_listener.SEND_PIECE_BYTES
        assert (await ask(http, "/healthz")).status == 200


async def test_a_busy_client_is_not_displaced_by_newcomers():
    started, finish = asyncio.Event(), asyncio.Event()
    async with face() as http:
        original = http._routes["/healthz"]

        async def slow():
            started.set()
            await finish.wait()
            return await original()

        http._routes["/slow"] = slow
        asking = asyncio.create_task(ask(http, "/slow"))
        await started.wait()
        idle = [await asyncio.open_connection(HOST, http.port) for _ in range(3 * CONNECTIONS_MAX)]
        finish.set()
        assert (await asking).status == 200
        for _, writer in idle:
            writer.transport.abort()


async def test_stop_takes_less_than_a_second_whoever_is_connected():
    hang = asyncio.Event()
    http = HttpFace(view=make_view, metrics=Metrics(), host=HOST, port=0)
    await http.start()

    async def never():
        await hang.wait()
        raise AssertionError

    http._routes["/never"] = never
    clients = [await asyncio.open_connection(HOST, http.port) for _ in range(4)]
    clients[0][1].write(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    clients[1][1].write(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1.0):
        await http.stop()
    for reader, writer in clients:
        await assert_cut(reader, writer)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, http.port)


async def test_stop_without_start_and_twice_is_harmless():
    http = HttpFace(view=make_view, metrics=Metrics(), host=HOST, port=0)
    await http.stop()
    await http.start()
    await http.stop()
    await http.stop()


def test_importing_the_face_does_not_import_the_server_library():
    code = "import sys, coolantd.service.http; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


async def test_alarms_have_a_page_of_their_own():
    async with face(make_view(alarms=AlarmsView(alarms=(ALARM,), announced_10min=1))) as http:
        answer = await ask(http, "/api/v1/alarms")
    shown = orjson.loads(answer.body)
    assert (answer.status, shown["flood"], shown["announced_10min"]) == (200, False, 1)
    assert shown["alarms"][0]["tag"] == "cdu1/fouling"
    assert shown["alarms"][0]["hidden_left_s"] is None, "what is not known is null"
    assert {"cause", "consequence", "action"} <= set(shown["alarms"][0])

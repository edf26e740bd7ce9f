"""The control socket, over real sockets."""

import asyncio
import contextlib
import os
import socket
import stat
import threading
from pathlib import Path

import orjson
import pytest

from coolantd.errors import CoolantdError
from coolantd.service import control_socket, peer
from coolantd.service.control_socket import CLIENTS_MAX, ORDER_BYTES_MAX, ControlSocket, Peer, request
from coolantd.service.peer import may_order, peer_groups, peer_of


@pytest.fixture
def orders():
    return []


@pytest.fixture
async def control(tmp_path, orders):
    async def status(order, peer):
        orders.append((order, peer))
        return {"ok": True}

    async def refuse(order, peer):
        raise CoolantdError("not now")

    async def hang(order, peer):
        await asyncio.Event().wait()

    handlers = {"status": status, "refuse": refuse, "hang": hang}
    listening = ControlSocket(tmp_path / "control.sock", handlers=handlers)
    await listening.start()
    yield listening
    await listening.stop()


async def connect(control):
    return await asyncio.open_unix_connection(control.path)


async def assert_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The other end is gone: an end of file, or a reset where it left something unread."""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.transport.abort()


async def exchange(control, line: bytes) -> dict:
    reader, writer = await connect(control)
    writer.write(line)
    async with asyncio.timeout(5):
        reply = orjson.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return reply


async def test_an_order_reaches_its_handler_with_who_gave_it(control, orders):
    reply = await asyncio.to_thread(request, control.path, {"command": "status", "x": 1})
    assert reply == {"ok": True}
    assert orders == [({"command": "status", "x": 1}, Peer(os.getpid(), os.getuid(), os.getgid()))]


async def test_one_connection_carries_many_orders(control):
    reader, writer = await connect(control)
    for _ in range(3):
        writer.write(b'{"command": "status"}\n')
        assert orjson.loads(await reader.readline()) == {"ok": True}
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"hello\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 50_000 + b"\n", "not JSON"),
        (b"[]\n", "unknown command None, allowed: hang, refuse, status"),
        (b'{"command": 7}\n', "unknown command 7"),
        (b'{"command": ["status"]}\n', "unknown command"),
        (b'{"command": "format"}\n', "unknown command 'format'"),
        (b"x" * (ORDER_BYTES_MAX + 10) + b"\n", f"longer than {ORDER_BYTES_MAX} bytes"),
    ],
)
async def test_nonsense_is_answered_with_a_sentence(control, line, sentence):
    assert sentence in (await exchange(control, line))["error"]
    assert (await exchange(control, b'{"command": "status"}\n')) == {"ok": True}


async def test_a_refused_order_is_an_error_for_the_client(control):
    with pytest.raises(CoolantdError, match=r"control\.sock: not now$"):
        await asyncio.to_thread(request, control.path, {"command": "refuse"})


async def test_an_order_that_hangs_is_given_up(control, monkeypatch):
    monkeypatch.setattr(control_socket, "ORDER_TIMEOUT_S", 0.05)
    assert "hang was not done within 0.05 s" in (await exchange(control, b'{"command": "hang"}\n'))["error"]


async def test_a_silent_client_is_cut(control, monkeypatch):
    monkeypatch.setattr(control_socket, "IDLE_TIMEOUT_S", 0.05)
    reader, writer = await connect(control)
    writer.write(b'{"command": "sta')
    await assert_cut(reader, writer)


async def test_one_client_too_many_is_told_so_and_a_place_freed_is_usable(control):
    clients = [await connect(control) for _ in range(CLIENTS_MAX)]
    for reader, writer in clients:
        writer.write(b'{"command": "status"}\n')
        await reader.readline()
    assert "8 clients" in (await exchange(control, b""))["error"]
    for _, writer in clients:
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert await exchange(control, b'{"command": "status"}\n') == {"ok": True}


async def test_only_user_and_group_may_open_the_socket(control):
    mode = control.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


async def test_a_stranger_is_refused_even_if_the_file_let_them_in(control, monkeypatch):
    monkeypatch.setattr(control_socket, "peer_of", lambda _: Peer(4242, 12345, 12345))
    monkeypatch.setattr(control_socket, "peer_groups", lambda _: frozenset())
    assert "uid 12345 may give no orders" in (await exchange(control, b""))["error"]


def test_who_may_give_orders():
    stranger = Peer(1, 12345, 100)
    assert may_order(Peer(1, 0, 0), frozenset(), None)
    assert may_order(Peer(1, os.geteuid(), 5), frozenset(), None)
    assert not may_order(stranger, frozenset({7}), None)
    assert not may_order(stranger, frozenset({7}), 8)
    assert may_order(stranger, frozenset({7}), 100)
    assert may_order(stranger, frozenset({7}), 7)


def test_the_kernel_tells_who_the_peer_is():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_of(ours) == Peer(os.getpid(), os.getuid(), os.getgid())
        assert peer_groups(ours) == frozenset(os.getgroups())
        # Not an empty set for the wrong reason: the option must be readable at the size we ask for.
        ours.getsockopt(socket.SOL_SOCKET, peer._SO_PEERGROUPS, peer._GROUPS_MAX * peer._GID.size)


async def test_a_socket_left_behind_is_replaced(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    control = ControlSocket(path, handlers={})
    await control.start()
    assert "unknown command" in (await exchange(control, b'{"command": "x"}\n'))["error"]
    await control.stop()
    assert not path.exists()


async def test_a_live_daemons_socket_is_left_alone(control):
    second = ControlSocket(control.path, handlers={})
    with pytest.raises(CoolantdError, match=r"another coolantd listens on .* already"):
        await second.start()
    await second.stop()
    assert await exchange(control, b'{"command": "status"}\n') == {"ok": True}


async def test_a_file_that_is_not_a_socket_is_never_removed(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(CoolantdError, match="is not a socket"):
        await ControlSocket(path, handlers={}).start()
    assert path.read_text() == "data"


@pytest.mark.parametrize("path", [Path("/nonexistent/dir/c.sock"), Path("/tmp") / ("x" * 120)])
async def test_a_path_that_cannot_be_used_is_one_sentence(path):
    with pytest.raises(CoolantdError, match="control socket: "):
        await ControlSocket(path, handlers={}).start()


async def test_stopping_does_not_remove_a_successors_socket(control, tmp_path):
    control.path.unlink()
    successor = ControlSocket(control.path, handlers={})
    await successor.start()
    await control.stop()
    assert control.path.exists()
    await successor.stop()


async def test_stop_cuts_clients(control):
    reader, writer = await connect(control)
    writer.write(b'{"command": "status"}\n')
    await reader.readline()
    await control.stop()
    await assert_cut(reader, writer)


def test_client_says_that_the_daemon_is_not_running(tmp_path):
    path = tmp_path / "control.sock"
    with pytest.raises(CoolantdError, match="no control socket, so coolantd is not running"):
        request(path, {"command": "status"})
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(CoolantdError, match="nobody listens"):
        request(path, {"command": "status"})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be refused, so root to become one")
def test_client_says_that_it_has_no_permission(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        for folder in tmp_path.parents[:2]:
            folder.chmod(0o755)
        tmp_path.chmod(0o755)
        listening.listen()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setuid(65534)
                request(path, {"command": "status"})
            except CoolantdError as error:
                code = 0 if "permission denied" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"", "without a complete answer"),
        (b'{"ok": tr', "without a complete answer"),
        (b"[1]\n", "not a JSON object"),
    ],
)
def test_client_does_not_trust_the_answer(tmp_path, reply, sentence):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(reply)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(CoolantdError, match=sentence):
            request(path, {"command": "status"})
        server.join()


def test_client_gives_up_on_a_daemon_that_does_not_answer(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(CoolantdError, match=r"no answer within 0\.1 s"):
            request(path, {"command": "status"}, timeout_s=0.1)

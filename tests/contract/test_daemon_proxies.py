"""Proxies as part of a daemon: opened at start, moved by a reload, refused as a whole when a port is taken."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coolantd.app import Daemon
from coolantd.errors import CoolantdError
from coolantd.service import kernels
from coolantd.sim.ports import free_port

SITE = """[site]
name = "x"
[http]
port = 0
[paths]
state = "{folder}"
cache = "{folder}"
runtime = "{folder}"
[[device]]
name = "rpu1"
profile = "orv3-rpu"
modbus_tcp = {{ host = "127.0.0.1", port = {closed} }}
poll_slow_s = {slow_s}
monitor_only = true
"""
PROXY = '[[proxy]]\nport = {port}\nunits = [ {{ unit_id = 1, device = "rpu1" }} ]\n'
READ = bytes.fromhex("000100000006010300000001")
GATEWAY_TARGET_FAILED = bytes.fromhex("00010000000301830b")
ILLEGAL_ADDRESS = bytes.fromhex("000100000003018302")


def bound() -> tuple[socket.socket, int]:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken, taken.getsockname()[1]


class Rig:
    """A daemon in this process, its one device unreachable."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.closed = folder, free_port()
        self.path = folder / "coolantd.toml"

    def write(self, *ports: int, slow_s: float = 60.0) -> None:
        text = SITE.format(folder=self.folder, closed=self.closed, slow_s=slow_s)
        self.path.write_text(text + "".join(PROXY.format(port=port) for port in ports))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        daemon = Daemon(self.path)
        task = asyncio.create_task(daemon.run())
        control = self.folder / "control.sock"
        for _ in range(500):
            if control.exists() or task.done():
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        try:
            yield daemon
        finally:
            daemon._begin_stop()
            await task


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    async def no_compiler(_cache: Path) -> None:
        raise CoolantdError("not in a test")

    monkeypatch.setattr(kernels, "warm", no_compiler)
    return Rig(tmp_path)


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(READ)
    answer = await asyncio.wait_for(reader.read(260), 2.0)
    writer.close()
    await writer.wait_closed()
    return answer


async def refuses(port: int) -> bool:
    try:
        await ask(port)
    except ConnectionRefusedError:
        return True
    return False


async def test_a_proxy_listens_while_the_daemon_runs_and_never_shows_what_was_not_read(rig: Rig) -> None:
    port = free_port()
    rig.write(port)
    async with rig.running():
        assert await ask(port) in (GATEWAY_TARGET_FAILED, ILLEGAL_ADDRESS)
    assert await refuses(port)


async def test_a_reload_moves_a_proxy(rig: Rig) -> None:
    first, second = free_port(), free_port()
    rig.write(first)
    async with rig.running() as daemon:
        rig.write(second)
        reply = await daemon.reload()
        assert reply["ok"], reply
        assert f"proxy 127.0.0.1:{second}: added" in reply["changes"]
        assert await refuses(first)
        await ask(second)


async def test_a_port_that_is_taken_refuses_the_reload_as_a_whole(rig: Rig) -> None:
    first = free_port()
    taken, second = bound()
    rig.write(first)
    async with rig.running() as daemon:
        digest = daemon.view().reload.digest
        rig.write(second, slow_s=61.0)
        reply = await daemon.reload()
        assert not reply["ok"]
        assert reply["problems"][0].startswith(f"proxy: cannot listen on 127.0.0.1:{second}: ")
        await ask(first)
        assert daemon.view().reload.digest == digest
        assert not daemon.view().reload.successful

        taken.close()
        reply = await daemon.reload()
        assert reply["ok"], reply
        assert "device rpu1.poll_slow_s: 60.0 -> 61.0" in reply["changes"], "the refused one was not applied in part"
        await ask(second)


async def test_a_port_that_is_taken_at_the_start_is_one_sentence(rig: Rig) -> None:
    taken, port = bound()
    rig.write(port)
    daemon = Daemon(rig.path)
    with taken, pytest.raises(ExceptionGroup) as caught:
        await daemon.run()
    (error,) = caught.value.exceptions
    assert isinstance(error, CoolantdError)
    assert str(error).startswith(f"proxy: cannot listen on 127.0.0.1:{port}: ")

"""The local control socket: JSON lines, one order and one reply at a time. Knows peers, lines and limits.

It must never know what an order does: the app supplies a handler per command and gets the order together with the
peer who gave it, for the record. Nonsense is answered with ``{"error": ...}``, never with a traceback.
"""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.service.peer import Peer, may_order, peer_groups, peer_of

__all__ = ["ControlSocket", "Handler", "Peer", "request"]

Handler = Callable[[dict[str, Any], Peer], Awaitable[dict[str, Any]]]

ORDER_BYTES_MAX: Final = 64 * 1024
CLIENTS_MAX: Final = 8
"""A few operators and a watching status each."""

IDLE_TIMEOUT_S: Final = 10.0
"""A client that sends no complete order for this long is cut; a watching status asks every second."""

ORDER_TIMEOUT_S: Final = 30.0
"""Longer than any order takes, a reload of a large site included; a handler that hangs gives up its place."""

SOCKET_MODE: Final = 0o660
PATH_BYTES_MAX: Final = 107
"""unix(7): the longest path of a socket on Linux."""


class ControlSocket:
    """Listens on a path and passes each order to its handler.

    Args:
        path: where the socket is made; its directory must exist.
        handlers: command -> what carries it out; raises CoolantdError to refuse.
        allowed_gid: group whose members may give orders besides root and the daemon's own user.
    """

    def __init__(self, path: Path, *, handlers: Mapping[str, Handler], allowed_gid: int | None = None) -> None:
        self.path = path
        self._handlers = handlers
        self._allowed_gid = allowed_gid
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Make the socket and listen; a file left behind by a daemon that died is replaced.

        Raises:
            CoolantdError: another daemon listens there, or the socket cannot be made.
        """
        listening = _bound_socket(self.path, self._allowed_gid)
        self._inode = self.path.stat().st_ino
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listening, limit=ORDER_BYTES_MAX, backlog=CLIENTS_MAX
        )

    async def stop(self) -> None:
        """Close the socket and every client, and remove the file unless it is another daemon's by now."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in list(self._clients):
            writer.transport.abort()
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        # One turn, so that the clients' tasks see their end before the caller goes on to close the loop.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        peer = peer_of(connection)
        refusal = self._refusal(peer, peer_groups(connection))
        self._clients.add(writer)
        try:
            if refusal:
                await _answer(writer, {"error": refusal})
            else:
                await self._converse(reader, writer, peer)
        except OSError:
            # The client went away, or fell silent (a TimeoutError is an OSError).
            writer.transport.abort()
        finally:
            self._clients.discard(writer)
            writer.close()

    def _refusal(self, peer: Peer, groups: frozenset[int]) -> str:
        if not may_order(peer, groups, self._allowed_gid):
            return f"uid {peer.uid} may give no orders; be root, the daemon's user or a member of the socket's group"
        if len(self._clients) >= CLIENTS_MAX:
            return f"{CLIENTS_MAX} clients are connected already, allowed: {CLIENTS_MAX}"
        return ""

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    line = await reader.readline()
            except ValueError:
                await _answer(writer, {"error": f"the order is longer than {ORDER_BYTES_MAX} bytes"})
                return
            if not line.endswith(b"\n"):
                return
            await _answer(writer, await self._carry_out(line, peer))

    async def _carry_out(self, line: bytes, peer: Peer) -> dict[str, Any]:
        try:
            order = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return {"error": f"the order is not JSON: {error}"}
        command = order.get("command") if isinstance(order, dict) else None
        handler = self._handlers.get(command) if isinstance(command, str) else None
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            return {"error": f"unknown command {command!r}, allowed: {known}"}
        try:
            async with asyncio.timeout(ORDER_TIMEOUT_S):
                return await handler(order, peer)
        except TimeoutError:
            return {"error": f"{command} was not done within {ORDER_TIMEOUT_S:g} s and was given up"}
        except (CoolantdError, OSError) as error:
            return {"error": str(error)}


async def _answer(writer: asyncio.StreamWriter, reply: dict[str, Any]) -> None:
    writer.write(orjson.dumps(reply) + b"\n")
    async with asyncio.timeout(IDLE_TIMEOUT_S):
        await writer.drain()


def _bound_socket(path: Path, gid: int | None) -> socket.socket:
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise CoolantdError(f"control socket: {path} is longer than {PATH_BYTES_MAX} bytes")
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.bind(str(path))
        # Nobody can connect before listen(), so the mode is in force before anyone could use another.
        path.chmod(SOCKET_MODE)
        # Asked for only where it changes something: the unit's system call filter has no chown.
        if gid is not None and path.stat().st_gid != gid:
            os.chown(path, -1, gid)
    except OSError as error:
        listening.close()
        raise CoolantdError(f"control socket: cannot make {path}: {error.strerror or error}") from error
    return listening


def _remove_stale(path: Path) -> None:
    """Remove a socket nobody listens on; refuse anything else that stands at the path."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise CoolantdError(f"control socket: cannot look at {path}: {error.strerror or error}") from error
    if not stat.S_ISSOCK(kind):
        raise CoolantdError(f"control socket: {path} exists and is not a socket; move it away")
    if _somebody_listens(path):
        raise CoolantdError(f"control socket: another coolantd listens on {path} already")
    path.unlink(missing_ok=True)


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        # Anything but a refusal, a full backlog included, is a sign of life.
        return probe.connect_ex(str(path)) != errno.ECONNREFUSED

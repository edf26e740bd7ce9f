"""Asks the running daemon over its control socket. Knows JSON lines and how to say in a sentence what failed."""

import contextlib
import socket
from pathlib import Path
from typing import Any, Final

import orjson

from coolantd.errors import CoolantdError

REPLY_BYTES_MAX: Final = 16 * 1024 * 1024
"""The status of a hundred thousand points."""

RECEIVE_BYTES: Final = 64 * 1024


def request(path: Path, order: dict[str, Any], *, timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one order and return the daemon's reply.

    Args:
        path: the control socket.
        order: ``{"command": ...}`` and its arguments.
        timeout_s: longest wait for each step of the exchange, seconds.

    Raises:
        CoolantdError: nobody answers, the order is refused, or the reply is not one; the text says which.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            # A peer who may give no orders is told so and cut without being read; the answer is waiting then.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(orjson.dumps(order) + b"\n")
            line = _read_line(connection)
        except OSError as error:
            raise CoolantdError(_sentence(path, error, timeout_s)) from error
    return _reply(path, line)


def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        piece = connection.recv(RECEIVE_BYTES)
        if not piece or len(received) > REPLY_BYTES_MAX:
            break
        received += piece
    return bytes(received)


def _reply(path: Path, line: bytes) -> dict[str, Any]:
    try:
        reply = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise CoolantdError(f"{path}: the daemon closed the connection without a complete answer") from error
    if not isinstance(reply, dict):
        raise CoolantdError(f"{path}: the answer is not a JSON object, so this is not coolantd's control socket")
    if "error" in reply:
        raise CoolantdError(f"{path}: {reply['error']}")
    return reply


def _sentence(path: Path, error: OSError, timeout_s: float) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: there is no control socket, so coolantd is not running here"
    if isinstance(error, ConnectionRefusedError):
        return f"{path}: nobody listens on the control socket, so coolantd is not running"
    if isinstance(error, PermissionError):
        return f"{path}: permission denied; be root, the daemon's user or a member of the socket's group"
    if isinstance(error, TimeoutError):
        return f"{path}: no answer within {timeout_s:g} s"
    return f"{path}: {error.strerror or error}"

"""How a connection that carries bytes is made. Knows no frames; another network brings a ``Dial`` of its own."""

import os
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from coolantd.device.tcp_socket import connected_socket
from coolantd.device.wire import Wire


class Carrier(Protocol):
    """An open connection."""

    def send(self, frame: bytes) -> None:
        """Send a whole frame at once; a failure is told as a loss."""
        ...

    def close(self) -> None:
        """Close at once; does nothing the second time."""
        ...


class Dialled(Protocol):
    """A connection that stands and that nobody reads yet."""

    def begin(self, *, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> Carrier:
        """Read from now on: bytes as they arrive, and once why there will be no more."""
        ...

    def close(self) -> None:
        """Let go of it unread."""
        ...


Dial = Callable[[str, int], Awaitable[Dialled]]
"""Takes host and port; raises OSError where nobody answers there."""


class _Socket:
    """A connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def begin(self, *, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> Wire:
        return Wire(self._sock.detach(), on_bytes=on_bytes, on_lost=on_lost, close_fd=os.close)

    def close(self) -> None:
        self._sock.close()


async def dial_tcp(host: str, port: int) -> Dialled:
    """Return a TCP connection.

    Raises:
        OSError: nobody took it, or the name is not known.
    """
    return _Socket(await connected_socket(host, port))

"""A TCP connection to a device, tuned so that the kernel notices a dead one. Knows no bytes and no frames."""

import asyncio
import socket
from typing import Final

KEEPALIVE_IDLE_S: Final = 5
KEEPALIVE_INTERVAL_S: Final = 2
KEEPALIVE_PROBES: Final = 2
"""A silent peer is found dead after 5 + 2 x 2 s even when nothing is asked of it (FM-40)."""
USER_TIMEOUT_MS: Final = 3000
"""Sent data unacknowledged for this long ends the connection (FM-40)."""


async def connected_socket(host: str, port: int) -> socket.socket:
    """Return a non-blocking socket connected to the first address of the host that takes the connection.

    Raises:
        OSError: none did, or the name is not known.
    """
    loop = asyncio.get_running_loop()
    refused: OSError | None = None
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # what the standard library says of an empty or overlong part of a name
        raise OSError(f"{host} is no name of a host") from None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(0.0)
            _tune(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            refused = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise refused or OSError(f"{host} has no address")


def _tune(sock: socket.socket) -> None:
    """Let the kernel find a dead peer (FM-40) and send small frames at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

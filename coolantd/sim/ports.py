"""Loopback ports for what a virtual site starts a moment later."""

import contextlib
import random
import socket
from typing import Final

from coolantd.errors import CoolantdError

FIRST: Final = 20000
PAST_LAST: Final = 32768
"""Linux takes the ports of outgoing connections, and of listeners that ask for any, from 32768 up
(``net.ipv4.ip_local_port_range``): below it nobody is given a port between its choice here and its use."""
TRIES_MAX: Final = 1000

_given: set[int] = set()


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on, another one at every call of this process.

    Raises:
        CoolantdError: none was found in ``TRIES_MAX`` tries.
    """
    for _ in range(TRIES_MAX):
        port = random.randrange(FIRST, PAST_LAST)  # noqa: S311 - not a secret; processes side by side choose apart
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise CoolantdError(f"no free port on 127.0.0.1 from {FIRST} to {PAST_LAST - 1} in {TRIES_MAX} tries")


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False

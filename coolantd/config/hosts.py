"""Which hosts are this machine only. Knows addresses; asks no name server."""

import ipaddress
from typing import Final

LOOPBACK_ALLOWED: Final = "127.0.0.1, ::1 or localhost; any address with allow_remote = true"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

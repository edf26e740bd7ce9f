"""Who is at the other end of a local socket, as the kernel knows it. Knows credentials; grants nothing by itself."""

import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

_SO_PEERGROUPS: Final = 59
"""include/uapi/asm-generic/socket.h, Linux 4.13; Python's socket module has no name for it."""

_GROUPS_MAX: Final = 256
"""Python's getsockopt takes no buffer above 1024 bytes. Whoever is in more groups than fit has none
here and is refused, which is the safe way."""

_UCRED: Final = struct.Struct("3i")
_GID: Final = struct.Struct("I")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, with the ids it had then."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Return the peer's credentials (unix(7), ``SO_PEERCRED``)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Peer(*_UCRED.unpack(raw))


def peer_groups(connection: socket.socket) -> frozenset[int]:
    """Return the peer's supplementary groups: an operator's own group is rarely the one that may give orders."""
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_MAX * _GID.size)
    except OSError:
        return frozenset()
    return frozenset(gid for (gid,) in _GID.iter_unpack(raw))


def may_order(peer: Peer, groups: frozenset[int], allowed_gid: int | None) -> bool:
    """Return whether a peer may give orders: root, the daemon's own user, or a member of the allowed group."""
    if peer.uid in (0, os.geteuid()):
        return True
    return allowed_gid is not None and (peer.gid == allowed_gid or allowed_gid in groups)

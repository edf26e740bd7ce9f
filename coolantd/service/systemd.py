"""Tells systemd how the daemon is, over its notify socket (sd_notify(3)). Knows that protocol only.

It decides nothing: above all it never feeds the watchdog by itself. Only a completed control cycle with fresh
tasks may do that (FM-47).
"""

import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

from coolantd.clock import monotonic_s

STATUS_CHARS_MAX: Final = 200
"""One line of ``systemctl status``; more would be cut there anyway."""

US_PER_S: Final = 1_000_000


class Notifier:
    """Sends the daemon's state to the service manager; does nothing when there is none.

    A notification that cannot be sent is dropped: the daemon's work must never wait for its supervisor, and a
    lost watchdog message is exactly what the watchdog is there to notice.

    Args:
        environ: where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` are read from.
        now_s: monotonic seconds of the machine (unscaled), for ``MONOTONIC_USEC``.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, now_s: Callable[[], float] | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._now_s = now_s or monotonic_s
        self.watchdog_period_s = _watchdog_period_s(environ) if self._address else None
        """Longest time between two ``watchdog()`` calls, seconds; None when no watchdog watches us."""
        self._socket: socket.socket | None = None
        if self._address:
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_UNIX, kind)

    @property
    def active(self) -> bool:
        """Return whether a service manager listens."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Say that start-up or a reload is complete, with one line of status."""
        self._send("READY=1", f"STATUS={_one_line(status)}")

    def reloading(self) -> None:
        """Say that a reload begins; ``ready`` must follow, whatever becomes of it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._now_s() * US_PER_S)}")

    def stopping(self, status: str = "handing over") -> None:
        """Say that the daemon is shutting down."""
        self._send("STOPPING=1", f"STATUS={_one_line(status)}")

    def status(self, text: str) -> None:
        """Show one line of text in ``systemctl status``."""
        self._send(f"STATUS={_one_line(text)}")

    def watchdog(self) -> None:
        """Feed the watchdog. Call it after a completed control cycle, never from a timer (FM-47)."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Release the socket; later calls do nothing."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *fields: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(fields).encode(), self._address)
        except OSError:
            return


def _address(name: str) -> str:
    """Return the socket address of a ``NOTIFY_SOCKET`` value: a path, or ``@name`` for an abstract one."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""


def _watchdog_period_s(environ: Mapping[str, str]) -> float | None:
    """Return the watchdog's period unless it is unset, malformed or meant for another process."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(usec) / US_PER_S


def _one_line(text: str) -> str:
    """Return the text as one short line: a line break would start another field of the message."""
    return " ".join(text.split())[:STATUS_CHARS_MAX]

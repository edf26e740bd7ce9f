"""A serial port that is not there: a pty whose other end a master opens by its path. Knows bytes and paths; no frames.

A pty takes bytes at once, whatever its baud rate says: how fast a line is, its server must keep to by itself.
"""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

from coolantd.errors import CoolantdError

READ_BYTES: Final = 4096
PTY_DIR: Final = "/dev/pts/"
"""A link to anything else was not made by a simulator."""


def ptys_available() -> bool:
    """Return whether this machine gives us a pty."""
    try:
        master, slave = os.openpty()
    except OSError:
        return False
    os.close(master)
    os.close(slave)
    return True


class VirtualPort:
    """One end of a pty, and a name for the other.

    Args:
        link: symbolic link to make to the other end, which changes its number each time it is plugged in; None for
            none.
    """

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._on_bytes: Callable[[bytes], None] = lambda _: None
        self._ends: tuple[int, int] | None = None

    @property
    def plugged(self) -> bool:
        """Return whether there is a port to open."""
        return self._ends is not None

    @property
    def path(self) -> str:
        """Return what a master opens; empty while unplugged without a link."""
        if self._link is not None:
            return str(self._link)
        return "" if self._ends is None else os.ttyname(self._ends[1])

    def plug(self, on_bytes: Callable[[bytes], None]) -> None:
        """Make the pty and its name; bytes go to ``on_bytes`` as they arrive. Does nothing when plugged already.

        Raises:
            CoolantdError: no pty to be had, or no link to be made.
        """
        if self._ends is not None:
            return
        try:
            master, slave = os.openpty()
        except OSError as error:
            raise CoolantdError(f"no pseudo terminal for a virtual serial port: {error.strerror}") from error
        # Ours holds the other end open too: without that, reading fails between two masters.
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends, self._on_bytes = (master, slave), on_bytes
        try:
            self._make_link(os.ttyname(slave))
        except CoolantdError:
            self.unplug()
            raise
        asyncio.get_running_loop().add_reader(master, self._readable)

    def unplug(self) -> None:
        """Take the port away as a pulled adapter would: link gone, a master's descriptor dead."""
        if self._ends is None:
            return
        asyncio.get_running_loop().remove_reader(self._ends[0])
        target = os.ttyname(self._ends[1])
        for end in self._ends:
            os.close(end)
        self._ends = None
        with contextlib.suppress(OSError):
            if self._link is not None and str(self._link.readlink()) == target:
                self._link.unlink()

    def say(self, data: bytes) -> None:
        """Send bytes; what nobody reads is lost, as on a line."""
        if self._ends is not None:
            with contextlib.suppress(OSError):
                os.write(self._ends[0], data)

    def _make_link(self, target: str) -> None:
        if self._link is None:
            return
        if _is_foreign(self._link):
            raise CoolantdError(f"{self._link}: exists and is not ours, allowed: a name of its own")
        try:
            self._link.parent.mkdir(parents=True, exist_ok=True)
            self._link.unlink(missing_ok=True)  # left behind by a simulator that was killed
            self._link.symlink_to(target)
        except OSError as error:
            raise CoolantdError(f"{self._link}: no symbolic link can be made: {error.strerror}") from error

    def _readable(self) -> None:
        if self._ends is None:
            return
        with contextlib.suppress(OSError):
            self._on_bytes(os.read(self._ends[0], READ_BYTES))


def _is_foreign(link: Path) -> bool:
    """Return whether a name is taken by anything but a simulator's link."""
    if link.is_symlink():
        return not str(link.readlink()).startswith(PTY_DIR)
    return link.exists()

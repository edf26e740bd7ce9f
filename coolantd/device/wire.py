"""Bytes to and from an open descriptor, a tty or a socket, on the event loop. Knows no frames.

asyncio's own transports read ahead when they like. Whoever must know that nothing has arrived *before* he sends has
to read the descriptor himself at that moment; that is all this class adds.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Final

READ_BYTES: Final = 4096
DRAIN_READS_MAX: Final = 16
"""64 KiB at once: far above what a line carries, and a peer that never stops does not hold the loop."""


class Wire:
    """An open descriptor, read as bytes arrive.

    Args:
        fd: non-blocking; owned from now on.
        on_bytes: called with bytes received.
        on_lost: called once with the reason when the other side or the adapter is gone; the wire is closed then.
        close_fd: closes the descriptor.
    """

    def __init__(
        self,
        fd: int,
        *,
        on_bytes: Callable[[bytes], None],
        on_lost: Callable[[str], None],
        close_fd: Callable[[int], None],
    ) -> None:
        self._fd = fd
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._close_fd = close_fd
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(fd, self._readable)

    def drain(self) -> None:
        """Hand over all bytes that have arrived up to this moment."""
        for _ in range(DRAIN_READS_MAX):
            if not self._open or not self._readable():
                return

    def send(self, frame: bytes) -> None:
        """Send a whole frame at once; if not even its few bytes find room, the wire counts as lost."""
        if not self._open:
            return
        try:
            sent = os.write(self._fd, frame)
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if sent != len(frame):
            self._lose(f"it took {sent} of {len(frame)} bytes")

    def close(self) -> None:
        """Stop reading and close the descriptor; does nothing the second time."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            self._close_fd(self._fd)

    def _readable(self) -> bool:
        """Read once; return whether there may be more."""
        try:
            data = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._lose(error.strerror or str(error))
            return False
        if not data:
            self._lose("closed by the other side")
            return False
        self._on_bytes(data)
        return len(data) == READ_BYTES

    def _lose(self, why: str) -> None:
        self.close()
        self._on_lost(why)

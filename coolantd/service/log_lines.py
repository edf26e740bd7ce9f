"""A bounded queue of lines and the thread that writes them. Knows a file descriptor; never what a line says."""

import atexit
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

LINES_MAX: Final = 2000
"""A few hundred kilobytes: some minutes of a bad day."""

HOUSEKEEPING_S: Final = 10.0
"""How often the writer looks for summaries of events that fell silent."""

CLOSE_TIMEOUT_S: Final = 0.5
"""How long stopping waits for a reader of stderr that may never come."""


class LineWriter:
    """Writes lines in a thread of its own; ``write`` never waits, and drops the oldest line when full.

    Args:
        fd: file descriptor to write to; left open.
        housekeeping: called in the writer's thread, after a line and every ``HOUSEKEEPING_S``, with how many lines
            were lost since its last call; what it returns is written too.
        lines_max: lines kept while the reader does not take them.
    """

    def __init__(self, fd: int, *, housekeeping: Callable[[int], list[str]], lines_max: int = LINES_MAX) -> None:
        self.dropped = 0
        """Lines lost since the start because the queue was full or the descriptor failed."""
        self._fd = fd
        self._housekeeping = housekeeping
        self._lines: deque[str] = deque()
        self._lines_max = lines_max
        self._reported = 0
        self._closing = False
        self._changed = threading.Condition()
        # A daemon thread: one stuck in a write to a dead pipe must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: str) -> None:
        """Queue one line, without its line break."""
        with self._changed:
            if len(self._lines) >= self._lines_max:
                self._lines.popleft()
                self.dropped += 1
            self._lines.append(line)
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued, for at most ``CLOSE_TIMEOUT_S``, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_TIMEOUT_S)
        atexit.unregister(self.close)

    def _run(self) -> None:
        while (lines := self._take()) is not None:
            for line in lines:
                self._put_out(line)
            self._reported, lost = self.dropped, self.dropped - self._reported
            for line in self._housekeeping(lost):
                self._put_out(line)

    def _take(self) -> list[str] | None:
        """Return the next line, none after ``HOUSEKEEPING_S``, or None when all is written and it must stop."""
        with self._changed:
            if not self._lines and not self._closing:
                self._changed.wait(HOUSEKEEPING_S)
            if self._lines:
                return [self._lines.popleft()]
            return None if self._closing else []

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            # Someone who shares the descriptor made it non-blocking; waiting is this thread's job.
            select.select([], [self._fd], [], HOUSEKEEPING_S)
            return 0

    def _put_out(self, line: str) -> None:
        remaining = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        try:
            while remaining:
                remaining = remaining[self._write_some(remaining) :]
        except OSError:
            # Nobody reads any more (EPIPE), or the descriptor is gone: there is no better place to say so.
            self.dropped += 1

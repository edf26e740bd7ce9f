"""One small file that is either as it was or as it is to be, whenever the power goes. Knows paths and threads.

What is to be written goes to a worker thread, of which the newest only: a full, slow, broken or read-only disk costs
what would have been kept, and never a cycle (FM-30). Must never know what the bytes mean.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

READ_TIMEOUT_S: Final = 2.0
"""A disk that takes longer is broken, and the plant does not wait for it."""
RETRY_S: Final = 10.0
"""A disk that failed is tried again so often: a full one may be cleared, a read-only one remounted."""
STOP_TIMEOUT_S: Final = 1.0
"""The daemon has 5 s to stop in all."""
SET_ASIDE: Final = ".bad"
TEMPORARY: Final = ".new"
MODE: Final = 0o600

log: Final = structlog.get_logger()


class StateFile:
    """A file that one worker thread replaces as a whole.

    Args:
        path: the file; its directory must exist.
        on_saved: called after each replacement, from the worker.
        on_failed: called after each attempt that failed, from the worker.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_saved: Callable[[], object] = lambda: None,
        on_failed: Callable[[], object] = lambda: None,
    ) -> None:
        self._path = path
        self._on_saved = on_saved
        self._on_failed = on_failed
        self._changed = threading.Condition()
        self._next: bytes | None = None
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._work, name="state", daemon=True)

    async def read(self, bytes_max: int) -> bytes | None:
        """Return its first ``bytes_max + 1`` bytes; None where there is none.

        Raises:
            OSError: it cannot be read; a TimeoutError is one, and says that the disk does not answer.
        """
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await asyncio.to_thread(self._read, bytes_max)

    async def set_aside(self) -> None:
        """Rename a file that is no good, so that somebody can look at it. A disk that refuses is let be."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._path.replace, self._path.with_name(self._path.name + SET_ASIDE))

    def _read(self, bytes_max: int) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                return file.read(bytes_max + 1)
        except FileNotFoundError:
            return None

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def save(self, data: bytes) -> None:
        """Have these bytes written; what was still waiting to be is not any more."""
        with self._changed:
            self._next = data
            self._changed.notify()

    def stop(self) -> None:
        """Write what waits, within ``STOP_TIMEOUT_S``."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(STOP_TIMEOUT_S)

    def _work(self) -> None:
        while True:
            data = self._take()
            if data is None:
                return
            try:
                replace_file(self._path, data)
            except OSError as error:
                self._note_failure(error)
                if not self._wait_to_retry(data):
                    return
            else:
                if self._failing:
                    log.info("state_writing", path=str(self._path))
                self._failing = False
                self._on_saved()

    def _take(self) -> bytes | None:
        """Wait for something to write; None when there will be nothing more."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is not None or self._stopping)
            data, self._next = self._next, None
            return data

    def _wait_to_retry(self, data: bytes) -> bool:
        """Wait, keeping what could not be written unless there is newer by then; False: to stop, not to wait."""
        with self._changed:
            if self._stopping and self._next is None:
                return False
            self._changed.wait_for(lambda: self._stopping, RETRY_S)
            if self._next is None:
                self._next = data
            return True

    def _note_failure(self, error: OSError) -> None:
        if not self._failing:
            log.warning(
                "state_failing", path=str(self._path), detail=error.strerror, effect="a restart would know nothing"
            )
        self._failing = True
        self._on_failed()


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file by other bytes, as a whole and for good: temporary, fsync, rename, fsync of the directory.

    Raises:
        OSError: it could not be done; the file is then as it was.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        _write_through(temporary, data)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # a full disk needs its bytes back
            temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write_through(path: Path, data: bytes) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

"""Requests as files in the runtime directory, for a systemd path unit of the site to act upon. Knows files and bytes.

The daemon needs no right for it: it writes a file of its own, and what happens then is the site's unit with the site's
rights (``systemd/coolantd-request@.path``). A worker thread does the writing, so no disk ever holds up a cycle.
"""

import contextlib
import functools
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

QUEUE_MAX: Final = 256
"""Orders that wait; a leak in every zone at once is fewer."""
LEFT_MAX: Final = 1024
"""Files of an earlier process that are looked at."""
STOP_TIMEOUT_S: Final = 0.5
"""The daemon has 5 s to stop in all."""
DIRECTORY_MODE: Final = 0o750

log: Final = structlog.get_logger()


class RequestStore(Protocol):
    """Where requests are laid down; nothing here waits or raises."""

    def start(self) -> None:
        """Forget what an earlier process asked for."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Lay a request down, or renew it."""
        ...

    def remove(self, name: str) -> None:
        """Take a request back."""
        ...

    def stop(self) -> None:
        """Finish what is queued, within its time."""
        ...


class RequestFiles:
    """One file for each request, replaced as a whole; the directory is made when the first is laid down.

    Args:
        directory: of the files alone.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._queue: queue.Queue[tuple[str, bytes | None] | None] = queue.Queue(QUEUE_MAX)
        self._thread = threading.Thread(target=self._work, name="requests", daemon=True)
        self._failing = False

    def start(self) -> None:
        """Begin; what an earlier process left is removed."""
        self._thread.start()

    def put(self, name: str, data: bytes) -> None:
        """Lay a request down, or renew it; lost if the worker cannot keep up, and renewed later all the same."""
        self._order((name, data))

    def remove(self, name: str) -> None:
        """Take a request back."""
        self._order((name, None))

    def stop(self) -> None:
        """Finish what is queued, within ``STOP_TIMEOUT_S``."""
        self._order(None)
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    def _order(self, order: tuple[str, bytes | None] | None) -> None:
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(order)

    def _work(self) -> None:
        self._carefully(self._clear)
        while (order := self._queue.get()) is not None:
            name, data = order
            if data is None:
                self._carefully(functools.partial((self._directory / name).unlink, missing_ok=True))
            else:
                self._carefully(functools.partial(self._replace, name, data))

    def _carefully(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            if not self._failing:
                log.warning("request_files_failing", path=str(self._directory), detail=error.strerror)
            self._failing = True
        else:
            self._failing = False

    def _clear(self) -> None:
        if self._directory.is_dir():
            for _, path in zip(range(LEFT_MAX), list(self._directory.iterdir()), strict=False):
                path.unlink(missing_ok=True)

    def _replace(self, name: str, data: bytes) -> None:
        self._directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        fresh = self._directory / f".{name}"
        fresh.write_bytes(data)
        fresh.replace(self._directory / name)

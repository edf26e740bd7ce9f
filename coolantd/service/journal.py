"""The record of what was done to the plant: every write, refusal, mode change and order, one JSON line each.

Lines go through a bounded queue to a worker thread, so that a full, slow or read-only disk costs records and never a
command (FM-30); what is lost is counted, and said when it begins. The file is turned over at a size limit and one
predecessor is kept.
"""

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import structlog

QUEUE_MAX_RECORDS: Final = 2000
"""A minute of a large site at full activity; beyond it the disk is not merely slow."""
FILE_MAX_BYTES: Final = 16 << 20
"""Most of a day of one row CDU whose loops move all the time (20 MiB a day); with its predecessor the journal stays
under 32 MiB."""
STOP_TIMEOUT_S: Final = 1.0
"""The daemon has 5 s to stop in all."""

log: Final = structlog.get_logger()


class Recorder(Protocol):
    """Whoever keeps records; it may lose them but never blocks and never raises."""

    def record(self, event: str, **fields: Any) -> None:
        """Keep one record."""
        ...


class Journal:
    """A JSON-lines file written by one worker thread.

    Args:
        path: the file; its directory must exist.
        wall_s: seconds since the epoch, for the label of each record.
        on_loss: called with the number of records lost, from any thread.
    """

    def __init__(self, path: Path, *, wall_s: Callable[[], float], on_loss: Callable[[int], None]) -> None:
        self._path = path
        self._wall_s = wall_s
        self._on_loss = on_loss
        self._queue: queue.Queue[bytes | None] = queue.Queue(QUEUE_MAX_RECORDS)
        self._appended = False
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def record(self, event: str, **fields: Any) -> None:
        """Keep one record; lost and counted if the queue is full."""
        line = orjson.dumps({"time_s": round(self._wall_s(), 3), "event": event, **fields}) + b"\n"
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._on_loss(1)

    def stop(self) -> None:
        """Write what is queued, within ``STOP_TIMEOUT_S``."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(STOP_TIMEOUT_S)

    def _work(self) -> None:
        failing = False
        while (line := self._queue.get()) is not None:
            try:
                self._append(line)
            except OSError as error:
                self._on_loss(1)
                if not failing:
                    log.warning(
                        "journal_failing", path=str(self._path), detail=error.strerror, effect="records are lost"
                    )
                failing = True
            else:
                if failing:
                    log.info("journal_writing", path=str(self._path))
                failing = False

    def _append(self, line: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(line if self._appended or not _ends_torn(self._path) else b"\n" + line)
            self._appended = True
            full = file.tell() > FILE_MAX_BYTES
        if full:
            self._path.replace(self._path.with_suffix(".1.jsonl"))


def _ends_torn(path: Path) -> bool:
    """Return whether a crash has cut the last line of a file, so that the next would be lost with it (FM-44)."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"

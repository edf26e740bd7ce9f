"""The history of alarms in SQLite: every event of every alarm, bounded, written and read by one thread of its own.

Knows rows and files. A full, slow, locked, torn or read-only disk costs rows, which are counted, and never a cycle
(FM-30). A file that is no database any more is put aside and begun anew.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from coolantd.errors import CoolantdError

QUEUE_MAX: Final = 2000
"""Events waiting to be written: two hundred floods at once."""
ROWS_MAX: Final = 100_000
"""A quarter of a year at an alarm a minute with its acknowledgement and return, three hundred bytes each."""
TRIM_EVERY: Final = 500
"""Rows written between two looks at how many there are."""
PAGES_MAX: Final = 16_384
"""64 MiB of pages of 4 KiB: what the file may grow to whatever is in it; the oldest rows make room."""
NEARLY_RATIO: Final = 0.9
"""A file of this part of its pages was full of rows; below it the disk is."""
WAL_BYTES_MAX: Final = 4 << 20
SYNCHRONOUS: Final = "NORMAL"
"""A power cut may cost the last events, never the file (sqlite.org/wal.html)."""
CACHE_KIB: Final = 256
"""Of pages in memory. SQLite's own 2 MB would fill over hours of nothing but additions, and look like a leak."""
BATCH_MAX: Final = 200
BUSY_S: Final = 1.0
"""How long another program may hold the file, an operator's own sqlite3 for instance, before rows are lost."""
REOPEN_S: Final = 10.0
"""A disk that failed is tried again so often."""
STOP_S: Final = 0.3
"""The daemon has 5 s to stop in all, and the journal of writes and the state file go first."""
READ_MAX: Final = 5000
"""Rows of one answer: two megabytes of the control socket's sixteen."""
READ_TIMEOUT_S: Final = 5.0
SET_ASIDE: Final = ".bad"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alarm_events (
    id INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    priority TEXT NOT NULL,
    event TEXT NOT NULL,
    state_before TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    first_out INTEGER NOT NULL,
    uid INTEGER,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL
)
"""

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event; ``time_s`` in seconds since the epoch, ``uid`` of whoever ordered it, None: nobody did."""

    time_s: float
    kind: str
    subject: str
    priority: str
    event: str
    state_before: str
    state: str
    detail: str = ""
    first_out: bool = False
    uid: int | None = None
    owner: str = ""
    reason: str = ""


_COLUMNS: Final = tuple(Row.__dataclass_fields__)
_INSERT: Final = f"INSERT INTO alarm_events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which events: newest first, of at most ``rows``, older than ``before_id``, since a time, of a subject or kind."""

    rows: int = 50
    before_id: int | None = None
    since_s: float | None = None
    subject: str | None = None
    kind: str | None = None


@dataclass(slots=True)
class _Ask:
    query: Query
    answer: "asyncio.Future[list[dict[str, Any]]]"
    loop: asyncio.AbstractEventLoop


class AlarmHistory:
    """A database file that one worker thread writes and reads.

    Args:
        path: the file; its directory must exist.
        on_loss: called with the number of rows lost, from any thread.
    """

    def __init__(self, path: Path, *, on_loss: Callable[[int], Any]) -> None:
        self._path = path
        self._on_loss = on_loss
        self._queue: queue.Queue[Row | _Ask | None] = queue.Queue(QUEUE_MAX)
        self._thread = threading.Thread(target=self._work, name="alarm-history", daemon=True)
        self._db: sqlite3.Connection | None = None
        self._since_trim = TRIM_EVERY
        self._failing = False
        self._wait = threading.Event()

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def record(self, rows: Sequence[Row]) -> None:
        """Keep these events; lost and counted where the queue is full."""
        for row in rows:
            try:
                self._queue.put_nowait(row)
            except queue.Full:
                self._on_loss(1)

    async def read(self, query: Query) -> list[dict[str, Any]]:
        """Return events, newest first.

        Raises:
            CoolantdError: the history cannot be read now.
        """
        loop = asyncio.get_running_loop()
        ask = _Ask(query, loop.create_future(), loop)
        try:
            self._queue.put_nowait(ask)
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await ask.answer
        except (TimeoutError, queue.Full) as error:
            raise CoolantdError("the history of alarms cannot be read: its disk does not keep up") from error

    def stop(self) -> None:
        """Write what is queued, within ``STOP_S``."""
        self._wait.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(STOP_S)

    def _work(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._close()

    def _turn(self) -> bool:
        """Carry out what is queued, up to a batch; False once there will be nothing more."""
        items: list[Row | _Ask | None] = [self._queue.get()]
        while len(items) < BATCH_MAX and items[-1] is not None:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                break
        rows = [item for item in items if isinstance(item, Row)]
        if rows:
            self._write(rows)
        for item in items:
            if isinstance(item, _Ask):
                self._answer(item)
        return items[-1] is not None

    def _write(self, rows: list[Row]) -> None:
        for attempt in range(2):
            try:
                self._insert(rows)
            except (sqlite3.Error, OSError) as error:
                if attempt == 0 and self._mended(error):
                    continue
                self._lose(rows, error)
            else:
                self._note_written()
            return

    def _insert(self, rows: list[Row]) -> None:
        db = self._open()
        with db:
            db.executemany(_INSERT, [tuple(asdict(row).values()) for row in rows])
            self._since_trim += len(rows)
            if self._since_trim >= TRIM_EVERY:
                db.execute("DELETE FROM alarm_events WHERE id <= (SELECT max(id) FROM alarm_events) - ?", (ROWS_MAX,))
                self._since_trim = 0

    def _mended(self, error: Exception) -> bool:
        """Return whether it is worth trying again: the file was no database, or was full of old rows."""
        self._close()
        code = getattr(error, "sqlite_errorcode", None)
        try:
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                self._set_aside(error)
                return True
            return code == sqlite3.SQLITE_FULL and self._make_room()
        except (sqlite3.Error, OSError):
            return False

    def _make_room(self) -> bool:
        """Forget the older half if it is the file's own limit that was reached; return whether that was so."""
        db = self._open()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        if pages < PAGES_MAX * NEARLY_RATIO:
            return False  # others have filled the disk
        with db:
            middle = "(SELECT (min(id) + max(id)) / 2 FROM alarm_events)"
            gone = db.execute(f"DELETE FROM alarm_events WHERE id <= {middle}").rowcount  # noqa: S608 - no input in it
        return gone > 0

    def _set_aside(self, error: Exception) -> None:
        log.warning("alarm_history_set_aside", path=str(self._path), detail=str(error), effect="it begins anew")
        self._path.replace(self._path.with_name(self._path.name + SET_ASIDE))
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        """Return the connection, made and checked anew where there is none.

        Raises:
            sqlite3.Error: it cannot be opened, or is no database.
        """
        if self._db is None:
            db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level="DEFERRED")
            try:
                _prepare(db)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _lose(self, rows: list[Row], error: Exception) -> None:
        self._close()
        self._on_loss(len(rows))
        if not self._failing:
            log.warning("alarm_history_failing", path=str(self._path), detail=str(error), effect="events are lost")
        self._failing = True
        self._wait.wait(REOPEN_S)  # what comes meanwhile is queued, and lost and counted beyond that

    def _note_written(self) -> None:
        if self._failing:
            log.info("alarm_history_writing", path=str(self._path))
        self._failing = False

    def _answer(self, ask: _Ask) -> None:
        try:
            result: list[dict[str, Any]] | CoolantdError = _select(self._open(), ask.query)
        except (sqlite3.Error, OSError) as error:
            self._close()
            result = CoolantdError(f"the history of alarms cannot be read: {error}")
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            ask.loop.call_soon_threadsafe(_settle, ask.answer, result)


def _settle(answer: "asyncio.Future[list[dict[str, Any]]]", result: "list[dict[str, Any]] | CoolantdError") -> None:
    if answer.done():
        return
    if isinstance(result, CoolantdError):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _prepare(db: sqlite3.Connection) -> None:
    """Set a fresh connection up, and make sure that what it opened is sound."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
    db.execute(f"PRAGMA max_page_count = {PAGES_MAX}")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")  # less than 0: in KiB
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        error = sqlite3.DatabaseError(str(verdict)[:200])
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    with db:
        db.execute(_SCHEMA)


def _select(db: sqlite3.Connection, query: Query) -> list[dict[str, Any]]:
    wanted = {
        "id < ?": query.before_id,
        "time_s >= ?": query.since_s,
        "subject = ?": query.subject,
        "kind = ?": query.kind,
    }
    given = {clause: value for clause, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(given)} " if given else ""
    columns = ("id", *_COLUMNS)
    text = f"SELECT {', '.join(columns)} FROM alarm_events {where}ORDER BY id DESC LIMIT ?"  # noqa: S608 - no input in it
    found = db.execute(text, (*given.values(), min(query.rows, READ_MAX))).fetchall()
    return [_as_event(dict(zip(columns, row, strict=True))) for row in found]


def _as_event(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"first_out": bool(event["first_out"])}

"""The history of alarms: what it keeps and gives back, and that no disk ever costs more than rows (FM-30)."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from coolantd.errors import CoolantdError
from coolantd.service import alarm_history
from coolantd.service.alarm_history import AlarmHistory, Query, Row

CUTS = range(0, 8192, 97) if os.environ.get("COOLANTD_FULL") == "1" else (0, 50, 100, 4096, 8000)
"""Bytes of a database of two pages that are left of it."""


def row(n, **fields):
    told = {"kind": "fouling", "subject": "cdu1", "priority": "low", "event": "raised"}
    return Row(**{**told, "time_s": 1000.0 + n, "state_before": "normal", "state": "unacknowledged", **fields})


class Kept:
    """A history on a path, and what it lost."""

    def __init__(self, path):
        self.lost = 0
        self.path = path
        self.history = AlarmHistory(path, on_loss=self.lose)

    def lose(self, count):
        self.lost += count

    def __enter__(self):
        self.history.start()
        return self

    def __exit__(self, *_):
        self.history.stop()

    async def read(self, **query):
        return await self.history.read(Query(**query))

    async def times(self, **query):
        return [event["time_s"] - 1000.0 for event in await self.read(**query)]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A machine that is busy with other tests may take its time."""
    monkeypatch.setattr(alarm_history, "READ_TIMEOUT_S", 60.0)
    monkeypatch.setattr(alarm_history, "STOP_S", 60.0)
    monkeypatch.setattr(alarm_history, "SYNCHRONOUS", "OFF")  # no power is cut here


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "REOPEN_S", 0.05)
    with Kept(tmp_path / "alarms.db") as kept:
        yield kept


def wait_for(there):
    until_s = time.monotonic() + 60.0
    while not there():
        assert time.monotonic() < until_s
        time.sleep(0.01)


async def test_events_come_back_whole_and_the_newest_first(kept):
    kept.history.record([row(1), row(2, detail="pump 1", first_out=True, uid=7, owner="ana", reason="why")])
    events = await kept.read()
    assert events[0] == {
        "id": 2,
        "time_s": 1002.0,
        "kind": "fouling",
        "subject": "cdu1",
        "priority": "low",
        "event": "raised",
        "state_before": "normal",
        "state": "unacknowledged",
        "detail": "pump 1",
        "first_out": True,
        "uid": 7,
        "owner": "ana",
        "reason": "why",
    }
    assert (events[1]["id"], events[1]["uid"], events[1]["first_out"]) == (1, None, False)


async def test_what_is_asked_for_is_what_comes(kept):
    kept.history.record([row(n, subject=f"cdu{n % 2}", kind=f"kind{n % 3}") for n in range(12)])
    assert await kept.times(rows=3) == [11.0, 10.0, 9.0]
    assert await kept.times(before_id=3) == [1.0, 0.0]
    assert await kept.times(since_s=1009.0) == [11.0, 10.0, 9.0]
    assert await kept.times(subject="cdu1", kind="kind1") == [7.0, 1.0]
    assert await kept.times(subject="'; DROP TABLE alarm_events; --") == []
    assert len(await kept.times(rows=5000)) == 12


async def test_a_restart_goes_on_where_it_ended(tmp_path):
    for n in range(3):
        with Kept(tmp_path / "alarms.db") as kept:
            kept.history.record([row(n)])
    with Kept(tmp_path / "alarms.db") as kept:
        assert await kept.times() == [2.0, 1.0, 0.0]


async def test_the_number_of_rows_is_bounded_and_the_oldest_go(kept, monkeypatch):
    monkeypatch.setattr(alarm_history, "ROWS_MAX", 100)
    monkeypatch.setattr(alarm_history, "TRIM_EVERY", 10)
    for n in range(300):
        kept.history.record([row(n)])
    times = await kept.times(rows=5000)
    assert times[:2] == [299.0, 298.0]
    assert 100 <= len(times) <= 100 + alarm_history.BATCH_MAX
    assert kept.lost == 0


async def test_the_size_of_the_file_is_bounded_and_the_older_half_makes_room(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "PAGES_MAX", 50)
    with Kept(tmp_path / "alarms.db") as kept:
        for n in range(2000):
            kept.history.record([row(n, reason="x" * 200)])
            if n % 100 == 0:
                await kept.read(rows=1)
        times = await kept.times(rows=5000)
    assert times[0] == 1999.0
    assert len(times) < 1500
    assert kept.lost == 0
    assert kept.path.stat().st_size <= 50 * 4096


@pytest.mark.parametrize("cut", CUTS)
async def test_fm_48_a_torn_file_is_put_aside_and_begun_anew(tmp_path, cut):
    path = tmp_path / "alarms.db"
    with Kept(path) as kept:
        kept.history.record([row(n) for n in range(100)])
        await kept.read()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    with Kept(path) as kept:
        kept.history.record([row(7)])
        times = await kept.times()
        assert times[0] == 7.0
        assert kept.lost == 0
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_fm_48_rubbish_and_flipped_pages_are_put_aside(tmp_path):
    path = tmp_path / "alarms.db"
    with Kept(path) as kept:
        kept.history.record([row(n, reason="x" * 100) for n in range(200)])
        await kept.read()
    whole = bytearray(path.read_bytes())
    for ruined in (b"rubbish" * 1000, bytes(whole[:4096]) + bytes(len(whole) - 4096)):
        path.write_bytes(ruined)
        with Kept(path) as kept:
            kept.history.record([row(7)])
            assert await kept.times() == [7.0]
        assert path.with_name("alarms.db.bad").read_bytes() == ruined


async def test_a_file_that_is_rubbish_is_told_to_whoever_reads_before_anybody_writes(tmp_path):
    path = tmp_path / "alarms.db"
    path.write_bytes(b"rubbish" * 1000)
    with Kept(path) as kept:
        with pytest.raises(CoolantdError, match="cannot be read"):
            await kept.read()
        kept.history.record([row(1)])
        assert await kept.times() == [1.0]


async def test_fm_30_without_a_place_to_write_rows_are_counted_and_later_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "REOPEN_S", 0.05)
    with Kept(tmp_path / "gone" / "alarms.db") as kept:
        kept.history.record([row(1)])
        wait_for(lambda: kept.lost == 1)
        with pytest.raises(CoolantdError):
            await kept.read()
        (tmp_path / "gone").mkdir()
        kept.history.record([row(2)])
        assert await kept.times() == [2.0]
    assert kept.lost == 1


@pytest.mark.parametrize("place", ["/proc", "folder"])
async def test_fm_30_a_place_that_takes_no_file_costs_rows_and_no_more(tmp_path, monkeypatch, place):
    """A file system that is read-only even for root, and a directory where the file should be."""
    monkeypatch.setattr(alarm_history, "REOPEN_S", 0.05)
    path = Path(place) / "alarms.db" if place == "/proc" else tmp_path / place
    if place == "folder":
        path.mkdir()
    with Kept(path) as kept:
        kept.history.record([row(1), row(2)])
        wait_for(lambda: kept.lost == 2)
        with pytest.raises(CoolantdError, match="cannot be read"):
            await kept.read()


async def test_fm_30_a_file_that_somebody_else_locks_costs_rows_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "BUSY_S", 0.05)
    monkeypatch.setattr(alarm_history, "REOPEN_S", 0.05)
    with Kept(tmp_path / "alarms.db") as kept:
        kept.history.record([row(1)])
        await kept.read()
        other = sqlite3.connect(kept.path)
        other.execute("BEGIN EXCLUSIVE")
        begun_s = time.monotonic()
        kept.history.record([row(2)])
        assert time.monotonic() - begun_s < 0.05, "nobody waits for a disk"
        wait_for(lambda: kept.lost == 1)
        other.rollback()
        other.close()
        kept.history.record([row(3)])
        assert await kept.times() == [3.0, 1.0]


async def test_fm_30_a_full_disk_costs_rows_and_never_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "REOPEN_S", 0.01)
    with Kept(tmp_path / "alarms.db") as kept:
        kept.history.record([row(1)])
        await kept.read()

        def full(self, rows):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        with monkeypatch.context() as disk:
            disk.setattr(AlarmHistory, "_insert", full)
            kept.history.record([row(2)])
            wait_for(lambda: kept.lost == 1)
        kept.history.record([row(3)])
        assert await kept.times() == [3.0, 1.0]


def test_what_finds_no_room_in_the_queue_is_counted_and_waits_for_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(alarm_history, "QUEUE_MAX", 10)
    kept = Kept(tmp_path / "alarms.db")
    kept.history.record([row(n) for n in range(25)])
    assert kept.lost == 15


def test_its_pages_in_memory_are_few_however_long_it_is_added_to(tmp_path):
    """SQLite's own bound is eight times as much, takes hours to be reached, and looks like a leak until then."""
    with contextlib.closing(sqlite3.connect(tmp_path / "alarms.db")) as db:
        alarm_history._prepare(db)
        assert db.execute("PRAGMA cache_size").fetchone() == (-alarm_history.CACHE_KIB,)

"""A file replaced as a whole by a worker thread: a torn, full, slow or read-only disk costs the file, nothing else."""

import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest
import structlog

from coolantd.service import state_file as module
from coolantd.service.state_file import StateFile, replace_file


class Counts:
    def __init__(self):
        self.saved = self.failed = 0

    def one_saved(self):
        self.saved += 1

    def one_failed(self):
        self.failed += 1


def file_at(path, counts=None):
    counts = counts or Counts()
    return StateFile(path, on_saved=counts.one_saved, on_failed=counts.one_failed)


def wait_until(there, timeout_s=60.0):
    end_s = time.monotonic() + timeout_s
    while not there():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_fm_48_the_file_is_replaced_in_the_order_that_survives_a_power_cut(tmp_path, monkeypatch):
    calls, names = [], {}
    real_open, real_fsync, real_rename = os.open, os.fsync, os.replace

    def opened(path, *args, **options):
        number = real_open(path, *args, **options)
        names[number] = str(path)
        return number

    def synced(number):
        calls.append(("fsync", Path(names[number]).name))
        real_fsync(number)

    def renamed(self, target):
        calls.append(("rename", self.name))
        real_rename(self, target)

    monkeypatch.setattr(module.os, "open", opened)
    monkeypatch.setattr(module.os, "fsync", synced)
    monkeypatch.setattr(module.Path, "replace", renamed)
    replace_file(tmp_path / "state.json", b"one")
    assert calls == [("fsync", "state.json.new"), ("rename", "state.json.new"), ("fsync", tmp_path.name)]
    assert (tmp_path / "state.json").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_fm_30_fm_48_a_disk_that_fails_at_any_call_leaves_the_file_as_it_was(tmp_path, monkeypatch, call, number):
    path = tmp_path / "state.json"
    replace_file(path, b"old")

    def failing(*args, **options):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        if call == "replace":
            patch.setattr(module.Path, "replace", failing)
        elif call == "write":
            real = os.fdopen
            patch.setattr(module.os, "fdopen", lambda fd, mode: Failing(real(fd, mode), failing))
        else:
            patch.setattr(module.os, call, failing)
        with pytest.raises(OSError, match=os.strerror(number)):
            replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


class Failing:
    """An open file that takes no bytes."""

    def __init__(self, file, write):
        self._file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


def test_fm_48_a_stale_temporary_of_a_crash_is_no_hindrance(tmp_path):
    path = tmp_path / "state.json"
    (tmp_path / "state.json.new").write_bytes(b"half of somethi" * 1000)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_temporary_that_is_a_link_to_elsewhere_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / "state.json.new").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic"):
        replace_file(tmp_path / "state.json", b"new")
    assert elsewhere.read_bytes() == b"precious"


def test_fm_30_a_slow_disk_gets_the_newest_only_and_nobody_waits_for_it(tmp_path, monkeypatch):
    counts, taken, release, written = Counts(), threading.Event(), threading.Event(), []

    def slowly(path, data):
        taken.set()
        release.wait(60.0)
        written.append(data)

    monkeypatch.setattr(module, "replace_file", slowly)
    file = file_at(tmp_path / "state.json", counts)
    file.start()
    file.save(b"0")
    assert taken.wait(60.0)
    for k in range(1, 1000):
        file.save(b"%d" % k)
    assert written == [], "nobody has waited for the disk"
    release.set()
    wait_until(lambda: counts.saved == 2, 60.0)
    file.stop()
    assert written == [b"0", b"999"]
    assert counts.saved == 2


def test_fm_30_a_disk_that_fails_is_said_once_and_tried_again_with_the_newest(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    counts, path = Counts(), tmp_path / "late" / "state.json"
    file = file_at(path, counts)
    with structlog.testing.capture_logs() as logs:
        file.start()
        file.save(b"first")
        wait_until(lambda: counts.failed >= 3)
        file.save(b"second")
        path.parent.mkdir()
        wait_until(lambda: counts.saved == 1)
        file.stop()
    assert path.read_bytes() == b"second"
    assert [each["event"] for each in logs] == ["state_failing", "state_writing"]
    assert logs[0]["detail"] == "No such file or directory"


def test_stopping_writes_what_waits_and_does_not_wait_for_a_dead_disk(tmp_path, monkeypatch):
    file = file_at(tmp_path / "state.json")
    file.start()
    file.save(b"last words")
    file.stop()
    assert (tmp_path / "state.json").read_bytes() == b"last words"
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.05)
    answer = threading.Event()
    monkeypatch.setattr(module, "replace_file", lambda path, data: answer.wait(60.0))
    dead = file_at(tmp_path / "other.json")
    dead.start()
    dead.save(b"never")
    dead.stop()
    assert not answer.is_set()
    answer.set()


def test_stopping_while_the_disk_fails_tries_once_more_and_ends(tmp_path):
    counts = Counts()
    file = file_at(tmp_path / "nowhere" / "state.json", counts)
    file.start()
    file.save(b"lost")
    wait_until(lambda: counts.failed == 1)
    file.stop()
    wait_until(lambda: counts.failed == 2, 60.0)


async def test_a_file_is_read_to_its_limit_and_set_aside_by_name(tmp_path):
    path = tmp_path / "state.json"
    file = file_at(path)
    assert await file.read(10) is None
    path.write_bytes(b"x" * 100)
    assert len(await file.read(10)) == 11
    await file.set_aside()
    assert [each.name for each in tmp_path.iterdir()] == ["state.json.bad"]
    await file.set_aside()  # nothing there: nothing happens

"""Requests as files: whole or not at all, gone when they end, and no disk holds anybody up (FM-30)."""

import threading

import pytest

from coolantd.service.request_files import LEFT_MAX, QUEUE_MAX, RequestFiles


def test_a_request_is_a_file_that_only_the_daemon_may_write(tmp_path):
    files = RequestFiles(tmp_path / "requests")
    files.start()
    files.put("power_off.leak_zone.rack1", b"{}")
    files.put("power_off.leak_zone.rack1", b'{"attempt": 2}')
    files.put("power_off.leak_zone.rack2", b"{}")
    files.remove("power_off.leak_zone.rack2")
    files.stop()
    assert [path.name for path in (tmp_path / "requests").iterdir()] == ["power_off.leak_zone.rack1"]
    assert (tmp_path / "requests" / "power_off.leak_zone.rack1").read_bytes() == b'{"attempt": 2}'
    assert (tmp_path / "requests").stat().st_mode & 0o007 == 0


def test_what_an_earlier_process_asked_for_is_forgotten(tmp_path):
    folder = tmp_path / "requests"
    folder.mkdir()
    for name in ("power_off.leak_zone.rack1", ".power_off.leak_zone.rack2"):
        (folder / name).write_bytes(b"old")
    files = RequestFiles(folder)
    files.start()
    files.stop()
    assert list(folder.iterdir()) == []
    assert LEFT_MAX > QUEUE_MAX


def test_without_requests_nothing_is_made(tmp_path):
    files = RequestFiles(tmp_path / "requests")
    files.start()
    files.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
def test_fm_30_a_directory_that_cannot_be_written_costs_the_file_and_nothing_else(tmp_path, there):
    files = RequestFiles(tmp_path / "gone" / "requests")
    files.start()
    files.put("a", b"1")
    files.remove("b")
    if there:
        (tmp_path / "gone").mkdir()
    files.put("c", b"2")
    files.stop()
    found = tmp_path / "gone" / "requests" / "c"
    assert found.exists() <= there


def test_fm_30_a_disk_that_hangs_holds_nobody_up(tmp_path, monkeypatch):
    hung = threading.Event()
    monkeypatch.setattr(RequestFiles, "_replace", lambda *_: hung.wait(30.0))
    files = RequestFiles(tmp_path)
    files.start()
    for number in range(2 * QUEUE_MAX):
        files.put(str(number), b"")  # the first hangs; the last are lost, and renewed by the desk in a minute
    assert files._queue.qsize() <= QUEUE_MAX
    hung.set()
    files.stop()


def test_it_may_be_stopped_before_it_began(tmp_path):
    RequestFiles(tmp_path).stop()
    assert list(tmp_path.iterdir()) == []

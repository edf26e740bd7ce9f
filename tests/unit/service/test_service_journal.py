"""The journal loses records rather than commands: a full queue and an unusable disk are counted, nothing blocks."""

import json
import time

import pytest
import structlog

from coolantd.service import journal as module
from coolantd.service.journal import Journal


class Losses:
    def __init__(self):
        self.count = 0

    def __call__(self, records):
        self.count += records


def journal_at(path, losses=None):
    return Journal(path, wall_s=lambda: 1.7e9, on_loss=losses or Losses())


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_record_is_one_json_line_with_its_time(tmp_path):
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.start()
    journal.record("write", device="cdu1", value=50.25, previous=None)
    journal.record("write_refused", demand=float("nan"))
    journal.stop()
    assert lines(tmp_path / "journal.jsonl") == [
        {"time_s": 1.7e9, "event": "write", "device": "cdu1", "value": 50.25, "previous": None},
        {"time_s": 1.7e9, "event": "write_refused", "demand": None},
    ]


def test_fm_30_a_full_queue_costs_records_and_they_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUEUE_MAX_RECORDS", 10)
    losses = Losses()
    journal = journal_at(tmp_path / "journal.jsonl", losses)
    for k in range(25):
        journal.record("write", number=k)
    assert losses.count == 15
    journal.start()
    while len(lines(tmp_path / "journal.jsonl") if (tmp_path / "journal.jsonl").exists() else []) < 10:
        time.sleep(0.005)
    journal.stop()
    assert [line["number"] for line in lines(tmp_path / "journal.jsonl")] == list(range(10))


@pytest.mark.parametrize("kind", ["missing directory", "is a directory"])
def test_fm_30_an_unusable_path_costs_records_and_they_are_counted(tmp_path, kind):
    path = tmp_path / "nowhere" / "journal.jsonl" if kind == "missing directory" else tmp_path
    losses = Losses()
    journal = journal_at(path, losses)
    journal.start()
    for _ in range(3):
        journal.record("write")
    journal.stop()
    assert losses.count == 3


def test_fm_30_a_disk_that_comes_back_is_used_again(tmp_path):
    losses = Losses()
    journal = journal_at(tmp_path / "late" / "journal.jsonl", losses)
    journal.start()
    journal.record("lost")
    while losses.count == 0:
        time.sleep(0.005)
    (tmp_path / "late").mkdir()
    journal.record("kept")
    journal.stop()
    assert [line["event"] for line in lines(tmp_path / "late" / "journal.jsonl")] == ["kept"]


def test_the_file_is_turned_over_at_its_limit_and_one_predecessor_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FILE_MAX_BYTES", 500)
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.start()
    for k in range(100):
        journal.record("write", number=k)
    journal.stop()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files in (["journal.1.jsonl", "journal.jsonl"], ["journal.1.jsonl"])
    assert all(path.stat().st_size <= 600 for path in tmp_path.iterdir())
    numbers = [line["number"] for name in files for line in lines(tmp_path / name)]
    assert numbers == list(range(numbers[0], 100))


def test_stopping_a_full_journal_does_not_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUEUE_MAX_RECORDS", 1)
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.record("write")
    journal.stop()


def test_fm_30_records_that_are_lost_are_said_once_when_it_begins_and_when_it_ends(tmp_path):
    path = tmp_path / "state" / "journal.jsonl"
    losses = Losses()
    journal = journal_at(path, losses)
    with structlog.testing.capture_logs() as logs:
        journal.start()
        for _ in range(3):
            journal.record("write")
        while losses.count < 3:
            time.sleep(0.005)
        path.parent.mkdir()
        journal.record("write")
        journal.record("write")
        journal.stop()
    assert [each["event"] for each in logs] == ["journal_failing", "journal_writing"]
    assert (logs[0]["path"], logs[0]["detail"]) == (str(path), "No such file or directory")
    assert len(lines(path)) == 2


@pytest.mark.parametrize("left", [b"", b'{"event":"whole"}\n', b'{"event":"whole"}\n{"event":"to'])
def test_fm_44_a_line_that_a_crash_has_cut_costs_no_other(tmp_path, left):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(left)
    journal = journal_at(path)
    journal.start()
    journal.record("first")
    journal.record("second")
    journal.stop()
    found = path.read_bytes().splitlines()
    torn = left.endswith(b"to")
    assert len(found) == left.count(b"\n") + torn + 2
    assert [json.loads(line)["event"] for line in found[-2:]] == ["first", "second"]

"""Logging: what the journal and an operator get, and that it never holds the daemon up (FM-31)."""

import logging
import os
import subprocess
import sys
import threading
import time

import orjson
import pytest
import structlog

from coolantd.service import log
from coolantd.service.log_limit import IDENTITIES_MAX, LINES_PER_WINDOW, WINDOW_S, RepeatLimit
from coolantd.service.log_lines import LineWriter

PRELUDE = "import logging, structlog\nfrom coolantd.service import log\n"


def run(code: str, **environ: str) -> list[str]:
    """Run code in a process of its own and return the lines it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        timeout=30,
        check=True,
    )
    return done.stderr.decode().splitlines()


def test_json_lines_when_stderr_is_no_terminal():
    (line,) = run("log.configure(); structlog.get_logger().info('mode_changed', cdu='cdu1', lateness_s=0.5)")
    event = orjson.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "mode_changed", "level": "info", "cdu": "cdu1", "lateness_s": 0.5}


def test_readable_on_a_terminal():
    (line,) = run("log.configure(terminal=True); structlog.get_logger().warning('device_down', device='cdu1')")
    assert "device_down" in line
    assert "\x1b[" in line
    assert not line.startswith("{")


def test_the_standard_library_and_warnings_go_the_same_way():
    lines = run(
        "import warnings\nlog.configure()\nlogging.getLogger('some.library').error('lost %d of %s', 3, 'x')\n"
        "logging.getLogger('some.library').info('chatter')\nlogging.getLogger('l').error('%d', 'not a number')\n"
        "warnings.warn('old')"
    )
    events = [orjson.loads(line) for line in lines]
    assert [(event["logger"], event["level"]) for event in events] == [
        ("some.library", "error"),
        ("l", "error"),
        ("py.warnings", "warning"),
    ]
    assert events[0]["event"] == "lost 3 of x"
    assert not [event for event in events if "_template" in event]


def test_an_exception_is_one_line_of_json():
    (line,) = run("log.configure()\ntry:\n  1/0\nexcept ZeroDivisionError:\n  structlog.get_logger().exception('x')")
    assert "ZeroDivisionError" in orjson.loads(line)["exception"]


def test_no_event_whatever_breaks_a_log_call():
    lines = run(
        "import numpy\nlog.configure()\nlogger = structlog.get_logger()\n"
        "logger.info('a', topic='\\udc80', x=1)\nlogger.info('b', x=object, y={1: 2}, z=numpy.float64('nan'))\n"
        "logger.info('c', text='x' * 100_000)"
    )
    events = [orjson.loads(line) for line in lines]
    assert len(events) == 3
    assert (events[1]["event"], events[1]["z"]) == ("b", None)
    assert events[2]["event"] == "c"
    assert len(lines[2]) < 2 * log.LINE_CHARS_MAX


def test_the_journal_gets_a_priority_before_the_json():
    read_fd, write_fd = os.pipe()
    status = os.fstat(write_fd)
    environ = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    code = PRELUDE + "log.configure(); structlog.get_logger().error('x')"
    subprocess.run([sys.executable, "-c", code], stderr=write_fd, env=environ, timeout=30, check=True)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as reading:
        line = reading.read()
    assert line.startswith(b"<3>{")
    assert run("log.configure(); structlog.get_logger().error('x')", JOURNAL_STREAM="1:2")[0].startswith("{")


def test_fm31_a_repeated_event_is_written_a_few_times_per_identity():
    lines = run(
        "log.configure()\nlogger = structlog.get_logger()\n"
        "for k in range(1000):\n  logger.error('device_down', device='cdu1', k=k)\n"
        "  logging.getLogger('lib').error('retry %d', k)\n"
        "logger.error('device_down', device='cdu2')"
    )
    events = [orjson.loads(line) for line in lines]
    assert len([event for event in events if event.get("device") == "cdu1"]) == LINES_PER_WINDOW
    assert len([event for event in events if event.get("logger") == "lib"]) == LINES_PER_WINDOW
    assert events[-1]["device"] == "cdu2"


def test_the_answer_to_an_order_is_never_held_back():
    """Whoever sends the sixth SIGHUP of a minute must still read why it was refused."""
    code = "log.configure()\nfor k in range(50):\n  structlog.get_logger().error('reload_refused', problem='same')"
    assert len(run(code)) == 50


def test_fm31_a_stuck_pipe_costs_lines_and_not_time():
    """The reader of stderr never reads; the process must log far more than a pipe holds, and end."""
    code = PRELUDE + (
        "log.configure()\nlogger = structlog.get_logger()\n"
        "for k in range(4000): logger.info(f'event_{k}', text='x' * 200)\n"
        "import sys; sys.stdout.write(str(log.dropped_lines()))"
    )
    read_fd, write_fd = os.pipe()
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=write_fd, timeout=30, check=True)
    os.close(write_fd)
    os.close(read_fd)
    assert int(done.stdout) > 1000


def test_fm31_lost_lines_are_counted_and_said():
    read_fd, write_fd = os.pipe()
    told = []

    def housekeeping(lost: int) -> list[str]:
        told.append(lost)
        return [f"lost {lost}"] if lost else []

    writer = LineWriter(write_fd, housekeeping=housekeeping, lines_max=10)
    for k in range(500):
        writer.write(f"{k:04} " + "x" * 1000)
    dropped = writer.dropped
    assert dropped > 400
    received = bytearray()
    while b"0499" not in received:
        received += os.read(read_fd, 65536)
    writer.close()
    os.close(write_fd)
    while piece := os.read(read_fd, 65536):
        received += piece
    os.close(read_fd)
    assert f"lost {dropped}".encode() in received
    assert sum(told) == dropped
    numbers = [int(line[:4]) for line in received.decode().splitlines() if line[:1].isdigit()]
    assert numbers == sorted(numbers)
    assert numbers[-10:] == list(range(490, 500))  # the oldest are lost, the latest kept


def test_a_writer_whose_reader_is_gone_counts_and_lives():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    writer = LineWriter(write_fd, housekeeping=lambda lost: [])
    writer.write("a")
    writer.write("b")
    writer.close()
    os.close(write_fd)
    assert writer.dropped == 2


def test_a_non_blocking_stderr_loses_nothing():
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    writer = LineWriter(write_fd, housekeeping=lambda lost: [])
    for _ in range(300):
        writer.write("x" * 999)
    received = 0
    while received < 300_000:
        received += len(os.read(read_fd, 65536))
    writer.close()
    os.close(write_fd)
    os.close(read_fd)
    assert (received, writer.dropped) == (300_000, 0)


def test_repeat_limit_opens_again_and_tells_what_was_held_back():
    now_s = 0.0
    limit = RepeatLimit(lambda: now_s)
    results = [limit.check(("e",)) for _ in range(LINES_PER_WINDOW + 3)]
    assert results == [0] * LINES_PER_WINDOW + [None] * 3
    now_s = WINDOW_S - 0.001
    assert limit.check(("e",)) is None
    now_s = WINDOW_S
    assert limit.check(("e",)) == 4
    assert limit.check(("e",)) == 0


def test_repeat_limit_tells_once_of_an_event_that_fell_silent():
    now_s = 0.0
    limit = RepeatLimit(lambda: now_s)
    for _ in range(LINES_PER_WINDOW + 2):
        limit.check(("e", "device=cdu1"))
    limit.check(("rare",))
    assert limit.take_finished() == []
    now_s = WINDOW_S
    assert [(each.identity, each.count) for each in limit.take_finished()] == [(("e", "device=cdu1"), 2)]
    assert limit.take_finished() == []
    assert limit.check(("e", "device=cdu1")) == 0


def test_repeat_limit_is_bounded():
    limit = RepeatLimit(lambda: 0.0)
    for k in range(3 * IDENTITIES_MAX):
        limit.check((str(k),))
    assert len(limit._windows) == IDENTITIES_MAX


def test_configure_twice_and_shutdown_leave_nothing_behind():
    before = threading.active_count(), list(logging.getLogger().handlers)
    try:
        log.configure(terminal=False)
        log.configure(terminal=False)
        assert threading.active_count() == before[0] + 1
        assert len(logging.getLogger().handlers) == len(before[1]) + 1
    finally:
        log.shutdown()
        structlog.reset_defaults()
        logging.getLogger().setLevel(logging.WARNING)
    assert (threading.active_count(), list(logging.getLogger().handlers)) == before
    assert log.dropped_lines() == 0


def test_logging_after_shutdown_is_harmless():
    lines = run("log.configure(); logger = structlog.get_logger(); log.shutdown(); logger.info('late')")
    assert lines == []


@pytest.mark.parametrize("fields", [{"device": "a"}, {"key": "x.y"}, {"line": 3}])
def test_what_an_event_is_about_makes_it_another(fields):
    assert log.identity_of({"event": "e", **fields}) != log.identity_of({"event": "e"})
    assert log.identity_of({"event": "e", **fields}) == log.identity_of({"event": "e", **fields, "k": time.time()})

"""``coolantd demo`` ended before its time, in every way a terminal or a script does it: nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live_site import needs_broker

pytestmark = needs_broker
PATIENCE_S = 40.0


HEED_SIGNALS = ("env", "--default-signal=INT,HUP")
"""Undoes what nohup, or a shell in whose background the tests run, tells its children: the demo keeps to that."""


def started(duration_s):
    """A demo that shows how things stand, the lines so far, and the pid of each of its processes."""
    command = [*HEED_SIGNALS, sys.executable, "-m", "coolantd", "demo", "--duration", str(duration_s)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "supply" in line:  # the first of the lines that tell how things stand
            break
    processes = next(line for line in lines if "processes" in line).split("processes", 1)[1]
    pids = {name: int(pid) for name, pid in (word.split() for word in processes.split(","))}
    return demo, lines, pids


@pytest.mark.parametrize(
    ("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)]
)
def test_demo_told_to_end_sums_up_and_leaves_no_process(number, whole_group):
    demo, _, pids = started(60)
    try:
        (os.killpg if whole_group else os.kill)(demo.pid, number)
        rest, complaints = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.kill()
    assert len(pids) == 3
    assert [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()] == []
    assert complaints == ""
    assert demo.returncode == 0
    assert "interrupted" in rest


def test_a_device_stopped_on_purpose_is_shown_in_failsafe_and_the_demo_goes_on():
    """What the demo invites to: stop it, see what the daemon says, let it go on."""
    demo, _, pids = started(26)
    try:
        os.kill(pids["simulator"], signal.SIGSTOP)
        time.sleep(9.0)  # over the 5 s between two lines, whatever a look at somebody silent takes
        os.kill(pids["simulator"], signal.SIGCONT)
        rest, complaints = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.kill()
    assert "the simulator does not answer  failsafe (supply temp bad)" in rest
    last = [line for line in rest.splitlines() if "/26 s" in line][-1]
    assert "automatic" in last
    assert "summary of 26" in rest
    assert (complaints, demo.returncode) == ("", 0)


def test_a_daemon_killed_on_purpose_leaves_the_device_to_itself_and_is_named_at_the_end():
    demo, _, pids = started(14)
    try:
        os.kill(pids["daemon"], signal.SIGKILL)
        rest, complaints = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.kill()
    assert re.search(r"load .* kW  supply .* degC .* the daemon does not answer  daemon ended with status -9", rest)
    assert complaints.startswith("daemon ended with status -9")
    assert demo.returncode == 1


def runs(pid):
    """Return whether a process runs; one that nobody has asked how it ended, its parent being gone, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_demo_killed_outright_leaves_no_process_and_no_file():
    demo, _, pids = started(60)
    try:
        folder = Path(f"/proc/{pids['daemon']}/fd/1").readlink().parent
        assert folder.is_dir()
        os.kill(pids["simulator"], signal.SIGSTOP)  # even one that was stopped on purpose
    finally:
        demo.kill()
        demo.communicate(timeout=PATIENCE_S)
    until_s = time.monotonic() + PATIENCE_S
    while left := [name for name, pid in pids.items() if runs(pid)]:
        assert time.monotonic() < until_s, left
        time.sleep(0.2)
    while folder.exists():
        assert time.monotonic() < until_s, sorted(each.name for each in folder.iterdir())
        time.sleep(0.2)

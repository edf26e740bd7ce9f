"""``coolantd demo`` ended before its time, in every way a terminal or a script does it: nothing is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from live_site import needs_broker

pytestmark = needs_broker
PATIENCE_S = 40.0


@pytest.mark.parametrize(
    ("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)]
)
def test_demo_told_to_end_sums_up_and_leaves_no_process(number, whole_group):
    command = [sys.executable, "-m", "coolantd", "demo", "--duration", "60"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    lines = []
    try:
        for line in demo.stdout:
            lines.append(line)
            if "supply" in line:  # the first of the lines that tell how things stand
                break
        (os.killpg if whole_group else os.kill)(demo.pid, number)
        rest, complaints = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.kill()
    processes = next(line for line in lines if "processes" in line).split("processes", 1)[1]
    pids = [int(word.strip().split()[1]) for word in processes.split(",")]
    assert len(pids) == 3
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert complaints == ""
    assert demo.returncode == 0
    assert "interrupted" in rest

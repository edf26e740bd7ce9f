"""``coolantd run``: what is wrong with its arguments is one sentence and exit 2, before anything is started."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from coolantd.cli.run import run

app = typer.Typer()
app.command()(run)


@pytest.mark.parametrize("speed", ["0", "-1", "51", "nan"])
def test_a_clock_rate_out_of_range_is_one_sentence_and_exit_2(tmp_path, speed):
    result = CliRunner().invoke(app, ["--config", str(tmp_path / "none.toml"), "--speed", speed])
    assert result.exit_code == 2
    assert result.stderr == f"--speed = {float(speed):g}, allowed: 0.1 to 50\n"


def test_two_different_configurations_are_one_too_many(tmp_path):
    one, other = str(tmp_path / "a.toml"), str(tmp_path / "b.toml")
    result = CliRunner().invoke(app, [one, "--config", other])
    assert result.exit_code == 2
    assert result.stderr == f"two configuration files named, {one} and {other}, allowed: one\n"


def test_a_configuration_that_is_not_there_is_one_line_and_exit_2(tmp_path):
    path = tmp_path / "none.toml"
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 2
    assert f"{path}: cannot be read: No such file or directory" in result.stderr


def test_a_stop_that_hangs_ends_by_itself_and_says_so():
    program = """
import time
from coolantd.cli import run
from coolantd.service import log
log.configure(terminal=False)
run.STOP_MAX_S = 0.2
run._bound_stop()
time.sleep(30.0)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20.0, check=False)
    assert ended.returncode == 1
    assert "stop_forced" in ended.stderr


def test_a_hangup_while_the_daemon_starts_does_not_end_it(tmp_path):
    command = [sys.executable, "-m", "coolantd", "run", "--config", str(tmp_path / "none.toml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not ignores_hangups(process.pid):
            time.sleep(0.002)
        process.send_signal(signal.SIGHUP)
        process.wait(20.0)
        assert process.returncode == 2


def ignores_hangups(pid):
    masks = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(masks.get("SigIgn", "0"), 16) & 1 << signal.SIGHUP - 1

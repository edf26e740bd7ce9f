"""``coolantd simulate``: one sentence and exit 2 for a bad argument; serves, shows and ends on SIGTERM with 0."""

import json
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from coolantd.cli.simulate import simulate
from coolantd.sim.serial_port import ptys_available

app = typer.Typer()
app.command()(simulate)
COMMAND = [sys.executable, "-c", "import typer; from coolantd.cli.simulate import simulate; typer.run(simulate)"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--modbus-port", "65536"], "--modbus-port = 65536, allowed: 0 to 65535"),
        (["--mqtt-port", "0"], "--mqtt-port = 0, allowed: 1 to 65535"),
        (["--speed", "0"], "--speed = 0, allowed: 0.1 to 50"),
        (["--speed", "nan"], "--speed = nan, allowed: 0.1 to 50"),
        (["--noise-ratio", "-1"], "--noise-ratio = -1, allowed: 0 to 100"),
        (["--valve-stroke-s", "0"], "--valve-stroke-s = 0, allowed: 1 to 600"),
        (["--refresh-s", "0.01"], "--refresh-s = 0.01, allowed: 0.1 to 60"),
        (["--topic", "a/+"], "--topic = 'a/+', allowed: a topic without wildcards and outer slashes"),
        (["--steps", "0"], "steps: '0' is not TIME:LOAD[/RAMP], for example 60:100 or 60:100/30"),
        (["--scenario", "/nowhere.toml"], "/nowhere.toml: cannot be read: No such file or directory"),
        (["--trace", "/nowhere.csv"], "--trace and --trace-column: allowed: both or none"),
        (["--steps", "0:1", "--scenario", "x"], "--scenario, --steps and --trace: more than one given, allowed: one"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_exit_2(arguments: list[str], sentence: str):
    result = CliRunner().invoke(app, [*arguments, "--no-mqtt"])
    assert result.exit_code == 2
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_ends_with_0_when_told_to(stop_signal: signal.Signals):
    command = [*COMMAND, "--no-mqtt", "--modbus-port", "0", "--json", "--steps", "0:50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stdout.readline())
        process.send_signal(stop_signal)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""
    assert first["modbus"]["port"] > 0
    assert first["heat_load_kw"] == pytest.approx(480.0)


def test_a_taken_port_is_one_sentence_and_exit_1():
    with subprocess.Popen(
        [*COMMAND, "--no-mqtt", "--modbus-port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        where = first.stdout.readline()
        port = where.split("127.0.0.1:")[1].split()[0]
        again = [*COMMAND, "--no-mqtt", "--modbus-port", port]
        second = subprocess.run(again, capture_output=True, text=True, check=False)
        line = [first.stdout.readline() for _ in range(2)][-1]
        first.terminate()
        first.communicate(timeout=20)
    assert where.startswith("row CDU: Modbus TCP 127.0.0.1:")
    assert second.returncode == 1
    assert second.stderr == f"cannot listen on 127.0.0.1:{port} for Modbus TCP, allowed: a free port\n"
    assert "command local" in line
    assert first.returncode == 0


@pytest.mark.skipif(not ptys_available(), reason="this machine gives no pseudo terminals")
def test_an_rpu_is_served_on_a_port_that_is_printed(tmp_path):
    link = tmp_path / "by-id" / "usb-rpu"
    command = [*COMMAND, "--no-mqtt", "--modbus-port", "0", "--rpu-link", str(link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(2)]
        there = link.is_symlink()
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert lines[1] == f"RPU: Modbus RTU {link} 19200 8N1 unit 12, profile orv3-rpu\n"
    assert there
    assert not link.is_symlink()
    assert (process.returncode, errors) == (0, "")

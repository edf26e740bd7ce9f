"""``coolantd check``: exit code, words and JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from coolantd.cli.check import check
from coolantd.config.build import point_specs
from coolantd.config.load import load

DEMO = Path(__file__).parents[3] / "config" / "demo.toml"


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(check)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.toml"
    text = DEMO.read_text().replace("setpoint_c = 34.0", "setpoint_c = 19.0").replace("port = 9470", "prt = 9470")
    path.write_text(text)
    return path


def test_valid(run):
    result = run(DEMO)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"OK: {DEMO}: 2 devices, ")
    assert "2 loops" in result.stdout
    assert result.stderr == ""


def test_it_counts_the_points_that_status_will_show(run):
    """Setpoints that are only ever sent have no row in the point table."""
    assert json.loads(run(DEMO, "--json").stdout)["points"] == len(point_specs(load(DEMO)))


def test_wrong_lists_everything_on_stderr(run, wrong):
    result = run(wrong)
    lines = wrong.read_text().splitlines()
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, count = result.stderr.splitlines()
    assert first == f"{wrong}:{lines.index('prt = 9470') + 1}: http.prt: unknown key, did you mean port?, got 9470"
    assert second.startswith(f"{wrong}:{lines.index('setpoint_c = 19.0') + 1}: cdu[0].supply_temp.setpoint_c: ")
    assert second.endswith(", got 19, allowed: 20 or more")
    assert count == "2 problems"


def test_json(run, wrong):
    good, bad = run(DEMO, "--json"), run(wrong, "--json")
    answer = json.loads(good.stdout)
    assert (good.exit_code, answer["ok"], answer["problems"], answer["devices"]) == (0, True, [], 2)
    answer = json.loads(bad.stdout)
    assert (bad.exit_code, answer["ok"]) == (2, False)
    assert [problem["key"] for problem in answer["problems"]] == ["http.prt", "cdu[0].supply_temp.setpoint_c"]
    assert bad.stderr == ""


def test_missing_file(run, tmp_path):
    result = run(tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_importing_the_configuration_brings_in_no_compiler():
    """Start-up budget: reading a configuration must not wait for numba, scipy or any wire library."""
    code = "import coolantd.config.load, coolantd.config.diff, sys; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"numba", "scipy", "numpy", "pymodbus", "aiomqtt", "aiohttp"} & set(found.stdout.split())


WITH_USER = 'client_id = "coolantd-demo-row"\nusername = "u"\n'


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A configuration with these lines in its [mqtt]."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    def write(line):
        path = tmp_path / "site.toml"
        path.write_text(DEMO.read_text().replace('client_id = "coolantd-demo-row"\n', f"{WITH_USER}{line}\n"))
        return path

    return write


@pytest.mark.parametrize("kind", ["missing", "no file"])
def test_a_password_file_that_cannot_be_used_is_a_mistake_at_its_line(run, site, tmp_path, kind):
    secret = tmp_path / "missing" if kind == "missing" else tmp_path
    path = site(f'password_file = "{secret}"')
    result = run(path)
    line = path.read_text().splitlines().index(f'password_file = "{secret}"') + 1
    assert result.exit_code == 2
    sentence, count = result.stderr.splitlines()
    assert sentence.startswith(f"{path}:{line}: mqtt.password_file: cannot be read: ")
    assert count == "1 problem"


def test_a_password_file_that_is_there(run, site, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    result = run(site(f'password_file = "{tmp_path / "secret"}"'))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "s3cret" not in result.output
    assert len(result.stdout.splitlines()) == 1


def test_a_credential_outside_the_unit_is_said_to_be_unchecked(run, site):
    """Only systemd knows where it is; that is no mistake, but no all-clear either."""
    path = site('password_credential = "broker"')
    result = run(path)
    assert result.exit_code == 0
    assert "mqtt.password_credential broker was not checked" in result.stdout
    assert json.loads(run(path, "--json").stdout)["remarks"] != []


def test_a_credential_that_is_missing_inside_the_unit(run, site, tmp_path, monkeypatch):
    path = site('password_credential = "broker"')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    result = run(path)
    assert result.exit_code == 2
    assert "mqtt.password_credential: cannot be read" in result.stderr
    (tmp_path / "broker").write_text("s3cret\n")
    assert run(path).exit_code == 0


LINE = """
[[line]]
name = "rack-bus"
port = "/dev/serial/by-id/usb-a"

[[device]]
name = "rpu1"
profile = "orv3-rpu"
modbus_rtu = { line = "rack-bus", unit_id = 12 }
monitor_only = true
"""


def test_each_line_is_shown_with_its_settings_and_how_full_it_is(run, tmp_path):
    path = tmp_path / "line.toml"
    path.write_text(DEMO.read_text() + LINE)
    result = run(path)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert ", 1 line, " in first
    assert second.startswith(
        "line rack-bus: /dev/serial/by-id/usb-a, 1 device, 19200 baud, parity none, 1 stop bit, at least "
    )
    assert second.endswith(" % of its time")
    assert json.loads(run(path, "--json").stdout)["lines"] == 1

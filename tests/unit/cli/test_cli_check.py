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

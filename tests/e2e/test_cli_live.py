"""The command line as a user meets it: exit codes, one clear sentence, and JSON that stands alone."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from live_site import live_site, needs_broker

from coolantd.sim.demo_site import demo_site

SUMMARY_KEYS = {
    *("supply_deviation_peak_k", "supply_settle_s", "cycles", "cycle_lateness_p99_s", "writes", "writes_refused"),
    *("points", "points_bad_s", "http"),
}
CONFIG_DIR = Path(__file__).parents[2] / "config"
EXAMPLES = sorted({*CONFIG_DIR.glob("*.toml")} - {*CONFIG_DIR.glob("plan.*")})


def coolantd(*arguments, timeout_s=30.0):
    return subprocess.run(
        [sys.executable, "-m", "coolantd", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.fixture
def broken(tmp_path):
    """A configuration with three mistakes in three places."""
    text = (Path(__file__).parents[2] / "config/demo.toml").read_text()
    for old, new in (
        ("setpoint_c = 34.0", "setpoint_c = 340.0"),
        ("port = 9470", 'port = "http"'),
        ("gain_pct_per_kpa = 0.1", "gain_pct_per_bar = 0.1"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / "broken.toml"
    path.write_text(text)
    return path


def line_of(path, text):
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_check_is_content_with_the_examples(path):
    done = coolantd("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: ")
    answer = json.loads(coolantd("check", path, "--json").stdout)
    assert answer["ok"] is True
    assert answer["problems"] == []


def test_check_lists_every_mistake_with_its_line(broken):
    done = coolantd("check", broken)
    assert done.returncode == 2
    for text in ("setpoint_c = 340.0", 'port = "http"', "gain_pct_per_bar"):
        assert re.search(rf"^{re.escape(str(broken))}:{line_of(broken, text)}: ", done.stderr, re.MULTILINE), text
    assert "Traceback" not in done.stderr
    as_json = coolantd("check", broken, "--json")
    assert as_json.returncode == 2
    answer = json.loads(as_json.stdout)
    assert answer["ok"] is False
    assert {line_of(broken, "setpoint_c = 340.0"), line_of(broken, "gain_pct_per_bar")} <= {
        problem["line"] for problem in answer["problems"]
    }


def test_run_refuses_a_wrong_configuration_line_by_line(broken):
    done = coolantd("run", "--config", broken)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) >= 3
    assert all(re.match(rf"{re.escape(str(broken))}:\d+: \S+: ", line) for line in lines), done.stderr


def test_run_says_in_one_sentence_that_its_port_is_taken():
    with demo_site(1.0) as site, socket.create_server(("127.0.0.1", site.http_port)):
        done = coolantd("run", "--config", site.config)
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        assert len(said) == 1, done.stderr
        assert f"127.0.0.1:{site.http_port}" in said[0]
        assert "Traceback" not in done.stderr
        assert not site.daemon_socket.exists()


@pytest.mark.parametrize(
    "command", [("status",), ("status", "--json"), ("reload",), ("reload", "--dry-run")], ids=" ".join
)
def test_without_a_daemon_one_sentence_says_so(tmp_path, command):
    done = coolantd(*command, "--socket", tmp_path / "control.sock")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "coolantd is not running" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("demo", "--speed", "1000"), ("demo", "--duration", "1"), ("simulate", "--speed", "0"), ("rum",)],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_says_what_is_allowed(arguments):
    done = coolantd(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.slow
class TestDemo:
    pytestmark = needs_broker

    def test_json_is_one_object_with_everything_measured(self):
        done = coolantd("demo", "--duration", "12", "--speed", "5", "--json", timeout_s=60.0)
        assert (done.returncode, done.stderr) == (0, "")
        summary = json.loads(done.stdout)
        assert summary.keys() >= SUMMARY_KEYS
        assert done.stdout.count("\n") == 1
        assert summary["cycles"] > 80
        assert summary["writes"] > 20
        assert (summary["writes_refused"], summary["writes_refused_by_device"]) == (0, 0)
        assert summary["points"] > 50
        assert summary["points_bad_s"] == 0.0
        assert summary["modes"] == {"cdu1": "automatic"}
        assert 0.0 < summary["supply_deviation_peak_k"] < 8.0

    def test_in_words_it_tells_addresses_and_a_summary(self):
        done = coolantd("demo", "--duration", "10", "--speed", "10", timeout_s=60.0)
        assert (done.returncode, done.stderr) == (0, "")
        for text in ("metrics   http://127.0.0.1:", "summary of 10", "load 10 -> 100 %", "degC"):
            assert text in done.stdout, text

    def test_a_running_daemon_answers_status_and_reload(self):
        with live_site(0.5) as site:
            at = ("--socket", site.demo.daemon_socket)
            shown = coolantd("status", *at)
            assert (shown.returncode, shown.stderr) == (0, "")
            for text in ("cdu1", "automatic", "manifold1"):
                assert text in shown.stdout
            site.edit(("setpoint_c = 34.0", "setpoint_c = 34.5"))
            checked = coolantd("reload", "--dry-run", *at)
            assert checked.returncode == 0
            assert "34.5" in checked.stdout
            assert "these changes would be made" in checked.stdout
            assert site.status()["loops"][0]["setpoint_target"] == 34.0
            done = coolantd("reload", *at)
            assert (done.returncode, "reloaded" in done.stdout) == (0, True)
            assert site.status()["loops"][0]["setpoint_target"] == 34.5
            site.edit(("setpoint_c = 34.5", "setpoint_c = 345"))
            refused = coolantd("reload", *at)
            assert refused.returncode == 2
            assert re.match(rf"{re.escape(str(site.demo.config))}:\d+: cdu\[0\]", refused.stderr)
            assert site.status()["loops"][0]["setpoint_target"] == 34.5
            assert site.get("/readyz")[0] == 200

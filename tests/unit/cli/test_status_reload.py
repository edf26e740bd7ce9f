"""``coolantd status`` and ``coolantd reload`` against a real control socket."""

import os
import pty
import select
import subprocess
import sys
import time

import orjson
import pytest
from fake_daemon import command, daemon
from service_view_factory import make_view, uncertain
from typer.testing import CliRunner

from coolantd.cli.reload import reload
from coolantd.cli.status import status
from coolantd.point import Reason, bad, good
from coolantd.service.view_json import view_json

runner = CliRunner()


@pytest.fixture
def view():
    samples = [good(34.567, 0.0), bad(Reason.NO_COMMUNICATION, 0.0), uncertain(20.0, Reason.STUCK)]
    return view_json(make_view(samples))


def test_status_shows_modes_loops_actuators_devices_and_points(tmp_path, view):
    path = tmp_path / "c.sock"
    with daemon(path, {"status": view}):
        result = runner.invoke(command(status), ["--socket", str(path)])
    assert result.exit_code == 0
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "test-row coolantd 0.1.0 up 1h02m ready broker connected compiled kernel" in rows
    assert "cdu1 automatic 10m00s" in rows
    assert "cdu1 supply_temp 34.00 34.50 degC 42.00" in rows
    assert "cdu1 fws_valve_position_setpoint_pct 42.00 41.50" in rows
    assert "manifold1 mqtt manifold/1 down timeout" in rows
    assert "cdu1 temp_0_c 34.57 degC good 0.25" in rows
    assert "cdu1 temp_1_c - degC bad no_communication 0.25" in rows
    assert "cdu1 temp_2_c 20.00 degC uncertain stuck 0.25" in rows


def test_status_in_a_pipe_is_plain(tmp_path, view):
    path = tmp_path / "c.sock"
    with daemon(path, {"status": view}):
        out = runner.invoke(command(status), ["--socket", str(path)]).stdout
    assert "\x1b" not in out
    assert out.isascii()


def test_status_says_why_not_ready_and_that_a_reload_failed(tmp_path):
    changed = view_json(make_view(ready=False, ready_cause="waiting for the first scan"))
    changed["reload"] = {"successful": False, "success_time_s": 1.0, "digest": "", "error": "a.toml:3: x: bad [y]"}
    path = tmp_path / "c.sock"
    with daemon(path, {"status": changed}):
        out = runner.invoke(command(status), ["--socket", str(path)]).stdout
    assert "not ready: waiting for the first scan" in out
    assert "last reload failed: a.toml:3: x: bad [y]" in out


def test_status_json_is_one_object(tmp_path, view):
    path = tmp_path / "c.sock"
    with daemon(path, {"status": view}) as orders:
        result = runner.invoke(command(status), ["--json", "--socket", str(path)])
    assert orjson.loads(result.stdout) == view
    assert orders == [{"command": "status"}]


@pytest.mark.parametrize("function", [status, reload])
def test_no_daemon_is_exit_1_and_one_sentence(tmp_path, function):
    result = runner.invoke(command(function), ["--socket", str(tmp_path / "none.sock")])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{tmp_path}/none.sock: there is no control socket, so coolantd is not running here"
    ]


def test_watch_refreshes_until_interrupted(tmp_path, view, monkeypatch):
    path, pauses = tmp_path / "c.sock", []

    def pause(duration_s):
        pauses.append(duration_s)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("coolantd.cli.status.time.sleep", pause)
    with daemon(path, {"status": view}) as orders:
        result = runner.invoke(command(status), ["--watch", "--json", "--socket", str(path)])
    assert result.exit_code == 0
    assert len(orders) == len(result.stdout.splitlines()) == 3
    assert pauses == [1.0] * 3


CODE = "import sys, typer; from coolantd.cli.status import status; sys.argv[0] = 'x'; typer.run(status)"


def test_watch_on_a_terminal_survives_a_restart_of_the_daemon(tmp_path, view):
    path = tmp_path / "c.sock"
    main_fd, terminal_fd = pty.openpty()
    process = None

    def read_until(text: bytes) -> None:
        shown, deadline_s = b"", time.monotonic() + 20
        while text not in shown:
            assert time.monotonic() < deadline_s, shown
            if select.select([main_fd], [], [], 0.2)[0]:
                shown += os.read(main_fd, 65536)

    try:
        with daemon(path, {"status": view}):
            process = subprocess.Popen(
                [sys.executable, "-c", CODE, "--watch", "--socket", str(path)],
                **dict.fromkeys(("stdin", "stdout", "stderr"), terminal_fd),
                env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"},
            )
            read_until(b"test-row")
        read_until(b"not running")
        with daemon(path, {"status": view}):
            read_until(b"test-row")
            process.send_signal(2)
            while select.select([main_fd], [], [], 0.2)[0]:
                os.read(main_fd, 65536)
            assert process.wait(10) == 0
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        os.close(main_fd)
        os.close(terminal_fd)


def test_reload_prints_its_changes(tmp_path):
    path = tmp_path / "c.sock"
    with daemon(path, {"reload": {"ok": True, "problems": [], "changes": ["cdu1: setpoint_c 34 -> 33"]}}) as orders:
        result = runner.invoke(command(reload), ["--socket", str(path)])
    assert (result.exit_code, result.stdout) == (0, "cdu1: setpoint_c 34 -> 33\nreloaded\n")
    assert orders == [{"command": "reload", "dry_run": False}]


def test_reload_dry_run_says_so(tmp_path):
    path = tmp_path / "c.sock"
    with daemon(path, {"reload": {"ok": True, "problems": [], "changes": ["x"]}}) as orders:
        result = runner.invoke(command(reload), ["--dry-run", "--socket", str(path)])
    assert (result.exit_code, result.stdout) == (0, "x\nthese changes would be made\n")
    assert orders == [{"command": "reload", "dry_run": True}]


def test_reload_with_nothing_to_change(tmp_path):
    path = tmp_path / "c.sock"
    with daemon(path, {"reload": {"ok": True, "problems": [], "changes": []}}):
        result = runner.invoke(command(reload), ["--socket", str(path)])
    assert (result.exit_code, result.stdout) == (0, "nothing to change\n")


def test_reload_of_an_invalid_config_is_exit_2_with_every_problem(tmp_path):
    path = tmp_path / "c.sock"
    reply = {"ok": False, "problems": ["a.toml:3: x: bad", "a.toml:9: y: worse"], "changes": []}
    with daemon(path, {"reload": reply}):
        result = runner.invoke(command(reload), ["--socket", str(path)])
        as_json = runner.invoke(command(reload), ["--json", "--socket", str(path)])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[:2] == reply["problems"]
    assert "stays" in result.stderr
    assert as_json.exit_code == 2
    assert orjson.loads(as_json.stdout) == reply

"""``coolantd device``: its words, its JSON, its exit codes; against a real control socket."""

import orjson
import pytest
from fake_daemon import daemon
from service_view_factory import make_view
from typer.testing import CliRunner

from coolantd.cli.device import device, duration_s
from coolantd.point import good
from coolantd.service.view_json import view_json

PAUSED = {
    "ok": True,
    "bus": "rack-bus",
    "devices": ["rpu1", "rpu2"],
    "for_s": 5400.0,
    "until_time_s": 1.7e9,
    "not_handed_over": [],
}
RESUMED = {"ok": True, "bus": "rack-bus", "devices": ["rpu1", "rpu2"], "was_paused": True, "taken_back": []}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.sock"


@pytest.fixture
def run(path):
    return lambda *words: CliRunner().invoke(device, [*words, "--socket", str(path)])


def test_pause_says_every_device_it_affects_and_until_when(run, path):
    with daemon(path, {"device_pause": PAUSED}) as orders:
        result = run("pause", "rpu1", "--for", "1.5h")
    assert result.exit_code == 0
    assert orders == [{"command": "device_pause", "device": "rpu1", "for_s": 5400.0}]
    assert result.stdout.startswith("paused until ")
    assert "rack-bus with rpu1, rpu2" in result.stdout
    assert result.stderr == ""


def test_the_daemon_says_how_long_a_pause_is_when_nobody_does(run, path):
    with daemon(path, {"device_pause": PAUSED}) as orders:
        run("pause", "rpu1")
    assert orders == [{"command": "device_pause", "device": "rpu1"}]


def test_a_device_that_did_not_acknowledge_is_named(run, path):
    with daemon(path, {"device_pause": {**PAUSED, "not_handed_over": ["rpu2"]}}):
        result = run("pause", "rpu1")
    assert result.exit_code == 0
    assert "rpu2 did not acknowledge" in result.stderr


@pytest.mark.parametrize(
    ("was_paused", "taken_back", "words"),
    [
        (True, [], "resumed: rack-bus with rpu1, rpu2"),
        (False, ["a_pct", "b_pct"], "taken back from another writer: a_pct, b_pct"),
        (False, [], "nothing to resume: rpu1 was neither paused"),
    ],
)
def test_resume_says_what_it_ended(run, path, was_paused, taken_back, words):
    with daemon(path, {"device_resume": {**RESUMED, "was_paused": was_paused, "taken_back": taken_back}}) as orders:
        result = run("resume", "rpu1")
    assert result.exit_code == 0
    assert orders == [{"command": "device_resume", "device": "rpu1"}]
    assert words in result.stdout


@pytest.mark.parametrize(("words", "reply"), [(("pause", "rpu1"), PAUSED), (("resume", "rpu1"), RESUMED)])
def test_json_is_the_reply(run, path, words, reply):
    with daemon(path, {"device_pause": PAUSED, "device_resume": RESUMED}):
        assert orjson.loads(run(*words, "--json").stdout) == reply


def test_a_refusal_is_one_sentence_and_exit_1(run, path):
    with daemon(path, {"device_resume": {"error": "no device 'rpu9', allowed: rpu1, rpu2"}}):
        result = run("resume", "rpu9")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.strip() == f"{path}: no device 'rpu9', allowed: rpu1, rpu2"


@pytest.mark.parametrize("words", [("list",), ("pause", "x"), ("resume", "x")])
def test_no_daemon(run, words):
    result = run(*words)
    assert result.exit_code == 1
    assert "coolantd is not running here" in result.stderr


def test_list_shows_devices_and_how_long_a_pause_lasts(run, path):
    view = view_json(make_view([good(1.0, 0.0)]))
    first = view["devices"][0]
    view["devices"] = [{**first, "name": "rpu1", "up": False, "fault": "paused", "paused_left_s": 725.0}]
    with daemon(path, {"status": view}):
        table, as_json = run("list"), run("list", "--json")
    (row,) = [" ".join(line.split()) for line in table.stdout.splitlines() if "rpu1" in line]
    assert row.endswith("paused 12m05s left")
    assert orjson.loads(as_json.stdout) == {"devices": view["devices"]}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("0.5h", 1800.0)])
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "30 m", "-30m", "1e3s", "30d", "nan", "3\n0m", "9999999s"])
def test_anything_else_is_refused_before_the_daemon_is_asked(run, text):
    result = run("pause", "rpu1", "--for", text)
    assert result.exit_code == 2
    assert "for example 90s, 30m or 2h" in result.stderr
    assert len(result.stderr.splitlines()) == 1

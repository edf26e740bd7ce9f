"""``coolantd override``: its words, its JSON, its exit codes; against a real control socket."""

import orjson
import pytest
from fake_daemon import daemon
from service_view_factory import HELD, make_view
from typer.testing import CliRunner

from coolantd.cli.override import login_name, override
from coolantd.cli.override_table import holder, override_notes, time_left
from coolantd.service.view_json import view_json

SET = {
    "ok": True,
    "target": "cdu1.valve",
    "value": 60.0,
    "unit": "%",
    "lease_s": 1800.0,
    "until_time_s": 1.7e9,
    "replaced": "",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.sock"


@pytest.fixture
def run(path):
    return lambda *words: CliRunner().invoke(override, [*words, "--socket", str(path)])


def test_set_says_until_when_and_sends_who_why_and_how_long(run, path):
    with daemon(path, {"override_set": SET}) as orders:
        result = run("set", "cdu1.valve", "60", "--reason", "flushing", "--for", "2h", "--owner", "ann")
    assert result.exit_code == 0
    assert orders == [
        {
            "command": "override_set",
            "target": "cdu1.valve",
            "value": 60.0,
            "reason": "flushing",
            "owner": "ann",
            "take_over": False,
            "lease_s": 7200.0,
        }
    ]
    assert result.stdout.startswith("cdu1.valve held at 60 % until ")


def test_the_owner_is_the_login_name_behind_sudo_its_caller(run, path, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "carol")
    assert login_name() == "carol"
    with daemon(path, {"override_set": {**SET, "replaced": "ann"}}) as orders:
        result = run("set", "cdu1.valve", "60", "--reason", "flushing", "--take-over")
    assert (orders[0]["owner"], orders[0]["take_over"]) == ("carol", True)
    assert "lease_s" not in orders[0], "the daemon says how long it is when nobody does"
    assert "taken over from ann" in result.stdout


def test_release_says_what_was_let_go(run, path):
    with daemon(path, {"override_release": SET}) as orders:
        result = run("release", "cdu1.valve", "--owner", "ann")
    assert orders == [{"command": "override_release", "target": "cdu1.valve", "owner": "ann", "take_over": False}]
    assert result.stdout == "cdu1.valve released from 60 %\n"


def test_list_shows_who_why_and_what_ranks_above_it(run, path):
    view = view_json(make_view(overrides=(HELD,)))
    with daemon(path, {"status": view}):
        shown, as_json = run("list"), run("list", "--json")
    for part in ("cdu1.valve", "60", "12m", "ann", "1000", "flushing", "not under control"):
        assert part in shown.stdout
    assert orjson.loads(as_json.stdout)["overrides"][0]["left_s"] == 725.0
    assert override_notes(view) == [
        "cdu1.valve held at 60 % by ann for 12m more: flushing (outranked: the CDU is not under control)"
    ]


def test_list_of_nothing_says_so(run, path):
    with daemon(path, {"status": view_json(make_view())}):
        assert run("list").stdout == "nothing is held\n"


def test_targets_are_shown_with_their_limits(run, path):
    pump = {"target": "cdu1.pump1", "unit": "%", "least": 25.0, "greatest": 100.0, "off": True, "now": 61.04}
    with daemon(path, {"override_targets": {"targets": [pump, {**pump, "now": None, "off": False}]}}):
        shown = run("targets").stdout
    assert "61.0  0, 25 to 100" in shown
    assert "-" in shown


@pytest.mark.parametrize("words", [("set", "x", "1", "--reason", "why"), ("release", "x"), ("list",), ("targets",)])
def test_without_a_daemon_it_fails_with_a_sentence(run, words):
    result = run(*words)
    assert result.exit_code == 1
    assert "coolantd is not running" in result.stderr


def test_a_duration_that_is_none_is_wrong_usage(run):
    assert run("set", "x", "1", "--reason", "why", "--for", "soon").exit_code == 2


def test_who_has_an_actuator_is_said_unless_it_is_its_loop():
    assert holder({"claim": "operator", "claim_owner": "ann", "claim_left_s": 4800.0}) == "ann 1h20m"
    assert holder({"claim": "interlock"}) == "interlock"
    assert holder({"claim": "loop"}) == holder({}) == ""
    assert [time_left(s) for s in (0.4, 59.9, 60.0, 3599.0, 3600.0)] == ["0s", "59s", "1m", "59m", "1h00m"]

"""``coolantd drill``: what it lists, refuses and returns; no site is started."""

import orjson
import pytest
from fake_daemon import command
from typer.testing import CliRunner

from coolantd.cli import drill as module
from coolantd.sim.drill import Outcome


def run(*words):
    return CliRunner().invoke(command(module.drill), words)


def test_the_list_names_every_drill_with_its_hazards():
    shown = run("--list")
    assert shown.exit_code == 0
    assert "pump-trip" in shown.stdout
    assert "FM-44" in shown.stdout


def test_an_unknown_drill_is_wrong_usage_with_what_there_is():
    done = run("earthquake")
    assert done.exit_code == 2
    assert "'earthquake', allowed: over-temp, " in done.stderr
    assert run("pump-trip", "--repeat", "0").exit_code == 2


@pytest.mark.parametrize(("time_s", "status", "word"), [(0.4, 0, "kept"), (1.2, 0, "late"), (2.5, 1, "failed")])
def test_a_broken_promise_is_status_1(monkeypatch, time_s, status, word):
    found = Outcome("pump-trip", "about", ("FM-01",), goal_s=0.75, max_s=2.0, times_s=[time_s])
    monkeypatch.setattr(module, "_carry_out", lambda chosen, repeat, quiet: [found])
    done = run("pump-trip")
    assert done.exit_code == status
    assert word in done.stdout
    as_json = run("pump-trip", "--json")
    assert as_json.exit_code == status
    (outcome,) = orjson.loads(as_json.stdout)["outcomes"]
    assert (outcome["verdict"], outcome["times_s"]) == (word, [time_s])

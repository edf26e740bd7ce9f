"""``coolantd alarm`` over a real socket: what it orders, what it prints, and what it says when it cannot."""

import csv
import io
import json

import pytest
from fake_daemon import daemon
from service_view_factory import ALARM, make_view
from typer.testing import CliRunner

from coolantd.cli.alarm import alarm
from coolantd.cli.alarm_export import PAGE_ROWS, all_events, as_csv, as_json
from coolantd.cli.alarm_lines import LINES_MAX
from coolantd.cli.alarm_tables import print_alarms, print_events
from coolantd.cli.status_tables import render, status_console
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.view_json import alarms_json, view_json

TAG = ALARM.tag
EVENT = {
    "id": 3,
    "time_s": 1.7e9,
    "kind": "fouling",
    "subject": "cdu1",
    "priority": "low",
    "event": "released_active",
    "state_before": "shelved",
    "state": "unacknowledged",
    "detail": "",
    "first_out": False,
    "uid": 1000,
    "owner": "ana",
    "reason": "=1+1",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.sock"


def run(path, *words):
    return CliRunner().invoke(alarm, [*words, "--socket", str(path)])


def shown(**changes):
    from dataclasses import replace

    return alarms_json(AlarmsView(alarms=(replace(ALARM, **changes),), flood=False, announced_10min=1))


def test_list_without_a_terminal_is_json_of_what_is_shown(path):
    view = alarms_json(AlarmsView(alarms=(ALARM,)))
    hidden = shown(state="shelved")["alarms"] + shown(collapsed=True)["alarms"]
    view["alarms"] += hidden
    with daemon(path, {"alarm_list": view}):
        some, everything = run(path, "list"), run(path, "list", "--all")
    assert [each["tag"] for each in json.loads(some.stdout)["alarms"]] == [TAG]
    assert len(json.loads(everything.stdout)["alarms"]) == 3


def test_the_table_gives_cause_consequence_and_action_and_counts_what_is_hidden(capsys):
    view = alarms_json(AlarmsView(alarms=(ALARM, ALARM), flood=True))
    print_alarms(view, view["alarms"][:1])
    text = capsys.readouterr().out
    for word in (TAG, "low", "unacknowledged for 12s", "first of its group", "cause: the exchanger is dirty"):
        assert word in text
    assert "consequence: less heat passes" in text
    assert "action: clean it" in text
    assert "1 more with --all, of a flood" in text
    print_alarms(alarms_json(AlarmsView()), [])
    assert capsys.readouterr().out == "no alarms\n"


def test_the_history_is_a_table_of_who_did_what(capsys):
    print_events([EVENT, EVENT | {"uid": None, "owner": ""}])
    text = capsys.readouterr().out
    assert "released active" in text
    assert "ana uid 1000" in text


def test_ack_orders_by_name_or_all_and_tells_what_came_of_it(path):
    reply = {
        "ok": True,
        "acknowledged": [TAG],
        "released": ["cdu1/level_lost"],
        "not_released": {"z/leak": "still wet"},
    }
    with daemon(path, {"alarm_ack": reply}) as orders:
        result = run(path, "ack", TAG, "z/leak")
        everything = run(path, "ack", "--all")
    assert orders == [{"command": "alarm_ack", "tags": [TAG, "z/leak"]}, {"command": "alarm_ack", "all": True}]
    assert result.stdout == f"acknowledged: {TAG}\nreleased: cdu1/level_lost\n"
    assert result.stderr == "z/leak stays latched: still wet\n"
    assert everything.exit_code == 0


@pytest.mark.parametrize("words", [["ack"], ["ack", TAG, "--all"]])
def test_ack_wants_either_names_or_all(path, words):
    result = run(path, *words)
    assert (result.exit_code, result.stderr) == (2, "name alarms as subject/kind, or give --all\n")


def test_nothing_to_acknowledge_is_said(path):
    with daemon(path, {"alarm_ack": {"ok": True, "acknowledged": [], "released": [], "not_released": {}}}):
        assert run(path, "ack", TAG).stdout == "nothing waited for an acknowledgement\n"


def test_shelve_orders_owner_reason_and_time(path):
    with daemon(path, {"alarm_shelve": {"ok": True, "tag": TAG, "for_s": 5400.0}}) as orders:
        result = run(path, "shelve", TAG, "--reason", "Monday", "--for", "90m", "--owner", "ana")
    assert orders == [{"command": "alarm_shelve", "tag": TAG, "reason": "Monday", "owner": "ana", "for_s": 5400.0}]
    assert result.stdout.startswith("shelved until ")
    wrong = run(path, "shelve", TAG, "--reason", "x", "--for", "soon")
    assert wrong.exit_code == 2
    assert "--for = 'soon'" in wrong.stderr
    assert run(path, "shelve", TAG).exit_code == 2, "a reason must be given"


@pytest.mark.parametrize("word", ["unshelve", "unsuppress"])
def test_showing_again(path, word):
    with daemon(path, {f"alarm_{word}": {"ok": True, "tag": TAG}}) as orders:
        result = run(path, word, TAG)
        as_json_too = run(path, word, TAG, "--json")
    assert orders[0] == {"command": f"alarm_{word}", "tag": TAG}
    assert result.stdout.endswith(f": {TAG}\n")
    assert json.loads(as_json_too.stdout)["ok"]


def test_suppress_takes_the_login_name_where_no_owner_is_given(path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "bo")
    with daemon(path, {"alarm_suppress": {"ok": True, "tag": TAG}}) as orders:
        run(path, "suppress", TAG, "--reason", "not fitted")
    assert orders == [{"command": "alarm_suppress", "tag": TAG, "reason": "not fitted", "owner": "bo"}]


def test_a_refusal_is_the_daemons_sentence_and_exit_code_1(path):
    with daemon(path, {}):
        result = run(path, "unshelve", TAG)
    assert result.exit_code == 1
    assert "unknown command" in result.stderr
    assert run(path, "list").exit_code == 1


def test_history_asks_for_what_was_ordered(path):
    with daemon(path, {"alarm_history": {"events": [EVENT]}}) as orders:
        result = run(path, "history", "--rows", "5", "--subject", "cdu1", "--since", "24h")
    assert json.loads(result.stdout) == {"events": [EVENT]}
    assert (orders[0]["rows"], orders[0]["subject"], orders[0]["kind"]) == (5, "cdu1", None)
    assert orders[0]["since_s"] > 0.0
    assert "--since = 'x'" in run(path, "history", "--since", "x").stderr


def test_export_writes_a_file_in_either_form_and_refuses_a_third(path, tmp_path):
    with daemon(path, {"alarm_history": {"events": [EVENT]}}):
        run(path, "export", str(tmp_path / "a.csv"))
        run(path, "export", str(tmp_path / "a.json"), "--format", "json")
        nowhere = run(path, "export", str(tmp_path / "no" / "a.csv"))
    (row,) = csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text()))
    assert (row["id"], row["uid"], row["first_out"]) == ("3", "1000", "0")
    assert row["reason"] == "'=1+1", "no spreadsheet may take a reason for a formula"
    assert json.loads((tmp_path / "a.json").read_text()) == [EVENT]
    assert (nowhere.exit_code, "No such file" in nowhere.stderr) == (1, True)
    assert "allowed: csv, json" in run(path, "export", "--format", "xml").stderr


def test_the_whole_history_is_asked_for_page_by_page_and_comes_oldest_first():
    kept = [EVENT | {"id": number} for number in range(2 * PAGE_ROWS + 3, 0, -1)]

    def ask(order):
        below = order["before_id"] or 10**9
        return {"events": [event for event in kept if event["id"] < below][: order["rows"]]}

    events = all_events(ask, None)
    assert [event["id"] for event in events] == list(range(1, 2 * PAGE_ROWS + 4))
    assert as_csv([]).count("\n") == 1
    assert json.loads(as_json([])) == []


def test_the_status_shows_the_most_urgent_alarms_above_everything_else(capsys):
    view = view_json(make_view())
    view["alarms"]["alarms"] = [view["alarms"]["alarms"][0]] * (LINES_MAX + 2)
    status_console().print(render(view, plain=True))
    text = capsys.readouterr().out
    assert text.count(f"low alarm {TAG}: unacknowledged; the exchanger is dirty") == LINES_MAX
    assert "alarms not shown: 2; coolantd alarm list --all" in text

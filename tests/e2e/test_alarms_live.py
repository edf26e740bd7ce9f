"""A tripped pump on a live site: the alarm says why and what to do, is acknowledged, and goes when the pump is back."""

import csv
import io
import json
import subprocess
import sys
import time

import pytest
from live_site import live_site, needs_broker, wait_for

pytestmark = [*needs_broker, pytest.mark.slow]

TRIPPED = "cdu1/pump_tripped"


def cli(site, *words):
    command = [sys.executable, "-m", "coolantd", "alarm", *words, "--socket", str(site.demo.daemon_socket)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60.0)
    return done.returncode, done.stdout, done.stderr


def listed(site, *words):
    code, out, err = cli(site, "list", *words)
    assert (code, err) == (0, "")
    return {each["tag"]: each for each in json.loads(out)["alarms"]}


@pytest.mark.timeout(240)
def test_fm_01_fm_32_a_pump_trip_is_one_alarm_with_its_words_and_is_acknowledged():
    with live_site(0.5) as site:
        assert TRIPPED not in listed(site, "--all")
        site.demo.ask_simulator("trip_pump", pump=1)
        wait_for("the alarm", lambda: TRIPPED in listed(site), 30.0)
        alarm = listed(site)[TRIPPED]
        assert (alarm["priority"], alarm["state"], alarm["first_out"]) == ("high", "unacknowledged", True)
        assert alarm["cause"].startswith("a pump does not turn as it is told")
        assert alarm["consequence"]
        assert alarm["action"].startswith("look at its drive")
        assert "pump1" in alarm["detail"]
        labels = {"subject": "cdu1", "kind": "pump_tripped", "priority": "high"}
        assert site.metric("coolantd_alarm_state", **labels, state="unacknowledged") == 1.0
        code, page = site.get("/api/v1/alarms")
        assert (code, TRIPPED in [each["tag"] for each in json.loads(page)["alarms"]]) == (200, True)

        assert cli(site, "ack", TRIPPED)[:2] == (0, f"acknowledged: {TRIPPED}\n")
        assert listed(site)[TRIPPED]["state"] == "acknowledged"
        refused = cli(site, "shelve", "cdu1/no_flow", "--reason", "no")
        assert refused[0] == 1
        assert "may not be hidden" in refused[2]

        site.demo.ask_simulator("trip_pump", pump=1, available=True)
        wait_for("its end", lambda: TRIPPED not in listed(site), 90.0)

        code, out, err = cli(site, "export", "--format", "csv")
        assert (code, err) == (0, "")
        told = [(row["event"], row["uid"]) for row in csv.DictReader(io.StringIO(out)) if row["kind"] == "pump_tripped"]
        assert [event for event, _ in told] == ["raised", "acknowledged", "cleared"]
        assert told[1][1] != ""
        assert site.status()["ready"]


@pytest.mark.timeout(240)
def test_a_crash_forgets_neither_what_is_shelved_nor_what_waits_to_be_acknowledged():
    with live_site(0.5) as site:
        site.demo.ask_simulator("trip_pump", pump=1)
        wait_for("the alarm", lambda: TRIPPED in listed(site), 30.0)
        assert (
            cli(site, "shelve", "cdu1/fouling", "--reason", "cleaning on Monday", "--for", "2h", "--owner", "ana")[0]
            == 0
        )
        time.sleep(2.0)  # the state file is written once a second
        site.kill("daemon")
        site.demo.start_daemon()
        wait_for("an answer", lambda: cli(site, "list")[0] == 0, 30.0)  # the socket of the dead one refuses until then
        site.wait_ready()
        alarms = listed(site, "--all")
        assert alarms[TRIPPED]["state"] == "unacknowledged"
        shelved = alarms["cdu1/fouling"]
        assert (shelved["state"], shelved["owner"], shelved["reason"]) == ("shelved", "ana", "cleaning on Monday")
        assert 7000.0 < shelved["hidden_left_s"] <= 7200.0
        told = json.loads(cli(site, "history", "--rows", "100")[1])["events"]
        assert [each["event"] for each in told if each["kind"] == "pump_tripped"] == ["raised"], "it is not told twice"

"""Reloads of a daemon at work: good ones without a bump, bad ones without any effect (must not disturb a device)."""

import itertools
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from live_site import (
    FULL,
    PERIOD_S,
    PUMP_RATE_PCT_PER_S,
    PUMPS,
    VALVE,
    VALVE_RATE_PCT_PER_S,
    live_site,
    needs_broker,
    outside_limits,
    status_of,
    wait_for,
    writes_since,
)

from coolantd.service.control_client import request
from coolantd.sim.ports import free_port

pytestmark = [*needs_broker, pytest.mark.slow]

HANGUPS = 100 if FULL else 52
KINDS = ("good", "bad_syntax", "bad_value", "half_written")
STEADY_HANGUPS = 48 if FULL else 24
"""The first of them: at steady load a reload's own effect stands out."""
PAUSE_S = 0.7
"""Between two reloads: a cycle and a bit, so that each is seen to act."""
STEP_MAX_PCT = 1.0
DEVICE_TURN_S = 0.3
"""The device looks every 0.1 s who commands it."""
GOOD = (
    {"setpoint_c = 34.0": "setpoint_c = 34.4"},
    {"gain_pct_per_k = 4.0": "gain_pct_per_k = 5.0"},
    {"integral_time_s = 20.0": "integral_time_s = 30.0", "gain_pct_per_kpa = 0.1": "gain_pct_per_kpa = 0.12"},
    {},
)
"""Each replaces the one before: every good reload changes something."""


def variant(text, changes):
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def half_written(text, rng):
    """Cut in the middle of a line within the CDU's tables: the file of an editor that has not finished."""
    lines = [m.start() for m in re.finditer(r"^\w+ = ", text, re.MULTILINE) if m.start() > text.index("[[cdu]]")]
    return text[: rng.choice(lines) + 3]


def reloads(site, outcome):
    return site.metric("coolantd_config_reloads_total", outcome=outcome)


def hang_up(site, outcome):
    """Send SIGHUP and wait until it has been acted on; return device times just before and after."""
    before_s, count = site.truth(10**9)["time_s"], reloads(site, outcome)
    site.signal("daemon", signal.SIGHUP)
    wait_for(f"reload with {outcome}", lambda: reloads(site, outcome) == count + 1, 5.0)
    return before_s, site.truth(10**9)["time_s"]


def steps_around(writes, point, span):
    """Steps between consecutive writes of a point of which the later falls within a cycle and a bit of a reload."""
    mine = [w for w in writes if w["point"] == point]
    begin_s, end_s = span[0] - 0.1, span[1] + 2 * PERIOD_S
    return [
        (abs(b["value"] - a["value"]), b["time_s"] - a["time_s"])
        for a, b in itertools.pairwise(mine)
        if begin_s <= b["time_s"] <= end_s
    ]


@pytest.mark.timeout(300)
def test_hangups_drop_no_connection_and_move_nothing():
    rng = random.Random(3)
    steady, stepping, bad = [], [], 0
    with live_site(0.5) as site, status_of(site, 0.03) as daemon:
        text = site.demo.config.read_text()
        files = {
            "bad_syntax": text.replace("period_s = 0.5 ", "period_s = = 0.5 "),
            "bad_value": text.replace("setpoint_c = 34.0", "setpoint_c = 340.0"),
        }
        time.sleep(15.0)
        first, before = site.truth()["writes_total"], site.truth()["modbus"]
        for number in range(HANGUPS):
            kind = KINDS[number % len(KINDS)]
            good = kind == "good"
            if good:
                content = variant(text, GOOD[number // len(KINDS) % len(GOOD)])
            else:
                content = files.get(kind) or half_written(text, rng)
            if number >= STEADY_HANGUPS and number % 13 == 0:
                site.set_load(rng.choice((0.2, 0.5, 0.8, 1.0)))
            site.demo.config.write_text(content)
            digest = site.status()["reload"]["digest"]
            span = hang_up(site, "success" if good else "failure")
            assert site.metric("coolantd_config_last_reload_successful") == float(good)
            reload = site.status()["reload"]
            if good:
                (steady if number < STEADY_HANGUPS else stepping).append(span)
            else:
                bad += 1
                assert reload["digest"] == digest, "a refused file is in force"
                assert re.match(rf"{re.escape(str(site.demo.config))}:\d+: ", reload["error"]), reload["error"]
            time.sleep(PAUSE_S)
        after, writes = site.truth()["modbus"], writes_since(site, first)
        refused_lines = site.log("reload_refused")
        assert site.mode() == "automatic"
        assert len(site.log("mode_changed")) == 3, "failsafe, starting, automatic at the start, and no more"

    assert (after["connections"], after["connections_total"], after["connections_lost"]) == (
        before["connections"],
        before["connections_total"],
        before["connections_lost"],
    )
    unready = [look.state["ready_cause"] for look in daemon.looks if not look.state["ready"]]
    assert unready == [], "a reload made the daemon look as if it had lost control"
    assert outside_limits(writes) == []
    assert len(refused_lines) == bad, "every refused reload has one line of its own"
    assert all(re.match(r"\S+coolantd\.toml:\d+: ", line["problem"]) for line in refused_lines)
    largest = {}
    for point, rate in ((VALVE, VALVE_RATE_PCT_PER_S), *((pump, PUMP_RATE_PCT_PER_S) for pump in PUMPS)):
        largest[point] = max((step for span in steady for step, _ in steps_around(writes, point, span)), default=0.0)
        assert largest[point] <= STEP_MAX_PCT, point
        for span in stepping:
            for step, elapsed_s in steps_around(writes, point, span):
                assert step <= STEP_MAX_PCT + rate * max(elapsed_s, PERIOD_S), point
    new, lost = (after[key] - before[key] for key in ("connections_total", "connections_lost"))
    print(
        f"\n{HANGUPS} hangups, {bad} refused: {lost} connections dropped, {new} new; "
        f"largest step of valve and pumps at a good reload, steady load: "
        f"{', '.join(f'{step:.2f}' for step in largest.values())} %"
    )


SECOND = """
[[device]]
name = "cdu2"
profile = "row-cdu"
modbus_tcp = {{ host = "127.0.0.1", port = {port}, unit_id = 1 }}
"""


def second_cdu(text, port):
    """The configuration with the first CDU's tables doubled for a second one."""
    begin, end = text.index("[[cdu]]"), text.index("[[manifold]]")
    device = SECOND.format(port=port)
    return text[:begin] + device + text[begin:end] + text[begin:end].replace("cdu1", "cdu2") + text[end:]


def cdu(site, name):
    return next((each for each in site.status()["cdus"] if each["name"] == name), None)


@pytest.mark.timeout(180)
def test_a_device_joins_and_leaves_by_reload_and_the_other_never_notices(tmp_path):
    with live_site(0.3) as site, status_of(site, 0.03) as daemon:
        port, control = free_port(), tmp_path / "second.sock"
        other = subprocess.Popen(
            [
                *(sys.executable, "-m", "coolantd", "simulate", "--json", "--no-mqtt", "--steps", "0:60"),
                *("--modbus-port", str(port), "--control", str(control), "--seed", "9"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            _join_and_leave(site, port, control)
        finally:
            other.terminate()
            assert other.wait(5.0) == 0
    modes = {each["mode"] for look in daemon.looks for each in look.state["cdus"] if each["name"] == "cdu1"}
    assert modes == {"automatic"}, "a device joining or leaving made the other one look out of control"


def _join_and_leave(site, port, control):
    def second():
        return request(control, {"command": "state", "since": 0})

    wait_for("the second simulator", control.exists, 30.0)
    time.sleep(3.0)
    before, text = site.truth(), site.demo.config.read_text()
    loads = site.metric("coolantd_config_reloads_total")

    site.demo.config.write_text(second_cdu(text, port))
    checked = request(site.demo.daemon_socket, {"command": "reload", "dry_run": True})
    assert checked["ok"]
    assert any("cdu2" in line for line in checked["changes"])
    assert second()["modbus"]["connections_total"] == 0, "a dry run contacted the new device"
    assert cdu(site, "cdu2") is None
    assert site.metric("coolantd_config_reloads_total") == loads, "a dry run was counted as a reload"

    site.signal("daemon", signal.SIGHUP)
    joined_s = wait_for(
        "the second CDU in automatic", lambda: (cdu(site, "cdu2") or {}).get("mode") == "automatic", 15.0
    )
    time.sleep(5.0)
    there = second()
    assert there["obeying"]
    assert there["modbus"]["connections_total"] == 1
    assert cdu(site, "cdu1")["mode_age_s"] > 5.0 + joined_s, "the first CDU left automatic"

    site.demo.config.write_text(text)
    site.signal("daemon", signal.SIGHUP)
    left_s = wait_for("hand-over of the second CDU", lambda: second()["modbus"]["connections"] == 0, 10.0)
    time.sleep(DEVICE_TURN_S)
    gone = second()
    assert not gone["remote"]
    assert not gone["obeying"]
    assert gone["writes_refused"] == 0
    assert outside_limits(gone["writes"]) == []
    time.sleep(3.0)
    assert second()["writes_total"] == gone["writes_total"], "a removed device was still written to"
    assert cdu(site, "cdu2") is None

    after = site.truth()
    for key in ("connections", "connections_total", "connections_lost"):
        assert after["modbus"][key] == before["modbus"][key], key
    assert (after["takeovers"], after["fallbacks"]) == (before["takeovers"], before["fallbacks"])
    assert cdu(site, "cdu1")["mode"] == "automatic"
    assert site.get("/readyz")[0] == 200
    print(f"\nsecond CDU in automatic {joined_s:.1f} s after SIGHUP, handed over {left_s:.1f} s after its removal")


def test_a_cdu_that_is_only_watched_from_now_on_is_handed_over_at_once():
    """Without the hand-over its device would go on obeying setpoints nobody looks after until its timeout of 5 s."""
    with live_site(0.5) as site:
        text = site.demo.config.read_text()
        begin, end = text.index("[[cdu]]"), text.index("[[manifold]]")
        watched = (text[:begin] + text[end:]).replace("poll_slow_s = 60.0", "poll_slow_s = 60.0\nmonitor_only = true")
        site.demo.config.write_text(watched)
        reply = site.demo.ask_daemon("reload")
        assert reply["ok"], reply
        time.sleep(DEVICE_TURN_S)
        assert not site.truth()["remote"]
        assert not site.truth()["obeying"]
        assert site.status()["devices"][0]["up"]

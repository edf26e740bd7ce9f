"""`coolantd device pause` on a device at work: handed over, left alone, taken back without a bump."""

import json
import time

import pytest
from live_site import (
    PERIOD_S,
    PUMP_RATE_PCT_PER_S,
    PUMPS,
    VALVE,
    VALVE_RATE_PCT_PER_S,
    live_site,
    needs_broker,
    outside_limits,
    position_of,
    wait_for,
    writes_since,
)

from coolantd.service.control_client import request

pytestmark = [*needs_broker, pytest.mark.slow]

DEVICE_TURN_S = 0.3
"""The device looks every 0.1 s who commands it."""
WATCH_S = 4.0
"""Longer than anything the daemon does by period: polls, refreshed writes, heartbeats, requests to obey."""
STEP_MAX_PCT = 1.0


def order(site, command, **fields):
    return request(site.demo.daemon_socket, {"command": command, **fields}, timeout_s=10.0)


def device_of(site, name):
    return next(device for device in site.status()["devices"] if device["name"] == name)


@pytest.mark.timeout(180)
def test_a_paused_device_is_on_its_own_and_taken_back_from_where_it_stands():
    with live_site(0.5) as site:
        time.sleep(10.0)
        answer = order(site, "device_pause", device="cdu1", for_s=600)
        time.sleep(DEVICE_TURN_S)
        left = site.truth(10**9)
        assert answer["devices"] == ["cdu1"]
        assert answer["not_handed_over"] == []
        assert not left["remote"], "the device was not given back to its own controller"
        assert not left["obeying"]
        assert left["modbus"]["connections"] == 0
        shown = device_of(site, "cdu1")
        assert (shown["up"], shown["fault"]) == (False, "paused")
        assert 590.0 < shown["paused_left_s"] <= 600.0
        assert site.metric("coolantd_device_paused", device="cdu1") == 1.0
        assert site.metric("coolantd_device_paused", device="manifold1") == 0.0
        wait_for("failsafe", lambda: site.mode() == "failsafe", 3.0)

        time.sleep(WATCH_S)
        site.edit(("setpoint_c = 34.0", "setpoint_c = 34.5"))
        assert site.demo.ask_daemon("reload")["ok"]
        time.sleep(WATCH_S)
        alone = site.truth(10**9)
        assert alone["writes_total"] == left["writes_total"]
        assert alone["modbus"]["connections_total"] == left["modbus"]["connections_total"], "a reload ended the pause"
        assert device_of(site, "cdu1")["fault"] == "paused"
        assert device_of(site, "manifold1")["up"]

        first, standing = alone["writes_total"], alone
        assert order(site, "device_resume", device="cdu1")["was_paused"]
        back_s = wait_for("automatic control", lambda: site.mode() == "automatic", 20.0)
        writes = writes_since(site, first)
        assert site.truth(10**9)["takeovers"] == left["takeovers"] + 1
        assert outside_limits(writes) == []
        for point, rate in ((VALVE, VALVE_RATE_PCT_PER_S), *((pump, PUMP_RATE_PCT_PER_S) for pump in PUMPS)):
            mine = [write["value"] for write in writes if write["point"] == point]
            if mine:
                assert abs(mine[0] - position_of(standing, point)) <= STEP_MAX_PCT + rate * PERIOD_S, point
        print(f"\nback in automatic {back_s:.1f} s after resume")


@pytest.mark.timeout(120)
def test_a_pause_ends_by_itself():
    with live_site(0.3) as site:
        order(site, "device_pause", device="cdu1", for_s=3.0)
        time.sleep(DEVICE_TURN_S)
        assert site.truth(10**9)["modbus"]["connections"] == 0
        wait_for("failsafe", lambda: site.mode() == "failsafe", 3.0)
        wait_for("automatic control", lambda: site.mode() == "automatic", 25.0)
        assert device_of(site, "cdu1")["paused_left_s"] == 0.0
        assert site.metric("coolantd_device_paused", device="cdu1") == 0.0
        journal = (site.demo.folder / "state" / "journal.jsonl").read_text().splitlines()
        ended = [record for record in map(json.loads, journal) if record["event"] == "resumed"]
        assert [(record["by"], record["devices"]) for record in ended] == [("lease", ["cdu1"])]


@pytest.mark.timeout(120)
def test_a_daemon_that_stops_while_a_device_is_paused_stops_as_fast_as_ever():
    with live_site(0.3) as site:
        order(site, "device_pause", device="cdu1")
        process = site.demo.processes["daemon"]
        begun_s = time.monotonic()
        process.terminate()
        assert process.wait(5.0) == 0
        assert time.monotonic() - begun_s < 5.0
        assert site.truth(10**9)["modbus"]["connections"] == 0

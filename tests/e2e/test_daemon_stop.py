"""The daemon ends, with and without warning: who cools meanwhile, and what it does first when it is back (FM-47)."""

import signal
import subprocess
import time

import pytest
from live_site import (
    PUMPS,
    VALVE,
    live_site,
    needs_broker,
    position_at,
    truth_of,
    wait_for,
    writes_since,
)

pytestmark = [*needs_broker, pytest.mark.slow]

FALLBACK_S = 6.0
"""The device's own patience of 5 s, and what it takes to see it."""
STOP_S = 5.0


def first_writes_off(site, plant, begun):
    """How far each actuator's first write since number ``begun`` is from where the actuator was, in percent."""
    writes, off = writes_since(site, begun), {}
    for point in (VALVE, *PUMPS):
        first = next(w for w in writes if w["point"] == point)
        off[point] = abs(first["value"] - position_at(plant.looks, point, first["time_s"]))
    return off


@pytest.mark.parametrize(
    ("away_s", "moving"),
    [(8.0, False), (0.0, False), (8.0, True), (0.0, True)],
    ids=["device_fell_back", "device_still_obeys", "device_fell_back_moving_load", "device_still_obeys_moving_load"],
)
def test_killed_and_restarted_the_first_write_is_where_the_actuator_is(away_s, moving):
    with live_site(0.5) as site, truth_of(site) as plant:
        time.sleep(4.0)
        if moving:
            site.set_load(1.0)
            time.sleep(3.0)
        site.kill("daemon")
        killed_s = time.monotonic()
        fell_back_s = None
        if away_s:
            fell_back_s = wait_for("fallback", lambda: not site.truth()["obeying"], FALLBACK_S)
            assert not site.truth()["remote"]
            if moving:
                site.set_load(0.4)
            time.sleep(max(killed_s + away_s - time.monotonic(), 0.0))
        else:
            assert site.truth()["obeying"]
        begun = site.truth()["writes_total"]
        site.demo.start_daemon()
        wait_for("the first writes", lambda: site.truth()["writes_total"] >= begun + 3, 10.0)
        back_s = time.monotonic() - killed_s
        wait_for("automatic control", lambda: site.mode() == "automatic", 15.0)
        time.sleep(2.0)
        off = first_writes_off(site, plant, begun)
        assert site.truth()["obeying"]
        assert site.truth()["writes_refused"] == 0
    print(
        f"\nkilled, device fell back after {fell_back_s and round(fell_back_s, 2)} s, first writes {back_s:.1f} s after "
        f"the kill, off by {', '.join(f'{o:.2f}' for o in off.values())} %"
    )
    assert max(off.values()) <= 1.0, off


def test_sigterm_hands_over_and_says_farewell():
    with live_site(0.5) as site:
        time.sleep(3.0)
        process = site.demo.processes.pop("daemon")
        begun_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0
        stopped_s = time.monotonic() - begun_s
        truth = site.truth()
        assert not truth["remote"]
        assert not truth["obeying"]
        assert truth["modbus"]["connections"] == 0
        assert truth["writes_refused"] == 0
        assert not site.demo.daemon_socket.exists()
        said = subprocess.run(
            ["mosquitto_sub", "-p", str(site.demo.mqtt_port), "-t", "coolantd/demo-row/status", "-C", "1", "-W", "3"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        assert said.stdout.strip() == "offline"
        # The last will would say the same; the broker's log tells a farewell from a vanished client.
        assert "Client coolantd-demo-row disconnected." in (site.demo.folder / "broker.log").read_text()
        position_pct = truth["fws_valve_position_pct"]
        time.sleep(3.0)
        assert site.truth()["fws_valve_position_pct"] == pytest.approx(position_pct, abs=3.0)
    print(f"\nSIGTERM: exit 0 after {stopped_s:.2f} s, device in its own hands")

"""The daemon ends, with and without warning: who cools meanwhile, and what it does first when it is back (FM-47)."""

import signal
import subprocess
import time

import pytest
from live_site import (
    PERIOD_S,
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
STEP_MAX_PCT = 1.0
SEEN_S = PERIOD_S + PERIOD_S + PERIOD_S
"""What a position may be old when it is written back: the device's refresh, the poll, the cycle."""
FAST_AFTER_S = 14.0
"""After a load step, this much later the valve moves fastest."""
DEVICE_TURN_S = 0.3
"""The device looks every 0.1 s who commands it."""


def first_writes(site, plant, begun):
    """Each actuator's first write since number ``begun``, three figures in percent.

    Its distance from where the actuator was at that moment; from where it was at any moment of the last
    ``SEEN_S``, which is what a reader of the status block can know; and how far the actuator moved in that time.
    """
    writes, off, off_seen, moved = writes_since(site, begun), {}, {}, {}
    for point in (VALVE, *PUMPS):
        first = next(w for w in writes if w["point"] == point)
        seen = [position_at(plant.looks, point, first["time_s"] - k * 0.05) for k in range(round(SEEN_S / 0.05) + 1)]
        off[point] = abs(first["value"] - seen[0])
        off_seen[point] = min(abs(first["value"] - position_pct) for position_pct in seen)
        moved[point] = abs(seen[0] - seen[-1])
    return off, off_seen, moved


@pytest.mark.parametrize(
    ("away_s", "moving"),
    [(8.0, False), (0.0, False), (8.0, True), (0.0, True)],
    ids=["device_fell_back", "device_still_obeys", "device_fell_back_moving_load", "device_still_obeys_moving_load"],
)
def test_killed_and_restarted_the_first_write_is_where_the_actuator_is(away_s, moving):
    with live_site(0.1 if moving else 0.5) as site, truth_of(site) as plant:
        time.sleep(4.0)
        if moving:
            site.set_load(1.0)
            time.sleep(FAST_AFTER_S)
        site.kill("daemon")
        killed_s = time.monotonic()
        fell_back_s = None
        if away_s:
            fell_back_s = wait_for("fallback", lambda: not site.truth()["obeying"], FALLBACK_S)
            assert not site.truth()["remote"]
            time.sleep(max(killed_s + away_s - time.monotonic(), 0.0))
        else:
            assert site.truth()["obeying"]
        begun = site.truth()["writes_total"]
        site.demo.start_daemon()
        wait_for("the first writes", lambda: site.truth()["writes_total"] >= begun + 3, 10.0)
        back_s = time.monotonic() - killed_s
        wait_for("automatic control", lambda: site.mode() == "automatic", 15.0)
        time.sleep(2.0)
        off, off_seen, moved = first_writes(site, plant, begun)
        assert site.truth()["obeying"]
        assert site.truth()["writes_refused"] == 0
    print(
        f"\nkilled, device fell back after {fell_back_s and round(fell_back_s, 2)} s, "
        f"first writes {back_s:.1f} s after the kill, off by {', '.join(f'{o:.2f}' for o in off.values())} %, "
        f"having moved {', '.join(f'{m:.2f}' for m in moved.values())} % in {SEEN_S:g} s"
    )
    assert max(off_seen.values()) <= STEP_MAX_PCT, off_seen
    if moving:
        assert moved[VALVE] > 0.5, "the valve was at rest: this run shows nothing"
    else:
        assert max(off.values()) <= STEP_MAX_PCT, off


def test_sigterm_hands_over_and_says_farewell():
    with live_site(0.5) as site:
        time.sleep(3.0)
        process = site.demo.processes.pop("daemon")
        begun_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0
        stopped_s = time.monotonic() - begun_s
        time.sleep(DEVICE_TURN_S)
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

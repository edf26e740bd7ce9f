"""``coolantd override`` on a live daemon over Modbus: held, outranked, over kill -9 and reload, and let go bumplessly.

``pytest -s`` prints the figures.
"""

import contextlib
import json
import subprocess
import sys
import time

import pytest
from live_site import (
    PERIOD_S,
    VALVE,
    VALVE_RATE_PCT_PER_S,
    live_site,
    needs_broker,
    outside_limits,
    position_at,
    too_fast,
    truth_of,
    wait_for,
    writes_since,
)

from coolantd.errors import CoolantdError

pytestmark = [*needs_broker, pytest.mark.slow]

TARGET = f"cdu1.{VALVE}"
FIRST_STEP_MAX_PCT = 1.0
QUIET = ("--noise-ratio", "0")


@pytest.fixture
def site():
    with live_site(0.3, *QUIET) as live:
        time.sleep(5.0)  # the loops come to rest
        yield live


def override(site, *words, fails=False):
    command = [sys.executable, "-m", "coolantd", "override", *words, "--socket", str(site.demo.daemon_socket), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else json.loads(done.stdout)


def held(site):
    return site.status()["overrides"]


def in_force(site):
    with contextlib.suppress(CoolantdError):
        return [each for each in held(site) if each["in_force"]]
    return []


def valve_pct(site):
    return site.truth()["fws_valve_position_pct"]


def hold(site, value, *more, owner="ann"):
    return override(site, "set", TARGET, f"{value:g}", "--reason", "end-to-end test", "--owner", owner, *more)


def valve_writes(site, first):
    return [write for write in writes_since(site, first) if write["point"] == VALVE]


def test_i9_an_override_is_reached_held_and_left_without_a_step(site):
    """FM-24, FM-46: by its lease, with the first step of the loop at most 1 %."""
    wanted_pct = valve_pct(site) + 15.0
    first = site.truth()["writes_total"]
    hold(site, wanted_pct, "--for", "25s")
    wait_for("the value", lambda: abs(valve_pct(site) - wanted_pct) < 0.5, 20.0)
    assert site.mode() in ("automatic", "override")
    actuator = next(a for a in site.status()["actuators"] if a["point"] == VALVE)
    assert (actuator["claim"], actuator["claim_owner"]) == ("operator", "ann")
    assert 0.0 < site.metric("coolantd_override_remaining_seconds", target=TARGET) <= 25.0
    wait_for("the end of the lease", lambda: not held(site), 40.0)
    time.sleep(10.0)
    writes = [write["value"] for write in valve_writes(site, first)]
    last = max(k for k, value in enumerate(writes) if value == pytest.approx(wanted_pct, abs=0.01))
    steps = [abs(b - a) for a, b in zip(writes[last:], writes[last + 1 :], strict=False)]
    assert steps, "the loop has it back"
    assert steps[0] <= FIRST_STEP_MAX_PCT + 0.01
    assert max(steps) <= VALVE_RATE_PCT_PER_S * 2.0 * PERIOD_S
    assert outside_limits(writes_since(site, first)) == []
    assert too_fast(writes_since(site, first)) == []
    print(f"\nafter the lease: first step {steps[0]:.2f} %, largest {max(steps):.2f} %")


def test_fm_44_an_override_survives_kill_9_and_a_reload_and_never_outlives_its_lease(site):
    wanted_pct = valve_pct(site) + 10.0
    hold(site, wanted_pct, "--for", "120s")
    wait_for("the value", lambda: abs(valve_pct(site) - wanted_pct) < 0.5, 20.0)
    time.sleep(2.0)
    left_s = held(site)[0]["left_s"]
    killed_s = time.monotonic()
    site.kill("daemon")
    time.sleep(2.0)
    first = site.truth()["writes_total"]
    with truth_of(site) as recording:
        site.demo.start_daemon()
        wait_for("the override again", lambda: in_force(site), 30.0)
        time.sleep(3.0)
    (again,) = held(site)
    gone_s = time.monotonic() - killed_s
    assert left_s - gone_s - 31.0 <= again["left_s"] <= left_s - gone_s + 0.5
    assert (again["owner"], again["value"]) == ("ann", pytest.approx(wanted_pct))
    ours = valve_writes(site, first)
    bump_pct = ours[0]["value"] - position_at(recording.looks, VALVE, ours[0]["time_s"])
    assert abs(bump_pct) <= FIRST_STEP_MAX_PCT, "the device's own controller had it meanwhile"
    assert ours[-1]["value"] == pytest.approx(wanted_pct, abs=0.01)
    assert too_fast(ours) == []
    site.edit(("setpoint_kpa = 90.0", "setpoint_kpa = 91.0"))
    assert site.demo.ask_daemon("reload")["ok"]
    assert held(site)[0]["owner"] == "ann"
    print(
        f"\nover kill -9: first write {bump_pct:+.2f} % from the valve, lease {left_s:.0f} -> {again['left_s']:.0f} s"
    )


def test_i9_others_and_the_order_of_claims(site):
    """FM-22, FM-23: whoever writes at the device itself has it; somebody else's override needs to be taken over."""
    wanted_pct = valve_pct(site) + 10.0
    hold(site, wanted_pct)
    assert "held by ann" in override(site, "set", TARGET, "20", "--reason", "not mine", "--owner", "bob", fails=True)
    assert "allowed: 0 to 100 %" in override(
        site, "set", TARGET, "120", "--reason", "too much", "--owner", "ann", fails=True
    )
    wait_for("the value", lambda: abs(valve_pct(site) - wanted_pct) < 0.5, 20.0)
    first = site.truth()["writes_total"]
    theirs_pct = wanted_pct - 6.0
    assert site.demo.ask_simulator("write_point", point=VALVE, value=theirs_pct)["ok"]
    wait_for("the yield", lambda: "another writer" in held(site)[0]["standing"], 5.0)
    time.sleep(5.0)
    values = [write["value"] for write in valve_writes(site, first)]
    at = next(k for k, value in enumerate(values) if value == pytest.approx(theirs_pct, abs=0.01))
    assert values[at + 1 :] == [], "the value at the device wins"
    override(site, "release", TARGET, "--owner", "bob", "--take-over")
    assert held(site) == []
    told = {"override_set", "override_outranked", "override_release", "override_ended"}
    wait_for("a word on all of it", lambda: told <= {line["event"] for line in site.log()}, 5.0)

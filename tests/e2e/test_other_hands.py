"""Other hands on the row CDU while the real daemon commands it: another master, somebody at its panel, a restart.

``pytest -s`` prints the figures.
"""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from live_site import (
    PUMPS,
    VALVE,
    LiveSite,
    Look,
    live_site,
    needs_broker,
    outside_limits,
    position_at,
    position_of,
    too_fast,
    truth_of,
    wait_for,
    writes_since,
)

pytestmark = [*needs_broker, pytest.mark.slow]
DEVICE = "cdu1"
QUIET = ("--noise-ratio", "0")
"""Without noise a settled loop writes only its lease: what is written then is somebody's doing."""
WATCH_S = 10.0
BUMP_PCT = 2.5
"""More than one cycle at the pumps' rate, 5 %/s."""


@pytest.fixture
def site() -> Iterator[LiveSite]:
    with live_site(0.1, *QUIET) as live:
        time.sleep(5.0)  # the loops come to rest
        yield live


def resume(site: LiveSite) -> None:
    command = [sys.executable, "-m", "coolantd", "device", "resume", DEVICE, "--socket", str(site.demo.daemon_socket)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def yielded(site: LiveSite) -> bool:
    return site.metric("coolantd_actuator_yielded", device=DEVICE, point=VALVE) == 1.0


def test_another_master_is_left_its_register_without_a_fight_and_it_is_taken_back_on_order(site: LiveSite) -> None:
    """FM-22."""
    first = site.truth()["writes_total"]
    theirs_pct = site.truth()["fws_valve_position_pct"] + 12.0
    assert site.demo.ask_simulator("write_point", point=VALVE, value=theirs_pct)["ok"]
    noticed_s = wait_for("a yield", lambda: yielded(site), 5.0, poll_s=0.02)
    time.sleep(WATCH_S)
    valve = [write["value"] for write in writes_since(site, first) if write["point"] == VALVE]
    theirs = next(index for index, value in enumerate(valve) if value == pytest.approx(theirs_pct, abs=0.01))
    assert valve[theirs + 1 :] == []
    assert site.truth()["fws_valve_position_pct"] == pytest.approx(theirs_pct, abs=0.5)
    assert site.mode() == "automatic"
    assert site.metric("coolantd_yields_total", device=DEVICE, point=VALVE) == 1.0
    before = site.truth()["writes_total"]
    with truth_of(site) as recording:
        resume(site)
        wait_for("the register back", lambda: not yielded(site), 5.0)
        time.sleep(WATCH_S)
    ours = [write for write in writes_since(site, before) if write["point"] == VALVE]
    assert ours, "nothing was written after the resume"
    assert abs(ours[0]["value"] - position_at(recording.looks, VALVE, ours[0]["time_s"])) < BUMP_PCT
    assert too_fast(ours) == []
    wait_for("the way home", lambda: site.truth()["fws_valve_position_pct"] < theirs_pct - 3.0, 60.0)
    bump_pct = ours[0]["value"] - theirs_pct
    print(
        f"\nanother master: yielded after {noticed_s:.2f} s, 0 writes in {WATCH_S:g} s; first of ours {bump_pct:+.2f} %"
    )


def test_put_to_local_at_its_panel_it_is_not_asked_back_until_somebody_says_so(site: LiveSite) -> None:
    """FM-22."""
    takeovers = site.truth()["takeovers"]
    site.demo.ask_simulator("set_remote", on=False)
    wait_for("the daemon to notice", lambda: site.mode() != "automatic", 5.0)
    first = site.truth()["writes_total"]
    site.set_load(
        0.3
    )  # so that the device's own controller moves, and the registers are wrong when they are ours again
    time.sleep(WATCH_S)
    state = site.truth()
    assert (state["remote"], state["obeying"], state["takeovers"]) == (False, False, takeovers)
    assert writes_since(site, first) == []
    with truth_of(site) as recording:
        resume(site)
        taken_s = wait_for("command again", lambda: site.truth()["obeying"], 10.0)
        wait_for("automatic control", lambda: site.mode() == "automatic", 10.0)
        time.sleep(3.0)
    check_no_step(site, recording.looks, first)
    print(f"\nlocal for {WATCH_S:g} s: not asked back; obeying {taken_s:.2f} s after the resume")


def test_put_back_to_remote_at_its_panel_it_is_ours_by_itself(site: LiveSite) -> None:
    site.demo.ask_simulator("set_remote", on=False)
    wait_for("the daemon to notice", lambda: site.mode() != "automatic", 5.0)
    time.sleep(3.0)
    assert not site.truth()["remote"]
    site.demo.ask_simulator("set_remote", on=True)
    wait_for("automatic control", lambda: site.mode() == "automatic" and site.truth()["obeying"], 20.0)


def test_after_a_restart_of_the_device_its_setpoints_are_what_was_measured(site: LiveSite) -> None:
    """FM-41: its registers hold 50 %; nothing steps there, nor back from there."""
    first, takeovers = site.truth()["writes_total"], site.truth()["takeovers"]
    with truth_of(site) as recording:
        site.demo.ask_simulator("reboot")
        lost_s = wait_for("the daemon to notice", lambda: site.mode() != "automatic", 10.0)
        back_s = wait_for("automatic control", lambda: site.mode() == "automatic" and site.truth()["obeying"], 30.0)
        time.sleep(5.0)
    assert site.truth()["takeovers"] == takeovers + 1
    for point in (VALVE, *PUMPS):
        assert site.metric("coolantd_actuator_yielded", device=DEVICE, point=point) == 0.0
    check_no_step(site, recording.looks, first)
    print(f"\nrestart: noticed after {lost_s:.2f} s, automatic again {back_s:.2f} s later")


def check_no_step(site: LiveSite, looks: list[Look], first: int) -> None:
    """Check that what was written first is where each actuator stood, and that none moved faster than its rate."""
    writes = writes_since(site, first)
    assert outside_limits(writes) == []
    assert too_fast(writes) == []
    assert writes, "nothing was written"
    for point in (VALVE, *PUMPS):
        ours = [write for write in writes if write["point"] == point]
        for write in ours[:1]:
            assert abs(write["value"] - position_at(looks, point, write["time_s"])) < BUMP_PCT
        stood = [position_of(look.state, point) for look in looks]
        assert max(abs(after - before) for before, after in itertools.pairwise(stood)) < BUMP_PCT

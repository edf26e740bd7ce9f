"""A device that stops answering and comes back: qualities, failsafe, bumpless recovery (FM-18, FM-37)."""

import signal
import time

import pytest
from live_site import (
    PERIOD_S,
    PUMP_RATE_PCT_PER_S,
    PUMPS,
    VALVE,
    live_site,
    needs_broker,
    position_at,
    position_of,
    status_of,
    truth_of,
    wait_for,
    writes_since,
)

pytestmark = [*needs_broker, pytest.mark.slow]

FREEZE_S = 10.0
LOOK_S = 0.05
"""Between two looks: adds to every time measured from outside."""
FAST = ("tcs_supply_temp_c", "tcs_differential_pressure_kpa", "fws_valve_position_pct", "pump1_speed_pct")


def quality_of(look, point):
    return next(p for p in look.state["points"] if p["device"] == "cdu1" and p["point"] == point)


def step_at_recovery(plant, writes, point):
    """Distance of the first command after the freeze from where the actuator was, in percent.

    No write within the deadband is no step: then the first look after the thaw shows what the old command does.
    """
    mine = [write for write in writes if write["point"] == point]
    if not mine:
        return 0.0
    return abs(mine[0]["value"] - position_at(plant.looks, point, mine[0]["time_s"]))


@pytest.mark.parametrize("moving", [False, True], ids=["steady", "valve_moving"])
def test_a_frozen_device_is_noticed_and_taken_up_again_without_a_step(moving):
    with live_site(0.5) as site, status_of(site, LOOK_S) as daemon, truth_of(site, LOOK_S) as plant:
        time.sleep(6.0)
        if moving:
            site.set_load(0.9)
            time.sleep(6.0)
        begun = site.truth()["writes_total"]
        site.signal("simulator", signal.SIGSTOP)
        frozen_s = time.monotonic()
        time.sleep(FREEZE_S)
        site.signal("simulator", signal.SIGCONT)
        thawed_s = time.monotonic()
        wait_for("automatic control", lambda: site.mode() == "automatic", 15.0)
        automatic_s = time.monotonic()
        time.sleep(5.0)
        writes = writes_since(site, begun)

    during = [look for look in daemon.since(frozen_s) if look.at_s < thawed_s]
    bad_at = {}
    for point in FAST:
        bad = [look for look in during if quality_of(look, point)["quality"] == "bad"]
        assert bad, f"{point} never became bad"
        assert bad[0].at_s - frozen_s == pytest.approx(3 * PERIOD_S, abs=PERIOD_S + 2 * LOOK_S), point
        assert all(quality_of(look, point)["value"] is None for look in bad)
        assert quality_of(bad[0], point)["age_s"] == pytest.approx(3 * PERIOD_S, abs=PERIOD_S), point
        bad_at[point] = bad[0].at_s
    failsafe = [look for look in during if look.state["cdus"][0]["mode"] == "failsafe"]
    assert failsafe
    first_bad_s = min(bad_at.values())
    failsafe_after_s = failsafe[0].at_s - first_bad_s
    assert failsafe_after_s <= PERIOD_S + 4 * LOOK_S, "more than one period, and two looks at either end"
    assert not during[-1].state["ready"]

    first_steps = {point: step_at_recovery(plant, writes, point) for point in (VALVE, *PUMPS)}
    assert max(first_steps.values()) <= 2.0, first_steps

    excess = max(
        abs(position_of(b.state, point) - position_of(a.state, point))
        - PUMP_RATE_PCT_PER_S * max(b.state["time_s"] - a.state["time_s"], 0.1)
        for a, b in zip(plant.looks, plant.looks[1:], strict=False)
        for point in (VALVE, *PUMPS)
    )
    assert excess <= 2.0
    print(
        f"\nfreeze {FREEZE_S:g} s: points bad after {', '.join(f'{s - frozen_s:.2f}' for s in bad_at.values())} s, "
        f"failsafe {failsafe_after_s:.2f} s later, automatic {automatic_s - thawed_s:.1f} s after thaw, "
        f"first writes off by {', '.join(f'{step:.2f}' for step in first_steps.values())} %, "
        f"largest step beyond the pumps' rate {max(excess, 0.0):.2f} %"
    )

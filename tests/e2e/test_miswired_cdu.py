"""FM-14, FM-21: a CDU whose sensors are in each other's place or off by a factor ten, over real Modbus.

Before automatic the daemon says which it is and leaves the CDU to its own controller; put right, it takes over.
"""

import pytest
from live_site import PUMPS, VALVE, LiveSite, needs_broker, wait_for, writes_since

from coolantd.sim.demo_site import demo_site

pytestmark = [*needs_broker, pytest.mark.slow]

SUPPLY, RETURN = "tcs_supply_temp_c", "tcs_return_temp_c"
FWS_SUPPLY, FWS_RETURN = "fws_supply_temp_c", "fws_return_temp_c"
WRONG = {
    "tcs sensors swapped": {SUPPLY: {"source": RETURN}, RETURN: {"source": SUPPLY}},
    "fws sensors swapped": {FWS_SUPPLY: {"source": FWS_RETURN}, FWS_RETURN: {"source": FWS_SUPPLY}},
    "flow scale wrong": {"tcs_flow_lpm": {"factor": 0.1}},
    "valve reversed": {"fws_valve_position_pct": {"factor": -1.0, "offset": 100.0}},
}


@pytest.mark.timeout(120)
def test_a_miswired_cdu_is_not_taken_over_until_it_is_put_right():
    with demo_site(1.0) as demo:
        site = LiveSite(demo)
        demo.start_broker()
        demo.start_simulator(1.0)
        for cause, points in WRONG.items():
            demo.ask_simulator("miswire", points=points)
            demo.start_daemon()
            wait_for(cause, lambda cause=cause: site.status()["cdus"][0]["cause"] == cause, 10.0)
            if cause == "tcs sensors swapped":
                wait_for("its sentence", lambda: site.status()["conditions"], 20.0)
                (told,) = site.status()["conditions"]
                assert told["condition"] == "tcs_sensors_swapped"
                assert "return shows colder than the supply" in told["cause"]
                assert site.metric("coolantd_cdu_condition", condition="tcs_sensors_swapped") == 1
            assert site.mode() == "failsafe"
            assert not [write for write in writes_since(site, 0) if write["point"] in (VALVE, *PUMPS)]
            if cause != "valve reversed":
                demo.stop("daemon")
        demo.ask_simulator("miswire", points={})
        wait_for("automatic", lambda: site.mode() == "automatic", 40.0)

"""What a drill promises and how it judges: predicates and verdicts, without a site."""

import math

import pytest

from coolantd.errors import CoolantdError
from coolantd.sim.drill import Drill, Outcome
from coolantd.sim.drill_scenarios import (
    LEAK_MAX_S,
    MAX_S,
    PUMP1,
    SCENARIOS,
    VALVE,
    Scenario,
    Watch,
    rises,
)


def outcome(times_s, **changes):
    made = Outcome("x", "", (), goal_s=0.75, max_s=2.0, times_s=list(times_s))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("times_s", "changes", "verdict"),
    [
        ([0.2, 0.75], {}, "kept"),
        ([0.2, 0.76], {}, "late"),
        ([2.0], {}, "late"),
        ([2.01], {}, "failed"),
        ([0.2, math.inf], {}, "failed"),
        ([], {}, "failed"),
        ([0.2], {"normal_s": 300.1}, "failed"),
        ([0.2], {"reentry_pct": 2.01}, "failed"),
        ([0.2], {"normal_s": 300.0, "reentry_pct": 2.0}, "kept"),
        ([0.2] * 99 + [1.9], {}, "kept"),
        ([0.2] * 98 + [1.9] * 2, {}, "late"),
    ],
)
def test_i6_a_promise_is_kept_late_or_failed(times_s, changes, verdict):
    assert outcome(times_s, **changes).verdict == verdict


def test_a_time_that_never_came_is_null_in_json():
    assert outcome([0.25, math.inf]).plain()["times_s"] == [0.25, None]


def test_a_lease_renewed_is_no_answer():
    assert rises(VALVE)(VALVE, 50.5, {VALVE: 50.0})
    assert not rises(VALVE)(VALVE, 50.4, {VALVE: 50.0})
    assert not rises(VALVE)(PUMP1, 90.0, {PUMP1: 50.0})


def test_every_scenario_names_its_hazards_and_promises_no_more_than_is_promised():
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    for each in SCENARIOS:
        assert each.hazards
        assert all(hazard.startswith("FM-") for hazard in each.hazards)
        assert each.goal_s <= each.max_s
        if each.watch is Watch.WRITE:
            assert each.safe is not None
            assert each.max_s <= (LEAK_MAX_S if each.name.startswith("leak") else MAX_S)
            assert each.mends


class Site:
    """A site whose device answers a fault with a write after so many looks."""

    role = "duty"
    supply_c, pressure_kpa, output_pct = 34.1, 89.0, 50.0

    def __init__(self, looks):
        self.orders, self.looks, self.left = [], looks, None

    def ask_simulator(self, command, **order):
        self.orders.append((command, order))
        if command != "state":
            self.left = self.looks if order.get("points") else self.left
            return {}
        state = {"fws_valve_position_pct": 50.0, "pump_speeds_pct": [60.0, 60.0], "writes_total": 7, "writes": []}
        state["branch_valve_positions_pct"] = [100.0] * 8
        if self.left is not None and order["since"] == 7:
            self.left -= 1
            if self.left <= 0:
                state["writes"] = [{"point": VALVE, "value": 55.0}]
        return state

    def ask_daemon(self, _command):
        supply = {"loop": "supply_temp", "process_variable": self.supply_c, "setpoint": 34.0, "output_pct": 50.0}
        pressure = {"loop": "pressure", "process_variable": self.pressure_kpa, "setpoint": 90.0}
        loops = [supply, pressure | {"output_pct": self.output_pct}]
        return {"cdus": [{"mode": "automatic", "cause": ""}], "loops": loops, "pumps": [{"role": self.role}]}

    def check_alive(self):
        pass


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on by sleeping alone."""
    clock = {"now_s": 0.0}
    monkeypatch.setattr("time.monotonic", lambda: clock["now_s"])
    monkeypatch.setattr("time.sleep", lambda s: clock.update(now_s=clock["now_s"] + s))
    return clock


def test_a_fault_is_broken_timed_and_mended(clock):
    site, told = Site(looks=10), []
    scenario = Scenario(
        name="x",
        about="broken",
        hazards=("FM-02",),
        breaks=({"command": "miswire", "points": {"t": 1}},),
        mends=({"command": "miswire", "points": {}},),
        safe=rises(VALVE),
    )
    found = Drill(site, told.append).run(scenario, 2)
    assert found.times_s == pytest.approx([0.18, 0.18], abs=0.05)
    assert found.verdict == "kept"
    done = [order for command, order in site.orders if command == "miswire"]
    assert done[-1] == {"points": {}}, "whatever happens it is mended"
    assert any("answered" in text for text in told)


@pytest.mark.parametrize("role", ["tripped", "arriving", "leaving"])
def test_a_run_does_not_begin_while_a_pump_is_still_excluded_or_changing(clock, role):
    site = Site(looks=1)
    site.role = role
    with pytest.raises(CoolantdError, match="no rest within 900 s"):
        Drill(site, lambda text: None).run(SCENARIOS[0], 1)
    assert all(command == "state" for command, _ in site.orders)


UNREST = {
    "supply_c": lambda now_s: 34.0 if now_s % 6.0 < 3.0 else 37.0,
    "pressure_kpa": lambda now_s: 90.0 if now_s % 6.0 < 3.0 else 160.0,
    "output_pct": lambda now_s: 60.0 - 0.1 * now_s,
}


@pytest.mark.parametrize("what", UNREST)
def test_a_run_does_not_begin_while_a_loop_swings_through_its_setpoint_or_its_output_moves(clock, what):
    class Restless(Site):
        def ask_daemon(self, command):
            now_s = clock["now_s"]
            setattr(self, what, UNREST[what](now_s) if now_s < 100.0 else getattr(Site, what))
            return super().ask_daemon(command)

        def ask_simulator(self, command, **order):
            if order.get("points"):
                begun_s.append(clock["now_s"])
            return super().ask_simulator(command, **order)

    begun_s = []
    scenario = next(each for each in SCENARIOS if each.name == "over-temp")
    Drill(Restless(looks=1), lambda text: None).run(scenario, 1)
    assert 100.0 < begun_s[0] < 115.0

"""Each wrong wire is one finding with its sentence, and a healthy CDU has none at any load."""

import numpy as np
import pytest

from coolantd.tuning.pairing import Nudge, flow_findings, pump_findings, static_findings, valve_findings
from coolantd.tuning.trace import Trace

N = 140


def ramp(size, start=20, length=60):
    return size * np.clip((np.arange(N) - start) / length, 0.0, 1.0)


def columns(**changes):
    plain = {
        "time_s": 0.5 * np.arange(N),
        "supply_temp": 34.0 - ramp(0.4, 24),
        "return_temp": 38.0 - ramp(0.2, 50),
        "fws_temp": np.full(N, 28.0),
        "pressure": np.full(N, 90.0),
        "flow_lpm": np.full(N, 1215.0),
        "heat_kw": np.full(N, 325.0),
        "valve_pct": 60.0 + ramp(3.0, 20, 4),
        "pump1_pct": np.full(N, 72.0),
        "pump2_pct": np.full(N, 72.0),
    }
    return Trace(0.5, plain | changes)


def valve(**changes):
    return Nudge(actuator="cdu1.valve", pump=None, moved_pct=3.0, from_s=10.0, to_s=50.0, trace=columns(**changes))


def pump(number=1, **changes):
    plain = {
        "valve_pct": np.full(N, 60.0),
        "supply_temp": np.full(N, 34.0),
        f"pump{number}_pct": 72.0 + ramp(3.0, 16, 4),
        "pressure": 90.0 + ramp(3.0, 18, 4),
        "flow_lpm": 1215.0 + ramp(20.0, 18, 4),
    }
    return Nudge(
        actuator=f"cdu1.pump{number}",
        pump=number,
        moved_pct=3.0,
        from_s=8.0,
        to_s=18.0,
        trace=columns(**plain | changes),
    )


def keys(findings):
    return [each.key for each in findings]


def test_a_healthy_cdu_has_no_finding():
    assert valve_findings(valve(), 2) == []
    assert pump_findings(pump(1), 2) == pump_findings(pump(2), 2) == []
    assert static_findings(columns()) == []
    assert flow_findings(columns(), 4.01, 1300.0) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"valve_pct": np.full(N, 60.0)}, "valve_does_not_follow"),
        ({"valve_pct": 60.0 - ramp(3.0, 20, 4)}, "valve_position_reversed"),
        ({"supply_temp": 34.0 + ramp(0.4, 24), "return_temp": 38.0 + ramp(0.2, 50)}, "valve_reversed"),
        ({"supply_temp": np.full(N, 34.0), "return_temp": np.full(N, 38.0)}, "valve_dead"),
        ({"supply_temp": 34.0 - ramp(9.0, 24)}, "supply_scale"),
        ({"supply_temp": 38.0 - ramp(0.2, 50), "return_temp": 34.0 - ramp(0.4, 20, 20)}, "temperatures_swapped"),
    ],
)
def test_a_wrong_valve_is_found(changes, key):
    assert keys(valve_findings(valve(**changes), 2)) == [key]


def test_a_valve_and_a_pump_that_are_swapped_are_found():
    moved = {"valve_pct": np.full(N, 60.0), "pump1_pct": 72.0 + ramp(3.0, 20, 4)}
    assert "valve_moves_pump" in keys(valve_findings(valve(**moved), 2))
    moved = {"pump1_pct": np.full(N, 72.0), "valve_pct": 60.0 + ramp(3.0, 16, 4)}
    assert "pump_moves_valve" in keys(pump_findings(pump(1, **moved), 2))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"pump1_pct": np.full(N, 72.0), "pump2_pct": 72.0 + ramp(3.0, 16, 4)}, "pumps_swapped"),
        ({"pump1_pct": np.full(N, 72.0)}, "pump_does_not_follow"),
        ({"pump1_pct": 72.0 - ramp(3.0, 16, 4)}, "pump_position_reversed"),
        ({"pressure": np.full(N, 90.0)}, "pump_dead"),
        ({"pressure": 90.0 - ramp(3.0, 18, 4)}, "pump_reversed"),
        ({"flow_lpm": np.full(N, 1215.0)}, "pump_dead"),
    ],
)
def test_a_wrong_pump_is_found(changes, key):
    assert keys(pump_findings(pump(1, **changes), 2)) == [key]


@pytest.mark.parametrize(("factor", "word"), [(10.0, "about 10 times"), (0.1, "about 0.1 times")])
def test_a_flow_ten_times_off_is_found_by_the_heat_and_without_it_by_the_data_sheet(factor, word):
    found = flow_findings(columns(flow_lpm=np.full(N, factor * 1215.0)), 4.01, 1300.0)
    assert keys(found) == ["flow_scale"]
    assert word in found[0].sentence
    cold = columns(flow_lpm=np.full(N, factor * 1215.0), heat_kw=np.zeros(N))
    assert keys(flow_findings(cold, 4.01, 1300.0)) == ["flow_scale"]
    assert flow_findings(cold, 4.01, float("nan")) == []


def test_a_flow_out_of_its_range_is_told():
    assert keys(flow_findings(columns(flow_lpm=np.full(N, np.nan)), 4.01, 1300.0)) == ["flow_bad"]


def test_temperatures_that_contradict_the_heat_are_found_and_without_heat_they_are_not_judged():
    swapped = {"supply_temp": np.full(N, 38.0), "return_temp": np.full(N, 34.0)}
    assert keys(static_findings(columns(**swapped))) == ["temperatures_swapped"]
    assert static_findings(columns(**swapped, heat_kw=np.zeros(N))) == []
    assert keys(static_findings(columns(fws_temp=np.full(N, 36.0)))) == ["facility_warmer"]

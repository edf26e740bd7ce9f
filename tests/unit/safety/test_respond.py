"""Whether the plant answers: flow against commands, pumps against speeds, valve against position and temperature."""

import math

import numpy as np
import pytest

from coolantd.point import Quality
from coolantd.safety import watch_layout as at
from coolantd.safety.envelope import L_MINIMUM, LIMIT_COLUMNS
from coolantd.safety.hazards import HAZARDS, Hazard
from coolantd.safety.latch import GONE, THERE, UNKNOWN
from coolantd.safety.meaning import NOTHING
from coolantd.safety.respond import (
    dead_head,
    expected_lpm,
    judge_flow,
    judge_pumps,
    judge_valve,
    no_flow,
    told_pct,
    turning_pct,
)

NAN = math.nan
DT_S = 0.5
VALVE, PUMP1, PUMP2 = range(3)
NAMES = ("valve", "pump1", "pump2", "supply", "fws", "flow", "dp", "heat")
NORMAL = {
    "valve": 50.0,
    "pump1": 60.0,
    "pump2": 60.0,
    "supply": 34.0,
    "fws": 26.0,
    "flow": 600.0,
    "dp": 90.0,
    "heat": 300.0,
}
POSITIONS = np.arange(3)


class Seen:
    """One CDU with two pumps, its watch rows and readings; NaN is a bad one."""

    def __init__(self, told=(50.0, 60.0, 60.0), *, full=1000.0, nothing=20.0, head=400.0, setpoint_kpa=90.0, **shown):
        self.w, self.wx = np.full(at.WATCH_PARAMETERS, NAN), np.full(at.WATCH_INDICES, -1)
        self.w[[at.W_FLOW_FULL_LPM, at.W_NOTHING_LPM, at.W_HEAD_KPA]] = full, nothing, head
        self.w[at.W_PRESSURE_SETPOINT_KPA] = setpoint_kpa
        self.wx[[at.WX_SUPPLY, at.WX_FWS_SUPPLY, at.WX_FLOW, at.WX_DIFFERENTIAL, at.WX_HEAT]] = 3, 4, 5, 6, 7
        self.wx[at.WX_VALVE], self.wx[at.WX_PUMP], self.wx[at.WX_PUMP + 1] = VALVE, PUMP1, PUMP2
        self.wd, self.wn = np.zeros(at.WATCH_STATE), np.full(at.WATCH_WANTED, NAN)
        self.wd[at.WD_PUMPS_ON_S] = 100.0
        self.wn[at.WN_SUPPLY_C] = 34.0
        self.limits = np.zeros((3, LIMIT_COLUMNS))
        self.limits[1:, L_MINIMUM] = 25.0
        self.last = np.array(told)
        self.causes, self.details = np.full(HAZARDS, GONE), np.full(HAZARDS, 7)
        self.show(**shown)

    def show(self, **shown):
        readings = NORMAL | shown
        self.value = np.array([readings[name] for name in NAMES])
        bad = np.isnan(self.value)
        self.quality = np.where(bad, int(Quality.BAD), int(Quality.GOOD))
        self.value[bad] = 1e6
        return self

    def flow(self, dt_s=DT_S):
        self.causes[:] = GONE
        arguments = (self.w, self.wx, self.wd, self.wn, self.limits, POSITIONS, self.last, self.value, self.quality)
        judge_flow(*arguments, self.causes, dt_s)
        return self.causes

    def pumps(self):
        judge_pumps(self.wx, self.limits, POSITIONS, self.last, self.value, self.quality, self.causes, self.details)
        return self.causes[Hazard.PUMP_NOT_TURNING], self.details[Hazard.PUMP_NOT_TURNING]

    def valve(self):
        judge_valve(self.wx, self.wd, self.wn, POSITIONS, self.last, self.value, self.quality, self.causes)
        return self.causes


@pytest.mark.parametrize(
    ("flow", "low", "lost"),
    [
        (600.0, GONE, GONE),
        (571.0, GONE, GONE),
        (569.0, UNKNOWN, GONE),
        (541.0, UNKNOWN, GONE),
        (539.0, THERE, GONE),
        (361.0, THERE, GONE),
        (359.0, THERE, UNKNOWN),
        (301.0, THERE, UNKNOWN),
        (299.0, THERE, THERE),
        (0.0, THERE, THERE),
        (NAN, UNKNOWN, UNKNOWN),
    ],
)
def test_fm_01_flow_against_what_the_speed_gives(flow, low, lost):
    causes = Seen(flow=flow).flow()
    assert (causes[Hazard.FLOW_LOW], causes[Hazard.FLOW_LOST]) == (low, lost)


def test_fm_01_a_loop_that_holds_a_flow_is_measured_by_its_setpoint():
    seen = Seen(flow=420.0)
    seen.wn[at.WN_FLOW_LPM] = 900.0
    assert seen.flow()[Hazard.FLOW_LOST] == THERE
    assert expected_lpm(seen.w, seen.wn, 60.0) == 900.0
    seen.wn[at.WN_FLOW_LPM] = NAN
    assert expected_lpm(seen.w, seen.wn, 60.0) == 600.0


def test_without_a_figure_no_flow_is_expected():
    causes = Seen(full=NAN, nothing=NAN, flow=0.0).flow()
    assert (causes[[Hazard.FLOW_LOW, Hazard.FLOW_LOST, Hazard.NO_FLOW, Hazard.DEAD_HEAD]] == GONE).all()


@pytest.mark.parametrize("told", [(50.0, 0.0, 0.0), (50.0, 24.0, 0.0), (50.0, NAN, NAN)])
def test_nothing_is_said_of_flow_while_no_pump_is_told_to_run(told):
    seen = Seen(told, flow=0.0)
    assert (seen.flow()[[Hazard.FLOW_LOW, Hazard.FLOW_LOST, Hazard.NO_FLOW, Hazard.DEAD_HEAD]] == GONE).all()
    assert seen.wd[at.WD_PUMPS_ON_S] == 0.0


def test_pumps_have_ten_seconds_to_get_there():
    seen = Seen(flow=0.0, dp=0.0)
    seen.wd[at.WD_PUMPS_ON_S] = 0.0
    found = [int(seen.flow()[Hazard.FLOW_LOST]) for _ in range(22)]
    assert found == [GONE] * 20 + [THERE] * 2


@pytest.mark.parametrize(
    ("flow", "dp", "turning", "said"),
    [
        (600.0, 90.0, 60.0, GONE),
        (41.0, 0.0, 60.0, GONE),
        (39.0, 0.0, 60.0, UNKNOWN),
        (19.0, 22.0, 60.0, THERE),
        (19.0, 23.0, 60.0, UNKNOWN),
        (19.0, 44.0, 60.0, UNKNOWN),
        (19.0, 46.0, 60.0, GONE),
        (19.0, 90.0, 4.9, THERE),
        (19.0, 90.0, 5.0, GONE),
        (19.0, NAN, 60.0, UNKNOWN),
        (19.0, NAN, 0.0, THERE),
        (19.0, 0.0, NAN, THERE),
        (NAN, 0.0, 0.0, UNKNOWN),
    ],
)
def test_fm_01_a_flow_sensor_alone_never_speaks_for_a_loop_without_flow(flow, dp, turning, said):
    assert no_flow(Seen().w, flow, dp, turning) == said
    causes = Seen(flow=flow, dp=dp, pump1=turning, pump2=turning).flow()
    assert causes[Hazard.NO_FLOW] == said


def test_without_a_pressure_setpoint_the_speeds_have_to_agree():
    assert no_flow(Seen(setpoint_kpa=NAN).w, 0.0, 0.0, 60.0) == GONE
    assert no_flow(Seen(setpoint_kpa=NAN).w, 0.0, 0.0, 0.0) == THERE


@pytest.mark.parametrize(
    ("flow", "dp", "turning", "said"),
    [
        (0.0, 116.0, 60.0, THERE),
        (0.0, 115.0, 60.0, GONE),
        (0.0, 19.0, 25.0, GONE),
        (0.0, 21.0, 25.0, THERE),
        (21.0, 200.0, 60.0, GONE),
        (NAN, 200.0, 60.0, UNKNOWN),
        (0.0, NAN, 60.0, UNKNOWN),
        (0.0, 200.0, NAN, UNKNOWN),
        (0.0, 200.0, 4.0, UNKNOWN),
        (0.0, 200.0, 5.0, THERE),
    ],
)
def test_fm_08_full_pressure_for_the_speed_and_no_flow_is_a_shut_loop(flow, dp, turning, said):
    assert dead_head(Seen().w, flow, dp, turning) == said
    causes = Seen(flow=flow, dp=dp, pump1=turning, pump2=turning).flow()
    assert causes[Hazard.DEAD_HEAD] == said


def test_without_a_head_no_loop_is_called_shut():
    assert dead_head(Seen(head=NAN).w, 0.0, 500.0, 60.0) == GONE


@pytest.mark.parametrize(
    ("pump1", "pump2", "heat", "said"),
    [
        (0.0, 0.0, 300.0, THERE),
        (4.9, 0.0, 300.0, THERE),
        (5.0, 0.0, 300.0, GONE),
        (0.0, 60.0, 300.0, GONE),
        (0.0, 0.0, NAN, THERE),
        (0.0, 0.0, 1.0, THERE),
        (0.0, 0.0, 0.9, GONE),
        (NAN, 0.0, 300.0, GONE),
        (0.0, NAN, 300.0, GONE),
    ],
)
def test_fm_12_every_pump_stands_while_there_is_heat_or_nobody_knows(pump1, pump2, heat, said):
    assert Seen(pump1=pump1, pump2=pump2, heat=heat).flow()[Hazard.PUMPS_OFF] == said


def test_the_fastest_pump_counts_and_an_unknown_one_makes_it_unknown():
    seen = Seen((50.0, 40.0, 70.0), pump1=41.0, pump2=69.0)
    assert told_pct(seen.wx, seen.last) == 70.0
    assert turning_pct(seen.wx, POSITIONS, seen.value, seen.quality) == 69.0
    seen.show(pump1=NAN)
    assert math.isnan(turning_pct(seen.wx, POSITIONS, seen.value, seen.quality))
    seen.last[:] = NAN
    assert told_pct(seen.wx, seen.last) == 0.0


def only_pumps(*pumps):
    """Return the watch row of a CDU whose pumps are these actuators."""
    wx = np.full(at.WATCH_INDICES, -1)
    wx[at.WX_PUMP : at.WX_PUMP + len(pumps)] = pumps
    return wx


def test_the_first_actuator_may_be_a_pump_and_the_last_one_be_somebody_elses():
    wx, last, speeds = only_pumps(0, 1), np.array([40.0, 30.0, 99.0]), np.array([41.0, 31.0, 98.0])
    good = np.full(3, int(Quality.GOOD))
    assert told_pct(wx, last) == 40.0
    assert turning_pct(wx, POSITIONS, speeds, good) == 41.0
    assert turning_pct(wx, POSITIONS, np.array([0.0, 0.0, 98.0]), good) == 0.0
    limits, causes, details = np.zeros((3, LIMIT_COLUMNS)), np.full(HAZARDS, GONE), np.full(HAZARDS, 7)
    limits[:, L_MINIMUM] = 25.0
    judge_pumps(wx, limits, POSITIONS, last, np.array([0.0, 31.0, 98.0]), good, causes, details)
    assert (causes[Hazard.PUMP_NOT_TURNING], details[Hazard.PUMP_NOT_TURNING]) == (THERE, 0)


@pytest.mark.parametrize(("minimum", "told", "runs"), [(25.0, 25.0, 1), (25.0, 24.9, 0), (0.0, 0.0, 0), (0.0, 0.5, 1)])
def test_a_pump_runs_from_its_minimum_on_and_never_at_nothing(minimum, told, runs):
    seen = Seen((50.0, told, 0.0))
    seen.limits[1:, L_MINIMUM] = minimum
    seen.flow()
    assert (seen.wd[at.WD_PUMPS_ON_S] > 0.0) == bool(runs)


@pytest.mark.parametrize(
    ("told", "shown", "said"),
    [
        ((50.0, 0.5, 60.0), {"pump1": 0.0}, (THERE, 0)),
        ((50.0, 60.0, 60.0), {"pump2": 12.4}, (THERE, 1)),
        ((50.0, 60.0, 60.0), {"pump1": 0.0}, (THERE, 0)),
        ((50.0, 60.0, 60.0), {"pump2": 12.5}, (GONE, NOTHING)),
        ((50.0, 60.0, 0.0), {"pump2": 0.0}, (GONE, NOTHING)),
        ((50.0, 60.0, 60.0), {"pump2": NAN}, (GONE, NOTHING)),
        ((50.0, NAN, 60.0), {"pump1": 0.0}, (GONE, NOTHING)),
    ],
)
def test_fm_01_a_pump_that_is_told_to_run_and_does_not_turn_is_named(told, shown, said):
    assert Seen(told, **shown).pumps() == said


@pytest.mark.parametrize(
    ("told", "position", "said"),
    [(50.0, 60.1, THERE), (50.0, 39.9, THERE), (50.0, 60.0, UNKNOWN), (50.0, 55.0, UNKNOWN), (50.0, 54.9, GONE),
     (NAN, 90.0, UNKNOWN), (50.0, NAN, UNKNOWN)],
)  # fmt: skip
def test_fm_02_a_valve_that_is_not_where_it_was_told(told, position, said):
    assert Seen((told, 60.0, 60.0), valve=position).valve()[Hazard.VALVE_NOT_FOLLOWING] == said


@pytest.mark.parametrize(
    ("shown", "rate", "said"),
    [
        ({"valve": 95.0, "supply": 36.1}, 0.0, THERE),
        ({"valve": 94.9, "supply": 36.1}, 0.0, GONE),
        ({"valve": 100.0, "supply": 36.0}, 0.0, GONE),
        ({"valve": 100.0, "supply": 40.0}, -0.02, GONE),
        ({"valve": 100.0, "supply": 40.0}, -0.015, GONE),
        ({"valve": 100.0, "supply": 40.0}, -0.01, GONE),
        ({"valve": 100.0, "supply": 40.0}, -0.005, THERE),
        ({"valve": 100.0, "supply": 40.0, "fws": 37.1}, 0.0, GONE),
        ({"valve": 100.0, "supply": 40.0, "fws": 37.0}, 0.0, THERE),
        ({"valve": 100.0, "supply": 40.0, "fws": NAN}, 0.0, THERE),
        ({"valve": 100.0, "supply": NAN}, 0.0, GONE),
        ({"valve": NAN, "supply": 40.0}, 0.0, GONE),
    ],
)
def test_fm_02_an_open_valve_that_does_not_cool(shown, rate, said):
    seen = Seen(**shown)
    seen.wd[at.WD_RATE_K_S] = rate
    assert seen.valve()[Hazard.VALVE_WITHOUT_EFFECT] == said

"""A cycle of a CDU's protection: facts become hazards, a second reading confirms, a trip explains pumps that rest."""

import numpy as np
import pytest

from coolantd.safety import watch_layout as at
from coolantd.safety.guard import HAZARD_OF, advance_hazards, guard_cdu, judge
from coolantd.safety.hazards import FACTS, HAZARDS, Fact, Force, Hazard
from coolantd.safety.interlocks import RULES
from coolantd.safety.latch import GONE, H_ACTIVE, H_THERE_S, HAZARD_STATE, THERE, UNKNOWN
from coolantd.safety.meaning import NOTHING
from coolantd.safety.requests import REQUESTS, Request
from coolantd.safety.watch_layout import (
    WATCH_INDICES,
    WATCH_PARAMETERS,
    WATCH_STATE,
    WATCH_WANTED,
    WX_LOOP,
    WX_PUMP,
    WX_SUPPLY,
    WX_VALVE,
)

DT_S = 0.25
CONFIRMED = [each for each in Hazard if RULES[each].confirmed]
LIMITS = np.array(
    [
        # minimum, maximum, zero, slew, failsafe, group, paths, path pumps, bypass, travel
        [0.0, 100.0, 0.0, 4.0, np.nan, -1.0, -1.0, -1.0, 0.0, np.inf],
        [25.0, 100.0, 1.0, 4.0, 75.0, 0.0, -1.0, -1.0, 0.0, np.inf],
    ]
)


def cycles(hazard, said, *, confirm_s):
    """Return for each cycle whether a hazard is in force."""
    hz, hazards, active = np.zeros((HAZARDS, HAZARD_STATE)), np.zeros(HAZARDS, dtype=np.int64), []
    for cause in said:
        causes = np.full(HAZARDS, GONE)
        causes[hazard] = cause
        advance_hazards(hz, causes, confirm_s, hazards, DT_S)
        active.append(int(hazards[hazard]))
    return active


@pytest.mark.parametrize("hazard", CONFIRMED)
def test_fm_01_fm_03_what_a_second_reading_has_to_confirm_comes_into_force_when_it_has_come(hazard):
    assert cycles(hazard, [THERE] * 4, confirm_s=0.75) == [0, 0, 1, 1]
    assert cycles(hazard, [THERE, GONE, THERE, GONE, THERE], confirm_s=0.75) == [0] * 5
    assert cycles(hazard, [THERE] * 9, confirm_s=2.0) == [0] * 7 + [1] * 2


def test_fm_02_a_limit_is_acted_upon_by_its_first_reading_however_long_the_second_takes():
    assert cycles(Hazard.OVER_TEMP_SUPPLY, [THERE], confirm_s=2.0) == [1]


def test_a_hazard_that_was_there_for_a_while_forgets_it_when_it_is_gone():
    hz, hazards = np.zeros((HAZARDS, HAZARD_STATE)), np.zeros(HAZARDS, dtype=np.int64)
    causes = np.full(HAZARDS, GONE)
    causes[Hazard.LOW_SUCTION] = THERE
    advance_hazards(hz, causes, 0.75, hazards, DT_S)
    assert hz[Hazard.LOW_SUCTION, H_THERE_S] == DT_S
    advance_hazards(hz, np.full(HAZARDS, GONE), 0.75, hazards, DT_S)
    assert hz[Hazard.LOW_SUCTION, H_THERE_S] == 0.0


@pytest.mark.parametrize(("tripped", "active"), [(1.0, 0), (0.0, 1)])
def test_fm_12_pumps_that_a_trip_has_stopped_are_not_found_standing(tripped, active):
    hz, hazards = np.zeros((HAZARDS, HAZARD_STATE)), np.zeros(HAZARDS, dtype=np.int64)
    hz[Hazard.LEVEL_LOST, H_ACTIVE] = tripped
    for _ in range(40):
        causes = np.full(HAZARDS, GONE)
        causes[Hazard.PUMPS_OFF] = causes[Hazard.LEVEL_LOST] = THERE
        causes[Hazard.LEVEL_LOST] = THERE if tripped else GONE
        advance_hazards(hz, causes, 0.75, hazards, DT_S)
    assert hazards[Hazard.PUMPS_OFF] == active


def judged(facts):
    wx = np.full(WATCH_INDICES, -1)
    wx[WX_SUPPLY], wx[WX_LOOP], wx[WX_VALVE], wx[WX_PUMP] = 0, 1, 0, 1
    causes, details = np.full(HAZARDS, 7), np.full(HAZARDS, 7)
    judge(
        np.full(WATCH_PARAMETERS, np.nan),
        wx,
        np.zeros(WATCH_STATE),
        np.full(WATCH_WANTED, np.nan),
        facts,
        LIMITS,
        np.array([2, 3]),
        np.array([50.0, 60.0]),
        np.array([34.0, 90.0, 50.0, 60.0]),
        np.full(4, 2),
        causes,
        details,
        DT_S,
    )
    return causes, details


def judged_world(**changes):
    """Return the causes of a CDU in which one thing is wrong: readings by name, everything else as it should be."""
    names = ("supply", "pressure", "valve", "pump", "flow", "level")
    shown = dict(zip(names, (34.0, 90.0, 50.0, 60.0, 600.0, 80.0), strict=True)) | changes
    w, wx = np.full(WATCH_PARAMETERS, np.nan), np.full(WATCH_INDICES, -1)
    w[[at.W_SUPPLY_MAX_C, at.W_FLOW_FULL_LPM, at.W_NOTHING_LPM, at.W_LEVEL_LOST]] = 44.0, 1000.0, 20.0, 5.0
    w[[at.W_DEW_DESIGN_C, at.W_DEW_MARGIN_K]] = 18.0, 2.0
    wx[[at.WX_SUPPLY, at.WX_LOOP, at.WX_VALVE, at.WX_PUMP, at.WX_FLOW, at.WX_LEVEL]] = 0, 1, 0, 1, 4, 5
    wd, wn, causes = np.zeros(WATCH_STATE), np.full(WATCH_WANTED, np.nan), np.full(HAZARDS, 7)
    wd[at.WD_SUPPLY_C], wd[at.WD_PUMPS_ON_S], wn[at.WN_SUPPLY_C] = 34.0, 100.0, 34.0
    value = np.array([shown[name] for name in names])
    quality = np.where(np.isnan(value), 0, 2)
    last, positions, facts = np.array([50.0, 60.0]), np.array([2, 3]), np.zeros(FACTS, dtype=np.int64)
    judge(w, wx, wd, wn, facts, LIMITS, positions, last, value, quality, causes, np.full(HAZARDS, 7), DT_S)
    return {Hazard(int(k)) for k in np.flatnonzero(causes == THERE)}, causes, wd


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, set()),
        ({"supply": 36.5}, {Hazard.SUPPLY_TEMP_HIGH}),
        ({"level": 4.0}, {Hazard.LEVEL_LOST}),
        ({"level": np.nan}, {Hazard.PROTECTION_BLIND}),
        ({"flow": 200.0}, {Hazard.FLOW_LOW, Hazard.FLOW_LOST}),
        ({"pump": 10.0}, {Hazard.PUMP_NOT_TURNING}),
        ({"valve": 80.0}, {Hazard.VALVE_NOT_FOLLOWING}),
    ],
)
def test_every_kind_of_judgement_is_made_in_every_cycle_and_nothing_is_left_of_the_last(changes, there):
    found, causes, wd = judged_world(**changes)
    assert found == there
    assert set(causes.tolist()) <= {GONE, THERE, UNKNOWN}
    assert (wd[at.WD_SUPPLY_C] > 34.0) == ("supply" in changes)  # the slope is followed


def test_a_hazard_in_force_whose_cause_is_gone_is_over_after_its_delay():
    hz, hazards = np.zeros((HAZARDS, HAZARD_STATE)), np.zeros(HAZARDS, dtype=np.int64)
    hz[Hazard.LOW_SUCTION, H_ACTIVE] = 1.0
    for _ in range(round(RULES[Hazard.LOW_SUCTION].off_s / DT_S)):
        assert hz[Hazard.LOW_SUCTION, H_ACTIVE] == 1.0
        advance_hazards(hz, np.full(HAZARDS, GONE), 0.75, hazards, DT_S)
    assert hz[Hazard.LOW_SUCTION, H_ACTIVE] == hazards[Hazard.LOW_SUCTION] == 0.0


@pytest.mark.parametrize("fact", Fact)
def test_every_fact_that_is_told_is_a_hazard_of_its_own(fact):
    facts = np.zeros(FACTS, dtype=np.int64)
    facts[fact] = 1
    causes, details = judged(facts)
    assert causes[HAZARD_OF[fact]] == THERE
    assert [int(HAZARD_OF[other]) for other in Fact if causes[HAZARD_OF[other]] == THERE] == [int(HAZARD_OF[fact])]
    assert Hazard(int(HAZARD_OF[fact])).name == fact.name
    assert set(details.tolist()) == {NOTHING}
    assert set(causes.tolist()) <= {GONE, THERE, UNKNOWN}


@pytest.mark.parametrize("hazards_in_force", [True, False])
@pytest.mark.parametrize("may_force", [True, False])
def test_orders_and_requests_come_of_hazards_in_force_and_orders_only_where_the_actuators_are_ours(
    hazards_in_force, may_force
):
    hz, hazards = np.zeros((HAZARDS, HAZARD_STATE)), np.zeros(HAZARDS, dtype=np.int64)
    hz[Hazard.OVER_TEMP_SUPPLY, H_ACTIVE] = 1.0
    hazards[Hazard.OVER_TEMP_SUPPLY] = int(hazards_in_force)
    demands, forced, requests = np.array([50.0, 60.0]), np.zeros(2, dtype=np.int64), np.zeros(REQUESTS, dtype=np.int64)
    w, wx = np.full(WATCH_PARAMETERS, np.nan), np.full(WATCH_INDICES, -1)
    wx[WX_VALVE], wx[WX_PUMP] = 0, 1
    last = demands.copy()
    guard_cdu(0, w, wx, hz, LIMITS, last, demands, forced, hazards, requests, may_force, DT_S)
    moved = hazards_in_force and may_force
    assert demands.tolist() == ([51.0, 61.0] if moved else [50.0, 60.0])
    assert forced.tolist() == [Force.INTERLOCK if moved else Force.NONE] * 2
    assert requests[Request.REDUCE_LOAD] == int(hazards_in_force)

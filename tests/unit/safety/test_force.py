"""From hazards in force to demands: every bound, every pair of contradicting orders, slew, and who is left alone."""

import itertools
import math

import numpy as np
import pytest

from coolantd.safety import envelope
from coolantd.safety.envelope import (
    L_FAILSAFE,
    L_MAXIMUM,
    L_MINIMUM,
    L_PATH_PUMPS,
    L_PATHS,
    L_PUMP_GROUP,
    L_SLEW,
    LIMIT_COLUMNS,
    NO_GROUP,
)
from coolantd.safety.force import CREEP_PCT_PER_S, ask, bound, force_cdu, on_the_way
from coolantd.safety.hazards import HAZARDS, Force, Hazard
from coolantd.safety.interlocks import RULES, At, Target
from coolantd.safety.latch import GONE, H_ACTIVE, H_CAUSE, H_FOR_S, H_GONE_S, HAZARD_STATE, THERE, UNKNOWN
from coolantd.safety.requests import REQUESTS, Request

DT_S = 0.5
VALVE, PUMP1, PUMP2, BYPASS, OTHER_PUMP, BRANCH = range(6)
SUCTION_PCT = 60.0


def limit(**columns):
    row = np.zeros(LIMIT_COLUMNS)
    row[[L_PUMP_GROUP, L_PATHS, L_PATH_PUMPS]] = NO_GROUP
    row[L_MAXIMUM], row[L_SLEW], row[L_FAILSAFE] = 100.0, 4.0, math.nan
    for name, value in columns.items():
        row[getattr(envelope, name)] = value
    return row


def pump(group):
    return limit(L_MINIMUM=25.0, L_ZERO_ALLOWED=1.0, L_FAILSAFE=75.0, L_PUMP_GROUP=group)


LIMITS = np.array(
    [
        limit(L_MINIMUM=5.0),
        pump(0.0),
        pump(0.0),
        limit(L_BYPASS=1.0, L_PATHS=0.0, L_PATH_PUMPS=0.0),
        pump(1.0),
        limit(L_PATHS=0.0, L_PATH_PUMPS=0.0),
    ]
)


def hazards(*active):
    hz = np.zeros((HAZARDS, HAZARD_STATE))
    hz[[int(each) for each in active], H_ACTIVE] = 1.0
    return hz


def settle(active, start, *, cycles=60, limited=SUCTION_PCT, demands=None):
    """Return where actuators come to rest, and what forces them, when control goes on demanding ``demands``."""
    last = np.array(start, dtype=float)
    wanted = last.copy() if demands is None else np.array(demands, dtype=float)
    forced = np.zeros(last.size, dtype=np.int64)
    for _ in range(cycles):
        now, forced = wanted.copy(), np.zeros(last.size, dtype=np.int64)
        force_cdu(0, hazards(*active), VALVE, limited, LIMITS, last, now, forced, DT_S)
        moved = np.where((now == 0.0) | (last < 25.0), 0.0, now - last)
        assert np.abs(moved[np.array(forced) > 0]).max(initial=0.0) <= 2.0 + 1e-9  # i1: within slew
        last = np.where(np.isfinite(now), now, last)
    return last, [Force(int(code)) for code in forced]


START = [50.0, 60.0, 0.0, 10.0, 50.0, 100.0]
REST = {
    # valve, the pump that runs, the one that rests, bypass
    Hazard.FLOW_LOST: (50.0, 75.0, 75.0, 10.0),
    Hazard.NO_FLOW: (50.0, 75.0, 75.0, 10.0),
    Hazard.OVER_TEMP_SUPPLY: (100.0, 100.0, 0.0, 10.0),
    Hazard.OVER_TEMP_RETURN: (100.0, 100.0, 0.0, 10.0),
    Hazard.OVER_TEMP_SOON: (100.0, 100.0, 0.0, 10.0),
    Hazard.CONDENSATION: (5.0, 60.0, 0.0, 10.0),
    Hazard.OVER_PRESSURE: (50.0, 25.0, 0.0, 100.0),
    Hazard.DEAD_HEAD: (50.0, 25.0, 0.0, 100.0),
    Hazard.LOW_SUCTION: (50.0, 60.0, 0.0, 10.0),
    Hazard.LEVEL_LOW: (50.0, 60.0, 0.0, 10.0),
    Hazard.AIR: (50.0, 60.0, 0.0, 10.0),
    Hazard.LEVEL_LOST: (50.0, 0.0, 0.0, 10.0),
    Hazard.PUMPS_OFF: (50.0, 75.0, 75.0, 10.0),
}


@pytest.mark.parametrize("hazard", REST)
def test_where_each_hazard_takes_the_actuators(hazard):
    rest, forced = settle([hazard], START)
    assert tuple(rest[:4]) == REST[hazard]
    assert tuple(rest[4:]) == (50.0, 100.0)  # another CDU's pump, a branch
    assert forced[OTHER_PUMP] is forced[BRANCH] is Force.NONE


@pytest.mark.parametrize("hazard", [each for each in Hazard if not RULES[each].orders])
def test_a_hazard_without_an_order_moves_nothing(hazard):
    rest, forced = settle([hazard], START, cycles=3)
    assert tuple(rest) == tuple(START)
    assert set(forced) == {Force.NONE}


KINDS = {
    VALVE: (Target.VALVE,),
    PUMP1: (Target.PUMPS, Target.EVERY_PUMP),
    PUMP2: (Target.EVERY_PUMP,),
    BYPASS: (Target.BYPASS,),
}
PLACES = {At.OFF: 0.0, At.MAXIMUM: 100.0, At.FAILSAFE: 75.0, At.LIMITED: SUCTION_PCT}


def judged(active, i):
    """Return where an actuator should rest: rank by rank only the places that break its orders least are left."""
    least_pct = LIMITS[i, L_MINIMUM]
    places = sorted({0.0, least_pct, SUCTION_PCT, 75.0, 100.0, START[i]})
    for hazard in sorted(active, key=lambda each: -RULES[each].rank):
        for order in RULES[hazard].orders:
            if order.target in KINDS[i]:
                low = PLACES.get(order.at_least, least_pct) if order.at_least is not At.NONE else 0.0
                creeps = order.at_most in (At.NONE, At.CREEP)
                high = 100.0 if creeps else PLACES.get(order.at_most, least_pct)
                broken = {place: max(low - place, place - high, 0.0) for place in places}
                places = [place for place in places if broken[place] == min(broken.values())]
    return min(places, key=lambda place: abs(place - START[i]))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(REST, 2)))
def test_worst_wins_for_every_pair_actuator_by_actuator(one, other):
    rest, _ = settle([one, other], START)
    for i in KINDS:
        if {one, other} & {Hazard.AIR} and i in (PUMP1, PUMP2):
            continue  # how fast, not where: a test of its own
        assert rest[i] == judged((one, other), i)


PAIRS = [
    ((Hazard.OVER_TEMP_SUPPLY, Hazard.CONDENSATION), (100.0, 100.0)),
    ((Hazard.OVER_TEMP_SUPPLY, Hazard.DEAD_HEAD), (100.0, 25.0)),
    ((Hazard.OVER_TEMP_SUPPLY, Hazard.OVER_PRESSURE), (100.0, 25.0)),
    ((Hazard.OVER_TEMP_SUPPLY, Hazard.LOW_SUCTION), (100.0, 60.0)),
    ((Hazard.FLOW_LOST, Hazard.DEAD_HEAD), (50.0, 25.0)),
    ((Hazard.FLOW_LOST, Hazard.LOW_SUCTION), (50.0, 60.0)),
    ((Hazard.FLOW_LOST, Hazard.CONDENSATION), (5.0, 75.0)),
    ((Hazard.CONDENSATION, Hazard.DEAD_HEAD), (5.0, 25.0)),
    ((Hazard.LEVEL_LOST, Hazard.OVER_TEMP_SUPPLY), (100.0, 0.0)),
    ((Hazard.LEVEL_LOST, Hazard.DEAD_HEAD), (50.0, 0.0)),
    ((Hazard.LEVEL_LOW, Hazard.PUMPS_OFF), (50.0, 60.0)),
    ((Hazard.OVER_TEMP_SUPPLY, Hazard.FLOW_LOST), (100.0, 100.0)),
]


@pytest.mark.parametrize(("active", "expected"), PAIRS)
def test_fm_02_fm_03_fm_08_which_of_two_wins(active, expected):
    rest, _ = settle(active, START)
    assert (rest[VALVE], rest[PUMP1]) == expected


def test_max_of_calculated_and_failsafe_a_pump_above_it_stays_where_it_is():
    rest, forced = settle([Hazard.FLOW_LOST], [50.0, 90.0, 80.0, 0.0, 50.0, 100.0])
    assert tuple(rest[[PUMP1, PUMP2]]) == (90.0, 80.0)
    assert forced[PUMP1] is forced[PUMP2] is Force.NONE


def test_fm_10_with_air_pumps_gain_speed_slowly_and_may_slow_down_at_will():
    wanted = [50.0, 80.0, 0.0, 10.0, 50.0, 100.0]
    rest, forced = settle([Hazard.AIR], START, cycles=10, demands=wanted)
    assert rest[PUMP1] == pytest.approx(60.0 + 10 * CREEP_PCT_PER_S * DT_S)
    assert forced[PUMP1] is Force.INTERLOCK
    rest, forced = settle([Hazard.AIR], START, cycles=1, demands=[50.0, 59.0, 0.0, 10.0, 50.0, 100.0])
    assert (rest[PUMP1], forced[PUMP1]) == (59.0, Force.NONE)


def test_an_actuator_that_is_not_ours_is_left_alone():
    last = np.array([math.nan, math.nan, 60.0, 10.0, 50.0, 100.0])
    demands, forced = last.copy(), np.zeros(6, dtype=np.int64)
    force_cdu(0, hazards(Hazard.OVER_TEMP_SUPPLY), VALVE, math.nan, LIMITS, last, demands, forced, DT_S)
    assert np.isnan(demands[[VALVE, PUMP1]]).all()
    assert [Force(int(code)) for code in forced] == [Force.NONE, Force.NONE, Force.INTERLOCK] + [Force.NONE] * 3
    assert demands[PUMP2] == 62.0


def test_an_actuator_of_which_nothing_is_demanded_moves_from_where_it_is():
    demands, forced = np.full(6, math.nan), np.zeros(6, dtype=np.int64)
    force_cdu(0, hazards(Hazard.OVER_TEMP_SUPPLY), VALVE, math.nan, LIMITS, np.array(START), demands, forced, DT_S)
    assert (demands[VALVE], demands[PUMP1]) == (52.0, 62.0)
    assert np.isnan(demands[PUMP2])


def test_fm_05_a_trip_has_every_pump_of_its_cdu_and_keeps_it_when_they_stand():
    rest, forced = settle([Hazard.LEVEL_LOST], START)
    assert forced == [Force.NONE, Force.TRIP, Force.TRIP, Force.NONE, Force.NONE, Force.NONE]
    assert tuple(rest[[PUMP1, PUMP2]]) == (0.0, 0.0)
    rest, forced = settle([Hazard.LEVEL_LOST], [50.0, 0.0, 0.0, 0.0, 50.0, 100.0])
    assert forced[PUMP1] is forced[PUMP2] is Force.TRIP


def test_fm_05_a_pump_that_somebody_else_wants_off_already_is_stopped_by_a_trip_within_its_slew_all_the_same():
    demands, forced = np.array([50.0, 0.0, 60.0, 10.0, 50.0, 100.0]), np.zeros(6, dtype=np.int64)
    force_cdu(0, hazards(Hazard.LEVEL_LOST), VALVE, math.nan, LIMITS, np.array(START), demands, forced, DT_S)
    assert demands[PUMP1] == START[PUMP1] - 2.0
    assert forced[PUMP1] == Force.TRIP


@pytest.mark.parametrize(("path_pumps", "opens"), [(0.0, True), (-1.0, True), (1.0, False)])
def test_fm_07_the_bypass_of_the_same_loop_opens_or_of_any_if_it_is_not_known_whose_it_is(path_pumps, opens):
    limits = LIMITS.copy()
    limits[BYPASS, L_PATH_PUMPS] = path_pumps
    demands, forced = np.array(START), np.zeros(6, dtype=np.int64)
    force_cdu(0, hazards(Hazard.OVER_PRESSURE), VALVE, math.nan, limits, np.array(START), demands, forced, DT_S)
    assert bool(demands[BYPASS] > START[BYPASS]) is opens
    assert demands[BRANCH] == START[BRANCH]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (At.MINIMUM, 25.0),
        (At.MAXIMUM, 100.0),
        (At.FAILSAFE, 75.0),
        (At.OFF, 0.0),
        (At.LIMITED, 60.0),
        (At.CREEP, 40.25),
    ],
)
def test_where_each_bound_of_a_pump_is(at, expected):
    assert bound(int(at), AT_REST, LIMITS[PUMP1], SUCTION_PCT, 40.0, DT_S) == expected


AT_REST = np.zeros(HAZARD_STATE)
UP = 40.0 + CREEP_PCT_PER_S * DT_S


@pytest.mark.parametrize(
    ("gone_s", "said", "expected"),
    [(0.0, THERE, 25.0), (0.0, UNKNOWN, 25.0), (0.5, GONE, UP), (0.5, UNKNOWN, 40.0), (30.0, UNKNOWN, 40.0)],
)
def test_fm_07_unloaded_pumps_go_down_until_the_cause_is_gone_and_up_only_while_it_is_seen_to_be(
    gone_s, said, expected
):
    h = np.zeros(HAZARD_STATE)
    h[[H_ACTIVE, H_GONE_S, H_CAUSE]] = 1.0, gone_s, said
    assert bound(int(At.UNLOAD), h, LIMITS[PUMP1], SUCTION_PCT, 40.0, DT_S) == expected
    assert bound(int(At.UNLOAD), h, LIMITS[PUMP1], SUCTION_PCT, 0.0, DT_S) >= 25.0


@pytest.mark.parametrize("hazard", [Hazard.OVER_PRESSURE, Hazard.DEAD_HEAD])
def test_fm_07_fm_08_a_cause_that_goes_before_the_minimum_leaves_the_pumps_where_they_are(hazard):
    hz = hazards(hazard)
    hz[hazard, [H_GONE_S, H_CAUSE]] = 0.5, GONE
    last = np.array(START)
    demands, forced = np.array([50.0, 100.0, 0.0, 10.0, 50.0, 100.0]), np.zeros(6, dtype=np.int64)
    force_cdu(0, hz, VALVE, math.nan, LIMITS, last, demands, forced, DT_S)
    assert demands[PUMP1] == START[PUMP1] + CREEP_PCT_PER_S * DT_S
    assert forced[PUMP1] == Force.INTERLOCK


def test_bounds_that_are_not_given_fall_back_to_the_minimum_or_to_none():
    assert math.isnan(bound(int(At.NONE), AT_REST, LIMITS[PUMP1], SUCTION_PCT, 40.0, DT_S))
    assert bound(int(At.FAILSAFE), AT_REST, LIMITS[VALVE], SUCTION_PCT, 40.0, DT_S) == 5.0
    assert bound(int(At.LIMITED), AT_REST, LIMITS[PUMP1], math.nan, 40.0, DT_S) == 25.0
    assert bound(int(At.LIMITED), AT_REST, LIMITS[PUMP1], 10.0, 40.0, DT_S) == 25.0
    assert bound(int(At.LIMITED), AT_REST, LIMITS[PUMP1], 120.0, 40.0, DT_S) == 100.0
    assert bound(int(At.CREEP), AT_REST, LIMITS[PUMP1], 60.0, 0.0, DT_S) == 25.25


@pytest.mark.parametrize(
    ("last", "target", "expected"),
    [
        (60.0, 100.0, 62.0),
        (60.0, 0.0, 58.0),
        (60.0, 60.5, 60.5),
        (60.0, 59.5, 59.5),
        (26.0, 0.0, 25.0),
        (25.0, 0.0, 0.0),
        (10.0, 0.0, 0.0),
        (0.0, 75.0, 25.0),
        (99.0, 120.0, 100.0),
        (0.0, 10.0, 0.0),
        (24.9, 25.0, 25.0),
    ],
)
def test_i1_the_way_of_a_pump_is_within_slew_and_has_nothing_between_off_and_its_minimum(last, target, expected):
    assert on_the_way(LIMITS[PUMP1], last, target, DT_S) == expected


@pytest.mark.parametrize(
    ("last", "target", "expected"), [(50.0, 0.0, 48.0), (6.0, 0.0, 5.0), (2.0, 50.0, 5.0), (2.0, 0.0, 5.0)]
)
def test_the_way_of_a_valve_ends_at_its_minimum(last, target, expected):
    assert on_the_way(LIMITS[VALVE], last, target, DT_S) == expected


@pytest.mark.parametrize(
    ("hazard", "for_s", "expected"),
    [
        (Hazard.FLOW_LOST, 4.9, (0, 0)),
        (Hazard.FLOW_LOST, 5.0, (1, 0)),
        (Hazard.NO_FLOW, 0.0, (1, 0)),
        (Hazard.NO_FLOW, 5.0, (1, 1)),
        (Hazard.OVER_TEMP_SUPPLY, 0.0, (1, 0)),
        (Hazard.LEVEL_LOST, 0.0, (0, 1)),
        (Hazard.CONDENSATION, 1e6, (0, 0)),
    ],
)
def test_fm_01_what_is_asked_of_others_and_when(hazard, for_s, expected):
    hz, requests = hazards(hazard), np.zeros(REQUESTS, dtype=np.int64)
    hz[hazard, H_FOR_S] = for_s
    ask(hz, requests)
    assert (requests[Request.REDUCE_LOAD], requests[Request.POWER_OFF]) == expected
    requests[:] = 0
    ask(np.zeros((HAZARDS, HAZARD_STATE)), requests)
    assert not requests.any()

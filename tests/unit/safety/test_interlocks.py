"""The table of interlocks whole: every hazard's delays, rank, orders, requests and how it ends."""

import math

import numpy as np
import pytest

from coolantd.safety.hazard_meanings import MEANINGS
from coolantd.safety.hazards import FACTS, HAZARDS, Fact, Force, Hazard
from coolantd.safety.interlocks import (
    BY_RANK,
    R_ASK_S,
    R_CONFIRMED,
    R_HIGH,
    R_LATCHES,
    R_LOW,
    R_OFF_S,
    R_ON_S,
    R_TRIPS,
    RULE_COLUMNS,
    RULES,
    TABLE,
    At,
    Clear,
    Target,
)
from coolantd.safety.meaning import Detail
from coolantd.safety.requests import REQUESTS, Request

NEVER = math.inf
CONFIRMED = {Hazard.FLOW_LOST, Hazard.NO_FLOW, Hazard.CONDENSATION}
"""What one odd reading does not begin."""
COOL = {Target.VALVE: (At.MAXIMUM, At.NONE), Target.PUMPS: (At.MAXIMUM, At.NONE)}
UNLOAD = {Target.PUMPS: (At.MINIMUM, At.UNLOAD), Target.BYPASS: (At.MAXIMUM, At.NONE)}
LIMITED = {Target.PUMPS: (At.MINIMUM, At.LIMITED)}
RUN = {Target.EVERY_PUMP: (At.FAILSAFE, At.NONE)}
EXPECTED = {
    # on, off, rank, orders: (at least, at most), reduce load after, power off after
    Hazard.FLOW_LOW: (100.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.FLOW_LOST: (0.0, 10.0, 4, RUN, 5.0, NEVER),
    Hazard.NO_FLOW: (0.0, 10.0, 4, RUN, 0.0, 5.0),
    Hazard.SUPPLY_TEMP_HIGH: (120.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.OVER_TEMP_SUPPLY: (0.0, 10.0, 5, COOL, 0.0, NEVER),
    Hazard.OVER_TEMP_RETURN: (0.0, 10.0, 5, COOL, 0.0, NEVER),
    Hazard.OVER_TEMP_SOON: (1.0, 10.0, 5, COOL, NEVER, NEVER),
    Hazard.CONDENSATION: (
        0.0, 5.0, 3, {Target.VALVE: (At.NONE, At.MINIMUM), Target.PUMPS: (At.MINIMUM, At.NONE)}, NEVER, NEVER
    ),
    Hazard.OVER_PRESSURE: (0.0, 60.0, 7, UNLOAD, NEVER, NEVER),
    Hazard.DEAD_HEAD: (2.0, 10.0, 8, UNLOAD, NEVER, NEVER),
    Hazard.LOW_SUCTION: (3.0, 30.0, 6, LIMITED, NEVER, NEVER),
    Hazard.AIR: (0.0, 60.0, 2, {Target.PUMPS: (At.NONE, At.CREEP)}, NEVER, NEVER),
    Hazard.LEVEL_LOW: (10.0, 30.0, 6, LIMITED, NEVER, NEVER),
    Hazard.LEVEL_LOST: (3.0, 10.0, 9, {Target.EVERY_PUMP: (At.NONE, At.OFF)}, NEVER, 0.0),
    Hazard.PUMPS_OFF: (5.0, 5.0, 4, RUN, NEVER, NEVER),
    Hazard.PUMP_NOT_TURNING: (5.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.VALVE_NOT_FOLLOWING: (60.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.VALVE_WITHOUT_EFFECT: (120.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.DATA_LOST: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.WRITES_LOST: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.SENSOR_STUCK: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.SENSORS_SWAPPED: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.SENSOR_DRIFTS: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.OTHER_WRITER: (0.0, 0.0, 0, {}, NEVER, NEVER),
    Hazard.CLOCK_STEP: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.LOOP_STALL: (0.0, 10.0, 0, {}, NEVER, NEVER),
    Hazard.PROTECTION_BLIND: (5.0, 10.0, 0, {}, NEVER, NEVER),
}  # fmt: skip


def test_every_hazard_has_a_rule_and_is_expected_here():
    assert set(RULES) == set(Hazard) == set(EXPECTED)
    assert TABLE.shape == (HAZARDS, RULE_COLUMNS) == (len(Hazard), RULE_COLUMNS)
    assert [int(hazard) for hazard in Hazard] == list(range(HAZARDS))
    assert [int(fact) for fact in Fact] == list(range(FACTS))
    assert [force.name for force in Force] == ["NONE", "INTERLOCK", "TRIP"]
    assert len(Request) == REQUESTS


@pytest.mark.parametrize("hazard", Hazard)
def test_the_row_of_every_hazard(hazard):
    on_s, off_s, rank, orders, reduce_s, power_s = EXPECTED[hazard]
    row = TABLE[hazard]
    assert (row[R_ON_S], row[R_OFF_S], RULES[hazard].rank) == (on_s, off_s, rank)
    assert row[R_CONFIRMED] == (hazard in CONFIRMED)
    found = {
        target: (At(int(row[R_LOW + target])), At(int(row[R_HIGH + target])))
        for target in Target
        if row[R_LOW + target] or row[R_HIGH + target]
    }
    assert found == orders
    assert tuple(row[R_ASK_S + request] for request in (Request.REDUCE_LOAD, Request.POWER_OFF)) == (reduce_s, power_s)


def test_i3_only_a_lost_level_stops_pumps_and_it_alone_is_latched_and_trips():
    stops = {hazard for hazard in Hazard if (TABLE[hazard, R_HIGH : R_HIGH + len(Target)] == At.OFF).any()}
    assert stops == {Hazard.LEVEL_LOST}
    assert {hazard for hazard in Hazard if TABLE[hazard, R_LATCHES] == 1.0} == stops
    assert {hazard for hazard in Hazard if TABLE[hazard, R_TRIPS] == 1.0} == stops
    assert {hazard for hazard in Hazard if RULES[hazard].clear is Clear.BY_ACKNOWLEDGE} == stops


def test_the_order_of_rank_holds_every_hazard_that_orders_anything_once():
    ranks = [RULES[Hazard(int(hazard))].rank for hazard in BY_RANK]
    assert ranks == sorted(ranks, reverse=True)
    assert {Hazard(int(hazard)) for hazard in BY_RANK} == {hazard for hazard in Hazard if RULES[hazard].orders}
    assert len(set(BY_RANK.tolist())) == BY_RANK.size
    assert all((RULES[hazard].rank > 0) == bool(RULES[hazard].orders) for hazard in Hazard)


def test_fm_03_over_temperature_outranks_condensation_and_is_outranked_by_a_shut_loop():
    rank = {hazard: RULES[hazard].rank for hazard in Hazard}
    assert rank[Hazard.CONDENSATION] < rank[Hazard.OVER_TEMP_SUPPLY] < rank[Hazard.OVER_PRESSURE]
    assert rank[Hazard.LOW_SUCTION] < rank[Hazard.OVER_PRESSURE] < rank[Hazard.DEAD_HEAD] < rank[Hazard.LEVEL_LOST]


SEVERAL_ROWS = {
    Hazard.OVER_TEMP_SUPPLY: ("FM-02", "FM-03"),
    Hazard.LEVEL_LOW: ("FM-05", "FM-09"),
    Hazard.LEVEL_LOST: ("FM-05", "FM-09"),
    Hazard.DATA_LOST: ("FM-18", "FM-37"),
    Hazard.WRITES_LOST: ("FM-23", "FM-36"),
    Hazard.PROTECTION_BLIND: ("FM-16", "FM-18"),
}


def test_every_rule_names_the_rows_it_answers():
    assert all(rule.rows and all(row.startswith("FM-") for row in rule.rows) for rule in RULES.values())
    assert {hazard: rule.rows for hazard, rule in RULES.items() if len(rule.rows) > 1} == SEVERAL_ROWS
    assert np.isfinite(TABLE[:, :R_ASK_S]).all()
    assert [hazard.label for hazard in (Hazard.FLOW_LOST, Hazard.LEVEL_LOST)] == ["flow_lost", "level_lost"]


def test_every_hazard_tells_cause_consequence_and_action_as_half_sentences():
    assert set(MEANINGS) == set(Hazard)
    for meaning in MEANINGS.values():
        for text in (meaning.cause, meaning.consequence, meaning.action):
            assert 10 < len(text) < 140
            assert text[0].islower()
            assert not text.endswith(".")
    assert MEANINGS[Hazard.PUMP_NOT_TURNING].detail is Detail.PUMP

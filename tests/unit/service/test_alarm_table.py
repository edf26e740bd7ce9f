"""Every kind of alarm there is: its words, its priority and what it is related to (ISA-18.2)."""

from collections import Counter

import pytest

from coolantd.control.conditions import Condition
from coolantd.safety.alarm_definition import Priority
from coolantd.safety.alarms import FLOOD
from coolantd.safety.hazards import Hazard
from coolantd.service import alarm_leaks
from coolantd.service.alarm_faults import FAULTS, DaemonFault
from coolantd.service.alarm_hazards import TOLD_ELSEWHERE, hazard_definitions, late_hazard_definitions
from coolantd.service.alarm_table import DEFINITIONS


def test_the_definitions_fit_together():
    assert DEFINITIONS.problems == ()
    assert FLOOD.kind in DEFINITIONS


@pytest.mark.parametrize("condition", Condition, ids=lambda each: each.label)
def test_every_condition_is_an_alarm_with_its_own_words(condition):
    definition = DEFINITIONS[condition.label]
    assert definition.cause
    assert definition.consequence
    assert definition.action


def test_every_fault_is_an_alarm_and_no_two_kinds_share_a_name():
    assert set(FAULTS) == set(DaemonFault)
    names = [
        *(fault.value for fault in DaemonFault),
        *(condition.label for condition in Condition),
        *hazard_definitions(),
        *late_hazard_definitions(),
        *alarm_leaks.DEFINITIONS,
    ]
    assert len(set(names)) == len(names)
    assert set(names) <= set(DEFINITIONS)


def test_few_are_critical_and_most_can_wait():
    """About 5, 15 and 80 per cent: where everything is urgent nothing is."""
    count = Counter(DEFINITIONS[kind].priority for kind in DEFINITIONS)
    total = len(DEFINITIONS)
    assert 0.0 < count[Priority.CRITICAL] / total <= 0.10
    assert 0.05 <= count[Priority.HIGH] / total <= 0.20
    assert (count[Priority.MEDIUM] + count[Priority.LOW]) / total >= 0.7


def test_fm_32_a_dead_device_explains_what_is_said_of_its_points():
    for condition in (Condition.SENSOR_STUCK, Condition.SENSOR_EXCLUDED, Condition.PUMP_TRIPPED, Condition.FOULING):
        assert DaemonFault.DEVICE_DOWN in DEFINITIONS[condition.label].suppressed_by


@pytest.mark.parametrize("hazard", Hazard, ids=lambda each: each.label)
def test_a1_every_hazard_is_an_alarm_or_is_told_by_one_already(hazard):
    assert (hazard.label in hazard_definitions() | late_hazard_definitions()) == (hazard not in TOLD_ELSEWHERE)


def test_a1_two_ways_to_notice_one_thing_explain_each_other():
    for kind, by in (
        ("secondary_flow_lost", "no_flow"),
        ("flow_lost", "no_flow"),
        ("pump_not_turning", "pump_tripped"),
        ("supply_temp_high", "over_temp_supply"),
        ("data_lost", "cdu_failsafe"),
        ("cdu_failsafe", "device_down"),
    ):
        assert by in DEFINITIONS[kind].suppressed_by, kind


def test_a6_what_endangers_coolant_or_racks_is_critical_and_nothing_hides_it():
    critical = {kind for kind in DEFINITIONS if DEFINITIONS[kind].priority is Priority.CRITICAL}
    assert {"no_flow", "level_lost", "over_temp_supply", "leak_major"} <= critical
    assert not any(DEFINITIONS[kind].may_be_hidden for kind in critical)

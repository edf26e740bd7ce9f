"""Every kind of alarm there is: its words, its priority and what it is related to (ISA-18.2)."""

from collections import Counter

import pytest

from coolantd.control.conditions import Condition
from coolantd.safety.alarm_definition import Priority
from coolantd.safety.alarms import FLOOD
from coolantd.service.alarm_conditions import HANDLING
from coolantd.service.alarm_faults import FAULTS, DaemonFault
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
    names = [*(fault.value for fault in DaemonFault), *(condition.label for condition in Condition)]
    assert len(set(names)) == len(names)
    assert set(names) <= set(DEFINITIONS)


def test_few_are_critical_and_most_can_wait():
    """About 5, 15 and 80 per cent: where everything is urgent nothing is."""
    count = Counter(DEFINITIONS[kind].priority for kind in DEFINITIONS)
    total = len(DEFINITIONS)
    assert 0.0 < count[Priority.CRITICAL] / total <= 0.10
    assert 0.05 <= count[Priority.HIGH] / total <= 0.25
    assert (count[Priority.MEDIUM] + count[Priority.LOW]) / total >= 0.7


def test_fm_32_a_dead_device_explains_what_is_said_of_its_points():
    for condition in (Condition.SENSOR_STUCK, Condition.SENSOR_EXCLUDED, Condition.PUMP_TRIPPED, Condition.FOULING):
        assert DaemonFault.DEVICE_DOWN in DEFINITIONS[condition.label].suppressed_by


def test_a6_the_loss_of_flow_is_critical_and_nothing_hides_it():
    definition = DEFINITIONS[Condition.SECONDARY_FLOW_LOST.label]
    assert definition.priority is Priority.CRITICAL
    assert not definition.may_be_hidden
    assert HANDLING[Condition.SECONDARY_FLOW_LOST].suppressed_by == ()

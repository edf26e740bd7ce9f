"""How much each of control's conditions matters as an alarm, and what it is related to. Data; knows no state.

The words are the condition's own. So are its hysteresis and most of its delays; those here are what keeps an operator
from being called twice for one thing.
"""

from typing import Final

from coolantd.control.conditions import MEANINGS, Condition
from coolantd.safety.alarm_definition import Definition, Priority
from coolantd.safety.hazards import Hazard
from coolantd.service.alarm_faults import COOLING
from coolantd.service.alarm_handling import DEAD, FLOW_S, MEASURING, SETTLE_S, Handling, defined


def _measuring(priority: Priority = Priority.MEDIUM, *, inhibit_s: float = 0.0) -> Handling:
    return Handling(priority, group=MEASURING, suppressed_by=DEAD, inhibit_s=inhibit_s)


_LOW: Final = Handling(Priority.LOW, inhibit_s=SETTLE_S, suppressed_by=DEAD)
_FLOW: Final = Handling(Priority.MEDIUM, FLOW_S, group=COOLING, suppressed_by=DEAD)

HANDLING: Final[dict[Condition, Handling]] = {
    Condition.PUMP_TRIPPED: Handling(Priority.HIGH, FLOW_S, group=COOLING, suppressed_by=DEAD),
    Condition.NO_STANDBY_LEFT: Handling(Priority.MEDIUM, FLOW_S, group=COOLING, suppressed_by=DEAD),
    Condition.FACILITY_FLOW_LOST: Handling(Priority.HIGH, FLOW_S, group=COOLING, suppressed_by=DEAD),
    Condition.SECONDARY_FLOW_LOST: Handling(
        Priority.HIGH, FLOW_S, group=COOLING, suppressed_by=(*DEAD, Hazard.NO_FLOW.label, Hazard.FLOW_LOST.label)
    ),
    Condition.LEAK: Handling(Priority.HIGH, FLOW_S, group=COOLING, suppressed_by=DEAD),
    Condition.AIR_OR_LOW_LEVEL: _FLOW,
    Condition.PRESSURE_LIMITS_PUMPS: _FLOW,
    Condition.RETURN_TEMP_RAISES_PUMPS: Handling(Priority.MEDIUM, group=COOLING, suppressed_by=DEAD),
    Condition.BRANCH_SHORT: _FLOW,
    Condition.BRANCH_BLOCKED: _FLOW,
    Condition.BRANCH_UNKNOWN: _measuring(inhibit_s=SETTLE_S),
    Condition.GROUP_SHORT: _FLOW,
    Condition.TCS_SENSORS_SWAPPED: _measuring(),
    Condition.FWS_SENSORS_SWAPPED: _measuring(),
    Condition.PRESSURE_SENSORS_SWAPPED: _measuring(),
    Condition.FLOW_SCALE_WRONG: _measuring(),
    Condition.VALVE_REVERSED: _measuring(),
    Condition.SENSORS_DISAGREE: _measuring(),
    Condition.SENSOR_STUCK: _measuring(),
    Condition.SENSOR_EXCLUDED: _measuring(),
    Condition.PUMP_LIMIT_UNWATCHED: _measuring(),
    Condition.DEW_POINT_UNKNOWN: _measuring(inhibit_s=SETTLE_S),
    Condition.SENSOR_DRIFTS: _LOW,
    Condition.FLOW_DISAGREES: _LOW,
    Condition.HEAT_UNBALANCED: _LOW,
    Condition.FOULING: _LOW,
    Condition.ROTATION_OVERDUE: _LOW,
    Condition.RESET_AT_LIMIT: _LOW,
    Condition.RESET_SUSPENDED: _LOW,
}
"""In the order of causes: what brings another about stands before it. What is missing here is of medium priority."""


def condition_definitions() -> dict[str, Definition]:
    """Return the definition of every condition by its label."""
    ordered = [*HANDLING, *(condition for condition in Condition if condition not in HANDLING)]
    return {each.label: defined(MEANINGS[each], HANDLING.get(each, Handling())) for each in ordered}

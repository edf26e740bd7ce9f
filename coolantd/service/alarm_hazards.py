"""How much each hazard of the protection matters as an alarm, and what it is related to. Data; knows no state.

The words are the hazard's own, and so are its delays and latches. A hazard that others have told the protection of has
no alarm of its own: theirs says it already (A1).
"""

from typing import Final

from coolantd.safety.alarm_definition import Definition, Priority
from coolantd.safety.hazard_meanings import MEANINGS
from coolantd.safety.hazards import Hazard
from coolantd.service.alarm_faults import COOLING, DaemonFault
from coolantd.service.alarm_handling import DEAD, FLOW_S, MEASURING, TEMPERATURE_S, Handling, defined

FIRST_SCAN_S: Final = 60.0
"""After the start nothing is known before the first whole scan, which a slow line takes this long for."""

TOLD_ELSEWHERE: Final = frozenset(
    {
        Hazard.AIR,  # air_or_low_level
        Hazard.SENSOR_STUCK,
        Hazard.SENSORS_SWAPPED,  # tcs_, fws_ and pressure_sensors_swapped
        Hazard.SENSOR_DRIFTS,
        Hazard.OTHER_WRITER,  # actuator_yielded
        Hazard.CLOCK_STEP,  # clock_stepped
        Hazard.LOOP_STALL,  # loop_stalled
    }
)


def _flow(priority: Priority, *worse: Hazard) -> Handling:
    by = () if priority is Priority.CRITICAL else (*DEAD, *(hazard.label for hazard in worse))
    return Handling(priority, FLOW_S, group=COOLING, suppressed_by=by)


def _warm(priority: Priority, *worse: Hazard) -> Handling:
    by = () if priority is Priority.CRITICAL else (*DEAD, *(hazard.label for hazard in worse))
    return Handling(priority, TEMPERATURE_S, group=COOLING, suppressed_by=by)


HANDLING: Final[dict[Hazard, Handling]] = {
    Hazard.DATA_LOST: Handling(
        Priority.MEDIUM,
        FLOW_S,
        inhibit_s=FIRST_SCAN_S,
        group=MEASURING,
        suppressed_by=(*DEAD, DaemonFault.DEVICE_PAUSED.value, DaemonFault.CDU_FAILSAFE.value),
    ),
    Hazard.LEVEL_LOST: _flow(Priority.CRITICAL),
    Hazard.NO_FLOW: _flow(Priority.CRITICAL),
    Hazard.PUMPS_OFF: _flow(Priority.HIGH, Hazard.LEVEL_LOST),
    Hazard.DEAD_HEAD: _flow(Priority.MEDIUM),
    Hazard.OVER_PRESSURE: _flow(Priority.HIGH),
    Hazard.FLOW_LOST: _flow(Priority.HIGH, Hazard.NO_FLOW, Hazard.LEVEL_LOST),
    Hazard.FLOW_LOW: _flow(Priority.MEDIUM, Hazard.FLOW_LOST, Hazard.NO_FLOW, Hazard.LEVEL_LOST),
    Hazard.LEVEL_LOW: _flow(Priority.MEDIUM, Hazard.LEVEL_LOST),
    Hazard.LOW_SUCTION: _flow(Priority.MEDIUM, Hazard.LEVEL_LOST),
    Hazard.VALVE_NOT_FOLLOWING: _warm(Priority.MEDIUM),
    Hazard.VALVE_WITHOUT_EFFECT: _warm(Priority.MEDIUM, Hazard.VALVE_NOT_FOLLOWING),
    Hazard.OVER_TEMP_SUPPLY: _warm(Priority.CRITICAL),
    Hazard.OVER_TEMP_RETURN: _warm(Priority.HIGH, Hazard.OVER_TEMP_SUPPLY),
    Hazard.OVER_TEMP_SOON: _warm(Priority.HIGH, Hazard.OVER_TEMP_SUPPLY),
    Hazard.SUPPLY_TEMP_HIGH: _warm(Priority.MEDIUM, Hazard.OVER_TEMP_SUPPLY, Hazard.OVER_TEMP_SOON),
    Hazard.CONDENSATION: _warm(Priority.HIGH),
    Hazard.WRITES_LOST: Handling(Priority.MEDIUM, FLOW_S, suppressed_by=(*DEAD, DaemonFault.DEVICE_LOCAL.value)),
    Hazard.PROTECTION_BLIND: Handling(Priority.MEDIUM, FLOW_S, group=MEASURING, suppressed_by=DEAD),
}
"""In the order of causes. What is neither here nor told elsewhere, nor with the pumps below, is of medium priority."""

PUMP_NOT_TURNING: Final = Handling(Priority.MEDIUM, FLOW_S, group=COOLING, suppressed_by=(*DEAD, "pump_tripped"))
"""What control itself mostly notices first, by another way; then that alarm says it."""

LATE: Final = {Hazard.PUMP_NOT_TURNING: PUMP_NOT_TURNING}


def hazard_definitions() -> dict[str, Definition]:
    """Return the definitions of hazards that stand before control's conditions, by label."""
    others = [each for each in Hazard if each not in HANDLING and each not in TOLD_ELSEWHERE and each not in LATE]
    return {each.label: defined(MEANINGS[each], HANDLING.get(each, Handling())) for each in (*HANDLING, *others)}


def late_hazard_definitions() -> dict[str, Definition]:
    """Return the definitions of hazards that a condition explains, by label."""
    return {each.label: defined(MEANINGS[each], handling) for each, handling in LATE.items()}

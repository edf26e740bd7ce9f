"""What control has noticed of a plant and a person should know: one channel for every stage of a step.

A stage writes 1 into its own columns of ``conditions`` (cdus, CONDITIONS) for as long as something is so, and into
``details`` which one it is. Delays, hysteresis and memory are the stage's own; the arrays begin every step with
nothing noticed. A condition is told, never acted upon: alarms and interlocks are others' business.
"""

from enum import IntEnum, auto
from typing import Final

from coolantd.safety.meaning import Detail, Meaning


class Condition(IntEnum):
    """What may be so of a CDU. The number is its column; a new one goes to the end, with its ``Meaning`` below."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:  # noqa: ARG004 - Enum's own
        return count

    FOULING = auto()
    BRANCH_SHORT = auto()
    BRANCH_UNKNOWN = auto()
    BRANCH_BLOCKED = auto()
    FLOW_DISAGREES = auto()
    HEAT_UNBALANCED = auto()
    AIR_OR_LOW_LEVEL = auto()
    LEAK = auto()
    FACILITY_FLOW_LOST = auto()
    SECONDARY_FLOW_LOST = auto()
    TCS_SENSORS_SWAPPED = auto()
    FWS_SENSORS_SWAPPED = auto()
    PRESSURE_SENSORS_SWAPPED = auto()
    FLOW_SCALE_WRONG = auto()
    VALVE_REVERSED = auto()
    SENSOR_EXCLUDED = auto()
    SENSORS_DISAGREE = auto()
    SENSOR_DRIFTS = auto()
    SENSOR_STUCK = auto()
    DEW_POINT_UNKNOWN = auto()
    GROUP_SHORT = auto()
    PUMP_TRIPPED = auto()
    NO_STANDBY_LEFT = auto()
    ROTATION_OVERDUE = auto()
    PRESSURE_LIMITS_PUMPS = auto()
    RETURN_TEMP_RAISES_PUMPS = auto()
    PUMP_LIMIT_UNWATCHED = auto()
    RESET_AT_LIMIT = auto()
    RESET_SUSPENDED = auto()

    @property
    def label(self) -> str:
        """Return the condition as it appears in metrics and JSON."""
        return self.name.lower()


CONDITIONS: Final = len(Condition)
"""Columns of ``conditions`` and ``details``."""


MEANINGS: Final[dict[Condition, Meaning]] = {
    Condition.FOULING: Meaning(
        cause="the exchanger passes much less heat per kelvin than when it was new",
        consequence="the facility valve opens further for the same heat and has less left for a rising load",
        action="compare the strainers' pressure drops, then clean the exchanger at the next opportunity",
    ),
    Condition.BRANCH_SHORT: Meaning(
        cause="a branch has less flow than its heat asks for although its valve is open",
        consequence="its rack runs warmer than the others and is the first to throttle when the load rises",
        action="look for a closed coupling or a clogged strainer on that branch; else raise the pressure",
        detail=Detail.BRANCH,
    ),
    Condition.BRANCH_UNKNOWN: Meaning(
        cause="a branch cannot be balanced, because its power, its flow or a temperature is not known",
        consequence="its valve is fully open and takes flow that other racks may need",
        action="see which of its points is bad and mend the sensor or what measures the power",
        detail=Detail.BRANCH,
    ),
    Condition.BRANCH_BLOCKED: Meaning(
        cause="a branch passes much less coolant than it did at the same pressure and valve position",
        consequence="its rack gets warmer than the others, at full load perhaps too warm",
        action="look for a quick coupling not fully seated, a kinked hose or a dirty filter at that rack",
        detail=Detail.BRANCH,
    ),
    Condition.FLOW_DISAGREES: Meaning(
        cause="the flow sensor shows another flow than pump speed and differential pressure give",
        consequence="the model and the heat load count with a wrong flow; control goes on by the bias it learns",
        action="compare the flow sensor with a second one; check its wiring, scale and, if magnetic, its grounding",
    ),
    Condition.HEAT_UNBALANCED: Meaning(
        cause="the heat in the coolant differs from that in the facility water or from the racks' power",
        consequence="a flow or temperature sensor has drifted, and the estimates that rest on it are off",
        action="compare the temperatures at standstill with each other and the flow sensors with the pumps' curve",
    ),
    Condition.AIR_OR_LOW_LEVEL: Meaning(
        cause="the pumps make less pressure at their speed than they did, or the pressure ripples: air or a low level",
        consequence="the pumps run faster for the same flow, wear, and may lose their prime",
        action="check the level and vent the loop; look at the strainer before the pumps",
    ),
    Condition.LEAK: Meaning(
        cause="the expansion vessel empties faster than cooling down explains",
        consequence="the pumps lose their prime when it is empty; coolant may be running into a rack",
        action="look for the leak, racks first; top up and watch the level",
    ),
    Condition.FACILITY_FLOW_LOST: Meaning(
        cause="hardly any facility water flows although the valve is open",
        consequence="the coolant warms by the whole heat of the racks; the time to its limit is shown",
        action="reduce the racks' load now and restore the facility water",
    ),
    Condition.SECONDARY_FLOW_LOST: Meaning(
        cause="the coolant's flow has fallen far below what the commanded pump speed gives",
        consequence="chips warm by several kelvins a second; the time to their limit is shown",
        action="reduce the racks' load at once; check pumps, isolating valves and level",
    ),
    Condition.TCS_SENSORS_SWAPPED: Meaning(
        cause="the return shows colder than the supply while the racks are cooled: the two sensors are swapped",
        consequence="automatic is not entered; control would hold the wrong temperature",
        action="check the wiring and the two points in the configuration; swap one of them",
    ),
    Condition.FWS_SENSORS_SWAPPED: Meaning(
        cause="facility water seems to leave colder than it comes, or to come warmer than the coolant it cools",
        consequence="automatic is not entered; the model would count with the wrong temperature",
        action="check the wiring and the points fws_supply_temp and fws_return; swap one of them",
    ),
    Condition.PRESSURE_SENSORS_SWAPPED: Meaning(
        cause="the differential pressure is negative while the pumps run",
        consequence="automatic is not entered; the loop would run the pumps to full speed",
        action="check which pressure sensor is before and which behind the racks, and the profile's difference",
    ),
    Condition.FLOW_SCALE_WRONG: Meaning(
        cause="the coolant's flow reads more than three times, or less than a third of, what heat and pumps give",
        consequence="automatic is not entered; the model would open the valve by that factor too far or too little",
        action="check unit, decimal point and span of the flow sensor in the profile and at the device",
    ),
    Condition.VALVE_REVERSED: Meaning(
        cause="the facility flow fits the valve's position read from the other end: it acts in reverse",
        consequence="automatic is not entered; the valve would close on warm coolant",
        action="check the actuator's direction switch and the valve's scale in the profile",
    ),
    Condition.SENSOR_EXCLUDED: Meaning(
        cause="one of several sensors of the same quantity is bad, or contradicts the others",
        consequence="it no longer counts, and there are fewer to notice the next one",
        action="compare it with a reference thermometer or gauge, then mend or replace it",
        detail=Detail.POINT,
    ),
    Condition.SENSORS_DISAGREE: Meaning(
        cause="sensors of the same quantity contradict each other and no majority says which is right",
        consequence="the safe one is believed, so the plant may run colder or faster than it should; its value is "
        "uncertain and the CDU would not leave failsafe with it",
        action="find the wrong one with a reference instrument and take it out of the list until it is replaced",
        detail=Detail.POINT,
    ),
    Condition.SENSOR_DRIFTS: Meaning(
        cause="the difference between sensors of the same quantity is no longer what it used to be",
        consequence="the mean of them is off by half of it, and at the limit the wrong one is excluded",
        action="compare both with a reference instrument",
        detail=Detail.POINT,
    ),
    Condition.SENSOR_STUCK: Meaning(
        cause="a reading has not changed at all although what moves it has moved",
        consequence="it is not believed; a loop without another sensor of its kind goes to failsafe",
        action="check the sensor, its transmitter and the gateway that reports it",
        detail=Detail.POINT,
    ),
    Condition.DEW_POINT_UNKNOWN: Meaning(
        cause="no dew point is known",
        consequence="the design dew point stands in, so the supply may be kept warmer than it need be",
        action="mend the dew-point sensor; until then make sure that the design value is this room's worst",
    ),
    Condition.GROUP_SHORT: Meaning(
        cause="another CDU of its group carries nothing, so it carries a part of that one's share",
        consequence="the group has less in reserve: the next loss may leave the racks short of flow",
        action="see why that CDU is not in automatic or its pumps stand still, and bring it back",
    ),
    Condition.PUMP_TRIPPED: Meaning(
        cause="a pump does not turn as it is told, or its drive reports a fault",
        consequence="the others carry its flow; with another one lost there may be too little for the racks",
        action="look at its drive; it is taken back 10 s after it runs at its minimum again",
        detail=Detail.PUMP,
    ),
    Condition.NO_STANDBY_LEFT: Meaning(
        cause="no pump that rests could be started",
        consequence="nothing takes the place of the next pump that is lost",
        action="put the pump that has tripped, is out of touch or is another writer's back to work",
    ),
    Condition.ROTATION_OVERDUE: Meaning(
        cause="the pumps on duty should have handed over more than an hour ago",
        consequence="run hours drift apart and the pump that rests goes untried",
        action="see whether a pump has tripped or the flow does not come to rest; until then nothing is handed over",
    ),
    Condition.PRESSURE_LIMITS_PUMPS: Meaning(
        cause="the maximum pressure has held the pumps back for minutes: branches are shut, or a filter is blocked",
        consequence="the racks get less flow than the pump loop asks for",
        action="look for shut branch valves and a dirty filter; compare limit and setpoint in the configuration",
    ),
    Condition.RETURN_TEMP_RAISES_PUMPS: Meaning(
        cause="the coolant has come back at its maximum for minutes: more heat than the flow setpoint is made for",
        consequence="the pumps run faster than their loop asks for; when they are at full speed the racks get too hot",
        action="compare the racks' load with the setpoint; look for a rack with too little flow",
    ),
    Condition.PUMP_LIMIT_UNWATCHED: Meaning(
        cause="the measurement behind a limit of the pumps is bad",
        consequence="that limit is not kept; the device's own protection stays in force",
        action="mend the sensor; coolantd status shows which point is bad",
    ),
    Condition.RESET_AT_LIMIT: Meaning(
        cause="a setpoint reset has stood at its limit for minutes and something still asks for more",
        consequence="the racks run warmer than the reset is meant to allow",
        action="look for the rack that asks; widen the limit if the plant can give more",
    ),
    Condition.RESET_SUSPENDED: Meaning(
        cause="a setpoint reset looks at something that is bad, or at requests that never end",
        consequence="the configured setpoint is in force: safe, and more pumping or colder water than needed",
        action="mend the sensor; if none is bad, look for a stuck branch valve or a temperature that nothing lowers",
    ),
}
"""Of every condition."""

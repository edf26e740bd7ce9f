"""What a person is told of each hazard. Words only; the table of interlocks says what the daemon itself does."""

from typing import Final

from coolantd.safety.hazards import Hazard
from coolantd.safety.meaning import Detail, Meaning

MEANINGS: Final[dict[Hazard, Meaning]] = {
    Hazard.FLOW_LOW: Meaning(
        cause="less than nine tenths of the expected coolant flow for more than a minute and a half",
        consequence="the racks run warmer than planned and have less in reserve",
        action="look at strainers, isolating valves and pump speeds",
    ),
    Hazard.FLOW_LOST: Meaning(
        cause="less than half of the expected coolant flow",
        consequence="every pump runs at its failsafe speed at least; after 5 s less load is asked of the racks",
        action="look at pumps, isolating valves and level at once; compare the flow sensor with the pressure",
    ),
    Hazard.NO_FLOW: Meaning(
        cause="pumps are told to run and nothing flows; their speed or the pressure says the same as the flow sensor",
        consequence="chips warm by several kelvins a second; load is to be reduced at once, power off after 5 s",
        action="take the load off the racks, then look at pumps, drives and isolating valves",
    ),
    Hazard.SUPPLY_TEMP_HIGH: Meaning(
        cause="the supply has been more than 2 K above its setpoint for two minutes",
        consequence="the racks run warmer than planned",
        action="look at facility water, valve and load",
    ),
    Hazard.OVER_TEMP_SUPPLY: Meaning(
        cause="the supply temperature is above its limit",
        consequence="the valve opens fully, the pumps go to full speed, the racks are asked to reduce their load",
        action="restore the facility water; reduce the load until the supply falls",
    ),
    Hazard.OVER_TEMP_RETURN: Meaning(
        cause="the return temperature is above its limit",
        consequence="the valve opens fully, the pumps go to full speed, the racks are asked to reduce their load",
        action="compare the load with the flow; reduce the load until the return falls",
    ),
    Hazard.OVER_TEMP_SOON: Meaning(
        cause="at its present rate the supply temperature reaches its limit within half a minute",
        consequence="the valve opens fully and the pumps go to full speed before it does",
        action="see whether facility water flows; be ready to reduce the load",
    ),
    Hazard.CONDENSATION: Meaning(
        cause="the supply is near the dew point or below it",
        consequence="water may condense on pipes and cold plates; the valve closes to its minimum, the pumps go on",
        action="keep the room's humidity down; check dew point and supply sensors and that the valve closes",
    ),
    Hazard.OVER_PRESSURE: Meaning(
        cause="the pressure is above its limit, just below that of the relief valve",
        consequence="the pumps slow down until it has fallen and the bypass opens, so the racks get less flow",
        action="look for a blocked return, shut branches or a filling pump that does not stop",
    ),
    Hazard.DEAD_HEAD: Meaning(
        cause="the pumps work against a shut loop: full pressure for their speed and no flow",
        consequence="they heat what they hold; they slow down until something flows and the bypass opens",
        action="open the isolating or branch valves; look for a valve stuck shut",
    ),
    Hazard.LOW_SUCTION: Meaning(
        cause="the pressure before the pumps is below its limit",
        consequence="they may cavitate and are kept slower; they go on as long as there is a level",
        action="top up, vent, and look at the strainer before the pumps",
    ),
    Hazard.AIR: Meaning(
        cause="there is air in the loop, or the level is low",
        consequence="the pumps gain speed slowly only, so as not to draw in more",
        action="vent the loop and check the level",
    ),
    Hazard.LEVEL_LOW: Meaning(
        cause="the level of the coolant is low",
        consequence="the pumps are kept slower, so as not to draw in air",
        action="look for a leak, racks first; top up",
    ),
    Hazard.LEVEL_LOST: Meaning(
        cause="the level is too low for the pumps",
        consequence="the CDU has tripped: its pumps are stopped until somebody acknowledges; power off is requested",
        action="take the racks' power off, find the leak, fill up, then acknowledge",
    ),
    Hazard.PUMPS_OFF: Meaning(
        cause="every pump stands still although there is heat, or nobody knows that there is none",
        consequence="all are told to run at their failsafe speed",
        action="see why they stand: drives, their local switches, somebody's order",
    ),
    Hazard.PUMP_NOT_TURNING: Meaning(
        cause="a pump is told to run and does not turn",
        consequence="the others carry its flow, if they can",
        action="look at its drive and at its local switch",
        detail=Detail.PUMP,
    ),
    Hazard.VALVE_NOT_FOLLOWING: Meaning(
        cause="the facility valve has been more than 10 % away from its command for a minute",
        consequence="the supply temperature is not held; control goes on with the valve where it is",
        action="look at the actuator, its supply and its linkage",
    ),
    Hazard.VALVE_WITHOUT_EFFECT: Meaning(
        cause="the facility valve is open, its water is colder than the coolant, and the supply does not fall",
        consequence="nothing is left to cool with but less load",
        action="see whether facility water flows: its pumps, strainers, isolating valves, and the valve's coupling",
    ),
    Hazard.DATA_LOST: Meaning(
        cause="neither the supply temperature nor what the pumps are controlled by is known",
        consequence="the CDU is in failsafe, or on its own controller where it cannot be reached",
        action="restore the connection; look at the device itself",
    ),
    Hazard.WRITES_LOST: Meaning(
        cause="the device does not acknowledge what it is told",
        consequence="it keeps its last setpoints or goes to its own fallback",
        action="look at the connection and whether the device is in remote control",
    ),
    Hazard.SENSOR_STUCK: Meaning(
        cause="a reading has not changed although what moves it has moved",
        consequence="it is not believed; without another of its kind the CDU goes to failsafe",
        action="check the sensor, its transmitter and the gateway that reports it",
    ),
    Hazard.SENSORS_SWAPPED: Meaning(
        cause="two sensors show what the other one should",
        consequence="the CDU does not go to automatic",
        action="check wiring and configuration of the pair",
    ),
    Hazard.SENSOR_DRIFTS: Meaning(
        cause="sensors of the same quantity differ more than they used to",
        consequence="their mean is off, and at the limit the wrong one is excluded",
        action="compare both with a reference instrument",
    ),
    Hazard.OTHER_WRITER: Meaning(
        cause="somebody else writes a register of this CDU",
        consequence="it is left to them for half an hour after their last change",
        action="find out who it is; tell them, or take it back",
    ),
    Hazard.CLOCK_STEP: Meaning(
        cause="the clock of this machine was set by more than a second",
        consequence="none on control; times in records jump",
        action="look at the time service",
    ),
    Hazard.LOOP_STALL: Meaning(
        cause="the daemon stood still for longer than a second",
        consequence="commands were late by that; the devices' own timers acted if it was longer than theirs",
        action="look at load, memory and disk of this machine",
    ),
    Hazard.PROTECTION_BLIND: Meaning(
        cause="a reading that a limit of the protection is watched by is bad",
        consequence="that limit is not kept by the daemon; the device's own protection stays in force",
        action="mend the sensor; coolantd status shows which point is bad",
    ),
}
"""Of every hazard."""

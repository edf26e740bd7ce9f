"""Columns of the packed arrays that the control kernels work on. Names only.

``P_…`` loop parameters and ``S_…`` loop state, both (cdus, LOOPS, …); ``C_…`` CDU parameters and ``D_…`` CDU state
(cdus, …); ``X_…`` CDU indices (cdus, …) int64; ``A_…`` actuator state (actuators, …); ``Y_…`` actuator indices
(actuators, …) int64. Indices into a snapshot or an actuator array are -1 where there is none.
"""

from typing import Final

SUPPLY_TEMP: Final = 0
PRESSURE: Final = 1
LOOPS: Final = 2

P_GAIN: Final = 0
"""% per unit of the process variable, > 0."""
P_ACTION: Final = 1
"""-1: output rises with the process variable (valve cools); +1: output rises with the setpoint (pump)."""
P_INTEGRAL_TIME_S: Final = 2
P_DERIVATIVE_TIME_S: Final = 3
P_FILTER_RATIO: Final = 4
P_TRACKING_TIME_S: Final = 5
P_SETPOINT_WEIGHT: Final = 6
P_OUTPUT_MIN: Final = 7
P_OUTPUT_MAX: Final = 8
P_OUTPUT_RATE: Final = 9
P_SETPOINT: Final = 10
P_SETPOINT_RATE: Final = 11
"""Unit of the process variable per second."""
P_HOLD_S: Final = 12
"""How long a bad process variable only holds the output before it is an event."""
P_MANUAL: Final = 13
"""Output asked for in manual; NaN holds."""
LOOP_PARAMETERS: Final = 14

S_OUTPUT: Final = 0
S_INTEGRAL: Final = 1
S_FILTERED: Final = 2
S_SETPOINT: Final = 3
"""Ramped setpoint before the dew-point floor; NaN before the first good process variable."""
S_BAD_S: Final = 4
"""Seconds for which the process variable has been bad without a break."""
S_GAIN_USED: Final = 5
S_WEIGHT_USED: Final = 6
S_SETPOINT_USED: Final = 7
"""Setpoint in force in the last cycle, floor applied."""
S_TRIAL: Final = 8
"""1 while a trial has the output, 2 while an operator has it, 0 while the loop has it."""
S_TRIAL_OPERATOR: Final = 2.0
S_TRIAL_PCT: Final = 9
"""Where a trial or an operator wants the output."""
S_HELD: Final = 10
"""1 while something above the loop (an interlock, an operator) has its actuators. Written after the demands; the loop
of the next step takes it back and goes on from where they are."""
S_HELD_PCT: Final = 11
"""Where that has them."""
LOOP_STATE: Final = 12

C_DEW_DESIGN_C: Final = 0
C_DEW_MARGIN_K: Final = 1
C_FAILSAFE_SPEED: Final = 2
C_WANTS_MANUAL: Final = 3
C_REMOTE_VALUE: Final = 4
C_DISABLED: Final = 5
"""1 where the configuration says disabled."""

# The model of a CDU behind the feedforward; all NaN where there is none (see ``control.model``).
C_MODEL_UA_KW_K: Final = 6
"""Conductance of the exchanger at both rated flows; NaN: no model, fixed gains."""
C_MODEL_TCS_RATED_LPM: Final = 7
C_MODEL_FWS_RATED_LPM: Final = 8
C_MODEL_KV_LPM: Final = 9
"""Flow of the wide open facility valve at 1 kPa over it."""
C_MODEL_FWS_RESISTANCE: Final = 10
"""Of the exchanger and its pipes on the facility side, kPa/(L/min)2."""
C_MODEL_LN_RANGEABILITY: Final = 11
C_MODEL_TCS_CAPACITY: Final = 12
"""rho cp of the coolant, kJ/(L K)."""
C_MODEL_FWS_CAPACITY: Final = 13
C_MODEL_FWS_DP_KPA: Final = 14
"""Facility differential pressure where none is measured."""
C_MODEL_EXCHANGER_L: Final = 15
"""Coolant that holds as much heat as the exchanger's secondary side, metal included."""
C_MODEL_PIPE_L: Final = 16
"""From the racks to the tank."""
C_MODEL_TANK_L: Final = 17
C_MODEL_PLATE_LAG_S: Final = 18
C_MODEL_SENSOR_LAG_S: Final = 19
C_MODEL_ACTUATOR_LAG_S: Final = 20
C_MODEL_DEADBAND_PCT: Final = 21
CDU_PARAMETERS: Final = 22

D_MODE: Final = 0
D_MODE_S: Final = 1
"""Seconds in the present mode."""
D_CAUSE: Final = 2
D_HEAT_KW: Final = 3
"""Last good heat load; NaN if there never was one."""

# What the model remembers (see ``control.model``).
D_MODEL_READY: Final = 4
"""1 while the states below follow the plant, 2 while they do and are not believed; 0 starts them anew."""
D_MODEL_TRUSTED: Final = 1.0
D_MODEL_DISTRUSTED: Final = 2.0
D_MODEL_BAD_S: Final = 5
"""Seconds for which an input of the model has been bad without a break; the last good ones are held meanwhile."""
D_MODEL_HOT_C: Final = 6
"""Last good inputs, as ``X_MODEL`` lists them: return temperature, facility temperature, flow, facility pressure."""
D_MODEL_COLD_C: Final = 7
D_MODEL_FLOW_LPM: Final = 8
D_MODEL_DP_KPA: Final = 9
D_MODEL_HOT_SLOW_C: Final = 10
D_MODEL_COLD_SLOW_C: Final = 11
"""The temperatures behind a short lag: what they lack is how fast they move."""
D_MODEL_HOT_CALM_C: Final = 12
D_MODEL_COLD_CALM_C: Final = 13
"""The temperatures without their small moves."""
D_MODEL_VALVE_PCT: Final = 14
"""Where the valve is taken to be: the output behind the actuator's lag, within reach of the measured position."""
D_MODEL_SEEN_PCT: Final = 15
D_MODEL_SEEN_LPM: Final = 16
D_MODEL_SEEN_KPA: Final = 17
"""Valve, flow and pressure behind the temperature sensors' lag, to compare with what those show."""
D_MODEL_SUPPLY_C: Final = 18
"""Supply temperature that the model expects the sensor to show."""
D_MODEL_BIAS_K: Final = 19
"""Measured less expected supply temperature, low-passed."""
D_MODEL_TRIM_K: Final = 20
"""Slow integral of what the bias leaves."""
D_MODEL_STUCK_S: Final = 21
"""For how long the valve has rested away from its command; negative while it is being freed."""
D_MODEL_OFFSET_PCT: Final = 22
"""What is left between command and measured position after the valve was freed: the measurement's own error."""
D_MODEL_FREED_PCT: Final = 23
"""Where a valve that is being freed is sent first; then whether it stirred."""
D_MODEL_FREEING_PCT: Final = 24
"""How far the next attempt goes; it doubles while the valve does not stir."""
D_MODEL_WANTED_PCT: Final = 25
"""Where the model would have the valve, before limits and rate."""
D_MODEL_HEAT_KW: Final = 26
"""HEAT_STAGES columns: the racks' heat on its way through plates, pipe and tank."""
HEAT_STAGES: Final = 4
D_IMPLAUSIBLE: Final = D_MODEL_HEAT_KW + HEAT_STAGES
"""``Cause`` that keeps the CDU from automatic because its readings cannot be so; 0 where none does."""
D_FLOOR_C: Final = D_IMPLAUSIBLE + 1
"""Dew-point floor of the supply temperature in force; NaN before the first cycle (see ``control.dew_floor``)."""
D_DEW_BAD_S: Final = D_FLOOR_C + 1
"""Seconds for which no dew point has been known."""
D_OVERRIDDEN: Final = D_DEW_BAD_S + 1
"""1 while an operator's override has one of its loops or actuators."""
CDU_STATE: Final = D_OVERRIDDEN + 1

PUMPS_MAX: Final = 8
"""The largest CDUs in public data sheets have three; configuration allows no more than this."""
REQUIRED_MAX: Final = 24
"""Points that must be good before a CDU leaves failsafe: two process variables, two per actuator, remote."""

X_PV: Final = 0
"""Two columns, one per loop."""
X_DEW: Final = 2
X_HEAT: Final = 3
X_REMOTE: Final = 4
X_VALVE: Final = 5
"""Actuator index of the facility valve."""
X_PUMP: Final = 6
"""PUMPS_MAX columns, actuator indices."""
X_REQUIRED: Final = X_PUMP + PUMPS_MAX
X_MODEL: Final = X_REQUIRED + REQUIRED_MAX
"""Points of the model: return temperature, facility supply temperature, flow, facility differential pressure."""
MODEL_INPUTS: Final = 4
X_POWER: Final = X_MODEL + MODEL_INPUTS
"""POWER_POINTS_MAX columns: points whose sum is the racks' electric power, kW."""
POWER_POINTS_MAX: Final = 24
"""Racks on one row CDU; the longest row in public layouts has 24."""
CDU_INDICES: Final = X_POWER + POWER_POINTS_MAX

A_LAST: Final = 0
"""Last allowed or adopted value; NaN before adoption."""
ACTUATOR_STATE: Final = 1

Y_POSITION: Final = 0
Y_READBACK: Final = 1
"""Point that reads the setpoint register back; -1 where the device offers none (MQTT)."""
Y_CDU: Final = 2
"""CDU whose loops drive it; -1 for a fixed demand."""
ACTUATOR_INDICES: Final = 3

F_TARGET: Final = 0
"""Fixed demand of an actuator that nothing else drives."""
F_RATE: Final = 1
F_MINIMUM: Final = 2
F_MAXIMUM: Final = 3
F_TOLERANCE: Final = 4
"""Largest difference between command and readback at which a hand-over may complete."""
F_ZERO_ALLOWED: Final = 5
"""1 if it may be off below its minimum, as a pump may."""
F_LEAST: Final = 6
"""Of a bypass: what it is at least open."""
ACTUATOR_PARAMETERS: Final = 7

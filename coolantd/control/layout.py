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
LOOP_STATE: Final = 8

C_DEW_DESIGN_C: Final = 0
C_DEW_MARGIN_K: Final = 1
C_FAILSAFE_SPEED: Final = 2
C_WANTS_MANUAL: Final = 3
C_REMOTE_VALUE: Final = 4
CDU_PARAMETERS: Final = 5

D_MODE: Final = 0
D_MODE_S: Final = 1
"""Seconds in the present mode."""
D_CAUSE: Final = 2
D_HEAT_KW: Final = 3
"""Last good heat load; NaN if there never was one."""
CDU_STATE: Final = 4

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
CDU_INDICES: Final = X_REQUIRED + REQUIRED_MAX

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
"""Fixed demand of an actuator that no loop drives."""
F_RATE: Final = 1
F_MINIMUM: Final = 2
F_MAXIMUM: Final = 3
F_TOLERANCE: Final = 4
"""Largest difference between command and readback at which a hand-over may complete."""
F_ZERO_ALLOWED: Final = 5
"""1 if it may be off below its minimum, as a pump may."""
ACTUATOR_PARAMETERS: Final = 6

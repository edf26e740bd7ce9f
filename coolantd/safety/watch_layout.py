"""Columns of what the protection looks at. Names only.

``W_…`` limits (cdus, WATCH_PARAMETERS), NaN where there is none and nothing is watched; ``WX_…`` int64 indices (cdus,
WATCH_INDICES), -1 where there is none; ``WD_…`` what is remembered (cdus, WATCH_STATE); ``WN_…`` what control wants
now (cdus, WATCH_WANTED), NaN where it wants nothing.
"""

from typing import Final

W_SUPPLY_MAX_C: Final = 0
W_RETURN_MAX_C: Final = 1
W_DEW_DESIGN_C: Final = 2
"""Stands in for a dew point that is not known."""
W_DEW_MARGIN_K: Final = 3
"""What control keeps above the dew point."""
W_FLOW_FULL_LPM: Final = 4
"""Flow of the loop with the pumps at full speed and every branch as in operation."""
W_NOTHING_LPM: Final = 5
"""Less than this is no flow."""
W_PRESSURE_MAX_KPA: Final = 6
W_HEAD_KPA: Final = 7
"""Differential pressure of the pumps at full speed against a shut loop."""
W_SUCTION_MIN_KPA: Final = 8
W_SUCTION_SPEED_PCT: Final = 9
"""The pumps are not run faster than this while the suction pressure or the level is low."""
W_LEVEL_LOW: Final = 10
W_LEVEL_LOST: Final = 11
W_PRESSURE_SETPOINT_KPA: Final = 12
"""Of a pump loop that holds a pressure; NaN for any other."""
W_HOLDS_FLOW: Final = 13
"""1 where the pump loop holds a flow."""
W_CONFIRM_S: Final = 14
"""By then a second reading of flow, pressure and supply temperature has come."""
WATCH_PARAMETERS: Final = 15

WX_SUPPLY: Final = 0
WX_RETURN: Final = 1
WX_FLOW: Final = 2
WX_DIFFERENTIAL: Final = 3
WX_PRESSURE: Final = 4
WX_SUCTION: Final = 5
WX_LEVEL: Final = 6
WX_DEW: Final = 7
WX_HEAT: Final = 8
WX_FWS_SUPPLY: Final = 9
WX_LOOP: Final = 10
"""Process variable of the pump loop."""
WX_VALVE: Final = 11
"""Actuator."""
WX_PUMP: Final = 12
"""WATCH_PUMPS columns, actuators."""
WATCH_PUMPS: Final = 8
WATCH_INDICES: Final = WX_PUMP + WATCH_PUMPS

WD_SUPPLY_C: Final = 0
"""Supply temperature, low-passed; NaN before the first good one."""
WD_RATE_K_S: Final = 1
"""How fast that moves."""
WD_PUMPS_ON_S: Final = 2
"""For how long a pump has been told to run without a break."""
WATCH_STATE: Final = 3

WN_SUPPLY_C: Final = 0
"""Setpoint in force."""
WN_FLOW_LPM: Final = 1
"""Setpoint in force of a pump loop that holds a flow."""
WATCH_WANTED: Final = 2

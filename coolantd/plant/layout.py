"""Where each quantity lives in the packed arrays of the plant kernel. Knows positions, no physics.

Three float64 arrays carry everything: parameters (constant), inputs (what the outside world imposes for one
call) and state (what the plant remembers, and what it last computed). Rack quantities follow the scalars,
``STRIDE`` slots per rack, so that one rack's numbers lie side by side.
"""

from typing import Final

PUMP_COUNT: Final = 2
"""Parallel pumps of one unit; the two-pump head curve is solved in closed form (see hydraulics)."""

# Parameters.
P_RACK_COUNT: Final = 0
P_PUMP_HEAD_PA: Final = 1
P_PUMP_CURVE_PA_S2_M6: Final = 2
P_PUMP_EFFICIENCY_RATIO: Final = 3
P_PUMP_LAG_S: Final = 4
P_PUMP_TRAVEL_S: Final = 5
P_COAST_DOWN_S: Final = 6
P_FLUID_LAG_S: Final = 7
P_LOOP_RESISTANCE_PA_S2_M6: Final = 8
P_BRANCH_CONDUCTANCE: Final = 9
"""Flow of one clean, open branch at 1 Pa, m3/s."""
P_BRANCH_TRAVEL_S: Final = 10
P_VALVE_LN_RANGEABILITY: Final = 11
P_VALVE_LEAK_RATIO: Final = 12
P_VALVE_TOE_RATIO: Final = 13
P_VALVE_COEFFICIENT_M3_S: Final = 14
P_VALVE_LAG_S: Final = 15
P_VALVE_STROKE_S: Final = 16
P_FWS_RESISTANCE_PA_S2_M6: Final = 17
P_FWS_HEAT_CAPACITY_J_M3_K: Final = 18
P_FILM_TCS_W_K: Final = 19
P_FILM_FWS_W_K: Final = 20
P_FILM_EXPONENT: Final = 21
P_FILM_FLOOR_RATIO: Final = 22
P_RATED_TCS_FLOW_M3_S: Final = 23
P_RATED_FWS_FLOW_M3_S: Final = 24
P_EXCHANGER_TCS_CAPACITY_J_K: Final = 25
P_EXCHANGER_FWS_CAPACITY_J_K: Final = 26
P_SUPPLY_PIPE_M3: Final = 27
P_RETURN_PIPE_M3: Final = 28
P_TANK_M3: Final = 29
P_PLATE_CONDUCTANCE_W_K: Final = 30
P_PLATE_CAPACITY_J_K: Final = 31
P_PLATE_COOLANT_J_K: Final = 32
"""Coolant in one rack's plates, at the heat capacity of 40 degC: constant, so that its heat balance is exact."""
P_HEAD_ROOT: Final = 33
"""Shut-off head to the power 1/1.85: times a conductance, the flow that this head drives through it."""
P_EXPANSION_VESSEL_M3: Final = 34
P_EXPANSION_COOLANT_M3: Final = 35
P_STATIC_PRESSURE_PA: Final = 36
P_EXPANSION_PER_K: Final = 37
"""Thermal expansion of the coolant at 40 degC, as a share of its volume per kelvin."""
P_VALVE_LINEAR: Final = 38
"""1 for a linear characteristic, 0 for an equal-percentage one."""
P_VALVE_STICK_RATIO: Final = 39
P_VALVE_SLIP_RATIO: Final = 40
P_LAYOUT: Final = 41
"""0 two-way, 1 diverting, 2 mixing (see ``reference.Layout``)."""
P_PLATE_FLOW_RESISTANCE_K_M3_J: Final = 42
P_PLATE_FLOW_FLOOR_M3_S: Final = 43
"""Of one rack: below it the plates' resistance stays what it is."""
P_BYPASS_BRANCH_RATIO: Final = 44
"""Conductance of the open bypass, in branches; 0 where there is none."""
P_HEAT_CAPACITY: Final = 45
"""First of ``HEAT_CAPACITY_TERMS`` coefficients of rho cp of the coolant, in J/(m3 K^(n+1))."""
HEAT_CAPACITY_TERMS: Final = 6
P_SIZE: Final = P_HEAT_CAPACITY + HEAT_CAPACITY_TERMS

# Inputs.
I_PUMP_SPEED_RATIO: Final = 0
I_PUMP_AVAILABLE: Final = 2
I_FWS_VALVE_RATIO: Final = 4
I_FWS_SUPPLY_TEMP_C: Final = 5
I_FWS_DIFFERENTIAL_PRESSURE_PA: Final = 6
I_FOULING_K_W: Final = 7
I_LOOP_RESISTANCE_RATIO: Final = 8
I_HEAD_RATIO: Final = 9
I_HEAD_RIPPLE_RATIO: Final = 10
I_LEAK_M3_S: Final = 11
I_FILL_M3_S: Final = 12
I_BYPASS_VALVE_RATIO: Final = 13
I_RACK: Final = 14
I_STRIDE: Final = 3
IR_BRANCH_VALVE_RATIO: Final = 0
IR_HEAT_W: Final = 1
IR_RESISTANCE_RATIO: Final = 2

# State: remembered.
S_PUMP_SPEED_RATIO: Final = 0
S_FWS_VALVE_RATIO: Final = 2
S_TCS_FLOW_M3_S: Final = 3
S_TARGET_FLOW_M3_S: Final = 4
"""The last root of the hydraulic balance: where Newton's iteration starts."""
S_TCS_SUPPLY_TEMP_C: Final = 5
S_FWS_RETURN_TEMP_C: Final = 6
S_TANK_TEMP_C: Final = 7
S_MIXED_RETURN_TEMP_C: Final = 8
S_SUPPLY_RING: Final = 9
"""Three slots: cell being replaced, share of it already replaced, sum of temperature times share."""
S_RETURN_RING: Final = 12
S_HEAT_IN_J: Final = 15
S_HEAT_OUT_J: Final = 16
# State: last computed, for readers.
S_FWS_FLOW_M3_S: Final = 17
S_RACK_DIFFERENTIAL_PRESSURE_PA: Final = 18
S_HEAT_EXCHANGED_W: Final = 19
S_PUMP_POWER_W: Final = 20
S_RACK_SUPPLY_TEMP_C: Final = 21
# State: constant during one call (see step.prepare).
S_PUMP_GAIN: Final = 22
S_COAST_GAIN: Final = 23
S_FLUID_GAIN: Final = 24
S_VALVE_GAIN: Final = 25
# State: expansion vessel and air (see vessel).
S_PIPE_WARMTH_M3_K: Final = 26
"""Volume times temperature above 40 degC of both pipes, kept as a running sum of what entered and left."""
S_SPARE_M3: Final = 27
"""What the vessel would hold if all coolant were at 40 degC."""
S_VESSEL_M3: Final = 28
S_RIPPLE_S: Final = 29
"""Time into the ripple that air makes of the head."""
# State: facility valve and exchanger nodes.
S_VALVE_DRIVE_RATIO: Final = 30
"""Where the actuator is; the stem, ``S_FWS_VALVE_RATIO``, follows it as its packing lets it."""
S_VALVE_SLIPPING: Final = 31
"""Direction in which the stem slips: -1, 0 (it sticks) or 1."""
S_TCS_OUTLET_TEMP_C: Final = 32
S_FWS_OUTLET_TEMP_C: Final = 33
"""Both sides of the exchanger itself; supply and facility return are these, mixed with what went past it."""
# State: the bypass from supply to return, past the racks.
S_BYPASS_VALVE_RATIO: Final = 34
S_BYPASS_FLOW_M3_S: Final = 35
S_RACK: Final = 36
S_STRIDE: Final = 5
SR_CASE_TEMP_C: Final = 0
SR_RETURN_TEMP_C: Final = 1
SR_BRANCH_VALVE_RATIO: Final = 2
SR_FLOW_M3_S: Final = 3
SR_CONDUCTANCE: Final = 4
"""Branch flow at 1 Pa with the valve open, in m3/s; constant during one call."""

# One transport ring's bookkeeping, relative to its first slot.
RING_HEAD: Final = 0
RING_FILL_RATIO: Final = 1
RING_PARTIAL: Final = 2
RING_CELLS: Final = 64
"""Cells of one pipe: 1.6 % of its volume each, 47 ms of flow at the reference plant's rated point."""

"""Columns of the packed arrays that the estimator works on. Names only.

``EP_…`` parameters (cdus, ESTIMATE_PARAMETERS); ``EX_…`` points (cdus, ESTIMATE_INDICES) int64, -1 where there is
none; ``E_…`` state (cdus, ESTIMATE_STATE); ``B_…`` state of each branch (cdus, BRANCHES_MAX, BRANCH_STATE).
"""

from typing import Final

BRANCHES_MAX: Final = 64
"""Racks on one CDU; a row has 8 to 24."""

EP_WATCHED: Final = 0
"""1 where the CDU has a model, without which there is nothing to estimate against; else 0."""
EP_COMMISSIONED_RATIO: Final = 1
"""Conductance over the data sheet's when the exchanger was commissioned; NaN: learnt after the start."""
EP_PUMP_HEAD_KPA: Final = 2
"""Shut-off head of one pump at full speed; NaN: no pump curve, no check of flow and head."""
EP_PUMP_CURVE: Final = 3
"""a of one pump in ``n^2 H0 - a Q^2``, kPa/(L/min)2."""
EP_CDU_LOSS: Final = 4
"""Pressure lost between the pumps and the measured differential pressure, kPa/(L/min)2."""
EP_HEAT_SHARE: Final = 5
"""Share of the racks' electric power that reaches the coolant."""
EP_SUPPLY_LIMIT_C: Final = 6
"""Supply temperature that must not be passed: the end of the time to it."""
EP_PLATE_MARGIN_K: Final = 7
EP_PLATE_RATE_K_S: Final = 8
"""What the cold plates may still warm at rated heat, and how fast they do without flow then."""
EP_RATED_KW: Final = 9
"""Heat at the model's rated flows, for shares of it."""
EP_LOOP_L: Final = 10
"""Coolant in the whole loop."""
EP_BRANCH_LN_RANGEABILITY: Final = 11
"""Of the branch valves; 0: linear."""
EP_LEVEL_L: Final = 12
"""Litres in the expansion vessel per unit of the level's point."""
EP_GAS_L_KPA: Final = 13
"""Gas in the vessel times its absolute pressure, where the level's point is that pressure, gauge; else NaN."""
EP_EXPANSION_PER_K: Final = 14
"""By how much of its volume the coolant grows per kelvin."""
EP_HAS_PRESSURE: Final = 15
"""1 where the pump loop's process variable is a differential pressure in kPa, else 0."""
ESTIMATE_PARAMETERS: Final = 16

EX_FWS_RETURN: Final = 0
EX_FWS_FLOW: Final = 1
EX_LEVEL: Final = 2
EX_BRANCH_FLOW: Final = 3
"""BRANCHES_MAX columns each, -1 behind the last branch."""
EX_BRANCH_RETURN: Final = EX_BRANCH_FLOW + BRANCHES_MAX
EX_BRANCH_POSITION: Final = EX_BRANCH_RETURN + BRANCHES_MAX
ESTIMATE_INDICES: Final = EX_BRANCH_POSITION + BRANCHES_MAX

# Readings behind one common low-pass, so that a relation between them holds while they move slowly.
HOT: Final = 0
SUPPLY: Final = 1
COLD: Final = 2
FWS_RETURN: Final = 3
FLOW: Final = 4
FWS_FLOW: Final = 5
POWER: Final = 6
READINGS: Final = 7
"""Order of the readings: return and supply temperature, facility supply and return temperature, flow, facility flow,
the racks' electric power."""
E_NOW: Final = 0
"""READINGS columns: as measured; NaN where bad."""
E_SLOW: Final = E_NOW + READINGS
"""READINGS columns: behind the low-pass; NaN where bad now."""
E_MOVING: Final = E_SLOW + READINGS
"""READINGS columns: how far each is from rest, in its unit: its distance from its own low-pass, low-passed."""

_EXCHANGER: Final = E_MOVING + READINGS
E_FILM: Final = _EXCHANGER
"""What the clean exchanger's resistance is more than the data sheet's, as a share: 0.25 at 80 % of its conductance."""
E_FOULING: Final = _EXCHANGER + 1
"""Resistance that came on top since it was commissioned, as a share of the data sheet's."""
E_OFFSET_K: Final = _EXCHANGER + 2
"""What the temperature sensors together are off, as seen at the supply."""
E_VARIANCE: Final = _EXCHANGER + 3
"""Of the resistance. E_COVARIANCE: of resistance and offset. E_OFFSET_VARIANCE: of the offset."""
E_COVARIANCE: Final = _EXCHANGER + 4
E_OFFSET_VARIANCE: Final = _EXCHANGER + 5
E_UPDATE_S: Final = _EXCHANGER + 6
"""Seconds since the filter's last update."""
E_EXCITED: Final = _EXCHANGER + 7
"""1 while the readings say something about the exchanger."""
E_EXCITED_S: Final = _EXCHANGER + 8
"""Excited seconds since the start; the baseline is made of the first ``ua_filter.BASELINE_S``."""
E_INNOVATION: Final = _EXCHANGER + 9
"""Supply temperature measured less expected at the last update, in standard deviations."""
E_UA_KW_K: Final = _EXCHANGER + 10
"""Conductance at the present flows; NaN while it is not known."""

_HEAT: Final = _EXCHANGER + 11
E_HEAT_TCS_KW: Final = _HEAT
E_HEAT_FWS_KW: Final = _HEAT + 1
E_HEAT_POWER_KW: Final = _HEAT + 2
"""Heat by the coolant, by facility water and by the racks' power, low-passed; NaN where not measured."""
E_HEAT_FWS_Z: Final = _HEAT + 3
E_HEAT_POWER_Z: Final = _HEAT + 4
"""The coolant's heat less each of the others, in standard deviations."""

_FLOW: Final = _HEAT + 5
E_PUMP_LPM: Final = _FLOW
"""Flow that the pumps make at their speed against the measured pressure; NaN while they say nothing of it."""
E_HEAD_SHARE: Final = _FLOW + 1
"""Head that is missing, as a share of the pumps' head at their speed, low-passed."""
E_HEAD_BASE: Final = _FLOW + 2
"""The same as it was, followed slowly."""
E_LOOP_K: Final = _FLOW + 3
"""Resistance of everything behind the pressure's measuring points: ln(dp/q^1.85), low-passed."""
E_LOOP_K_BASE: Final = _FLOW + 4
E_HYDRAULIC_S: Final = _FLOW + 5
"""Seconds of which the two baselines were made."""
E_RIPPLE_KPA2: Final = _FLOW + 6
"""Mean square of the pressure's moves that are taken back at the next reading."""
E_PRESSURE_KPA: Final = _FLOW + 7
"""The last pressure. E_PRESSURE_MOVE_KPA: its last move."""
E_PRESSURE_MOVE_KPA: Final = _FLOW + 8
E_FLOW_PER_PCT: Final = _FLOW + 9
"""Flow per % of commanded pump speed as it was, held while the flow is lost."""
E_LIMIT_S: Final = _FLOW + 10
"""Seconds until a limit is passed with a flow lost; NaN while none is."""

_LEVEL: Final = _FLOW + 11
E_LEVEL_L: Final = _LEVEL
"""Content of the expansion vessel less what the coolant's warmth explains, behind a short low-pass."""
E_LEVEL_SLOW_L: Final = _LEVEL + 1
E_LEAK_LPM: Final = _LEVEL + 2
"""How fast it falls."""

_EVIDENCE: Final = _LEVEL + 3
E_SUM_HEAT_FWS: Final = _EVIDENCE
E_SUM_HEAT_POWER: Final = _EVIDENCE + 1
E_SUM_FLOW: Final = _EVIDENCE + 2
E_SUM_HEAD: Final = _EVIDENCE + 3
E_SUM_LEAK: Final = _EVIDENCE + 4
"""Two-sided sums, signed: see ``evidence.gathered``."""
E_FOR_FOULING_S: Final = _EVIDENCE + 5
E_FOR_RIPPLE_S: Final = _EVIDENCE + 6
E_FOR_FACILITY_S: Final = _EVIDENCE + 7
E_FOR_SECONDARY_S: Final = _EVIDENCE + 8
E_FOR_TCS_SWAP_S: Final = _EVIDENCE + 9
E_FOR_FWS_SWAP_S: Final = _EVIDENCE + 10
E_FOR_PRESSURE_SWAP_S: Final = _EVIDENCE + 11
E_FOR_SCALE_S: Final = _EVIDENCE + 12
E_FOR_VALVE_S: Final = _EVIDENCE + 13
"""Delays: see ``evidence.persisting``."""
E_JUDGED: Final = _EVIDENCE + 14
"""1 while the sensors' places can be judged, because heat and flow are there; else 0."""
E_TOLD_HEAT: Final = _EVIDENCE + 15
E_TOLD_FLOW: Final = _EVIDENCE + 16
E_TOLD_HEAD: Final = _EVIDENCE + 17
E_TOLD_LEAK: Final = _EVIDENCE + 18
"""1 while the sums are told, for their hysteresis."""
E_TOLD_BRANCH: Final = _EVIDENCE + 19
"""The branch that is told blocked, from 1; 0 for none."""
E_PUMPS_SPEAK: Final = _EVIDENCE + 20
"""1 while speeds, pressure and flow can be held against the pumps' curve; else 0."""
ESTIMATE_STATE: Final = _EVIDENCE + 21

B_CONDUCTANCE: Final = 0
"""ln of ``q / dp^(1/1.85)`` over what the valve's opening passes, low-passed; NaN while it is not known."""
B_BASE: Final = 1
"""The same as it was."""
B_BASE_S: Final = 2
B_SUM: Final = 3
B_POWER_KW: Final = 4
"""Its rack's power, low-passed."""
BRANCH_STATE: Final = 5

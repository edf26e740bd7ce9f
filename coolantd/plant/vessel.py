"""Expansion vessel and air: what a leak takes, what warm coolant pushes back, what air leaves of the pumps' head.

Knows volumes, temperatures and times. The loop itself stays full, so a leak takes from the vessel alone; the heat that
leaked coolant carries away (0.06 % of the load at 0.5 L/min) is not counted. Air is an input and no consequence of an
empty vessel: how much of it is drawn in depends on where the loop is open.
"""

import math
from typing import Final

from coolantd.plant import layout as at
from coolantd.plant.coolant import REFERENCE_TEMP_C
from coolantd.point import FloatArray

ATMOSPHERE_PA: Final = 101_325.0
SLOW_RIPPLE_RAD_S: Final = 2.0 * math.pi * 0.31
FAST_RIPPLE_RAD_S: Final = 2.0 * math.pi * 0.83
"""Bubbles pass a pump in irregular slugs. Two tones without a common measure stand for them: never twice the same, and
no randomness; both slow enough for readings twice a second. Assumed."""


def head_factor(state: FloatArray, inputs: FloatArray, dt_s: float) -> float:
    """Return what air leaves of the pumps' head over the step, exactly 1 without air; the ripple's time moves on."""
    ratio, ripple = inputs[at.I_HEAD_RATIO], inputs[at.I_HEAD_RIPPLE_RATIO]
    if ripple <= 0.0:
        return ratio
    state[at.S_RIPPLE_S] += dt_s
    time_s = state[at.S_RIPPLE_S]
    swing = 0.5 * (math.sin(SLOW_RIPPLE_RAD_S * time_s) + math.sin(FAST_RIPPLE_RAD_S * time_s))
    return ratio * (1.0 + ripple * swing)


def warmth_m3_k(params: FloatArray, state: FloatArray) -> float:
    """Return volume times temperature above 40 degC of all coolant in pipes, tank and plates."""
    tank = params[at.P_TANK_M3] * (state[at.S_TANK_TEMP_C] - REFERENCE_TEMP_C)
    plate_m3 = params[at.P_PLATE_COOLANT_J_K] / params[at.P_HEAT_CAPACITY]
    plates = 0.0
    for rack in range(int(params[at.P_RACK_COUNT])):
        plates += plate_m3 * (state[at.S_RACK + rack * at.S_STRIDE + at.SR_RETURN_TEMP_C] - REFERENCE_TEMP_C)
    return state[at.S_PIPE_WARMTH_M3_K] + tank + plates


def advance_vessel(params: FloatArray, state: FloatArray, inputs: FloatArray, warmed_m3_k: float, dt_s: float) -> None:
    """Let leak, fill and the coolant's own expansion move the vessel's content, between empty and full.

    Once per call of the plant, for nothing in the plant looks at it between two steps.

    Args:
        params: packed parameters.
        state: packed state.
        inputs: packed inputs.
        warmed_m3_k: volume times temperature that entered both pipes, less what left them.
        dt_s: time since the last call.
    """
    state[at.S_PIPE_WARMTH_M3_K] += warmed_m3_k
    state[at.S_SPARE_M3] += (inputs[at.I_FILL_M3_S] - inputs[at.I_LEAK_M3_S]) * dt_s
    expanded_m3 = params[at.P_EXPANSION_PER_K] * warmth_m3_k(params, state)
    content_m3 = min(max(state[at.S_SPARE_M3] + expanded_m3, 0.0), params[at.P_EXPANSION_VESSEL_M3])
    state[at.S_VESSEL_M3] = content_m3
    state[at.S_SPARE_M3] = content_m3 - expanded_m3


def static_pressure_pa(params: FloatArray, content_m3: float) -> float:
    """Return the gauge pressure of the vessel's gas: at constant temperature it goes with one over its volume.

    Below 0 when little coolant is left: the return side then draws air. A full vessel leaves a hundredth of its gas,
    where a relief valve would have opened long ago.
    """
    whole = params[at.P_EXPANSION_VESSEL_M3]
    rated_gas = whole - params[at.P_EXPANSION_COOLANT_M3]
    gas = max(whole - content_m3, 0.01 * whole)
    return (params[at.P_STATIC_PRESSURE_PA] + ATMOSPHERE_PA) * rated_gas / gas - ATMOSPHERE_PA


HELPERS: Final = (head_factor, warmth_m3_k, advance_vessel)
"""Every plain function above that the plant's step calls, callees before callers."""

"""The facility valve's body: a stem that sticks in its packing, and where it sits in the piping. Knows no temperature.

Stiction after Choudhury, Thornhill and Shah (2005), two parameters: S, how far the actuator must go before a stem that
rests moves either way, and J, how far the stem then jumps. J = 0 is a pure dead-band (backlash) of S; J = S is a stem
that goes all the way once it moves.
"""

from typing import Final

from coolantd.plant import layout as at
from coolantd.plant.exchanger import opening_ratio
from coolantd.point import FloatArray

STILL_RATIO_S: Final = 2e-4
"""An actuator slower than this (0.02 % of the stroke a second) lets the packing grip again. Assumed: small beside any
stroke (0.8 %/s at 120 s), large beside the last creep of a first-order lag."""


def stem_position(params: FloatArray, state: FloatArray, moved: float, dt_s: float) -> float:
    """Return where the stem is after the actuator moved, 0 to 1; its grip changes in ``state``.

    Args:
        params: packed parameters.
        state: packed state; the actuator's position is the new one, the stem's the old one.
        moved: by how much the actuator moved in this step.
        dt_s: the step.
    """
    drive, stem = state[at.S_VALVE_DRIVE_RATIO], state[at.S_FWS_VALVE_RATIO]
    stick, slip = params[at.P_VALVE_STICK_RATIO], params[at.P_VALVE_SLIP_RATIO]
    if stick <= 0.0:
        return drive
    if moved * state[at.S_VALVE_SLIPPING] <= STILL_RATIO_S * dt_s:
        state[at.S_VALVE_SLIPPING] = 0.0
    if state[at.S_VALVE_SLIPPING] == 0.0 and abs(drive - stem) > 0.5 * (stick + slip):
        state[at.S_VALVE_SLIPPING] = 1.0 if drive > stem else -1.0
    if state[at.S_VALVE_SLIPPING] == 0.0:
        return stem
    return min(max(drive - state[at.S_VALVE_SLIPPING] * 0.5 * (stick - slip), 0.0), 1.0)


def three_way_share(params: FloatArray, position: float) -> float:
    """Return the share of the common flow that a three-way valve sends through the exchanger.

    Its two ports have the valve's characteristic and move against each other; both lead to the same pressures.
    """
    through = opening_ratio(params, position)
    return through / (through + opening_ratio(params, 1.0 - position))


HELPERS: Final = (stem_position, three_way_share)
"""Every function above, callees before callers."""

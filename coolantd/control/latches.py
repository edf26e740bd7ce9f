"""Orders on latched hazards, and what of them survives a restart: pure functions on the state of control.

A latched hazard holds until somebody has acknowledged it and its cause is gone. A restart must not be a way round that
(I7): what is latched comes back latched, however old, and acknowledged or not as it was.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from coolantd.control.plan import Plan
from coolantd.control.step import ControlState
from coolantd.safety.hazards import Hazard
from coolantd.safety.interlocks import RULES, Clear
from coolantd.safety.latch import H_ACKNOWLEDGED, H_ACTIVE, H_GONE_S

LATCHING: Final = tuple(hazard for hazard in Hazard if RULES[hazard].clear is Clear.BY_ACKNOWLEDGE)
"""The hazards that an acknowledgement has to end."""
_BY_LABEL: Final = {hazard.label: hazard for hazard in LATCHING}


def acknowledge(state: ControlState, cdu: int, hazard: Hazard) -> ControlState:
    """Return the state with a hazard of a CDU acknowledged; the same one if there is nothing to acknowledge.

    It is over in the next step if its cause has been gone for long enough, else as soon as that is so.
    """
    if hazard not in LATCHING or state.hz[cdu, hazard, H_ACTIVE] == 0.0:
        return state
    hz = state.hz.copy()
    hz[cdu, hazard, H_ACKNOWLEDGED] = 1.0
    return replace(state, hz=hz)


def why_held(state: ControlState, cdu: int, hazard: Hazard) -> str:
    """Return what a latched hazard still waits for, in words for an operator; empty if it is not in force."""
    h = state.hz[cdu, hazard]
    if h[H_ACTIVE] == 0.0:
        return ""
    gone = h[H_GONE_S] >= RULES[hazard].off_s
    if h[H_ACKNOWLEDGED] == 1.0:
        return "acknowledged; it ends when its cause has been gone for a while"
    return "its cause is gone; it waits for an acknowledgement" if gone else "its cause is still there"


def keep_latches(plan: Plan, state: ControlState) -> dict[str, dict[str, bool]]:
    """Return what is latched as ``{cdu: {hazard: acknowledged}}``, JSON's types only."""
    kept: dict[str, dict[str, bool]] = {}
    for n, cdu in enumerate(plan.cdus):
        for hazard in LATCHING:
            if state.hz[n, hazard, H_ACTIVE] == 1.0:
                kept.setdefault(cdu.name, {})[hazard.label] = bool(state.hz[n, hazard, H_ACKNOWLEDGED] == 1.0)
    return kept


def with_latches(plan: Plan, state: ControlState, kept: Mapping[str, object]) -> ControlState:
    """Return the state with every latch that was kept and whose CDU is still there; what is odd is left out."""
    hz = state.hz.copy()
    rows = {cdu.name: n for n, cdu in enumerate(plan.cdus)}
    for name, held in kept.items():
        for label, acknowledged in held.items() if name in rows and isinstance(held, Mapping) else ():
            if label in _BY_LABEL:
                hz[rows[name], _BY_LABEL[label], [H_ACTIVE, H_ACKNOWLEDGED]] = [1.0, float(acknowledged is True)]
    return replace(state, hz=hz)


def anything_latched(state: ControlState) -> bool:
    """Return whether any CDU has a latched hazard."""
    return bool(np.any(state.hz[:, list(LATCHING), H_ACTIVE] == 1.0))

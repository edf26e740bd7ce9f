"""Who has each actuator now, why, whose it is and until when. Reads the last decision; changes nothing."""

import math
from dataclasses import dataclass
from typing import Final

from coolantd.control.layout import D_CAUSE
from coolantd.control.override_order import Kind, Override
from coolantd.control.overrides import in_force
from coolantd.control.plan import ActuatorParameters
from coolantd.control.step import ControlState
from coolantd.safety.actuator_modes import AM_MODE
from coolantd.safety.claims import Claim
from coolantd.safety.modes import Cause, Mode
from coolantd.service.actuator_outlet import ActuatorOutlet


@dataclass(frozen=True, slots=True)
class ClaimView:
    """One actuator's holder.

    Attributes:
        claim: a ``Claim`` label.
        why: in words; empty where there is nothing to say.
        owner: of an override; empty elsewhere.
        left_s: until it ends by itself; NaN where nothing says when.
    """

    claim: str
    why: str = ""
    owner: str = ""
    left_s: float = math.nan


_BY_MODE: Final = {
    int(Mode.FAILSAFE): Claim.INTERLOCK,
    int(Mode.TRIPPED): Claim.TRIP,
    int(Mode.STARTING): Claim.NOBODY,
    int(Mode.DISABLED): Claim.NOBODY,
}


def claim_of(i: int, outlet: ActuatorOutlet, state: ControlState, *, put_local: bool, now_s: float) -> ClaimView:
    """Return who has one actuator.

    Args:
        i: its index in the plan.
        outlet: the writer's.
        state: as the last cycle left it.
        put_local: whether somebody has put its device to local control.
        now_s: monotonic.
    """
    if put_local:
        return ClaimView(Claim.NOBODY.label, Cause.PUT_TO_LOCAL.label)
    if outlet.lease is not None:
        return ClaimView(Claim.OTHER_WRITER.label, left_s=outlet.lease.left_s(now_s))
    mode = int(state.am[i, AM_MODE])
    if mode in _BY_MODE:
        return ClaimView(_BY_MODE[mode].label, _cause(outlet.parameters, state).label)
    override = _override_of(i, outlet.parameters, state)
    if override is not None:
        return ClaimView(Claim.OPERATOR.label, override.reason, override.owner, override.left_s(now_s))
    return ClaimView(Claim.LOOP.label, Mode.MANUAL.label if mode == Mode.MANUAL else "")


def _cause(actuator: ActuatorParameters, state: ControlState) -> Cause:
    return Cause.NONE if actuator.cdu is None else Cause(int(state.d[actuator.cdu, D_CAUSE]))


def _override_of(i: int, actuator: ActuatorParameters, state: ControlState) -> Override | None:
    """Return the override that moves an actuator: its own, or that of its loop's output."""
    found = None
    for each in state.overrides:
        if in_force(each):
            if each.target.kind is Kind.ACTUATOR and each.target.row == i:
                return each
            if each.target.kind is Kind.OUTPUT and each.target.row == actuator.cdu and actuator.role == "pump":
                found = each
    return found

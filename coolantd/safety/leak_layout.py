"""Columns of the arrays that the leak policy works on, and its words. Names only.

``P_…`` parameters, ``X_…`` int64 indices and ``Z_…`` state of a zone, (zones, …); ``DP_…``, ``DX_…`` and ``D_…`` the
same of a detector, (detectors, …), in any order; ``W_…`` one row for each point of a zone's electric power. Indices
are -1 where there is none.
"""

from enum import IntEnum
from typing import Final


class Level(IntEnum):
    """How bad a leak is: what a detector stands for, what a zone has come to, and from where on it acts."""

    DRY = 0
    UNCONFIRMED = 1
    """A detector is wet, and not enough others agree. Told, and never acted upon."""
    MINOR = 2
    MAJOR = 3
    CRITICAL = 4
    """As a detector's: it needs no other to agree."""
    NEVER = 5
    """As a policy's: no leak is bad enough."""

    @property
    def label(self) -> str:
        """Return the level as it appears in metrics and JSON."""
        return self.name.lower()


class Reading(IntEnum):
    """What one detector says now."""

    DRY = 0
    WET = 1
    FAULT = 2
    """Its wire is open or short, it reports a fault, or nothing current is heard of it. Never taken for dry."""


class Kind(IntEnum):
    """Where a zone is, which decides what shutting off its liquid means."""

    TRAY = 0
    """One chassis: the branch that feeds it."""
    BRANCH = 1
    MANIFOLD = 2
    """What feeds it cannot be shut off branch by branch: the pumps, once nothing hot depends on them."""
    CDU = 3

    @property
    def label(self) -> str:
        """Return the kind as it appears in configuration, metrics and JSON."""
        return self.name.lower()


class Step(IntEnum):
    """What a zone does about a leak, in this order: power before flow, bypass before branch."""

    POWER = 0
    """Have the zone's power cut, by somebody else."""
    BYPASS = 1
    """Open the bypass, so that the flow of the branch has a way."""
    VALVE = 2
    """Shut the branch valve."""
    PUMPS = 3
    """Stop the CDU's pumps. Never on a time-out: only once power is known to be off, or the coolant is lost anyway."""

    @property
    def label(self) -> str:
        """Return the step as it appears in metrics and JSON."""
        return self.name.lower()


STEPS: Final = len(Step)


class StepState(IntEnum):
    """How far a step is."""

    IDLE = 0
    UNDER_WAY = 1
    CONFIRMED = 2
    UNCONFIRMED = 3
    """Begun, and its time is over without a confirmation: the next step begins all the same, and it is told."""

    @property
    def label(self) -> str:
        """Return the state as it appears in metrics and JSON."""
        return self.name.lower()


P_VOTES: Final = 0
"""Wet detectors that make a leak, unless one of them is critical."""
P_ON_S: Final = 1
"""For how long a detector must be wet before it counts."""
P_OFF_S: Final = 2
"""For how long it must then be dry before it no longer counts."""
P_ISOLATE_AT: Final = 3
"""Level from which on the liquid is shut off; ``NEVER`` for not at all."""
P_POWER_AT: Final = 4
"""Level from which on the power is cut; ``NEVER`` for not at all."""
P_TIMEOUT_S: Final = 5
"""Time-outs of the steps, in their order."""
P_POWER_OFF_KW: Final = P_TIMEOUT_S + STEPS
"""Measured power below this is none."""
ZONE_PARAMETERS: Final = P_POWER_OFF_KW + 1

X_CDU: Final = 0
"""CDU that feeds the zone, whose pumps are its own pump group."""
X_STOPS_PUMPS: Final = 1
"""1 where shutting off the liquid means to stop that CDU's pumps."""
X_VALVE: Final = 2
"""Actuator."""
X_VALVE_POSITION: Final = 3
"""Point that measures it."""
X_BYPASS: Final = 4
"""Actuator."""
X_BYPASS_POSITION: Final = 5
"""Point that measures it."""
ZONE_INDICES: Final = 6

Z_LEVEL: Final = 0
"""``Level`` now, after debouncing and voting."""
Z_WET: Final = 1
"""Detectors that count as wet."""
Z_FAULTS: Final = 2
"""Detectors in fault."""
Z_BLIND: Final = 3
"""1 while so many detectors are in fault that the others could not confirm a leak."""
Z_ISOLATE: Final = 4
"""1 while shutting off the liquid is latched."""
Z_POWER: Final = 5
"""1 while cutting the power is latched."""
Z_WORST: Final = 6
"""Greatest ``Level`` since the latch closed."""
Z_FIRST: Final = 7
"""Row of the detector that was wet first since the zone was dry; -1 while none is."""
Z_FOUND_SHUT: Final = 8
"""1 where the latch closed because the branch was found shut, and not for a leak."""
Z_UNSEEN: Final = 9
"""1 until the branch valve was seen where it is for the first time, or its latch was restored."""
Z_TEST_S: Final = 10
"""Rest of a test of the detectors, in which nothing is acted upon; 0 outside."""
Z_POWER_TOLD: Final = 11
"""1 once somebody has told that the power is off."""
Z_STEP: Final = 12
"""``StepState`` of the steps, in their order."""
Z_STEP_S: Final = Z_STEP + STEPS
"""How long each has been under way."""
ZONE_STATE: Final = Z_STEP_S + STEPS

DP_WET_ABOVE: Final = 0
DP_WET_BELOW: Final = 1
"""A reading beyond these is wet; inf and -inf where only the other side counts."""
DP_FAULT_BELOW: Final = 2
DP_FAULT_ABOVE: Final = 3
"""A reading beyond these is of an open or a short wire; -inf and inf for a contact."""
DP_FAULT_VALUE: Final = 4
"""What the fault point says when the detector is in fault; NaN without one."""
DETECTOR_PARAMETERS: Final = 5

DX_ZONE: Final = 0
DX_POINT: Final = 1
DX_FAULT_POINT: Final = 2
DX_LEVEL: Final = 3
"""``Level`` of a leak at this detector: minor, major or critical."""
DETECTOR_INDICES: Final = 4

D_WET: Final = 0
"""1 while it counts as wet."""
D_FAULT: Final = 1
"""1 while it is in fault."""
D_OTHERWISE_S: Final = 2
"""For how long it has said the opposite of what it counts as, without a break."""
DETECTOR_STATE: Final = 3

W_ZONE: Final = 0
W_POINT: Final = 1
POWER_INDICES: Final = 2

"""Columns of the arrays that the balancing of manifold branches works on. Names only.

``M_…`` parameters and ``W_…`` state of a balanced manifold, (manifolds, …); ``X_…`` int64 indices and ``B_…`` state
of a branch, (branches, …), the branches of one manifold side by side. Indices are -1 where there is none.
"""

from enum import IntEnum
from typing import Final

M_PERIOD_S: Final = 0
"""Between two moves of the balancing."""
M_OPEN_PCT: Final = 1
"""Where the most open valve stands, and every valve of a branch that cannot be judged."""
M_MINIMUM_PCT: Final = 2
M_STEP_PCT: Final = 3
"""Largest move in one period."""
M_DEADBAND_RATIO: Final = 4
"""A share of flow nearer to what is wanted than this moves nothing."""
M_FILTER_S: Final = 5
"""Time constant of a branch's heat."""
M_RISE_MAX_K: Final = 6
"""Coolant rise beyond which a branch is never throttled."""
M_CAPACITY_KJ_L_K: Final = 7
"""rho cp of the coolant."""
M_LN_RANGEABILITY: Final = 8
"""ln R of an equal-percentage valve; NaN: flow is taken to be proportional to the position."""
BALANCE_PARAMETERS: Final = 9

W_LEFT_S: Final = 0
"""Until the next move."""
BALANCE_STATE: Final = 1

X_MANIFOLD: Final = 0
X_ACTUATOR: Final = 1
X_FLOW: Final = 2
X_SUPPLY_TEMP: Final = 3
X_RETURN_TEMP: Final = 4
X_POWER: Final = 5
"""Point of the rack's measured power in kW; -1: its heat is found from flow and temperatures."""
X_CDU: Final = 6
"""CDU that feeds it, to whose conditions it belongs; -1 if that is not known."""
X_NUMBER: Final = 7
"""Place of the branch on its manifold, from 0."""
BRANCH_INDICES: Final = 8

B_FLOW_LPM: Final = 0
"""Low-passed; NaN while it was never known."""
B_HEAT_KW: Final = 1
"""Low-passed; NaN while it was never known."""
B_BAD_S: Final = 2
"""Seconds for which the branch could not be judged, without a break."""
B_TARGET_PCT: Final = 3
"""Where its valve is going; NaN while the manifold is out of touch."""
B_WANTED_RATIO: Final = 4
"""Its share of the heat of all branches that can be judged; NaN while it cannot."""
B_HAD_RATIO: Final = 5
"""Its share of their flow."""
B_RISE_K: Final = 6
"""Coolant rise that its heat and flow come to; NaN while it cannot be judged."""
B_SHORT_S: Final = 7
"""Seconds for which an open valve has not been enough, without a break."""
B_STATE: Final = 8
"""``BranchState``."""
BRANCH_STATE: Final = 9


class BranchState(IntEnum):
    """What becomes of a branch."""

    HELD = 0
    """Its manifold is out of touch, or was never heard: nothing moves."""
    BALANCED = 1
    OPEN = 2
    """It cannot be judged, because its power or one of its sensors is bad: its valve goes fully open."""
    SHORT = 3
    """Its valve is open, and still it has less than its share, or its coolant rises too far."""

    @property
    def label(self) -> str:
        """Return the state as it appears in metrics and JSON."""
        return self.name.lower()

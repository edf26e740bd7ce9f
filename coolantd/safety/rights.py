"""Who may move an actuator in which of its modes, as one table. Knows names; no value, time or device.

A claim goes with every demand to the last gate: whoever demands something in a mode in which they may not is refused,
and so is a demand of nobody.
"""

from typing import Final

import numpy as np

from coolantd.point import IntArray
from coolantd.safety.claims import Claim
from coolantd.safety.modes import Mode

CLAIMS: Final = len(Claim)
MODES: Final = len(Mode)

_SAFETY: Final = (Claim.INTERLOCK, Claim.TRIP)
_MAY: Final[dict[Mode, tuple[Claim, ...]]] = {
    Mode.STARTING: (Claim.LOOP, Claim.OPERATOR, *_SAFETY),  # one that is released goes back to whoever has it
    Mode.AUTOMATIC: (Claim.LOOP, Claim.OUTSIDE, Claim.OPERATOR, *_SAFETY),
    Mode.MANUAL: (Claim.LOOP, Claim.OPERATOR, *_SAFETY),
    Mode.FAILSAFE: _SAFETY,
    Mode.OVERRIDE: (Claim.OPERATOR, *_SAFETY),
    Mode.DISABLED: (),
    Mode.TRIPPED: _SAFETY,
}

RIGHTS: Final[IntArray] = np.array([[int(claim in _MAY[mode]) for claim in Claim] for mode in Mode], dtype=np.int64)
"""(modes, claims) 1 where a claim may move an actuator in a mode, else 0."""

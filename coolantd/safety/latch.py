"""When a hazard is in force: delays, latches and acknowledgement. Knows no cause and no action.

A hazard comes into force once its cause has been there for its on-delay without a break. One that clears by itself is
over once the cause has been gone for the off-delay. A latched one is over only when somebody has acknowledged it as
well; in which order is all the same, but a cause that returns takes the acknowledgement with it. What cannot be judged
moves neither way: an unknown reading never ends a hazard, and never begins one (it is a hazard of its own).
"""

from typing import Final

from coolantd.point import FloatArray

H_ACTIVE: Final = 0
"""1 while in force."""
H_FOR_S: Final = 1
"""Seconds in force."""
H_THERE_S: Final = 2
"""Seconds for which the cause has been there without a break."""
H_GONE_S: Final = 3
"""Seconds for which it has been gone without a break."""
H_ACKNOWLEDGED: Final = 4
"""1 once somebody has acknowledged it, until it is over or returns."""
H_CAUSE: Final = 5
"""What was said of the cause in the last cycle."""
HAZARD_STATE: Final = 6

GONE: Final = 0
THERE: Final = 1
UNKNOWN: Final = 2
"""What is said of a cause in one cycle; between its two thresholds it is unknown too."""


def advance_hazard(h: FloatArray, cause: int, on_s: float, off_s: float, latches: float, dt_s: float) -> None:
    """Take one hazard through one cycle, in place.

    Args:
        h: (HAZARD_STATE,) of it, changed.
        cause: ``GONE``, ``THERE`` or ``UNKNOWN``.
        on_s: how long it has to be there. 0 acts in the cycle that shows it.
        off_s: how long it has to be gone.
        latches: 1 if it has to be acknowledged as well.
        dt_s: seconds since the last step.
    """
    active = h[H_ACTIVE] == 1.0
    h[H_CAUSE] = float(cause)
    h[H_FOR_S] = h[H_FOR_S] + dt_s if active else 0.0
    if cause == THERE:
        if h[H_GONE_S] > 0.0:
            h[H_ACKNOWLEDGED] = 0.0
        h[H_THERE_S] += dt_s
        h[H_GONE_S] = 0.0
        if h[H_THERE_S] >= on_s:
            h[H_ACTIVE] = 1.0
        return
    h[H_THERE_S] = 0.0
    if cause == GONE and active:
        h[H_GONE_S] += dt_s
        if h[H_GONE_S] >= off_s and (latches == 0.0 or h[H_ACKNOWLEDGED] == 1.0):
            h[:] = 0.0


HELPERS: Final = (advance_hazard,)
"""Every function above."""

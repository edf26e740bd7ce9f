"""Small filters that any law may use. Plain arithmetic on numbers."""

from typing import Final


def lag(old: float, new: float, time_s: float, dt_s: float) -> float:
    """Return a first-order lag after ``dt_s``; stable for any step."""
    return old + (new - old) * dt_s / (time_s + dt_s)


def share_of(value: float, zone: float) -> float:
    """Return how much of a move counts: all of one beyond a zone, ever less of one inside it."""
    ratio = value / zone
    return min(1.0, ratio * ratio)


def calmed(old: float, new: float, zone: float, time_s: float, dt_s: float) -> float:
    """Return a value that follows large moves at once and small ones slowly."""
    return old + (new - old) * max(share_of(new - old, zone), dt_s / (time_s + dt_s))


HELPERS: Final = (lag, share_of, calmed)
"""Every function above, callees before callers."""

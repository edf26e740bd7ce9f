"""Durations for people. Knows numbers only."""

from typing import Final

UNKNOWN: Final = "-"
"""What is not known, in a table."""


def duration(duration_s: float | None) -> str:
    """Return a duration to the second, as ``1d02h``, ``3h04m``, ``5m06s`` or ``7s``."""
    if duration_s is None:
        return UNKNOWN
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"

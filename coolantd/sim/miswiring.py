"""Instruments that show what they should not: swapped, scaled, read from the wrong end. Knows names and numbers.

What an installer does to a machine and no device reports: two sensors on each other's terminals, a span ten times too
large, an actuator that reads its position from the other end.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

POINTS_MAX: Final = 20
"""More mistakes than one cabinet has."""
FACTOR_MAX: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a point shows: another point's value, times a factor, plus an offset."""

    source: str
    factor: float = 1.0
    offset: float = 0.0


def parse_miswiring(given: object, known: Mapping[str, float]) -> dict[str, Shown]:
    """Return what each miswired point shows.

    Args:
        given: ``{"tcs_supply_temp_c": {"source": "tcs_return_temp_c", "factor": 1.0, "offset": 0.0}, ...}``; what is
            left out is the point itself, 1 and 0.
        known: the points that are measured.

    Raises:
        ValueError: naming the first entry that is wrong.
    """
    if not isinstance(given, dict) or len(given) > POINTS_MAX:
        raise ValueError(f"points is no object of at most {POINTS_MAX} entries")
    found = {}
    for name, entry in given.items():
        source = entry.get("source", name) if isinstance(entry, dict) else None
        if name not in known or not isinstance(source, str) or source not in known:
            raise ValueError(f"{name!r:.60} is no measured point, or shows none")
        numbers = [entry.get("factor", 1.0), entry.get("offset", 0.0)]
        if not all(isinstance(n, int | float) and math.isfinite(n) and abs(n) <= FACTOR_MAX for n in numbers):
            raise ValueError(f"{name!r:.60}: factor and offset are numbers up to {FACTOR_MAX:g}")
        found[name] = Shown(source, *map(float, numbers))
    return found


def miswired(measured: Mapping[str, float], wiring: Mapping[str, Shown]) -> dict[str, float]:
    """Return what all points show."""
    shown = {name: each.factor * measured[each.source] + each.offset for name, each in wiring.items()}
    return {**measured, **shown}

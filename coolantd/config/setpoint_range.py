"""Within which limits a loop's setpoint may lie, whoever sets it: the file or an operator. Knows points and units."""

from collections.abc import Mapping, Sequence
from typing import Final

from coolantd.protocol.profile import Profile

SUPPLY_TEMP_C: Final = (5.0, 60.0)
"""From chilled water to the warmest coolant that any public rack takes."""
PUMP_KPA_MAX: Final = 1000.0
PUMP_LPM_MAX: Final = 10_000.0
PUMP_RISE_K: Final = (1.0, 40.0)
_BY_UNIT: Final = {
    "degC": SUPPLY_TEMP_C,
    "kPa": (0.0, PUMP_KPA_MAX),
    "L/min": (0.0, PUMP_LPM_MAX),
    "K": PUMP_RISE_K,
}


def setpoint_range(unit: str, tags: Sequence[str], profiles: Mapping[str, Profile]) -> tuple[float, float]:
    """Return the least and greatest setpoint that makes sense and that every sensor of the loop could show.

    Args:
        unit: of the process variable.
        tags: ``device.point`` of each of its sensors.
        profiles: by device.
    """
    low, high = _BY_UNIT[unit]
    for tag in tags:
        device, _, name = tag.partition(".")
        profile = profiles[device]
        ranges = {p.name: (p.minimum, p.maximum) for p in profile.registers}
        ranges |= {p.name: (p.minimum, p.maximum) for p in profile.messages}
        ranges |= {p.name: (p.minimum, p.maximum) for p in profile.differences}
        low, high = max(low, ranges[name][0]), min(high, ranges[name][1])
    return low, high

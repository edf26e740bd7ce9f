"""Conversions between engineering units and SI. Knows arithmetic only.

Everywhere but plant/ the units are degC, kPa, L/min, %, kW and rpm; plant/ is SI. The unit is the last
token of a name, so a conversion's name reads as its own documentation.
"""

from typing import Final

LPM_PER_M3_S: Final = 60_000.0
PA_PER_KPA: Final = 1000.0
W_PER_KW: Final = 1000.0
KPA_PER_PSI: Final = 6.894757293168361
"""NIST SP 811, table B.8."""
LPM_PER_GPM: Final = 3.785411784
"""US gallon of exactly 231 cubic inches."""


def lpm_from_m3_s(flow_m3_s: float) -> float:
    """Return a volume flow in L/min."""
    return flow_m3_s * LPM_PER_M3_S


SOURCE_UNITS: Final[dict[str, tuple[str, float, float]]] = {
    "degF": ("degC", 1.0 / 1.8, -32.0 / 1.8),
    "psi": ("kPa", KPA_PER_PSI, 0.0),
    "bar": ("kPa", 100.0, 0.0),
    "mbar": ("kPa", 0.1, 0.0),
    "Pa": ("kPa", 1e-3, 0.0),
    "MPa": ("kPa", 1000.0, 0.0),
    "gpm": ("L/min", LPM_PER_GPM, 0.0),
    "0.1gpm": ("L/min", LPM_PER_GPM / 10.0, 0.0),
    "m3/h": ("L/min", 1000.0 / 60.0, 0.0),
    "l/h": ("L/min", 1.0 / 60.0, 0.0),
    "l/s": ("L/min", 60.0, 0.0),
    "W": ("kW", 1e-3, 0.0),
    "mA": ("A", 1e-3, 0.0),
    "mV": ("V", 1e-3, 0.0),
    "min": ("h", 1.0 / 60.0, 0.0),
    "ms": ("s", 1e-3, 0.0),
}
"""A device's unit -> (canonical unit, factor, offset): canonical = factor * source + offset."""

CANONICAL_UNITS: Final = frozenset(
    {
        "degC",
        "K",
        "kPa",
        "L/min",
        "%",
        "%RH",
        "kW",
        "rpm",
        "A",
        "V",
        "h",
        "s",
        "count",
        "pH",
        "uS/cm",
        "NTU",
        "deg",
        "code",
        "bool",
        "",
    }
)
"""Units a point may carry after decoding."""

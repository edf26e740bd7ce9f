"""How maps write units, and what their names hint at. Knows words and factors; no file format."""

import re
from dataclasses import dataclass
from typing import Final

from coolantd.units import CANONICAL_UNITS, SOURCE_UNITS


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a map's unit becomes in a profile.

    Attributes:
        unit: canonical.
        source_unit: the profile's word for the unit on the wire, where that is another; else empty.
        factor: what the map's scale is to be multiplied by, where the profile has no word for its unit.
    """

    unit: str
    source_unit: str = ""
    factor: float = 1.0


_EXTRA: Final = {"m3/s": Conversion("L/min", "", 60_000.0)}
"""Exact multiples that maps use and ``units.SOURCE_UNITS`` need not know."""

_ALIASES: Final = {
    "c": "degC", "celsius": "degC", "degreesc": "degC", "f": "degF", "fahrenheit": "degF", "kelvin": "K",
    "lpm": "L/min", "lph": "l/h", "m^3/h": "m3/h", "cmh": "m3/h", "usgpm": "gpm", "gal/min": "gpm",
    "percent": "%", "pct": "%", "%rh": "%RH", "rh%": "%RH", "r.h.": "%RH", "r/min": "rpm", "1/min": "rpm",
    "hour": "h", "hours": "h", "hrs": "h", "hr": "h", "sec": "s", "second": "s", "seconds": "s", "minutes": "min",
    "counts": "count", "amp": "A", "amps": "A", "volt": "V", "volts": "V", "watt": "W", "watts": "W", "-": "",
}  # fmt: skip
_EXACT_CASE: Final = frozenset({"MPa", "mPa", "mS", "ms", "mV", "MV", "mA", "MA", "K", "k"})
"""Words that mean something else in the other case."""

_HINTS: Final = {
    "c": "degC", "degc": "degC", "f": "degF", "kpa": "kPa", "bar": "bar", "psi": "psi", "lpm": "L/min", "gpm": "gpm",
    "pct": "%", "percent": "%", "rpm": "rpm", "kw": "kW", "w": "W", "v": "V", "volt": "V", "a": "A", "rh": "%RH",
    "hours": "h", "hr": "h", "sec": "s",
}  # fmt: skip


def _known() -> dict[str, Conversion]:
    known = {unit: Conversion(unit) for unit in CANONICAL_UNITS}
    known |= {unit: Conversion(facts[0], unit) for unit, facts in SOURCE_UNITS.items()}
    return known | _EXTRA


KNOWN: Final = _known()
_BY_CASEFOLD: Final = {unit.casefold(): unit for unit in KNOWN if unit not in _EXACT_CASE}


def conversion(word: str) -> Conversion | None:
    """Return what a map's unit converts to, or None for a word that is not a unit we know."""
    plain = re.sub(r"\s+", "", word).replace("°", "deg").replace("º", "deg").replace("³", "3")
    plain = plain.replace("µ", "u").replace("μ", "u").replace("℃", "degC").replace("℉", "degF")
    if plain in KNOWN:
        return KNOWN[plain]
    if plain in _EXACT_CASE:
        return None
    unit = _ALIASES.get(plain.casefold())
    if unit is None:
        unit = _BY_CASEFOLD.get(plain.casefold())
    return None if unit is None else KNOWN[unit]


def hint(name: str) -> str | None:
    """Return the unit that a name's last word suggests; names mislead, so this is for a person to confirm."""
    words = [word for word in re.split(r"[^A-Za-z%]+", name) if word]
    return _HINTS.get(words[-1].casefold()) if words else None

"""A coolant from its data sheet: a table of properties over temperature becomes cubics. Knows numbers, no file.

Refuses what is no liquid for racks, and a table that its own cubics do not meet: a typing error in one row then says
which row it is.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from coolantd.plant.coolant import REFERENCE_TEMP_C, Coolant, Cubic
from coolantd.point import FloatArray

ROWS_LEAST: Final = 5
"""One more than a cubic has coefficients, so that a row can contradict the others."""
SPAN_LEAST_K: Final = 30.0
"""Supply and return of warm racks are 10 to 15 K apart, cold start and hot plate are further."""
TEMP_MIN_C: Final = -60.0
TEMP_MAX_C: Final = 150.0
MISFIT_MAX_RATIO: Final = 0.01
VISCOSITY_MISFIT_MAX_RATIO: Final = 0.03
"""Sources differ by 1 % among themselves, in viscosity by more."""


class Row(NamedTuple):
    """Properties at one temperature, in SI."""

    temp_c: float
    density_kg_m3: float
    heat_capacity_j_kg_k: float
    conductivity_w_m_k: float
    viscosity_pa_s: float


RANGES: Final = {
    "density_kg_m3": (600.0, 2000.0),
    "heat_capacity_j_kg_k": (900.0, 4500.0),
    "conductivity_w_m_k": (0.05, 0.8),
    "viscosity_pa_s": (1e-4, 1.0),
}
"""From engineered dielectrics (light, poor conductors) to water; outside them a unit is mistaken (mPa s, g/cm3)."""
DEGREES: Final = {"density_kg_m3": 2, "heat_capacity_j_kg_k": 2, "conductivity_w_m_k": 2, "viscosity_pa_s": 3}


def fit_coolant(name: str, rows: Sequence[Row]) -> Coolant:
    """Return the coolant whose cubics meet a table best (least squares).

    Raises:
        ValueError: one sentence on the first thing that is wrong with the table.
    """
    table = np.array(rows, dtype=np.float64).reshape(-1, len(Row._fields))
    _check_table(table)
    temps_c = table[:, 0]
    fits = {}
    for column, quantity in enumerate(Row._fields[1:], start=1):
        values = table[:, column]
        wanted = np.log(values) if quantity == "viscosity_pa_s" else values
        found = np.polynomial.polynomial.polyfit(temps_c - REFERENCE_TEMP_C, wanted, DEGREES[quantity])
        fit = found.astype(np.float64)
        fits[quantity] = _padded(fit)
        _check_fit(quantity, temps_c, values, fit)
    return Coolant(
        name=name,
        density=fits["density_kg_m3"],
        heat_capacity=fits["heat_capacity_j_kg_k"],
        conductivity=fits["conductivity_w_m_k"],
        ln_viscosity=fits["viscosity_pa_s"],
    )


def rows_from_csv(text: str) -> list[Row]:
    """Read a table with a header of ``Row``'s field names, in any order, commas between.

    Raises:
        ValueError: one sentence with the line.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    header = [cell.strip() for cell in lines[0][1].split(",")] if lines else []
    if sorted(header) != sorted(Row._fields):
        raise ValueError(f"line {lines[0][0] if lines else 1}: columns are {header}, allowed: {', '.join(Row._fields)}")
    rows = []
    for number, line in lines[1:]:
        try:
            cells = [float(cell) for cell in line.split(",")]
            rows.append(Row(**dict(zip(header, cells, strict=True))))
        except ValueError:
            raise ValueError(f"line {number}: it is {line!r}, allowed: {len(header)} numbers") from None
    return rows


def _check_table(table: FloatArray) -> None:
    if len(table) < ROWS_LEAST:
        raise ValueError(f"coolant: {len(table)} rows, allowed: {ROWS_LEAST} or more")
    if not np.isfinite(table).all():
        raise ValueError("coolant: the table has a value that is no number, allowed: finite numbers")
    temps_c = table[:, 0]
    if not (np.diff(temps_c) > 0.0).all() or not TEMP_MIN_C <= temps_c[0] <= temps_c[-1] <= TEMP_MAX_C:
        allowed = f"rising, {TEMP_MIN_C:g} to {TEMP_MAX_C:g}"
        raise ValueError(f"coolant: temp_c is {temps_c.tolist()}, allowed: {allowed}")
    if temps_c[-1] - temps_c[0] < SPAN_LEAST_K:
        raise ValueError(f"coolant: temp_c spans {temps_c[-1] - temps_c[0]:g} K, allowed: {SPAN_LEAST_K:g} K or more")
    for column, quantity in enumerate(Row._fields[1:], start=1):
        low, high = RANGES[quantity]
        for temp_c, value in zip(temps_c, table[:, column], strict=True):
            if not low <= value <= high:
                raise ValueError(f"coolant: {quantity} at {temp_c:g} degC is {value:g}, allowed: {low:g} to {high:g}")
    if table[-1, 1] >= table[0, 1]:
        raise ValueError("coolant: density_kg_m3 does not fall as it warms, allowed: a liquid that expands")


def _check_fit(quantity: str, temps_c: FloatArray, values: FloatArray, fit: FloatArray) -> None:
    fitted = np.polynomial.polynomial.polyval(temps_c - REFERENCE_TEMP_C, fit)
    viscous = quantity == "viscosity_pa_s"
    misfits = np.abs((np.exp(fitted) if viscous else fitted) / values - 1.0)
    allowed = VISCOSITY_MISFIT_MAX_RATIO if viscous else MISFIT_MAX_RATIO
    worst = int(misfits.argmax())
    if misfits[worst] > allowed:
        raise ValueError(
            f"coolant: {quantity} at {temps_c[worst]:g} degC is {values[worst]:g}, {misfits[worst]:.1%} off the curve "
            f"through all rows, allowed: {allowed:.0%}"
        )


def _padded(fit: FloatArray) -> Cubic:
    a, b, c, d = np.concatenate([fit, np.zeros(4 - fit.size)]).tolist()
    return a, b, c, d

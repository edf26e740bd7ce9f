"""Properties of the coolants: 25 and 55 % propylene glycol (PG25, PG55) and water. Knows fluids, no equipment.

Each property is a cubic in ``x = T - 40 degC`` fitted to CoolProp 8.0.0 at 2 bar between 10 and 80 degC
(largest relative error 2.5e-3, water viscosity; most are below 3e-4). Another glycol model differs by up to
1 %, so treat agreement with a datasheet to within 1 % as agreement.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.plant.layout import HEAT_CAPACITY_TERMS, P_HEAT_CAPACITY
from coolantd.point import FloatArray

REFERENCE_TEMP_C: Final = 40.0
"""Centre of the fits."""
LOWEST_TEMP_C: Final = 0.0
HIGHEST_TEMP_C: Final = 100.0
"""Beyond these the nearer end's properties are used, so that a stagnant, boiling plate stays finite."""

DENSITY: Final = 0
HEAT_CAPACITY: Final = 1
CONDUCTIVITY: Final = 2
LN_VISCOSITY: Final = 3

Cubic = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coolant:
    """A liquid as four cubics in ``T - 40 degC``, lowest power first.

    Attributes:
        name: what a person calls it.
        density: kg/m3.
        heat_capacity: J/(kg K), at constant pressure.
        conductivity: W/(m K).
        ln_viscosity: natural logarithm of the dynamic viscosity in Pa s.
    """

    name: str
    density: Cubic
    heat_capacity: Cubic
    conductivity: Cubic
    ln_viscosity: Cubic

    def coefficients(self) -> FloatArray:
        """Return the four cubics as rows, shape (4, 4), in the order density to ln viscosity."""
        return np.array([self.density, self.heat_capacity, self.conductivity, self.ln_viscosity])

    def volumetric_heat_capacity(self) -> FloatArray:
        """Return rho cp as a polynomial in ``T - 40 degC``, J/(m3 K), shape (6,); the x^6 term is dropped.

        No coolant has both cubic density and cubic heat capacity, so nothing is lost.
        """
        return np.convolve(self.density, self.heat_capacity)[:HEAT_CAPACITY_TERMS]


PG25: Final = Coolant(
    name="PG25",
    density=(1009.86, -0.51798, -0.00246475, 0.0),
    heat_capacity=(3968.72, 2.37524, -0.00171274, 0.0),
    conductivity=(0.485864, 8.81958e-4, -8.7686e-7, 0.0),
    ln_viscosity=(-6.60542, -0.0250875, 1.99256e-4, -1.29437e-6),
)
"""25 % propylene glycol by mass; freezes at -9.8 degC."""

PG55: Final = Coolant(
    name="PG55",
    density=(1027.19, -0.73551, -0.00120995, 0.0),
    heat_capacity=(3519.64, 4.17941, -2.32692e-4, 0.0),
    conductivity=(0.348876, 4.4044e-4, 5.50494e-7, 0.0),
    ln_viscosity=(-5.6788, -0.0340646, 2.84493e-4, -1.87728e-6),
)
"""55 % propylene glycol by mass (CoolProp's INCOMP::MPG at 0.55, fits within 2.1e-4); freezes at -40 degC."""

WATER: Final = Coolant(
    name="water",
    density=(992.217, -0.370401, -0.00362279, 0.0),
    heat_capacity=(4178.79, 0.0748411, 0.0145636, -1.45701e-4),
    conductivity=(0.62845, 1.3369e-3, -9.63403e-6, 0.0),
    ln_viscosity=(-7.33513, -0.0188438, 1.18072e-4, -7.46465e-7),
)


def offset_k(temp_c: float) -> float:
    """Return ``x``, the distance from the centre of the fits in K, held inside 0 to 100 degC."""
    return min(max(temp_c, LOWEST_TEMP_C), HIGHEST_TEMP_C) - REFERENCE_TEMP_C


def cubic_at(coefficients: FloatArray, row: int, temp_c: float) -> float:
    """Return one row of a (4, 4) coefficient array at a temperature."""
    x = offset_k(temp_c)
    a, b, c, d = coefficients[row, 0], coefficients[row, 1], coefficients[row, 2], coefficients[row, 3]
    return float(a + x * (b + x * (c + x * d)))


def density_kg_m3(coefficients: FloatArray, temp_c: float) -> float:
    """Return the density in kg/m3."""
    return cubic_at(coefficients, DENSITY, temp_c)


def heat_capacity_j_kg_k(coefficients: FloatArray, temp_c: float) -> float:
    """Return the specific heat capacity in J/(kg K)."""
    return cubic_at(coefficients, HEAT_CAPACITY, temp_c)


def conductivity_w_m_k(coefficients: FloatArray, temp_c: float) -> float:
    """Return the thermal conductivity in W/(m K)."""
    return cubic_at(coefficients, CONDUCTIVITY, temp_c)


def viscosity_pa_s(coefficients: FloatArray, temp_c: float) -> float:
    """Return the dynamic viscosity in Pa s."""
    return math.exp(cubic_at(coefficients, LN_VISCOSITY, temp_c))


def volumetric_heat_capacity_j_m3_k(params: FloatArray, temp_c: float) -> float:
    """Return rho cp of the loop's coolant in J/(m3 K), from the plant's packed parameters.

    Between two temperatures, rho cp at their mean is the secant of the enthalpy to 1e-5: a balance written
    with it conserves energy.
    """
    x = offset_k(temp_c)
    k = P_HEAT_CAPACITY
    high = params[k + 3] + x * (params[k + 4] + x * params[k + 5])
    return float(params[k] + x * (params[k + 1] + x * (params[k + 2] + x * high)))


def volumetric_enthalpy_j_m3(params: FloatArray, temp_c: float) -> float:
    """Return the heat held above 40 degC in J/m3: the integral of rho cp, straight-lined outside 0 to 100 degC."""
    x = offset_k(temp_c)
    inside = 0.0
    for term in range(HEAT_CAPACITY_TERMS):
        inside += params[P_HEAT_CAPACITY + term] * x ** (term + 1) / (term + 1)
    beyond_k = temp_c - REFERENCE_TEMP_C - x
    return float(inside + beyond_k * volumetric_heat_capacity_j_m3_k(params, temp_c))

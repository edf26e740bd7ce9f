"""Dew point of moist air after Magnus. Knows neither sensors nor margins."""

import math
from typing import Final

MAGNUS_A: Final = 17.625
MAGNUS_B_C: Final = 243.04
"""Alduchov and Eskridge (1996): within 0.02 K of the full psychrometric solution from 20 to 30 degC."""


def dew_point_c(temp_c: float, humidity_ratio: float) -> float:
    """Return the dew point of air in degC, or NaN where there is none.

    ``g = ln(RH) + a T/(b + T)``, ``Td = b g/(a - g)``. Usable inside a kernel.

    Args:
        temp_c: dry-bulb temperature, above -243 degC.
        humidity_ratio: relative humidity as a fraction, above 0; outside that, or NaN, the answer is NaN.
    """
    if not (humidity_ratio > 0.0 and temp_c > -MAGNUS_B_C):
        return math.nan
    g = math.log(humidity_ratio) + MAGNUS_A * temp_c / (MAGNUS_B_C + temp_c)
    return MAGNUS_B_C * g / (MAGNUS_A - g)

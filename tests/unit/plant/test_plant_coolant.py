"""Properties against the published fit outputs (exact) and CoolProp's own values (fit tolerance)."""

import numpy as np
import pytest

from coolantd.plant import coolant
from coolantd.plant.reference import reference_plant

# T degC, rho, cp, mu mPa s, k
FIT_OUTPUTS = {
    "water": [
        (10, 1000.07, 4193.6, 1.3026, 0.5797),
        (20, 998.18, 4184.3, 1.0027, 0.5979),
        (40, 992.22, 4178.8, 0.6522, 0.6284),
        (60, 983.36, 4184.9, 0.4663, 0.6513),
        (80, 971.60, 4195.8, 0.3535, 0.6665),
    ],
    "PG25": [
        (10, 1023.18, 3895.9, 3.5581, 0.4586),
        (20, 1019.23, 3920.5, 2.4452, 0.4679),
        (40, 1009.86, 3968.7, 1.3530, 0.4859),
        (60, 998.51, 4015.5, 0.8780, 0.5032),
        (80, 985.20, 4061.0, 0.6280, 0.5197),
    ],
}
COOLPROP = {
    "water": [
        (20, 998.25, 4183.7, 1.0016, 0.5981),
        (30, 995.69, 4179.6, 0.7972, 0.6144),
        (40, 992.26, 4179.2, 0.6527, 0.6285),
        (45, 990.26, 4179.9, 0.5958, 0.6348),
        (60, 983.24, 4184.7, 0.4661, 0.6511),
    ],
    "PG25": [
        (20, 1019.28, 3920.5, 2.4452, 0.4679),
        (30, 1014.90, 3944.6, 1.7761, 0.4769),
        (40, 1009.91, 3968.6, 1.3530, 0.4858),
        (45, 1007.21, 3980.6, 1.1993, 0.4903),
        (60, 998.40, 4015.7, 0.8780, 0.5032),
    ],
}
COOLPROP["PG55"] = [
    (10, 1047.97, 3394.08, 12.9051, 0.3361),
    (20, 1041.46, 3435.95, 7.68342, 0.340298),
    (30, 1034.52, 3477.8, 4.95269, 0.344554),
    (40, 1027.24, 3519.63, 3.41767, 0.348889),
    (45, 1023.49, 3540.53, 2.90233, 0.351092),
    (60, 1011.9, 3603.15, 1.90874, 0.357878),
    (80, 996.042, 3686.41, 1.22313, 0.367434),
]
FIT_ERRORS = {
    "PG55": (2.1e-4, 1.1e-5, 1e-5, 1.7e-4),
    "water": (3.2e-4, 2.9e-4, 2.5e-3, 1.4e-3),
    "PG25": (2.4e-4, 9e-5, 1e-5, 2.3e-4),
}
LAST_DIGITS = (0.006, 0.06, 0.00006, 0.00006)
FLUIDS = {fluid.name: fluid for fluid in (coolant.WATER, coolant.PG25, coolant.PG55)}


def properties(name: str, temp_c: float) -> tuple[float, float, float, float]:
    rows = FLUIDS[name].coefficients()
    return (
        coolant.density_kg_m3(rows, temp_c),
        coolant.heat_capacity_j_kg_k(rows, temp_c),
        coolant.viscosity_pa_s(rows, temp_c) * 1e3,
        coolant.conductivity_w_m_k(rows, temp_c),
    )


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in FIT_OUTPUTS.items() for row in rows])
def test_fits_reproduce_their_published_outputs(name, row):
    for got, want, digits in zip(properties(name, row[0]), row[1:], LAST_DIGITS, strict=True):
        assert got == pytest.approx(want, abs=digits)


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in COOLPROP.items() for row in rows])
def test_fits_stay_within_their_stated_error_of_coolprop(name, row):
    checks = zip(properties(name, row[0]), row[1:], FIT_ERRORS[name], LAST_DIGITS, strict=True)
    for got, want, relative, digits in checks:
        assert abs(got - want) <= relative * want + digits


def test_prandtl_number_of_pg25():
    for temp_c, prandtl in ((20, 20.49), (30, 14.69), (40, 11.05), (45, 9.74), (60, 7.01)):
        _, cp, mu, k = properties("PG25", temp_c)
        assert cp * mu * 1e-3 / k == pytest.approx(prandtl, rel=1e-3)


@pytest.mark.parametrize(
    ("lpm_per_kw", "pg25_k", "water_k"),
    [(1.0, 14.98, 14.45), (1.2, 12.48, 12.04), (1.5, 9.99, 9.63), (2.0, 7.49, 7.22)],
)
def test_coolant_rise_per_flow_at_35_degc(lpm_per_kw, pg25_k, water_k):
    for name, rise_k in (("PG25", pg25_k), ("water", water_k)):
        rho, cp, _, _ = properties(name, 35.0)
        assert 1000.0 / (rho * cp * lpm_per_kw / 60_000) == pytest.approx(rise_k, abs=0.012)


@pytest.mark.parametrize("fluid", FLUIDS.values(), ids=FLUIDS)
@pytest.mark.parametrize("temp_c", [-40.0, 0.0, 25.0, 40.0, 63.0, 100.0, 4000.0])
def test_volumetric_heat_capacity_is_density_times_heat_capacity(fluid, temp_c):
    params = reference_plant().packed()
    params[-6:] = fluid.volumetric_heat_capacity()
    rho, cp, _, _ = properties(fluid.name, temp_c)
    assert coolant.volumetric_heat_capacity_j_m3_k(params, temp_c) == pytest.approx(rho * cp, rel=1e-12)


def test_enthalpy_is_the_integral_of_heat_capacity():
    params = reference_plant().packed()
    for low, high in ((-20.0, -5.0), (-5.0, 12.0), (34.0, 46.0), (95.0, 130.0)):
        between = np.linspace(low, high, 20_001)
        slope = [coolant.volumetric_heat_capacity_j_m3_k(params, t) for t in between]
        rise = coolant.volumetric_enthalpy_j_m3(params, high) - coolant.volumetric_enthalpy_j_m3(params, low)
        assert rise == pytest.approx(np.trapezoid(slope, between), rel=1e-9)

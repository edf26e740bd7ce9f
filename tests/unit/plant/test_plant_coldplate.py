import dataclasses

import numpy as np
import pytest

from coolantd.plant import coldplate, coolant
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant

PG25_CURVE = {
    0.5: 0.0325, 0.6: 0.0300, 0.7: 0.0280, 0.8: 0.0265, 0.9: 0.0255, 1.0: 0.0245, 1.2: 0.0230, 1.4: 0.0220,
    1.6: 0.0214, 1.8: 0.0209, 2.0: 0.0204, 2.2: 0.0200, 2.4: 0.0197,
}  # fmt: skip
WATER_CURVE = {2.0: 0.0172, 3.0: 0.0160, 4.0: 0.0154, 5.0: 0.0151}


def capacity_j_m3_k(fluid: coolant.Coolant) -> float:
    rows = fluid.coefficients()
    return coolant.density_kg_m3(rows, 40.0) * coolant.heat_capacity_j_kg_k(rows, 40.0)


@pytest.mark.parametrize(("flow_lpm", "published_k_w"), PG25_CURVE.items())
def test_pg25_plate_follows_the_published_curve(flow_lpm, published_k_w):
    got = coldplate.case_to_inlet_k_w(coldplate.PG25_CASE_TO_MEAN_K_W, flow_lpm / 60_000, capacity_j_m3_k(coolant.PG25))
    assert -0.025 <= got / published_k_w - 1 <= 0.012
    assert got == pytest.approx(0.0168 + 0.00749 / flow_lpm, rel=1e-3)


@pytest.mark.parametrize(("flow_lpm", "published_k_w"), WATER_CURVE.items())
def test_water_plate_follows_the_published_curve(flow_lpm, published_k_w):
    got = coldplate.case_to_inlet_k_w(
        coldplate.WATER_CASE_TO_MEAN_K_W, flow_lpm / 60_000, capacity_j_m3_k(coolant.WATER)
    )
    assert got == pytest.approx(published_k_w, rel=0.005)
    assert got == pytest.approx(0.0136 + 0.0072 / flow_lpm, rel=2e-3)


@pytest.mark.parametrize(("flow_lpm", "published_k_w"), PG25_CURVE.items())
def test_pg25_plate_with_its_flow_dependence_follows_the_curve_within_0_6_percent(flow_lpm, published_k_w):
    flow = flow_lpm / 60_000
    plate = coldplate.conductance_w_k(
        1 / coldplate.PG25_UNLIMITED_FLOW_K_W, coldplate.PG25_FLOW_RESISTANCE_K_M3_J, flow
    )
    got = coldplate.case_to_inlet_k_w(1.0 / plate, flow, capacity_j_m3_k(coolant.PG25))
    assert got == pytest.approx(published_k_w, rel=0.006)


def test_a_rack_of_plates_is_so_many_plates_side_by_side():
    plate = coldplate.conductance_w_k(60.0, 1.1e-8, 1e-5)
    assert coldplate.conductance_w_k(72 * 60.0, 1.1e-8, 72 * 1e-5) == pytest.approx(72 * plate, rel=1e-12)


def test_racks_follow_the_published_curve_in_the_plant(compiled_advance):
    """Case over inlet per plate of the whole plant at rest, at two flows of the published curve."""
    params = dataclasses.replace(
        reference_plant(),
        plate_conductance_w_k=72 / coldplate.PG25_UNLIMITED_FLOW_K_W,
        plate_flow_resistance_k_m3_j=coldplate.PG25_FLOW_RESISTANCE_K_M3_J,
    )
    plant = Plant(params, kernel=compiled_advance)
    for speed, lpm in ((0.565, 1.6), (0.76, 2.2)):
        plant.inputs.pump_speed_ratio[:] = speed
        plant.settle()
        flow_lpm = plant.rack_flow_m3_s[0] * 60_000 / 72
        assert flow_lpm == pytest.approx(lpm, rel=0.05)
        got = (plant.rack_case_temp_c[0] - plant.rack_supply_temp_c[0]) / (plant.inputs.rack_heat_w[0] / 72)
        published = np.interp(flow_lpm, list(PG25_CURVE), list(PG25_CURVE.values()))
        assert got == pytest.approx(published, rel=0.012)


@pytest.mark.parametrize("dt_s", [0.01, 0.1, 5.0, 600.0])
@pytest.mark.parametrize("rate_w_k", [0.0, 1.0, 80.0, 1e4])
def test_step_balances_heat_whatever_the_step(dt_s, rate_w_k):
    case, outlet = coldplate.advance_plate(60.0, 44.0, 34.0, 1667.0, 59.5, 450.0 / dt_s, 400.0 / dt_s, rate_w_k)
    stored_w = 450.0 / dt_s * (case - 60.0) + 400.0 / dt_s * (outlet - 44.0)
    assert stored_w + rate_w_k * (outlet - 34.0) == pytest.approx(1667.0, rel=1e-9)


def test_steady_plate():
    case, outlet = 34.0, 34.0
    for _ in range(200):
        case, outlet = coldplate.advance_plate(case, outlet, 34.0, 1667.0, 59.5, 450.0, 400.0, 140.0)
    assert outlet == pytest.approx(34.0 + 1667.0 / 140.0)
    assert case == pytest.approx(0.5 * (34.0 + outlet) + 1667.0 / 59.5)


def test_response_to_a_load_step_at_full_flow():
    """The reference plate at 2.1 L/min: t63 9.5 s and t90 22.8 s."""
    rate_w_k = 4.008e6 * 0.02025 / 576
    case, outlet = 34.0, 34.0
    final_c = 34.0 + 1667.0 * (0.5 / rate_w_k + 0.0168)
    rises = []
    for _ in range(6000):
        case, outlet = coldplate.advance_plate(case, outlet, 34.0, 1667.0, 1 / 0.0168, 45_000.0, 40_080.0, rate_w_k)
        rises.append((case - 34.0) / (final_c - 34.0))
    for share, published_s in ((0.63, 9.5), (0.9, 22.8)):
        reached_s = next(step for step, rise in enumerate(rises, 1) if rise >= share) * 0.01
        assert reached_s == pytest.approx(published_s, rel=0.03)

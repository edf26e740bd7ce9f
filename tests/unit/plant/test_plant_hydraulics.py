"""Pumps, branches and the facility valve against the published vectors and their own equations."""

import itertools
import math

import pytest

from coolantd.plant import exchanger, hydraulics
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant

REFERENCE = reference_plant()
BRANCHES = 8 * hydraulics.branch_conductance(REFERENCE.branch_resistance_pa)


def operating_flow(first: float, second: float, conductance: float = BRANCHES, start: float = 0.0) -> float:
    heads = sorted((first**2 * REFERENCE.pump_head_pa, second**2 * REFERENCE.pump_head_pa))
    return hydraulics.operating_flow_m3_s(
        heads[1], heads[0], REFERENCE.pump_curve_pa_s2_m6, REFERENCE.loop_resistance_pa_s2_m6, conductance, start
    )


def test_reference_coefficients():
    assert REFERENCE.pump_curve_pa_s2_m6 == pytest.approx(7.4915e8, rel=1e-5)
    assert REFERENCE.loop_resistance_pa_s2_m6 == pytest.approx(2.04847e8, rel=1e-5)
    assert REFERENCE.branch_resistance_pa == pytest.approx(5.72892e9, rel=1e-5)
    assert REFERENCE.valve_coefficient_m3_s == pytest.approx(9.08299e-5, rel=1e-5)
    assert REFERENCE.fws_resistance_pa_s2_m6 == pytest.approx(1.21211e8, rel=1e-5)


@pytest.mark.parametrize(
    ("position", "opening"),
    [
        (0.0, 0.0001),
        (0.01, 0.020798),
        (0.1, 0.029575),
        (0.25, 0.053183),
        (0.5, 0.141421),
        (0.75, 0.376060),
        (0.9, 0.676243),
        (1.0, 1.0),
    ],
)
def test_valve_characteristic(position, opening):
    got = hydraulics.valve_opening_ratio(position, math.log(50.0), 1e-4, 0.01)
    assert got == pytest.approx(opening, abs=6e-7)


@pytest.mark.parametrize(
    ("position", "flow_lpm", "digits"),
    [(0.0, 0.225, 6e-4), (0.25, 119.3, 0.06), (0.5, 314.6, 0.06), (0.75, 790.9, 0.06), (1.0, 1588.9, 0.06)],
)
def test_facility_flow_at_170_kpa(position, flow_lpm, digits):
    got = exchanger.valve_flow_m3_s(REFERENCE.packed(), position, 170e3) * 60_000
    # The facility's 84 kPa at 1.3 times rated flow is itself rounded: allow one unit of the last digit more.
    assert got == pytest.approx(flow_lpm, abs=2 * digits)


def test_no_facility_flow_against_a_reversed_pressure():
    assert exchanger.valve_flow_m3_s(REFERENCE.packed(), 1.0, -20e3) == 0.0


@pytest.mark.parametrize(
    ("speed", "one_lpm", "one_kpa", "two_lpm", "two_kpa"),
    [
        (0.3, 357.4, 9.36, 491.6, 16.88),
        (0.5, 600.5, 24.44, 831.8, 44.64),
        (0.72, 869.5, 48.47, 1210.1, 89.33),
        (0.8, 967.7, 59.07, 1348.5, 109.14),
        (1.0, 1213.5, 89.79, 1695.8, 166.77),
    ],
)
def test_pump_vectors(speed, one_lpm, one_kpa, two_lpm, two_kpa):
    for second, lpm, kpa in ((0.0, one_lpm, one_kpa), (speed, two_lpm, two_kpa)):
        flow = operating_flow(speed, second)
        assert flow * 60_000 == pytest.approx(lpm, abs=0.11)
        assert hydraulics.branches_pressure_pa(flow, BRANCHES) / 1e3 == pytest.approx(kpa, abs=0.011)


@pytest.mark.parametrize("start", [0.0, 1e-12, 1e-6, 0.02, 0.5, 1e4])
@pytest.mark.parametrize("speeds", [(1.0, 0.0), (1.0, 0.3), (1.0, 0.6), (1.0, 0.95), (0.7, 0.7), (0.02, 0.01)])
def test_root_does_not_depend_on_where_the_search_starts(speeds, start):
    assert operating_flow(*speeds, start=start) == pytest.approx(operating_flow(*speeds), rel=1e-9)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02, 1e-6])
@pytest.mark.parametrize("second", [0.0, 0.2, 0.5, 0.75, 0.9, 0.99, 1.0])
def test_unequal_pumps_meet_the_loop_at_one_pressure(second, share):
    """Both pumps and the loop agree on the head; a pump that cannot reach it delivers nothing, never less."""
    curve, conductance = REFERENCE.pump_curve_pa_s2_m6, BRANCHES * share
    flow = operating_flow(1.0, second, conductance)
    gap_pa = REFERENCE.pump_head_pa * (1.0 - second**2)
    lead = hydraulics.lead_pump_flow_m3_s(flow, gap_pa, curve)
    loop_pa = REFERENCE.loop_resistance_pa_s2_m6 * flow**2 + hydraulics.branches_pressure_pa(flow, conductance)
    assert REFERENCE.pump_head_pa - curve * lead**2 == pytest.approx(loop_pa, rel=1e-9)
    lag = flow - lead
    if lag > 1e-12:
        assert second**2 * REFERENCE.pump_head_pa - curve * lag**2 == pytest.approx(loop_pa, rel=1e-6)
    else:
        assert lag == 0.0
        assert second**2 * REFERENCE.pump_head_pa <= loop_pa * (1 + 1e-9)


def test_flow_grows_as_the_second_pump_speeds_up_and_never_falls():
    flows = [operating_flow(0.8, speed / 100) for speed in range(101)]
    assert all(later >= earlier * (1 - 1e-9) for earlier, later in itertools.pairwise(flows))
    assert flows[30] == pytest.approx(flows[0], rel=1e-9)
    assert flows[-1] > 1.3 * flows[0]


def test_no_flow_without_pumps_or_branches():
    assert operating_flow(0.0, 0.0) == 0.0
    assert operating_flow(1.0, 1.0, 0.0) == 0.0


def test_branch_flows_follow_their_valves():
    """``q_i = phi_i (dp/K_i)^(1/1.85)`` for every opening and blockage."""
    plant = Plant(REFERENCE)
    plant.inputs.branch_valve_ratio[:] = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1, 0.0, 1.0)
    plant.inputs.branch_resistance_ratio[:] = (1, 1, 1, 1, 1, 1, 1, 3)
    plant.settle()
    pressure_pa = plant.rack_differential_pressure_pa
    for i, flow in enumerate(plant.rack_flow_m3_s):
        resistance = REFERENCE.branch_resistance_pa * plant.inputs.branch_resistance_ratio[i]
        open_flow = (pressure_pa / resistance) ** (1 / 1.85)
        assert flow == pytest.approx(plant.inputs.branch_valve_ratio[i] * open_flow, rel=1e-6, abs=1e-12)
    assert plant.rack_flow_m3_s.sum() == pytest.approx(plant.tcs_flow_m3_s, rel=1e-12)

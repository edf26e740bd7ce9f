"""The facility valve: characteristics, stiction with two parameters, and three-way layouts."""

import dataclasses

import numpy as np
import pytest

from coolantd.plant import exchanger, hydraulics, layout, valve
from coolantd.plant.loop import Plant
from coolantd.plant.reference import Characteristic, Layout, reference_plant

LINEAR = dataclasses.replace(reference_plant(), valve_characteristic=Characteristic.LINEAR)


@pytest.mark.parametrize(("position", "opening"), [(0.0, 1e-4), (0.25, 0.250075), (0.5, 0.50005), (1.0, 1.0)])
def test_a_linear_valve_opens_along_a_straight_line_from_its_leakage(position, opening):
    assert hydraulics.linear_opening_ratio(position, 1e-4) == pytest.approx(opening)
    assert exchanger.opening_ratio(LINEAR.packed(), position) == pytest.approx(opening)


@pytest.mark.parametrize("position", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_installed_flow_of_a_linear_valve_with_half_authority(position):
    """``q/q_open = phi / sqrt(N + (1 - N) phi^2)`` with the reference plant's authority N = 0.5, leakage aside."""
    opened = exchanger.valve_flow_m3_s(LINEAR.packed(), 1.0, 170e3)
    got = exchanger.valve_flow_m3_s(LINEAR.packed(), position, 170e3) / opened
    assert got == pytest.approx(position / np.sqrt(0.5 + 0.5 * position**2), rel=2e-3)


def test_the_static_inverse_holds_for_a_linear_valve(compiled_advance):
    plant = Plant(LINEAR, kernel=compiled_advance)
    plant.inputs.fws_valve_ratio = 0.4
    plant.settle()
    found = exchanger.valve_position_for(
        LINEAR.packed(), plant.tcs_supply_temp_c, plant.tcs_return_temp_c, plant.tcs_flow_m3_s, 28.0, 170e3, 0.0
    )
    assert found == pytest.approx(0.4, abs=1e-3)


def sticky(stick: float, slip: float, compiled_advance) -> Plant:
    params = dataclasses.replace(reference_plant(), valve_stick_ratio=stick, valve_slip_ratio=slip)
    plant = Plant(params, kernel=compiled_advance)
    plant.inputs.fws_valve_ratio = 0.5
    plant.settle()
    return plant


def move(plant: Plant, position: float) -> float:
    plant.inputs.fws_valve_ratio = position
    plant.advance(20.0)
    return plant.fws_valve_ratio


def test_a_stem_with_equal_parameters_rests_until_its_command_is_that_far_away_then_goes_all_the_way(compiled_advance):
    plant = sticky(0.02, 0.02, compiled_advance)
    assert move(plant, 0.519) == 0.5
    assert move(plant, 0.485) == 0.5
    assert move(plant, 0.522) == pytest.approx(0.522, abs=3e-4)
    resting = plant.fws_valve_ratio
    assert move(plant, 0.505) == resting
    assert move(plant, 0.47) == pytest.approx(0.47, abs=3e-4)


def test_without_a_jump_it_is_a_dead_band(compiled_advance):
    """Backlash of 4 %: the stem follows 2 % behind, and a turn costs the whole band."""
    plant = sticky(0.04, 0.0, compiled_advance)
    assert move(plant, 0.515) == 0.5
    assert move(plant, 0.6) == pytest.approx(0.58, abs=3e-4)
    resting = plant.fws_valve_ratio
    assert move(plant, 0.565) == pytest.approx(resting)
    assert move(plant, 0.5) == pytest.approx(0.52, abs=3e-4)


def test_a_stuck_stem_jumps_by_its_slip(compiled_advance):
    """S = 4 %, J = 1 %: it gives way 2.5 % from the actuator and lands 1.5 % behind it."""
    plant = sticky(0.04, 0.01, compiled_advance)
    seen = [plant.fws_valve_ratio]
    plant.inputs.fws_valve_ratio = 0.6
    for _ in range(200):
        plant.advance(0.1)
        seen.append(plant.fws_valve_ratio)
    jumps = np.diff(seen)
    assert jumps.max() == pytest.approx(0.01, abs=0.1 / 30.0 + 1e-6)
    assert np.flatnonzero(jumps > 0)[0] * 0.1 / 30.0 == pytest.approx(0.025, abs=0.006)
    assert seen[-1] == pytest.approx(0.585, abs=3e-4)


@pytest.mark.parametrize("dt_s", [0.02, 0.1, 0.5])
def test_where_the_stem_goes_does_not_depend_on_the_step(dt_s, compiled_advance):
    plant, reached = sticky(0.03, 0.02, compiled_advance), []
    for target in (0.56, 0.55, 0.52, 0.70, 0.40):
        plant.inputs.fws_valve_ratio = target
        plant.advance(30.0, dt_s)
        reached.append(plant.fws_valve_ratio)
    assert reached == pytest.approx([0.555, 0.555, 0.525, 0.695, 0.405], abs=4e-4)


def test_a_smooth_valve_is_its_actuator_to_the_bit(compiled_advance):
    plant = Plant(reference_plant(), kernel=compiled_advance)
    plant.inputs.fws_valve_ratio = 0.31
    for _ in range(300):
        plant.advance(0.1)
        assert plant._state[layout.S_VALVE_DRIVE_RATIO] == plant.fws_valve_ratio


@pytest.mark.parametrize(
    ("change", "name"),
    [({"valve_stick_ratio": 0.6}, "valve_stick_ratio"), ({"valve_stick_ratio": -0.1}, "valve_stick_ratio"),
     ({"valve_stick_ratio": 0.02, "valve_slip_ratio": 0.03}, "valve_slip_ratio"),
     ({"plate_flow_resistance_k_m3_j": float("nan")}, "plate_flow_resistance_k_m3_j")],
)  # fmt: skip
def test_impossible_stems_are_refused_by_name(change, name):
    with pytest.raises(ValueError, match=f"^plant: {name} is .*, allowed: "):
        dataclasses.replace(reference_plant(), **change)


@pytest.mark.parametrize("characteristic", Characteristic)
def test_a_three_way_valve_shares_out_all_of_the_flow(characteristic):
    params = dataclasses.replace(reference_plant(), valve_characteristic=characteristic).packed()
    assert valve.three_way_share(params, 0.5) == pytest.approx(0.5)
    for position in np.linspace(0.0, 1.0, 11):
        there, back = valve.three_way_share(params, position), valve.three_way_share(params, 1.0 - position)
        assert there + back == pytest.approx(1.0)
    assert valve.three_way_share(params, 1.0) == pytest.approx(1.0, abs=2e-4)


def three_way(where: Layout, compiled_advance) -> Plant:
    params = dataclasses.replace(reference_plant(), layout=where, valve_characteristic=Characteristic.LINEAR)
    plant = Plant(params, kernel=compiled_advance)
    plant.inputs.rack_heat_w[:] = 60e3
    return plant


@pytest.mark.parametrize("where", [Layout.DIVERTING, Layout.MIXING])
def test_three_way_layouts_balance_and_mix(where, compiled_advance):
    """``T_mix = (m_a T_a + m_b T_b)/(m_a + m_b)`` on the side of the valve; all heat leaves with the facility water."""
    plant = three_way(where, compiled_advance)
    plant.inputs.fws_valve_ratio = 0.45
    plant.settle()
    share = valve.three_way_share(plant._params, 0.45)
    through_tcs_c, through_fws_c = plant._state[[layout.S_TCS_OUTLET_TEMP_C, layout.S_FWS_OUTLET_TEMP_C]]
    if where is Layout.MIXING:
        mixed_c = share * through_tcs_c + (1.0 - share) * plant.tcs_return_temp_c
        assert plant.tcs_supply_temp_c == pytest.approx(mixed_c, abs=0.02)
        assert plant.fws_return_temp_c == through_fws_c
    else:
        mixed_c = share * through_fws_c + (1.0 - share) * plant.inputs.fws_supply_temp_c
        assert plant.fws_return_temp_c == pytest.approx(mixed_c, abs=1e-4)
        assert plant.tcs_supply_temp_c == through_tcs_c
    assert plant.heat_exchanged_w == pytest.approx(480e3, rel=1e-4)
    carried_w = plant.fws_flow_m3_s * 996.0 * 4180.0 * (plant.fws_return_temp_c - plant.inputs.fws_supply_temp_c)
    assert carried_w == pytest.approx(plant.heat_exchanged_w, rel=1e-4)
    assert plant.fws_flow_m3_s * 60_000 == pytest.approx(1588.9, abs=0.2)


@pytest.mark.parametrize("where", [Layout.DIVERTING, Layout.MIXING])
def test_opening_a_three_way_valve_cools_the_supply(where, compiled_advance):
    plant, supplies_c = three_way(where, compiled_advance), []
    for position in (0.2, 0.4, 0.6, 0.8, 1.0):
        plant.inputs.fws_valve_ratio = position
        plant.settle()
        supplies_c.append(plant.tcs_supply_temp_c)
    assert (np.diff(supplies_c) < 0.0).all()


def test_all_layouts_are_one_plant_with_the_valve_wide_open(compiled_advance):
    supplies_c = []
    for where in Layout:
        plant = three_way(where, compiled_advance)
        plant.inputs.fws_valve_ratio = 1.0
        plant.settle()
        supplies_c.append(plant.tcs_supply_temp_c)
    assert supplies_c == pytest.approx([supplies_c[0]] * 3, abs=0.01)

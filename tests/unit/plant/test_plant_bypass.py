"""The bypass from supply to return: what it passes, and what it does to flow, pressure and heat (FM-07, FM-08)."""

from dataclasses import replace

import numpy as np
import pytest

from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant


@pytest.fixture
def plant():
    return Plant(replace(reference_plant(rack_count=4), bypass_branch_ratio=1.0))


def test_a_plant_without_one_takes_no_notice_of_its_command():
    plain, told = Plant(reference_plant(rack_count=4)), Plant(reference_plant(rack_count=4))
    told.inputs.bypass_valve_ratio = 1.0
    for each in (plain, told):
        each.advance(60.0)
    assert told.bypass_flow_m3_s == 0.0
    assert told.tcs_flow_m3_s == plain.tcs_flow_m3_s


def test_open_it_carries_what_one_branch_carries(plant):
    plant.inputs.bypass_valve_ratio = 1.0
    plant.advance(120.0)
    assert plant.bypass_flow_m3_s == pytest.approx(plant.rack_flow_m3_s[0])
    assert plant.tcs_flow_m3_s == pytest.approx(plant.bypass_flow_m3_s + plant.rack_flow_m3_s.sum())


def test_it_moves_as_slowly_as_a_branch_valve(plant):
    plant.inputs.bypass_valve_ratio = 1.0
    plant.advance(10.0)
    assert plant.bypass_valve_ratio == pytest.approx(10.0 / plant.params.branch_travel_s)


def test_with_every_branch_shut_it_keeps_the_flow_and_the_pressure_below_dead_head(plant):
    plant.inputs.branch_valve_ratio = np.zeros(4)
    plant.advance(120.0)
    dead_head_pa = plant.rack_differential_pressure_pa
    assert plant.tcs_flow_m3_s == 0.0
    plant.inputs.bypass_valve_ratio = 1.0
    plant.advance(120.0)
    assert plant.tcs_flow_m3_s == pytest.approx(plant.bypass_flow_m3_s)
    assert plant.bypass_flow_m3_s > 0.0
    assert plant.rack_differential_pressure_pa < 0.99 * dead_head_pa


def test_what_went_past_the_racks_brings_no_heat_and_cools_the_return(plant):
    before_c = plant.tcs_return_temp_c - plant.tcs_supply_temp_c
    plant.inputs.bypass_valve_ratio = 1.0
    plant.settle()
    after_c = plant.tcs_return_temp_c - plant.tcs_supply_temp_c
    assert plant.heat_exchanged_w == pytest.approx(plant.inputs.rack_heat_w.sum(), rel=1e-3)
    assert after_c < before_c


def test_heat_in_heat_out_and_heat_held_balance_with_it_half_open(plant):
    plant.inputs.bypass_valve_ratio = 0.5
    plant.settle()
    before_j = plant.stored_energy_j()
    plant.inputs.rack_heat_w[:] *= 0.5
    plant.advance(300.0)
    left_j = plant.heat_in_j - plant.heat_out_j - (plant.stored_energy_j() - before_j)
    assert abs(left_j) < 1e-3 * plant.heat_in_j


@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_an_impossible_bypass_is_refused(value):
    with pytest.raises(ValueError, match="bypass_branch_ratio"):
        replace(reference_plant(), bypass_branch_ratio=value)

"""Racks whose makers publish what flow and pressure they need at which inlet temperature, in the plant at rest."""

import dataclasses

import pytest

from coolantd.plant.coolant import PG25, WATER
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant

GB300_NVL72 = {25: (59, 15.9), 30: (71, 22.1), 35: (89, 33.8), 40: (119, 58.6), 45: (177, 126.9)}
"""Inlet degC: L/min and kPa per rack (Lenovo LP2357, table 27)."""
RETURN_C = 54.9
HEAT_W = {"PG25": 118e3, "water": 122e3}
"""What all five rows say together: one return temperature, and the heat that then goes into either coolant."""


@pytest.mark.parametrize("fluid", [PG25, WATER], ids=lambda fluid: fluid.name)
@pytest.mark.parametrize(("inlet_c", "row"), GB300_NVL72.items())
def test_a_rack_at_its_published_flow_returns_at_one_temperature(inlet_c, row, fluid, compiled_advance):
    """Within 0.5 K whatever the inlet: the table's flows are rounded to 1 L/min."""
    plant = rack(fluid, compiled_advance)
    hold_inlet_and_flow(plant, inlet_c, row[0])
    assert plant.rack_return_temp_c[0] == pytest.approx(RETURN_C, abs=0.5)


@pytest.mark.parametrize(("inlet_c", "row"), GB300_NVL72.items())
def test_a_branch_follows_the_published_pressures(inlet_c, row, compiled_advance):
    """One K at an exponent of 1.85 over a threefold flow: within 5 % (the table's own fit has 1.90)."""
    plant = rack(PG25, compiled_advance)
    hold_inlet_and_flow(plant, inlet_c, row[0])
    assert plant.rack_differential_pressure_pa / 1e3 == pytest.approx(row[1], rel=0.05)


def rack(fluid, kernel) -> Plant:
    """One such rack on a CDU with room for it; K from the middle of the table."""
    middle_lpm, middle_kpa = GB300_NVL72[35]
    params = dataclasses.replace(
        reference_plant(rack_count=1, rack_heat_rated_w=240e3),
        coolant=fluid,
        branch_resistance_pa=middle_kpa * 1e3 / (middle_lpm / 60_000) ** 1.85,
    )
    plant = Plant(params, kernel=kernel)
    plant.inputs.rack_heat_w[:] = HEAT_W[fluid.name]
    plant.inputs.fws_supply_temp_c = 18.0
    return plant


def hold_inlet_and_flow(plant: Plant, inlet_c: float, flow_lpm: float) -> None:
    bisect(plant, "pump", lambda: plant.tcs_flow_m3_s * 60_000 > flow_lpm)
    bisect(plant, "valve", lambda: plant.tcs_supply_temp_c < inlet_c)
    assert plant.tcs_flow_m3_s * 60_000 == pytest.approx(flow_lpm, rel=1e-4)
    assert plant.tcs_supply_temp_c == pytest.approx(inlet_c, abs=0.01)


def bisect(plant: Plant, what: str, too_much) -> None:
    low, high = 0.02, 1.0
    for _ in range(24):
        middle = 0.5 * (low + high)
        if what == "pump":
            plant.inputs.pump_speed_ratio[:] = middle
        else:
            plant.inputs.fws_valve_ratio = middle
        plant.settle()
        low, high = (low, middle) if too_much() else (middle, high)

"""A coolant from a data sheet's table: it becomes what it was made from, and every mistake in it gets one sentence."""

import dataclasses

import numpy as np
import pytest

from coolantd.plant.coolant import (
    PG25,
    PG55,
    WATER,
    conductivity_w_m_k,
    density_kg_m3,
    heat_capacity_j_kg_k,
    viscosity_pa_s,
)
from coolantd.plant.coolant_table import Row, fit_coolant, rows_from_csv
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant


def table(fluid, temps_c=(10, 20, 30, 40, 50, 60, 80)):
    rows = fluid.coefficients()
    return [
        Row(
            float(t),
            density_kg_m3(rows, t),
            heat_capacity_j_kg_k(rows, t),
            conductivity_w_m_k(rows, t),
            viscosity_pa_s(rows, t),
        )
        for t in temps_c
    ]


@pytest.mark.parametrize("fluid", [PG25, PG55, WATER], ids=lambda fluid: fluid.name)
def test_a_table_of_a_known_fluid_gives_that_fluid(fluid):
    made = fit_coolant("again", table(fluid)).coefficients()
    for temp_c in np.linspace(10.0, 80.0, 29):
        for quantity in (density_kg_m3, heat_capacity_j_kg_k, conductivity_w_m_k, viscosity_pa_s):
            assert quantity(made, temp_c) == pytest.approx(quantity(fluid.coefficients(), temp_c), rel=1e-3)


def test_figures_rounded_as_in_data_sheets_are_good_enough():
    rounded = [Row(r[0], round(r[1]), round(r[2], -1), round(r[3], 2), round(r[4], 5)) for r in table(PG25)]
    assert fit_coolant("sheet", rounded).density[0] == pytest.approx(1009.9, abs=1.0)


def test_a_plant_runs_on_it_and_balances(compiled_advance):
    """Energy in, out and held agree within 0.1 % over an hour with a load step."""
    params = dataclasses.replace(reference_plant(), coolant=fit_coolant("again", table(PG55)))
    plant = Plant(params, kernel=compiled_advance)
    before_j = plant.stored_energy_j()
    plant.inputs.rack_heat_w[:] = 40e3
    plant.advance(3600.0)
    left_j = plant.heat_in_j - plant.heat_out_j - (plant.stored_energy_j() - before_j)
    assert abs(left_j) < 1e-3 * plant.heat_in_j


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows[:4], "4 rows, allowed: 5 or more"),
        (lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]], "temp_c is .*, allowed: rising"),
        (lambda rows: [r._replace(temp_c=20.0 + 0.1 * r.temp_c) for r in rows], "spans 7 K, allowed: 30 K or more"),
        (
            lambda rows: [r._replace(viscosity_pa_s=1e3 * r.viscosity_pa_s) for r in rows],
            "viscosity_pa_s at 10 degC is",
        ),
        (lambda rows: [r._replace(density_kg_m3=r.density_kg_m3 / 1e3) for r in rows], "density_kg_m3 at 10 degC is"),
        (lambda rows: [rows[0]._replace(conductivity_w_m_k=float("nan")), *rows[1:]], "no number"),
        (lambda rows: [r._replace(density_kg_m3=900.0 + r.temp_c) for r in rows], "does not fall"),
        (
            lambda rows: [*rows[:3], rows[3]._replace(heat_capacity_j_kg_k=3698.0), *rows[4:]],
            r"heat_capacity_j_kg_k at 40 degC is 3698, .* off the curve through all rows, allowed: 1%",
        ),
    ],
)
def test_every_mistake_gets_its_sentence(change, sentence):
    with pytest.raises(ValueError, match=f"^coolant: .*{sentence}"):
        fit_coolant("wrong", change(table(PG25)))


def test_a_csv_table_is_read_in_any_order_of_columns():
    lines = ["# from a data sheet", "viscosity_pa_s, temp_c,density_kg_m3,conductivity_w_m_k,heat_capacity_j_kg_k"]
    lines += [f"{r[4]},{r[0]},{r[1]},{r[3]},{r[2]}" for r in table(PG25)]
    assert rows_from_csv("\n".join(lines)) == table(PG25)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: columns are"),
        ("temp_c,rho\n1,2", "line 1: columns are .*, allowed: temp_c, density_kg_m3"),
        ("temp_c,density_kg_m3,heat_capacity_j_kg_k,conductivity_w_m_k,viscosity_pa_s\n\n20,1,x,3,4", "line 3: it is"),
        ("temp_c,density_kg_m3,heat_capacity_j_kg_k,conductivity_w_m_k,viscosity_pa_s\n20,1,3", "line 2: it is"),
    ],
)
def test_a_csv_table_that_is_none_says_where(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        rows_from_csv(text)

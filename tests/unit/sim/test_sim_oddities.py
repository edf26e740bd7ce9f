"""A virtual CDU that differs from the reference plant, and wires that were swapped."""

import pytest

from coolantd.errors import CoolantdError
from coolantd.plant.reference import reference_plant
from coolantd.sim.oddities import Miswired, Oddities, parse_oddities

TRUTH = {
    "fws_valve_position_pct": 60.0,
}


def test_ratios_change_the_plant_and_nothing_else_does():
    plant = reference_plant()
    assert Oddities().of(plant) == plant
    odd = parse_oddities("ua=0.8, kv=0.9,volume=1.5", "").of(plant)
    assert odd.film_tcs_w_k == pytest.approx(0.8 * plant.film_tcs_w_k)
    assert odd.valve_coefficient_m3_s == pytest.approx(0.9 * plant.valve_coefficient_m3_s)
    assert odd.tank_m3 == pytest.approx(1.5 * plant.tank_m3)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ("reversed-valve", {"fws_valve_position_pct": 50.0}),
        ("dead-valve", {"fws_valve_position_pct": 63.0}),
        ("swapped-pumps", {}),
    ],
)
def test_instruments_show_what_they_are_connected_to(wrong, shown):
    assert parse_oddities("", wrong).shown(TRUTH, 63.0, 55.0) == pytest.approx(TRUTH | shown)


def test_actuators_get_what_they_are_connected_to():
    assert Oddities().told(63.0, (70.0, 50.0), 60.0) == (63.0, (70.0, 50.0))
    assert Oddities(miswired=frozenset([Miswired.SWAPPED_PUMPS])).told(63.0, (70.0, 50.0), 60.0)[1] == (50.0, 70.0)
    assert Oddities(miswired=frozenset([Miswired.REVERSED_VALVE])).told(63.0, (70.0, 50.0), 60.0)[0] == 57.0
    assert Oddities(miswired=frozenset([Miswired.DEAD_VALVE])).told(63.0, (70.0, 50.0), 60.0)[0] == 60.0


@pytest.mark.parametrize(
    ("ratios", "miswired", "sentence"),
    [
        ("ua", "", "'ua', allowed"),
        ("ua=3", "", "each 0.5 to 2"),
        ("ua=nan", "", "'ua=nan'"),
        ("size=1", "", "ua, kv, volume, head, sensor"),
        ("", "upside-down", "swapped-pumps"),
    ],
)
def test_a_mistake_is_a_sentence(ratios, miswired, sentence):
    with pytest.raises(CoolantdError, match=sentence):
        parse_oddities(ratios, miswired)

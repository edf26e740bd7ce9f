"""A miswired instrument shows what it is told to, and nonsense is one sentence."""

import pytest

from coolantd.sim.miswiring import Shown, miswired, parse_miswiring

MEASURED = {"supply_c": 34.0, "return_c": 45.0, "flow_lpm": 1200.0, "valve_pct": 70.0}


def test_two_sensors_swap_and_a_scale_and_an_end_are_wrong():
    given = {
        "supply_c": {"source": "return_c"},
        "return_c": {"source": "supply_c"},
        "flow_lpm": {"factor": 0.1},
        "valve_pct": {"factor": -1, "offset": 100},
    }
    shown = miswired(MEASURED, parse_miswiring(given, MEASURED))
    assert shown == {"supply_c": 45.0, "return_c": 34.0, "flow_lpm": 120.0, "valve_pct": 30.0}


def test_nothing_miswired_shows_everything_as_it_is():
    assert miswired(MEASURED, parse_miswiring({}, MEASURED)) == MEASURED


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {"no_such_c": {}},
        {"supply_c": 3},
        {"supply_c": {"source": "no_such_c"}},
        {"supply_c": {"factor": "ten"}},
        {"supply_c": {"offset": 1e9}},
        {"supply_c": {"factor": float("nan")}},
        {f"p{k}": {} for k in range(30)},
    ],
)
def test_nonsense_is_refused(given):
    with pytest.raises(ValueError, match=r"points|measured|factor"):
        parse_miswiring(given, MEASURED)


def test_a_point_may_show_itself():
    assert parse_miswiring({"supply_c": {}}, MEASURED) == {"supply_c": Shown("supply_c")}

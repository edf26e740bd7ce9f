"""The judges of the end-to-end tests, judged: each finds what it is there to find."""

import pytest
from live_site import PUMPS, VALVE, Look, outside_limits, position_at, too_fast, total


def write(point, value, time_s=0.0):
    return {"time_s": time_s, "point": point, "value": value, "previous": 0.0}


def test_outside_limits_finds_what_the_data_sheet_forbids():
    allowed = [write(VALVE, 0.0), write(VALVE, 100.0), write(PUMPS[0], 0.0), write(PUMPS[1], 25.0)]
    forbidden = [write(VALVE, -0.1), write(VALVE, 100.1), write(PUMPS[0], 24.9), write(PUMPS[1], float("nan"))]
    assert outside_limits(allowed) == []
    assert outside_limits([*allowed, *forbidden]) == forbidden


def test_too_fast_finds_a_jump_and_lets_a_ramp_pass():
    ramp = [write(VALVE, 50.0 + 1.6 * k, 0.5 * k) for k in range(10)]
    jump = write(VALVE, 90.0, 5.0)
    assert too_fast([*ramp, write(PUMPS[0], 30.0, 4.6)]) == []
    assert too_fast([*ramp, jump]) == [(jump, ramp[-1]["value"])]


def test_position_at_is_linear_between_two_looks():
    looks = [Look(0.0, {"time_s": t, "fws_valve_position_pct": p}) for t, p in ((1.0, 10.0), (2.0, 20.0))]
    assert [position_at(looks, VALVE, t) for t in (0.0, 1.25, 3.0)] == pytest.approx([10.0, 12.5, 20.0])


def test_total_sums_the_series_with_these_labels():
    text = '# TYPE x counter\nx_total{a="1"} 2\nx_total{a="2"} 3\n'
    assert (total(text, "x_total"), total(text, "x_total", a="2"), total(text, "y")) == (5.0, 3.0, 0.0)

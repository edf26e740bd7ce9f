"""The PID law against its regression vectors and the properties a loop's owner relies on."""

import numpy as np
import pytest

from coolantd.control import layout as col
from coolantd.control.pid import at_least, clip, pid_step, track

WIDE = 1e9
PV = [34.0, 34.2, 34.5, 35.0, 36.0, 40.0, 60.0, 60.0, 34.0, 33.0]


def parameters(**changes):
    p = np.zeros(col.LOOP_PARAMETERS)
    p[col.P_GAIN] = 0.03
    p[col.P_ACTION] = -1.0
    p[col.P_INTEGRAL_TIME_S] = 20.0
    p[col.P_FILTER_RATIO] = 8.0
    p[col.P_TRACKING_TIME_S] = 20.0
    p[col.P_SETPOINT_WEIGHT] = 1.0
    p[col.P_OUTPUT_MAX] = 1.0
    p[col.P_OUTPUT_RATE] = WIDE
    for name, value in changes.items():
        p[getattr(col, name)] = value
    return p


def state(p, *, output=0.5, measured=34.0, setpoint=34.0):
    s = np.zeros(col.LOOP_STATE)
    track(p, s, setpoint, measured, 0.0, output)
    return s


def run(p, pvs, s=None):
    s = state(p) if s is None else s
    rows = [(pid_step(p, s, 34.0, pv, 0.0, -WIDE, WIDE, 1.0), s[col.S_INTEGRAL]) for pv in pvs]
    return [row[0] for row in rows], [row[1] for row in rows]


def test_pi_reproduces_the_published_vector():
    outputs, integrals = run(parameters(), PV)
    assert outputs == pytest.approx([0.5, 0.506, 0.5153, 0.53105, 0.56255, 0.68555, 1, 1, 0.561881, 0.531881], abs=1e-6)
    assert integrals == pytest.approx(
        [0.5, 0.5003, 0.50105, 0.50255, 0.50555, 0.51455, 0.538822, 0.561881, 0.561881, 0.560381], abs=1e-6
    )


def test_pid_with_a_binding_rate_limit_reproduces_the_published_vector():
    outputs, integrals = run(parameters(P_DERIVATIVE_TIME_S=2.0, P_OUTPUT_RATE=0.03), PV)
    assert outputs == pytest.approx(
        [0.5, 0.5156, 0.53162, 0.558314, 0.588314, 0.618314, 0.648314, 0.678314, 0.648314, 0.618314], abs=1e-6
    )
    assert integrals == pytest.approx(
        [0.5, 0.5003, 0.50105, 0.50255, 0.504166, 0.499738, 0.457140, 0.458194, 0.528099, 0.547089], abs=1e-6
    )


def test_fm_55_ten_minutes_of_saturation_are_forgotten_within_seconds():
    p = parameters(P_GAIN=5.0, P_OUTPUT_MAX=100.0, P_TRACKING_TIME_S=5.0, P_INTEGRAL_TIME_S=50.0)
    s = state(p, output=50.0)
    run(p, [60.0] * 600, s)
    outputs, _ = run(p, [33.0] * 30, s)
    assert next(i for i, u in enumerate(outputs) if u < 50.0) <= 15


def test_fm_55_an_actuator_that_does_not_follow_cannot_wind_the_integral_up():
    p = parameters(P_GAIN=3.0, P_OUTPUT_MAX=100.0)
    follows, stuck = state(p, output=40.0), state(p, output=40.0)
    for _ in range(300):
        pid_step(p, follows, 34.0, 35.0, 0.0, -WIDE, WIDE, 1.0)
        pid_step(p, stuck, 34.0, 35.0, 0.0, 30.0, 50.0, 1.0)
    assert follows[col.S_INTEGRAL] > 80.0
    assert stuck[col.S_INTEGRAL] < 55.0


def test_a_change_of_gain_moves_no_output():
    p = parameters(P_GAIN=3.0, P_OUTPUT_MAX=100.0)
    s = state(p, output=50.0)
    run(p, [34.4] * 20, s)
    before = s[col.S_OUTPUT]
    p[col.P_GAIN] = 9.0
    outputs, _ = run(p, [34.4], s)
    assert outputs[0] == pytest.approx(before, abs=9.0 * 0.4 / 20.0 + 1e-9)


def test_a_setpoint_step_gives_no_derivative_kick():
    p = parameters(P_GAIN=3.0, P_OUTPUT_MAX=100.0, P_DERIVATIVE_TIME_S=5.0, P_SETPOINT_WEIGHT=0.0)
    s = state(p, output=50.0)
    run(p, [34.0] * 5, s)
    after = pid_step(p, s, 30.0, 34.0, 0.0, -WIDE, WIDE, 1.0)
    assert after == pytest.approx(50.0, abs=3.0 * 4.0 / 20.0 + 1e-9)


def test_track_then_step_is_bumpless_with_every_term_in_play():
    p = parameters(P_GAIN=3.0, P_OUTPUT_MAX=100.0, P_DERIVATIVE_TIME_S=4.0, P_SETPOINT_WEIGHT=0.4)
    s = np.zeros(col.LOOP_STATE)
    track(p, s, 34.0, 37.0, 12.5, 61.0)
    assert pid_step(p, s, 34.0, 37.0, 12.5, -WIDE, WIDE, 0.5) == pytest.approx(61.0, abs=1e-9)


@pytest.mark.parametrize(("value", "expected"), [(5.0, 5.0), (-1.0, 0.0), (101.0, 100.0), (float("nan"), 0.0)])
def test_fm_16_clip_never_lets_a_nan_through(value, expected):
    assert clip(value, 0.0, 100.0) == expected


def test_fm_16_at_least_treats_nan_as_smaller_than_anything():
    nan = float("nan")
    assert at_least(nan, 75.0) == 75.0
    assert at_least(60.0, nan) == 60.0
    assert at_least(60.0, 75.0) == 75.0

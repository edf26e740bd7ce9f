"""SIMC's rules and margins against published figures, and gains for several loads."""

import numpy as np
import pytest

from coolantd.tuning.predict import predict
from coolantd.tuning.process import Process
from coolantd.tuning.simc import MS_MAX, FirstOrder, Gains, margins, safest, simc, tuned

FINE_S = 1e-3


def lag(gain=-0.4, tau_s=8.0, delay_s=2.0):
    return Process(gain=gain, fast_ratio=1.0, fast_s=tau_s, slow_s=tau_s, loop_s=0.0, common_s=0.0, delay_s=delay_s)


def test_simc_is_the_published_rule():
    gains = simc(FirstOrder(gain=0.4, tau_s=8.0, delay_s=2.0), 2.0)
    assert (gains.gain, gains.integral_time_s) == pytest.approx((8.0 / (0.4 * 4.0), 8.0))
    slow = simc(FirstOrder(gain=0.4, tau_s=200.0, delay_s=2.0), 2.0)
    assert slow.integral_time_s == pytest.approx(16.0)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_margins_of_the_tight_rule_are_the_published_ones(sign):
    """Skogestad (2003), table 1: gain margin 3.14, phase margin 61.4 degrees, sensitivity peak 1.59."""
    found = margins(lag(sign * 0.4), simc(FirstOrder(gain=0.4, tau_s=8.0, delay_s=2.0), 2.0), FINE_S)
    assert 10.0 ** (found.gain_db / 20.0) == pytest.approx(3.14, rel=0.02)
    assert found.phase_deg == pytest.approx(61.4, abs=1.0)
    assert found.ms == pytest.approx(1.59, abs=0.02)


def test_a_loop_that_is_not_stable_has_no_margins_whatever_its_response_looks_like():
    assert margins(lag(), Gains(gain=40.0, integral_time_s=8.0), 0.5).ms == np.inf


def test_a_hold_between_two_cycles_costs_margin():
    gains = tuned(lag(), FINE_S)
    assert margins(lag(), gains, 1.0).ms > margins(lag(), gains, FINE_S).ms


def test_gains_keep_the_sensitivity_and_noise_makes_them_calmer():
    for delay_s in (0.0, 0.5, 5.0):
        gains = tuned(lag(delay_s=delay_s), 0.5)
        assert margins(lag(delay_s=delay_s), gains, 0.5).ms <= MS_MAX
    assert tuned(lag(), 0.5, noise=0.2).gain * 0.2 <= 0.3


def test_one_load_has_its_own_gains_and_two_have_the_safest():
    slow, quick = lag(-0.3, 60.0, 1.5), lag(-0.4, 6.0, 2.0)
    assert safest([slow], 0.5) == tuned(slow, 0.5)
    both = safest([slow, quick], 0.5)
    assert max(margins(each, both, 0.5).ms for each in (slow, quick)) <= MS_MAX * 1.01
    assert both.gain <= min(tuned(each, 0.5).gain for each in (slow, quick))


def test_a_prediction_comes_back_to_the_setpoint():
    gains = tuned(lag(), 0.5)
    seen = predict(lag(), gains, period_s=0.5, rate_pct_per_s=3.3, disturbance_pct=-3.0, duration_s=200.0)
    assert seen.peak < 3.0 * 0.4
    assert np.abs(seen.deviation[-20:]).max() < 0.01
    assert seen.output_pct[-1] == pytest.approx(3.0, abs=0.05)
    calm = Gains(gain=0.3 * gains.gain, integral_time_s=2.0 * gains.integral_time_s)
    assert (
        predict(lag(), calm, period_s=0.5, rate_pct_per_s=3.3, disturbance_pct=-3.0, duration_s=200.0).integral
        > seen.integral
    )

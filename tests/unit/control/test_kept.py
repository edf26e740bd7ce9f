"""What control hands over to the time after a restart, and what it believes of it (FM-48)."""

from dataclasses import replace

import numpy as np
import orjson
import pytest
from control_rig import Rig, site

from coolantd.control.estimate_layout import E_COVARIANCE, E_FILM, E_OFFSET_VARIANCE, E_VARIANCE
from coolantd.control.golden import model_plan
from coolantd.control.kept_exchangers import COLUMNS, kept_exchangers, with_exchangers
from coolantd.control.kept_hours import RUN_MAX_S, kept_hours, with_hours
from coolantd.control.plan import make_plan
from coolantd.control.pump_layout import U_HOURS_H, U_RUN_S
from coolantd.control.step import initial_state
from coolantd.control.ua_filter import BASELINE_S, FILM_DEVIATION, OFFSET_DEVIATION_K

DAY_S = 86_400.0


def through_a_file(kept):
    return orjson.loads(orjson.dumps(kept))


def test_run_hours_go_on_where_they_were():
    plan = site()
    rig = Rig(plan)
    rig.step(400)
    kept = through_a_file(kept_hours(plan, rig.state))
    assert set(kept) == {"cdu0.pump1", "cdu0.pump2"}
    again = Rig(plan)
    again.state = with_hours(plan, again.state, {**kept, "gone.pump": 7.0})
    again.step(400)
    assert again.state.u[0, :2, U_RUN_S] == pytest.approx(2.0 * rig.state.u[0, :2, U_RUN_S], abs=1.0)
    assert again.state.u[0, :2, U_HOURS_H] == pytest.approx(again.state.u[0, :2, U_RUN_S] / 3600.0)


@pytest.mark.parametrize("value", [-1.0, RUN_MAX_S * 1.1, 1e300, None, "3", True, [], {}])
def test_fm_48_run_hours_that_are_none_are_refused_and_nothing_is_changed(value):
    plan = site()
    state = initial_state(plan)
    with pytest.raises(ValueError, match="allowed: seconds"):
        with_hours(plan, state, {"cdu0.pump1": 60.0, "cdu0.pump2": value})
    assert not state.u[:, :, U_RUN_S].any()


def learnt(plan, **changes):
    """Return the state of a daemon that knows its exchanger."""
    state = initial_state(plan)
    values = {
        "film": 0.2,
        "fouling": 0.05,
        "offset_k": 0.1,
        "variance": 1e-4,
        "covariance": 1e-5,
        "offset_variance": 1e-3,
        "excited_s": BASELINE_S,
    }
    for key, value in (values | changes).items():
        state.e[0, COLUMNS[key][0]] = value
    return state


def test_what_was_learnt_of_an_exchanger_survives():
    plan = model_plan()
    state = learnt(plan)
    found = with_exchangers(plan, initial_state(plan), through_a_file(kept_exchangers(plan, state)), 0.0)
    np.testing.assert_array_equal(found.e, state.e)


def test_nothing_is_kept_of_an_exchanger_that_nothing_is_known_of():
    plan = model_plan()
    assert kept_exchangers(plan, initial_state(plan)) == {}
    assert kept_exchangers(site(), initial_state(site())) == {}


def test_what_another_model_learnt_is_not_believed():
    plan = model_plan()
    kept = through_a_file(kept_exchangers(plan, learnt(plan)))
    cdu = replace(plan.cdus[0], model=replace(plan.cdus[0].model, conductance_kw_k=61.0))
    other = make_plan([cdu], plan.actuators, period_s=plan.period_s)
    assert np.isnan(with_exchangers(other, initial_state(other), kept, 0.0).e[0, E_FILM])


@pytest.mark.parametrize("age_s", [0.0, DAY_S, 30.0 * DAY_S, 1e9, float("nan")])
@pytest.mark.parametrize("excited_s", [0.5 * BASELINE_S, BASELINE_S])
def test_the_longer_ago_the_less_certain_and_never_less_than_at_the_start(age_s, excited_s):
    """FM-25: an age that no clock can tell counts as for ever."""
    plan = model_plan()
    kept = kept_exchangers(plan, learnt(plan, excited_s=excited_s))
    e = with_exchangers(plan, initial_state(plan), kept, age_s).e[0]
    assert 1e-4 <= e[E_VARIANCE] <= FILM_DEVIATION**2
    assert 1e-3 <= e[E_OFFSET_VARIANCE] <= OFFSET_DEVIATION_K**2
    assert e[E_COVARIANCE] ** 2 <= e[E_VARIANCE] * e[E_OFFSET_VARIANCE] * (1.0 + 1e-9)
    if not age_s < 1e9:
        assert e[E_OFFSET_VARIANCE] == OFFSET_DEVIATION_K**2
        assert e[E_VARIANCE] == (FILM_DEVIATION**2 if excited_s == BASELINE_S else 1e-4)


@pytest.mark.parametrize("key", COLUMNS)
@pytest.mark.parametrize("value", [None, "0", True, 1e300, -1e300, [], {}])
def test_fm_48_numbers_that_cannot_have_been_learnt_are_refused_and_nothing_is_changed(key, value):
    plan = model_plan()
    kept, state = kept_exchangers(plan, learnt(plan)), initial_state(plan)
    kept["golden"][key] = value
    with pytest.raises(ValueError, match=key):
        with_exchangers(plan, state, kept, 0.0)
    assert np.isnan(state.e[0, E_FILM])
    with pytest.raises(TypeError):
        with_exchangers(plan, state, {"golden": 3}, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_fm_48_whatever_was_believed_the_filter_goes_on_with_finite_numbers(seed):
    """Any numbers within their bounds, not only those that a filter can come to."""
    random = np.random.default_rng(seed)
    plan = model_plan()
    changes = {key: random.uniform(least, greatest) for key, (_, least, greatest) in COLUMNS.items()}
    kept = kept_exchangers(plan, learnt(plan, **changes))
    e = with_exchangers(plan, initial_state(plan), kept, random.uniform(0.0, 1e7)).e[0]
    assert all(np.isfinite(e[column]) for column, _, _ in COLUMNS.values())
    assert e[E_COVARIANCE] ** 2 <= e[E_VARIANCE] * e[E_OFFSET_VARIANCE] * (1.0 + 1e-9)

"""Whether a model is used, and why not, as everybody outside is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from coolantd.control.golden import golden_plan, model_plan
from coolantd.control.layout import (
    D_MODE,
    D_MODEL_BIAS_K,
    D_MODEL_DISTRUSTED,
    D_MODEL_READY,
    D_MODEL_TRUSTED,
)
from coolantd.control.step import initial_state
from coolantd.safety.modes import Mode
from coolantd.service.model_view import ModelUse, model_views


def seen(ready, mode=Mode.AUTOMATIC, yielded=False):
    plan = model_plan()
    state = initial_state(plan)
    state.d[0, [D_MODE, D_MODEL_READY, D_MODEL_BIAS_K]] = float(mode), ready, 0.7
    (view,) = model_views(plan, state, [yielded, False])
    return view


def test_a_cdu_without_a_model_shows_none():
    plan = golden_plan()
    assert model_views(plan, initial_state(plan), [False, False]) == ()


@pytest.mark.parametrize(
    ("case", "use"),
    [
        (SimpleNamespace(ready=D_MODEL_TRUSTED), ModelUse.IN_USE),
        (SimpleNamespace(ready=D_MODEL_TRUSTED, yielded=True), ModelUse.FOLLOWING),
        (SimpleNamespace(ready=D_MODEL_TRUSTED, mode=Mode.MANUAL), ModelUse.FOLLOWING),
        (SimpleNamespace(ready=D_MODEL_DISTRUSTED), ModelUse.BIAS_LARGE),
        (SimpleNamespace(ready=0.0), ModelUse.INPUTS_BAD),
    ],
    ids=lambda each: getattr(each, "value", ""),
)
def test_use_says_why(case, use):
    assert seen(**vars(case)).use == use


def test_what_was_learnt_is_unknown_while_inputs_are_bad():
    assert seen(D_MODEL_TRUSTED).bias_k == 0.7
    assert np.isnan(seen(0.0).bias_k)
    assert np.isnan(seen(0.0).valve_wanted_pct)

"""Estimates as everybody outside is told them: unknown is unknown, and nothing without a model."""

import asyncio
import math

import pytest
from service_view_factory import make_view

from coolantd.control.estimate_layout import E_EXCITED_S, E_FILM, E_FOULING, E_LIMIT_S, E_UA_KW_K
from coolantd.control.golden import golden_plan, model_plan
from coolantd.control.step import initial_state
from coolantd.control.ua_filter import BASELINE_S
from coolantd.service.estimate_view import estimate_views
from coolantd.service.exposition import PointExposition
from coolantd.service.metrics import Metrics
from coolantd.service.view_json import view_json


@pytest.fixture
def state():
    return initial_state(model_plan())


def test_a_cdu_without_a_model_has_no_estimates():
    plan = golden_plan()
    assert estimate_views(plan, initial_state(plan)) == ()


def test_before_the_first_reading_nothing_is_known(state):
    (view,) = estimate_views(model_plan(), state)
    figures = (view.conductance_kw_k, view.data_sheet_ratio, view.baseline_ratio, view.heat_tcs_kw, view.limit_s)
    assert all(map(math.isnan, figures))
    assert not view.judged


def test_fouling_is_told_against_the_data_sheet_and_against_the_baseline(state):
    state.e[0, [E_FILM, E_FOULING, E_UA_KW_K, E_EXCITED_S]] = 0.25, 0.25, 200.0, BASELINE_S
    (view,) = estimate_views(model_plan(), state)
    assert view.data_sheet_ratio == pytest.approx(1.0 / 1.5)
    assert view.baseline_ratio == pytest.approx(1.25 / 1.5)


def test_there_is_no_change_before_there_is_a_baseline(state):
    state.e[0, [E_FILM, E_FOULING, E_UA_KW_K, E_EXCITED_S]] = 0.25, 0.0, 200.0, BASELINE_S - 1.0
    (view,) = estimate_views(model_plan(), state)
    assert math.isnan(view.baseline_ratio)


def test_metrics_are_in_base_units_and_leave_out_what_is_unknown(state):
    state.e[0, [E_FILM, E_FOULING, E_UA_KW_K, E_LIMIT_S]] = 0.0, 0.0, 200.0, 12.0
    view = make_view(estimates=estimate_views(model_plan(), state))
    body = asyncio.run(PointExposition().render(view, Metrics())).decode()
    assert 'coolantd_estimate_conductance_watts_per_kelvin{cdu="golden"} 200000.0\n' in body
    assert 'coolantd_estimate_time_to_limit_seconds{cdu="golden"} 12.0\n' in body
    assert 'coolantd_estimate_conductance_ratio{cdu="golden",reference="data_sheet"} 1.0\n' in body
    assert 'reference="baseline"' not in body
    assert "coolantd_estimate_leak" not in body


def test_json_has_null_for_what_is_unknown(state):
    body = view_json(make_view(estimates=estimate_views(model_plan(), state)))["estimates"][0]
    assert body["leak_lpm"] is None
    assert body["branch_ratios"] == [None]

"""The controller's static model against the published vectors, and against itself."""

from dataclasses import replace

import numpy as np
import pytest

from coolantd.control import layout as col
from coolantd.control.exchanger_model import supply_model_c, valve_gain_k_per_pct, valve_model_pct
from coolantd.control.golden import model_plan
from coolantd.control.plan import make_plan

RATED_LPM = 1215.0
OPEN_LPM = 1588.9


def row(**changes):
    """Return the CDU row of the reference plant's own figures, 84 + 84 kPa at 1.3 times the rated flow."""
    plan = model_plan()
    model = replace(
        plan.cdus[0].model,
        conductance_kw_k=313.525,
        tcs_flow_rated_lpm=RATED_LPM,
        fws_flow_rated_lpm=RATED_LPM,
        fws_flow_open_lpm=1.3 * RATED_LPM,
        fws_pressure_rated_kpa=168.0,
        valve_authority_ratio=0.5,
        tcs_capacity_kj_l_k=4.0099,
        fws_capacity_kj_l_k=0.996 * 4.18,
        **changes,
    )
    return make_plan([replace(plan.cdus[0], model=model)], plan.actuators, period_s=0.5).c[0]


@pytest.mark.parametrize(
    ("hot_c", "flow_m3_s", "cold_c", "dp_kpa", "position"),
    [
        (45.0, 0.02025, 28.0, 170.0, 0.76656),
        (40.0, 0.02025, 28.0, 170.0, 0.67518),
        (36.0, 0.01500, 28.0, 170.0, 0.40361),
        (45.0, 0.02025, 28.0, 85.0, 0.87759),
        (45.0, 0.02025, 33.0, 170.0, 1.0),
    ],
)
def test_the_inverse_gives_the_published_positions(hot_c, flow_m3_s, cold_c, dp_kpa, position):
    found = valve_model_pct(row(), 34.0, hot_c, cold_c, flow_m3_s * 60_000.0, dp_kpa)
    assert found == pytest.approx(100.0 * position, abs=0.05)


@pytest.mark.parametrize(
    ("load", "position", "hot_c", "static_gain"),
    [
        (0.10, 37.3, 35.18, 26.7),
        (0.25, 55.6, 36.96, 31.6),
        (0.50, 67.3, 39.91, 36.1),
        (0.75, 73.5, 42.87, 38.0),
        (1.00, 77.7, 45.82, 38.6),
    ],
)
def test_the_slope_is_the_identified_gain_at_every_load(load, position, hot_c, static_gain):
    """With the return following the supply round the loop, dT/dx = slope over effectiveness on the coolant's side."""
    share = (hot_c - 34.0) / (hot_c - 28.0)
    found = 100.0 * valve_gain_k_per_pct(row(), position, hot_c, 28.0, RATED_LPM, 170.0) / share
    assert found == pytest.approx(static_gain, rel=0.1)


def test_the_inverse_undoes_the_model_wherever_the_valve_can():
    c = row()
    for position in np.linspace(2.0, 98.0, 25):
        for hot_c, flow_lpm in ((36.0, 400.0), (45.0, 1215.0), (55.0, 1500.0)):
            supply_c = supply_model_c(c, position, hot_c, 28.0, flow_lpm, 150.0)
            assert 28.0 < supply_c < hot_c
            assert valve_model_pct(c, supply_c, hot_c, 28.0, flow_lpm, 150.0) == pytest.approx(position, abs=1e-3)


def test_more_valve_never_warms():
    c = row()
    supply_c = [supply_model_c(c, x, 45.0, 28.0, 1215.0, 170.0) for x in np.linspace(0.0, 100.0, 201)]
    assert (np.diff(supply_c) <= 0.0).all()


def test_nothing_to_cool_shuts_and_too_much_opens():
    c = row()
    assert valve_model_pct(c, 34.0, 33.0, 28.0, 1215.0, 170.0) == 0.0
    assert valve_model_pct(c, 27.0, 45.0, 28.0, 1215.0, 170.0) == 100.0


def test_without_flow_the_supply_is_the_return():
    assert supply_model_c(row(), 50.0, 45.0, 28.0, 0.0, 170.0) == 45.0


def test_a_cdu_without_a_model_packs_none():
    plan = model_plan()
    bare = make_plan([replace(plan.cdus[0], model=None)], plan.actuators, period_s=0.5)
    assert np.isnan(bare.c[0, col.C_MODEL_UA_KW_K :]).all()
    assert (bare.x[0, col.X_MODEL :] == -1).all()

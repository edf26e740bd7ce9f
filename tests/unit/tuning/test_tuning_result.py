"""Results of several tests: what counts, what is in doubt, and the model's parameters from their readings."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from test_tuning_identify import PERIOD_S, SUPPLY, doublet, found

from coolantd.control.exchanger_model import supply_model_c
from coolantd.tuning.exchanger_fit import ExchangerPoint, Sheet, fit_exchanger
from coolantd.tuning.result import loads_of, loop_from_json, loop_result, recommend
from coolantd.tuning.simc import MS_MAX, Gains

PRESENT = Gains(gain=4.0, integral_time_s=20.0)
SHEET = Sheet(
    conductance_kw_k=325.0,
    tcs_flow_rated_lpm=1300.0,
    fws_flow_rated_lpm=1300.0,
    fws_flow_open_lpm=1650.0,
    fws_pressure_rated_kpa=170.0,
    valve_authority_ratio=0.45,
    valve_rangeability_ratio=50.0,
    tcs_capacity_kj_l_k=4.01,
    fws_capacity_kj_l_k=4.16,
)


def result(heat_kw, process=SUPPLY, **changes):
    one = loop_result(
        "supply_temp", "degC", (PERIOD_S, 0.5), heat_kw, found(process, doublet(), noise=0.02), PRESENT, None
    )
    return replace(one, **changes)


def test_a_result_survives_being_written_and_read():
    one = result(math.nan)
    data = json.loads(json.dumps(one.json()).replace("NaN", "null"))
    again = loop_from_json(data)
    assert again.process == one.process
    assert again.gains == one.gains
    assert math.isnan(again.heat_kw)


def test_a_recommendation_keeps_its_margins_at_every_load_and_leaves_doubtful_tests_out():
    quick = replace(SUPPLY, slow_s=10.0, fast_ratio=0.5)
    both = recommend("supply_temp", [result(300.0), result(900.0, quick)])
    assert both.loads == 2
    assert max(each.ms for each in both.margins) <= MS_MAX * 1.01
    alone = recommend("supply_temp", [result(300.0), result(900.0, quick, doubts=("no",))])
    assert (len(alone.results), alone.loads) == (1, 1)
    assert recommend("pressure", [result(300.0)]) is None


def test_a_plant_that_answers_the_wrong_way_is_in_doubt():
    wrong = loop_result(
        "supply_temp", "degC", (PERIOD_S, 0.5), 300.0, found(replace(SUPPLY, gain=0.36), doublet()), PRESENT, None
    )
    assert "wrong way" in wrong.doubts[0]


@pytest.mark.parametrize(("heats_kw", "count"), [([], 1), ([300.0, 310.0], 1), ([300.0, 900.0], 2), ([math.nan], 1)])
def test_loads_count_when_they_are_clearly_apart(heats_kw, count):
    assert loads_of(heats_kw) == count


def test_the_exchanger_is_fitted_at_two_loads_and_held_to_its_sheet():
    truth = SHEET.packed(0.85 * 325.0, 0.9 * 1650.0)
    random = np.random.default_rng(4)
    points = []
    for heat, base_pct in ((3.5, 55.0), (11.5, 78.0)):
        for move_pct in (0.0, 3.0, -3.0):
            at = (base_pct + move_pct, 34.0 + heat, 28.0, 1215.0, 170.0)
            supply_c = supply_model_c(truth, *at) + 0.02 * random.standard_normal()
            points.append(ExchangerPoint(**dict(zip(NAMES, (*at, supply_c), strict=True))))
    fit = fit_exchanger(points, SHEET)
    assert fit.bias_before_k > 0.4
    assert fit.bias_after_k < 0.1
    assert 0.8 * 325.0 < fit.conductance_kw_k < 325.0
    assert fit_exchanger(points[:2], SHEET) is None


NAMES = ("valve_pct", "return_c", "fws_c", "flow_lpm", "fws_kpa", "supply_c")

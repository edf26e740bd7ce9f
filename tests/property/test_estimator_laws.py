"""The estimator survives whatever instruments show: no error, no infinity, and nothing wild stays in it."""

import math
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.control.conditions import CONDITIONS
from coolantd.control.step import initial_state, step
from coolantd.point import Quality, Snapshot
from coolantd.service.estimate_view import estimate_views

sys.path.insert(0, str(Path(__file__).parents[1] / "sim"))

from estimator_rig import ALL, instrumented_plan

PLAN = instrumented_plan(power=True)
ORDINARY = {
    "supply": 34.0, "return": 45.0, "fws": 28.0, "fws_return": 44.0, "flow": 1215.0, "fws_flow": 860.0,
    "pressure": 90.0, "fws_pressure": 170.0, "valve": 77.0, "pump1": 72.0, "pump2": 72.0, "static": 60.0,
    "dew": 13.0, "heat": 960.0, "power": 1000.0,
}  # fmt: skip
WILD = st.sampled_from(
    [0.0, -0.0, 1e-300, 5e-324, -1.0, 0.01, 20.0, 45.0, 50.0, 100.0, 100.5, 102.0, -2.0, -101.325, 1e6, 9e8, math.nan]
)


def ordinary(name):
    if name.startswith("branch"):
        return {"flow": 150.0, "return": 45.0, "valve": 100.0}[name.partition("_")[2]]
    return 120.0 if name.startswith("rack") and name != "rack_return" else ORDINARY.get(name.removesuffix("_rb"), 45.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(ALL), WILD, max_size=6).map(lambda odd: tuple(odd.items())),
        min_size=1,
        max_size=12,
    )
)
def test_fm_16_no_reading_breaks_it_or_stays_in_it(stories):
    state, now_s = initial_state(PLAN), 0.0
    told = np.zeros((1, CONDITIONS))
    for odd in [*stories, *[()] * 15]:
        value = np.array([ordinary(name) for name in ALL])
        for name, number in odd:
            value[ALL.index(name)] = number
        quality = np.where(np.isfinite(value), int(Quality.GOOD), int(Quality.BAD)).astype(np.int64)
        for _ in range(3):
            zeros = np.zeros(value.size, dtype=np.int64)
            state, decision = step(PLAN, state, Snapshot(value, quality, zeros, np.zeros(value.size)), now_s)
            told = decision.conditions
            now_s += 30.0
    assert set(np.unique(told)) <= {0, 1}
    assert not np.isinf(state.e).any()
    assert not np.isinf(state.eb).any()
    (view,) = estimate_views(PLAN, state)
    assert math.isfinite(view.heat_tcs_kw)
    assert math.isfinite(view.conductance_kw_k)

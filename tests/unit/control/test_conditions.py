"""Every condition tells a person what is so, what comes of it and what to do."""

import numpy as np
import pytest

from coolantd.control.conditions import CONDITIONS, MEANINGS, Condition
from coolantd.control.golden import golden_plan
from coolantd.control.step import initial_state, step
from coolantd.point import Quality, Snapshot
from coolantd.safety.meaning import NOTHING


def test_numbers_are_columns_without_gaps():
    assert [int(condition) for condition in Condition] == list(range(CONDITIONS))


@pytest.mark.parametrize("condition", Condition, ids=lambda each: each.label)
def test_a_condition_says_cause_consequence_and_action(condition):
    meaning = MEANINGS[condition]
    for text in (meaning.cause, meaning.consequence, meaning.action):
        assert len(text) >= 20
        assert text[0].islower()
        assert not text.endswith(".")


def test_a_step_that_notices_nothing_says_so():
    plan = golden_plan()
    nothing = np.full(9, np.nan)
    bad = np.full(9, int(Quality.BAD), dtype=np.int64)
    _, decision = step(plan, initial_state(plan), Snapshot(nothing, bad, np.zeros(9, dtype=np.int64), nothing), 0.0)
    assert decision.conditions.shape == decision.details.shape == (1, CONDITIONS)
    assert not decision.conditions.any()
    assert (decision.details == NOTHING).all()

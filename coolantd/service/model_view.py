"""What the daemon shows of a CDU's model: whether it moves the valve, why not, and what it has learnt. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coolantd.control.layout import (
    D_MODE,
    D_MODEL_BIAS_K,
    D_MODEL_DISTRUSTED,
    D_MODEL_READY,
    D_MODEL_SUPPLY_C,
    D_MODEL_TRIM_K,
    D_MODEL_WANTED_PCT,
)
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState
from coolantd.point import FloatArray
from coolantd.safety.modes import ACTS_AS, Mode


class ModelUse(StrEnum):
    """Whether a model moves its valve, or why it does not."""

    IN_USE = "in_use"
    FOLLOWING = "following"
    """Ready: the CDU is not in automatic, or another writer has the valve."""
    INPUTS_BAD = "inputs_bad"
    """An input or the supply temperature is bad: fixed gains."""
    BIAS_LARGE = "bias_large"
    """What it has to learn is no error of a data sheet any more: fixed gains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """The model of one CDU; figures are NaN while its inputs are bad.

    Attributes:
        use: a ``ModelUse``.
        bias_k: supply temperature measured less expected, low-passed.
        trim_k: what was added to it slowly.
        supply_temp_c: supply temperature that the model expects the sensor to show, bias left out.
        valve_wanted_pct: where the model would have the valve now, before limits and rate.
    """

    cdu: str
    use: str
    bias_k: float
    trim_k: float
    supply_temp_c: float
    valve_wanted_pct: float


def model_views(plan: Plan, state: ControlState, yielded: Sequence[bool]) -> tuple[ModelView, ...]:
    """Return the model of every CDU that has one, as the last cycle left it.

    Args:
        plan: in force.
        state: after the last cycle.
        yielded: whether each actuator of the plan is left to another writer.
    """
    return tuple(
        _model(cdu.name, state.d[n], yielded=yielded[cdu.valve])
        for n, cdu in enumerate(plan.cdus)
        if cdu.model is not None
    )


def _model(name: str, d: FloatArray, *, yielded: bool) -> ModelView:
    use = _use(d, yielded=yielded)

    def known(column: int) -> float:
        return math.nan if use == ModelUse.INPUTS_BAD else float(d[column])

    return ModelView(
        cdu=name,
        use=use.value,
        bias_k=known(D_MODEL_BIAS_K),
        trim_k=known(D_MODEL_TRIM_K),
        supply_temp_c=known(D_MODEL_SUPPLY_C),
        valve_wanted_pct=known(D_MODEL_WANTED_PCT),
    )


def _use(d: FloatArray, *, yielded: bool) -> ModelUse:
    if d[D_MODEL_READY] == 0.0:
        return ModelUse.INPUTS_BAD
    if d[D_MODEL_READY] == D_MODEL_DISTRUSTED:
        return ModelUse.BIAS_LARGE
    return ModelUse.IN_USE if ACTS_AS[int(d[D_MODE])] == Mode.AUTOMATIC and not yielded else ModelUse.FOLLOWING

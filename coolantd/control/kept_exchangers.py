"""What was learnt of each heat exchanger, as it is written down for the time after a restart, and as it is taken back.

The baseline takes four hours of varied load to learn, and without it nobody can say what has fouled since: a restart
must not turn a fouled exchanger into a clean one. Everything else that the estimator follows is found again in minutes.

Knows the filter's columns; must never know a reading.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from coolantd.control.estimate_layout import (
    E_COVARIANCE,
    E_EXCITED_S,
    E_FILM,
    E_FOULING,
    E_OFFSET_K,
    E_OFFSET_VARIANCE,
    E_VARIANCE,
    EP_COMMISSIONED_RATIO,
    EP_WATCHED,
)
from coolantd.control.layout import C_MODEL_UA_KW_K
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState
from coolantd.control.ua_filter import (
    BASELINE_S,
    DAY_S,
    FILM_DEVIATION,
    FOULING_WALK,
    OFFSET_DEVIATION_K,
    OFFSET_WALK_K,
)
from coolantd.point import FloatArray

COLUMNS: Final = {
    "film": (E_FILM, -0.9, 10.0),
    "fouling": (E_FOULING, -1.0, 10.0),
    "offset_k": (E_OFFSET_K, -5.0, 5.0),
    "variance": (E_VARIANCE, 0.0, 1.0),
    "covariance": (E_COVARIANCE, -1.0, 1.0),
    "offset_variance": (E_OFFSET_VARIANCE, 0.0, 1.0),
    "excited_s": (E_EXCITED_S, 0.0, 2.0 * BASELINE_S),
}
"""Column, least and greatest believable value of each number kept: a tenth of the data sheet's conductance to ten times
it, an offset of three broken sensors, the deviations at the start several times over."""
DIGITS: Final = 6


def kept_exchangers(plan: Plan, state: ControlState) -> dict[str, Any]:
    """Return what was learnt, by CDU, with the model that learnt it; nothing of one that has not begun to."""
    return {
        cdu.name: {
            "model": _model(plan, n),
            **{key: round(float(state.e[n, column]), DIGITS) for key, (column, _, _) in COLUMNS.items()},
        }
        for n, cdu in enumerate(plan.cdus)
        if plan.ep[n, EP_WATCHED] == 1.0 and math.isfinite(state.e[n, E_FILM])
    }


def with_exchangers(plan: Plan, state: ControlState, kept: Mapping[str, object], age_s: float) -> ControlState:
    """Return a state that knows what was learnt by the very same model, less certain the longer ago it was.

    Args:
        plan: what is in force.
        state: of a daemon that has just started.
        kept: what ``kept_exchangers`` returned before.
        age_s: how long ago; NaN: unknown, which counts as for ever.

    Raises:
        TypeError, ValueError: it is nothing that could have been learnt.
    """
    e = state.e.copy()
    for n, cdu in enumerate(plan.cdus):
        found = kept.get(cdu.name)
        if found is None or plan.ep[n, EP_WATCHED] != 1.0:
            continue
        if not isinstance(found, dict):
            raise TypeError(f"{cdu.name}: {found!r:.40}, allowed: a table")
        values = {key: _number(found, key, *bounds) for key, bounds in COLUMNS.items()}
        if found.get("model") == _model(plan, n):  # what was learnt belongs to the model that learnt it
            _take_back(e[n], values, age_s)
    return replace(state, e=e)


def _take_back(e: FloatArray, values: Mapping[str, float], age_s: float) -> None:
    for key, (column, _, _) in COLUMNS.items():
        e[column] = values[key]
    days = age_s / DAY_S if math.isfinite(age_s) else math.inf
    learning = e[E_EXCITED_S] < BASELINE_S  # a clean exchanger does not change
    fouled = 0.0 if learning else FOULING_WALK * FOULING_WALK * days
    e[E_VARIANCE] = max(e[E_VARIANCE], min(e[E_VARIANCE] + fouled, FILM_DEVIATION * FILM_DEVIATION))
    moved = e[E_OFFSET_VARIANCE] + OFFSET_WALK_K * OFFSET_WALK_K * days
    e[E_OFFSET_VARIANCE] = max(e[E_OFFSET_VARIANCE], min(moved, OFFSET_DEVIATION_K * OFFSET_DEVIATION_K))
    bound = math.sqrt(e[E_VARIANCE] * e[E_OFFSET_VARIANCE])
    e[E_COVARIANCE] = max(-bound, min(e[E_COVARIANCE], bound))


def _model(plan: Plan, n: int) -> list[float | None]:
    """Return the numbers that make what was learnt what it is."""
    numbers = [*plan.c[n, C_MODEL_UA_KW_K:].tolist(), float(plan.ep[n, EP_COMMISSIONED_RATIO])]
    return [number if math.isfinite(number) else None for number in numbers]


def _number(found: Mapping[str, object], key: str, _: int, minimum: float, maximum: float) -> float:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise ValueError(f"{key} = {value!r:.40}, allowed: {minimum:g} to {maximum:g}")
    return float(value)

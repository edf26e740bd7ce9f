"""Overrides as plain values that survive a restart, and back. Knows their shape; the file is somebody else's.

An override never lives longer than its lease, whatever a clock does: what comes back has at most what was left of it
less the time that has gone by, and nothing comes back when nobody can say how much that is.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from coolantd.control.override_limits import value_refusal, wording_refusal
from coolantd.control.override_order import Override
from coolantd.control.override_targets import all_targets
from coolantd.control.plan import Plan

STEP_S: Final = 30.0
"""A rest is kept in steps of this, so that a disk is not written every second for its sake."""
SHORT_S: Final = 120.0
"""Below this in steps of ``SHORT_STEP_S``."""
SHORT_STEP_S: Final = 5.0
WRITTEN_LATE_S: Final = 1.0
"""So much later than it was asked what is kept may be written down."""

_NUMBERS: Final = ("value", "left_s", "lease_s")
_TEXTS: Final = ("target", "unit", "owner", "reason")


def keep_overrides(overrides: Sequence[Override], now_s: float) -> list[dict[str, Any]]:
    """Return what stands as JSON values."""
    return [
        {
            "target": each.target.key,
            "unit": each.target.unit,
            "value": each.value,
            "uid": each.uid,
            "owner": each.owner,
            "reason": each.reason,
            "left_s": kept_left_s(each.left_s(now_s)),
            "lease_s": each.lease_s,
        }
        for each in overrides
        if not each.over
    ]


def kept_left_s(left_s: float) -> float:
    """Return what is kept of the rest of a lease: never more than is left when it is written down."""
    sure_s = max(left_s - WRITTEN_LATE_S, 0.0)
    step_s = STEP_S if sure_s >= SHORT_S else SHORT_STEP_S
    return math.floor(sure_s / step_s) * step_s


def restore_overrides(
    kept: object, age_s: float, plan: Plan, now_s: float
) -> tuple[tuple[Override, ...], tuple[tuple[str, str], ...]]:
    """Return the overrides that still stand, and the others as (target, why).

    Args:
        kept: what ``keep_overrides`` gave, or whatever a file holds instead.
        age_s: how long ago that was; negative, NaN or infinite where nobody can say: then nothing stands.
        plan: in force.
        now_s: monotonic.
    """
    standing: dict[str, Override] = {}
    dropped = []
    for each in kept if isinstance(kept, list) else []:
        key = str(each.get("target"))[:160] if isinstance(each, Mapping) else "?"
        found = _restored(each, age_s, plan, now_s)
        if isinstance(found, Override):
            standing[found.target.key] = found
        else:
            dropped.append((key, found))
    return tuple(standing.values()), tuple(dropped)


def _restored(each: object, age_s: float, plan: Plan, now_s: float) -> Override | str:
    if not isinstance(each, Mapping) or not _well_formed(each):
        return "not an override"
    target = all_targets(plan).get(each["target"])
    if target is None or target.unit != each["unit"]:
        return "the configuration has it no longer"
    why = value_refusal(target, each["value"], plan) or wording_refusal(each["owner"], each["reason"], each["lease_s"])
    if why:
        return why
    if not (math.isfinite(age_s) and age_s >= 0.0):
        return "nobody can say how long ago it was kept"
    left_s = min(each["left_s"], each["lease_s"]) - age_s
    if not left_s > 0.0:
        return "its lease has run out"
    return Override(
        target=target,
        value=float(each["value"]),
        uid=each["uid"],
        owner=each["owner"],
        reason=each["reason"],
        begun_s=now_s + left_s - each["lease_s"],
        until_s=now_s + left_s,
        lease_s=float(each["lease_s"]),
    )


def _well_formed(each: Mapping[str, Any]) -> bool:
    numbers = all(isinstance(each.get(k), int | float) and not isinstance(each.get(k), bool) for k in _NUMBERS)
    texts = all(isinstance(each.get(k), str) for k in _TEXTS)
    return numbers and texts and isinstance(each.get("uid"), int) and not isinstance(each.get("uid"), bool)

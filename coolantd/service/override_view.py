"""What the daemon shows of overrides, and who has each actuator. Plain data; whoever reads it can change nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coolantd.control.override_order import Override
from coolantd.control.overrides import in_force

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideView:
    """One override: ``standing`` says who has its target meanwhile, empty while it is in force itself."""

    target: str
    value: float
    unit: str
    owner: str
    uid: int
    reason: str
    age_s: float
    left_s: float
    in_force: bool
    standing: str


def override_views(overrides: Sequence[Override], now_s: float) -> tuple[OverrideView, ...]:
    """Return every override that has not ended, in the order in which they were given."""
    return tuple(
        OverrideView(
            target=each.target.key,
            value=each.value,
            unit=each.target.unit,
            owner=each.owner,
            uid=each.uid,
            reason=each.reason,
            age_s=max(now_s - each.begun_s, 0.0),
            left_s=each.left_s(now_s),
            in_force=in_force(each),
            standing=each.standing.sentence,
        )
        for each in overrides
        if not each.over
    )


def override_families(
    overrides: Sequence[OverrideView],
) -> Iterator[tuple[str, str, list[tuple[Labels, float]]]]:
    """Yield the gauges of overrides: name, what it is, rows."""
    labels = [(("target", each.target),) for each in overrides]
    yield (
        "coolantd_override_remaining_seconds",
        "How long an operator's override still holds; absent where nobody holds anything",
        [(label, each.left_s) for label, each in zip(labels, overrides, strict=True)],
    )
    yield (
        "coolantd_override_age_seconds",
        "For how long an operator has held something",
        [
            (label, each.age_s if math.isfinite(each.age_s) else 0.0)
            for label, each in zip(labels, overrides, strict=True)
        ],
    )
    yield (
        "coolantd_override_in_force",
        "1 while an override is in force, 0 while something ranks above it",
        [(label, float(each.in_force)) for label, each in zip(labels, overrides, strict=True)],
    )

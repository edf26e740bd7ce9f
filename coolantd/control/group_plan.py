"""Which CDUs feed one header together: frozen parameters, and the arrays the kernel reads. Knows no files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coolantd.control.group_layout import G_CALM_PCT, G_STATE, GROUP_MAX, GROUP_STATE, GroupState
from coolantd.point import FloatArray, IntArray

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupParameters:
    """One group: ``cdus`` are indices of the plan's CDUs, 2 to GROUP_MAX of them."""

    name: str
    cdus: tuple[int, ...]


def pack_groups(groups: Sequence[GroupParameters]) -> IntArray:
    """Return (groups, GROUP_MAX) indices.

    Raises:
        ValueError: a group has more CDUs than the array holds (configuration refuses it first).
    """
    x = np.full((len(groups), GROUP_MAX), -1, dtype=np.int64)
    for n, group in enumerate(groups):
        if len(group.cdus) > GROUP_MAX:
            raise ValueError(f"{group.name}: {len(group.cdus)} CDUs are too many")
        x[n, : len(group.cdus)] = group.cdus
    return x


def blank_group_state(cdus: int) -> FloatArray:
    """Return the state of groups that nobody has joined yet."""
    d = np.zeros((cdus, GROUP_STATE))
    d[:, G_STATE] = float(GroupState.OUT)
    d[:, G_CALM_PCT] = NAN
    return d

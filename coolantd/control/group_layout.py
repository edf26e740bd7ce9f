"""Columns of the arrays that a group of CDUs on one header works on. Names only.

``group_x`` (groups, GROUP_MAX) int64 holds each group's CDUs, -1 after the last; ``G_…`` is the state of each CDU in
its group, (cdus, GROUP_STATE).
"""

from enum import IntEnum
from typing import Final

GROUP_MAX: Final = 16
"""CDUs on one header; published groups have up to 16."""

G_STATE: Final = 0
"""``GroupState``."""
G_CALM_PCT: Final = 1
"""Its output, low-passed, as long as nobody was lost; NaN while it is no member."""
G_PENDING_PCT: Final = 2
"""What its output has still to rise by for members that were lost."""
GROUP_STATE: Final = 3


class GroupState(IntEnum):
    """What a CDU is to its group."""

    OUT = 0
    """Not in automatic, without running pumps, or left to another writer: it carries nothing for the group."""
    JOINING = 1
    """Its output is being brought to that of the members, who do not heed it yet."""
    MEMBER = 2

    @property
    def label(self) -> str:
        """Return the state as it appears in metrics and JSON."""
        return self.name.lower()

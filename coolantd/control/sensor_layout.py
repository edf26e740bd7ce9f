"""Columns of the packed arrays of sensors and votes. Names only, as in ``layout``.

``VX_…`` indices, ``VP_…`` parameters and ``VS_…`` state of a vote, all (votes, …); ``VM_…`` what a vote remembers of
each of its members; ``SX_…``, ``SP_…`` and ``SS_…`` the same of a sensor that is watched for standing still.
"""

from typing import Final

MEMBERS_MAX: Final = 6
"""Sensors of one quantity; published CDUs have two or three."""

VX_POINT: Final = 0
"""Row of the snapshot that the vote fills."""
VX_CDU: Final = 1
VX_RULE: Final = 2
"""``MIDDLE`` or ``HIGHEST``."""
VX_SAFE: Final = 3
"""Which of two that contradict each other is the safe one to believe: 1 the higher, -1 the lower."""
VX_MEMBER: Final = 4
"""MEMBERS_MAX columns: rows of the snapshot; -1 behind the last."""
VOTE_INDICES: Final = VX_MEMBER + MEMBERS_MAX

MIDDLE: Final = 0
"""The one, the mean of two, the median of more."""
HIGHEST: Final = 1
"""The highest of all, whatever the others say: for what must never be exceeded."""

VP_APART: Final = 0
"""Further than this from the others is a contradiction, in the unit of the quantity."""
VP_APART_S: Final = 1
"""How long a contradiction, or the end of one, must last before it counts."""
VP_RATE: Final = 2
"""How fast a change of members comes into the voted value, unit per second."""
VP_DRIFT: Final = 3
"""A difference that has moved by this from what it used to be is a drift."""
VOTE_PARAMETERS: Final = 4

VS_VALUE: Final = 0
"""Last voted value; NaN while there is none."""
VS_OFFSET: Final = 1
"""What the voted value still owes to the members it had before."""
VS_VOTERS: Final = 2
"""Which members made the value last, bit by bit; their number as a float is exact."""
VS_PARTED_S: Final = 3
"""For how long nobody could say who is right; while ``VS_DISAGREE`` is set, for how long that has been over."""
VS_DISAGREE: Final = 4
"""1 while nobody can say who is right."""
VS_MEMBER: Final = 5
"""MEMBERS_MAX times MEMBER_STATE columns."""

VM_APART_S: Final = 0
"""For how long a member has contradicted the others; once it is excluded, for how long it has agreed again."""
VM_EXCLUDED: Final = 1
VM_USUAL: Final = 2
"""Its usual difference from the others; NaN before the first."""
VM_SEEN_S: Final = 3
"""For how long that has been watched."""
VM_DRIFT_S: Final = 4
"""For how long the difference has been unusual."""
VM_DRIFTS: Final = 5
"""1 while it counts as drifting."""
VM_OUT_S: Final = 6
"""For how long it has not been fit to vote: bad, or uncertain beside a good one."""
MEMBER_STATE: Final = 7
VOTE_STATE: Final = VS_MEMBER + MEMBERS_MAX * MEMBER_STATE

SX_POINT: Final = 0
SX_CDU: Final = 1
SX_KIND: Final = 2
"""What has to move it: one of the ``MOVED_BY_…``."""
SX_BESIDE: Final = 3
"""For a return temperature: a supply sensor of the same loop; else -1."""
SENSOR_INDICES: Final = 4

MOVED_BY_VALVE: Final = 0
MOVED_BY_SUPPLY: Final = 1
MOVED_BY_PUMPS: Final = 2
MOVED_BY_HEAT: Final = 3

SP_STILL_S: Final = 0
"""How long it may take to answer to what moves it."""
SP_DOUBT: Final = 1
"""What must have moved to doubt it, in the unit of that."""
SP_REFUSE: Final = 2
"""And to refuse it."""
SP_HEAT_KW: Final = 3
"""Greatest heat load of the CDU."""
SENSOR_PARAMETERS: Final = 4

SS_VALUE: Final = 0
"""Last value; NaN before the first."""
SS_EXPECTED: Final = 1
"""What should move it, behind a lag; NaN while that is unknown."""
SS_LOW: Final = 2
SS_HIGH: Final = 3
"""Where that has been since the value last changed; what is long ago is forgotten."""
SS_DOUBT_S: Final = 4
SS_REFUSE_S: Final = 5
"""For how long it has stood still although enough to doubt, or to refuse it, had moved by then."""
SS_VERDICT: Final = 6
"""``FREE``, ``DOUBTED`` or ``REFUSED``."""
SENSOR_STATE: Final = 7

FREE: Final = 0.0
DOUBTED: Final = 1.0
REFUSED: Final = 2.0

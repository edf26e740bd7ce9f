"""The last gate before the wire: what this process may write, and nothing else.

Knows nothing of control: it sees demands, the last value each actuator was allowed, and limits. Default deny: a
demand passes only if the actuator was adopted from a measured position, is in touch, and the value is finite, in
range and in slew. It refuses loudly (a code per actuator) and substitutes only where silence would be worse: the last
running pump is never commanded off (I3, FM-12).

Columns of ``limits`` (actuators, LIMIT_COLUMNS) are the constants ``L_…`` below; ``result`` is written in place.
"""

import math
from collections.abc import Collection
from enum import IntEnum
from typing import Final

from coolantd.kernel import Kernel
from coolantd.point import FloatArray, IntArray

L_MINIMUM: Final = 0
L_MAXIMUM: Final = 1
L_ZERO_ALLOWED: Final = 2
"""1 if 0 (off) is allowed although below the minimum."""
L_SLEW: Final = 3
"""Largest change per second."""
L_FAILSAFE: Final = 4
"""Substituted for the last running pump; NaN where the actuator has none."""
L_PUMP_GROUP: Final = 5
"""Pumps of one loop share a group number >= 0; -1 for anything else."""
L_PATHS: Final = 6
"""Valves through which the pumps deliver, bypass included, share a number >= 0; -1 for anything else."""
L_PATH_PUMPS: Final = 7
"""Group of the pumps that deliver through a path; -1 where it is not known: then any pump counts."""
L_BYPASS: Final = 8
"""1 for the bypass among the paths, else 0."""
LIMIT_COLUMNS: Final = 9
NO_GROUP: Final = -1.0

TOLERANCE_PCT: Final = 1e-6
"""Floating-point dust allowed on range and slew; a real excess is never this small."""


class Refusal(IntEnum):
    """Why a demand did not pass."""

    NONE = 0
    NOT_ADOPTED = 1
    NOT_FINITE = 2
    OUT_OF_RANGE = 3
    SLEW = 4
    LAST_PUMP = 5
    """Every pump of a group was demanded off; the failsafe speed was substituted."""

    @property
    def label(self) -> str:
        """Return the refusal as it appears in metrics and on the page."""
        return "" if self is Refusal.NONE else self.name.lower()


_NOT_ADOPTED: Final = int(Refusal.NOT_ADOPTED)
_NOT_FINITE: Final = int(Refusal.NOT_FINITE)
_OUT_OF_RANGE: Final = int(Refusal.OUT_OF_RANGE)
_SLEW: Final = int(Refusal.SLEW)
_LAST_PUMP: Final = int(Refusal.LAST_PUMP)


def fastest_of_group(limits: FloatArray, last: FloatArray, group: float) -> float:
    """Return the greatest last allowed value in a pump group, 0 if there is none."""
    fastest = 0.0
    for j in range(limits.shape[0]):
        if limits[j, L_PUMP_GROUP] == group and last[j] > fastest:
            fastest = last[j]
    return fastest


def judge(limit: FloatArray, demand: float, last: float, dt_s: float, start: float) -> int:
    """Return 0 if one demand may be written, else the refusal's code.

    Between off and the minimum there is nothing to slew through: a pump at its minimum may stop, and a stopped one may
    start straight at its minimum. It may also start at any speed up to that of the fastest pump of its group, because
    that speed is in force already: so one that was lost can be replaced at once.

    Args:
        limit: (LIMIT_COLUMNS,) row of the actuator.
        demand: what control wants, in the actuator's unit.
        last: the last allowed or adopted value; NaN before adoption.
        dt_s: seconds since ``last`` was allowed.
        start: the greatest value last allowed in the actuator's pump group; 0 where it has none.
    """
    if not math.isfinite(last):
        return _NOT_ADOPTED
    if not math.isfinite(demand):
        return _NOT_FINITE
    off = demand == 0.0 and limit[L_ZERO_ALLOWED] == 1.0
    if not off and not (limit[L_MINIMUM] - TOLERANCE_PCT <= demand <= limit[L_MAXIMUM] + TOLERANCE_PCT):
        return _OUT_OF_RANGE
    starts = limit[L_ZERO_ALLOWED] == 1.0 and last < limit[L_MINIMUM] and limit[L_MINIMUM] <= demand
    starts = starts and demand <= max(limit[L_MINIMUM], start)
    stops = off and last <= limit[L_MINIMUM]
    if not starts and not stops and not abs(demand - last) <= limit[L_SLEW] * dt_s + TOLERANCE_PCT:
        return _SLEW
    return 0


def keep_one_pump(
    limits: FloatArray, wanted: IntArray, last: FloatArray, allowed: FloatArray, refusals: IntArray
) -> None:
    """Substitute the failsafe speed where every pump of a group would be off, in place.

    A pump that has no new allowed value keeps its last one, so it counts with that.
    """
    for i in range(limits.shape[0]):
        group = limits[i, L_PUMP_GROUP]
        if group < 0.0 or wanted[i] == 0 or not math.isfinite(last[i]) or allowed[i] > 0.0:
            continue
        running = False
        for j in range(limits.shape[0]):
            if limits[j, L_PUMP_GROUP] == group:
                value = allowed[j] if math.isfinite(allowed[j]) else last[j]
                running = running or value > 0.0
        if not running:
            allowed[i] = limits[i, L_FAILSAFE]
            refusals[i] = _LAST_PUMP


def gate(
    limits: FloatArray,
    wanted: IntArray,
    demands: FloatArray,
    last: FloatArray,
    dt_s: float,
    allowed: FloatArray,
    refusals: IntArray,
) -> None:
    """Judge every demand; fill ``allowed`` (NaN: write nothing) and ``refusals`` in place.

    Args:
        limits: (actuators, LIMIT_COLUMNS).
        wanted: (actuators,) 1 where control demands something this cycle. No demand is no refusal.
        demands: (actuators,) in each actuator's unit.
        last: (actuators,) last allowed or adopted values; NaN before adoption.
        dt_s: seconds since the last call.
        allowed: (actuators,) written here.
        refusals: (actuators,) ``Refusal`` codes, written here.
    """
    for i in range(limits.shape[0]):
        allowed[i] = math.nan
        refusals[i] = 0
        if wanted[i] != 0:
            group = limits[i, L_PUMP_GROUP]
            start = fastest_of_group(limits, last, group) if group >= 0.0 else 0.0
            refusals[i] = judge(limits[i], demands[i], last[i], dt_s, start)
            if refusals[i] == 0:
                allowed[i] = demands[i]
    keep_one_pump(limits, wanted, last, allowed, refusals)


def permits_word(value: int, allowed: Collection[int]) -> bool:
    """Return whether a control word (remote control, heartbeat; never a position) is one the profile names."""
    return value in allowed


GATE: Final = Kernel(gate, (fastest_of_group, judge, keep_one_pump))

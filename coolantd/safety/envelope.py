"""The last gate before the wire: what this process may write, and nothing else.

Knows nothing of control: it sees demands, who makes them, the last value each actuator was allowed, and limits. Default
deny: a demand passes only if its device is verified, obeys and is ours, if whoever demands it may in the actuator's
mode, if the actuator was adopted from a measured position, and if the value is finite, in range, in slew and in what
wear allows. It refuses loudly (a code per actuator) and substitutes only where silence would be worse
(``envelope_pairs``).

How often a register is written is not judged here but where writes are sent, by ``writing``: a command that waits for
its register's budget is in force all the same.
"""

import math
from collections.abc import Collection
from typing import Final

from coolantd.kernel import Kernel
from coolantd.point import FloatArray
from coolantd.safety import envelope_pairs, travel
from coolantd.safety.claims import Claim
from coolantd.safety.envelope_layout import (
    L_BYPASS,
    L_FAILSAFE,
    L_MAXIMUM,
    L_MINIMUM,
    L_PATH_PUMPS,
    L_PATHS,
    L_PUMP_GROUP,
    L_SLEW,
    L_TRAVEL,
    L_ZERO_ALLOWED,
    LIMIT_COLUMNS,
    NO_GROUP,
    Answer,
    Asked,
    Refusal,
)
from coolantd.safety.envelope_pairs import keep_a_way, keep_one_pump
from coolantd.safety.permits import EVERY_PERMIT, Permit
from coolantd.safety.rights import CLAIMS, MODES, RIGHTS
from coolantd.safety.travel import GO, SPENT, refill, spend, wear_verdict

__all__ = [
    "EVERY_PERMIT",
    "LIMIT_COLUMNS",
    "L_BYPASS",
    "L_FAILSAFE",
    "L_MAXIMUM",
    "L_MINIMUM",
    "L_PATHS",
    "L_PATH_PUMPS",
    "L_PUMP_GROUP",
    "L_SLEW",
    "L_TRAVEL",
    "L_ZERO_ALLOWED",
    "NO_GROUP",
    "Answer",
    "Asked",
    "Claim",
    "Permit",
    "Refusal",
]

TOLERANCE_PCT: Final = 1e-6
"""Floating-point dust allowed on range and slew; a real excess is never this small."""

_VERIFIED: Final = int(Permit.VERIFIED)
_WRITABLE: Final = int(Permit.WRITABLE)
_OBEYING: Final = int(Permit.OBEYING)
_OWNED: Final = int(Permit.OWNED)
_NOT_ADOPTED: Final = int(Refusal.NOT_ADOPTED)
_NOT_FINITE: Final = int(Refusal.NOT_FINITE)
_OUT_OF_RANGE: Final = int(Refusal.OUT_OF_RANGE)
_SLEW: Final = int(Refusal.SLEW)
_NOT_VERIFIED: Final = int(Refusal.NOT_VERIFIED)
_NOT_WRITABLE: Final = int(Refusal.NOT_WRITABLE)
_NOT_OBEYING: Final = int(Refusal.NOT_OBEYING)
_NOT_OWNED: Final = int(Refusal.NOT_OWNED)
_NO_CLAIM: Final = int(Refusal.NO_CLAIM)
_TRAVEL: Final = int(Refusal.TRAVEL)


def fastest_of_group(limits: FloatArray, last: FloatArray, group: float) -> float:
    """Return the greatest last allowed value in a pump group, 0 if there is none."""
    fastest = 0.0
    for j in range(limits.shape[0]):
        if limits[j, L_PUMP_GROUP] == group and last[j] > fastest:
            fastest = last[j]
    return fastest


def admit(permits: int, mode: int, claim: int) -> int:
    """Return 0 if anything at all may be written to an actuator by whoever asks, else the refusal's code.

    Args:
        permits: ``Permit`` flags of the actuator.
        mode: its ``Mode``.
        claim: ``Claim`` of whoever asks.
    """
    if permits & _VERIFIED == 0:
        return _NOT_VERIFIED
    if permits & _WRITABLE == 0:
        return _NOT_WRITABLE
    if permits & _OBEYING == 0:
        return _NOT_OBEYING
    if permits & _OWNED == 0:
        return _NOT_OWNED
    if not (0 <= mode < MODES and 0 <= claim < CLAIMS) or RIGHTS[mode, claim] == 0:
        return _NO_CLAIM
    return 0


def judge(limit: FloatArray, demand: float, last: float, dt_s: float, start: float) -> int:
    """Return 0 if one demand may be written, else the refusal's code.

    Between off and the minimum there is nothing to slew through: a pump at its minimum may stop, and a stopped one may
    start straight at its minimum. It may also start at any speed up to that of the fastest pump of its group, because
    that speed is in force already: so one that was lost can be replaced at once.

    Args:
        limit: (LIMIT_COLUMNS,) row of the actuator.
        demand: what is asked, in the actuator's unit.
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


def judge_each(limits: FloatArray, asked: Asked, dt_s: float, answer: Answer) -> None:
    """Judge every demand by itself; ``answer`` is written from scratch."""
    for i in range(limits.shape[0]):
        answer.allowed[i], answer.refusals[i], answer.admitted[i] = math.nan, 0, 0
        if not math.isnan(asked.demands[i]):
            code = admit(asked.permits[i], asked.modes[i], asked.claims[i])
            answer.admitted[i] = 1 if code == 0 else 0
            if code == 0:
                group, start = limits[i, L_PUMP_GROUP], 0.0
                if group >= 0.0 and asked.last[i] < limits[i, L_MINIMUM]:  # only a start asks how fast the others run
                    start = fastest_of_group(limits, asked.last, group)
                code = judge(limits[i], asked.demands[i], asked.last[i], dt_s, start)
            if code == 0:
                answer.allowed[i] = asked.demands[i]
            answer.refusals[i] = code


def spare(limits: FloatArray, worn: FloatArray, asked: Asked, dt_s: float, answer: Answer) -> None:
    """Hold what wear does not allow to move, in place: the command stands, so that the device goes on hearing us."""
    for i in range(limits.shape[0]):
        refill(limits[i], worn[i], dt_s)
        if math.isfinite(answer.allowed[i]):
            change = answer.allowed[i] - asked.last[i]
            verdict = wear_verdict(limits[i], worn[i], asked.claims[i], change, dt_s)
            if verdict != GO:
                answer.allowed[i] = asked.last[i]
            if verdict == SPENT:
                answer.refusals[i] = _TRAVEL


def count(limits: FloatArray, worn: FloatArray, asked: Asked, answer: Answer) -> None:
    """Count what every actuator will travel, in place."""
    for i in range(limits.shape[0]):
        if math.isfinite(answer.allowed[i]):
            spend(limits[i], worn[i], answer.allowed[i] - asked.last[i])


def gate(limits: FloatArray, worn: FloatArray, asked: Asked, dt_s: float, answer: Answer) -> None:
    """Judge every demand; ``worn`` and ``answer`` change in place.

    Args:
        limits: (actuators, LIMIT_COLUMNS).
        worn: (actuators, TRAVEL_STATE).
        asked: what is asked of every actuator.
        dt_s: seconds since the last call.
        answer: written here.
    """
    judge_each(limits, asked, dt_s, answer)
    spare(limits, worn, asked, dt_s, answer)
    keep_one_pump(limits, asked, dt_s, answer)
    keep_a_way(limits, asked, dt_s, answer)
    count(limits, worn, asked, answer)


def permits_word(value: int, allowed: Collection[int]) -> bool:
    """Return whether a control word (remote control, heartbeat; never a position) is one the profile names."""
    return value in allowed


GATE: Final = Kernel(
    gate,
    (
        fastest_of_group,
        admit,
        judge,
        judge_each,
        *travel.HELPERS,
        spare,
        *envelope_pairs.HELPERS,
        count,
    ),
)

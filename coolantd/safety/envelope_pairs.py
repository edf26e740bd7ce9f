"""Pairs of commands that must never be in force together: every pump off, or a pump against shut valves (I3).

A demand may be right by itself and wrong beside the others. What would be in force counts: the value allowed now, else
the last one. Where silence would be worse the gate substitutes: the last pump is kept and led to its failsafe speed,
the bypass is opened.

Knows what the gate knows; must never know flow, pressure or heat: without heat to carry, too, a pump keeps running.
"""

import math
from typing import Final

from coolantd.point import FloatArray
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
    Answer,
    Asked,
    Refusal,
)
from coolantd.safety.openings import LEAST_OPENING_PCT

_TRIP: Final = int(Claim.TRIP)
_LAST_PUMP: Final = int(Refusal.LAST_PUMP)
_DEAD_HEAD: Final = int(Refusal.DEAD_HEAD)


def in_force(i: int, asked: Asked, answer: Answer) -> float:
    """Return the command that an actuator will have: what is allowed now, else the last; NaN if that is not known."""
    return answer.allowed[i] if math.isfinite(answer.allowed[i]) else asked.last[i]


def reach(limit: FloatArray, dt_s: float) -> float:
    """Return how far one cycle may move an actuator; 0 where time or limit are not to be trusted."""
    step = limit[L_SLEW] * dt_s
    return step if 0.0 < step < math.inf else 0.0


def may_stop(limits: FloatArray, group: float, asked: Asked, answer: Answer) -> bool:
    """Return whether nothing needs to be kept in a pump group: one will run, or a trip stops it."""
    for j in range(limits.shape[0]):
        settled = in_force(j, asked, answer) > 0.0 or asked.claims[j] == _TRIP
        if settled and limits[j, L_PUMP_GROUP] == group:
            return True
    return False


def pump_to_keep(limits: FloatArray, group: float, asked: Asked, answer: Answer) -> int:
    """Return the pump of a group to be kept: of those that may be written to the fastest; -1 if there is none."""
    best = -1
    for j in range(limits.shape[0]):
        adopted = limits[j, L_PUMP_GROUP] == group and answer.admitted[j] == 1 and math.isfinite(asked.last[j])
        if adopted and (best < 0 or asked.last[j] > asked.last[best]):
            best = j
    return best


def kept_speed(limit: FloatArray, last: float, dt_s: float) -> float:
    """Return the next speed of a pump that must not stop: its minimum, then up to its failsafe speed within slew."""
    if last < limit[L_MINIMUM]:
        return limit[L_MINIMUM]
    if not limit[L_FAILSAFE] > last:
        return min(last, limit[L_MAXIMUM])
    return min(limit[L_FAILSAFE], last + reach(limit, dt_s))


def keep_one_pump(limits: FloatArray, asked: Asked, dt_s: float, answer: Answer) -> None:
    """Keep a pump in every group whose pumps would all be off, in place (FM-12)."""
    for i in range(limits.shape[0]):
        group = limits[i, L_PUMP_GROUP]
        if group < 0.0 or math.isnan(asked.demands[i]) or in_force(i, asked, answer) > 0.0:
            continue  # one that runs keeps its group: with a hundred CDUs nobody else need be asked
        if not may_stop(limits, group, asked, answer):
            kept = pump_to_keep(limits, group, asked, answer)
            if kept >= 0:
                answer.allowed[kept] = kept_speed(limits[kept], asked.last[kept], dt_s)
                answer.refusals[kept] = _LAST_PUMP


def delivers(limits: FloatArray, group: float, asked: Asked, answer: Answer) -> bool:
    """Return whether a pump may be running: of a group, or any if the group is not known; in doubt one is."""
    known = False
    for j in range(limits.shape[0]):
        if limits[j, L_PUMP_GROUP] >= 0.0 and (group < 0.0 or limits[j, L_PUMP_GROUP] == group):
            known = True
            if not in_force(j, asked, answer) <= 0.0:
                return True
    return not known


def opening_pct(limits: FloatArray, paths: float, asked: Asked, answer: Answer) -> float:
    """Return what the ways of one set will be open together; one of which nothing is known counts as shut."""
    total_pct = 0.0
    for j in range(limits.shape[0]):
        if limits[j, L_PATHS] == paths:
            position_pct = in_force(j, asked, answer)
            if position_pct > 0.0:
                total_pct += position_pct
    return total_pct


def shuts(i: int, limits: FloatArray, asked: Asked, answer: Answer) -> bool:
    """Return whether the ways beside an actuator would be shut while a pump runs."""
    if opening_pct(limits, limits[i, L_PATHS], asked, answer) >= LEAST_OPENING_PCT:
        return False
    return delivers(limits, limits[i, L_PATH_PUMPS], asked, answer)


def keep_a_way(limits: FloatArray, asked: Asked, dt_s: float, answer: Answer) -> None:
    """Hold valves that would close the last way of running pumps, and open a bypass beside shut ones; in place (FM-08).

    One closing valve after the other is held where it is, until those that are left open are enough.
    """
    for i in range(limits.shape[0]):
        closing = limits[i, L_PATHS] >= 0.0 and answer.allowed[i] < asked.last[i]  # False for NaN
        if closing and shuts(i, limits, asked, answer):
            answer.allowed[i] = asked.last[i]
            answer.refusals[i] = _DEAD_HEAD
    for i in range(limits.shape[0]):
        ready = limits[i, L_BYPASS] == 1.0 and answer.admitted[i] == 1 and math.isfinite(asked.last[i])
        if ready and shuts(i, limits, asked, answer):
            opened = min(asked.last[i] + reach(limits[i], dt_s), limits[i, L_MAXIMUM])
            if not in_force(i, asked, answer) >= opened:
                answer.allowed[i] = opened
                answer.refusals[i] = _DEAD_HEAD


HELPERS: Final = (
    in_force,
    reach,
    may_stop,
    pump_to_keep,
    kept_speed,
    keep_one_pump,
    delivers,
    opening_pct,
    shuts,
    keep_a_way,
)
"""Every plain function of this file, callees before callers."""

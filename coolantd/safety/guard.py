"""The protection of every CDU for one cycle: judge causes, advance hazards, force demands, make requests.

Runs behind control and operators and before the envelope. Knows readings, limits, commands and demands; of control it
knows no loop, only what it wants now, to say that something is away from it.
"""

from typing import Final

import numpy as np

from coolantd.point import FloatArray, IntArray
from coolantd.safety.detect import HELPERS as DETECT_HELPERS
from coolantd.safety.detect import follow_supply, judge_data, judge_fill, judge_temperatures, read
from coolantd.safety.force import HELPERS as FORCE_HELPERS
from coolantd.safety.force import ask, force_cdu, trips
from coolantd.safety.hazards import FACTS, HAZARDS, Fact, Hazard
from coolantd.safety.interlocks import R_CONFIRMED, R_LATCHES, R_OFF_S, R_ON_S, TABLE
from coolantd.safety.latch import GONE, H_ACTIVE, H_THERE_S, THERE, advance_hazard
from coolantd.safety.latch import HELPERS as LATCH_HELPERS
from coolantd.safety.meaning import NOTHING
from coolantd.safety.respond import HELPERS as RESPOND_HELPERS
from coolantd.safety.respond import judge_flow, judge_pumps, judge_valve
from coolantd.safety.watch_layout import W_SUCTION_SPEED_PCT, WX_SUPPLY, WX_VALVE

_TOLD: Final[dict[Fact, Hazard]] = {
    Fact.AIR: Hazard.AIR,
    Fact.SENSOR_STUCK: Hazard.SENSOR_STUCK,
    Fact.SENSORS_SWAPPED: Hazard.SENSORS_SWAPPED,
    Fact.SENSOR_DRIFTS: Hazard.SENSOR_DRIFTS,
    Fact.OTHER_WRITER: Hazard.OTHER_WRITER,
    Fact.WRITES_LOST: Hazard.WRITES_LOST,
    Fact.CLOCK_STEP: Hazard.CLOCK_STEP,
    Fact.LOOP_STALL: Hazard.LOOP_STALL,
}
HAZARD_OF: Final[IntArray] = np.array([int(_TOLD[fact]) for fact in Fact], dtype=np.int64)
"""(FACTS,) -> hazard that a fact is."""
_PUMPS_OFF: Final = int(Hazard.PUMPS_OFF)


def judge(
    w: FloatArray,
    wx: IntArray,
    wd: FloatArray,
    wn: FloatArray,
    facts: IntArray,
    limits: FloatArray,
    positions: IntArray,
    last: FloatArray,
    value: FloatArray,
    quality: IntArray,
    causes: IntArray,
    details: IntArray,
    dt_s: float,
) -> None:
    """Say of every cause of one CDU whether it is there, gone or unknown; ``causes``, ``details``, ``wd`` change."""
    causes[:] = GONE
    details[:] = NOTHING
    follow_supply(wd, read(wx[WX_SUPPLY], value, quality), dt_s)
    judge_temperatures(w, wx, wd, wn, value, quality, causes)
    judge_fill(w, wx, value, quality, causes)
    judge_data(w, wx, quality, causes)
    judge_flow(w, wx, wd, wn, limits, positions, last, value, quality, causes, dt_s)
    judge_pumps(wx, limits, positions, last, value, quality, causes, details)
    judge_valve(wx, wd, wn, positions, last, value, quality, causes)
    for fact in range(FACTS):
        causes[HAZARD_OF[fact]] = THERE if facts[fact] == 1 else GONE


def advance_hazards(hz: FloatArray, causes: IntArray, confirm_s: float, hazards: IntArray, dt_s: float) -> None:
    """Take every hazard of one CDU through one cycle; ``hz`` and ``hazards`` change in place.

    Args:
        hz: (HAZARDS, HAZARD_STATE).
        causes: (HAZARDS,) what ``judge`` said.
        confirm_s: by then a second reading has come (``W_CONFIRM_S``).
        hazards: (HAZARDS,) 1 for each in force.
        dt_s: seconds since the last call.
    """
    if trips(hz):
        causes[_PUMPS_OFF] = GONE  # they are off because they were stopped
    for hazard in range(HAZARDS):
        if causes[hazard] != GONE or hz[hazard, H_ACTIVE] == 1.0 or hz[hazard, H_THERE_S] > 0.0:
            rule = TABLE[hazard]
            on_s = rule[R_ON_S] + rule[R_CONFIRMED] * confirm_s
            advance_hazard(hz[hazard], causes[hazard], on_s, rule[R_OFF_S], rule[R_LATCHES], dt_s)
        hazards[hazard] = int(hz[hazard, H_ACTIVE])


def guard_cdu(
    n: int,
    w: FloatArray,
    wx: IntArray,
    hz: FloatArray,
    limits: FloatArray,
    last: FloatArray,
    demands: FloatArray,
    forced: IntArray,
    hazards: IntArray,
    requests: IntArray,
    may_force: bool,
    dt_s: float,
) -> None:
    """Carry out the interlocks of one CDU whose hazards were advanced, in place.

    Args:
        n: the CDU.
        w: (WATCH_PARAMETERS,) of it.
        wx: (WATCH_INDICES,) of it.
        hz: (HAZARDS, HAZARD_STATE) of it.
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        last: (actuators,) last allowed; NaN for one that is not ours to move.
        demands: (actuators,) changed.
        forced: (actuators,) changed.
        hazards: (HAZARDS,) 1 for each in force.
        requests: (REQUESTS,) changed.
        may_force: whether its actuators are ours: not while it is being taken over, nor while it is disabled.
        dt_s: seconds since the last call.
    """
    if not hazards.any():
        return
    ask(hz, requests)
    if may_force:
        force_cdu(n, hz, wx[WX_VALVE], w[W_SUCTION_SPEED_PCT], limits, last, demands, forced, dt_s)


HELPERS: Final = (
    *LATCH_HELPERS,
    *DETECT_HELPERS,
    *RESPOND_HELPERS,
    *FORCE_HELPERS,
    judge,
    advance_hazards,
    guard_cdu,
)
"""Every function above and what they call, callees before callers."""

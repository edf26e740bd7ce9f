"""A sensor that does not move although it should have: a frozen converter, or a gateway that repeats itself (FM-13).

That a reading rests says nothing: a quantised one rests for hours in a steady plant. It is doubted once something that
moves it has moved far enough since its last change of any size, and refused once that has moved twice as far; what
moves a supply temperature is what the model of the CDU expects of it (the valve where there is no model), a return
temperature the supply and the racks' power, a flow or a pressure the pumps. One change of the reading clears it.

Knows one row of points and what it remembers of it. What a doubt leads to is the business of votes and modes.
"""

import math
from typing import Final

from coolantd.control.filters import lag
from coolantd.control.layout import (
    C_MODEL_TCS_CAPACITY,
    C_MODEL_UA_KW_K,
    D_MODEL_READY,
    D_MODEL_SUPPLY_C,
    POWER_POINTS_MAX,
    PUMPS_MAX,
    X_HEAT,
    X_MODEL,
    X_POWER,
    X_PUMP,
    X_VALVE,
    Y_POSITION,
)
from coolantd.control.sensor_layout import (
    DOUBTED,
    FREE,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    REFUSED,
    SP_DOUBT,
    SP_HEAT_KW,
    SP_REFUSE,
    SP_STILL_S,
    SS_EXPECTED,
    SS_HIGH,
    SS_LOW,
    SS_STILL_S,
    SS_VALUE,
    SS_VERDICT,
    SX_BESIDE,
    SX_KIND,
    SX_POINT,
)
from coolantd.point import FloatArray, IntArray, Quality, Reason

_BAD: Final = int(Quality.BAD)
_UNCERTAIN: Final = int(Quality.UNCERTAIN)
_GOOD: Final = int(Quality.GOOD)
_STUCK: Final = int(Reason.STUCK)

EXPECTED_LAG_S: Final = 15.0
"""Behind what moves a sensor: its own lag, exchanger, pipes and a poll together (5 to 15 s), so that it can have
answered. It also takes the noise out."""
FORGET_S: Final = 300.0
"""A move longer ago than this says nothing any more: a loop may well have kept up with anything that slow."""
VALVE_K_PER_PCT: Final = 0.1
"""The least that 1 % of facility valve moves the supply under a load worth the name: 0.27 to 0.39 K on the reference
plant, a third of that to be sure."""
SECONDS_PER_MINUTE: Final = 60.0


def fastest_pump_pct(x: IntArray, y: IntArray, value: FloatArray, quality: IntArray) -> float:
    """Return the greatest measured speed among a CDU's pumps; NaN while one of them is unknown."""
    fastest = 0.0
    for k in range(PUMPS_MAX):
        i = x[X_PUMP + k]
        if i >= 0:
            index = y[i, Y_POSITION]
            if quality[index] == _BAD:
                return math.nan
            fastest = max(fastest, value[index])
    return fastest


def power_rise_k(x: IntArray, c: FloatArray, value: FloatArray, quality: IntArray) -> float:
    """Return by how much the racks' measured power warms the coolant; 0 where it is not known."""
    flow = x[X_MODEL + 2]
    if flow < 0 or quality[flow] == _BAD or value[flow] <= 1.0:
        return 0.0
    power_kw = 0.0
    for k in range(POWER_POINTS_MAX):
        index = x[X_POWER + k]
        if index >= 0:
            if quality[index] == _BAD:
                return math.nan
            power_kw += value[index]
    return SECONDS_PER_MINUTE * power_kw / (c[C_MODEL_TCS_CAPACITY] * value[flow])


def moves_supply_k(
    x: IntArray, y: IntArray, c: FloatArray, d: FloatArray, value: FloatArray, quality: IntArray, least_kw: float
) -> float:
    """Return what should move a supply temperature, in kelvin from an arbitrary zero; NaN while nothing is known."""
    if math.isfinite(c[C_MODEL_UA_KW_K]):
        return d[D_MODEL_SUPPLY_C] if d[D_MODEL_READY] != 0.0 else math.nan
    heat, position = x[X_HEAT], y[x[X_VALVE], Y_POSITION]
    if heat < 0 or quality[heat] == _BAD or value[heat] < least_kw or quality[position] == _BAD:
        return math.nan  # without heat a valve moves nothing
    return -VALVE_K_PER_PCT * value[position]


def what_moves_it(
    sx: IntArray,
    sp: FloatArray,
    x: IntArray,
    y: IntArray,
    c: FloatArray,
    d: FloatArray,
    value: FloatArray,
    quality: IntArray,
) -> float:
    """Return the quantity that has to move a sensor, in its own unit; NaN while it is not known."""
    if sx[SX_KIND] == MOVED_BY_PUMPS:
        return fastest_pump_pct(x, y, value, quality)
    if sx[SX_KIND] == MOVED_BY_SUPPLY:
        beside = sx[SX_BESIDE]
        return value[beside] + power_rise_k(x, c, value, quality) if quality[beside] != _BAD else math.nan
    return moves_supply_k(x, y, c, d, value, quality, sp[SP_HEAT_KW])


def begin_watch(ss: FloatArray, seen: float, moving: float) -> None:
    """Forget everything before this reading."""
    ss[SS_VALUE], ss[SS_STILL_S], ss[SS_VERDICT] = seen, 0.0, FREE
    ss[SS_EXPECTED] = ss[SS_LOW] = ss[SS_HIGH] = moving


def follow_moves(ss: FloatArray, moving: float, dt_s: float) -> None:
    """Note how far what moves the sensor has moved since its last change, in place."""
    if not math.isfinite(moving):
        ss[SS_EXPECTED] = math.nan
        return
    if not math.isfinite(ss[SS_EXPECTED]):
        ss[SS_EXPECTED] = ss[SS_LOW] = ss[SS_HIGH] = moving
    expected = lag(ss[SS_EXPECTED], moving, EXPECTED_LAG_S, dt_s)
    ss[SS_EXPECTED] = expected
    ss[SS_LOW] = min(lag(ss[SS_LOW], expected, FORGET_S, dt_s), expected)
    ss[SS_HIGH] = max(lag(ss[SS_HIGH], expected, FORGET_S, dt_s), expected)


def judge_stillness(sp: FloatArray, ss: FloatArray) -> None:
    """Doubt or refuse a sensor by what it should have shown, in place; a verdict only grows while it stands still."""
    if ss[SS_STILL_S] < sp[SP_STILL_S]:
        return
    moved = ss[SS_HIGH] - ss[SS_LOW]
    if moved >= sp[SP_REFUSE]:
        ss[SS_VERDICT] = REFUSED
    elif moved >= sp[SP_DOUBT]:
        ss[SS_VERDICT] = max(ss[SS_VERDICT], DOUBTED)


def watch_sensor(
    sx: IntArray,
    sp: FloatArray,
    ss: FloatArray,
    x: IntArray,
    y: IntArray,
    c: FloatArray,
    d: FloatArray,
    value: FloatArray,
    quality: IntArray,
    reason: IntArray,
    dt_s: float,
) -> None:
    """Watch one sensor for a cycle; a doubted one becomes uncertain in the snapshot, a refused one bad, in place.

    A reading that is stale or bad says nothing and is left to its age.

    Args:
        sx: (SENSOR_INDICES,).
        sp: (SENSOR_PARAMETERS,).
        ss: (SENSOR_STATE,).
        x: (CDU_INDICES,) of its CDU.
        y: (actuators, ACTUATOR_INDICES).
        c: (CDU_PARAMETERS,).
        d: (CDU_STATE,), as the last cycle left it.
        value: (points,) of the snapshot, like the two below.
        quality: ``Quality``.
        reason: ``Reason``.
        dt_s: seconds since the last step.
    """
    point = sx[SX_POINT]
    if quality[point] != _GOOD:
        return
    moving = what_moves_it(sx, sp, x, y, c, d, value, quality)
    if value[point] != ss[SS_VALUE]:
        begin_watch(ss, value[point], moving)
        return
    ss[SS_STILL_S] += dt_s
    follow_moves(ss, moving, dt_s)
    judge_stillness(sp, ss)
    if ss[SS_VERDICT] == REFUSED:
        value[point], quality[point], reason[point] = math.nan, _BAD, _STUCK
    elif ss[SS_VERDICT] == DOUBTED:
        quality[point], reason[point] = _UNCERTAIN, _STUCK


HELPERS: Final = (
    fastest_pump_pct,
    power_rise_k,
    moves_supply_k,
    what_moves_it,
    begin_watch,
    follow_moves,
    judge_stillness,
    watch_sensor,
)
"""Every plain function above, callees before callers; ``lag`` comes with the filters."""

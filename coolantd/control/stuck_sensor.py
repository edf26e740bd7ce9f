"""A sensor that does not move although it should have: a frozen converter, or a gateway that repeats itself (FM-13).

That a reading rests says nothing: a quantised one rests for hours in a steady plant. It is doubted once something that
moves it has moved far enough since its last change of any size and it has not answered for half a minute, and refused
once that has moved twice as far. A supply
temperature is moved by what the model of the CDU expects of it (by the valve where there is no model) and by the heat
load, a return temperature by the supply and the racks' power, a flow or a pressure by the pumps. One change of the
reading clears it.

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
    MOVED_BY_HEAT,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    REFUSED,
    SP_DOUBT,
    SP_HEAT_KW,
    SP_REFUSE,
    SP_STILL_S,
    SS_DOUBT_S,
    SS_EXPECTED,
    SS_HIGH,
    SS_LOW,
    SS_REFUSE_S,
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

EXPECTED_LAG_S: Final = 5.0
"""Takes the noise out of what moves a sensor, and what is over before any sensor would show it."""
FORGET_S: Final = 300.0
"""A move longer ago than this says nothing any more: a loop may well have kept up with anything that slow."""
VALVE_K_PER_PCT: Final = 0.1
"""The least that 1 % of facility valve moves the supply under a load worth the name: 0.27 to 0.39 K on the reference
plant, a third of that to be sure."""
LEAST_HEAT_RATIO: Final = 0.1
"""Of the greatest heat load: below it a valve moves hardly anything."""
PCT: Final = 100.0
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


def heat_pct(x: IntArray, value: FloatArray, quality: IntArray, greatest_kw: float) -> float:
    """Return the heat load as a share of the greatest; NaN while it is unknown."""
    heat = x[X_HEAT]
    return PCT * value[heat] / greatest_kw if heat >= 0 and quality[heat] != _BAD else math.nan


def moves_supply_k(
    x: IntArray, y: IntArray, c: FloatArray, d: FloatArray, value: FloatArray, quality: IntArray, greatest_kw: float
) -> float:
    """Return what should move a supply temperature, in kelvin from an arbitrary zero; NaN while nothing is known."""
    if math.isfinite(c[C_MODEL_UA_KW_K]):
        return d[D_MODEL_SUPPLY_C] if d[D_MODEL_READY] != 0.0 else math.nan
    position = y[x[X_VALVE], Y_POSITION]
    enough = heat_pct(x, value, quality, greatest_kw) >= PCT * LEAST_HEAT_RATIO  # False while it is unknown
    return -VALVE_K_PER_PCT * value[position] if enough and quality[position] != _BAD else math.nan


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
    if sx[SX_KIND] == MOVED_BY_HEAT:
        return heat_pct(x, value, quality, sp[SP_HEAT_KW])
    if sx[SX_KIND] == MOVED_BY_SUPPLY:
        beside = sx[SX_BESIDE]
        return value[beside] + power_rise_k(x, c, value, quality) if quality[beside] != _BAD else math.nan
    return moves_supply_k(x, y, c, d, value, quality, sp[SP_HEAT_KW])


def begin_watch(ss: FloatArray, seen: float, moving: float) -> None:
    """Forget everything before this reading."""
    ss[SS_VALUE], ss[SS_VERDICT] = seen, FREE
    ss[SS_EXPECTED] = ss[SS_LOW] = ss[SS_HIGH] = moving
    ss[SS_DOUBT_S] = ss[SS_REFUSE_S] = 0.0


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


def judge_stillness(sp: FloatArray, ss: FloatArray, dt_s: float) -> None:
    """Doubt or refuse a sensor that does not answer, in place; a verdict only grows while it stands still."""
    moved = ss[SS_HIGH] - ss[SS_LOW]
    if moved >= sp[SP_DOUBT] or ss[SS_DOUBT_S] > 0.0:
        ss[SS_DOUBT_S] += dt_s
    if moved >= sp[SP_REFUSE] or ss[SS_REFUSE_S] > 0.0:
        ss[SS_REFUSE_S] += dt_s
    if ss[SS_REFUSE_S] >= sp[SP_STILL_S]:
        ss[SS_VERDICT] = REFUSED
    elif ss[SS_DOUBT_S] >= sp[SP_STILL_S]:
        ss[SS_VERDICT] = DOUBTED


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
    follow_moves(ss, moving, dt_s)
    judge_stillness(sp, ss, dt_s)
    if ss[SS_VERDICT] == REFUSED:
        value[point], quality[point], reason[point] = math.nan, _BAD, _STUCK
    elif ss[SS_VERDICT] == DOUBTED:
        quality[point], reason[point] = _UNCERTAIN, _STUCK


HELPERS: Final = (
    fastest_pump_pct,
    power_rise_k,
    heat_pct,
    moves_supply_k,
    what_moves_it,
    begin_watch,
    follow_moves,
    judge_stillness,
    watch_sensor,
)
"""Every plain function above, callees before callers; ``lag`` comes with the filters."""

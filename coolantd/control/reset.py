"""The reset stage: what the loops are asked for in this cycle. Setpoints by reset or flow table; limits on the pumps.

Writes into the loops' parameters of this cycle and into its own memory; moves nothing itself. In any mode but automatic
the configured setpoints and output limits stand.
"""

import math
from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.conditions import Condition
from coolantd.control.coolant_need import HELPERS as NEED_HELPERS
from coolantd.control.coolant_need import hottest_c, needed_kpa, needed_lpm
from coolantd.control.layout import (
    D_MODE,
    LOOPS,
    P_OUTPUT_MAX,
    P_SETPOINT,
    P_SETPOINT_RATE,
    PRESSURE,
    S_OUTPUT,
    S_SETPOINT,
    S_SETPOINT_USED,
    S_TRIAL,
    SUPPLY_TEMP,
    X_PV,
)
from coolantd.control.pump_limits import HELD_MAX_S, limit_pumps, note_charge, rest_limits
from coolantd.control.pump_limits import HELPERS as LIMIT_HELPERS
from coolantd.control.reset_layout import (
    E_BY_PRESSURE,
    E_RISE_LIMIT_K,
    LIMIT_PARAMETERS,
    LIMIT_STATE,
    LIMITS,
    O_FIRST,
    O_LIMIT,
    RX_BRANCH,
    RX_FLOW,
    RX_HOT,
    RX_INLET,
    RX_RETURN,
    T_HOT_LIMIT_C,
    T_LEAST,
    T_PERIOD_S,
    T_TRIM,
    TRIM_PARAMETERS,
    TRIM_STATE,
    U_LIMIT_S,
    U_USE,
    V_BAD_S,
    V_FIRST,
    W_IN_CHARGE,
    W_IN_CHARGE_S,
    W_NEEDED,
    InCharge,
    ResetUse,
)
from coolantd.control.trim_respond import HELPERS as TRIM_HELPERS
from coolantd.control.trim_respond import trim_and_respond
from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.modes import ACTS_AS, Mode

_BAD: Final = int(Quality.BAD)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_INPUTS_BAD: Final = float(ResetUse.INPUTS_BAD)
_STORM: Final = float(ResetUse.STORM)
_BY_PRESSURE: Final = int(InCharge.MAXIMUM_PRESSURE)
_BY_RETURN: Final = int(InCharge.MAXIMUM_RETURN_TEMP)
_PRESSURE_LIMITS: Final = int(Condition.PRESSURE_LIMITS_PUMPS)
_RETURN_RAISES: Final = int(Condition.RETURN_TEMP_RAISES_PUMPS)
_UNWATCHED: Final = int(Condition.PUMP_LIMIT_UNWATCHED)
_AT_LIMIT: Final = int(Condition.RESET_AT_LIMIT)
_SUSPENDED: Final = int(Condition.RESET_SUSPENDED)

BRANCH_OPEN_PCT: Final = 95.0
"""A branch valve as open as this has nothing left to give: ASHRAE Guideline 36's figure for a valve's request."""
REQUEST_STEP_K: Final = 1.0
"""One request per kelvin above a watched temperature's limit."""
DISTURBED_K: Final = 0.5
"""A supply this far off its setpoint is being looked after: no time to trim anything, as during a trial."""
SHORT_RATIO: Final = 0.05
"""A pump loop at full output and this far below its setpoint lacks flow that colder supply could replace."""
TELL_S: Final = 300.0
"""Ordinary load changes put a limit in charge, or a reset at its end, for a minute or two; longer is for a person."""


def reading(index: int, value: FloatArray, quality: IntArray) -> float:
    """Return a point's value, NaN where it is bad or there is none."""
    return value[index] if index >= 0 and quality[index] != _BAD else math.nan


def above_limit(temp_c: float, limit_c: float) -> float:
    """Return the requests of one watched temperature: one for each kelvin begun above its limit."""
    if not temp_c > limit_c:  # also for the NaN of a limit or a reading that there is not
        return 0.0
    return float(math.ceil((temp_c - limit_c) / REQUEST_STEP_K))


def flow_by_table(table: FloatArray, inlet_c: float, configured: float) -> float:
    """Return the flow that the racks want at an inlet temperature, linear between rows and held outside them.

    Args:
        table: (rows, 2) ascending inlet temperature in degC, flow of all racks in L/min; NaN after the last row.
        inlet_c: NaN where it is bad: the configured flow then, which is no less than the table's greatest.
        configured: L/min.
    """
    if not math.isfinite(inlet_c):
        return configured
    k = 0
    while k < table.shape[0] and math.isfinite(table[k, 0]) and table[k, 0] < inlet_c:
        k += 1
    if k == 0:
        return table[0, 1]
    if k == table.shape[0] or not math.isfinite(table[k, 0]):
        return table[k - 1, 1]
    share = (inlet_c - table[k - 1, 0]) / (table[k, 0] - table[k - 1, 0])
    return table[k - 1, 1] + share * (table[k, 1] - table[k - 1, 1])


def pump_setpoint(
    g: FloatArray,
    w: FloatArray,
    x: IntArray,
    points: IntArray,
    p: FloatArray,
    excess_k: float,
    disturbed: bool,
    automatic: bool,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> float:
    """Return the pump loop's setpoint by its reset; ``w`` changes in place.

    A supply that is off its setpoint keeps the reset from trimming and raises nothing: what facility water lacks, pumps
    cannot give.

    Args:
        g: (RESET_PARAMETERS,) of the CDU.
        w: (RESET_STATE,).
        x: (RESET_INDICES,).
        points: (CDU_INDICES,).
        p: (LOOPS, LOOP_PARAMETERS) as configured.
        excess_k: supply above its setpoint; 0 where unknown.
        disturbed: whether this is no time to trim.
        automatic: whether the CDU controls.
        value: (points,).
        quality: (points,).
        dt_s: seconds since the last cycle.
    """
    first = PRESSURE * TRIM_PARAMETERS
    return_c = hottest_c(x, RX_RETURN, value, quality)
    flow_lpm = reading(x[RX_FLOW], value, quality)
    needed, good = math.nan, True
    if math.isfinite(g[E_RISE_LIMIT_K]):
        supply_c = reading(points[X_PV + SUPPLY_TEMP], value, quality)
        needed = needed_lpm(g, w, return_c, supply_c, flow_lpm, dt_s)
        if g[E_BY_PRESSURE] == 1.0:
            needed = needed_kpa(needed, flow_lpm, reading(points[X_PV + PRESSURE], value, quality))
        good = math.isfinite(needed)
    w[W_NEEDED] = needed
    requests = 0.0
    if math.isfinite(g[first + T_HOT_LIMIT_C]):
        good = good and math.isfinite(return_c)
        requests += above_limit(return_c - max(excess_k, 0.0), g[first + T_HOT_LIMIT_C])
    if hottest_c(x, RX_BRANCH, value, quality) > BRANCH_OPEN_PCT:
        requests += 1.0
    return trim_and_respond(
        g[first : first + TRIM_PARAMETERS],
        w[PRESSURE * TRIM_STATE : (PRESSURE + 1) * TRIM_STATE],
        p[PRESSURE, P_SETPOINT],
        requests,
        needed,
        disturbed,
        automatic,
        good,
        dt_s,
    )


def supply_setpoint(
    g: FloatArray,
    w: FloatArray,
    x: IntArray,
    points: IntArray,
    p: FloatArray,
    s: FloatArray,
    disturbed: bool,
    automatic: bool,
    value: FloatArray,
    quality: IntArray,
    dt_s: float,
) -> float:
    """Return the supply temperature's setpoint by its reset, before the dew-point floor; arguments as above."""
    first = SUPPLY_TEMP * TRIM_PARAMETERS
    hot_c = hottest_c(x, RX_HOT, value, quality)
    requests = above_limit(hot_c, g[first + T_HOT_LIMIT_C])
    flow = reading(points[X_PV + PRESSURE], value, quality)
    full = s[PRESSURE, S_OUTPUT] >= p[PRESSURE, P_OUTPUT_MAX]
    if full and flow < (1.0 - SHORT_RATIO) * s[PRESSURE, S_SETPOINT_USED]:
        requests += 1.0
    return trim_and_respond(
        g[first : first + TRIM_PARAMETERS],
        w[SUPPLY_TEMP * TRIM_STATE : (SUPPLY_TEMP + 1) * TRIM_STATE],
        p[SUPPLY_TEMP, P_SETPOINT],
        requests,
        math.nan,
        disturbed,
        automatic,
        math.isfinite(hot_c),
        dt_s,
    )


def trim_rate(g: FloatArray, rate: float) -> float:
    """Return how fast the pumps' setpoint falls, per second: a trim takes its period, for a step disturbs the loops."""
    first = PRESSURE * TRIM_PARAMETERS
    return min(rate, abs(g[first + T_TRIM]) / g[first + T_PERIOD_S])


def note_reset(g: FloatArray, w: FloatArray, conditions: IntArray) -> None:
    """Tell a person what a reset or a limit cannot mend, into a CDU's row of ``conditions``."""
    if w[W_IN_CHARGE_S] > TELL_S:
        conditions[_PRESSURE_LIMITS] = 1 if int(w[W_IN_CHARGE]) == _BY_PRESSURE else 0
        conditions[_RETURN_RAISES] = 1 if int(w[W_IN_CHARGE]) == _BY_RETURN else 0
    for k in range(LIMITS):
        known = math.isfinite(g[O_FIRST + k * LIMIT_PARAMETERS + O_LIMIT])
        if known and w[V_FIRST + k * LIMIT_STATE + V_BAD_S] > HELD_MAX_S:
            conditions[_UNWATCHED] = 1
    for loop in range(LOOPS):
        if math.isfinite(g[loop * TRIM_PARAMETERS + T_LEAST]):
            if w[loop * TRIM_STATE + U_LIMIT_S] > TELL_S:
                conditions[_AT_LIMIT] = 1
            use = w[loop * TRIM_STATE + U_USE]
            if use in (_INPUTS_BAD, _STORM):
                conditions[_SUSPENDED] = 1


def has_limit(g: FloatArray) -> bool:
    """Return whether a CDU's pumps have any limit of their own."""
    for k in range(LIMITS):  # noqa: SIM110 - numba knows no any()
        if math.isfinite(g[O_FIRST + k * LIMIT_PARAMETERS + O_LIMIT]):
            return True
    return False


def reset_cdu(
    g: FloatArray,
    x: IntArray,
    table: FloatArray,
    p: FloatArray,
    s: FloatArray,
    d: FloatArray,
    points: IntArray,
    w: FloatArray,
    value: FloatArray,
    quality: IntArray,
    conditions: IntArray,
    dt_s: float,
) -> None:
    """Do all this for one CDU: ``p``, ``w`` and ``conditions`` are its own rows and change in place."""
    automatic = ACTS_AS[int(d[D_MODE])] == _AUTOMATIC
    supply_c = reading(points[X_PV + SUPPLY_TEMP], value, quality)
    excess_k = supply_c - s[SUPPLY_TEMP, S_SETPOINT_USED]
    if not math.isfinite(excess_k):
        excess_k = 0.0
    disturbed = abs(excess_k) > DISTURBED_K or s[SUPPLY_TEMP, S_TRIAL] + s[PRESSURE, S_TRIAL] > 0.0
    if math.isfinite(table[0, 0]) and automatic:
        p[PRESSURE, P_SETPOINT] = flow_by_table(table, reading(x[RX_INLET], value, quality), p[PRESSURE, P_SETPOINT])
    if math.isfinite(g[SUPPLY_TEMP * TRIM_PARAMETERS + T_LEAST]):
        wanted = supply_setpoint(g, w, x, points, p, s, disturbed, automatic, value, quality, dt_s)
        p[SUPPLY_TEMP, P_SETPOINT] = wanted
    if math.isfinite(g[PRESSURE * TRIM_PARAMETERS + T_LEAST]):
        wanted = pump_setpoint(g, w, x, points, p, excess_k, disturbed, automatic, value, quality, dt_s)
        p[PRESSURE, P_SETPOINT] = wanted
        if wanted < s[PRESSURE, S_SETPOINT]:
            p[PRESSURE, P_SETPOINT_RATE] = trim_rate(g, p[PRESSURE, P_SETPOINT_RATE])
    if has_limit(g):
        note_charge(p[PRESSURE], s[PRESSURE], w, automatic, dt_s)
        if automatic:
            limit_pumps(g, w, x, p[PRESSURE], s[PRESSURE], max(excess_k, 0.0), value, quality, dt_s)
        else:
            rest_limits(p[PRESSURE], w)
    note_reset(g, w, conditions)


def copy_rows(to: FloatArray, rows: FloatArray) -> None:
    """Copy (loops, LOOP_PARAMETERS) number by number: numba would have a whole slice allocate."""
    for loop in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            to[loop, k] = rows[loop, k]


def reset_cdus(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Decide for every CDU what its loops are asked for: ``p`` of ``result`` from that of ``fixed``, in place."""
    for n in range(fixed.reset.shape[0]):
        copy_rows(result.p[n], fixed.p[n])
        reset_cdu(
            fixed.reset[n],
            fixed.reset_x[n],
            fixed.flow_tables[n],
            result.p[n],
            memory.s[n],
            memory.d[n],
            fixed.x[n],
            memory.reset[n],
            seen.value,
            seen.quality,
            result.conditions[n],
            dt_s,
        )


HELPERS: Final = (
    *NEED_HELPERS,
    *LIMIT_HELPERS,
    *TRIM_HELPERS,
    reading,
    above_limit,
    flow_by_table,
    pump_setpoint,
    supply_setpoint,
    trim_rate,
    note_reset,
    has_limit,
    reset_cdu,
    copy_rows,
)
"""Every plain function ``reset_cdus`` calls, callees before callers."""

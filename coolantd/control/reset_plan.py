"""What the reset stage is told, frozen, and the same packed into the rows its kernel reads.

Indices count points of the snapshot. Built by config/ from files; knows none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from coolantd.control.layout import LOOPS, PRESSURE, SUPPLY_TEMP
from coolantd.control.reset_layout import (
    E_BY_PRESSURE,
    E_RISE_LIMIT_K,
    E_VOLUME_L,
    LIMIT_PARAMETERS,
    LIMIT_STATE,
    LIMITS,
    O_FIRST,
    RESET_INDICES,
    RESET_PARAMETERS,
    RESET_STATE,
    RETURNS_MAX,
    RX_BRANCH,
    RX_FLOW,
    RX_HOT,
    RX_INLET,
    RX_LIMIT,
    RX_RETURN,
    TRIM_PARAMETERS,
    TRIM_STATE,
    U_AGE_S,
    U_NEEDED,
    U_SETPOINT,
    V_FIRST,
    V_FOLLOWED_PCT,
    W_NEEDED,
    W_SLOW_K,
)
from coolantd.point import FloatArray, IntArray

NAN: Final = float("nan")
_THRIFT: Final = {SUPPLY_TEMP: 1.0, PRESSURE: -1.0}
"""Which way a trim goes: warmer supply, less pumping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimParameters:
    """One setpoint that is reset by trim and respond; amounts are positive, in its own unit.

    Attributes:
        least, greatest: limits of the setpoint.
        period_s: between two decisions. trim: per period without a request. respond: per request.
        requests_max: more count as these. ignored_requests: so many are not answered.
        delay_s: in automatic before it begins.
        hot_limit_c: above it a watched temperature makes a request per kelvin; NaN watches none.
    """

    least: float
    greatest: float
    period_s: float
    trim: float
    respond: float
    requests_max: float
    ignored_requests: float
    delay_s: float
    hot_limit_c: float = NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitParameters:
    """One limit on the pumps: process variable, its limit, % per unit, seconds."""

    point: int
    limit: float
    gain: float
    integral_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetParameters:
    """What a CDU's loops are asked for besides their configured setpoints.

    Attributes:
        supply_temp, pump: resets of the two setpoints.
        rise_limit_k: the coolant's rise that the pumps must keep; NaN: not looked at.
        volume_l: coolant that holds as much heat as everything before the return sensors.
        flow: point, of all racks. returns: points, where coolant leaves the racks.
        branches: points, positions of branch valves.
        hot: points that the supply's reset looks at.
        minimum_flow, maximum_pressure, maximum_return_temp: limits on the pumps.
        flow_table: rows of (inlet degC, L/min of all racks), ascending. inlet: point.
    """

    supply_temp: TrimParameters | None = None
    pump: TrimParameters | None = None
    rise_limit_k: float = NAN
    volume_l: float = 0.0
    flow: int | None = None
    returns: tuple[int, ...] = ()
    branches: tuple[int, ...] = ()
    hot: tuple[int, ...] = ()
    minimum_flow: LimitParameters | None = None
    maximum_pressure: LimitParameters | None = None
    maximum_return_temp: LimitParameters | None = None
    flow_table: tuple[tuple[float, float], ...] = ()
    inlet: int | None = None

    @property
    def limits(self) -> tuple[LimitParameters | None, ...]:
        """Return the limits in the order of ``InCharge``."""
        return self.minimum_flow, self.maximum_pressure, self.maximum_return_temp


NO_RESET: Final = ResetParameters()
RISE_UNIT: Final = "K"
"""Of a pump loop that holds the coolant's rise over the racks."""


class ResetPlan(NamedTuple):
    """What the resets say, packed: (cdus, RESET_PARAMETERS), (cdus, RESET_INDICES) and (cdus, rows, 2)."""

    g: FloatArray
    x: IntArray
    tables: FloatArray


def pump_action(unit: str) -> float:
    """Return -1 where more speed lowers the process variable of a pump loop, else 1."""
    return -1.0 if unit == RISE_UNIT else 1.0


def _pack_trim(trim: TrimParameters | None, thrift: float) -> list[float]:
    if trim is None:
        return [NAN] * TRIM_PARAMETERS
    return [
        trim.least,
        trim.greatest,
        trim.period_s,
        thrift * trim.trim,
        -thrift * trim.respond,
        trim.requests_max,
        trim.ignored_requests,
        trim.delay_s,
        trim.hot_limit_c,
    ]


def pack_reset(resets: Sequence[ResetParameters], units: Sequence[str]) -> FloatArray:
    """Return (cdus, RESET_PARAMETERS); ``units`` are those of the pump loops."""
    rows = np.full((len(resets), RESET_PARAMETERS), NAN)
    for row, reset, unit in zip(rows, resets, units, strict=True):
        for loop, trim in ((SUPPLY_TEMP, reset.supply_temp), (PRESSURE, reset.pump)):
            row[loop * TRIM_PARAMETERS : (loop + 1) * TRIM_PARAMETERS] = _pack_trim(trim, _THRIFT[loop])
        row[E_RISE_LIMIT_K], row[E_VOLUME_L] = reset.rise_limit_k, reset.volume_l
        row[E_BY_PRESSURE] = float(unit == "kPa")
        for k, limit in enumerate(reset.limits):
            if limit is not None:
                first = O_FIRST + k * LIMIT_PARAMETERS
                row[first : first + LIMIT_PARAMETERS] = limit.limit, limit.gain, limit.integral_time_s
    return rows


def pack_reset_points(resets: Sequence[ResetParameters]) -> IntArray:
    """Return (cdus, RESET_INDICES).

    Raises:
        ValueError: more points of one kind than the arrays hold (configuration refuses it first).
    """
    rows = np.full((len(resets), RESET_INDICES), -1, dtype=np.int64)
    for row, reset in zip(rows, resets, strict=True):
        row[RX_FLOW] = -1 if reset.flow is None else reset.flow
        row[RX_INLET] = -1 if reset.inlet is None else reset.inlet
        for k, limit in enumerate(reset.limits):
            row[RX_LIMIT + k] = -1 if limit is None else limit.point
        for first, points in ((RX_RETURN, reset.returns), (RX_BRANCH, reset.branches), (RX_HOT, reset.hot)):
            if len(points) > RETURNS_MAX:
                raise ValueError(f"{len(points)} points to look at are too many")
            row[first : first + len(points)] = points
    return rows


def pack_flow_tables(resets: Sequence[ResetParameters]) -> FloatArray:
    """Return (cdus, rows, 2) flow by inlet temperature, NaN after the last row of each."""
    longest = max((len(reset.flow_table) for reset in resets), default=0)
    tables = np.full((len(resets), max(longest, 1), 2), NAN)
    for table, reset in zip(tables, resets, strict=True):
        if reset.flow_table:
            table[: len(reset.flow_table)] = reset.flow_table
    return tables


def pack_resets(resets: Sequence[ResetParameters], units: Sequence[str]) -> ResetPlan:
    """Return every CDU's; ``units`` are those of the pump loops."""
    return ResetPlan(pack_reset(resets, units), pack_reset_points(resets), pack_flow_tables(resets))


def initial_memory(cdus: int) -> FloatArray:
    """Return (cdus, RESET_STATE) that knows nothing."""
    memory = np.zeros((cdus, RESET_STATE))
    unknown = [loop * TRIM_STATE + column for loop in range(LOOPS) for column in (U_SETPOINT, U_NEEDED)]
    unknown += [W_SLOW_K, W_NEEDED]
    unknown += [V_FIRST + k * LIMIT_STATE + V_FOLLOWED_PCT for k in range(LIMITS)]
    memory[:, unknown] = NAN
    return memory


def carried_memory(old: FloatArray, before: FloatArray, now: FloatArray, same_unit: bool) -> FloatArray:
    """Return a CDU's row after a reload: setpoints stay, what belongs to changed parameters is forgotten.

    Args:
        old: (RESET_STATE,).
        before: (RESET_PARAMETERS,) then.
        now: (RESET_PARAMETERS,) from now on.
        same_unit: whether the pump loop still has its unit.
    """
    if np.array_equal(before, now, equal_nan=True):
        return old.copy()
    row = initial_memory(1)[0]
    for loop in range(LOOPS if same_unit else PRESSURE):
        for column in (U_SETPOINT, U_AGE_S):
            row[loop * TRIM_STATE + column] = old[loop * TRIM_STATE + column]
    return row

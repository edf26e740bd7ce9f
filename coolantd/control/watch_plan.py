"""What the protection of a CDU is told: its own limits and points, and how they are packed. No limit: not watched."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.point import FloatArray, IntArray
from coolantd.safety import watch_layout as at

NAN: Final = math.nan
NOWHERE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParameters:
    """Limits of one CDU and the points behind them; NaN and None where there is none.

    Attributes:
        supply_max_c, return_max_c: of the coolant toward and from the racks, degC.
        flow_full_lpm: of the loop at full pump speed, L/min. nothing_lpm: less than this is no flow.
        pressure_max_kpa: at ``pressure``. suction_min_kpa: at ``suction``.
        suction_speed_pct: fastest pump speed while suction pressure or level is low.
        head_kpa: differential pressure of the pumps at full speed against a shut loop.
        confirm_s: by then a second reading has come.
        level_low, level_lost: at ``level``, in its unit.
        returns, flow, differential, pressure, suction, level, fws_supply: points.
    """

    supply_max_c: float = NAN
    return_max_c: float = NAN
    flow_full_lpm: float = NAN
    nothing_lpm: float = NAN
    pressure_max_kpa: float = NAN
    suction_min_kpa: float = NAN
    suction_speed_pct: float = NAN
    head_kpa: float = NAN
    level_low: float = NAN
    level_lost: float = NAN
    confirm_s: float = 2.0
    returns: int | None = None
    flow: int | None = None
    differential: int | None = None
    pressure: int | None = None
    suction: int | None = None
    level: int | None = None
    fws_supply: int | None = None


UNWATCHED: Final = WatchParameters()
"""Only what needs no limit of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the protection takes from the CDU's own parameters.

    Attributes:
        supply, loop, dew, heat: points; None where there is none.
        unit: of the pump loop. setpoint: of it.
        valve, pumps: actuators.
    """

    supply: int
    loop: int
    dew: int | None
    heat: int | None
    dew_design_c: float
    dew_margin_k: float
    unit: str
    setpoint: float
    valve: int
    pumps: Sequence[int]


def pack_watch(watch: WatchParameters, own: Watched) -> tuple[FloatArray, IntArray]:
    """Return the rows (WATCH_PARAMETERS,) and (WATCH_INDICES,) of one CDU."""
    w, wx = np.full(at.WATCH_PARAMETERS, NAN), np.full(at.WATCH_INDICES, NOWHERE, dtype=np.int64)
    w[at.W_SUPPLY_MAX_C], w[at.W_RETURN_MAX_C] = watch.supply_max_c, watch.return_max_c
    w[at.W_DEW_DESIGN_C], w[at.W_DEW_MARGIN_K] = own.dew_design_c, own.dew_margin_k
    w[at.W_FLOW_FULL_LPM], w[at.W_NOTHING_LPM] = watch.flow_full_lpm, watch.nothing_lpm
    w[at.W_PRESSURE_MAX_KPA], w[at.W_HEAD_KPA] = watch.pressure_max_kpa, watch.head_kpa
    w[at.W_SUCTION_MIN_KPA], w[at.W_SUCTION_SPEED_PCT] = watch.suction_min_kpa, watch.suction_speed_pct
    w[at.W_LEVEL_LOW], w[at.W_LEVEL_LOST] = watch.level_low, watch.level_lost
    w[at.W_PRESSURE_SETPOINT_KPA] = own.setpoint if own.unit == "kPa" else NAN
    w[at.W_HOLDS_FLOW] = float(own.unit == "L/min")
    w[at.W_CONFIRM_S] = watch.confirm_s
    points = {
        at.WX_SUPPLY: own.supply,
        at.WX_RETURN: watch.returns,
        at.WX_FLOW: own.loop if own.unit == "L/min" else watch.flow,
        at.WX_DIFFERENTIAL: own.loop if own.unit == "kPa" else watch.differential,
        at.WX_PRESSURE: watch.pressure,
        at.WX_SUCTION: watch.suction,
        at.WX_LEVEL: watch.level,
        at.WX_DEW: own.dew,
        at.WX_HEAT: own.heat,
        at.WX_FWS_SUPPLY: watch.fws_supply,
        at.WX_LOOP: own.loop,
        at.WX_VALVE: own.valve,
    }
    for column, point in points.items():
        wx[column] = NOWHERE if point is None else point
    wx[at.WX_PUMP : at.WX_PUMP + len(own.pumps)] = own.pumps
    return w, wx

"""From a CDU's configured limits to what its protection is told. Knows models; defaults are given here."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from coolantd.config.limit_models import LimitsConfig
from coolantd.config.limitcheck import greatest_setpoint_c
from coolantd.config.models import CduConfig
from coolantd.control.watch_plan import WatchParameters

SUPPLY_ROOM_K: Final = 10.0
"""Above the warmest setpoint: twice what the worst load step costs with fixed gains."""
NOTHING_RATIO: Final = 0.02
"""Of the full flow: below what flow sensors resolve."""

CONFIRM_MAX_S: Final = 2.0
"""A slow sensor does not make the protection slow: it is confirmed by one reading then."""

Resolve = Callable[[str | tuple[str, ...]], int]


def build_limits(cdu: CduConfig, point: Resolve, confirm_s: Callable[[Sequence[int]], float]) -> WatchParameters:
    """Return the limits of one CDU.

    Args:
        cdu: its configuration.
        point: returns the row of a reference.
        confirm_s: returns by when each of some rows has a second reading, s.
    """
    limits, model = cdu.limits or LimitsConfig(), cdu.model

    def row(reference: str | tuple[str, ...] | None) -> int | None:
        return None if reference is None else point(reference)

    supply_c = greatest_setpoint_c(cdu.supply_temp) + SUPPLY_ROOM_K
    flow = row(limits.flow or (model.flow if model is not None else None))
    confirming = [point(cdu.supply_temp.process_variable), point(cdu.pressure.process_variable), flow]
    rated_lpm = limits.flow_full_speed_lpm or (model.tcs_flow_rated_lpm if model is not None else math.nan)
    return WatchParameters(
        supply_max_c=supply_c if limits.supply_temp_c is None else limits.supply_temp_c,
        return_max_c=_or_nan(limits.return_temp_c),
        flow_full_lpm=_or_nan(limits.flow_full_speed_lpm),
        nothing_lpm=NOTHING_RATIO * rated_lpm,
        pressure_max_kpa=_or_nan(limits.pressure_kpa),
        suction_min_kpa=_or_nan(limits.suction_kpa),
        suction_speed_pct=limits.suction_speed_pct,
        head_kpa=_or_nan(_head_kpa(cdu, limits)),
        level_low=_or_nan(limits.level_low),
        level_lost=_or_nan(limits.level_lost),
        confirm_s=min(confirm_s([each for each in confirming if each is not None]), CONFIRM_MAX_S),
        returns=row(limits.return_temp or (model.return_temp if model is not None else None)),
        flow=flow,
        pressure=row(limits.pressure),
        suction=row(limits.suction),
        level=row(limits.level),
        fws_supply=row(model.fws_supply_temp if model is not None else None),
    )


def _head_kpa(cdu: CduConfig, limits: LimitsConfig) -> float | None:
    """Return the pressure against a shut loop; the pump curve's where there is one: without flow nothing is lost."""
    if limits.dead_head_kpa is not None or cdu.estimate is None:
        return limits.dead_head_kpa
    return cdu.estimate.pump_head_kpa


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value

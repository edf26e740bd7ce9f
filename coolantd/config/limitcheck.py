"""Whether the limits of a CDU's protection fit its loops and points. Knows models; every answer is at a key."""

from collections.abc import Iterator
from typing import Final

from coolantd.config.draft import CduDraft
from coolantd.config.limit_models import LimitsConfig
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, measured
from coolantd.config.models import SupplyTempLoopConfig
from coolantd.errors import Problem

_POINTS: Final = (("return_temp", "degC"), ("flow", "L/min"), ("pressure", "kPa"), ("suction", "kPa"))
ROOM_K: Final = 3.0
"""A limit nearer to a setpoint than this would be exceeded by an ordinary load step."""


def greatest_setpoint_c(loop: SupplyTempLoopConfig) -> float:
    """Return the warmest supply that control may be asked for."""
    return loop.setpoint_c if loop.reset is None else max(loop.setpoint_c, loop.reset.setpoint_max_c)


def check_limits(cdu: CduDraft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction between a CDU's limits, the points they name and what control is asked for."""
    if cdu.limits is None:
        return
    limits, path = cdu.limits, (*cdu.path, "limits")
    for key, unit in _POINTS:
        if (reference := getattr(limits, key)) is not None:
            yield from measured(reference, unit, (*path, key), plant)[1]
    if limits.level is not None:
        yield from plant.find(limits.level, (*path, "level"))[1]
    if limits.return_temp_c is not None and limits.return_temp is None and not cdu.has_model:
        what = "no return temperature to watch"
        yield plant.document.problem((*path, "return_temp_c"), what, allowed="with return_temp, or a [cdu.model]")
    if cdu.supply_temp is not None:
        yield from _room(limits, cdu.supply_temp, path, plant)


def _room(limits: LimitsConfig, loop: SupplyTempLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    least_c = greatest_setpoint_c(loop) + ROOM_K
    if limits.supply_temp_c is not None and limits.supply_temp_c < least_c:
        what = "too near to the setpoint: an ordinary load step would exceed it"
        value, allowed = f"{limits.supply_temp_c:g}", f"{least_c:g} or more"
        yield plant.document.problem((*path, "supply_temp_c"), what, value=value, allowed=allowed)

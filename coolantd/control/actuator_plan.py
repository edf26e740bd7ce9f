"""What control and the envelope are told of every actuator: frozen parameters, and the same packed for their kernels.

Built by config/ from files; knows none. Indices called *point* count in the snapshot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.layout import ACTUATOR_INDICES, ACTUATOR_PARAMETERS
from coolantd.point import FloatArray, IntArray
from coolantd.safety.envelope import LIMIT_COLUMNS, NO_GROUP

NAN: Final = float("nan")
PUMP: Final = "pump"
BRANCH_VALVE: Final = "branch_valve"
BYPASS_VALVE: Final = "bypass_valve"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorParameters:
    """One writable point that moves something, and the limits the envelope holds it to.

    Attributes:
        device, name: its tag.
        role: ``pump``, ``fws_valve``, ``branch_valve`` or ``bypass_valve``.
        minimum, maximum: least and greatest command, %; ``zero_allowed`` where it may also be off.
        position: point that measures what it does.
        readback: point that reads its setpoint back, or None.
        cdu: index of the CDU whose loops drive it, or None.
        fixed_pct: the fixed demand; NaN where anything else drives it.
        least_pct: of a bypass: what it is at least open.
        failsafe_pct: substituted for the last running pump; NaN otherwise.
        handover_tolerance_pct: largest difference between command and readback at which a hand-over completes.
        paths: of a branch or bypass valve: which valves with it are all the ways the pumps deliver through; None
            for anything else.
        fed_by: of such a valve: index of the CDU whose pumps those are, None where that is not known.
        travel_strokes_per_day: full strokes that its wear allows; a pump's speed is not travel.
    """

    device: str
    name: str
    role: str
    minimum: float
    maximum: float
    zero_allowed: bool
    slew_pct_per_s: float
    position: int
    readback: int | None
    cdu: int | None
    fixed_pct: float = NAN
    least_pct: float = 0.0
    failsafe_pct: float = NAN
    handover_tolerance_pct: float = 2.0
    paths: int | None = None
    fed_by: int | None = None
    travel_strokes_per_day: float = math.inf


def pack_indices(actuators: Sequence[ActuatorParameters]) -> IntArray:
    """Return (actuators, ACTUATOR_INDICES)."""
    rows = [[a.position, _index(a.readback), _index(a.cdu)] for a in actuators]
    return np.array(rows, dtype=np.int64).reshape(len(actuators), ACTUATOR_INDICES)


def pack_parameters(actuators: Sequence[ActuatorParameters]) -> FloatArray:
    """Return (actuators, ACTUATOR_PARAMETERS)."""
    rows = [
        [
            a.fixed_pct,
            a.slew_pct_per_s,
            a.minimum,
            a.maximum,
            a.handover_tolerance_pct,
            float(a.zero_allowed),
            a.least_pct,
        ]
        for a in actuators
    ]
    return np.array(rows, dtype=np.float64).reshape(len(actuators), ACTUATOR_PARAMETERS)


def pack_limits(actuators: Sequence[ActuatorParameters]) -> FloatArray:
    """Return (actuators, LIMIT_COLUMNS) of the envelope."""
    rows = [_limits_of(a) for a in actuators]
    return np.array(rows, dtype=np.float64).reshape(len(actuators), LIMIT_COLUMNS)


def _limits_of(actuator: ActuatorParameters) -> list[float]:
    group = actuator.cdu if actuator.role == PUMP else None
    return [
        actuator.minimum,
        actuator.maximum,
        float(actuator.zero_allowed),
        actuator.slew_pct_per_s,
        actuator.failsafe_pct,
        NO_GROUP if group is None else float(group),
        NO_GROUP if actuator.paths is None else float(actuator.paths),
        NO_GROUP if actuator.fed_by is None else float(actuator.fed_by),
        float(actuator.role == BYPASS_VALVE),
        math.inf if actuator.role == PUMP else actuator.travel_strokes_per_day,
    ]


def _index(value: int | None) -> int:
    return -1 if value is None else value

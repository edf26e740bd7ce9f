"""What the pump stage is told to do, and what it remembers: parameters, their packing, initial and carried state.

Knows the columns of ``pump_layout``; must never know what the stage makes of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.layout import PUMPS_MAX
from coolantd.control.pump_layout import (
    FAULTS_MAX,
    G_DUTY_S,
    G_LEAVER,
    G_OUTPUT,
    K_FAULT,
    K_RUN_TIME,
    PUMP_INDICES,
    PUMP_STATE,
    PUMPS_STATE,
    U_FLOOR_PCT,
    U_RUN_S,
    U_TRIPPED,
)
from coolantd.point import FloatArray, IntArray

FULL_SPEED_PCT: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpGroupParameters:
    """How the pumps of a CDU share the work.

    Attributes:
        duty: how many run while the others rest; None: all of them run.
        rotation_s: how long a pump is on duty before it hands over; infinite: for good.
        drive_ramp_s: from standstill to full speed, as the drives are set.
        confirm_s: a pump must be short of its speed for longer than this to count as tripped.
        run_times: points with each pump's run hours, or empty.
        faults: points of each pump that are not 0 while its drive is out of order, or empty.
    """

    duty: int | None = None
    rotation_s: float = float("inf")
    drive_ramp_s: float = 10.0
    confirm_s: float = 0.75
    run_times: tuple[int, ...] = ()
    faults: tuple[tuple[int, ...], ...] = ()


ALL_RUN: Final = PumpGroupParameters()
"""What a CDU does of which nothing is said."""


def pack_group(group: PumpGroupParameters, pumps: int) -> list[float]:
    """Return the (PUMPS_PARAMETERS,) row of a CDU with so many pumps."""
    duty = pumps if group.duty is None else min(group.duty, pumps)
    return [float(duty), float(duty < pumps), group.rotation_s, FULL_SPEED_PCT / group.drive_ramp_s, group.confirm_s]


def pack_pump_points(group: PumpGroupParameters) -> IntArray:
    """Return the (PUMPS_MAX, PUMP_INDICES) points of a CDU's pumps.

    Raises:
        ValueError: a pump has more fault points than the array holds (configuration refuses it first).
    """
    rows = np.full((PUMPS_MAX, PUMP_INDICES), -1, dtype=np.int64)
    rows[: len(group.run_times), K_RUN_TIME] = group.run_times
    for k, points in enumerate(group.faults):
        if len(points) > FAULTS_MAX:
            raise ValueError(f"{len(points)} fault points of one pump are too many")
        rows[k, K_FAULT : K_FAULT + len(points)] = points
    return rows


def initial_pumps(cdus: int) -> tuple[FloatArray, FloatArray]:
    """Return group and pump state (cdus, PUMPS_STATE) and (cdus, PUMPS_MAX, PUMP_STATE) that knows nothing."""
    g = np.zeros((cdus, PUMPS_STATE))
    g[:, [G_OUTPUT, G_DUTY_S]] = np.nan
    g[:, G_LEAVER] = -1.0
    u = np.zeros((cdus, PUMPS_MAX, PUMP_STATE))
    u[:, :, U_FLOOR_PCT] = np.nan
    return g, u


def carry_pumps(
    old: tuple[FloatArray, FloatArray],
    old_tags: Sequence[object],
    new: tuple[FloatArray, FloatArray],
    tags: Sequence[object],
    *,
    alike: bool,
) -> None:
    """Carry one CDU's group over a reload, in place.

    Args:
        old: its group and pump rows before.
        old_tags: its pumps then.
        new: its rows now, as ``initial_pumps`` made them.
        tags: its pumps now.
        alike: the arrangement is the same. Else roles are found anew from what the pumps do, and only what is true of
            each pump stays: its hours, and that it has tripped.
    """
    if alike and list(old_tags) == list(tags):
        new[0][:], new[1][:] = old[0], old[1]
        return
    before: Mapping[object, int] = {tag: k for k, tag in enumerate(old_tags)}
    new[0][G_OUTPUT] = old[0][G_OUTPUT]
    for k, tag in enumerate(tags):
        if tag in before:
            columns = [U_RUN_S, U_TRIPPED, U_FLOOR_PCT]
            new[1][k, columns] = old[1][before[tag], columns]

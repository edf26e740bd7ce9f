"""From the configured pumps table to the pump stage's parameters. Opens no file; knows how a tag becomes a point."""

import math
from collections.abc import Callable
from typing import Final

from coolantd.config.duty_models import PumpsConfig
from coolantd.control.pump_plan import PumpGroupParameters

CONFIRM_POLLS: Final = 1.5
"""A speed is short for longer than this many polls: one reading never trips a pump and two in a row do."""
SECONDS_PER_HOUR: Final = 3600.0


def build_pumps(pumps: PumpsConfig, point: Callable[[str], int], poll_s: float) -> PumpGroupParameters:
    """Return the parameters of a CDU's pumps, whose speeds are polled every ``poll_s``."""
    return PumpGroupParameters(
        duty=pumps.duty if pumps.arrangement == "duty_standby" else None,
        rotation_s=math.inf if pumps.rotation_h is None else pumps.rotation_h * SECONDS_PER_HOUR,
        drive_ramp_s=pumps.drive_ramp_s,
        confirm_s=CONFIRM_POLLS * poll_s,
        run_times=tuple(point(tag) for tag in pumps.run_times),
        faults=tuple(tuple(point(tag) for tag in tags) for tags in pumps.faults),
    )

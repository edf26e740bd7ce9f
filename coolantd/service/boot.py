"""Which switching-on of the machine this is, and the present moment on the clocks that outlive a process."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coolantd.clock import Clock, boottime_s
from coolantd.service.state_format import Moment

BOOT_ID_VARIABLE: Final = "COOLANTD_BOOT_ID"
"""Set by the unit (``%b``), inside whose walls the kernel's file is out of sight."""
BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
_CHARS_MAX: Final = 64


def boot_id(environ: Mapping[str, str] = os.environ, file: Path = BOOT_ID_FILE) -> str:
    """Return the boot's id, without dashes; empty where it cannot be known."""
    given = environ.get(BOOT_ID_VARIABLE, "")
    if not given:
        try:
            given = file.read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""
    return given.strip().replace("-", "")[:_CHARS_MAX]


def present_moment(clock: Clock) -> Moment:
    """Return the present moment."""
    return Moment(wall_s=clock.wall_s(), boottime_s=boottime_s(), boot_id=_this_boot())


@functools.cache
def _this_boot() -> str:
    return boot_id()

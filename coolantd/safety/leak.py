"""The leak policy as one kernel: from readings to levels, latches, steps, demands and requests to others.

Runs behind control and before the envelope. Knows no loop: it sees readings, limits, what each actuator was last
allowed, and demands, of which it overwrites those of the actuators that a leak needs.
"""

from typing import Final

from coolantd.kernel import Kernel
from coolantd.point import FloatArray, IntArray
from coolantd.safety.leak_detect import HELPERS as DETECT_HELPERS
from coolantd.safety.leak_detect import judge_zones
from coolantd.safety.leak_layout import Z_STEP, Step, StepState
from coolantd.safety.leak_steps import HELPERS as STEP_HELPERS
from coolantd.safety.leak_steps import advance, force, latch
from coolantd.safety.requests import Request

_POWER: Final = int(Step.POWER)
_IDLE: Final = int(StepState.IDLE)
_POWER_OFF: Final = int(Request.POWER_OFF)


def guard_leaks(
    p: FloatArray,
    x: IntArray,
    w: IntArray,
    dp: FloatArray,
    dx: IntArray,
    z: FloatArray,
    d: FloatArray,
    value: FloatArray,
    quality: IntArray,
    limits: FloatArray,
    last: FloatArray,
    demands: FloatArray,
    forced: IntArray,
    requests: IntArray,
    dt_s: float,
) -> None:
    """Carry out the leak policy of every zone for one cycle; what is remembered, demanded and requested changes.

    Args:
        p: (zones, ZONE_PARAMETERS).
        x: (zones, ZONE_INDICES).
        w: (power points, POWER_INDICES).
        dp: (detectors, DETECTOR_PARAMETERS).
        dx: (detectors, DETECTOR_INDICES).
        z: (zones, ZONE_STATE), changed in place.
        d: (detectors, DETECTOR_STATE), changed in place.
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``.
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        last: (actuators,) last allowed; NaN before adoption.
        demands: (actuators,) overwritten where a leak needs the actuator.
        forced: (actuators,) ``Force`` there, else left: an interlock, of pumps a trip.
        requests: (zones, REQUESTS) 1 while something is asked of others; only the power is, here.
        dt_s: seconds since the last call.
    """
    judge_zones(p, dp, dx, z, d, value, quality, dt_s)
    for n in range(p.shape[0]):
        latch(p[n], x[n], z[n], value, quality, dt_s)
        advance(n, p[n], x[n], z[n], w, value, quality, dt_s)
        force(x[n], z[n], limits, last, demands, forced, dt_s)
        requests[n, _POWER_OFF] = 0 if z[n, Z_STEP + _POWER] == _IDLE else 1


HELPERS: Final = (*DETECT_HELPERS, *STEP_HELPERS)
"""Every plain function ``guard_leaks`` calls, callees before callers."""
GUARD: Final = Kernel(guard_leaks, HELPERS)

"""Whether a device has restarted, seen from a counter that went back. Knows counts and given times; no socket.

After a restart nothing that was known of a device holds: its setpoints, its mode, which registers it has. It may come
back so fast that no request fails, so its own counters have to be watched: an uptime, or its heartbeat. Both wrap, and
a wrap is no restart.
"""

import math
from typing import Final

from coolantd.protocol.kinds import Coding
from coolantd.protocol.profile import Heartbeat, RegisterPoint
from coolantd.units import SOURCE_UNITS

UPTIME_SLACK_S: Final = 5.0
"""An uptime may go back by this much: some devices derive it from a clock that is set."""
CLOCK_ERROR_RATIO: Final = 0.02
"""Worst error of a device's clock that is allowed for when an uptime is expected to wrap."""
BEAT_HASTE: Final = 2.0
"""A device may advance its heartbeat this much faster than agreed before a wrap looks like a restart."""
JITTER_S: Final = 2.0
"""How much longer than the time between two requests may have passed between the two answers in the device."""
_INTEGERS: Final = frozenset({Coding.U16, Coding.U32, Coding.U64})
_SECONDS: Final = {"s": 1.0, "h": 3600.0}
"""How many seconds one of an uptime's unit is."""


def uptime_step_s(point: RegisterPoint) -> float:
    """Return what one count of an uptime point of unit s or h stands for, in s; 0 where its counts are not even."""
    if point.raw_span is not None:
        return 0.0
    factor = SOURCE_UNITS[point.source_unit][1] if point.source_unit else 1.0
    return abs(point.scale) / 2.0**point.fraction_bits * factor * _SECONDS[point.unit]


def uptime_wrap_s(point: RegisterPoint) -> float | None:
    """Return after how long an uptime point of unit s or h starts again at 0 by itself, in s; None if not known."""
    if point.coding not in _INTEGERS or point.raw_span is not None or point.scale <= 0.0:
        return None
    return 2.0 ** (16 * point.coding.register_count) * uptime_step_s(point)


class RestartWatch:
    """Watches the counters of one device.

    Args:
        heartbeat: its counters' wrap and pace; None for a device without.
        uptime_wrap_s: after how long its uptime starts again at 0 by itself; None where it never does.
        uptime_step_s: what one count of its uptime stands for.
    """

    def __init__(
        self,
        *,
        heartbeat: Heartbeat | None = None,
        uptime_wrap_s: float | None = None,
        uptime_step_s: float = 0.0,
    ) -> None:
        self._heartbeat = heartbeat
        self._uptime_wrap_s = uptime_wrap_s
        self._uptime_step_s = uptime_step_s
        self.forget()

    def forget(self) -> None:
        """Compare with nothing seen so far: another device may be there now."""
        self._uptime: tuple[float, float] | None = None
        self._beat: tuple[float, float] | None = None

    def saw_uptime(self, value_s: float, now_s: float) -> bool:
        """Return whether this uptime shows a restart since the last one; NaN shows nothing.

        Args:
            value_s: what the device said, in s whatever the point's unit.
            now_s: when it was asked.
        """
        if not math.isfinite(value_s):
            return False
        before, self._uptime = self._uptime, (value_s, now_s)
        if before is None or value_s >= before[0] - UPTIME_SLACK_S:
            return False
        return not self._uptime_wrapped(before[0], value_s, now_s - before[1])

    def saw_heartbeat(self, count: float, now_s: float) -> bool:
        """Return whether the device's heartbeat went back and cannot have wrapped meanwhile; NaN shows nothing.

        Args:
            count: what the device's counter read, 0 to the heartbeat's ``wrap_count``.
            now_s: when it was asked.

        Raises:
            ValueError: the device has no heartbeat.
        """
        if self._heartbeat is None:
            raise ValueError("a heartbeat of a device that has none")
        if not math.isfinite(count):
            return False
        before, self._beat = self._beat, (count, now_s)
        if before is None or count >= before[0]:
            return False
        advanced_count = count - before[0] + self._heartbeat.wrap_count + 1
        elapsed_s = max(now_s - before[1], 0.0) + JITTER_S
        return advanced_count > BEAT_HASTE * elapsed_s / self._heartbeat.period_s + 1.0

    def _uptime_wrapped(self, before_s: float, value_s: float, elapsed_s: float) -> bool:
        if self._uptime_wrap_s is None:
            return False
        expected_s = before_s + elapsed_s
        laps = max(round((expected_s - value_s) / self._uptime_wrap_s), 1)
        slack_s = UPTIME_SLACK_S + JITTER_S + self._uptime_step_s + CLOCK_ERROR_RATIO * elapsed_s
        return abs(value_s + laps * self._uptime_wrap_s - expected_s) <= slack_s

"""How much of a serial line's time its devices ask for. Knows frames, speeds and periods; judges nothing.

An estimate from below: units that answer at once, on a line without a fault. What does not fit by it cannot work.
"""

from typing import Final

from coolantd.config.line_models import LineConfig
from coolantd.config.models import DeviceConfig
from coolantd.protocol.profile import PollClass, Profile, registers_of
from coolantd.protocol.replies import ReadRequest
from coolantd.protocol.rtu import UNIT_MIN, frame_gap_s, reply_size, request_frame
from coolantd.protocol.spans import Span, plan_spans

ANSWER_S: Final = 0.005
"""From the end of a request to the first character of its reply, at the least: half a scan of a fast controller's
program (10 ms)."""


def read_s(span: Span, line: LineConfig, baudrate: int) -> float:
    """Return how long one read of a span occupies a line at a speed, in s: both frames, both gaps and the answer."""
    request = ReadRequest(0, UNIT_MIN, span.table, span.address, span.count)
    characters = len(request_frame(request)) + reply_size(request)
    return characters * line.bits_per_character / baudrate + 2.0 * frame_gap_s(baudrate) + ANSWER_S


def load_ratio(device: DeviceConfig, profile: Profile, line: LineConfig, baudrate: int) -> float:
    """Return the share of a line's time that reading a device takes at a speed; 1.0 is all of it.

    Points of one firmware only and texts, which are read once, do not count.
    """
    periods_s = {
        PollClass.FAST: device.poll_fast_s,
        PollClass.NORMAL: device.poll_normal_s,
        PollClass.SLOW: device.poll_slow_s,
    }
    polled = [point for point in registers_of(profile) if point.poll in periods_s]
    return sum(
        (read_s(span, line, baudrate) + profile.limits.request_gap_s) / periods_s[span.points[0].poll]
        for span in plan_spans(polled, profile.limits)
    )

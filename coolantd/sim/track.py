"""One quantity over time as straight pieces: steps, ramps and recorded traces alike. Knows no unit."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Track:
    """Breakpoints joined by straight lines; two breakpoints at one time are a step.

    Before the first breakpoint the first value holds, after the last the last. At the very time of a step
    the new value holds.

    Attributes:
        times_s: breakpoint times, never falling.
        values: the value at each breakpoint.
    """

    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, time_s: float) -> float:
        """Return the value at a time."""
        after = bisect_right(self.times_s, time_s)
        if after == 0:
            return self.values[0]
        if after == len(self.times_s):
            return self.values[-1]
        before_s, after_s = self.times_s[after - 1], self.times_s[after]
        share = (time_s - before_s) / (after_s - before_s)
        return self.values[after - 1] + share * (self.values[after] - self.values[after - 1])


def constant(value: float) -> Track:
    """Return a track that never changes."""
    return Track((0.0,), (value,))


def from_steps(steps: tuple[tuple[float, float, float], ...]) -> Track:
    """Return a track of steps and ramps.

    Args:
        steps: (time s, value, ramp s) in order of time. With a ramp of 0 the value is taken at once, else it is
            reached that long after its time; a step that begins before a ramp has ended starts from where the
            ramp then was.
    """
    track = constant(steps[0][1])
    for time_s, value, ramp_s in steps:
        kept = bisect_right(track.times_s, time_s)
        start = track.at(time_s)
        times_s = (*track.times_s[:kept], time_s, time_s + ramp_s)
        track = Track(times_s, (*track.values[:kept], start, value))
    return track

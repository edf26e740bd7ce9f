"""Samples: a value, its quality with a reason, and the time it speaks of. Knows no device and no clock."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

STALE_UNCERTAIN_PERIODS: Final = 2.0
"""A sample older than this many of its periods is uncertain (FM-18)."""
STALE_BAD_PERIODS: Final = 3.0
"""A sample older than this many of its periods is bad (FM-18)."""


class Quality(IntEnum):
    """How far a value may be trusted; the order is meant: worse is smaller."""

    BAD = 0
    UNCERTAIN = 1
    GOOD = 2


class Reason(IntEnum):
    """Why a quality is not good, after OPC UA Part 8 (OPC 10000-8, 7.3.2)."""

    NONE = 0
    WAITING_FOR_INITIAL_DATA = 1
    STALE = 2
    OUT_OF_RANGE = 3
    STUCK = 4
    SENSOR_FAILURE = 5
    NOT_CONNECTED = 6
    NO_COMMUNICATION = 7
    DEVICE_FAILURE = 8
    CONFIGURATION_ERROR = 9
    LOCAL_OVERRIDE = 10
    """Another writer has it, at the device."""
    SUBSTITUTED = 11
    OPERATOR_OVERRIDE = 12
    """An operator has it, by an order to us."""

    @property
    def label(self) -> str:
        """Return the reason as it appears in metrics, JSON and on the page."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading.

    Attributes:
        value: in the point's unit; NaN whenever quality is bad.
        quality: trust in the value.
        reason: why it is not good; ``Reason.NONE`` when it is.
        time_s: monotonic time at which the request was *sent* (or, for messages, the earliest time the
            value can be from), so that age never flatters a slow device.
    """

    value: float
    quality: Quality
    reason: Reason
    time_s: float


def good(value: float, time_s: float) -> Sample:
    """Return a good sample."""
    return Sample(value, Quality.GOOD, Reason.NONE, time_s)


def bad(reason: Reason, time_s: float) -> Sample:
    """Return a bad sample; it has no value."""
    return Sample(float("nan"), Quality.BAD, reason, time_s)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every point at one instant: what ``step`` sees.

    Attributes:
        value: (n,) values in their units, NaN where bad.
        quality: (n,) ``Quality`` as int64, staleness already applied.
        reason: (n,) ``Reason`` as int64.
        age_s: (n,) seconds since the request of the last sample was sent; inf if there was none.
    """

    value: FloatArray
    quality: IntArray
    reason: IntArray
    age_s: FloatArray

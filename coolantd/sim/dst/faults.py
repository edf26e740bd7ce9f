"""What may go wrong at a simulated site, as data. Knows names and times; ``injection`` makes it so.

The words for how something fails are PX4's: off, stuck, garbage, wrong, slow, delayed, intermittent.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """One kind of fault."""

    PUMP_OFF = "pump_off"
    PUMP_SLOW = "pump_slow"
    VALVE_STUCK = "valve_stuck"
    VALVE_SLOW = "valve_slow"
    FLOW_BLOCKED = "flow_blocked"
    FACILITY_OFF = "facility_off"
    FACILITY_WARM = "facility_warm"
    FACILITY_PRESSURE = "facility_pressure"
    DEW_JUMP = "dew_jump"
    BRANCH_BLOCKED = "branch_blocked"
    AIR = "air"
    LEAK = "leak"
    FOULING = "fouling"
    LOAD_STEP = "load_step"
    SENSOR_NAN = "sensor_nan"
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_DRIFT = "sensor_drift"
    SENSOR_BIAS = "sensor_bias"
    SENSORS_SWAPPED = "sensors_swapped"
    SENSOR_OUT_OF_RANGE = "sensor_out_of_range"
    SENSOR_SENTINEL = "sensor_sentinel"
    SENSOR_NOISY = "sensor_noisy"
    SENSOR_DELAYED = "sensor_delayed"
    DEVICE_SILENT = "device_silent"
    DEVICE_SLOW = "device_slow"
    DEVICE_LATE = "device_late"
    DEVICE_DEAF = "device_deaf"
    DEVICE_RESET = "device_reset"
    DEVICE_REFUSES = "device_refuses"
    EXCEPTION_1 = "exception_1"
    EXCEPTION_2 = "exception_2"
    EXCEPTION_3 = "exception_3"
    EXCEPTION_4 = "exception_4"
    EXCEPTION_5 = "exception_5"
    EXCEPTION_6 = "exception_6"
    EXCEPTION_11 = "exception_11"
    REPLY_TRANSACTION = "reply_transaction"
    REPLY_UNIT = "reply_unit"
    REPLY_SHORT = "reply_short"
    REPLY_COUNT = "reply_count"
    REPLY_FUNCTION = "reply_function"
    REPLY_GARBAGE = "reply_garbage"
    REPLY_TWICE = "reply_twice"
    REPLY_PREVIOUS = "reply_previous"
    ANOTHER_UNIT = "another_unit"
    REBOOT = "reboot"
    PUT_TO_LOCAL = "put_to_local"
    OTHER_WRITER = "other_writer"
    WRITE_IGNORED = "write_ignored"
    WRITE_LIMITED = "write_limited"
    STATUS_FROZEN = "status_frozen"
    UNIT_TURNED = "unit_turned"
    BROKER_OFF = "broker_off"
    BROKER_STALE = "broker_stale"
    BROKER_GARBAGE = "broker_garbage"
    DISK_FULL = "disk_full"
    CLOCK_FORWARD = "clock_forward"
    CLOCK_BACK = "clock_back"
    LOOP_STALL = "loop_stall"
    HTTP_FLOOD = "http_flood"
    RELOAD_SAME = "reload_same"
    RELOAD_CHANGED = "reload_changed"
    RELOAD_BAD = "reload_bad"
    KILL = "kill"
    ORDERS = "orders"
    OVERRIDE = "override"
    SHELVE = "shelve"
    LEAK_ONE = "leak_one"
    LEAK_TWO = "leak_two"
    LEAK_WIRE = "leak_wire"


SITE_KINDS: Final = tuple(kind for kind in Kind if list(Kind).index(kind) >= list(Kind).index(Kind.BROKER_OFF))
"""Those that are the whole daemon's, not one CDU's."""
BAY_KINDS: Final = tuple(kind for kind in Kind if kind not in SITE_KINDS)
BROKER_KINDS: Final = (
    Kind.BROKER_OFF,
    Kind.BROKER_STALE,
    Kind.BROKER_GARBAGE,
    Kind.LEAK_ONE,
    Kind.LEAK_TWO,
    Kind.LEAK_WIRE,
)
"""Those that only a site with a broker can have."""
OUTSIDE_KINDS: Final = (
    Kind.BROKER_OFF,
    Kind.BROKER_STALE,
    Kind.BROKER_GARBAGE,
    Kind.DISK_FULL,
    Kind.CLOCK_FORWARD,
    Kind.CLOCK_BACK,
    Kind.HTTP_FLOOD,
)
"""Those that may not change one command (I10, I13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: what.
        start_s: since the run began. duration_s: how long; some kinds happen at once and ignore it.
        size: how bad, 0 to 1.
        pick: which of several: a pump, an instrument.
        intermittent: it comes and goes every few seconds.
    """

    kind: Kind
    start_s: float
    duration_s: float
    size: float = 0.5
    pick: int = 0
    intermittent: bool = False

    @property
    def end_s(self) -> float:
        """Return when it is over."""
        return self.start_s + self.duration_s

    def __str__(self) -> str:
        """Return it in words that a person can repeat."""
        manner = ", on and off" if self.intermittent else ""
        return (
            f"{self.kind} from {self.start_s:g} s for {self.duration_s:g} s, size {self.size:g}, "
            f"pick {self.pick}{manner}"
        )

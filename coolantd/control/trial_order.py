"""What a trial is, and what it may be told: plain frozen values. Knows no plant and no time."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Method(IntEnum):
    """What a trial does."""

    PATTERN = 0
    """Steps of one loop's output around where it was."""
    RELAY = 1
    """One loop's output switched by its own process variable, with hysteresis."""
    NUDGE = 2
    """Both loops held, one actuator moved a little: for the pairing of sensors."""


class Phase(IntEnum):
    """How far a trial is."""

    RUNNING = 0
    RETURNING = 1
    """Aborted or done in manual, on its way back to where it began."""
    DONE = 2
    ABORTED = 3


class Abort(IntEnum):
    """Why a trial ended before its time."""

    NONE = 0
    ORDERED = 1
    LEASE = 2
    MODE = 3
    OTHER_WRITER = 4
    READING = 5
    SUPPLY = 6
    SUPPLY_RATE = 7
    PRESSURE = 8
    DEW_POINT = 9
    LOAD = 10
    NO_ANSWER = 11
    INTERLOCK = 12

    @property
    def sentence(self) -> str:
        """Return the cause for an operator."""
        return _ABORT_SENTENCES[self]


_ABORT_SENTENCES: Final = {
    Abort.NONE: "",
    Abort.ORDERED: "it was told to stop",
    Abort.LEASE: "nobody asked for its readings any more",
    Abort.INTERLOCK: "an interlock took an actuator of the CDU",
    Abort.MODE: "the CDU left the mode in which the test began",
    Abort.OTHER_WRITER: "a setpoint register was left to another writer",
    Abort.READING: "a reading that the test needs was not good",
    Abort.SUPPLY: "the supply temperature was about to leave its limits",
    Abort.SUPPLY_RATE: "the supply temperature changed too fast",
    Abort.PRESSURE: "the pressure or flow was about to leave its limits",
    Abort.DEW_POINT: "the supply temperature came too near to the dew point",
    Abort.LOAD: "the load moved by more than 3 %",
    Abort.NO_ANSWER: "the process variable did not answer the relay",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLimits:
    """What ends a trial. Deviations count from the setpoint in automatic, else from the value at the start.

    Attributes:
        supply_k: of the supply temperature.
        supply_rate_k_per_min: its slope, either way.
        pressure_ratio: of pressure or flow, as a share of its own value.
        lease_s: how long it goes on without being asked for.
    """

    supply_k: float = 2.0
    supply_rate_k_per_min: float = 15.0
    pressure_ratio: float = 0.25
    lease_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOrder:
    """What to do.

    Attributes:
        cdu: its index in the plan.
        loop: ``SUPPLY_TEMP`` or ``PRESSURE``.
        amplitude_pct: of the output; signed.
        segments: (seconds, share of the amplitude) one after the other; not for a relay.
        actuator: index of the one actuator to move alone; None moves the loop's output.
        hysteresis: of a relay, in the unit of the process variable.
        cycles: of a relay.
    """

    cdu: int
    loop: int
    method: Method
    amplitude_pct: float
    segments: tuple[tuple[float, float], ...] = ()
    actuator: int | None = None
    hysteresis: float = 0.1
    cycles: int = 4
    limits: TrialLimits = TrialLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial under way.

    Attributes:
        base_pct: outputs of both loops when it began; ``actuator_base_pct`` of the one actuator, NaN without.
        began_at: process variables then; ``power_kw`` NaN where it is not measured.
        mode: the CDU's then.
        slow: process variables behind ``RATE_TIME_S``; NaN at first.
        rate: their slopes per second.
        offset_pct: in force now.
        side, side_s, bias_pct: of a relay: 1 or -1, for how long, and what makes both sides last alike.
        switches: of a relay, so far. before_s: how long the side before lasted.
    """

    order: TrialOrder
    base_pct: tuple[float, float]
    actuator_base_pct: float
    began_at: tuple[float, float]
    power_kw: float
    mode: int
    lease_left_s: float
    phase: Phase = Phase.RUNNING
    abort: Abort = Abort.NONE
    elapsed_s: float = 0.0
    ended_s: float = 0.0
    uncertain_s: float = 0.0
    slow: tuple[float, float] = (math.nan, math.nan)
    rate: tuple[float, float] = (0.0, 0.0)
    offset_pct: float = 0.0
    side: int = 0
    side_s: float = 0.0
    before_s: float = 0.0
    bias_pct: float = 0.0
    switches: int = 0

    @property
    def over(self) -> bool:
        """Return whether it moves nothing any more."""
        return self.phase in (Phase.DONE, Phase.ABORTED)

    @property
    def duration_s(self) -> float:
        """Return how long its pattern takes; NaN for a relay, which follows the plant."""
        if self.order.method is Method.RELAY:
            return math.nan
        return sum(seconds for seconds, _ in self.order.segments)

"""What one virtual CDU's link shows from outside: every write a master sends, judged against what it may do.

Knows requests, the device's true positions and the limits it was told; it must never know what the master believes,
nor by what law it controls. Of each kind of breach the first is told in a sentence, and all are counted.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from coolantd.protocol.codec import DecodeFault, decode
from coolantd.protocol.kinds import Role
from coolantd.protocol.profile import RegisterPoint
from coolantd.sim.chaos_frames import READ_HOLDING, Asked
from coolantd.sim.controller_port import allowed
from coolantd.sim.row_cdu import RowCdu

WRITES_KEPT: Final = 20_000
SLEW_SLACK_PCT: Final = 0.6
"""A rounding of each of two registers and a deadband between them."""
ADOPTED_PCT: Final = 2.0
"""A value this near to where the actuator is moves nothing that counts as a step (I6)."""
START_MARGIN_PCT: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a master may do.

    Attributes:
        valve_rate_pct_per_s, pump_rate_pct_per_s: fastest change.
        period_s: between two decisions: as much earlier or later may two writes arrive than they were meant.
        pump_min_pct: slowest a pump runs.
    """

    valve_rate_pct_per_s: float
    pump_rate_pct_per_s: float
    period_s: float
    pump_min_pct: float = 25.0


@dataclass(frozen=True, slots=True)
class SentWrite:
    """One setpoint as a master sent it.

    Attributes:
        at_s: monotonic. wall_s: the same moment since the epoch.
        point, value: what.
        age_s: since the newest true status block that the master has was asked for; inf where it has none.
        position: where the actuator was.
    """

    at_s: float
    wall_s: float
    point: str
    value: float
    age_s: float
    position: float


@dataclass(slots=True)
class Witness:
    """One link's observer.

    Args:
        device: the virtual CDU behind it.
        identity: address of the register that tells the device, and what it holds.
        block: address of the status block that control needs.
        limits: what the master may do.

    Attributes:
        writes: every setpoint sent.
        breaches: what was done that may not be: the first of each kind, in a sentence; ``counts`` has how many.
    """

    device: RowCdu
    identity: tuple[int, int]
    block: int
    limits: Limits
    now_s: Callable[[], float] = time.monotonic
    writes: list[SentWrite] = field(default_factory=list)
    breaches: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _known: bool = False
    _good_s: float = -math.inf
    _last: dict[str, SentWrite] = field(default_factory=dict)
    _points: dict[int, RegisterPoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the setpoints."""
        self._points = {point.address: point for point in self.device.port.setpoints}

    def connected(self) -> None:
        """Note a new connection: nobody knows yet which device is at its other end."""
        self._known = False
        self.counts["connections"] += 1

    def asked(self, asked: Asked) -> None:
        """Judge one request."""
        self.counts["requests"] += 1
        if not asked.is_write:
            return
        self.counts["writes_sent"] += 1
        if not self._known:
            self._breach("unverified", f"address {asked.address} written before the device said who it is (I8)")
        point = self._points.get(asked.address) if asked.words else None
        if point is not None:
            self._setpoint(point, asked)

    def answered(self, asked: Asked, reply: bytes, asked_s: float) -> None:
        """Note what the master knows now."""
        if asked.function != READ_HOLDING or reply[7] != READ_HOLDING:
            return
        address, number = self.identity
        if asked.covers(address):
            at = 9 + 2 * (address - asked.address)
            self._known = int.from_bytes(reply[at : at + 2], "big") == number
        if asked.covers(self.block):
            self._good_s = max(self._good_s, asked_s)

    def look(self) -> None:
        """Judge what the device was left with; called at every step of it."""
        port = self.device.port
        speeds_pct = [port.registers.get(point.name) for point in port.setpoints if _is_pump(point)]
        if port.obeying and max(speeds_pct) < self.limits.pump_min_pct:
            self._breach("pumps", f"obeyed with both pumps told {speeds_pct} % (I3, FM-12)")

    def report(self) -> dict[str, Any]:
        """Return everything seen, ready for JSON."""
        writes = [asdict(write) | {"age_s": _finite(write.age_s)} for write in self.writes]
        return {**self.counts, "writes": writes, "breaches": dict(self.breaches)}

    def _setpoint(self, point: RegisterPoint, asked: Asked) -> None:
        now_s = self.now_s()
        try:
            value = decode(point, asked.words)
        except DecodeFault:
            self._breach("range", f"{point.name} = words {asked.words}, which is no value it may have (I1)")
            return
        role = None if point.write is None else point.write.role
        if role is None or not math.isfinite(value) or not allowed(role, value):
            self._breach("range", f"{point.name} = {value:g} % (I1)")
        write = SentWrite(now_s, time.time(), point.name, value, now_s - self._good_s, self._position(point))
        self._judge_slew(point, write)
        self._last[point.name] = write
        if len(self.writes) < WRITES_KEPT:
            self.writes.append(write)

    def _judge_slew(self, point: RegisterPoint, write: SentWrite) -> None:
        """Judge how far a value lies beyond what is between the last one and where the actuator is.

        A value between the two, or next to where the actuator is, moves nothing faster than it moves already.
        """
        before = self._last.get(point.name)
        limits = self.limits
        rate = limits.pump_rate_pct_per_s if _is_pump(point) else limits.valve_rate_pct_per_s
        dt_s = limits.period_s + (0.0 if before is None else write.at_s - before.at_s)
        start = write.position if before is None else before.value
        beyond = max(min(start, write.position) - write.value, write.value - max(start, write.position))
        if beyond <= rate * dt_s + SLEW_SLACK_PCT or abs(write.value - write.position) <= ADOPTED_PCT:
            return
        if _is_pump(point) and self._starts(min(start, write.position), write.value):
            return
        self._breach(
            "slew",
            f"{point.name} from {start:.2f} to {write.value:.2f} % in {dt_s - limits.period_s:.2f} s, "
            f"while it was at {write.position:.2f} % (I1)",
        )

    def _starts(self, start: float, value: float) -> bool:
        """Return whether a pump starts no faster than another runs, or stops from its minimum; below that it is off."""
        fastest_pct = max((w.value for w in self._last.values() if w.point.startswith("pump")), default=0.0)
        minimum_pct = self.limits.pump_min_pct
        stops = value == 0.0 and start <= minimum_pct + START_MARGIN_PCT
        # One decision moves them all by a period's worth; this one's write may be the first of them to arrive.
        fastest_pct += self.limits.pump_rate_pct_per_s * self.limits.period_s
        return stops or (start < minimum_pct and value <= max(minimum_pct, fastest_pct) + START_MARGIN_PCT)

    def _position(self, point: RegisterPoint) -> float:
        if not _is_pump(point):
            return self.device.valve_position_pct
        return self.device.pump_speeds_pct[0 if point.name.startswith("pump1") else 1]

    def _breach(self, kind: str, sentence: str) -> None:
        self.counts[f"breach_{kind}"] += 1
        self.breaches.setdefault(kind, sentence)


def _is_pump(point: RegisterPoint) -> bool:
    return point.write is not None and point.write.role is Role.PUMP


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None

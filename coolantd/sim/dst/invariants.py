"""The invariants, one class each, judged from what reaches the wire and from what is true in the plant.

Every judge keeps its own books. None of them calls the daemon's control or safety code; what the daemon *says* (its
modes, its setpoints) is looked at only where the invariant is about what it says. A judge returns one sentence for
what it finds wrong, else None, and must be able to fail: a test breaks a daemon for each of them.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

from coolantd.sim.dst.faults import Kind
from coolantd.sim.dst.scene import Scene
from coolantd.sim.dst.witness import PUMPS, VALVE, Write

PUMP_MIN_PCT: Final = 25.0
SLEW_PCT_PER_S: Final = {VALVE: 3.3, PUMPS[0]: 5.0, PUMPS[1]: 5.0}
"""As configured (``settings``)."""
SLACK_PCT: Final = 0.3
"""A deadband of 0.1 on either side, and a float32's rounding."""
LATE_CYCLES: Final = 2.0
"""A command of one cycle may reach the wire in the next."""
GRACE_S: Final = 3.0
"""A poll, a cycle and a write under way: until then nobody can know what has just been done at the panel."""
YIELD_S: Final = 1800.0
BAD_S: Final = 3.0
"""Periods without a good sample after which an input is bad; the hold time of a refused reading is as long."""
NORMAL_S: Final = 300.0
"""After a fault has cleared everything is as before within this."""
REENTRY_PCT: Final = 2.0
FRESH_S: Final = 12.0
"""A bus that sends nothing for so long while it should is hanging: its longest back-off and attempt are 7 s."""
HOUR_S: Final = 3600.0
DEW_MARGIN_K: Final = 2.0
FLOOR_SLACK_K: Final = 0.05
FLOOR_S: Final = 10.0
FLOOR_RISE_K_PER_S: Final = 0.09
"""A little less than the 0.1 K/s with which the floor follows a dew point that rises."""


@dataclass(slots=True, kw_only=True)
class Sight:
    """One CDU at one tick, as the judges see it.

    Attributes:
        now_s: monotonic. period_s: of poll and cycle.
        scene: the machine and its faults. writes: since the last tick.
        mode: as the daemon says; empty while there is none. actuators: the same by setpoint.
        setpoint_c: of supply, in force.
        status_s: when the newest good status block was asked for. heard_s: anything good.
        strange: what the witness found odd.
        fed: the watchdog was fed since the last tick. site_active: kinds of the site's faults that are on.
        quiet_s: since when no fault of any kind is active; inf while one is.
        single: at most one fault has been planned. restarted_s: when the daemon last began. run_s: since the run did.
    """

    now_s: float
    period_s: float
    scene: Scene
    writes: list[Write]
    mode: str = ""
    actuators: dict[str, str] = field(default_factory=dict)
    setpoint_c: float = math.nan
    status_s: float = -1e9
    heard_s: float = -1e9
    strange: list[str] = field(default_factory=list)
    fed: bool = False
    site_active: frozenset[Kind] = frozenset()
    quiet_s: float = math.inf
    single: bool = False
    restarted_s: float = 0.0
    run_s: float = 0.0

    def on(self, *kinds: Kind) -> bool:
        """Return whether a fault of one of these kinds is active."""
        return any(fault.kind in kinds for fault in self.scene.active)


class Judge(Protocol):
    """One invariant."""

    name: str

    def look(self, sight: Sight) -> str | None:
        """Return what is wrong at this tick."""
        ...


@dataclass(slots=True)
class _Book:
    """What one setpoint register is known to hold, and since when a change may count."""

    value: float = math.nan
    time_s: float = math.nan


class I1Slew:
    """Every command is finite, in range, and no further from the last one than its slew allows."""

    name = "I1"

    def __init__(self) -> None:
        self._books = {what: _Book() for what in SLEW_PCT_PER_S}

    def look(self, sight: Sight) -> str | None:
        """Judge every write of a setpoint."""
        for write in sight.writes:
            if write.what in SLEW_PCT_PER_S and (wrong := self._judge(write, sight)):
                return wrong
        return None

    def _judge(self, write: Write, sight: Sight) -> str | None:
        value, book = write.value, self._books[write.what]
        low = 0.0 if write.what == VALVE else PUMP_MIN_PCT
        off = value == 0.0 and write.what != VALVE
        if not math.isfinite(value) or not (off or low - 1e-3 <= value <= 100.0 + 1e-3):
            return f"{write.what} = {value:g}"
        wrong = self._jump(write, book, sight)
        book.value, book.time_s = value, write.time_s
        return wrong

    def _jump(self, write: Write, book: _Book, sight: Sight) -> str | None:
        """Return what is wrong with a change; any of what the daemon may rightly take for the present counts."""
        cdu, slew = sight.scene.cdu, SLEW_PCT_PER_S[write.what]
        dt_s = LATE_CYCLES * sight.period_s
        if math.isfinite(book.time_s) and not self._calm(book, sight):
            dt_s += write.time_s - book.time_s  # a write may have failed, or have had to wait
        allowed = slew * dt_s + SLACK_PCT
        held = [value for time_s, value in sight.scene.held[write.what] if time_s < write.time_s]
        bases = [book.value, *held]
        bases.append(cdu.valve_position_pct if write.what == VALVE else cdu.pump_speeds_pct[PUMPS.index(write.what)])
        if any(abs(write.value - base) <= allowed for base in bases if math.isfinite(base)):
            return None
        if write.what != VALVE and self._starts(write, bases):
            return None
        return f"{write.what} from {book.value:.2f} to {write.value:.2f} % in {dt_s:.1f} s, allowed {allowed:.2f}"

    def _calm(self, book: _Book, sight: Sight) -> bool:
        """Return whether nothing has failed since the last write: then it was due whenever a command had moved."""
        scene = sight.scene
        return not scene.active and not sight.site_active and max(scene.touched_s, sight.restarted_s) < book.time_s

    def _starts(self, write: Write, bases: list[float]) -> bool:
        """Return whether a pump starts, at most as fast as the other turns, or stops from its least."""
        other = self._books[PUMPS[1 - PUMPS.index(write.what)]].value
        least = min((base for base in bases if math.isfinite(base)), default=0.0)
        begins = least < PUMP_MIN_PCT and write.value <= max(other if math.isfinite(other) else 0.0, 30.0) + 5.0
        return begins or (write.value == 0.0 and least <= 30.0)


class I2Stale:
    """Nothing but the failsafe is commanded from an input that is too old."""

    name = "I2"

    def __init__(self) -> None:
        self._pumps = dict.fromkeys(PUMPS, math.nan)

    def look(self, sight: Sight) -> str | None:
        """While nothing good has come for too long a pump is never slowed below what is safe."""
        patience_s = 2.0 * BAD_S * sight.period_s + GRACE_S
        old = sight.now_s - sight.status_s > patience_s
        lost = sight.now_s - sight.heard_s > patience_s
        for write in sight.writes:
            if write.what in PUMPS:
                before, self._pumps[write.what] = self._pumps[write.what], write.value
                other = self._pumps[PUMPS[1 - PUMPS.index(write.what)]]
                slower = write.value < before - SLACK_PCT and max(write.value, other) < 75.0 - SLACK_PCT
                if old and slower:
                    age_s = sight.now_s - sight.status_s
                    return f"{write.what} slowed from {before:.1f} to {write.value:.1f} % on readings {age_s:.1f} s old"
            if lost and write.what == "beat":
                age_s = sight.now_s - sight.heard_s
                return f"a heartbeat, which keeps the device from helping itself, {age_s:.1f} s after its last word"
        return None


class I3LastPump:
    """A pump runs while there is heat, or while nobody knows."""

    name = "I3"

    def look(self, sight: Sight) -> str | None:
        """Judge what the device holds while it obeys."""
        port = sight.scene.cdu.port
        if not port.obeying:
            return None
        speeds = [port.registers.get(point.name) for point in port.setpoints if "pump" in point.name]
        if max(speeds) >= PUMP_MIN_PCT - 1e-3:
            return None
        return f"pumps commanded {speeds[0]:.1f} and {speeds[1]:.1f} % under load"


class I4Dew:
    """The supply setpoint in force keeps its margin to the dew point that the device shows."""

    name = "I4"

    def __init__(self) -> None:
        self._shown: deque[tuple[float, float]] = deque()
        self._floor_c = math.nan

    def look(self, sight: Sight) -> str | None:
        """Compare with the least dew point shown of late, followed no faster than the floor is promised to rise."""
        dew_c, shown = sight.scene.cdu.shown["dew_point_c"], self._shown
        good = sight.now_s - sight.status_s < BAD_S * sight.period_s and -20.0 <= dew_c <= 35.0
        if not good or sight.mode != "automatic" or sight.scene.cdu.port.imperial or sight.on(Kind.STATUS_FROZEN):
            shown.clear()
            self._floor_c = math.nan
            return None
        shown.append((sight.now_s, dew_c))
        while shown[0][0] < sight.now_s - FLOOR_S:
            shown.popleft()
        least_c = min(value for _, value in shown) + DEW_MARGIN_K
        risen_c = self._floor_c + FLOOR_RISE_K_PER_S * (shown[-1][0] - shown[-2][0] if len(shown) > 1 else 0.0)
        self._floor_c = least_c if math.isnan(risen_c) else min(least_c, risen_c)
        early = sight.now_s - shown[0][0] < FLOOR_S - 2.0 * sight.period_s
        if early or not sight.setpoint_c < self._floor_c - FLOOR_SLACK_K:
            return None
        return f"setpoint {sight.setpoint_c:.2f} C, and the dew point with its margin {self._floor_c:.2f} C"


class I5Wear:
    """No register is written more often than once a cycle, and the valve does not wander."""

    name = "I5"

    def __init__(self) -> None:
        self._valve_pct = math.nan
        self._travel: deque[tuple[float, float]] = deque()
        self._moved_pct = 0.0
        self._times: dict[str, deque[float]] = {}

    def look(self, sight: Sight) -> str | None:
        """Count writes, and add up how far the valve was sent."""
        for write in sight.writes:
            if write.what == "beat":
                continue
            times = self._times.setdefault(write.what, deque(maxlen=8))
            times.append(write.time_s)
            if len(times) == 8 and times[-1] - times[0] < 3.0 * sight.period_s:
                return f"{write.what} written 8 times in {times[-1] - times[0]:.1f} s"
            if write.what == VALVE and (wrong := self._sent(write)):
                return wrong
        return None

    def _sent(self, write: Write) -> str | None:
        step = abs(write.value - self._valve_pct) if math.isfinite(self._valve_pct) else 0.0
        self._valve_pct = write.value
        self._travel.append((write.time_s, step))
        self._moved_pct += step
        while self._travel[0][0] < write.time_s - HOUR_S:
            self._moved_pct -= self._travel.popleft()[1]
        most = 6000.0
        return None if self._moved_pct <= most else f"the valve was sent {self._moved_pct:.0f} % in an hour"


class I6Recovery:
    """After the last fault has cleared everything is normal within five minutes, and the way back is no bump."""

    name = "I6"

    def __init__(self) -> None:
        self._obeyed = True
        self._told = False

    def look(self, sight: Sight) -> str | None:
        """Judge the mode some time after everything has cleared, and the first moment of obeying again."""
        cdu = sight.scene.cdu
        wrong = self._bump(sight)
        self._obeyed = cdu.port.obeying
        if wrong:
            return wrong
        since_s = max(sight.quiet_s, sight.restarted_s)
        late = math.isfinite(sight.quiet_s) and sight.now_s - since_s > NORMAL_S
        held = any(sight.now_s < each.until_s + NORMAL_S for each in sight.scene.operator.values())
        normal = held or (sight.mode == "automatic" and cdu.port.obeying)
        if not late or normal or self._told or self._left(sight):
            return None
        self._told = True
        said, late_s = sight.mode or "no daemon", sight.now_s - since_s
        return f"{said}, obeying {cdu.port.obeying}, {late_s:.0f} s after all had cleared"

    def _left(self, sight: Sight) -> bool:
        """Return whether somebody else has a right to a register, or to the device."""
        return any(f.kind in (Kind.OTHER_WRITER, Kind.PUT_TO_LOCAL) for f in sight.scene.faults)

    def _bump(self, sight: Sight) -> str | None:
        cdu = sight.scene.cdu
        if self._obeyed or not cdu.port.obeying or sight.on(Kind.PUMP_SLOW, Kind.PUMP_OFF, Kind.VALVE_STUCK):
            return None
        told = cdu.registers.get("fws_valve_position_setpoint_pct")
        gap = abs(told - cdu.valve_position_pct)
        age_s = sight.now_s - sight.status_s + LATE_CYCLES * sight.period_s  # meanwhile it may have gone on
        if gap <= REENTRY_PCT + SLEW_PCT_PER_S[VALVE] * age_s:
            return None
        return f"taken over with the valve {gap:.1f} % from where it stood"


class I8Rights:
    """Only the device that is meant is written, only after it has spoken, and never while somebody else has it."""

    name = "I8"

    def __init__(self) -> None:
        self._local_s = math.inf

    def look(self, sight: Sight) -> str | None:
        """Judge writes to strangers, and setpoints while the device was put to local by hand."""
        if sight.strange:
            return sight.strange[0]
        self._local_s = min(self._local_s, sight.now_s) if sight.on(Kind.PUT_TO_LOCAL) else math.inf
        held = sight.now_s - self._local_s > GRACE_S and sight.now_s - sight.restarted_s > self._since(sight)
        if held and sight.scene.alone(Kind.PUT_TO_LOCAL):
            for write in sight.writes:
                if write.what in SLEW_PCT_PER_S or (write.what == "remote" and write.value == 1.0):
                    return f"{write.what} = {write.value:g} while somebody had put the device to local"
        return None

    def _since(self, sight: Sight) -> float:
        return sight.now_s - self._local_s


class I9OtherHands:
    """What somebody else wrote is left alone for as long as was promised."""

    name = "I9"

    def look(self, sight: Sight) -> str | None:
        """Judge writes to a register that another master has just written."""
        foreign = sight.scene.foreign
        for write in sight.writes:
            left = foreign.get(write.what)
            if left is None or not sight.scene.alone(Kind.OTHER_WRITER) or sight.site_active:
                continue
            since_s = write.time_s - left.time_s
            ours = abs(left.value - left.before) < 1.0 or sight.restarted_s > left.time_s
            if GRACE_S < since_s < YIELD_S - GRACE_S and not ours:
                return f"{write.what} written {since_s:.0f} s after somebody else had set it to {left.value:g} %"
        return None


class I9Override:
    """What an operator holds stays where they put it, and is let go when their time is over."""

    name = "I9"

    def look(self, sight: Sight) -> str | None:
        """Judge writes to a held register, from when it may have arrived there until the lease ends."""
        scene = sight.scene
        for write in sight.writes:
            held = scene.operator.get(write.what)
            if held is None or any(f.start_s <= sight.run_s for f in scene.faults):
                continue
            arrived_s = held.from_s + 100.0 / SLEW_PCT_PER_S[write.what] + GRACE_S
            theirs = sight.actuators.get(write.what) == "override"  # an interlock goes before an operator, and says so
            if theirs and arrived_s < write.time_s < held.until_s and abs(write.value - held.value) > SLACK_PCT:
                return f"{write.what} = {write.value:.1f} % while an operator holds it at {held.value:g} %"
        if any(sight.now_s > held.until_s + GRACE_S for held in scene.operator.values()) and sight.mode == "override":
            return "an operator's hold outlives its lease"
        return None


class I12Watchdog:
    """The watchdog is fed only while every bus turns."""

    name = "I12"

    def look(self, sight: Sight) -> str | None:
        """Hold what was fed against what the wire has seen."""
        idle_s = sight.now_s - max(sight.scene.line.tried_s, sight.restarted_s)
        if sight.fed and idle_s > FRESH_S:
            return f"the watchdog was fed while the bus had sent nothing for {idle_s:.1f} s"
        return None


def judges() -> list[Judge]:
    """Return one of each, for one CDU."""
    kinds: list[type[Judge]] = [
        I1Slew,
        I2Stale,
        I3LastPump,
        I4Dew,
        I5Wear,
        I6Recovery,
        I8Rights,
        I9OtherHands,
        I9Override,
        I12Watchdog,
    ]
    return [kind() for kind in kinds]

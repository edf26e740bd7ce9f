"""Which invariants an hour kept: reads what reached the registers and what the plant was, by a book-keeping of its own.

Uses the limits a configuration states, and nothing of what decided. Every check answers with the first moment at which
it was broken; a story under which a check cannot be made is left out of it, by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coolantd.control.plan import ActuatorParameters
from coolantd.point import FloatArray, Quality
from coolantd.safety.modes import Mode
from coolantd.sim import fast_layout as on
from coolantd.sim.campaign.play import Seen
from coolantd.sim.campaign.site import PUMPS, VALVE
from coolantd.sim.campaign.story import AGAIN_NORMAL_S, HOUR_S
from coolantd.sim.fastloop import Event

DUST: Final = 1e-6
ADOPTION_PCT: Final = 2.5
"""A first command after a pause is where the actuator was measured: noise, a sensor's lag and a cycle apart."""
RE_ENTRY_PCT: Final = 2.0
"""I6: the largest step when automatic is entered again."""
HOLD_S: Final = 5.0
"""A refused reading is worth this long by configuration; a cycle on either side belongs to it."""
TRAVEL_STROKES_PER_H: Final = 40.0
"""I5: whatever the faults, no valve is moved through more full strokes than this in the hour."""
NORMAL_K: Final = 2.0
"""I6: the supply is back within the warning band."""
STROKE_PCT: Final = 100.0
SUPPLY_MAX_C: Final = 45.0
"""As ``study_cdu.LIMITS`` says it; written down once more, for a judge reads no law from the accused."""
COOLANT_MAX_C: Final = 75.0
ANSWERED_S: Final = 30.0
"""A sensor's lag, a delay of some seconds, and the whole range at 5 %/s."""
HEATING: Final = frozenset({"facility_flow_lost", "facility_pressure_low", "facility_warm", "exchanger_fouled"})
"""Faults that only make it hot."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant broken: which, when for the first time, and what was seen."""

    invariant: str
    time_s: float
    text: str


BoolArray = NDArray[np.bool_]
Check = Callable[[Seen], Violation | None]


def times_s(seen: Seen) -> FloatArray:
    """Return when each row's cycle decided."""
    return np.arange(len(seen.record), dtype=np.float64) * seen.site.period_s


def _first(invariant: str, seen: Seen, wrong: BoolArray, text: str) -> Violation | None:
    where = np.flatnonzero(wrong)
    return Violation(invariant, float(times_s(seen)[where[0]]), text) if len(where) else None


def _parameters(seen: Seen, name: str) -> ActuatorParameters:
    return seen.site.plan.actuators[seen.site.actuators[name]]


def _commands(seen: Seen, name: str) -> FloatArray:
    return seen.orders[:, seen.site.actuators[name], on.O_COMMAND_PCT]


def in_range(seen: Seen) -> Violation | None:
    """I1: every command is a number in the actuator's range, or off where that is allowed."""
    for name in (VALVE, *PUMPS):
        limits, commands = _parameters(seen, name), _commands(seen, name)
        off = (commands == 0.0) & limits.zero_allowed
        inside = (commands >= limits.minimum - DUST) & (commands <= limits.maximum + DUST)
        found = _first("I1", seen, ~(np.isnan(commands) | off | inside), f"{name} out of range")
        if found:
            return found
    return None


def in_slew(seen: Seen) -> Violation | None:
    """I1: between two commands no actuator is moved faster than its slew.

    A pump may start at the speed in force. While the device follows its own controller a command may be where the
    actuator is: that moves nothing.
    """
    pumps = np.nan_to_num(np.stack([_commands(seen, name) for name in PUMPS]))
    for name in (VALVE, *PUMPS):
        limits, commands = _parameters(seen, name), _commands(seen, name)
        before, now = commands[:-1], commands[1:]
        step = np.abs(now - before)  # NaN, and so no step, after a pause
        wrong = step > limits.slew_pct_per_s * seen.site.period_s + DUST
        if name in PUMPS:
            in_force = np.maximum(pumps.max(axis=0)[:-1], limits.minimum)
            starts = (before < limits.minimum) & (now <= in_force + DUST)
            stops = (now == 0.0) & (before <= limits.minimum + DUST)
            wrong &= ~(starts | stops)
        wrong &= ~_adopts(seen, name)[1:]
        found = _first("I1", seen, np.concatenate([[False], wrong]), f"{name} moved faster than its slew")
        if found:
            return found
    return None


def _position_pct(seen: Seen, name: str) -> FloatArray:
    column = on.R_VALVE_RATIO if name == VALVE else on.R_PUMP_SPEEDS_RATIO + PUMPS.index(name)
    return seen.record[:, column] * STROKE_PCT


def _adopts(seen: Seen, name: str) -> BoolArray:
    """Return when a CDU that follows its own controller has its actuators told to be where they are, or off."""
    starting = (seen.record[:, on.R_MODE] == float(Mode.STARTING)) & (shown(seen, "manual_mode_bool", on.N_BIAS) == 0.0)
    commands, position = _commands(seen, name), _position_pct(seen, name)
    before = np.concatenate([position[:1], position[:-1]])  # what the command was told by: a pump may coast meanwhile
    at_minimum = np.maximum(position, _parameters(seen, name).minimum)
    away = [np.abs(commands - each) for each in (position, at_minimum, before)]
    near = np.min(away, axis=0) <= ADOPTION_PCT
    off = (commands == 0.0) & (position < _parameters(seen, name).minimum)
    adopts: BoolArray = starting & (near | off)
    return adopts


def _shown_until(events: list[Event], row: int, column: int, first: float, times: FloatArray) -> FloatArray:
    """Return what a column of an instrument was at each time."""
    mine = [e for e in events if e.target == on.Target.INSTRUMENT and e.row == row and e.column == column]
    values = np.full(len(times), first)
    for event in sorted(mine, key=lambda e: e.time_s):
        values[times + DUST >= event.time_s] = event.value
    return values


def shown(seen: Seen, point: str, column: int) -> FloatArray:
    """Return a column of a point's instrument in every cycle."""
    row = list(seen.story.instruments).index(point)
    first = seen.story.instruments[point].packed()[column]
    return _shown_until(seen.story.events(seen.site), row, column, first, times_s(seen))


def blind_is_failsafe(seen: Seen) -> Violation | None:
    """I2: while no sensor of a loop has been good for longer than its hold time, nothing is automatic."""
    supply = ("tcs_supply_temp_c", "tcs_supply_spare_temp_c")[: seen.site.sensors]
    for group in (supply, ("tcs_differential_pressure_kpa",)):
        bad = np.all([shown(seen, point, on.N_QUALITY) == Quality.BAD for point in group], axis=0)
        run = _lengths(bad) * seen.site.period_s
        wrong = (run > HOLD_S + 2.0 * seen.site.period_s) & np.isin(seen.record[:, on.R_MODE], _IN_CONTROL)
        found = _first("I2", seen, wrong, f"in control without {group[0]}")
        if found:
            return found
    return None


_IN_CONTROL: Final = (float(Mode.AUTOMATIC), float(Mode.OVERRIDE))


def _lengths(mask: BoolArray) -> FloatArray:
    """Return for each element how many in a row, itself included, have been true."""
    count = np.arange(1, len(mask) + 1)
    return (count - np.maximum.accumulate(np.where(mask, 0, count))).astype(np.float64)


def in_force_pct(seen: Seen) -> FloatArray:
    """Return (pumps, cycles) the last command to each pump; NaN before the first."""
    rows = []
    for name in PUMPS:
        commands = _commands(seen, name)
        last = np.maximum.accumulate(np.where(np.isnan(commands), -1, np.arange(len(commands))))
        rows.append(np.where(last >= 0, commands[last], np.nan))
    return np.stack(rows)


def a_pump_runs(seen: Seen) -> Violation | None:
    """I3: at least one pump is told to run; a CDU tripped for a lost level is the named exception."""
    running = np.any(~(in_force_pct(seen) < _parameters(seen, PUMPS[0]).minimum - DUST), axis=0)
    tripped = seen.record[:, on.R_MODE] == float(Mode.TRIPPED)
    return _first("I3", seen, ~running & ~tripped, "every pump told to stop")


def above_dew_point(seen: Seen) -> Violation | None:
    """I4: the setpoint in force is at least the measured dew point and its margin, a cycle after it is known."""
    dew_c = shown(seen, "dew_point_c", on.N_BIAS)
    good = shown(seen, "dew_point_c", on.N_QUALITY) == Quality.GOOD
    known = _lengths(good & (np.diff(dew_c, prepend=dew_c[0]) == 0.0)) > 1
    margin_k = seen.site.plan.cdus[0].dew_point_margin_k
    automatic = np.isin(seen.record[:, on.R_MODE], _IN_CONTROL)
    low = seen.record[:, on.R_SETPOINT_C] < dew_c + margin_k - DUST
    return _first("I4", seen, known & automatic & low, "setpoint below the dew point's floor")


def within_travel(seen: Seen) -> Violation | None:
    """I5: the valve's commands travel no more than their budget in the hour."""
    commands = _commands(seen, VALVE)
    travel = np.cumsum(np.abs(np.diff(commands[~np.isnan(commands)]))) / STROKE_PCT
    if len(travel) and travel[-1] > TRAVEL_STROKES_PER_H:
        return Violation("I5", HOUR_S, f"the valve was sent through {travel[-1]:.0f} strokes")
    return None


def re_enters_gently(seen: Seen) -> Violation | None:
    """I6: neither valve nor the fastest pump steps by more than 2 % in the cycle in which automatic is entered.

    An interlock in that very cycle moves them at their rate: it is not over yet. A pump that stands is started.
    """
    mode = seen.record[:, on.R_MODE]
    enters = (mode[1:] == float(Mode.AUTOMATIC)) & (mode[:-1] != float(Mode.AUTOMATIC))
    turns = np.max([_position_pct(seen, name) for name in PUMPS], axis=0) >= _parameters(seen, PUMPS[0]).minimum
    interlocked = np.any(seen.orders[:, :, on.O_FORCED] != 0.0, axis=1)
    for name, commands in (("valve", _commands(seen, VALVE)), ("pumps", in_force_pct(seen).max(axis=0))):
        wrong = enters & ~interlocked[1:] & (np.abs(np.diff(commands)) > RE_ENTRY_PCT)
        wrong &= (name == "valve") | turns[1:]
        found = _first("I6", seen, np.concatenate([[False], wrong]), f"{name} stepped on re-entry")
        if found:
            return found
    return None


def normal_again(seen: Seen) -> Violation | None:
    """I6: five minutes after the last fault the CDU is in automatic, or stopped by a trip that waits for a person."""
    begin_s = seen.story.over_s + AGAIN_NORMAL_S
    later = times_s(seen) >= begin_s
    allowed = (float(Mode.AUTOMATIC), float(Mode.TRIPPED))
    return _first("I6", seen, later & ~np.isin(seen.record[:, on.R_MODE], allowed), "not back in automatic in time")


def holds_again(seen: Seen) -> Violation | None:
    """I6: well after the last fault and load change the supply is near its setpoint, or the valve at an end."""
    quiet_s = max([seen.story.over_s, *(time_s for time_s, _ in seen.story.loads)]) + 2.0 * AGAIN_NORMAL_S
    if quiet_s > HOUR_S - 1.0 or seen.record[-1, on.R_MODE] != float(Mode.AUTOMATIC):
        return None
    off_k = abs(seen.record[-1, on.R_SUPPLY_TEMP_C] - seen.record[-1, on.R_SETPOINT_C])
    at_end = not 0.02 < seen.record[-1, on.R_VALVE_RATIO] < 0.98
    return (
        Violation("I6", HOUR_S, f"supply {off_k:.1f} K from its setpoint") if off_k > NORMAL_K and not at_end else None
    )


def cools_when_hot(seen: Seen) -> Violation | None:
    """FM-02: once the supply has been above its limit for a while and nothing else is wrong, a pump is at full speed.

    The loops alone would leave the pumps where the pressure wants them: this is the protection's doing. Beyond what
    the coolant stands it expands so far that over-pressure has the pumps.
    """
    if any(fault.kind not in HEATING for fault in seen.story.faults):
        return None
    supply_c = seen.record[:, on.R_SUPPLY_TEMP_C]
    hot = (supply_c > SUPPLY_MAX_C + NORMAL_K) & (supply_c < COOLANT_MAX_C)
    long = _lengths(hot) * seen.site.period_s > ANSWERED_S
    slow = in_force_pct(seen).max(axis=0) < STROKE_PCT - RE_ENTRY_PCT
    return _first("FM-02", seen, long & slow, "hot, and no pump at full speed")


def stops_when_dry(seen: Seen) -> Violation | None:
    """FM-05: a CDU that has been tripped for a while, and listens, has its pumps told to stop."""
    if any(kind in fault.kind for fault in seen.story.faults for kind in ("deaf", "device", "writer", "readback")):
        return None
    long = _lengths(seen.record[:, on.R_MODE] == float(Mode.TRIPPED)) * seen.site.period_s > ANSWERED_S
    return _first("FM-05", seen, long & (in_force_pct(seen).max(axis=0) > 0.0), "tripped, and a pump is told to run")


def finite(seen: Seen) -> Violation | None:
    """I1: nothing in plant or registers is ever anything but a number."""
    numbers = np.isfinite(np.delete(seen.record, [on.R_SETPOINT_C, on.R_FLOOR_C], axis=1)).all(axis=1)
    registers = np.isfinite(seen.orders[:, :, on.O_REGISTER_PCT]).all(axis=1)
    wrong: BoolArray = ~np.asarray(numbers & registers)
    return _first("I1", seen, wrong, "not a number")


CHECKS: Final[tuple[Check, ...]] = (
    finite,
    in_range,
    in_slew,
    blind_is_failsafe,
    a_pump_runs,
    above_dew_point,
    within_travel,
    re_enters_gently,
    normal_again,
    holds_again,
    cools_when_hot,
    stops_when_dry,
)


def judge(seen: Seen) -> list[Violation]:
    """Return every invariant that the hour broke."""
    return [found for found in (check(seen) for check in CHECKS) if found is not None]

"""The one decision: ``step(plan, state, snapshot, now_s) -> (state, decision)``.

Live operation, simulation, replay, tests and benchmarks call this function and no other. It reads no clock, touches
no wire and changes none of its arguments.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from coolantd.control.arrays import Memory, Result, Seen, empty_result
from coolantd.control.branch_plan import blank_memory, carry_memory
from coolantd.control.estimate_plan import initial_estimates
from coolantd.control.group_plan import blank_group_state
from coolantd.control.layout import (
    A_LAST,
    ACTUATOR_STATE,
    C_MODEL_UA_KW_K,
    CDU_STATE,
    D_CAUSE,
    D_FLOOR_C,
    D_HEAT_KW,
    D_IMPLAUSIBLE,
    D_MODE,
    D_MODEL_READY,
    LOOP_STATE,
    LOOPS,
    PRESSURE,
    S_FILTERED,
    S_OUTPUT,
    S_SETPOINT,
    S_SETPOINT_USED,
    S_TRIAL,
)
from coolantd.control.override_order import Override
from coolantd.control.override_targets import carry_overrides
from coolantd.control.overrides import advance_overrides, claim_demands, let_go, mark, note_forced, overridden, tell
from coolantd.control.plan import NAN, Plan
from coolantd.control.pump_layout import H_STANDBY
from coolantd.control.pump_plan import carry_pumps, initial_pumps
from coolantd.control.reset_plan import carried_memory, initial_memory
from coolantd.control.sensor_plan import SensorState, carry_sensors, initial_sensors, show_last_votes
from coolantd.control.trial import advance_trials, offset_demands
from coolantd.control.trial_order import Trial
from coolantd.point import FloatArray, IntArray, Quality, Snapshot
from coolantd.safety.actuator_modes import ACTUATOR_WATCH, AM_MODE
from coolantd.safety.hazards import HAZARDS
from coolantd.safety.latch import HAZARD_STATE
from coolantd.safety.leak_plan import blank_leaks, carry_leaks
from coolantd.safety.modes import Cause, Mode
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.safety.travel import blank_travel
from coolantd.safety.watch_layout import WATCH_STATE, WD_SUPPLY_C

DT_MIN_S: Final = 1e-3
"""Two steps closer together than this are one: keeps the derivative finite."""
DT_MAX_PERIODS: Final = 4.0
"""After a stall (SIGSTOP, suspend) the integrals move by at most this many periods' worth."""
VALUE_MAX: Final = 1e9
"""No measured quantity reaches this in any unit; a value that does is bad whatever its quality says, so that no NaN,
infinity or overflow ever enters a kernel (FM-16)."""

_BAD: Final = int(Quality.BAD)
_STARTING: Final = int(Mode.STARTING)
_WAITING_FOR_REMOTE: Final = int(Cause.WAITING_FOR_REMOTE)


@dataclass(frozen=True, slots=True)
class ControlState:
    """What control remembers; owned by the cycle.

    Attributes:
        time_s: ``now_s`` of the last step; NaN before the first.
        s: (cdus, LOOPS, LOOP_STATE).
        d: (cdus, CDU_STATE).
        a: (actuators, ACTUATOR_STATE).
        branch_w: (balanced manifolds, BALANCE_STATE).
        branch_b: (their branches, BRANCH_STATE).
        e: (cdus, ESTIMATE_STATE).
        eb: (cdus, BRANCHES_MAX, BRANCH_STATE) of ``estimate_layout``.
        vs: (votes, VOTE_STATE).
        ss: (sensors, SENSOR_STATE).
        group_d: (cdus, GROUP_STATE).
        g: (cdus, PUMPS_STATE). u: (cdus, PUMPS_MAX, PUMP_STATE).
        reset: (cdus, RESET_STATE).
        hz: (cdus, HAZARDS, HAZARD_STATE). watch_d: (cdus, WATCH_STATE). am: (actuators, ACTUATOR_WATCH).
        leak_z: (leak zones, ZONE_STATE). leak_d: (leak detectors, DETECTOR_STATE).
        travel: (actuators, TRAVEL_STATE) of the envelope.
        trials: at most one per CDU, those that are over included.
        overrides: of operators, at most one of a target, in the order in which they were given.
    """

    time_s: float
    s: FloatArray
    d: FloatArray
    a: FloatArray
    branch_w: FloatArray
    branch_b: FloatArray
    e: FloatArray
    eb: FloatArray
    vs: FloatArray
    ss: FloatArray
    group_d: FloatArray
    g: FloatArray
    u: FloatArray
    reset: FloatArray
    hz: FloatArray
    watch_d: FloatArray
    am: FloatArray
    leak_z: FloatArray
    leak_d: FloatArray
    travel: FloatArray
    trials: tuple[Trial, ...] = ()
    overrides: tuple[Override, ...] = ()

    def arrays(self) -> Memory:
        """Return the arrays themselves, to be looked at."""
        return Memory(*(getattr(self, name) for name in Memory._fields))

    def copied(self) -> Memory:
        """Return the arrays as copies that kernels may change."""
        return Memory(*(getattr(self, name).copy() for name in Memory._fields))


@dataclass(frozen=True, slots=True)
class Decision:
    """What one step decided.

    Attributes:
        commands: (actuators,) value to have in force, % ; NaN: write nothing.
        demands: (actuators,) what the loops wanted before the envelope; NaN: nothing.
        refusals: (actuators,) ``safety.envelope.Refusal`` codes.
        modes, causes: (cdus,) ``Mode`` and ``Cause`` codes.
        setpoints: (cdus, LOOPS) in force, ramped, floor applied; NaN before the first good process variable.
        outputs: (cdus, LOOPS) loop outputs, %.
        wants_remote: (cdus,) True while the device should be told to obey us and does not yet.
        seen: the snapshot as the loops saw it: voted rows filled, sensors that are not believed marked.
        conditions: (cdus, CONDITIONS) 1 for each ``Condition`` that is so now, else 0.
        details: (cdus, CONDITIONS) which pump, branch or point it is about; ``NOTHING`` where it is none.
        hazards: (cdus, HAZARDS) 1 for each ``Hazard`` that is in force, else 0.
        hazard_details: (cdus, HAZARDS) which pump it is about; ``NOTHING`` where it is none.
        requests: (cdus, REQUESTS) 1 for each ``Request`` made of others, else 0.
        zone_requests: (leak zones, REQUESTS) the same for a leak.
        actuator_modes: (actuators,) ``Mode`` codes.
        forced: (actuators,) ``Force`` codes.
        claims: (actuators,) ``Claim`` of whoever has it.
    """

    commands: FloatArray
    demands: FloatArray
    refusals: IntArray
    modes: IntArray
    causes: IntArray
    setpoints: FloatArray
    outputs: FloatArray
    wants_remote: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    conditions: IntArray
    details: IntArray
    hazards: IntArray
    hazard_details: IntArray
    requests: IntArray
    zone_requests: IntArray
    actuator_modes: IntArray
    forced: IntArray
    seen: Snapshot
    claims: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def initial_state(plan: Plan) -> ControlState:
    """Return the state of a daemon that knows nothing: failsafe, nothing adopted, nothing to write."""
    n, m = len(plan.cdus), len(plan.actuators)
    s = np.zeros((n, LOOPS, LOOP_STATE))
    s[:, :, [S_OUTPUT, S_FILTERED, S_SETPOINT, S_SETPOINT_USED]] = NAN
    d = np.zeros((n, CDU_STATE))
    d[:, D_MODE] = float(Mode.FAILSAFE)
    d[:, D_CAUSE] = float(Cause.WAITING_FOR_SCAN)
    d[:, [D_HEAT_KW, D_FLOOR_C]] = NAN
    w, b = blank_memory(plan.branches)
    e, eb = initial_estimates(n)
    sensors = initial_sensors(plan.sensors)
    a, pumps = np.full((m, ACTUATOR_STATE), NAN), initial_pumps(n)
    more = (*pumps, initial_memory(n), *initial_protection(n, m), *blank_leaks(plan.leaks), blank_travel(m))
    own = Memory(s, d, a, w, b, e, eb, sensors.vs, sensors.ss, blank_group_state(n), *more)
    return ControlState(NAN, **own._asdict())


def initial_protection(cdus: int, actuators: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what the protection remembers before the first step: no hazard, every actuator in starting."""
    watch_d = np.zeros((cdus, WATCH_STATE))
    watch_d[:, WD_SUPPLY_C] = NAN
    return np.zeros((cdus, HAZARDS, HAZARD_STATE)), watch_d, np.zeros((actuators, ACTUATOR_WATCH))


def carry_state(old_plan: Plan, old: ControlState, plan: Plan) -> ControlState:
    """Return a state for a new plan that keeps what still has a meaning: bumpless reload.

    CDUs are matched by name and device (the same name on another machine is another CDU), actuators by tag. A loop
    whose process variable changed unit starts its ramp anew, and its CDU passes through starting again if it had
    been there before. Overrides go on where what they hold is still there.
    """
    new = initial_state(plan)
    rows = {(cdu.name, cdu.device): n for n, cdu in enumerate(old_plan.cdus)}
    for n, cdu in enumerate(plan.cdus):
        if (cdu.name, cdu.device) in rows:
            before = rows[cdu.name, cdu.device]
            new.hz[n], new.watch_d[n] = old.hz[before], old.watch_d[before]
            new.s[n], new.d[n], new.group_d[n] = old.s[before], old.d[before], old.group_d[before]
            _carry_group(old_plan, before, old, plan, n, new)
            if not np.array_equal(old_plan.c[before, C_MODEL_UA_KW_K:], plan.c[n, C_MODEL_UA_KW_K:], equal_nan=True):
                new.d[n, D_MODEL_READY] = 0.0  # what was learnt belongs to the model that learnt it
            elif np.array_equal(old_plan.ep[before], plan.ep[n], equal_nan=True):
                new.e[n], new.eb[n] = old.e[before], old.eb[before]
            same_unit = old_plan.cdus[before].pressure.unit == cdu.pressure.unit
            was, now = old_plan.reset.g[before], plan.reset.g[n]
            new.reset[n] = carried_memory(old.reset[before], was, now, same_unit)
            if not same_unit:
                new.s[n, PRESSURE, [S_SETPOINT, S_SETPOINT_USED]] = NAN
                if new.d[n, D_MODE] != Mode.FAILSAFE:
                    new.d[n, D_MODE] = float(Mode.STARTING)
    new.d[:, D_IMPLAUSIBLE] = 0.0  # the next step judges anew
    new.s[:, :, S_TRIAL] = 0.0  # what was to be learnt of the old plan ends with it
    tags = {(a.device, a.name): i for i, a in enumerate(old_plan.actuators)}
    for i, actuator in enumerate(plan.actuators):
        if (actuator.device, actuator.name) in tags:
            was = tags[actuator.device, actuator.name]
            new.a[i], new.am[i], new.travel[i] = old.a[was], old.am[was], old.travel[was]
    w, b = carry_memory(old_plan.branches, (old.branch_w, old.branch_b), plan.branches)
    sensors = carry_sensors(old_plan.sensors, SensorState(old.vs, old.ss), plan.sensors)
    overrides = carry_overrides(old_plan, old.overrides, plan)
    leak_z, leak_d = carry_leaks(old_plan.leaks, (old.leak_z, old.leak_d), plan.leaks)
    new = replace(new, leak_z=leak_z, leak_d=leak_d)
    return replace(new, time_s=old.time_s, branch_w=w, branch_b=b, vs=sensors.vs, ss=sensors.ss, overrides=overrides)


def _carry_group(old_plan: Plan, before: int, old: ControlState, plan: Plan, n: int, new: ControlState) -> None:
    tags, old_tags = (
        [(each.actuators[i].device, each.actuators[i].name) for i in each.cdus[row].pumps]
        for each, row in ((plan, n), (old_plan, before))
    )
    alike = np.array_equal(old_plan.h[before, : H_STANDBY + 1], plan.h[n, : H_STANDBY + 1])
    carry_pumps((old.g[before], old.u[before]), old_tags, (new.g[n], new.u[n]), tags, alike=alike)


def _elapsed_s(plan: Plan, state: ControlState, now_s: float) -> float:
    elapsed_s = now_s - state.time_s
    if not elapsed_s >= DT_MIN_S:  # also true for the NaN of the very first step
        return plan.period_s if np.isnan(elapsed_s) else DT_MIN_S
    return min(elapsed_s, DT_MAX_PERIODS * plan.period_s)


@dataclass(slots=True)
class _Run:
    """What the stages up to the gate have made of one cycle."""

    memory: Memory
    seen: Seen
    result: Result
    trials: tuple[Trial, ...]
    overrides: tuple[Override, ...]


def _seen(snapshot: Snapshot) -> Seen:
    numbers = np.abs(snapshot.value) < VALUE_MAX  # False for NaN
    quality = np.where(numbers, snapshot.quality, _BAD)
    return Seen(snapshot.value.copy(), quality, snapshot.reason.copy(), snapshot.age_s.copy())


def _control(plan: Plan, state: ControlState, snapshot: Snapshot, overrides: tuple[Override, ...], dt_s: float) -> _Run:
    """Run everything up to the demands: the loops first, then who ranks above them."""
    fixed, seen, memory = plan.arrays(), _seen(snapshot), state.copied()
    result = empty_result(len(plan.cdus), len(plan.actuators), len(plan.leaks.zones))
    show_last_votes(fixed, memory, seen)
    trials = advance_trials(state.trials, plan, memory, seen, dt_s)
    if overrides or state.overrides:  # those of the last cycle have left their marks
        mark(overrides, plan, memory, seen)
    plan.stages.decide(overridden(fixed, overrides, plan, dt_s), memory, seen, result, dt_s)
    offset_demands(trials, plan, memory, result, dt_s)
    overrides = claim_demands(overrides, plan, state.a[:, A_LAST], memory, seen, result, dt_s)
    tell(overrides, plan, memory, seen)
    return _Run(memory, seen, result, trials, overrides)


def step(
    plan: Plan,
    state: ControlState,
    snapshot: Snapshot,
    now_s: float,
    facts: IntArray | None = None,
    permits: IntArray | None = None,
) -> tuple[ControlState, Decision]:
    """Decide once.

    Args:
        plan: parameters and kernels.
        state: what the last step returned.
        snapshot: every point now, staleness applied.
        now_s: monotonic seconds.
        facts: (cdus, FACTS) 1 for each ``safety.hazards.Fact`` that only the service can know; None for none.
        permits: (actuators,) ``Permit`` flags that came with the snapshot; None in a simulation, which has no devices
            to be wrong about.

    Returns:
        The next state and the decision. Arguments are left as they were.
    """
    dt_s = _elapsed_s(plan, state, now_s)
    overrides = state.overrides
    if overrides:
        overrides = advance_overrides(overrides, plan, state.arrays(), _seen(snapshot), now_s)
    run = _control(plan, state, snapshot, overrides, dt_s)
    in_control = let_go(overrides, plan, run.memory.d)
    if in_control != overrides:  # a CDU has just left control: its failsafe does not wait for the next cycle
        run = _control(plan, state, snapshot, in_control, dt_s)
    memory, seen, result = run.memory, run.seen, run.result
    if facts is not None:
        result.facts[:] = facts
    plan.stages.protect(plan.arrays(), memory, seen, result, dt_s)
    result.permits[:] = EVERY_PERMIT if permits is None else permits
    plan.stages.gate(plan.arrays(), memory, result, dt_s)
    overrides = note_forced(run.overrides, plan, result.forced)
    s, d = memory.s, memory.d
    causes = d[:, D_CAUSE].astype(np.int64)
    modes = d[:, D_MODE].astype(np.int64)
    return ControlState(now_s, **memory._asdict(), trials=run.trials, overrides=overrides), Decision(
        commands=result.commands,
        demands=result.demands,
        refusals=result.refusals,
        modes=modes,
        causes=causes,
        setpoints=s[:, :, S_SETPOINT_USED].copy(),
        outputs=s[:, :, S_OUTPUT].copy(),
        wants_remote=(modes == _STARTING) & (causes == _WAITING_FOR_REMOTE),
        conditions=result.conditions,
        details=result.details,
        hazards=result.hazards,
        hazard_details=result.hazard_details,
        requests=result.requests,
        zone_requests=result.zone_requests,
        actuator_modes=memory.am[:, AM_MODE].astype(np.int64),
        forced=result.forced,
        seen=Snapshot(*seen),
        claims=result.claims,
    )

"""The packed arrays that the stages of a step hand to each other, in four bundles. Names and shapes only.

Named tuples, because a kernel takes one as a single argument: a stage that needs another array adds a field here, and
no signature between ``step`` and the stage changes. Columns are those of ``layout`` and of each stage's own layout.
"""

from typing import NamedTuple

import numpy as np

from coolantd.control.conditions import CONDITIONS
from coolantd.control.layout import LOOP_PARAMETERS, LOOPS
from coolantd.point import FloatArray, IntArray
from coolantd.safety.hazards import FACTS, HAZARDS
from coolantd.safety.requests import REQUESTS
from coolantd.safety.watch_layout import WATCH_WANTED


class Fixed(NamedTuple):
    """What a plan says; no kernel ever writes to it.

    Attributes:
        p: (cdus, LOOPS, LOOP_PARAMETERS).
        c: (cdus, CDU_PARAMETERS).
        x: (cdus, CDU_INDICES).
        tables: (cdus, rows, 2) failsafe valve tables.
        y: (actuators, ACTUATOR_INDICES).
        f: (actuators, ACTUATOR_PARAMETERS).
        limits: (actuators, LIMIT_COLUMNS) of the envelope.
        branch_m: (balanced manifolds, BALANCE_PARAMETERS).
        branch_x: (their branches, BRANCH_INDICES).
        ep: (cdus, ESTIMATE_PARAMETERS). ex: (cdus, ESTIMATE_INDICES).
        vx, vp: (votes, VOTE_INDICES), (votes, VOTE_PARAMETERS).
        sx, sp: (sensors, SENSOR_INDICES), (sensors, SENSOR_PARAMETERS) of watched sensors.
        group_x: (groups, GROUP_MAX) CDUs of one header.
        h: (cdus, PUMPS_PARAMETERS) of the pumps together.
        k: (cdus, PUMPS_MAX, PUMP_INDICES) of each pump.
        reset: (cdus, RESET_PARAMETERS). reset_x: (cdus, RESET_INDICES). flow_tables: (cdus, rows, 2).
        watch_p: (cdus, WATCH_PARAMETERS), watch_x: (cdus, WATCH_INDICES) of the protection.
        leak_p, leak_x: (leak zones, ZONE_PARAMETERS), (leak zones, ZONE_INDICES). leak_w: their power points.
        leak_dp, leak_dx: (leak detectors, DETECTOR_PARAMETERS), (leak detectors, DETECTOR_INDICES).
    """

    p: FloatArray
    c: FloatArray
    x: IntArray
    tables: FloatArray
    y: IntArray
    f: FloatArray
    limits: FloatArray
    branch_m: FloatArray
    branch_x: IntArray
    ep: FloatArray
    ex: IntArray
    vx: IntArray
    vp: FloatArray
    sx: IntArray
    sp: FloatArray
    group_x: IntArray
    h: FloatArray
    k: IntArray
    reset: FloatArray
    reset_x: IntArray
    flow_tables: FloatArray
    watch_p: FloatArray
    watch_x: IntArray
    leak_p: FloatArray
    leak_x: IntArray
    leak_w: IntArray
    leak_dp: FloatArray
    leak_dx: IntArray


class Memory(NamedTuple):
    """What control remembers from step to step; kernels change it in place, so ``step`` hands them copies.

    Attributes:
        s: (cdus, LOOPS, LOOP_STATE).
        d: (cdus, CDU_STATE).
        a: (actuators, ACTUATOR_STATE).
        branch_w: (balanced manifolds, BALANCE_STATE).
        branch_b: (their branches, BRANCH_STATE).
        e: (cdus, ESTIMATE_STATE). eb: (cdus, BRANCHES_MAX, BRANCH_STATE).
        vs: (votes, VOTE_STATE).
        ss: (sensors, SENSOR_STATE).
        group_d: (cdus, GROUP_STATE).
        g: (cdus, PUMPS_STATE) of the pumps together.
        u: (cdus, PUMPS_MAX, PUMP_STATE) of each pump.
        reset: (cdus, RESET_STATE).
        hz: (cdus, HAZARDS, HAZARD_STATE) of ``safety.latch``.
        watch_d: (cdus, WATCH_STATE) of ``safety.watch_layout``.
        am: (actuators, ACTUATOR_WATCH) of ``safety.actuator_modes``.
        leak_z: (leak zones, ZONE_STATE). leak_d: (leak detectors, DETECTOR_STATE).
        travel: (actuators, TRAVEL_STATE) of the envelope.
    """

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


class Seen(NamedTuple):
    """Every point now; the first stage fills voted rows and marks sensors that it does not believe, in place.

    Attributes:
        value: (points,) NaN where bad.
        quality: (points,) ``Quality``; bad wherever the value is no number.
        reason: (points,) ``Reason``.
        age_s: (points,) seconds.
    """

    value: FloatArray
    quality: IntArray
    reason: IntArray
    age_s: FloatArray


class Result(NamedTuple):
    """What one step leaves besides its memory; ``decide`` clears it first, so it may come in any state.

    Attributes:
        demands: (actuators,) what is wanted now; NaN where nothing is.
        commands: (actuators,) what the envelope allowed; NaN: write nothing.
        refusals: (actuators,) ``safety.envelope.Refusal`` codes.
        claims: (actuators,) ``Claim`` of whoever demands it. actuator_modes: (actuators,) ``Mode``.
        permits: (actuators,) ``Permit`` flags; what comes with the snapshot, not cleared.
        admitted: (actuators,) 1 where something may be written at all. last: (actuators,) what was last allowed before.
        conditions: (cdus, CONDITIONS) 1 for each ``Condition`` that is so.
        details: (cdus, CONDITIONS) which one it is about; ``NOTHING`` where it is none.
        p: (cdus, LOOPS, LOOP_PARAMETERS) of this step: the plan's, with what the reset stage asks the loops for.
        forced: (actuators,) ``safety.hazards.Force``: what outranks whoever else demands something of it.
        hazards: (cdus, HAZARDS) 1 for each ``safety.hazards.Hazard`` that is in force.
        hazard_details: (cdus, HAZARDS) which pump it is about; ``NOTHING`` where it is none.
        causes: (cdus, HAZARDS) what is said of each cause, see ``safety.latch``.
        facts: (cdus, FACTS) 1 for each ``safety.hazards.Fact`` that is so.
        watch_n: (cdus, WATCH_WANTED) of ``safety.watch_layout``.
        requests: (cdus, REQUESTS) 1 for each ``safety.requests.Request`` made of others.
        zone_requests: (leak zones, REQUESTS) the same for a leak.
        held: (actuators,) 1 where an operator's override has it. cdus: (actuators,) CDU of each, or -1.
        cdu_modes: (cdus,) ``Mode`` of each, as the protection leaves it.
    """

    demands: FloatArray
    commands: FloatArray
    refusals: IntArray
    claims: IntArray
    actuator_modes: IntArray
    permits: IntArray
    admitted: IntArray
    last: FloatArray
    conditions: IntArray
    details: IntArray
    p: FloatArray
    forced: IntArray
    hazards: IntArray
    hazard_details: IntArray
    causes: IntArray
    facts: IntArray
    watch_n: FloatArray
    requests: IntArray
    zone_requests: IntArray
    held: IntArray
    cdus: IntArray
    cdu_modes: IntArray


def empty_result(cdus: int, actuators: int, zones: int) -> Result:
    """Return arrays of the right shapes with nothing in them; nothing is permitted."""
    return Result(
        demands=np.empty(actuators),
        commands=np.empty(actuators),
        refusals=np.empty(actuators, dtype=np.int64),
        claims=np.empty(actuators, dtype=np.int64),
        actuator_modes=np.empty(actuators, dtype=np.int64),
        permits=np.zeros(actuators, dtype=np.int64),
        admitted=np.empty(actuators, dtype=np.int64),
        last=np.empty(actuators),
        conditions=np.empty((cdus, CONDITIONS), dtype=np.int64),
        details=np.empty((cdus, CONDITIONS), dtype=np.int64),
        p=np.empty((cdus, LOOPS, LOOP_PARAMETERS)),
        forced=np.empty(actuators, dtype=np.int64),
        hazards=np.empty((cdus, HAZARDS), dtype=np.int64),
        hazard_details=np.empty((cdus, HAZARDS), dtype=np.int64),
        causes=np.empty((cdus, HAZARDS), dtype=np.int64),
        facts=np.empty((cdus, FACTS), dtype=np.int64),
        watch_n=np.empty((cdus, WATCH_WANTED)),
        requests=np.empty((cdus, REQUESTS), dtype=np.int64),
        zone_requests=np.zeros((zones, REQUESTS), dtype=np.int64),
        held=np.empty(actuators, dtype=np.int64),
        cdus=np.empty(actuators, dtype=np.int64),
        cdu_modes=np.empty(cdus, dtype=np.int64),
    )

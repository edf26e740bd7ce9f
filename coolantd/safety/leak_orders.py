"""What people may order of the leak policy, as pure functions on its memory: acknowledge, test, tell that power is off.

Each returns a new memory and why it refuses; an empty refusal means that it was done. Who may order is not known here.
"""

from collections.abc import Sequence
from typing import Final

from coolantd.safety.leak_layout import (
    D_FAULT,
    D_OTHERWISE_S,
    D_WET,
    STEPS,
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_POWER,
    Z_POWER_TOLD,
    Z_STEP,
    Z_STEP_S,
    Z_TEST_S,
    Z_WORST,
    StepState,
)
from coolantd.safety.leak_plan import LeakMemory, LeakPlan

TEST_DEFAULT_S: Final = 600.0
"""Wetting the detectors of one rack by hand takes minutes."""
TEST_MAX_S: Final = 3600.0
"""A zone in test is not protected: an hour is a visit, more is a forgotten test."""

Answer = tuple[LeakMemory, str]


def _copied(memory: LeakMemory) -> LeakMemory:
    return memory[0].copy(), memory[1].copy()


def acknowledge(plan: LeakPlan, memory: LeakMemory, zone: int) -> Answer:
    """Open the latches of a zone, so that control has its valve again and the request to cut its power ends.

    Refused while any detector reads wet: what is wet would latch again at once. A detector in fault no longer counts
    as wet after it: whoever acknowledges has looked.
    """
    z, d = _copied(memory)
    if z[zone, Z_ISOLATE] == 0.0 and z[zone, Z_POWER] == 0.0:
        return memory, "nothing is latched there"
    for detector, row in zip(plan.zones[zone].detectors, plan.rows(zone), strict=True):
        if d[row, D_WET] == 1.0 and d[row, D_FAULT] == 0.0:
            return memory, f"{detector.tag} is still wet; dry it, then acknowledge again"
        d[row, D_WET] = d[row, D_OTHERWISE_S] = 0.0
    z[zone, [Z_ISOLATE, Z_POWER, Z_WORST, Z_FOUND_SHUT, Z_POWER_TOLD]] = 0.0
    z[zone, Z_STEP : Z_STEP + STEPS] = float(StepState.IDLE)
    z[zone, Z_STEP_S : Z_STEP_S + STEPS] = 0.0
    return (z, d), ""


def set_test(memory: LeakMemory, zone: int, for_s: float) -> Answer:
    """Begin, prolong or (0) end a test of a zone's detectors: told as ever, acted upon by nothing new.

    What is latched stays latched.

    Args:
        memory: of the policy.
        zone: row.
        for_s: 0 to ``TEST_MAX_S``; it ends by itself then.
    """
    if not 0.0 <= for_s <= TEST_MAX_S:
        return memory, f"a test of {for_s:g} s, allowed: 0 to {TEST_MAX_S:g} s"
    z, d = _copied(memory)
    z[zone, Z_TEST_S] = for_s
    return (z, d), ""


def tell_power_off(memory: LeakMemory, zone: int) -> Answer:
    """Take somebody's word that the power of a zone is off; measured power, where it is known, overrules it."""
    if memory[0][zone, Z_POWER] == 0.0:
        return memory, "nobody was asked to cut its power"
    z, d = _copied(memory)
    z[zone, Z_POWER_TOLD] = 1.0
    return (z, d), ""


def lost_latches(
    old_plan: LeakPlan,
    memory: LeakMemory,
    plan: LeakPlan,
    tags: tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]]],
) -> list[str]:
    """Return the names of latched zones whose latch another plan would lose: gone, or about another valve (I7).

    Args:
        old_plan: in force.
        memory: of it.
        plan: that is to take its place.
        tags: (device, point) of the actuators of either, in their order.
    """
    lost = []
    for n, zone in enumerate(old_plan.zones):
        if memory[0][n, Z_ISOLATE] == 0.0:
            continue
        row = plan.row_of(zone.name)
        before = None if zone.valve is None else tags[0][zone.valve]
        after = None if row is None or (valve := plan.zones[row].valve) is None else tags[1][valve]
        if row is None or before != after:
            lost.append(zone.name)
    return lost

"""Some devices taken out of a cycle: nothing heard from them, nothing said to them. Knows arrays; sends nothing.

A paused device stays in the plan, so that its CDU's mode goes on being said. From the moment of the order its points
count as out of touch, so the way back leads through failsafe and starting as after any loss of touch.
"""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from coolantd.control.plan import NAN, Plan
from coolantd.control.step import Decision
from coolantd.point import Quality, Reason, Snapshot


def unheard(snapshot: Snapshot, owners: Sequence[str], devices: Collection[str]) -> Snapshot:
    """Return a snapshot in which every point of some devices is bad, not connected.

    Args:
        snapshot: of all points.
        owners: (n,) the device of each point.
        devices: those to be unheard.
    """
    if not devices:
        return snapshot
    theirs = np.array([owner in devices for owner in owners], dtype=np.bool_)
    return dataclasses.replace(
        snapshot,
        value=np.where(theirs, NAN, snapshot.value),
        quality=np.where(theirs, int(Quality.BAD), snapshot.quality),
        reason=np.where(theirs, int(Reason.NOT_CONNECTED), snapshot.reason),
    )


def hushed(plan: Plan, decision: Decision, devices: Collection[str]) -> Decision:
    """Return a decision that commands nothing in some devices; what was wanted of them stays to be seen.

    Without a command and with nothing heard there is no heartbeat either.
    """
    if not devices:
        return decision
    actuators = np.array([actuator.device in devices for actuator in plan.actuators], dtype=np.bool_)
    cdus = np.array([cdu.device in devices for cdu in plan.cdus], dtype=np.bool_)
    return dataclasses.replace(
        decision,
        commands=np.where(actuators, NAN, decision.commands),
        wants_remote=decision.wants_remote & ~cdus,
    )

"""Orders for overrides on a ``control_rig`` site, as the daemon gives them."""

from dataclasses import replace

import numpy as np

from coolantd.control.arrays import Seen
from coolantd.control.override_limits import state_refusal, value_refusal
from coolantd.control.override_order import End, Override
from coolantd.control.override_targets import all_targets
from coolantd.control.overrides import ended

LEASE_S = 600.0


def seen(rig):
    return Seen(rig.value.copy(), rig.quality.copy(), rig.reason.copy(), np.zeros(rig.value.size))


def wanted(rig, key, value, *, lease_s=LEASE_S, uid=1000, owner="ann"):
    return Override(
        target=all_targets(rig.plan)[key],
        value=value,
        uid=uid,
        owner=owner,
        reason="flushing the filter",
        begun_s=rig.now_s,
        until_s=rig.now_s + lease_s,
        lease_s=lease_s,
    )


def refusal(rig, key, value):
    order = wanted(rig, key, value)
    why = value_refusal(order.target, value, rig.plan)
    return why or state_refusal(order, rig.state.overrides, rig.plan, rig.state.arrays(), seen(rig))


def hold(rig, key, value, **changes):
    """Give an order that is not refused."""
    assert refusal(rig, key, value) == ""
    order = wanted(rig, key, value, **changes)
    others = tuple(each for each in rig.state.overrides if each.target.key != order.target.key)
    rig.state = replace(rig.state, overrides=(*others, order))
    return rig


def release(rig, key):
    overrides = tuple(
        ended(each, End.RELEASED, rig.now_s) if each.target.key == key else each for each in rig.state.overrides
    )
    rig.state = replace(rig.state, overrides=overrides)


def standing(rig, number=0):
    return rig.state.overrides[number].standing


def trace(rig, times, actuator=0):
    """Return an actuator's commands of so many cycles."""
    return np.array([rig.step().commands[actuator] for _ in range(times)])

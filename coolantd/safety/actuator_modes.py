"""The mode of every actuator, cycle by cycle, by the table of modes. Knows who has it; never where it is.

``am`` (actuators, ACTUATOR_WATCH) is remembered from cycle to cycle; a CDU's mode and an actuator's are two things: one
pump forced by an interlock is in failsafe while its CDU goes on in automatic.
"""

import math
from typing import Final

from coolantd.point import FloatArray, IntArray
from coolantd.safety.hazards import Force
from coolantd.safety.modes import TRANSITIONS, Event, Mode

AM_MODE: Final = 0
AM_MODE_S: Final = 1
"""Seconds in it."""
ACTUATOR_WATCH: Final = 2

_TRIP: Final = int(Force.TRIP)
_FREE: Final = int(Force.NONE)
_AUTOMATIC: Final = int(Mode.AUTOMATIC)
_MANUAL: Final = int(Mode.MANUAL)
_STARTING: Final = int(Mode.STARTING)
_FAILSAFE: Final = int(Mode.FAILSAFE)
_OVERRIDE: Final = int(Mode.OVERRIDE)
_DISABLED: Final = int(Mode.DISABLED)
_TRIPPED: Final = int(Mode.TRIPPED)
_EV_NONE: Final = int(Event.NONE)
_EV_AUTOMATIC: Final = int(Event.AUTOMATIC_REQUESTED)
_EV_MANUAL: Final = int(Event.MANUAL_REQUESTED)
_EV_HELD: Final = int(Event.OVERRIDE_HELD)
_EV_ENDED: Final = int(Event.OVERRIDE_ENDED)
_EV_TOOK_AUTOMATIC: Final = int(Event.TOOK_OVER_AUTOMATIC)
_EV_TOOK_MANUAL: Final = int(Event.TOOK_OVER_MANUAL)
_EV_RELEASED: Final = int(Event.RELEASED)
_EV_LOCAL: Final = int(Event.DEVICE_LOCAL)
_EV_INPUT_BAD: Final = int(Event.INPUT_BAD)
_EV_FORCED: Final = int(Event.FORCED)
_EV_CLEARED: Final = int(Event.CLEARED)
_EV_ENABLE: Final = int(Event.ENABLE)
_EV_TRIP: Final = int(Event.TRIP)
_EV_DISABLE: Final = int(Event.DISABLE)


def claimed(mode: int, cdu_mode: int, force: int) -> int:
    """Return the event when something above operators and loops takes an actuator or lets it go, else none."""
    if cdu_mode == _DISABLED:
        return _EV_DISABLE
    if mode == _DISABLED:
        return _EV_ENABLE
    if force == _TRIP:
        return _EV_TRIP
    if mode == _TRIPPED:
        return _EV_CLEARED
    return _EV_NONE if force == _FREE else _EV_FORCED


def in_control(mode: int, cdu_mode: int, held: int) -> int:
    """Return the event of an actuator that is ours to move and whose CDU is in control."""
    if mode == _STARTING:
        return _EV_TOOK_MANUAL if cdu_mode == _MANUAL else _EV_TOOK_AUTOMATIC
    if held == 1:
        return _EV_HELD
    if mode == _OVERRIDE:
        return _EV_ENDED
    return _EV_MANUAL if cdu_mode == _MANUAL else _EV_AUTOMATIC


def settled(mode: int, cdu_mode: int, held: int, last: float) -> int:
    """Return the most urgent event of an actuator that nothing forces.

    Args:
        mode: of the actuator.
        cdu_mode: of its CDU; automatic for an actuator that no CDU's mode concerns.
        held: 1 where an operator's override has it.
        last: last allowed or adopted; NaN while it is not ours to move: out of touch, or another writer's.
    """
    if cdu_mode == _FAILSAFE and held == 0:
        return _EV_INPUT_BAD
    if mode == _FAILSAFE:
        return _EV_RELEASED
    waits = cdu_mode in (_STARTING, _TRIPPED)
    if mode == _STARTING and waits:
        return _EV_NONE
    if waits or not math.isfinite(last):
        return _EV_LOCAL
    return in_control(mode, cdu_mode, held)


def follow_modes(
    am: FloatArray, cdus: IntArray, cdu_modes: IntArray, forced: IntArray, held: IntArray, last: FloatArray, dt_s: float
) -> None:
    """Take every actuator to its mode of this cycle, in place.

    Args:
        am: (actuators, ACTUATOR_WATCH), changed.
        cdus: (actuators,) CDU of each, -1 for one that no CDU's mode concerns.
        cdu_modes: (cdus,) ``Mode``.
        forced: (actuators,) ``Force``.
        held: (actuators,) 1 where an operator's override has it.
        last: (actuators,) last allowed or adopted; NaN while it is not ours to move.
        dt_s: seconds since the last step.
    """
    for i in range(am.shape[0]):
        mode, cdu_mode = int(am[i, AM_MODE]), _AUTOMATIC
        if cdus[i] >= 0:
            cdu_mode = cdu_modes[cdus[i]]
        event = claimed(mode, cdu_mode, forced[i])
        if event == _EV_NONE:
            event = settled(mode, cdu_mode, held[i], last[i])
        after = TRANSITIONS[mode, event]
        am[i, AM_MODE_S] = am[i, AM_MODE_S] + dt_s if after == mode else 0.0
        am[i, AM_MODE] = float(after)


HELPERS: Final = (claimed, in_control, settled, follow_modes)
"""Every function above, callees before callers."""

"""Orders of ``coolantd override``: hold something, let it go, say what could be held. Knows the cycle and who asks.

Each order is checked against the plant as it is, acts between two cycles and is recorded with the peer's user id.
"""

import asyncio
import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import structlog

from coolantd.clock import Clock
from coolantd.control.arrays import Seen
from coolantd.control.layout import A_LAST
from coolantd.control.override_limits import owner_refusal, state_refusal, value_refusal, wording_refusal
from coolantd.control.override_order import LEASE_DEFAULT_S, End, Kind, Override, Target
from coolantd.control.override_targets import all_targets, may_be_off, value_range
from coolantd.control.overrides import cdu_of, ended
from coolantd.control.trial import stopped
from coolantd.errors import CoolantdError
from coolantd.point import Snapshot
from coolantd.service.cycle import Cycle
from coolantd.service.journal import Recorder
from coolantd.service.peer import Peer

TARGETS_SHOWN_MAX: Final = 20
"""Targets in a refusal; more are only counted."""

Order = dict[str, Any]
log: Final = structlog.get_logger()


class OverrideOrders:
    """Carries out ``override_set``, ``override_release`` and ``override_targets``.

    Args:
        lock: held by a reload; nothing is held or let go in the middle of one.
        stopping: whether the daemon is on its way out.
    """

    def __init__(
        self, *, cycle: Cycle, journal: Recorder, clock: Clock, lock: asyncio.Lock, stopping: Callable[[], bool]
    ) -> None:
        self._cycle = cycle
        self._journal = journal
        self._clock = clock
        self._lock = lock
        self._stopping = stopping

    async def set(self, order: Order, peer: Peer) -> Order:
        """Hold something for an operator, or change what they hold, until its lease ends.

        Args:
            order: ``target``, ``value``, ``reason``, ``owner``; ``lease_s`` if other than half an hour,
                ``take_over`` to replace somebody else's.
            peer: who gave it.

        Returns:
            ``{"ok", "target", "value", "unit", "lease_s", "until_time_s", "replaced"}``; the last is who held it.

        Raises:
            CoolantdError: no such target, a value, text or time that is not allowed, somebody else's, or the plant is
                not in a state for it; the text says which.
        """
        async with self._lock:
            wanted, stands = self._wanted(order, peer), None
            state = self._cycle.state
            stands = next((each for each in state.overrides if each.target.key == wanted.target.key), None)
            self._refuse(wanted, stands, take_over=_flag(order, "take_over"))
            others = tuple(each for each in state.overrides if each is not stands)
            trials = tuple(stopped(t) if t.order.cdu == cdu_of(wanted, self._cycle.plan) else t for t in state.trials)
            self._cycle.state = dataclasses.replace(state, overrides=(*others, wanted), trials=trials)
            replaced = stands.owner if stands is not None and not stands.over else ""
            self._record("override_set", wanted, peer, lease_s=wanted.lease_s, replaced=replaced)
        return {
            "ok": True,
            "target": wanted.target.key,
            "value": wanted.value,
            "unit": wanted.target.unit,
            "lease_s": wanted.lease_s,
            "until_time_s": self._clock.wall_s() + wanted.lease_s,
            "replaced": replaced,
        }

    async def release(self, order: Order, peer: Peer) -> Order:
        """End an override before its time.

        Args:
            order: ``target`` and ``owner``; ``take_over`` to end somebody else's.
            peer: who gave it.

        Raises:
            CoolantdError: nothing is held there, or it is somebody else's.
        """
        async with self._lock:
            target, owner = self._target(order), _text(order, "owner")
            state = self._cycle.state
            stands = next((e for e in state.overrides if e.target.key == target.key and not e.over), None)
            if stands is None:
                held = ", ".join(each.target.key for each in state.overrides if not each.over)
                raise CoolantdError(f"nobody holds {target.key}, allowed: {held or 'nothing is held now'}")
            why = owner_refusal(stands, peer.uid, owner, take_over=_flag(order, "take_over"))
            if why:
                raise CoolantdError(why)
            gone = ended(stands, End.RELEASED, self._clock.now_s())
            overrides = tuple(gone if each is stands else each for each in state.overrides)
            self._cycle.state = dataclasses.replace(state, overrides=overrides)
            self._record("override_release", stands, peer, by=owner)
        return {"ok": True, "target": target.key, "value": stands.value, "unit": target.unit}

    async def targets(self, order: Order, peer: Peer) -> Order:
        """Return everything that can be held: its range, and where it is now."""
        del order, peer
        plan, found = self._cycle.plan, []
        for key, target in all_targets(plan).items():
            low, high = value_range(target, plan)
            found.append(
                {
                    "target": key,
                    "unit": target.unit,
                    "least": low,
                    "greatest": high,
                    "off": may_be_off(target, plan),
                    "now": self._now(target),
                }
            )
        return {"targets": found}

    def _now(self, target: Target) -> float | None:
        decision = self._cycle.decision
        if decision is None:
            return None
        if target.kind is Kind.ACTUATOR:
            value = float(self._cycle.state.a[target.row, A_LAST])
        elif target.kind is Kind.SETPOINT:
            value = float(decision.setpoints[target.row, target.loop])
        else:
            value = float(decision.outputs[target.row, target.loop])
        return value if math.isfinite(value) else None

    def _wanted(self, order: Order, peer: Peer) -> Override:
        target, now_s = self._target(order), self._clock.now_s()
        lease_s = _number(order, "lease_s", LEASE_DEFAULT_S)
        owner, reason = _text(order, "owner"), _text(order, "reason")
        why = wording_refusal(owner, reason, lease_s)
        if why:
            raise CoolantdError(why)
        return Override(
            target=target,
            value=_number(order, "value", None),
            uid=peer.uid,
            owner=owner,
            reason=reason.strip(),
            begun_s=now_s,
            until_s=now_s + lease_s,
            lease_s=lease_s,
        )

    def _refuse(self, wanted: Override, stands: Override | None, *, take_over: bool) -> None:
        cycle = self._cycle
        if self._stopping():
            raise CoolantdError("coolantd is stopping")
        if cycle.snapshot is None or cycle.decision is None:
            raise CoolantdError("no cycle has completed yet")
        why = value_refusal(wanted.target, wanted.value, cycle.plan)
        why = why or owner_refusal(stands, wanted.uid, wanted.owner, take_over=take_over)
        others = [each for each in cycle.state.overrides if each is not stands]
        seen = _as_seen(cycle.snapshot)
        why = why or state_refusal(wanted, others, cycle.plan, cycle.state.arrays(), seen)
        if why:
            raise CoolantdError(why)

    def _target(self, order: Order) -> Target:
        targets, key = all_targets(self._cycle.plan), order.get("target")
        if isinstance(key, str) and key in targets:
            return targets[key]
        more = f" and {len(targets) - TARGETS_SHOWN_MAX} more" if len(targets) > TARGETS_SHOWN_MAX else ""
        raise CoolantdError(f"no target {key!r:.160}, allowed: {', '.join(list(targets)[:TARGETS_SHOWN_MAX])}{more}")

    def _record(self, command: str, override: Override, peer: Peer, **more: Any) -> None:
        self._journal.record(
            "order",
            command=command,
            target=override.target.key,
            value=override.value,
            owner=override.owner,
            reason=override.reason,
            uid=peer.uid,
            pid=peer.pid,
            **more,
        )
        log.warning(command, target=override.target.key, value=override.value, owner=override.owner, uid=peer.uid)


def _as_seen(snapshot: Snapshot) -> Seen:
    return Seen(snapshot.value, snapshot.quality, snapshot.reason, np.asarray(snapshot.age_s))


def _number(order: Order, key: str, default: float | None) -> float:
    value = order.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CoolantdError(f"{key} = {value!r:.40}, allowed: a finite number")
    return float(value)


def _text(order: Order, key: str) -> str:
    value = order.get(key)
    if not isinstance(value, str):
        raise CoolantdError(f"{key} = {value!r:.40}, allowed: a text")
    return value


def _flag(order: Order, key: str) -> bool:
    value = order.get(key, False)
    if not isinstance(value, bool):
        raise CoolantdError(f"{key} = {value!r:.40}, allowed: true or false")
    return value

"""Orders that concern one device: yield its bus for a while, take it back. Knows fleet, cycle and journal; no socket.

A bus is paused as a whole: whoever updates the firmware of one unit needs the line, or the gateway's one connection.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

from coolantd.clock import Clock
from coolantd.errors import CoolantdError
from coolantd.service.cycle import Cycle
from coolantd.service.fleet import Fleet
from coolantd.service.journal import Recorder
from coolantd.service.peer import Peer

PAUSE_DEFAULT_S: Final = 1800.0
"""A firmware update of one unit takes minutes; a pause nobody ends must not outlast the visit by much."""
PAUSE_MAX_S: Final = 8 * 3600.0
"""One shift: a device given away for longer belongs out of the configuration."""
NAMES_MAX: Final = 20
"""Device names in a refusal; more are only counted."""

Order = dict[str, Any]


class DeviceOrders:
    """Carries out ``device_pause`` and ``device_resume``.

    Args:
        lock: held by a reload; neither may act while the other is half done.
        stopping: whether the daemon is on its way out; then nothing is paused any more.
        hand_over_s: how long devices have to acknowledge that they are on their own.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        cycle: Cycle,
        journal: Recorder,
        clock: Clock,
        lock: asyncio.Lock,
        stopping: Callable[[], bool],
        hand_over_s: float,
    ) -> None:
        self._fleet = fleet
        self._cycle = cycle
        self._journal = journal
        self._clock = clock
        self._lock = lock
        self._stopping = stopping
        self._hand_over_s = hand_over_s

    async def pause(self, order: Order, peer: Peer) -> dict[str, Any]:
        """Give a device and all that share its bus back to themselves, then be silent until a time or ``resume``.

        Args:
            order: ``device``, and ``for_s`` if other than half an hour.
            peer: who gave it, for the record.

        Returns:
            ``{"ok", "bus", "devices", "for_s", "until_time_s", "not_handed_over"}``; ``until_time_s`` in seconds
            since the epoch, ``not_handed_over`` the devices that did not acknowledge.

        Raises:
            CoolantdError: no such device, no bus to pause, no such duration, or the daemon is stopping.
        """
        async with self._lock:
            name, for_s = self._device(order), _duration_s(order)
            if self._stopping():
                raise CoolantdError("coolantd is stopping")
            bus, devices = self._fleet.bus_of(name)
            self._journal.record(
                "order", command="device_pause", device=name, devices=devices, for_s=for_s, uid=peer.uid, pid=peer.pid
            )
            try:
                failed = [] if name in self._fleet.hushed() else await self._give_back(devices)
                self._fleet.pause(name, self._clock.now_s() + for_s)
            finally:
                self._fleet.hush(())
        return {
            "ok": True,
            "bus": bus,
            "devices": devices,
            "for_s": for_s,
            "until_time_s": self._clock.wall_s() + for_s,
            "not_handed_over": failed,
        }

    async def resume(self, order: Order, peer: Peer) -> dict[str, Any]:
        """End a pause, and let a device be written again to which we had yielded.

        Returns:
            ``{"ok", "bus", "devices", "was_paused", "taken_back"}``; the last are the points that are ours again.

        Raises:
            CoolantdError: no such device, or no bus to resume.
        """
        async with self._lock:
            name = self._device(order)
            bus, devices = self._fleet.bus_of(name)
            self._journal.record("order", command="device_resume", device=name, uid=peer.uid, pid=peer.pid)
            was_paused = name in self._fleet.hushed()
            self._fleet.resume(name)
            taken_back = self._cycle.writer.resume(name)
        return {"ok": True, "bus": bus, "devices": devices, "was_paused": was_paused, "taken_back": taken_back}

    async def _give_back(self, devices: list[str]) -> list[str]:
        """Command nothing from this moment on, then hand over what we drive; its acknowledgement is the last word."""
        self._fleet.hush(devices)
        self._cycle.writer.withdraw(devices, self._clock.now_s())
        driven = [cdu.device for cdu in self._cycle.plan.cdus if cdu.device in devices]
        return await self._cycle.writer.hand_over(driven, self._hand_over_s)

    def _device(self, order: Order) -> str:
        name = order.get("device")
        known = self._fleet.names()
        if isinstance(name, str) and name in known:
            return name
        more = f" and {len(known) - NAMES_MAX} more" if len(known) > NAMES_MAX else ""
        raise CoolantdError(f"no device {name!r:.80}, allowed: {', '.join(known[:NAMES_MAX])}{more}")


def _duration_s(order: Order) -> float:
    for_s = order.get("for_s", PAUSE_DEFAULT_S)
    number = isinstance(for_s, int | float) and not isinstance(for_s, bool)
    if not number or not math.isfinite(for_s) or not 0.0 < for_s <= PAUSE_MAX_S:
        raise CoolantdError(f"a pause of {for_s!r:.40} s, allowed: above 0, up to {PAUSE_MAX_S:g} s (8 h)")
    return float(for_s)

"""Orders about leak zones: acknowledge, test, tell that the power is off. Knows the cycle and the journal; no socket.

Whoever asks has been let in by the control socket, which knows who they are; the order is applied between two cycles.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.safety.leak_orders import TEST_DEFAULT_S, acknowledge, set_test, tell_power_off
from coolantd.safety.leak_plan import LeakMemory
from coolantd.service.cycle import Cycle
from coolantd.service.journal import Recorder
from coolantd.service.leak_view import leak_zone_views
from coolantd.service.peer import Peer

NAMES_MAX: Final = 20
"""Zone names in a refusal; more are only counted."""

Order = dict[str, Any]


class LeakOrders:
    """Carries out ``leak_acknowledge``, ``leak_test`` and ``leak_power_off``."""

    def __init__(self, *, cycle: Cycle, journal: Recorder) -> None:
        self._cycle = cycle
        self._journal = journal

    async def acknowledge(self, order: Order, peer: Peer) -> Order:
        """Open the latches of a zone: its branch is control's again, and nobody is asked to cut its power any more.

        Raises:
            CoolantdError: no such zone, nothing latched there, or a detector still wet.
        """
        return self.acknowledge_zone(self._zone(order), peer)

    def acknowledge_zone(self, name: str, peer: Peer) -> Order:
        """Do the same for a zone by name; see ``acknowledge``."""
        row = self._row(name)
        view = leak_zone_views(self._cycle.plan.leaks, self._memory)[row]
        self._apply(name, "leak_acknowledge", peer, lambda memory: acknowledge(self._cycle.plan.leaks, memory, row))
        return {"ok": True, "zone": name, "was": view.worst, "isolated": view.isolated, "power_cut": view.power_cut}

    async def test(self, order: Order, peer: Peer) -> Order:
        """Begin or end a test of a zone's detectors.

        Args:
            order: ``zone``, and ``for_s`` if other than ten minutes; 0 ends a test.
            peer: who gave it, for the record.

        Raises:
            CoolantdError: no such zone, or no such duration.
        """
        name, for_s = self._zone(order), order.get("for_s", TEST_DEFAULT_S)
        if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not math.isfinite(for_s):
            raise CoolantdError(f"for_s = {for_s!r:.40}, allowed: seconds")
        row = self._row(name)
        self._apply(name, "leak_test", peer, lambda memory: set_test(memory, row, float(for_s)), for_s=for_s)
        return {"ok": True, "zone": name, "for_s": for_s}

    async def power_off(self, order: Order, peer: Peer) -> Order:
        """Take an operator's word that a zone's power is off.

        Raises:
            CoolantdError: no such zone, or nobody was asked to cut its power.
        """
        name = self._zone(order)
        row = self._row(name)
        self._apply(name, "leak_power_off", peer, lambda memory: tell_power_off(memory, row))
        return {"ok": True, "zone": name}

    def confirmed(self, name: str) -> None:
        """Take a message's word for the same; a zone that is gone, or no longer latched, does not mind."""
        row = self._cycle.plan.leaks.row_of(name)
        if row is not None:
            self._put(tell_power_off(self._memory, row)[0])

    @property
    def _memory(self) -> LeakMemory:
        return self._cycle.state.leak_z, self._cycle.state.leak_d

    def _put(self, memory: LeakMemory) -> None:
        self._cycle.state = dataclasses.replace(self._cycle.state, leak_z=memory[0], leak_d=memory[1])

    def _apply(
        self, name: str, command: str, peer: Peer, act: Callable[[LeakMemory], tuple[LeakMemory, str]], **fields: Any
    ) -> None:
        memory, refusal = act(self._memory)
        self._journal.record("order", command=command, zone=name, refusal=refusal, uid=peer.uid, pid=peer.pid, **fields)
        if refusal:
            raise CoolantdError(f"leak zone {name}: {refusal}")
        self._put(memory)

    def _zone(self, order: Order) -> str:
        name = order.get("zone")
        return name if isinstance(name, str) else repr(name)[:40]

    def _row(self, name: str) -> int:
        row = self._cycle.plan.leaks.row_of(name)
        if row is not None:
            return row
        known = [zone.name for zone in self._cycle.plan.leaks.zones]
        more = f" and {len(known) - NAMES_MAX} more" if len(known) > NAMES_MAX else ""
        allowed = ", ".join(known[:NAMES_MAX]) or "a [[leak_zone]] in the configuration"
        raise CoolantdError(f"no leak zone {name!r:.80}, allowed: {allowed}{more}")

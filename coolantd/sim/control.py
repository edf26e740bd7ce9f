"""Orders to a running simulator: its state, and what to break. Knows the orders, not the socket.

Served by the same control socket as the daemon's: JSON lines, ``{"command": ..., ...}``, one reply each.

========================  =======================================================================
``state``                 the plant's truth, counters, and writes from number ``since`` (default 0)
``set_load``              ``ratio``: 0 to 1.5 for all racks from now on; null: back to the scenario
``set_fws_supply_temp``   ``temp_c``: from now on; null: back to the scenario
``trip_pump``             ``pump``: 1 or 2; ``available``: true puts it back (default false)
``set_imperial``          ``on``: turn the unit selector
``quit``                  end the simulator
========================  =======================================================================
"""

import math
from typing import TYPE_CHECKING, Any, Final

from coolantd.errors import CoolantdError
from coolantd.plant.layout import PUMP_COUNT
from coolantd.service.control_socket import Handler, Peer
from coolantd.sim.scenario import FWS_TEMP_MAX_C, FWS_TEMP_MIN_C, LOAD_MAX_RATIO

if TYPE_CHECKING:
    from coolantd.sim.simulator import Simulator

WRITES_PER_REPLY: Final = 2000
"""Bounds one reply to some 200 KiB; ``next`` in it says where to go on."""

Order = dict[str, Any]


class Control:
    """Carries out orders.

    Args:
        simulator: what they are about.
    """

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    @property
    def handlers(self) -> dict[str, Handler]:
        """Return what the control socket serves."""
        return {
            "state": self._state,
            "set_load": self._set_load,
            "set_fws_supply_temp": self._set_fws_supply_temp,
            "trip_pump": self._trip_pump,
            "set_imperial": self._set_imperial,
            "quit": self._quit,
        }

    async def _state(self, order: Order, _peer: Peer) -> Order:
        since = order.get("since", 0)
        if isinstance(since, bool) or not isinstance(since, int) or since < 0:
            raise CoolantdError(f"state: since = {since!r}, allowed: an integer from 0")
        port = self._simulator.device.port
        first = max(since, port.writes_total - len(port.writes))
        kept = list(port.writes)[first - port.writes_total + len(port.writes) :][:WRITES_PER_REPLY]
        writes = [
            {"time_s": write.time_s, "point": write.point, "value": write.value, "previous": write.previous}
            for write in kept
        ]
        return {**self._simulator.state(), "writes": writes, "first": first, "next": first + len(writes)}

    async def _set_load(self, order: Order, _peer: Peer) -> Order:
        self._simulator.overrides.load_ratio = _number(order, "set_load", "ratio", 0.0, LOAD_MAX_RATIO)
        return {"ok": True}

    async def _set_fws_supply_temp(self, order: Order, _peer: Peer) -> Order:
        temp_c = _number(order, "set_fws_supply_temp", "temp_c", FWS_TEMP_MIN_C, FWS_TEMP_MAX_C)
        self._simulator.overrides.fws_supply_temp_c = temp_c
        return {"ok": True}

    async def _trip_pump(self, order: Order, _peer: Peer) -> Order:
        pump = order.get("pump")
        if isinstance(pump, bool) or not isinstance(pump, int) or not 1 <= pump <= PUMP_COUNT:
            raise CoolantdError(f"trip_pump: pump = {pump!r}, allowed: 1 or {PUMP_COUNT}")
        tripped = self._simulator.overrides.tripped_pumps
        if _flag(order, "trip_pump", "available", default=False):
            tripped.discard(pump)
        else:
            tripped.add(pump)
        return {"ok": True}

    async def _set_imperial(self, order: Order, _peer: Peer) -> Order:
        self._simulator.device.port.set_imperial(on=_flag(order, "set_imperial", "on", default=True))
        return {"ok": True}

    async def _quit(self, _order: Order, _peer: Peer) -> Order:
        self._simulator.stop()
        return {"ok": True}


def _number(order: Order, command: str, key: str, minimum: float, maximum: float) -> float | None:
    value = order.get(key)
    if value is None and key in order:
        return None
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if value is None or not fits or not minimum <= value <= maximum:
        raise CoolantdError(f"{command}: {key} = {value!r}, allowed: {minimum:g} to {maximum:g}, or null")
    return float(value)


def _flag(order: Order, command: str, key: str, *, default: bool) -> bool:
    value = order.get(key, default)
    if not isinstance(value, bool):
        raise CoolantdError(f"{command}: {key} = {value!r}, allowed: true or false")
    return value

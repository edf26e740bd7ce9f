"""Orders to a running simulator: its state, and what to break. Knows the orders, not the socket.

Served by the same control socket as the daemon's: JSON lines, ``{"command": ..., ...}``, one reply each.

========================  =======================================================================
``state``                 the plant's truth, counters, and writes from number ``since`` (default 0)
``set_load``              ``ratio``: 0 to 1.5 for all racks from now on; null: back to the scenario
``set_fws_supply_temp``   ``temp_c``: from now on; null: back to the scenario
``trip_pump``             ``pump``: 1 or 2; ``available``: true puts it back (default false)
``set_imperial``          ``on``: turn the unit selector
``set_remote``            ``on``: turn the row CDU's remote control, as at its panel; false: local
``miswire``               ``points``: {"tcs_flow_lpm": {"factor": 10}, ...}: what instruments show; {} mends all
``write_point``           ``point``, ``value``: write to the row CDU as another master would
``reboot``                restart the row CDU's program
``hold_rpu``              ``registers``: {"36864": 123, ...} fixes words of the RPU; null lets one go
``trip_rpu_pump``         ``pump``: 1 to 4; its reset bit puts it back
``plug_rpu``              ``on``: false pulls the RPU's serial adapter, true puts it back
``set_leak``              ``branch``, ``detector``: rope, spot, tray; ``wire``: dry, wet, open, short
``quit``                  end the simulator
========================  =======================================================================
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from coolantd.errors import CoolantdError
from coolantd.plant.layout import PUMP_COUNT
from coolantd.service.control_socket import Handler, Peer
from coolantd.sim.leak_detectors import Detector, Wire
from coolantd.sim.miswiring import parse_miswiring
from coolantd.sim.rpu import Rpu
from coolantd.sim.rpu_model import PUMPS
from coolantd.sim.scenario import FWS_TEMP_MAX_C, FWS_TEMP_MIN_C, LOAD_MAX_RATIO

if TYPE_CHECKING:
    from coolantd.sim.simulator import Simulator

WRITES_PER_REPLY: Final = 2000
"""Bounds one reply to some 200 KiB; ``next`` in it says where to go on."""
VALUE_MAX: Final = 1e9
REGISTERS_MAX: Final = 1000
"""More than the RPU has."""
WORD_MAX: Final = 0xFFFF

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
            "set_remote": self._set_remote,
            "miswire": self._miswire,
            "write_point": self._write_point,
            "reboot": self._reboot,
            "hold_rpu": self._hold_rpu,
            "trip_rpu_pump": self._trip_rpu_pump,
            "plug_rpu": self._plug_rpu,
            "set_leak": self._set_leak,
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
        pump = _pump(order, "trip_pump", PUMP_COUNT)
        tripped = self._simulator.overrides.tripped_pumps
        if _flag(order, "trip_pump", "available", default=False):
            tripped.discard(pump)
        else:
            tripped.add(pump)
        return {"ok": True}

    async def _set_imperial(self, order: Order, _peer: Peer) -> Order:
        self._simulator.device.port.set_imperial(on=_flag(order, "set_imperial", "on", default=True))
        return {"ok": True}

    async def _set_remote(self, order: Order, _peer: Peer) -> Order:
        self._simulator.device.port.set_remote(on=_flag(order, "set_remote", "on", default=False))
        return {"ok": True}

    async def _miswire(self, order: Order, _peer: Peer) -> Order:
        device = self._simulator.device
        try:
            device.miswiring = parse_miswiring(order.get("points"), device.sensors.read())
        except ValueError as error:
            raise CoolantdError(f"miswire: {error}") from error
        return {"ok": True}

    async def _write_point(self, order: Order, _peer: Peer) -> Order:
        value = _number(order, "write_point", "value", -VALUE_MAX, VALUE_MAX)
        name = order.get("point")
        code = self._simulator.device.port.write_point(name, value or 0.0) if isinstance(name, str) else None
        if code is None:
            raise CoolantdError(f"write_point: point = {name!r:.60}, allowed: a point of the row CDU and what it holds")
        return {"ok": not code, "exception": code}

    async def _reboot(self, _order: Order, _peer: Peer) -> Order:
        self._simulator.device.port.reboot()
        return {"ok": True}

    async def _hold_rpu(self, order: Order, _peer: Peer) -> Order:
        try:
            self._rpu("hold_rpu").hold(_registers(order))
        except ValueError as error:
            raise CoolantdError(f"hold_rpu: {error}") from error
        return {"ok": True}

    async def _trip_rpu_pump(self, order: Order, _peer: Peer) -> Order:
        self._rpu("trip_rpu_pump").model.tripped_pumps.add(_pump(order, "trip_rpu_pump", PUMPS))
        return {"ok": True}

    async def _plug_rpu(self, order: Order, _peer: Peer) -> Order:
        on = _flag(order, "plug_rpu", "on", default=True)
        self._rpu("plug_rpu")
        line = self._simulator.line
        if line is not None:
            (line.plug if on else line.unplug)()
        return {"ok": True}

    async def _set_leak(self, order: Order, _peer: Peer) -> Order:
        manifold = self._simulator.manifold
        if manifold is None:
            raise CoolantdError("set_leak: there is no manifold here, allowed: with a broker")
        branch = order.get("branch")
        if isinstance(branch, bool) or not isinstance(branch, int):
            raise CoolantdError(f"set_leak: branch = {branch!r:.40}, allowed: 1 to {len(manifold.branches)}")
        detector = _word(order, "set_leak", "detector", [each.value for each in Detector])
        wire = _word(order, "set_leak", "wire", [each.value for each in Wire])
        try:
            manifold.leaks.set(branch, Detector(detector), Wire(wire))
        except ValueError as error:
            raise CoolantdError(f"set_leak: {error}") from error
        return {"ok": True}

    def _rpu(self, command: str) -> Rpu:
        rpu = self._simulator.rpu
        if rpu is None:
            raise CoolantdError(f"{command}: there is no RPU here, allowed: with --rpu")
        return rpu

    async def _quit(self, _order: Order, _peer: Peer) -> Order:
        self._simulator.stop()
        return {"ok": True}


def _pump(order: Order, command: str, count: int) -> int:
    pump = order.get("pump")
    if isinstance(pump, bool) or not isinstance(pump, int) or not 1 <= pump <= count:
        raise CoolantdError(f"{command}: pump = {pump!r}, allowed: 1 to {count}")
    return pump


def _word(order: Order, command: str, key: str, allowed: Sequence[str]) -> str:
    word = order.get(key)
    if not isinstance(word, str) or word not in allowed:
        raise CoolantdError(f"{command}: {key} = {word!r:.40}, allowed: {', '.join(allowed)}")
    return word


def _registers(order: Order) -> dict[int, int | None]:
    given = order.get("registers")
    if not isinstance(given, dict) or len(given) > REGISTERS_MAX:
        raise CoolantdError('hold_rpu: registers is missing, allowed: an object as {"36864": 123, "36865": null}')
    found: dict[int, int | None] = {}
    for address, word in given.items():
        fits = word is None or (isinstance(word, int) and not isinstance(word, bool) and 0 <= word <= WORD_MAX)
        if not address.isascii() or not address.isdigit() or not fits:
            raise CoolantdError(f"hold_rpu: {address!r:.40}: {word!r:.40}, allowed: an address, and 0 to 65535 or null")
        found[int(address)] = word
    return found


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

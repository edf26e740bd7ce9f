"""A row of virtual CDUs in one process, each behind a proxy of its own that goes wrong when told to, each watched.

    python -m coolantd.sim.chaos_row CONTROL PROFILES_DIR --count N --seed S

Orders arrive on the control socket as JSON lines, one reply each; every reply carries ``at_s``, the monotonic time
of the deed.

============  ====================================================================================================
``ports``     where each CDU is reached
``toxic``     ``cdu``, ``kind``: that CDU's link goes wrong so; null: well again
``device``    ``cdu``, ``order``: an order of ``sim.control`` for that CDU's machine
``report``    ``cdu``: what its witness saw, and the device's own counters
``stalls``    when and for how long the row itself was not let run: (seconds since the epoch, seconds late)
============  ====================================================================================================
"""

import argparse
import asyncio
import copy
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from coolantd.errors import CoolantdError
from coolantd.plant.loop import Plant
from coolantd.service.control_socket import ControlSocket, Handler, Peer
from coolantd.sim.chaos_deeds import HARMLESS
from coolantd.sim.chaos_proxy import ChaosProxy
from coolantd.sim.chaos_site_config import IDENTITY, IDENTITY_ADDRESS, IDENTITY_POINT, MANIFOLD_TOPIC, PROFILE, RATES
from coolantd.sim.chaos_toxics import TOXICS, Kind
from coolantd.sim.chaos_witness import Limits, Witness
from coolantd.sim.control import Control
from coolantd.sim.controller_port import STEP_S
from coolantd.sim.scenario import Scenario, parse_steps
from coolantd.sim.simulator import RATED_HEAT_KW, Simulator, SimulatorSettings

STATUS_BLOCK: Final = 5000
SENSOR_ADDRESS: Final = 5001
"""Upper word of the supply temperature, low word first."""
COUNT_MAX: Final = 200
LOADS_PCT: Final = tuple(range(40, 96, 7))
"""Heat loads of the row, in turn."""
STALLS_KEPT: Final = 10_000
STALL_S: Final = 0.05
"""Later than this and the row was not let run: what looks like a slow device then is a busy machine."""

Order = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """One CDU of the row."""

    simulator: Simulator
    proxy: ChaosProxy
    witness: Witness
    control: dict[str, Handler]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSettings:
    """What to serve.

    Attributes:
        count: CDUs.
        seed: of noise and of everything that goes wrong by chance.
        profiles_dir: where the profile ``PROFILE`` is.
        period_s: of the controller that will come.
        refresh_s: period of each status block.
        ports: where they are reached; empty for free ones.
        mqtt_port: broker that the first one's rack manifold talks to; None for no manifold.
    """

    count: int
    seed: int
    profiles_dir: Path
    period_s: float
    refresh_s: float
    ports: Sequence[int] = ()
    mqtt_port: int | None = None


class Row:
    """The row, as an asynchronous context.

    Args:
        settings: what to serve.
    """

    def __init__(self, settings: RowSettings) -> None:
        self._settings = settings
        self._settled: dict[int, Plant] = {}
        self._places = [self._place(k) for k in range(settings.count)]
        self._watching: asyncio.Task[None] | None = None
        self._stalls: list[tuple[float, float]] = []

    async def __aenter__(self) -> Self:
        """Listen everywhere and let time run."""
        ports = self._settings.ports or (0,) * len(self._places)
        for place, port in zip(self._places, ports, strict=True):
            await place.simulator.__aenter__()
            place.proxy.upstream_port = place.simulator.modbus_port
            await place.proxy.start(port)
        self._watching = asyncio.create_task(self._watch(), name="witness")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        if self._watching is not None:
            self._watching.cancel()
        for place in self._places:
            await place.proxy.stop()
            await place.simulator.__aexit__(None, None, None)

    @property
    def handlers(self) -> dict[str, Handler]:
        """Return what the control socket serves."""
        return {
            "ports": self._ports,
            "toxic": self._toxic,
            "device": self._device,
            "report": self._report,
            "stalls": self._stalled,
        }

    def _place(self, k: int) -> Place:
        row, load_pct = self._settings, LOADS_PCT[k % len(LOADS_PCT)]
        settings = SimulatorSettings(
            modbus_port=0,
            mqtt_host="127.0.0.1" if k == 0 and row.mqtt_port is not None else None,
            mqtt_port=row.mqtt_port or 1,
            topic=MANIFOLD_TOPIC,
            scenario=Scenario(load_ratio=parse_steps(f"0:{load_pct}", RATED_HEAT_KW)),
            seed=row.seed + 2 * k,
            refresh_s=row.refresh_s,
            profile=PROFILE,
            profiles_dir=row.profiles_dir,
        )
        simulator = Simulator(settings, settled=self._settled.get(load_pct))
        self._settled.setdefault(load_pct, copy.deepcopy(simulator.plant))
        simulator.device.registers.put(IDENTITY_POINT, IDENTITY)
        limits = Limits(**RATES, period_s=row.period_s)
        witness = Witness(simulator.device, (IDENTITY_ADDRESS, IDENTITY), STATUS_BLOCK, limits)
        proxy = ChaosProxy(0, seed=row.seed + k, identity=IDENTITY_ADDRESS, sensor=SENSOR_ADDRESS, observer=witness)
        return Place(simulator, proxy, witness, Control(simulator).handlers)

    async def _watch(self) -> None:
        due_s = time.monotonic()
        while True:
            due_s += STEP_S
            for place in self._places:
                place.witness.look()
            await asyncio.sleep(due_s - time.monotonic())
            late_s = time.monotonic() - due_s
            if late_s > STALL_S:
                self._stalls.append((time.time(), round(late_s, 3)))
                due_s += late_s

    async def _ports(self, _order: Order, _peer: Peer) -> Order:
        return _stamped({"ports": [place.proxy.port for place in self._places]})

    async def _stalled(self, _order: Order, _peer: Peer) -> Order:
        return _stamped({"stalls": self._stalls[-STALLS_KEPT:]})

    async def _toxic(self, order: Order, _peer: Peer) -> Order:
        kind = order.get("kind")
        if kind is not None and kind not in TOXICS:
            raise CoolantdError(f"toxic: kind = {kind!r:.60}, allowed: null or one of {', '.join(Kind)}")
        await self._at(order).proxy.use(HARMLESS if kind is None else TOXICS[Kind(kind)])
        return _stamped({"ok": True})

    async def _device(self, order: Order, peer: Peer) -> Order:
        inner = order.get("order")
        handler = self._at(order).control.get(inner.get("command", "")) if isinstance(inner, dict) else None
        if handler is None or not isinstance(inner, dict):
            raise CoolantdError(f"device: order = {inner!r:.60}, allowed: an order of the simulator's control socket")
        return _stamped(await handler(inner, peer))

    async def _report(self, order: Order, _peer: Peer) -> Order:
        place = self._at(order)
        state = {key: item for key, item in place.simulator.state().items() if key != "writes"}
        return _stamped({**place.witness.report(), "device": state})

    def _at(self, order: Order) -> Place:
        cdu = order.get("cdu")
        if isinstance(cdu, bool) or not isinstance(cdu, int) or not 0 <= cdu < len(self._places):
            raise CoolantdError(f"cdu = {cdu!r:.60}, allowed: 0 to {len(self._places) - 1}")
        return self._places[cdu]


def _stamped(reply: Order) -> Order:
    return {**reply, "at_s": time.monotonic()}


async def serve(options: argparse.Namespace) -> None:
    """Serve a row until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    ports = [int(port) for port in options.ports.split(",") if port]
    row = Row(
        RowSettings(
            count=options.count,
            seed=options.seed,
            profiles_dir=options.profiles_dir,
            period_s=options.period_s,
            refresh_s=options.refresh_s,
            ports=ports,
            mqtt_port=options.mqtt_port,
        )
    )
    async with row:
        control = ControlSocket(options.control, handlers=row.handlers)
        await control.start()
        try:
            await stop.wait()
        finally:
            await control.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve a row of virtual CDUs behind proxies that go wrong.")
    parser.add_argument("control", type=Path)
    parser.add_argument("profiles_dir", type=Path)
    parser.add_argument("--count", type=int, default=4, choices=range(1, COUNT_MAX + 1), metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--period-s", type=float, default=0.5)
    parser.add_argument("--refresh-s", type=float, default=0.5)
    parser.add_argument("--ports", default="", help="comma-separated, one for each CDU; left out: free ones")
    parser.add_argument("--mqtt-port", type=int, default=None, help="broker of the first CDU's rack manifold")
    asyncio.run(serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()

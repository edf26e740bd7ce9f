"""The daemon among virtual wires: how one is started, killed and told. Knows the daemon's makers; judges nothing."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from coolantd.app import Daemon
from coolantd.clock import Clock
from coolantd.control.stages import Stages
from coolantd.device.modbus import ModbusTcpLink
from coolantd.device.mqtt_connection import Connect, MqttConnection
from coolantd.service.cycle import Cycle
from coolantd.service.link import Link
from coolantd.service.links import TcpWay, Way
from coolantd.service.state_format import Moment
from coolantd.service.surroundings import Surroundings
from coolantd.sim.dst.broker import Broker
from coolantd.sim.dst.loop import VirtualClock, VirtualLoop
from coolantd.sim.dst.network import Network
from coolantd.sim.dst.outside import AlarmTape, Desk, Disk, Manager, Prepared, Shelf, Unwatched
from coolantd.sim.dst.scene import Scene

BROKEN_LINE: Final = "\nthis is no TOML\n"


class Site:
    """One daemon at a time, and what it stands on.

    Args:
        path: its configuration file.
        stages: kernels for it.
        seed: of its own jitter.
        make: returns a daemon; the real one unless a test brings a broken one.

    Attributes:
        network, broker, disk: what it touches. began_s: when the present daemon began.
        scenes: its CDUs.
        fed: the watchdog was fed since somebody last looked.
    """

    def __init__(
        self,
        path: Path,
        *,
        loop: VirtualLoop,
        clock: VirtualClock,
        network: Network,
        broker: Broker | None,
        stages: Stages,
        seed: int,
        make: Callable[..., Daemon] = Daemon,
    ) -> None:
        self.path, self.loop, self.clock, self.network, self.broker = path, loop, clock, network, broker
        self.disk, self.shelf, self.alarms = Disk(), Shelf(), AlarmTape(loop.time)
        self.scenes: list[Scene] = []
        self.began_s = loop.time()
        self.fed = False
        self._stages, self._seed, self._make = stages, seed, make
        self._lives = 0
        self._desks: list[Desk] = []
        self._prepared: Prepared | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def cycle(self) -> Cycle | None:
        """Return the present daemon's cycle; None before its first moments are over."""
        return None if self._prepared is None else self._prepared.cycle

    @property
    def desk(self) -> Desk | None:
        """Return the present daemon's listeners."""
        return self._desks[-1] if self._desks and self._task is not None else None

    @property
    def over(self) -> bool:
        """Return whether the daemon has ended by itself."""
        return self._task is not None and self._task.done()

    def start(self) -> None:
        """Start a daemon."""
        self._lives += 1
        self.began_s = self.loop.time()
        self._prepared = Prepared(self._stages)
        connect: Connect = MqttConnection if self.broker is None else self.broker.connect
        around = Surroundings(
            make_link=self._link,
            connect=connect,
            listeners=self._listen,
            records=self.disk.journal,
            store=self.disk.store,
            moment=self._moment,
            watches=Unwatched,
            requests=self.shelf,
            history=self.alarms,
            supervisor=lambda: Manager(self._feed),
            compiler=self._prepared,
        )
        rng = random.Random(f"{self._seed} {self._lives}")  # noqa: S311 - jitter
        daemon = self._make(self.path, clock=self.clock, rng=rng, surroundings=around)
        self._task = asyncio.create_task(daemon.run(), name="daemon")

    async def stop(self) -> None:
        """Have the daemon stop as SIGTERM does; raise what it ended with."""
        if self._task is None:
            return
        self.loop.signals[signal.SIGTERM]()
        await self._task
        self._task = None

    def kill(self, away_s: float) -> None:
        """End the daemon at once and leave no word of it on any wire; start another one later."""
        task, self._task = self._task, None
        if task is None:
            return
        self._prepared = None
        self.network.silence()
        task.cancel()
        self.loop.create_task(self._bury(task, away_s))

    def tidy_up(self) -> None:
        """Have an operator acknowledge whatever waits for it, and open its latch; a leak has an order of its own."""
        desk = self.desk
        if desk is not None and self.cycle is not None:
            self.loop.create_task(_acknowledge(desk))

    def hang_up(self) -> None:
        """Send SIGHUP, if there is anybody to take it."""
        if self._task is not None and signal.SIGHUP in self.loop.signals:
            self.loop.signals[signal.SIGHUP]()

    def rewrite(self, text: Callable[[str], str]) -> None:
        """Change the configuration file."""
        self.path.write_text(text(self.path.read_text()))

    async def _bury(self, task: "asyncio.Task[None]", away_s: float) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self.network.speak()
        await asyncio.sleep(away_s)
        self.start()

    def _moment(self, clock: Clock) -> Moment:
        return Moment(wall_s=clock.wall_s(), boottime_s=clock.now_s(), boot_id="dst")

    def _feed(self) -> None:
        self.fed = True

    def _link(self, way: Way, clock: Clock, pulse: Callable[[], None]) -> Link:
        if not isinstance(way, TcpWay):
            raise TypeError(f"{way.name}: no virtual serial line")
        return ModbusTcpLink(way.host, way.port, clock=clock, pulse=pulse, dial=self.network.dial)

    def _listen(self, *args: object, **kwargs: object) -> Desk:
        desk = Desk(*args, **kwargs)  # type: ignore[arg-type]
        self._desks.append(desk)
        return desk


async def _acknowledge(desk: Desk) -> None:
    for alarm in desk.view().alarms.alarms:
        if alarm.kind.startswith("leak_"):
            continue
        await desk.order("alarm_ack", tags=[alarm.tag], owner="operator")

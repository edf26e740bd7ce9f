"""What a daemon stands on: the makers of everything by which it touches the world. Knows them; decides nothing.

A site takes them as they are. A simulation of the whole daemon brings its own wires, broker, disk and listeners, and
so runs the very same daemon without any of these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from coolantd.clock import Clock
from coolantd.config.line_models import ProxyConfig
from coolantd.config.models import Config
from coolantd.device.mqtt_connection import Connect, MqttConnection
from coolantd.service.alarm_history import AlarmHistory
from coolantd.service.alarm_room import HistoryMaker
from coolantd.service.boot import present_moment
from coolantd.service.control_socket import Handler
from coolantd.service.cycle import Cycle
from coolantd.service.faces import Faces
from coolantd.service.journal import Journal, Recorder
from coolantd.service.keeper import Store
from coolantd.service.kernel_exchange import exchange
from coolantd.service.links import LinkMaker, make_link
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.request_files import RequestFiles, RequestStore
from coolantd.service.state_file import StateFile
from coolantd.service.state_format import Moment
from coolantd.service.systemd import Notifier
from coolantd.service.view import DaemonView
from coolantd.service.vitals import ServiceFault, Vitals


class Listeners(Protocol):
    """What people and programs talk to; see ``Faces``."""

    async def start(self) -> None:
        """Open every listener; raises CoolantdError if one cannot be."""
        ...

    async def change(self, proxies: Sequence[ProxyConfig]) -> None:
        """Go over to other proxies; raises CoolantdError, and then nothing is changed."""
        ...

    async def stop(self) -> None:
        """Close every listener."""
        ...


class ListenersMaker(Protocol):
    """Makes the listeners."""

    def __call__(
        self,
        config: Config,
        *,
        view: Callable[[], DaemonView],
        handlers: Mapping[str, Handler],
        allowed_gid: int,
        device: Callable[[str], ModbusDevice | None],
        clock: Clock,
        metrics: Metrics,
    ) -> Listeners:
        """Return them, none open yet."""
        ...


class Records(Recorder, Protocol):
    """A journal; see ``Journal``."""

    def start(self) -> None:
        """Begin to keep records."""
        ...

    def stop(self) -> None:
        """Keep what is still to be kept, within its time."""
        ...


class RecordsMaker(Protocol):
    """Makes the journal."""

    def __call__(self, path: Path, *, wall_s: Callable[[], float], on_loss: Callable[[int], Any]) -> Records:
        """Return it, not started yet."""
        ...


class StoreMaker(Protocol):
    """Makes the place of what survives a restart."""

    def __call__(self, path: Path, *, on_saved: Callable[[], Any], on_failed: Callable[[], Any]) -> Store:
        """Return it, not started yet."""
        ...


class Watches(Protocol):
    """What watches the process itself; see ``Vitals``."""

    def start(self) -> None:
        """Begin to watch."""
        ...

    def stop(self) -> None:
        """Watch no longer."""
        ...

    def watch(self, now_s: float) -> None:
        """Look once; called after every cycle."""
        ...

    def well(self) -> bool:
        """Return whether the watchdog may be fed."""
        ...

    def faults(self) -> tuple[ServiceFault, ...]:
        """Return every fault there can be, and whether it is there."""
        ...


class WatchesMaker(Protocol):
    """Makes the watches."""

    def __call__(self, metrics: Metrics, journal: Recorder, pulse: Callable[[str], None]) -> Watches:
        """Return them, not started yet."""
        ...


class RequestsMaker(Protocol):
    """Makes the place where requests to others are laid down."""

    def __call__(self, directory: Path) -> RequestStore:
        """Return it, not started yet."""
        ...


class Supervisor(Protocol):
    """The service manager; see ``Notifier``."""

    def ready(self, status: str) -> None:
        """Say that start-up or a reload is complete."""
        ...

    def reloading(self) -> None:
        """Say that a reload begins."""
        ...

    def stopping(self) -> None:
        """Say that the daemon is shutting down."""
        ...

    def watchdog(self) -> None:
        """Feed the watchdog."""
        ...


class Compiler(Protocol):
    """Exchanges the interpreted law for a compiled one; see ``exchange``."""

    async def __call__(self, base: Path, cycle: Cycle, metrics: Metrics) -> bool:
        """Return whether the cycle uses a compiled law now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """One maker of each kind."""

    make_link: LinkMaker = make_link
    connect: Connect = MqttConnection
    listeners: ListenersMaker = Faces
    records: RecordsMaker = Journal
    store: StoreMaker = StateFile
    requests: RequestsMaker = RequestFiles
    moment: Callable[[Clock], Moment] = present_moment
    supervisor: Callable[[], Supervisor] = Notifier
    history: HistoryMaker = AlarmHistory
    compiler: Compiler = exchange
    watches: WatchesMaker = Vitals

"""What surrounds the daemon besides its wires: disk, supervisor, listeners, compiler. Knows their manners only.

Everything happens in the caller's turn; a thread's luck, a port that is taken and a slow disk have no place here
unless somebody asks for them.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from coolantd.clock import Clock
from coolantd.config.line_models import ProxyConfig
from coolantd.config.models import Config
from coolantd.control.stages import Stages
from coolantd.errors import CoolantdError
from coolantd.service.alarm_history import Query, Row
from coolantd.service.control_socket import Handler
from coolantd.service.cycle import Cycle
from coolantd.service.http import HttpFace, Reply
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.peer import Peer
from coolantd.service.view import DaemonView
from coolantd.service.vitals import ServiceFault

OPERATOR: Final = Peer(pid=4242, uid=1000, gid=1000)
RECORDS_KEPT: Final = 5000


class Disk:
    """Where records go.

    Attributes:
        full: nothing can be written.
        records: what was, the latest of it.
        lost: what could not be. kept: what survives a restart.
    """

    def __init__(self) -> None:
        self.kept: bytes | None = None
        self.full = False
        self.records: deque[tuple[str, dict[str, Any]]] = deque(maxlen=RECORDS_KEPT)
        self.lost = 0

    def journal(self, path: Path, *, wall_s: Callable[[], float], on_loss: Callable[[int], Any]) -> "_Records":
        """Return a journal on this disk."""
        del path
        return _Records(self, wall_s, on_loss)

    def store(self, path: Path, *, on_saved: Callable[[], Any], on_failed: Callable[[], Any]) -> "_Store":
        """Return the place of what survives a restart."""
        del path
        return _Store(self, on_saved, on_failed)


class _Records:
    def __init__(self, disk: Disk, wall_s: Callable[[], float], on_loss: Callable[[int], Any]) -> None:
        self._disk = disk
        self._wall_s = wall_s
        self._on_loss = on_loss

    def start(self) -> None:
        """Do nothing: there is no worker."""

    def record(self, event: str, **fields: Any) -> None:
        if self._disk.full:
            self._disk.lost += 1
            self._on_loss(1)
        else:
            self._disk.records.append((event, {"time_s": self._wall_s(), **fields}))

    def stop(self) -> None:
        """Do nothing: nothing waits."""


class _Store:
    def __init__(self, disk: Disk, on_saved: Callable[[], Any], on_failed: Callable[[], Any]) -> None:
        self._disk = disk
        self._on_saved = on_saved
        self._on_failed = on_failed

    async def read(self, bytes_max: int) -> bytes | None:
        return None if self._disk.kept is None else self._disk.kept[: bytes_max + 1]

    async def set_aside(self) -> None:
        self._disk.kept = None

    def start(self) -> None:
        """Do nothing: there is no worker."""

    def save(self, data: bytes) -> None:
        if self._disk.full:
            self._on_failed()
        else:
            self._disk.kept = data
            self._on_saved()

    def stop(self) -> None:
        """Do nothing: nothing waits."""


class Shelf:
    """Where requests to others are laid down.

    Attributes:
        lying: those that lie there now, by name.
    """

    def __init__(self) -> None:
        self.lying: dict[str, bytes] = {}

    def __call__(self, directory: Path) -> "Shelf":
        """Return itself: it outlives the daemon."""
        del directory
        return self

    def start(self) -> None:
        """Forget what an earlier process asked for."""
        self.lying.clear()

    def put(self, name: str, data: bytes) -> None:
        """Lay a request down."""
        self.lying[name] = data

    def remove(self, name: str) -> None:
        """Take it back."""
        self.lying.pop(name, None)

    def stop(self) -> None:
        """Do nothing: nothing waits."""


class AlarmTape:
    """Takes every event of every alarm.

    Args:
        now_s: monotonic time; what a row says of itself is wall time, which somebody may set.

    Attributes:
        fresh: (time, event) since somebody last took them.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.fresh: list[tuple[float, Row]] = []
        self._now_s = now_s

    def __call__(self, path: Path, *, on_loss: Callable[[int], Any]) -> "AlarmTape":
        """Return itself: it outlives the daemon."""
        del path, on_loss
        return self

    def start(self) -> None:
        """Do nothing: there is no worker."""

    def record(self, rows: Sequence[Row]) -> None:
        """Keep these."""
        self.fresh += [(self._now_s(), row) for row in rows]

    async def read(self, query: Query) -> list[dict[str, Any]]:
        """Return nothing: nobody reads it here."""
        del query
        return []

    def stop(self) -> None:
        """Do nothing: nothing waits."""

    def take(self) -> list[tuple[float, Row]]:
        """Return what is new."""
        taken, self.fresh = self.fresh, []
        return taken


class Unwatched:
    """Nothing watches the process: it has no thread, no heap of its own and no other clock here."""

    def __init__(self, metrics: Metrics, journal: Recorder, pulse: Callable[[str], None]) -> None:
        del metrics, journal, pulse

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def watch(self, now_s: float) -> None:
        """Do nothing."""

    def well(self) -> bool:
        """Return True."""
        return True

    def faults(self) -> tuple[ServiceFault, ...]:
        """Return none."""
        return ()


class Manager:
    """The service manager.

    Attributes:
        fed: called whenever the watchdog is fed.
        ready_count: how often start-up or a reload was said to be complete.
    """

    def __init__(self, fed: Callable[[], None] = lambda: None) -> None:
        self.fed = fed
        self.ready_count = 0

    def ready(self, status: str) -> None:
        """Count it."""
        del status
        self.ready_count += 1

    def reloading(self) -> None:
        """Take note."""

    def stopping(self) -> None:
        """Take note."""

    def watchdog(self) -> None:
        """Be fed."""
        self.fed()


class Desk:
    """The listeners, without a socket: whoever wants to give an order or to scrape calls them here."""

    def __init__(
        self,
        config: Config,
        *,
        view: Callable[[], DaemonView],
        handlers: Mapping[str, Handler],
        allowed_gid: int,
        device: Callable[[str], ModbusDevice | None],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        del allowed_gid, device, clock
        self.view = view
        self._handlers = handlers
        self._http = HttpFace(view=view, metrics=metrics, host=config.http.host, port=config.http.port)

    async def start(self) -> None:
        """Do nothing: nobody else could have the port."""

    async def change(self, proxies: Sequence[ProxyConfig]) -> None:
        """Do nothing: there are none."""

    async def stop(self) -> None:
        """Do nothing."""

    async def order(self, command: str, **fields: Any) -> dict[str, Any]:
        """Give an order as an operator at the control socket does; a refusal is a reply with ``error``."""
        try:
            return await self._handlers[command]({"command": command, **fields}, OPERATOR)
        except CoolantdError as refused:
            return {"error": str(refused)}

    def get(self, path: str) -> Awaitable[Reply]:
        """Return what a scraper gets."""
        return self._http.answer("GET", path)


class Prepared:
    """Hands over kernels compiled before, at once.

    Attributes:
        cycle: of the daemon that asked; whoever looks on finds control here.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.cycle: Cycle | None = None

    async def __call__(self, base: Path, cycle: Cycle, metrics: Metrics) -> bool:
        """Have the cycle use them."""
        del base
        self.cycle = cycle
        cycle.use_kernels(self._stages)
        metrics.kernel_compiled.set(1)
        return True

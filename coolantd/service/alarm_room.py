"""The alarms of one daemon, put together: sources, desk, history and orders. Knows them; decides nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from coolantd.clock import Clock
from coolantd.service.alarm_desk import AlarmDesk, Historian
from coolantd.service.alarm_latches import Latches
from coolantd.service.alarm_requests import AlarmRequests, Reader
from coolantd.service.alarm_sources import AlarmSources, Sources
from coolantd.service.alarm_table import DEFINITIONS
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.control_socket import Handler
from coolantd.service.cycle import Cycle
from coolantd.service.fleet import Fleet
from coolantd.service.journal import Recorder
from coolantd.service.keeper import Section
from coolantd.service.memory_trend import resident_bytes
from coolantd.service.metrics import Metrics
from coolantd.service.request_view import RequestView
from coolantd.service.view import ReloadView
from coolantd.service.vitals import ServiceFault

HISTORY_FILE: Final = "alarms.db"


class History(Historian, Reader, Protocol):
    """Keeps and tells events; see ``AlarmHistory``."""

    def start(self) -> None:
        """Begin to keep events."""
        ...

    def stop(self) -> None:
        """Keep what is still to be kept, within its time."""
        ...


class HistoryMaker(Protocol):
    """Makes the history."""

    def __call__(self, path: Path, *, on_loss: Callable[[int], Any]) -> History:
        """Return it, not started yet."""
        ...


class AlarmRoom:
    """Everything about alarms.

    Args:
        folder: where the history is kept.
        make_history: makes it.
        reload: returns what became of the last load of the configuration.
        requests: returns what is asked of others at a monotonic time.
        faults: returns what is wrong with the process itself.
        begun_s: monotonic time of the daemon's start.

    Attributes:
        desk: to be fed after every cycle, by ``desk.look``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        make_history: HistoryMaker,
        cycle: Cycle,
        fleet: Fleet,
        reload: Callable[[], ReloadView],
        requests: Callable[[float], tuple[RequestView, ...]],
        faults: Callable[[], tuple[ServiceFault, ...]],
        metrics: Metrics,
        journal: Recorder,
        clock: Clock,
        begun_s: float,
    ) -> None:
        self._clock = clock
        self._history = make_history(folder / HISTORY_FILE, on_loss=metrics.alarm_events_lost.inc)
        sources = AlarmSources(
            Sources(
                cycle=cycle,
                devices=fleet.views,
                reload=reload,
                broker=lambda: None if fleet.mqtt is None else fleet.mqtt.link.connected,
                requests=requests,
                faults=faults,
                metrics=metrics,
                wall_s=clock.wall_s,
                memory_bytes=resident_bytes,
            )
        )
        self.desk = AlarmDesk(
            definitions=DEFINITIONS,
            signals=sources.collect,
            history=self._history,
            metrics=metrics,
            wall_s=clock.wall_s,
            begun_s=begun_s,
        )
        self._requests = AlarmRequests(
            self.desk,
            self._history,
            journal=journal,
            now_s=clock.now_s,
            subjects=sources.subjects,
            release_latch=Latches(cycle).release,
        )

    def start(self) -> None:
        """Begin to keep the history."""
        self._history.start()

    def stop(self) -> None:
        """Keep what is still to be kept, within ``alarm_history.STOP_S``."""
        self._history.stop()

    def view(self) -> AlarmsView:
        """Return every alarm that is not normal."""
        return self.desk.view(self._clock.now_s())

    def handlers(self) -> dict[str, Handler]:
        """Return the orders of the control socket about alarms."""
        return self._requests.handlers()

    def section(self) -> Section:
        """Return what survives a restart."""
        return Section(name="alarms", keep=self.desk.keep, restore=self.desk.restore)

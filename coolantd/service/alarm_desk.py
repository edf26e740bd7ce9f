"""The operator's desk for alarms: fed once a cycle, it keeps the book, writes the history and takes orders.

A watcher: it changes no command, waits for nothing, and whatever goes wrong in it is counted and ends there (I13).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from coolantd.safety import alarm_memory, alarms
from coolantd.safety.alarm_book import AlarmBook, Change, Signal
from coolantd.safety.alarm_definition import Definitions, Key, Priority
from coolantd.safety.alarm_orders import Outcome
from coolantd.safety.alarm_relations import announced
from coolantd.service.alarm_history import Row
from coolantd.service.alarm_view import AlarmsView, alarms_view
from coolantd.service.metrics import Metrics

REFRESH_S: Final = 300.0
"""What is kept for a restart is made anew at every change, and this often for the sake of its ages."""
REFRESH_SHELVED_S: Final = 60.0
"""The same while something is shelved: a shelf ends at most this late for a restart."""

log: Final = structlog.get_logger()

Json = dict[str, Any]


class Historian(Protocol):
    """Who keeps events; see ``AlarmHistory``."""

    def record(self, rows: Sequence[Row]) -> None:
        """Keep these; may lose them, never blocks and never raises."""
        ...


class AlarmDesk:
    """Owner of the alarm book.

    Args:
        definitions: of every kind there is.
        signals: returns what is so at a monotonic time.
        history: told of every change.
        metrics: counts what is announced, and failures.
        wall_s: seconds since the epoch, for the history.
        begun_s: monotonic time of the daemon's start.

    Attributes:
        book: as the last cycle or order left it.
    """

    def __init__(
        self,
        *,
        definitions: Definitions,
        signals: Callable[[float], Mapping[Key, Signal]],
        history: Historian,
        metrics: Metrics,
        wall_s: Callable[[], float],
        begun_s: float,
    ) -> None:
        self.definitions = definitions
        self.book = AlarmBook(begun_s)
        self._signals = signals
        self._history = history
        self._metrics = metrics
        self._wall_s = wall_s
        self._now_s = begun_s
        self._kept: Json = {"alarms": []}
        self._kept_s = float("-inf")

    def look(self, now_s: float) -> None:
        """Take in what is so now; called after every cycle."""
        try:
            self._now_s = now_s
            self._take(*alarms.advance(self.definitions, self.book, self._signals(now_s), now_s))
        except Exception as error:
            self._metrics.alarm_failures.inc()
            log.exception("alarms_failed", fault=type(error).__name__, effect="control goes on; alarms stand still")

    def order(self, outcome: Outcome) -> str:
        """Take over what an order came to, and return why it was refused; empty if it was not."""
        self._take(outcome.book, outcome.changes)
        return outcome.problem

    def view(self, now_s: float) -> AlarmsView:
        """Return every alarm that is not normal."""
        return alarms_view(self.definitions, self.book, now_s)

    def keep(self) -> Json:
        """Return what is to be known after a restart; the same until something changes or its ages are out of date."""
        shelved = any(alarm.hold is not None for alarm in self.book.alarms.values())
        if self._now_s - self._kept_s >= (REFRESH_SHELVED_S if shelved else REFRESH_S):
            self._kept, self._kept_s = alarm_memory.keep(self.book, self._now_s), self._now_s
        return self._kept

    def restore(self, kept: Json, age_s: float) -> None:
        """Take back what an earlier run kept; of unknown age means just now, so that nothing is forgotten."""
        age_s = age_s if age_s > 0.0 else 0.0  # NaN is not above
        self.book = alarm_memory.restore(self.definitions, self.book, kept, age_s, self._now_s)
        self._kept_s = float("-inf")

    def _take(self, book: AlarmBook, changes: Sequence[Change]) -> None:
        self.book = book
        if not changes:
            return
        self._kept_s = float("-inf")
        self._history.record([self._row(change) for change in changes])
        for change in changes:
            if announced(change):
                self._announce(change)

    def _announce(self, change: Change) -> None:
        priority = self.definitions[change.key.kind].priority
        self._metrics.alarms_announced.labels(priority.label).inc()
        if priority <= Priority.HIGH:
            log.warning("alarm", reason=change.key.tag, priority=priority.label, detail=change.alarm.detail)

    def _row(self, change: Change) -> Row:
        hold = change.alarm.hold
        return Row(
            time_s=round(self._wall_s(), 3),
            kind=change.key.kind,
            subject=change.key.subject,
            priority=self.definitions[change.key.kind].priority.label,
            event=change.event.label,
            state_before=change.before.label,
            state=change.alarm.state.label,
            detail=change.alarm.detail,
            first_out=change.alarm.first_out,
            uid=change.uid if change.uid >= 0 else None,
            owner="" if hold is None else hold.owner,
            reason="" if hold is None else hold.reason,
        )

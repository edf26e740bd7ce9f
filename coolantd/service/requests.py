"""Carries what the control law asks of others out of the house: a message, and a file for a systemd unit of the site.

Called after every cycle with what is wanted now; it changes no command and never waits. A request goes out at once and
again and again until it is confirmed: by a message, or because what was asked for is measured to be so. One that ends
is withdrawn the same two ways. Every beginning, answer and end is in the journal.

Topics below the daemon's own, none of them retained, QoS 1:

- ``request/KIND/ABOUT/NAME``: ``{"id", "kind", "about", "name", "wanted": true, "attempt", "timestamp_ms", …facts}``;
  ``wanted`` is false in the last one. KIND is a ``Request`` label, ABOUT ``cdu`` or ``leak_zone``.
- ``request/KIND/ABOUT/NAME/confirm``, to us: ``{"id", "done": true}`` with the same id.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog

from coolantd.clock import Clock
from coolantd.device.mqtt import Message, MqttLink
from coolantd.safety.requests import Request
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.request_files import RequestStore
from coolantd.service.request_view import RequestView

QUICK_S: Final = 2.0
"""Between two messages at first: QoS 1 may be lost with a broker, and the receiver with its own restart."""
PATIENCE_S: Final = 30.0
"""Unanswered for this long is told once. Who cuts power has done it by then, or never will."""
SLOW_S: Final = 60.0
"""Between two from then on, and between two renewals of the file: for as long as it is wanted."""
CONFIRM_BYTES_MAX: Final = 1024
"""A confirmation is some sixty bytes."""

CDU: Final = "cdu"
LEAK_ZONE: Final = "leak_zone"

Key = tuple[Request, str, str]
Broker = Callable[[], tuple[MqttLink, str] | None]
Attend = Callable[[Mapping[str, Callable[[Message], None]]], None]

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request that stands now.

    Attributes:
        about: ``cdu`` or ``leak_zone``. name: of it.
        confirmed: what is asked for is measured, or was told, to be so.
        judged: whether ``confirmed`` is the last word. Where nothing measures it, an answer is.
        facts: what a receiver may want to know, JSON's types only.
    """

    kind: Request
    about: str
    name: str
    confirmed: bool
    judged: bool
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Return what it is remembered by."""
        return self.kind, self.about, self.name


@dataclass(slots=True)
class _Standing:
    wanted: Wanted
    number: str
    since_s: float
    next_s: float
    next_file_s: float
    attempts: int = 0
    answered: bool = False
    told: bool = False
    told_confirmed: bool = False

    @property
    def confirmed(self) -> bool:
        return self.wanted.confirmed or (self.answered and not self.wanted.judged)


class RequestDesk:
    """Sends requests and hears confirmations.

    Args:
        broker: returns the link to publish on and the daemon's topic, None while there is none.
        attend: hears topics: called with a handler for each, in place of all before.
        files: where requests are laid down as files.
        confirmed: told of a request that somebody has confirmed by message.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Recorder,
        metrics: Metrics,
        broker: Broker,
        attend: Attend,
        files: RequestStore,
        confirmed: Callable[[Wanted], None],
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._metrics = metrics
        self._broker = broker
        self._attend = attend
        self._files = files
        self._confirmed = confirmed
        self._standing: dict[Key, _Standing] = {}
        self._link: MqttLink | None = None
        self._number = 0

    def follow(self, wanted: Iterable[Wanted], now_s: float) -> None:
        """Take what is wanted in this cycle: begin, repeat, end."""
        before, self._standing = self._standing, {}
        changed = False
        for each in wanted:
            standing = before.pop(each.key, None)
            if standing is None:
                standing, changed = self._begin(each, now_s), True
            standing.wanted = each
            self._standing[each.key] = standing
        for standing in before.values():
            self._end(standing, now_s)
        link = self._broker()
        if changed or before or (self._standing and link is not None and link[0] is not self._link):
            self._listen(link)
        for standing in self._standing.values():
            self._go_on(standing, now_s)

    def views(self, now_s: float) -> tuple[RequestView, ...]:
        """Return every request that stands."""
        return tuple(
            RequestView(
                kind=each.wanted.kind.label,
                about=each.wanted.about,
                name=each.wanted.name,
                confirmed=each.confirmed,
                attempts=each.attempts,
                age_s=now_s - each.since_s,
            )
            for each in self._standing.values()
        )

    def _begin(self, wanted: Wanted, now_s: float) -> _Standing:
        self._number += 1
        number = f"{round(self._clock.wall_s() * 1000.0)}-{self._number}"
        self._tell("request_began", wanted, warn=True, id=number, **wanted.facts)
        return _Standing(wanted, number, now_s, now_s, now_s)

    def _go_on(self, standing: _Standing, now_s: float) -> None:
        if standing.confirmed:
            if not standing.told_confirmed:
                self._tell("request_confirmed", standing.wanted, warn=False, after_s=round(now_s - standing.since_s, 3))
            standing.told_confirmed = True
            return
        if standing.told_confirmed:  # what was asked for was so, and is so no longer: it is asked for anew
            standing.told_confirmed = standing.told = standing.answered = False
            standing.since_s = standing.next_s = standing.next_file_s = now_s
        unanswered = now_s - standing.since_s >= PATIENCE_S
        if unanswered and not standing.told:
            standing.told = True
            self._tell("request_unanswered", standing.wanted, warn=True, attempts=standing.attempts)
        if now_s >= standing.next_s:
            standing.next_s = now_s + (SLOW_S if unanswered else QUICK_S)
            standing.attempts += 1
            self._metrics.request_attempts.labels(standing.wanted.kind.label).inc()
            self._publish(standing, wanted=True)
        if now_s >= standing.next_file_s:
            standing.next_file_s = now_s + SLOW_S
            self._files.put(_file_name(standing.wanted.key), self._message(standing, wanted=True))

    def _end(self, standing: _Standing, now_s: float) -> None:
        self._tell("request_ended", standing.wanted, warn=False, after_s=round(now_s - standing.since_s, 3))
        self._files.remove(_file_name(standing.wanted.key))
        self._publish(standing, wanted=False)

    def _publish(self, standing: _Standing, *, wanted: bool) -> None:
        way = self._broker()
        if way is not None:
            link, topic = way
            link.publish(f"{topic}/{_topic(standing.wanted.key)}", self._message(standing, wanted=wanted), qos=1)

    def _message(self, standing: _Standing, *, wanted: bool) -> bytes:
        kind, about, name = standing.wanted.key
        return orjson.dumps(
            {
                **standing.wanted.facts,
                "id": standing.number,
                "kind": kind.label,
                "about": about,
                "name": name,
                "wanted": wanted,
                "attempt": standing.attempts,
                "timestamp_ms": round(self._clock.wall_s() * 1000.0),
            }
        )

    def _listen(self, way: tuple[MqttLink, str] | None) -> None:
        """Hear the confirmations of what stands, on the broker in use."""
        self._link = None if way is None else way[0]
        topic = "" if way is None else way[1]
        self._attend({f"{topic}/{_topic(key)}/confirm": self._hear(key) for key in self._standing})

    def _hear(self, key: Key) -> Callable[[Message], None]:
        def hear(message: Message) -> None:
            standing = self._standing.get(key)
            if standing is None or standing.confirmed or not _confirms(message, standing.number):
                self._metrics.request_answers_refused.inc()
                return
            standing.answered = True
            self._confirmed(standing.wanted)

        return hear

    def _tell(self, event: str, wanted: Wanted, *, warn: bool, **fields: Any) -> None:
        named = {"kind": wanted.kind.label, "about": wanted.about, "name": wanted.name}
        (log.warning if warn else log.info)(event, **named, **fields)
        self._journal.record(event, **named, **fields)


def _topic(key: Key) -> str:
    return f"request/{key[0].label}/{key[1]}/{key[2]}"


def _file_name(key: Key) -> str:
    """Return a name without a slash that is its own instance of a systemd template."""
    return f"{key[0].label}.{key[1]}.{key[2]}"


def _confirms(message: Message, number: str) -> bool:
    """Return whether a message confirms a request: live, small, well-formed and of the same id (FM-34, FM-35)."""
    if message.retained or len(message.payload) > CONFIRM_BYTES_MAX:
        return False
    try:
        said = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and said.get("id") == number and said.get("done") is True
